//! What people type and scanners read: texts, phone numbers, plates, VINs and places, judged by one
//! set of checks on phone and desk.
//!
//! A check gives the one form in which a value is kept. What it doubts it keeps *as said*, and
//! [`Unverified`] says why: a caller with a strange number still needs help. Refused is only what
//! cannot be stored. A finding follows from the value alone, so that every view computes the same.

mod clean;
mod hash;
mod phone;
mod place;
mod plate;
mod region;
mod vin;

use serde::{Deserialize, Serialize};

pub use clean::{longest, text};
pub use hash::sha256;
pub use phone::{phone, phone_digits};
pub use place::place;
pub use plate::plate;
pub use region::Region;
pub use vin::vin;

/// Why a value cannot be stored, in a way its writer can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{sentence}")]
pub struct CheckError {
    /// Stable code, the same in every version and language.
    pub code: &'static str,
    /// One plain sentence, and what to do.
    pub sentence: String,
    /// The field concerned.
    pub field: String,
}

/// A value that is kept as it was said, because no rule knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Unverified {
    /// Always `unverified`; later versions may have other findings.
    pub code: String,
    /// The field, as a path such as `intake.phone`.
    pub field: String,
    /// Stable word: `phone_invalid`, `vin_check_digit`, `place_zero` and the like.
    pub reason: String,
    /// What is doubtful, and what to do.
    pub sentence: String,
}

/// A value that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// In its one form, or as said.
    pub value: String,
    /// Why it is kept as said.
    pub finding: Option<Unverified>,
}

impl CheckError {
    fn new(field: &str, code: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), field: field.to_owned() }
    }
}

impl Unverified {
    fn new(field: &str, reason: &str, sentence: impl Into<String>) -> Self {
        let (field, reason) = (field.to_owned(), reason.to_owned());
        Self { code: "unverified".to_owned(), field, reason, sentence: sentence.into() }
    }

    /// The same finding, of a field that a view names in another way.
    pub fn of(self, field: impl Into<String>) -> Self {
        Self { field: field.into(), ..self }
    }
}

impl Checked {
    fn fine(value: impl Into<String>) -> Self {
        Self { value: value.into(), finding: None }
    }

    /// The value as said; `what` is what it is not, and the sentence follows from it.
    fn as_said(value: String, field: &str, reason: &str, what: &str) -> Self {
        let sentence = format!("{value} {what} It is kept as said; correct it if it is wrong.");
        Self { finding: Some(Unverified::new(field, reason, sentence)), value }
    }
}

/// What is doubtful about a stored value: of a value that no desk and no phone of this version has
/// checked too.
pub fn finding(
    value: Option<&str>,
    check: impl FnOnce(&str) -> Result<Checked, CheckError>,
) -> Option<Unverified> {
    match check(value?) {
        Ok(checked) => checked.finding,
        Err(CheckError { code, sentence, field }) => Some(Unverified::new(&field, code, sentence)),
    }
}

/// Longest identifier (phone number, plate, VIN) that is kept as said, characters.
const AS_SAID_CHARS: usize = 64;
