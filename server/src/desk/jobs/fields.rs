//! The fields of a job as requests name them: checked, and turned into entries.

use serde::{Deserialize, Deserializer};
use sqlx::AnyConnection;
use sync_core::change::Entry;
use sync_core::check as core_check;
use sync_core::document::Document;
use sync_core::id::{BranchId, TenantId};
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::sets::{Sets, priority, time};
use crate::desk::check;
use crate::desk::edit::checked;
use crate::http::Problem;

/// Fields of a job. What is left out stays; `null` clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobFields {
    /// Human number; one is given when the job is made without.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub number: Given<String>,
    /// Where the job came from: `phone`, `web`, `dms`, `api`.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub source: Given<String>,
    /// The branch that answers for it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Uuid)]
    pub branch: Given<BranchId>,
    /// `low`, `normal`, `high` or `urgent`.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub priority: Given<String>,
    /// Name of the caller.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub caller: Given<String>,
    /// Their number; kept as E.164.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub phone: Given<String>,
    /// Their language, BCP 47.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub language: Given<String>,
    /// Licence plate.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub plate: Given<String>,
    /// Vehicle identification number.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub vin: Given<String>,
    /// The vehicle in words.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub vehicle: Given<String>,
    /// Its make.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub make: Given<String>,
    /// Its model.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub model: Given<String>,
    /// Its model year.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub year: Given<i64>,
    /// Its colour.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub color: Given<String>,
    /// What is wrong: a word such as `flat_tyre`, or free text.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub problem: Given<String>,
    /// Where, in words.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub address: Given<String>,
    /// Latitude, 1e-7 degrees north; together with `lon`.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub lat: Given<i64>,
    /// Longitude, 1e-7 degrees east.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub lon: Given<i64>,
    /// Where the vehicle is to be towed.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub destination: Given<String>,
    /// Remarks of the office.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub remarks: Given<String>,
    /// Checklist steps this job asks for, separated by spaces, instead of the usual ones.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub checklist: Given<String>,
    /// Skills it asks of whoever is sent; a dispatcher is told when somebody lacks one.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub skills: Given<Vec<String>>,
    /// Equipment it asks of their van.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub equipment: Given<Vec<String>>,
    /// Estimated arrival, Unix milliseconds.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub eta: Given<i64>,
    /// Latest promised arrival, Unix milliseconds.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub eta_by: Given<i64>,
    /// Price agreed, minor units of `currency`.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub amount: Given<i64>,
    /// ISO 4217 code.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub currency: Given<String>,
}

/// Left out, cleared, or a value.
pub type Given<T> = Option<Option<T>>;

/// Reads a value that is there, so that `null` is told apart from a field that was left out.
///
/// # Errors
/// When it is neither `null` nor such a value.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Given<T>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// One field with its new value.
pub type Set = (Section, Key, Value);

impl JobFields {
    /// Checks every field and gives what is to be set. `region` is the country in which phone
    /// numbers without `+` are dialled.
    ///
    /// # Errors
    /// The first value that breaks a rule, by its field.
    pub fn checked(self, region: &str) -> Result<Vec<Set>, Problem> {
        let mut sets = Sets(Vec::new());
        sets.text("number", key::NUMBER, self.number, 40)?;
        sets.text("source", key::SOURCE, self.source, 40)?;
        sets.branch(self.branch);
        sets.with(key::PRIORITY, self.priority, priority)?;
        sets.text("caller", key::CALLER, self.caller, 100)?;
        let phone = |text: String| core_check::phone(&text, region).map_err(|e| checked(&e));
        sets.with(key::PHONE, self.phone, phone)?;
        sets.text("language", key::LANGUAGE, self.language, 35)?;
        let plate =
            |text: String| core_check::plate(&text).map(|p| p.shown).map_err(|e| checked(&e));
        sets.with(key::PLATE, self.plate, plate)?;
        let vin = |text: String| {
            core_check::vin(&text).map(|vin| vin.as_str().to_owned()).map_err(|e| checked(&e))
        };
        sets.with(key::VIN, self.vin, vin)?;
        sets.text("vehicle", key::VEHICLE, self.vehicle, 200)?;
        sets.text("make", key::MAKE, self.make, 60)?;
        sets.text("model", key::MODEL, self.model, 60)?;
        let year = |year| check::range("year", year, 1880..=2200);
        sets.with(key::YEAR, self.year, year)?;
        sets.text("color", key::COLOR, self.color, 40)?;
        sets.text("problem", key::PROBLEM, self.problem, 200)?;
        sets.text("address", key::ADDRESS, self.address, 300)?;
        sets.place(self.lat, self.lon)?;
        sets.text("destination", key::DESTINATION, self.destination, 300)?;
        sets.text("remarks", key::REMARKS, self.remarks, 4000)?;
        sets.text("checklist", key::CHECKLIST, self.checklist, 1000)?;
        sets.with(key::SKILLS, self.skills, |names| check::names("skills", &names))?;
        sets.with(key::EQUIPMENT, self.equipment, |names| check::names("equipment", &names))?;
        sets.promise(key::ETA, self.eta, |at| time("eta", at))?;
        sets.promise(key::ETA_BY, self.eta_by, |at| time("eta_by", at))?;
        let amount = |amount| check::range("amount", amount, 0..=100_000_000_000);
        sets.promise(key::AMOUNT, self.amount, amount)?;
        let currency = |code: String| check::currency("currency", &code);
        sets.promise(key::CURRENCY, self.currency, currency)?;
        Ok(sets.0)
    }
}

/// The entries for what differs from the document.
pub fn entries(document: &Document, sets: Vec<Set>) -> Vec<Entry> {
    let differs = |(section, key, value): &Set| {
        let standing = document.field_values(section, key);
        let same = document.field(section, key).unwrap_or(&Value::Null) == value;
        standing.len() > 1 || !same
    };
    let changed = sets.into_iter().filter(differs);
    changed.map(|(section, key, value)| document.set(section, key, value)).collect()
}

/// The value that is to stand in a field of the intake.
pub fn intake<'a>(sets: &'a [Set], wanted: &Key) -> Option<&'a Value> {
    let mut found = sets.iter().filter(|(s, k, _)| *s == section::INTAKE && k == wanted);
    found.next().map(|(_, _, value)| value).filter(|value| **value != Value::Null)
}

/// Checks that a branch that is to be set is one of the tenant.
///
/// # Errors
/// `unknown_reference`.
pub async fn check_branch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    sets: &[Set],
) -> Result<(), Problem> {
    let branch = intake(sets, &key::BRANCH).and_then(Value::as_bytes);
    match branch.and_then(|bytes| BranchId::from_slice(bytes).ok()) {
        Some(branch) => check::branch(connection, tenant, "branch", branch).await,
        None => Ok(()),
    }
}
