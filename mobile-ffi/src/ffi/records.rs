//! The records that the face gives. Ids are text; times are Unix milliseconds; places are degrees.

use sync_core::check::Unverified;
use sync_core::id::JobId;
use sync_core::job::{Job, JobSummary, Missing};
use sync_core::van::StockLine;

use super::{
    CheckResult, ChecklistStep, Money, PhotoStage, Priority, Problem, RescueState, ServerCode, Spot,
};
use crate::{Enrolled, Refused};

/// A job as a list shows it.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RescueJob {
    /// Id.
    pub id: String,
    /// Human number within the dealership; none for a walk-up the office has not seen.
    pub number: Option<String>,
    /// Where it stands.
    pub state: RescueState,
    /// Opened at the roadside.
    pub walk_up: bool,
    /// How urgent.
    pub priority: Option<Priority>,
    /// What is wrong.
    pub problem: Option<Problem>,
    /// Licence plate.
    pub plate: Option<String>,
    /// Name of the caller.
    pub caller: Option<String>,
    /// Where, in words.
    pub address: Option<String>,
    /// Where; how exactly it was measured is not told.
    pub spot: Option<Spot>,
    /// Id of the technician whose job it is.
    pub technician: Option<String>,
    /// Latest promised arrival, Unix milliseconds.
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
    /// What completing still wants.
    pub missing: Vec<MissingEvidence>,
    /// What the parts and charges come to with tax, one for each currency; a sum beyond 63 bits is left
    /// out.
    pub totals: Vec<Money>,
    /// How many parts were used, without those that were taken back.
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

/// Something that completing a job wants and does not have.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum MissingEvidence {
    /// The result of a checklist step.
    Checklist {
        /// Which step.
        step: ChecklistStep,
    },
    /// A photo.
    Photo {
        /// Of what.
        stage: PhotoStage,
    },
    /// The odometer reading.
    Odometer,
    /// Where the vehicle is towed.
    Destination,
    /// Who received the vehicle at the destination.
    Recipient,
    /// A position or a photo, for a claim that nobody was there.
    ArrivalProof,
    /// How often the customer was called, for the same claim.
    CallAttempts,
    /// A customer's signature, or a reason why there is none.
    Signature,
}

/// One result of the checklist.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CheckedStep {
    /// Which step.
    pub step: ChecklistStep,
    /// What came of it.
    pub result: Option<CheckResult>,
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
    /// Why.
    pub code: ServerCode,
    /// Plain sentence.
    pub sentence: String,
    /// When the phone learnt of it, Unix milliseconds.
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
        let spot = summary.place.map(|place| {
            let (latitude, longitude) = place.degrees();
            Spot { latitude, longitude, accuracy_m: None, as_said: false }
        });
        Self {
            id: id.to_string(),
            number: summary.number,
            state: summary.state.into(),
            walk_up: summary.walk_up,
            priority: summary.priority.as_deref().map(Into::into),
            problem: summary.problem.as_deref().map(Into::into),
            plate: summary.plate,
            caller: summary.caller,
            address: summary.address,
            spot,
            technician: summary.technician.map(|user| user.to_string()),
            promised_by: summary.eta_by,
        }
    }
}

impl RescueJobDetail {
    pub(super) fn of(job: Job, now: i64) -> Self {
        let checklist = job.checklist.iter().map(|(step, result)| CheckedStep {
            step: step.as_str().into(),
            result: result.result.as_deref().and_then(CheckResult::parse),
        });
        let totals = job.totals.iter().filter_map(|total| {
            Some(Money { amount: total.total?, currency: total.currency.clone() })
        });
        Self {
            checklist: checklist.collect(),
            missing: job.missing.iter().map(Into::into).collect(),
            totals: totals.collect(),
            parts: u32::try_from(job.parts_used().count()).unwrap_or(u32::MAX),
            phone: job.intake.phone.clone(),
            vehicle: job.intake.vehicle.clone(),
            findings: job.findings.iter().cloned().map(Into::into).collect(),
            vin: job.vin().map(str::to_owned),
            remarks: job.intake.remarks.clone(),
            job: RescueJob::of(job.id, job.summary(now)),
        }
    }
}

impl From<&Missing> for MissingEvidence {
    fn from(missing: &Missing) -> Self {
        match missing {
            Missing::ChecklistStep(step) => Self::Checklist { step: step.as_str().into() },
            Missing::Photo(stage) => Self::Photo { stage: stage.as_str().into() },
            Missing::Odometer => Self::Odometer,
            Missing::Destination => Self::Destination,
            Missing::Recipient => Self::Recipient,
            Missing::ArrivalProof => Self::ArrivalProof,
            Missing::CallAttempts => Self::CallAttempts,
            Missing::Signature => Self::Signature,
        }
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
            code: ServerCode::find(&refused.code),
            sentence: refused.sentence,
            at: refused.at,
        }
    }
}
