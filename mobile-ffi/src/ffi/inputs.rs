//! The flat records an app passes in. Ids are text; places are degrees.

use sync_core::id::JobId;

use crate::{Place, Position, PositionsAdded};

/// A place as phones measure it.
#[derive(Debug, Clone, Copy, uniffi::Record)]
pub struct Spot {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Radius of 68 % confidence, metres.
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
    /// Number, as it is dialled in the technician's country or with + and country code.
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
    /// ISO 4217 code, in capital or small letters; needed with a price.
    #[uniffi(default = None)]
    pub currency: Option<String>,
    /// Tax in hundredths of a percent, 0 to 10,000; or else `tax_millipercent`.
    #[uniffi(default = None)]
    pub tax_rate: Option<i64>,
    /// Tax in thousandths of a percent, 0 to 100,000: 8.875 % is 8875.
    #[uniffi(default = None)]
    pub tax_millipercent: Option<i64>,
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
    /// before, after, damage, drop_off, document; `other` where it is left out.
    #[uniffi(default = None)]
    pub stage: Option<String>,
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
