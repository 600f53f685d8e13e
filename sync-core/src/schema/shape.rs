//! The check of every fact and field against the table, before it is saved or admitted.
//!
//! What a newer version knows passes: sections, kinds and keys that are not in the table. What was
//! admitted once is never checked again.

use std::fmt;

use super::form::{Form, Need};
use super::table::{
    COMMON, FactKind, Holds, KeySpec, KindSpec, TAKES_BACK, find_kind, find_section,
};
use super::{DocKind, Key, Section};
use crate::codes;
use crate::value::{Record, Value};

/// Why a fact or field is not as the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misshapen {
    /// The section.
    pub section: Section,
    /// The key concerned.
    pub key: Key,
    wrong: Wrong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrong {
    Missing,
    MissingOf(&'static [Key]),
    Form(Form),
    NotAfter(Key),
}

impl Misshapen {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        codes::SHAPE.word
    }

    /// Section and key, such as `parts.quantity`.
    pub fn field(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }
}

impl std::error::Error for Misshapen {}

impl fmt::Display for Misshapen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, key, wrong } = self;
        match wrong {
            Wrong::Missing => write!(f, "{section}: {key} is missing."),
            Wrong::MissingOf(keys) => {
                let names: Vec<_> = keys.iter().map(Key::as_str).collect();
                write!(f, "{section}: one of {} is missing.", names.join(", "))
            }
            Wrong::Form(form) => write!(f, "{section}: {key} must be {form}."),
            Wrong::NotAfter(first) => write!(f, "{section}: {key} must be greater than {first}."),
        }
    }
}

/// Checks what a fact of a section says.
///
/// # Errors
/// The first key that is missing or wrong.
pub fn check_record(kind: DocKind, section: &Section, record: &Record) -> Result<(), Misshapen> {
    let misshapen =
        |key: &Key, wrong| Misshapen { section: section.clone(), key: key.clone(), wrong };
    let Some(spec) = find_section(kind, section) else { return Ok(()) };
    let Holds::Facts { by, .. } = &spec.holds else { return Ok(()) };
    let fact = if spec.takes_back(record) {
        &TAKES_BACK
    } else {
        match (find_kind(spec, record), by) {
            (FactKind::Known(fact), _) => fact,
            (FactKind::Untold, Some(by)) => {
                let wrong = match record.get(by) {
                    Some(_) => Wrong::Form(Form::Text),
                    None => Wrong::Missing,
                };
                return Err(misshapen(by, wrong));
            }
            (FactKind::Newer | FactKind::Untold, _) => return Ok(()),
        }
    };
    for KeySpec { key, form, need } in fact.keys.iter().chain(COMMON) {
        match record.get(key) {
            None if *need == Need::Required => return Err(misshapen(key, Wrong::Missing)),
            None => {}
            Some(value) if !form.holds(value) => {
                return Err(misshapen(key, Wrong::Form(*form)));
            }
            Some(value) if *need == Need::Required && is_blank(value) => {
                return Err(misshapen(key, Wrong::Missing));
            }
            Some(_) => {}
        }
    }
    let says = |key: &Key| record.get(key).is_some_and(|value| !is_blank(value));
    if let Some(first) = fact.either.first().filter(|_| !fact.either.iter().any(says)) {
        return Err(misshapen(first, Wrong::MissingOf(fact.either)));
    }
    let number = |key: &Key| record.get(key).and_then(Value::as_int);
    match &fact.ordered {
        Some((first, second)) if number(second) <= number(first) => {
            Err(misshapen(second, Wrong::NotAfter(first.clone())))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks the value of a field; null clears any.
///
/// # Errors
/// When it is not of the field's form.
pub fn check_field(
    kind: DocKind,
    section: &Section,
    key: &Key,
    value: &Value,
) -> Result<(), Misshapen> {
    let Some(spec) = find_section(kind, section) else { return Ok(()) };
    let Holds::Fields(fields) = &spec.holds else { return Ok(()) };
    let known = fields.iter().find(|field| field.key == *key);
    match known.filter(|field| *value != Value::Null && !field.form.holds(value)) {
        Some(field) => Err(Misshapen {
            section: section.clone(),
            key: key.clone(),
            wrong: Wrong::Form(field.form),
        }),
        None => Ok(()),
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_text().is_some_and(|text| text.trim().is_empty())
}

/// The example of a kind of fact, as a record.
pub fn example(by: Option<&Key>, kind: &KindSpec) -> Record {
    let pairs = kind.example.iter().map(|(key, sample)| (key.clone(), sample.value()));
    let told = by.map(|by| (by.clone(), kind.word.into()));
    told.into_iter().chain(pairs).collect()
}
