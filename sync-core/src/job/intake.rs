//! Who called, where, what is wrong and what was promised: office fields, or what a walk-up saw.

use serde::{Deserialize, Serialize};

use super::TaxMode;
use super::access::{lines, walk_up};
use crate::document::{Document, Fact};
use crate::id::{BranchId, JobId};
use crate::place::Place;
use crate::schema::{Key, key, section};
use crate::time::clamped;
use crate::value::Value;

/// What was taken in. For a walk-up job, what its technician saw stands where the office has set
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Intake {
    /// Human number within the tenant.
    pub number: Option<String>,
    /// Where the job came from: phone, web, dms, walk_up and the like.
    pub source: Option<String>,
    /// The branch that answers for it.
    pub branch: Option<BranchId>,
    /// How urgent.
    pub priority: Option<String>,
    /// Name of the caller.
    pub caller: Option<String>,
    /// Their number, E.164 with an extension as RFC 3966 has it; else as said.
    pub phone: Option<String>,
    /// Their language, BCP 47.
    pub language: Option<String>,
    /// Licence plate, or as said.
    pub plate: Option<String>,
    /// Vehicle identification number; chassis numbers and others as said.
    pub vin: Option<String>,
    /// The vehicle in words.
    pub vehicle: Option<String>,
    /// Its make.
    pub make: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its model year.
    pub year: Option<i64>,
    /// Its colour.
    pub color: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// Where, in words.
    pub address: Option<String>,
    /// Where, as the pin on the map.
    pub place: Option<Place>,
    /// Where the vehicle is to be towed.
    pub destination: Option<String>,
    /// Remarks of the office.
    pub remarks: Option<String>,
    /// Checklist steps this job asks for, separated by spaces, instead of the usual ones.
    pub checklist: Option<String>,
    /// Skills it asks of whoever is sent.
    pub skills: Vec<String>,
    /// Equipment it asks of their van.
    pub equipment: Vec<String>,
    /// The job this one follows up.
    pub follows: Option<JobId>,
    /// The job that follows this one up, because it could not be helped the first time.
    pub follow_up: Option<JobId>,
}

/// What the customer was promised.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Promise {
    /// Estimated arrival, Unix milliseconds.
    pub eta: Option<i64>,
    /// Latest promised arrival, Unix milliseconds.
    pub eta_by: Option<i64>,
    /// Price agreed, minor units.
    pub amount: Option<i64>,
    /// ISO 4217 code of the job: of that price, of lines that name none, and the one it is billed in.
    pub currency: Option<String>,
    /// Whether prices contain their tax, as it was recorded when the job was made.
    #[serde(default)]
    pub tax_mode: Option<TaxMode>,
}

/// What stands in a field of the intake; where the office has set nothing, what the technician of a
/// walk-up saw.
pub fn taken_in<'d>(document: &'d Document, key: &Key) -> Option<&'d Value> {
    said(document, walk_up(document), key)
}

fn said<'d>(document: &'d Document, walk_up: Option<&'d Fact>, key: &Key) -> Option<&'d Value> {
    document.field(&section::INTAKE, key).or_else(|| walk_up?.record.get(key))
}

impl Intake {
    pub(super) fn of(document: &Document) -> Self {
        let walk_up = walk_up(document);
        let value = |key: &Key| said(document, walk_up, key);
        let text = |key: Key| match value(&key)? {
            Value::Text(text) => Some(text.clone()),
            Value::Int(int) => Some(int.to_string()),
            Value::Null | Value::Bool(_) | Value::Bytes(_) => None,
        };
        let field = |key: Key| document.field(&section::INTAKE, &key).and_then(Value::as_int);
        let pin = field(key::LAT).zip(field(key::LON));
        let pin = pin.and_then(|(lat, lon)| Place::new(lat, lon).ok());
        let branch = value(&key::BRANCH).and_then(Value::as_bytes);
        let job = |key: Key| {
            let bytes = document.field(&section::INTAKE, &key).and_then(Value::as_bytes);
            bytes.and_then(|bytes| JobId::from_slice(bytes).ok())
        };
        let list = |key: Key| lines(document.field(&section::INTAKE, &key));
        Self {
            number: text(key::NUMBER),
            source: text(key::SOURCE)
                .or_else(|| walk_up.map(|_| super::Step::WalkUp.as_str().to_owned())),
            branch: branch.and_then(|bytes| BranchId::from_slice(bytes).ok()),
            priority: text(key::PRIORITY),
            caller: text(key::CALLER),
            phone: text(key::PHONE),
            language: text(key::LANGUAGE),
            plate: text(key::PLATE),
            vin: text(key::VIN),
            vehicle: text(key::VEHICLE),
            make: text(key::MAKE),
            model: text(key::MODEL),
            year: value(&key::YEAR).and_then(Value::as_int),
            color: text(key::COLOR),
            problem: text(key::PROBLEM),
            address: text(key::ADDRESS),
            place: pin.or_else(|| Place::read(&walk_up?.record)),
            destination: text(key::DESTINATION),
            remarks: text(key::REMARKS),
            checklist: text(key::CHECKLIST),
            skills: list(key::SKILLS),
            equipment: list(key::EQUIPMENT),
            follows: job(key::FOLLOWS),
            follow_up: job(key::FOLLOW_UP),
        }
    }
}

impl Promise {
    pub(super) fn of(document: &Document) -> Self {
        let value = |key: Key| document.field(&section::PROMISE, &key);
        Self {
            eta: value(key::ETA).and_then(Value::as_int).map(clamped),
            eta_by: value(key::ETA_BY).and_then(Value::as_int).map(clamped),
            amount: value(key::AMOUNT).and_then(Value::as_int),
            currency: value(key::CURRENCY).and_then(Value::as_text).map(str::to_owned),
            tax_mode: value(key::TAX_MODE).and_then(Value::as_text).and_then(TaxMode::parse),
        }
    }
}
