//! A job as a customer is shown it before they sign, and as it compares with what was signed.

use std::collections::HashSet;

use super::{Job, TaxMode, tax_of};
use crate::schema::minor_units;
use crate::seal::{
    Changes, CurrentRendering, LISTED, Seal, Shown, ShownJob, ShownLine, ShownTotal, ShownWork,
    Signer,
};
use crate::seal::{FINDINGS, VERSION, WITHOUT_MODE, Whole, cut};

impl Shown {
    /// What a signer is to see of a job as it stands.
    pub fn of(job: &Job, signer: Signer) -> Self {
        let version = if job.tax_mode.is_some() { VERSION } else { WITHOUT_MODE };
        Self::whole(job, signer).in_version(version.into())
    }

    /// The job in the latest version, whether it needs it or not.
    pub(crate) fn whole(job: &Job, signer: Signer) -> Self {
        let parts = job.parts.iter().filter(|part| part.billed).map(|part| ShownLine {
            id: part.id,
            part_no: part.part_no.clone(),
            description: part.description.clone(),
            quantity: Some(part.quantity),
            unit: part.unit.clone(),
            unit_price: part.unit_price,
            amount: part.amount,
            tax_rate: part.tax_rate,
            tax_millipercent: part.tax_millipercent,
            tax: part.tax,
            serial: part.serial.clone(),
            contained_tax: contained(part.amount, part.tax_rate),
            currency: part.currency.clone(),
        });
        let charges = job.charges.iter().filter(|charge| charge.billed).map(|charge| ShownLine {
            id: charge.id,
            part_no: charge.kind.clone(),
            description: charge.description.clone(),
            quantity: charge.quantity,
            unit: None,
            unit_price: charge.unit_price,
            amount: charge.amount,
            tax_rate: charge.tax_rate,
            tax_millipercent: charge.tax_millipercent,
            tax: charge.tax,
            serial: None,
            contained_tax: contained(charge.amount, charge.tax_rate),
            currency: charge.currency.clone(),
        });
        let own = job.assignment.as_ref().and_then(|it| it.technician);
        let others = job.superseded.iter().filter_map(|it| it.assignment.technician);
        let others: HashSet<_> = others.filter(|other| Some(*other) != own).collect();
        let mut work = Vec::new();
        let mut whole = Vec::with_capacity(job.work.len());
        let mut more = 0;
        for finding in &job.work {
            let line = ShownWork {
                id: finding.id,
                kind: finding.kind.clone(),
                text: finding.text.clone(),
                value: finding.value,
            };
            let is_of_another = finding.by.is_some_and(|by| others.contains(&by));
            if !is_of_another && work.len() < FINDINGS {
                work.push(ShownWork { text: line.text.as_deref().map(cut), ..line.clone() });
            } else if !is_of_another {
                more += 1;
            }
            whole.push(line);
        }
        let (mut parts, mut charges): (Vec<_>, Vec<_>) = (parts.collect(), charges.collect());
        let descriptions = [&mut parts, &mut charges].map(|lines| {
            let cut_one = |line: &mut ShownLine| {
                let whole = line.description.take();
                line.description = whole.as_deref().map(cut);
                whole
            };
            lines.iter_mut().map(cut_one).collect()
        });
        let totals = job.totals.iter().map(|total| ShownTotal {
            currency: total.currency.clone(),
            amount: total.total,
            tax: total.tax,
            without_tax: total.without_tax,
            minor_units: minor_units(&total.currency),
        });
        let intake = &job.intake;
        Self {
            version: VERSION,
            job: ShownJob {
                id: job.id,
                number: intake.number.clone(),
                plate: job.observed.plate.clone().or_else(|| intake.plate.clone()),
                vin: job.observed.vin.clone().or_else(|| intake.vin.clone()),
                problem: intake.problem.clone(),
            },
            work,
            more_work: (more > 0).then_some(more),
            tax_mode: Some(job.tax_mode.unwrap_or(TaxMode::Inclusive).as_str()),
            parts,
            charges,
            totals: totals.collect(),
            signer,
            whole: Whole { work: whole, descriptions },
        }
    }
}

impl Seal {
    /// How the job as it stands differs from what was signed, the first [`LISTED`] places.
    pub fn changed_since(&self, job: &Job) -> Changes {
        self.changes(&Renderings::of(job).standing(), LISTED)
    }

    /// Whether the job renders to what was signed, in the version of the rendering that it has.
    pub(crate) fn shows(&self, job: &Job) -> bool {
        let shown = Shown::whole(job, self.signer.clone()).in_version(self.version());
        shown.canonical() == self.shown
    }
}

/// A job as it would be shown now, whoever signs, in every version of the rendering.
pub(crate) struct Renderings {
    first: Shown,
    second: Shown,
    latest: Shown,
}

impl Renderings {
    pub fn of(job: &Job) -> Self {
        let whole = Shown::whole(job, Signer::default());
        let [first, second] = [1, 2].map(|version| whole.clone().in_version(version));
        Self { first, second, latest: whole.in_version(u64::MAX) }
    }

    /// Read for comparison with several seals.
    pub fn standing(&self) -> [CurrentRendering<'_>; 3] {
        [&self.first, &self.second, &self.latest].map(CurrentRendering::of)
    }
}

fn contained(amount: Option<i64>, rate: Option<i64>) -> Option<i64> {
    amount.zip(rate).and_then(|(amount, rate)| tax_of(amount, rate))
}
