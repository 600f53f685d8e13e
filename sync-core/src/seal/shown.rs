//! What the customer saw when they signed, as one canonical text (RFC 8785) with a digest.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SealError;
use super::lines::{Line, ShownJob, ShownLine, ShownTotal, ShownWork};
use crate::job::{Job, TaxMode, tax_of};
use crate::limits;
use crate::schema::minor_units;

/// Version of the rendering of a job that has a tax mode: whether prices contain tax, rates in
/// thousandths of a percent, and the minor units of the totals.
const VERSION: u8 = 3;
/// Version of the rendering of all other jobs: 2 added to the lines unit, tax and serial number, and
/// to the totals the tax they contain. It bounds what findings and descriptions take, so that nobody
/// can keep a customer from signing with long ones.
const WITHOUT_MODE: u8 = 2;

/// Characters of a text that are shown; a longer one ends with `…` and how many there are more.
const TEXT_CHARS: usize = 200;
/// Findings that are shown, the first first; more are counted.
const FINDINGS: usize = 16;
/// Parts and charges together that a customer can sign for. Each is shown whole, so more of them do
/// not fit into [`limits::VALUE_BYTES`].
pub const SHEET_LINES: usize = 60;

/// Who signs, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Signer {
    /// Name as given.
    pub name: String,
    /// customer, receiver, owner, driver, guardian.
    pub role: String,
    /// Language of the screen, BCP 47.
    pub language: String,
    /// The sentence they sign, in that language.
    pub statement: String,
}

/// Everything on the screen that is signed.
///
/// The canonical text has the keys in order, no white space, and numbers only up to 2^53; larger
/// ones are text. A later version may add keys; what was signed keeps the text it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    version: u8,
    job: ShownJob,
    work: Vec<ShownWork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_work: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_mode: Option<TaxMode>,
    parts: Vec<ShownLine>,
    charges: Vec<ShownLine>,
    totals: Vec<ShownTotal>,
    signer: Signer,
    /// What version 1 shows in place of it, whole.
    #[serde(skip)]
    whole: Whole,
}

/// What later versions cut.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    work: Vec<ShownWork>,
    /// Descriptions of the parts and the charges.
    descriptions: [Vec<Option<String>>; 2],
}

impl Shown {
    /// What a signer is to see of a job as it stands.
    pub fn of(job: &Job, signer: Signer) -> Self {
        let version = if job.tax_mode.is_some() { VERSION } else { WITHOUT_MODE };
        Self::whole(job, signer).in_version(version.into())
    }

    /// The job in the latest version, whether it needs it or not.
    pub(super) fn whole(job: &Job, signer: Signer) -> Self {
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
            tax_mode: Some(job.tax_mode.unwrap_or(TaxMode::Inclusive)),
            parts,
            charges,
            totals: totals.collect(),
            signer,
            whole: Whole { work: whole, descriptions },
        }
    }

    /// The same job as an earlier version of the rendering shows it. Seals of that version are
    /// compared with this, for ever; a version that is newer than this program's is taken as its own.
    pub(super) fn in_version(mut self, version: u64) -> Self {
        if version >= u64::from(VERSION) {
            for line in self.parts.iter_mut().chain(&mut self.charges) {
                line.tax_rate = None;
                for text in [&mut line.part_no, &mut line.unit, &mut line.serial] {
                    *text = text.as_deref().map(cut);
                }
            }
            return self;
        }
        self.version = WITHOUT_MODE;
        self.tax_mode = None;
        for line in self.parts.iter_mut().chain(&mut self.charges) {
            line.tax_millipercent = None;
            line.tax = contained(line.amount, line.tax_rate);
        }
        self.totals.iter_mut().for_each(|total| total.minor_units = None);
        if version >= u64::from(WITHOUT_MODE) {
            return self;
        }
        self.version = 1;
        self.work = std::mem::take(&mut self.whole.work);
        self.more_work = None;
        let descriptions = std::mem::take(&mut self.whole.descriptions).into_iter().flatten();
        let lines = self.parts.iter_mut().chain(&mut self.charges);
        lines.zip(descriptions).for_each(|(line, whole)| line.description = whole);
        for line in self.parts.iter_mut().chain(&mut self.charges) {
            (line.unit, line.tax_rate, line.tax, line.serial) = (None, None, None, None);
        }
        for charge in &mut self.charges {
            (charge.quantity, charge.unit_price) = (None, None);
        }
        for total in &mut self.totals {
            (total.tax, total.without_tax) = (None, None);
        }
        self
    }

    /// Its lists with their names.
    pub(super) fn lists(&self) -> [(&'static str, Vec<Line<'_>>); 4] {
        [
            ("charges", self.charges.iter().map(Line::Priced).collect()),
            ("parts", self.parts.iter().map(Line::Priced).collect()),
            ("totals", self.totals.iter().map(Line::Total).collect()),
            ("work", self.work.iter().map(Line::Work).collect()),
        ]
    }

    /// What is neither a list nor the signer.
    pub(super) fn without_lists(&self) -> serde_json::Value {
        let mut rest = serde_json::json!({ "version": self.version, "job": self.job });
        if let Some(keys) = rest.as_object_mut() {
            let more = self.more_work.map(|more| ("more_work".to_owned(), more.into()));
            let mode = self.tax_mode.map(|mode| ("tax_mode".to_owned(), mode.as_str().into()));
            keys.extend(more.into_iter().chain(mode));
        }
        rest
    }

    /// Whether a customer can sign for all of it. Ask before the customer does.
    ///
    /// # Errors
    /// [`SealError::TooManyLines`], and [`SealError::TooLarge`] for texts that are too long together.
    pub fn fits(&self) -> Result<(), SealError> {
        let lines = self.parts.len() + self.charges.len();
        if lines > SHEET_LINES {
            return Err(SealError::TooManyLines(lines));
        }
        let length = self.canonical().len();
        if length == 0 || length > limits::VALUE_BYTES {
            return Err(SealError::TooLarge("what is shown"));
        }
        Ok(())
    }

    /// Who signs.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The canonical text.
    pub fn canonical(&self) -> String {
        // Plain structs of text and integers have no way to fail; an empty text never verifies.
        serde_json_canonicalizer::to_string(self).unwrap_or_default()
    }
}

/// The beginning of a text, with how many characters there are more.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… +{}", &text[..at], text[at..].chars().count()),
    }
}

fn contained(amount: Option<i64>, rate: Option<i64>) -> Option<i64> {
    amount.zip(rate).and_then(|(amount, rate)| tax_of(amount, rate))
}

/// Whether a text is JSON in canonical form.
pub(super) fn is_canonical(text: &str) -> bool {
    let parsed = serde_json::from_str::<serde_json::Value>(text).ok();
    let canonical = parsed.and_then(|it| serde_json_canonicalizer::to_string(&it).ok());
    canonical.as_deref() == Some(text)
}

/// SHA-256 of a canonical text.
pub fn digest(canonical: &str) -> [u8; 32] {
    Sha256::digest(canonical.as_bytes()).into()
}
