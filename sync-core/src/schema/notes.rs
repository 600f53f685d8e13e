//! Remarks, which any kind of document has.

use super::form::Form;
use super::form::Sample::{Int, Text};
use super::key;
use super::table::{KindSpec, keys};

/// Remarks, of any kind of document.
pub(super) const NOTES: &[KindSpec] = &[KindSpec {
    word: "",
    means: "A remark.",
    keys: keys! {
        TEXT: Form::Text, Optional;
    },
    either: &[key::TEXT, key::NOTE],
    ordered: None,
    writers: None,
    example: &[
        (key::TEXT, Text("Customer waits at the petrol station")),
        (key::AT, Int(1_790_000_000_000)),
    ],
}];
