//! Input of a person, checked before it becomes part of a fact.

use sync_core::check::{self, CheckError, Checked};
use sync_core::job::tax_entry;
use sync_core::place::Place as Pin;
use sync_core::schema::{Key, key};
use sync_core::value::{Record, Value};
use sync_core::{limits, schema};

use crate::error::EngineError;

/// A place on Earth as the phone measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// 1e-7 degrees north.
    pub lat: i64,
    /// 1e-7 degrees east.
    pub lon: i64,
    /// Radius of 68 % confidence, decimetres.
    pub accuracy: Option<i64>,
    /// The person confirmed a place that is unlikely.
    pub as_said: bool,
}

impl Place {
    /// A place from degrees, as phones give it; accuracy in metres.
    pub fn from_degrees(lat: f64, lon: f64, accuracy_m: Option<f64>) -> Self {
        // Out of range saturates and is refused where the place is used; so is what is no number.
        let whole = |value: f64, none: i64| match value.is_finite() {
            true => value.round() as i64,
            false => none,
        };
        let e7 = |degrees: f64| whole(degrees * 1e7, i64::MAX);
        let accuracy = accuracy_m.map(|m| whole(m * 10.0, -1));
        Self { lat: e7(lat), lon: e7(lon), accuracy, as_said: false }
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
    if text.trim().is_empty() {
        return Ok(());
    }
    let text = check::text(field, &text, check::longest(field)).map_err(|e| refused(e, field))?;
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

/// Writes a currency in its one form, however it is typed; blank counts as left out. What is none
/// stays as it is, for the check of the fact to refuse.
pub(super) fn currency(record: &mut Record, typed: Option<String>) -> Result<(), EngineError> {
    let known = typed.as_deref().and_then(schema::currency).map(str::to_owned);
    text(record, key::CURRENCY, known.or(typed), "currency")
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

/// Writes a tax rate, told in thousandths or in hundredths of a percent.
pub(super) fn tax(
    record: &mut Record,
    millipercent: Option<i64>,
    hundredths: Option<i64>,
) -> Result<(), EngineError> {
    let (rate, field) = match (millipercent, hundredths) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            let sentence = "The tax is there twice: leave one of them out.";
            return Err(EngineError::invalid("tax_twice", "tax_rate", sentence));
        }
        (Some(rate), None) => (rate, "tax_millipercent"),
        (None, Some(rate)) => (rate.saturating_mul(10), "tax_rate"),
    };
    if !(0..=schema::TAX_MOST).contains(&rate) {
        let sentence = "A tax rate is from 0 to 100 %.";
        return Err(EngineError::invalid("tax_out_of_range", field, sentence));
    }
    record.extend([tax_entry(rate)]);
    Ok(())
}

/// Writes a place.
pub(super) fn place(record: &mut Record, place: Option<Place>) -> Result<(), EngineError> {
    let Some((pin, accuracy)) = place.map(pin).transpose()? else { return Ok(()) };
    pin.write(record);
    if let Some(accuracy) = accuracy {
        record.insert(key::ACCURACY, accuracy.into());
    }
    Ok(())
}

/// A place on Earth with its accuracy. An unlikely one is refused until the person confirms it.
pub(super) fn pin(place: Place) -> Result<(Pin, Option<i64>), EngineError> {
    let Place { lat, lon, accuracy, as_said } = place;
    let pin = Pin::new(lat, lon).ok().filter(|_| accuracy.is_none_or(|dm| dm >= 0));
    let Some(pin) = pin else {
        let sentence = "This is not a place on Earth. Leave it out, or measure it again.";
        return Err(EngineError::invalid("place_out_of_range", "place", sentence));
    };
    match check::place(&pin).filter(|_| !as_said) {
        Some(doubt) => Err(EngineError::invalid(doubt.reason, "place", doubt.sentence)),
        None => Ok((pin, accuracy)),
    }
}

/// Writes a value that is kept as said where no rule knows it; blank counts as left out. The desk
/// checks with the same rules, so neither takes what the other would refuse.
pub(super) fn checked(
    record: &mut Record,
    key: Key,
    value: Option<String>,
    field: &'static str,
    check: impl FnOnce(&str) -> Result<Checked, CheckError>,
) -> Result<(), EngineError> {
    let Some(value) = value.filter(|value| !value.trim().is_empty()) else { return Ok(()) };
    let checked = check(&value).map_err(|error| refused(error, field))?;
    record.insert(key, checked.value.into());
    Ok(())
}

/// A value that cannot be stored.
pub(super) fn refused(error: CheckError, field: &'static str) -> EngineError {
    EngineError::invalid(error.code, field, error.sentence)
}
