//! The flat records an app hands in. Ids are text; places are degrees.

use crate::Place;

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

impl From<Spot> for Place {
    fn from(spot: Spot) -> Self {
        Self::from_degrees(spot.latitude, spot.longitude, spot.accuracy_m)
    }
}
