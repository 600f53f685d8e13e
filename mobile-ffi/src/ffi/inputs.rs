//! The records an app passes in. Ids are text; places are degrees.

use sync_core::check;
use sync_core::id::JobId;

use super::{Money, PhoneError, PhotoStage, Problem, QuantityUnit, StepReason};
use crate::{Attachment, PartUsed, Place, Position, PositionsAdded, StepDetails, WalkUp};

/// A place as phones measure it.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Record)]
pub struct Spot {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Radius of 68 % confidence, metres; absent where it is not known.
    #[uniffi(default = None)]
    pub accuracy_m: Option<f64>,
    /// The person confirmed a place that is unlikely: at 0/0, in whole degrees, where no road is.
    #[uniffi(default = false)]
    pub as_said: bool,
}

/// Where the phone is, for the map at the office; no record of a job.
#[derive(Debug, Clone, uniffi::Record)]
pub struct TrackPoint {
    /// Where.
    pub spot: Spot,
    /// How long ago it was measured, milliseconds: the difference of two readings of the clock since
    /// boot (Android: `elapsedRealtime`; iOS: `-timestamp.timeIntervalSinceNow`).
    #[uniffi(default = 0)]
    pub age_ms: i64,
    /// Metres a second; absent or below zero where it is not known.
    #[uniffi(default = None)]
    pub speed_mps: Option<f64>,
    /// Degrees from north; absent or below zero where it is not known.
    #[uniffi(default = None)]
    pub heading_degrees: Option<f64>,
    /// Id of the job it is on the way for.
    #[uniffi(default = None)]
    pub job: Option<String>,
}

/// The result of points that were added.
#[derive(Debug, Clone, uniffi::Record)]
pub struct TrackAdded {
    /// How many wait to be sent.
    pub kept: u32,
    /// The others.
    pub refused: Vec<RefusedPoint>,
}

/// A point that was not kept.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RefusedPoint {
    /// Which one, from 0.
    pub index: u32,
    /// Stable code.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
}

impl TrackPoint {
    /// The same in the units of the engine; `job` is its id, read.
    pub(super) fn measured(&self, job: Option<JobId>) -> Position {
        let rounded = |value: f64| value.round() as i64;
        // What is not a number is not known.
        let known = |value: Option<f64>| value.filter(|value| value.is_finite());
        Position {
            place: self.spot.into(),
            age_ms: self.age_ms,
            speed: known(self.speed_mps).map(|mps| rounded(mps * 100.0)),
            heading: known(self.heading_degrees).map(rounded),
            job,
        }
    }
}

impl From<PositionsAdded> for TrackAdded {
    fn from(added: PositionsAdded) -> Self {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let refused = added.refused.into_iter().map(|(index, bad)| RefusedPoint {
            index: count(index),
            code: bad.code,
            sentence: bad.sentence,
        });
        Self { kept: count(added.kept), refused: refused.collect() }
    }
}

/// What may be told with a step.
#[derive(Debug, Clone, Default, uniffi::Record)]
pub struct StepNote {
    /// Why; declining and ending without success need it.
    #[uniffi(default = None)]
    pub reason: Option<StepReason>,
    /// Free text.
    #[uniffi(default = None)]
    pub note: Option<String>,
    /// Where it happened.
    #[uniffi(default = None)]
    pub spot: Option<Spot>,
    /// Odometer reading, kilometres, from 0.
    #[uniffi(default = None)]
    pub odometer: Option<i64>,
    /// Where the vehicle is towed, in words.
    #[uniffi(default = None)]
    pub destination: Option<String>,
    /// Who received the vehicle.
    #[uniffi(default = None)]
    pub recipient: Option<String>,
    /// How often the customer was called, from 0.
    #[uniffi(default = None)]
    pub attempts: Option<i64>,
}

