//! What a request sets, collected field by field and checked on the way.

use sync_core::check::{self as core_check, CheckError, Checked, Unverified};
use sync_core::id::BranchId;
use sync_core::limits::TIME_RANGE;
use sync_core::place::Place;
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;

use super::fields::{Given, Set};
use crate::api::check;
use crate::api::edit::{checked, raw};
use crate::http::{Code, Problem};

/// Fields that were checked, in the order of the request.
pub(super) struct Sets(pub Vec<Set>);

impl Sets {
    /// A text of the intake.
    pub fn text(&mut self, name: &str, key: Key, value: Given<String>) -> Result<(), Problem> {
        self.with(key, value, |text| check::text(name, &text, core_check::longest(name)))
    }

    /// A value of the intake that is kept as said where no rule knows it.
    pub fn checked(
        &mut self,
        key: Key,
        value: Given<String>,
        check: impl FnOnce(&str) -> Result<Checked, CheckError>,
    ) -> Result<(), Problem> {
        let check = |text: String| check(&text).map_err(|error| checked(&error));
        self.with(key, value, |text| check(text).map(|checked| checked.value))
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

    /// The pin on the map; an unlikely one only where it `is_meant`.
    pub fn place(&mut self, place: Given<Place>, is_meant: bool) -> Result<(), Problem> {
        let Some(place) = place else { return Ok(()) };
        let doubt = place.as_ref().and_then(core_check::place).filter(|_| !is_meant);
        if let Some(Unverified { field, reason, sentence, .. }) = doubt {
            let problem = Problem::new(Code::Unconfirmed).field(field).reason(reason);
            return Err(problem.detail(sentence));
        }
        let units =
            |unit: fn(&Place) -> i64| place.as_ref().map(unit).map_or(Value::Null, Value::Int);
        self.0.push((section::INTAKE, key::LAT, units(Place::lat)));
        self.0.push((section::INTAKE, key::LON, units(Place::lon)));
        Ok(())
    }
}

/// Checks a time.
pub(super) fn time(field: &str, at: i64) -> Result<i64, Problem> {
    if TIME_RANGE.contains(&at) {
        return Ok(at);
    }
    Err(Problem::invalid(field, "Unix milliseconds of this or the next century."))
}
