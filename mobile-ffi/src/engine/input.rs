//! Input of a person, checked before it becomes part of a fact.

use sync_core::schema::{Key, key};
use sync_core::value::{Record, Value};
use sync_core::{check, limits};

use crate::error::EngineError;

/// A place on Earth as the phone measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// 1e-7 degrees north.
    pub lat: i64,
    /// 1e-7 degrees east.
    pub lon: i64,
    /// Radius of 68 % confidence, decimetres.
    pub accuracy: Option<i64>,
}

impl Place {
    /// A place from degrees, as phones give it; accuracy in metres.
    pub fn from_degrees(lat: f64, lon: f64, accuracy_m: Option<f64>) -> Self {
        // Out of range saturates and is refused where the place is used.
        let e7 = |degrees: f64| (degrees * 1e7).round() as i64;
        Self { lat: e7(lat), lon: e7(lon), accuracy: accuracy_m.map(|m| (m * 10.0).round() as i64) }
    }
}

/// Writes a text that may be left out; blank counts as left out.
pub(super) fn text(
    record: &mut Record,
    key: Key,
    text: Option<String>,
    field: &'static str,
) -> Result<(), EngineError> {
    let Some(text) = text else { return Ok(()) };
    let text = text.trim();
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > limits::VALUE_BYTES {
        let sentence = format!("This is too long: at most {} bytes.", limits::VALUE_BYTES);
        return Err(EngineError::invalid("too_long", field, sentence));
    }
    record.insert(key, text.into());
    Ok(())
}

/// Writes a text that must be there.
pub(super) fn needed(
    record: &mut Record,
    key: Key,
    value: &str,
    field: &'static str,
) -> Result<(), EngineError> {
    if value.trim().is_empty() {
        return Err(EngineError::invalid("missing", field, "This must not be empty."));
    }
    text(record, key, Some(value.to_owned()), field)
}

/// Writes a number that is not negative.
pub(super) fn count(
    record: &mut Record,
    key: Key,
    number: Option<i64>,
    field: &'static str,
) -> Result<(), EngineError> {
    let Some(number) = number else { return Ok(()) };
    if number < 0 {
        return Err(EngineError::invalid("negative", field, "This cannot be less than zero."));
    }
    record.insert(key, Value::Int(number));
    Ok(())
}

/// Writes a place.
pub(super) fn place(record: &mut Record, place: Option<Place>) -> Result<(), EngineError> {
    let Some(Place { lat, lon, accuracy }) = place else { return Ok(()) };
    let on_earth = lat.abs() <= 900_000_000 && lon.abs() <= 1_800_000_000;
    if !on_earth || accuracy.is_some_and(|dm| dm < 0) {
        let sentence = "This is not a place on Earth.";
        return Err(EngineError::invalid("place_out_of_range", "place", sentence));
    }
    record.insert(key::LAT, lat.into());
    record.insert(key::LON, lon.into());
    if let Some(accuracy) = accuracy {
        record.insert(key::ACCURACY, accuracy.into());
    }
    Ok(())
}

/// A vehicle identification number in its written form. The desk checks with the same rule, so
/// neither takes what the other would refuse.
pub(super) fn vin(vin: &str) -> Result<String, EngineError> {
    match check::vin(vin) {
        Ok(vin) => Ok(vin.as_str().to_owned()),
        Err(error) => Err(EngineError::invalid(error.code, error.field, error.sentence)),
    }
}

/// A phone number in E.164.
pub(super) fn phone(phone: &str) -> Result<String, EngineError> {
    let plain: String = phone.chars().filter(|c| !" -().\u{a0}".contains(*c)).collect();
    let digits = plain.strip_prefix('+').unwrap_or("");
    let fits = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
    if fits && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(plain);
    }
    let sentence = "A phone number starts with + and the country code.";
    Err(EngineError::invalid("phone_malformed", "phone", sentence))
}