/// A customer met at the roadside.
#[derive(Debug, Clone, Default, uniffi::Record)]
pub struct CustomerSeen {
    /// Name.
    #[uniffi(default = None)]
    pub caller: Option<String>,
    /// Number, as it is dialled in the technician's country or with + and country code.
    #[uniffi(default = None)]
    pub phone: Option<String>,
    /// Licence plate.
    #[uniffi(default = None)]
    pub plate: Option<String>,
    /// The vehicle in words.
    #[uniffi(default = None)]
    pub vehicle: Option<String>,
    /// What is wrong.
    #[uniffi(default = None)]
    pub problem: Option<Problem>,
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
    /// Thousandths of a unit, more than zero: 1000 is one.
    pub quantity: i64,
    /// What it is, in words.
    #[uniffi(default = None)]
    pub description: Option<String>,
    /// What the quantity counts.
    #[uniffi(default = None)]
    pub unit: Option<QuantityUnit>,
    /// Price of one unit, not below zero. Errors name the field `unit_price` or `currency`.
    #[uniffi(default = None)]
    pub unit_price: Option<Money>,
    /// Tax in thousandths of a percent, 0 to 100,000: 8.875 % is 8875.
    #[uniffi(default = None)]
    pub tax_millipercent: Option<i64>,
    /// Serial number.
    #[uniffi(default = None)]
    pub serial: Option<String>,
    /// Bin in the van.
    #[uniffi(default = None)]
    pub bin: Option<String>,
    /// Not from the technician's van, so that no stock moves.
    #[uniffi(default = false)]
    pub not_from_van: bool,
}

/// A photo or file by its content.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Attached {
    /// SHA-256 of the content, 32 bytes.
    pub sha256: Vec<u8>,
    /// Media type (RFC 6838), such as `image/jpeg`.
    pub media_type: String,
    /// Size in bytes, from 0.
    pub size: i64,
    /// What it shows; the word `other` where it is left out.
    #[uniffi(default = None)]
    pub stage: Option<PhotoStage>,
    /// Free text.
    #[uniffi(default = None)]
    pub note: Option<String>,
}

impl From<Spot> for Place {
    fn from(spot: Spot) -> Self {
        let place = Self::from_degrees(spot.latitude, spot.longitude, spot.accuracy_m);
        Self { as_said: spot.as_said, ..place }
    }
}

impl From<StepNote> for StepDetails {
    fn from(note: StepNote) -> Self {
        let StepNote { reason, note, spot, odometer, destination, recipient, attempts } = note;
        let (reason, place) = (reason.map(Into::into), spot.map(Into::into));
        Self { reason, note, place, odometer, destination, recipient, attempts }
    }
}

impl From<CustomerSeen> for WalkUp {
    fn from(seen: CustomerSeen) -> Self {
        let CustomerSeen { caller, phone, plate, vehicle, problem, address, spot, note } = seen;
        let (problem, place) = (problem.map(Into::into), spot.map(Into::into));
        Self { caller, phone, plate, vehicle, problem, address, place, note }
    }
}

impl From<Part> for PartUsed {
    fn from(part: Part) -> Self {
        let (unit_price, currency) =
            part.unit_price.map(|Money { amount, currency }| (amount, currency)).unzip();
        Self {
            part_no: part.part_no,
            description: part.description,
            quantity: part.quantity,
            unit: part.unit.map(Into::into),
            unit_price,
            currency,
            tax_rate: None,
            tax_millipercent: part.tax_millipercent,
            serial: part.serial,
            bin: part.bin,
            not_from_van: part.not_from_van,
        }
    }
}

impl TryFrom<Attached> for Attachment {
    type Error = PhoneError;

    fn try_from(file: Attached) -> Result<Self, PhoneError> {
        let Attached { sha256, media_type, size, stage, note } = file;
        let sha256 = check::sha256(&sha256)?;
        Ok(Self { sha256, media_type, size, stage: stage.map(Into::into), note })
    }
}
