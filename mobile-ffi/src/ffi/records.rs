//! The flat records of the face. Ids are text; times are Unix milliseconds; places are degrees.

use sync_core::id::JobId;
use sync_core::job::{Job, JobSummary, Missing};
use sync_core::van::StockLine;

use crate::{Enrolled, NetError, Place, Refused, Status, SyncEnd, SyncReport};

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
    /// The caller's number, E.164.
    pub phone: Option<String>,
    /// The vehicle in words.
    pub vehicle: Option<String>,
    /// Vehicle identification number.
    pub vin: Option<String>,
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

/// One result of the checklist.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CheckedStep {
    /// Which step.
    pub step: String,
    /// pass, fail or not_applicable.
    pub result: Option<String>,
}

/// A place as phones measure it.
#[derive(Debug, Clone, Copy, uniffi::Record)]
pub struct Spot {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Radius of 68 % confidence, metres.
    pub accuracy_m: Option<f64>,
}

/// What may be told with a step.
#[derive(Debug, Clone, Default, uniffi::Record)]
pub struct StepNote {
    /// Coded reason.
    #[uniffi(default = None)]
    pub reason: Option<String>,
    /// Free text.
    #[uniffi(default = None)]
    pub note: Option<String>,
    /// Where it happened.
    #[uniffi(default = None)]
    pub spot: Option<Spot>,
    /// Odometer reading, kilometres.
    #[uniffi(default = None)]
    pub odometer: Option<i64>,
    /// Where the vehicle is towed, in words.
    #[uniffi(default = None)]
    pub destination: Option<String>,
    /// Who received the vehicle.
    #[uniffi(default = None)]
    pub recipient: Option<String>,
    /// How often the customer was called.
    #[uniffi(default = None)]
    pub attempts: Option<i64>,
}

/// A customer met at the roadside.
#[derive(Debug, Clone, Default, uniffi::Record)]
pub struct CustomerSeen {
    /// Name.
    #[uniffi(default = None)]
    pub caller: Option<String>,
    /// Number with country code.
    #[uniffi(default = None)]
    pub phone: Option<String>,
    /// Licence plate.
    #[uniffi(default = None)]
    pub plate: Option<String>,
    /// The vehicle in words.
    #[uniffi(default = None)]
    pub vehicle: Option<String>,
    /// What is wrong, coded.
    #[uniffi(default = None)]
    pub problem: Option<String>,
    /// Where, in words.
    #[uniffi(default = None)]
    pub address: Option<String>,
    /// Where.
    #[uniffi(default = None)]
    pub spot: Option<Spot>,
    /// Free text.
    #[uniffi(default = None)]
    pub note: Option<String>,
}

/// One part taken for a job.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Part {
    /// Number in the catalogue.
    pub part_no: String,
    /// Thousandths of a unit: 1000 is one.
    pub quantity: i64,
    /// What it is, in words.
    #[uniffi(default = None)]
    pub description: Option<String>,
    /// Piece, litre and the like.
    #[uniffi(default = None)]
    pub unit: Option<String>,
    /// Minor units of the currency for one unit.
    #[uniffi(default = None)]
    pub unit_price: Option<i64>,
    /// ISO 4217 code; needed with a price.
    #[uniffi(default = None)]
    pub currency: Option<String>,
    /// Hundredths of a percent.
    #[uniffi(default = None)]
    pub tax_rate: Option<i64>,
    /// Serial number.
    #[uniffi(default = None)]
    pub serial: Option<String>,
    /// Bin in the van.
    #[uniffi(default = None)]
    pub bin: Option<String>,
    /// Not from the technician's van.
    #[uniffi(default = false)]
    pub not_from_van: bool,
}

/// A photo or file by its content.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Attached {
    /// SHA-256 of the content, 32 bytes.
    pub sha256: Vec<u8>,
    /// Media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: i64,
    /// before, after, damage, drop_off, document.
    #[uniffi(default = None)]
    pub stage: Option<String>,
    /// Free text.
    #[uniffi(default = None)]
    pub note: Option<String>,
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

/// The phone at a glance.
#[derive(Debug, Clone, uniffi::Record)]
pub struct PhoneStatus {
    /// Id of the technician, once enrolled.
    pub user: Option<String>,
    /// Whether the enrolment screen must be shown.
    pub needs_enrolment: bool,
    /// Changes saved that have not reached the office.
    pub waiting: u64,
    /// Milliseconds the oldest of them has waited.
    pub longest_wait_ms: i64,
    /// Changes the office's server refused.
    pub refused: u64,
    /// When the last answer of the server was stored.
    pub last_synced: Option<i64>,
    /// Time to free space.
    pub disk_low: bool,
    /// No new work should be begun.
    pub disk_full: bool,
    /// How far the clock is ahead of the server's, milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// Whether that is more than is accepted.
    pub clock_wrong: bool,
    /// A sync is under way.
    pub syncing: bool,
}

/// How a sync went.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SyncResult {
    /// `up_to_date`, `waiting`, `diverged`, `failed` or `fault`.
    pub end: String,
    /// Why it failed: stable code; empty if it did not.
    pub code: String,
    /// Why it failed: plain sentence; empty if it did not.
    pub sentence: String,
    /// Sync again after so many milliseconds unless there is a reason earlier.
    pub again_in_ms: u64,
    /// Answered requests.
    pub round_trips: u64,
    /// Changes that became durable at the office.
    pub durable: u64,
    /// Changes that were refused.
    pub refused: u64,
    /// Changes that came from the office.
    pub received: u64,
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
            state: summary.state.word().to_owned(),
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
        Missing::Signature => "signature".to_owned(),
    }
}

impl From<Spot> for Place {
    fn from(spot: Spot) -> Self {
        Self::from_degrees(spot.latitude, spot.longitude, spot.accuracy_m)
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

impl From<Status> for PhoneStatus {
    fn from(status: Status) -> Self {
        Self {
            user: status.user.map(|user| user.to_string()),
            needs_enrolment: status.needs_enrolment,
            waiting: status.waiting,
            longest_wait_ms: status.longest_wait_ms,
            refused: status.refused,
            last_synced: status.last_synced,
            disk_low: status.disk_low,
            disk_full: status.disk_full,
            clock_skew_ms: status.clock_skew_ms,
            clock_wrong: status.clock_wrong,
            syncing: status.syncing,
        }
    }
}

impl From<SyncReport> for SyncResult {
    fn from(report: SyncReport) -> Self {
        let (end, code, sentence) = match report.end {
            SyncEnd::UpToDate => ("up_to_date", String::new(), String::new()),
            SyncEnd::Waiting => ("waiting", String::new(), String::new()),
            SyncEnd::Diverged => ("diverged", String::new(), String::new()),
            SyncEnd::Failed(error) => ("failed", code(&error), error.to_string()),
            SyncEnd::Fault { code, sentence } => ("fault", code, sentence),
        };
        Self {
            end: end.to_owned(),
            code,
            sentence,
            again_in_ms: report.again_in_ms,
            round_trips: report.round_trips,
            durable: report.durable,
            refused: report.refused,
            received: report.received,
        }
    }
}

fn code(error: &NetError) -> String {
    error.code().to_owned()
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
