//! What a request sets, collected field by field and checked on the way.

use sync_core::id::BranchId;
use sync_core::limits::TIME_RANGE;
use sync_core::place::Place;
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;

use super::fields::{Given, Set};
use crate::desk::check;
use crate::desk::edit::raw;
use crate::http::{Code, Problem};

/// Fields that were checked, in the order of the request.
pub(super) struct Sets(pub Vec<Set>);

impl Sets {
    /// A text of the intake.
    pub fn text(
        &mut self,
        name: &str,
        key: Key,
        value: Given<String>,
        most: usize,
    ) -> Result<(), Problem> {
        self.with(key, value, |text| check::text(name, &text, most))
    }

    /// A value of the intake.
    pub fn with<T, V: Into<Value>>(
        &mut self,
        key: Key,
        value: Given<T>,
        check: impl FnOnce(T) -> Result<V, Problem>,
    ) -> Result<(), Problem> {
        self.add(section::INTAKE, key, value, check)
    }

    /// A value of the promise.
    pub fn promise<T, V: Into<Value>>(
        &mut self,
        key: Key,
        value: Given<T>,
        check: impl FnOnce(T) -> Result<V, Problem>,
    ) -> Result<(), Problem> {
        self.add(section::PROMISE, key, value, check)
    }

    fn add<T, V: Into<Value>>(
        &mut self,
        section: Section,
        key: Key,
        value: Given<T>,
        check: impl FnOnce(T) -> Result<V, Problem>,
    ) -> Result<(), Problem> {
        if let Some(value) = value {
            let value = value.map(check).transpose()?.map_or(Value::Null, Into::into);
            self.0.push((section, key, value));
        }
        Ok(())
    }

    /// The branch.
    pub fn branch(&mut self, value: Given<BranchId>) {
        if let Some(branch) = value {
            let value = branch.map_or(Value::Null, |branch| raw(branch.as_bytes()));
            self.0.push((section::INTAKE, key::BRANCH, value));
        }
    }

    /// The pin on the map.
    pub fn place(&mut self, lat: Given<i64>, lon: Given<i64>) -> Result<(), Problem> {
        let (lat, lon) = match (lat, lon) {
            (None, None) => return Ok(()),
            (Some(None), Some(None)) => (Value::Null, Value::Null),
            (Some(Some(lat)), Some(Some(lon))) => {
                let place = Place::new(lat, lon).map_err(|error| {
                    let problem = Problem::new(Code::BadPlace).field(error.field());
                    problem.reason(error.code()).detail(format!("{error}, in units of 1e-7."))
                })?;
                (Value::Int(place.lat()), Value::Int(place.lon()))
            }
            _ => {
                return Err(Problem::new(Code::BadPlace)
                    .field("lat")
                    .detail("Send both or neither."));
            }
        };
        self.0.push((section::INTAKE, key::LAT, lat));
        self.0.push((section::INTAKE, key::LON, lon));
        Ok(())
    }
}

/// Checks the word of a priority.
pub(super) fn priority(word: String) -> Result<String, Problem> {
    if ["low", "normal", "high", "urgent"].contains(&word.as_str()) {
        return Ok(word);
    }
    Err(Problem::invalid("priority", "One of low, normal, high, urgent."))
}

/// Checks a time.
pub(super) fn time(field: &str, at: i64) -> Result<i64, Problem> {
    if TIME_RANGE.contains(&at) {
        return Ok(at);
    }
    Err(Problem::invalid(field, "Unix milliseconds of this or the next century."))
}
