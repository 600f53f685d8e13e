//! What people type and scanners read: VINs, phone numbers and plates, checked and put in one form.

mod phone;
mod plate;
mod vin;

use serde::Serialize;

pub use phone::phone;
pub use plate::{Plate, plate};
pub use vin::{Vin, vin};

/// Why a value cannot be taken, in a way its writer can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{sentence}")]
pub struct CheckError {
    /// Stable code, the same in every version and language.
    pub code: &'static str,
    /// One plain sentence.
    pub sentence: String,
    /// The field concerned.
    pub field: &'static str,
}

impl CheckError {
    fn new(field: &'static str, code: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), field }
    }
}

/// Longest text that is looked at, characters; no VIN, phone number or plate is near it.
const MAX_CHARS: usize = 64;

/// The text in ASCII width and upper case: scanners and Chinese keyboards write full width.
fn folded(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    };
    text.trim().chars().take(MAX_CHARS + 1).map(narrow).flat_map(char::to_uppercase).collect()
}
