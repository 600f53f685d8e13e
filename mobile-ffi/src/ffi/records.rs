//! The flat records of the face. Ids are text; times are Unix milliseconds; places are degrees.

use sync_core::check::Unverified;
use sync_core::id::JobId;
use sync_core::job::{Job, JobSummary, Missing};
use sync_core::van::StockLine;

use crate::{Enrolled, Refused};

/// A job as a list shows it.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RescueJob {
    /// Id.
    pub id: String,
    /// Human number within the dealership; none for a walk-up the office has not seen.
    pub number: Option<String>,
    /// `assigned`, `en_route`, `completed` and the like.
    pub state: String,
    /// Opened at the roadside.
    pub walk_up: bool,
    /// How urgent.
    pub priority: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// Licence plate.
    pub plate: Option<String>,
    /// Name of the caller.
    pub caller: Option<String>,
    /// Where, in words.
    pub address: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Whose job it is.
    pub technician: Option<String>,
    /// Latest promised arrival.
    pub promised_by: Option<i64>,
}

/// One job with what its facts come to.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RescueJobDetail {
    /// As the list shows it.
    pub job: RescueJob,
    /// The caller's number, E.164; else as said.
    pub phone: Option<String>,
    /// The vehicle in words.
    pub vehicle: Option<String>,
    /// Vehicle identification number.
    pub vin: Option<String>,
    /// Values that are kept as they were said, because no rule knows them: show each beside its value.
    pub findings: Vec<DoubtfulValue>,
    /// Remarks of the office.
    pub remarks: Option<String>,
    /// Checklist steps with their results.
    pub checklist: Vec<CheckedStep>,
    /// What completing still wants: `checklist:hi_vis`, `photo:before`, `odometer`, `signature`.
    pub missing: Vec<String>,
    /// What the parts and charges come to, such as `12300 TWD` in minor units.
    pub totals: Vec<String>,
    /// How many parts were used.
    pub parts: u32,
}

/// A value that is kept as it was said.
#[derive(Debug, Clone, uniffi::Record)]
pub struct DoubtfulValue {
    /// Always `unverified`; later versions may have other findings.
    pub code: String,
    /// The field, as a path such as `intake.phone`.
    pub field: String,
    /// Stable word such as `phone_invalid`.
    pub reason: String,
    /// Plain sentence.
    pub sentence: String,
}

impl From<Unverified> for DoubtfulValue {
    fn from(finding: Unverified) -> Self {
        let Unverified { code, field, reason, sentence } = finding;
        Self { code, field, reason, sentence }
    }
}

/// One result of the checklist.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CheckedStep {
    /// Which step.
    pub step: String,
    /// pass, fail or not_applicable.
    pub result: Option<String>,
}

/// What enrolment gave.
#[derive(Debug, Clone, uniffi::Record)]
pub struct EnrolledPhone {
    /// Six digits to compare with the office.
    pub digits: String,
    /// Id of this phone.
    pub device: String,
    /// Id of the technician.
    pub user: String,
    /// Name of the technician.
    pub user_name: String,
}

/// Work the server did not take; it is kept and can be shown.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RefusedWork {
    /// Id of the job, if it was about one.
    pub job: Option<String>,
    /// Stable code.
    pub code: String,
    /// Plain sentence.
    pub sentence: String,
    /// When the phone learnt of it.
    pub at: i64,
}

/// How much of one part lies in one bin of the van.
#[derive(Debug, Clone, uniffi::Record)]
pub struct StockItem {
    /// Number in the catalogue.
    pub part_no: String,
    /// The bin; empty for none.
    pub bin: String,
    /// Thousandths of a unit; below zero when more was taken than was there.
    pub quantity: i64,
    /// More was taken than was there.
    pub oversold: bool,
}

impl From<StockLine> for StockItem {
    fn from(line: StockLine) -> Self {
        let StockLine { part_no, bin, quantity, oversold, .. } = line;
        Self { part_no, bin, quantity, oversold }
    }
}

impl RescueJob {
    pub(super) fn of(id: JobId, summary: JobSummary) -> Self {
        let place = summary.place.map(|place| place.degrees());
        Self {
            id: id.to_string(),
            number: summary.number,
            state: summary.state.as_str().to_owned(),
            walk_up: summary.walk_up,
            priority: summary.priority,
            problem: summary.problem,
            plate: summary.plate,
            caller: summary.caller,
            address: summary.address,
            latitude: place.map(|(lat, _)| lat),
            longitude: place.map(|(_, lon)| lon),
            technician: summary.technician.map(|user| user.to_string()),
            promised_by: summary.eta_by,
        }
    }
}

impl RescueJobDetail {
    pub(super) fn of(job: Job, now: i64) -> Self {
        let checklist = job.checklist.iter().map(|(step, result)| CheckedStep {
            step: step.clone(),
            result: result.result.clone(),
        });
        let totals = job
            .totals
            .iter()
            .filter_map(|total| total.total.map(|amount| format!("{amount} {}", total.currency)));
        let standing = job.parts.iter().filter(|part| !part.voided).count();
        Self {
            checklist: checklist.collect(),
            missing: job.missing.iter().map(missing).collect(),
            totals: totals.collect(),
            parts: u32::try_from(standing).unwrap_or(u32::MAX),
            phone: job.intake.phone.clone(),
            vehicle: job.intake.vehicle.clone(),
            findings: job.findings.iter().cloned().map(Into::into).collect(),
            vin: job.observed.vin.clone().or_else(|| job.intake.vin.clone()),
            remarks: job.intake.remarks.clone(),
            job: RescueJob::of(job.id, job.summary(now)),
        }
    }
}

fn missing(missing: &Missing) -> String {
    match missing {
        Missing::ChecklistStep(step) => format!("checklist:{step}"),
        Missing::Photo(stage) => format!("photo:{stage}"),
        Missing::Odometer => "odometer".to_owned(),
        Missing::Destination => "destination".to_owned(),
        Missing::Recipient => "recipient".to_owned(),
        Missing::ArrivalProof => "arrival_proof".to_owned(),
        Missing::CallAttempts => "call_attempts".to_owned(),
        Missing::Signature => "signature".to_owned(),
    }
}

impl From<Enrolled> for EnrolledPhone {
    fn from(enrolled: Enrolled) -> Self {
        Self {
            digits: enrolled.digits,
            device: enrolled.device.to_string(),
            user: enrolled.user.to_string(),
            user_name: enrolled.user_name,
        }
    }
}

impl From<Refused> for RefusedWork {
    fn from(refused: Refused) -> Self {
        Self {
            job: refused.doc.job().map(|job| job.to_string()),
            code: refused.code,
            sentence: refused.sentence,
            at: refused.at,
        }
    }
}
