//! The fields of a job as requests name them: checked, and turned into entries.

use serde::{Deserialize, Deserializer};
use sqlx::AnyConnection;
use sync_core::change::Entry;
use sync_core::check::{self as core_check, Region};
use sync_core::document::Document;
use sync_core::id::{BranchId, TenantId};
use sync_core::job::{TaxMode, taken_in};
use sync_core::place::Place;
use sync_core::schema::{Key, PRICE_MOST, Section, key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::sets::{Sets, time};
use crate::api::check;
use crate::http::Problem;

/// How urgent a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// It can wait.
    Low,
    /// In its turn.
    Normal,
    /// Before others.
    High,
    /// At once: people are in danger.
    Urgent,
}

impl Priority {
    fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

/// A doubtful value that is refused until someone says that it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsSaid {
    /// The pin on the map: at 0/0, in whole degrees, or where no road is.
    Place,
}

/// The fields of a job, once for a new one and once for a change of one. `number`, `source`,
/// `problem` and the place of a rescue are never empty once they are there.
macro_rules! job_fields {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty, $shown:ty $(, $limit:ident = $bound:tt)*;)*) => {
        /// A new job. It needs a problem, and an address or a place.
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(example = json!({"problem": "flat_tyre", "address": "Highway 5, km 12", "place": {"lat": 25.033, "lon": 121.5654}, "caller": "Ms Lin", "phone": "0912 345 678", "plate": "ABC-1234"}))]
        pub struct NewJob {
            /// What is wrong: a word such as `flat_tyre`, or free text.
            #[schema(min_length = 1, max_length = 200, examples("flat_tyre"))]
            pub problem: String,
            /// Unlikely values that are meant as they stand.
            #[schema(max_items = 1)]
            pub as_said: Option<Vec<AsSaid>>,
            $($(#[doc = $doc])*
            $(#[schema($limit = $bound)])*
            pub $name: Option<$kind>,)*
        }

        /// A change of a job. What is left out stays; `null` clears what may be empty.
        #[derive(Debug, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(example = json!({"eta": 1795000000000i64, "remarks": null}))]
        pub struct JobChange {
            /// What is wrong: a word such as `flat_tyre`, or free text.
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
            pub problem: Given<String>,
            /// Unlikely values that are meant as they stand.
            #[schema(max_items = 1)]
            pub as_said: Option<Vec<AsSaid>>,
            $($(#[doc = $doc])*
            #[serde(default, deserialize_with = "given")]
            #[schema(value_type = $shown, required = false)]
            $(#[schema($limit = $bound)])*
            pub $name: Given<$kind>,)*
        }

        impl From<NewJob> for JobChange {
            fn from(new: NewJob) -> Self {
                Self { problem: Some(Some(new.problem)), as_said: new.as_said, $($name: new.$name.map(Some),)* }
            }
        }
    };
}

job_fields! {
    /// Human number; one is given when the job is made without. Only one job of a branch has it on a
    /// day. It cannot be cleared.
    number: String, String, min_length = 1, max_length = 40;
    /// Where the job came from: `phone`, `web`, `dms`, `api`. It cannot be cleared.
    source: String, String, min_length = 1, max_length = 40;
    /// The branch that answers for it.
    branch: BranchId, Option<BranchId>;
    /// How urgent it is.
    priority: Priority, Option<Priority>;
    /// Name of the caller.
    caller: String, Option<String>, min_length = 1, max_length = 100;
    /// Their number; kept as E.164 with an extension as in RFC 3966, else as said with a finding.
    phone: String, Option<String>, min_length = 1, max_length = 64;
    /// Their language, BCP 47.
    language: String, Option<String>, min_length = 1, max_length = 35;
    /// Licence plate; what countries do not give is kept as said with a finding.
    plate: String, Option<String>, min_length = 1, max_length = 64;
    /// Vehicle identification number; others, such as chassis numbers, are kept as said with a finding.
    vin: String, Option<String>, min_length = 1, max_length = 64;
    /// The vehicle in words.
    vehicle: String, Option<String>, min_length = 1, max_length = 200;
    /// Its make.
    make: String, Option<String>, min_length = 1, max_length = 60;
    /// Its model.
    model: String, Option<String>, min_length = 1, max_length = 60;
    /// Its model year.
    year: i64, Option<i64>, minimum = 1880, maximum = 2200;
    /// Its colour.
    color: String, Option<String>, min_length = 1, max_length = 40;
    /// Where, in words. It cannot be cleared while the job has no place.
    address: String, Option<String>, min_length = 1, max_length = 300;
    /// The pin on the map; an unlikely one needs `as_said`. It cannot be cleared while the job has no
    /// address.
    place: Place, Option<Place>;
    /// Where the vehicle is to be towed.
    destination: String, Option<String>, min_length = 1, max_length = 300;
    /// Remarks of the office.
    remarks: String, Option<String>, min_length = 1, max_length = 4000;
    /// Checklist steps this job asks for, separated by spaces, instead of the usual ones.
    checklist: String, Option<String>, min_length = 1, max_length = 1000;
    /// Skills it asks of whoever is sent; a dispatcher is told when someone lacks one.
    skills: Vec<String>, Option<Vec<String>>, max_items = 20;
    /// Equipment it asks of their van.
    equipment: Vec<String>, Option<Vec<String>>, max_items = 20;
    /// Estimated arrival, Unix milliseconds.
    eta: i64, Option<i64>, minimum = 946684800000i64, maximum = 7258118399999i64;
    /// Latest promised arrival, Unix milliseconds.
    eta_by: i64, Option<i64>, minimum = 946684800000i64, maximum = 7258118399999i64;
    /// Price agreed, minor units of `currency`, which it needs.
    amount: i64, Option<i64>, minimum = 0, maximum = 100000000000i64;
    /// ISO 4217 code of the job: one is given from its branch or the tenant when the job is made without.
    /// It cannot be cleared while the job has an amount.
    currency: String, Option<String>, pattern = "^[A-Z]{3}$";
    /// Whether prices contain their tax; as the tenant has it when the job is made without. It cannot be
    /// cleared.
    tax_mode: TaxMode, TaxMode;
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

impl JobChange {
    /// Checks every field and gives what is to be set. `region` is the country in which phone
    /// numbers without `+` are dialled.
    ///
    /// # Errors
    /// The first value that breaks a rule, by its field.
    pub fn checked(self, region: Region) -> Result<Vec<Set>, Problem> {
        let mut sets = Sets(Vec::new());
        let number = check::kept("number", self.number)?.map(Some);
        sets.text("number", key::NUMBER, number)?;
        let source = check::kept("source", self.source)?.map(Some);
        sets.text("source", key::SOURCE, source)?;
        sets.branch(self.branch);
        sets.with(key::PRIORITY, self.priority, |priority| Ok(priority.as_str()))?;
        sets.text("caller", key::CALLER, self.caller)?;
        sets.checked(key::PHONE, self.phone, |text| core_check::phone(text, Some(region)))?;
        sets.text("language", key::LANGUAGE, self.language)?;
        sets.checked(key::PLATE, self.plate, core_check::plate)?;
        sets.checked(key::VIN, self.vin, core_check::vin)?;
        sets.text("vehicle", key::VEHICLE, self.vehicle)?;
        sets.text("make", key::MAKE, self.make)?;
        sets.text("model", key::MODEL, self.model)?;
        let year = |year| check::range("year", year, 1880..=2200);
        sets.with(key::YEAR, self.year, year)?;
        sets.text("color", key::COLOR, self.color)?;
        let problem = check::kept("problem", self.problem)?.map(Some);
        sets.text("problem", key::PROBLEM, problem)?;
        sets.text("address", key::ADDRESS, self.address)?;
        let is_meant = self.as_said.is_some_and(|fields| fields.contains(&AsSaid::Place));
        sets.place(self.place, is_meant)?;
        sets.text("destination", key::DESTINATION, self.destination)?;
        sets.text("remarks", key::REMARKS, self.remarks)?;
        sets.text("checklist", key::CHECKLIST, self.checklist)?;
        sets.with(key::SKILLS, self.skills, |names| check::names("skills", &names))?;
        sets.with(key::EQUIPMENT, self.equipment, |names| check::names("equipment", &names))?;
        sets.promise(key::ETA, self.eta, |at| time("eta", at))?;
        sets.promise(key::ETA_BY, self.eta_by, |at| time("eta_by", at))?;
        let amount = |amount| check::range("amount", amount, 0..=PRICE_MOST);
        sets.promise(key::AMOUNT, self.amount, amount)?;
        let currency = |code: String| check::currency("currency", &code);
        sets.promise(key::CURRENCY, self.currency, currency)?;
        let tax_mode = check::kept("tax_mode", self.tax_mode)?.map(Some);
        sets.promise(key::TAX_MODE, tax_mode, |mode| Ok(mode.as_str()))?;
        Ok(sets.0)
    }
}

/// Checks what the fields of a job must have together once these are set.
///
/// # Errors
/// `invalid` for a job that would have neither address nor place, or an amount without currency.
pub fn check_together(document: &Document, sets: &[Set]) -> Result<(), Problem> {
    let is_set =
        |section: &Section, key: &Key| sets.iter().any(|(s, k, _)| s == section && k == key);
    let has = |section: &Section, key: &Key| {
        let set = sets.iter().rev().find(|(s, k, _)| s == section && k == key);
        match set {
            Some((_, _, value)) => *value != Value::Null,
            None if *section == section::INTAKE => {
                taken_in(document, key).is_some_and(|value| *value != Value::Null)
            }
            None => document.field(section, key).is_some_and(|value| *value != Value::Null),
        }
    };
    let (intake, promise) = (section::INTAKE, section::PROMISE);
    let is_moved = is_set(&intake, &key::ADDRESS) || is_set(&intake, &key::LAT);
    if is_moved && !has(&intake, &key::ADDRESS) && !has(&intake, &key::LAT) {
        return Err(Problem::invalid("address", "A job needs an address or a place."));
    }
    let is_priced = is_set(&promise, &key::AMOUNT) || is_set(&promise, &key::CURRENCY);
    if is_priced && has(&promise, &key::AMOUNT) && !has(&promise, &key::CURRENCY) {
        return Err(Problem::invalid("currency", "An amount needs its currency."));
    }
    Ok(())
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

/// Checks that a branch that is to be set is one of the tenant, and takes new work.
///
/// # Errors
/// `unknown_reference`, `invalid`.
pub async fn check_branch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    sets: &[Set],
) -> Result<(), Problem> {
    let branch = intake(sets, &key::BRANCH).and_then(Value::as_bytes);
    match branch.and_then(|bytes| BranchId::from_slice(bytes).ok()) {
        Some(branch) => check::open_branch(connection, tenant, "branch", branch).await,
        None => Ok(()),
    }
}
