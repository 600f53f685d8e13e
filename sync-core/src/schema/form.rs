//! The form of a value under a key: its type, and its range, its words or its length.

use std::fmt;

use super::currency::currency;
use crate::id::JobId;
use crate::limits::NAMED_TIMES;
use crate::value::Value;

/// What a value under a key must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text; where it is required, not blank.
    Text,
    /// One of these words and nothing else.
    Word(&'static [&'static str]),
    /// Text; usually one of these words.
    Usual(&'static [&'static str]),
    /// A whole number from the first to the second, both included.
    Int(i64, i64),
    /// A time in Unix milliseconds, one of [`NAMED_TIMES`].
    Time,
    /// Yes or no.
    Bool,
    /// The sixteen bytes of a UUIDv7.
    Id,
    /// So many bytes.
    Bytes(usize),
    /// Any number of blocks of so many bytes.
    Blocks(usize),
    /// Bytes of any number.
    Blob,
    /// An ISO 4217 code of [`super::CURRENCIES`].
    Currency,
    /// A whole number, or text: what an instrument or a person says.
    Reading,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must, and a text under it is not blank.
    Required,
    /// It may be left out.
    Optional,
}

/// A value of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// Text.
    Text(&'static str),
    /// A whole number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// An id.
    Id,
    /// So many bytes.
    Bytes(usize),
}

impl Form {
    /// Whether a value has this form.
    pub fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text | Self::Usual(_) | Self::Reading, Value::Text(_)) => true,
            (Self::Word(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Currency, Value::Text(text)) => currency(text) == Some(text),
            (Self::Int(least, most), Value::Int(number)) => (least..=most).contains(number),
            (Self::Time, Value::Int(ms)) => NAMED_TIMES.contains(ms),
            (Self::Reading, Value::Int(_)) | (Self::Bool, Value::Bool(_)) => true,
            (Self::Id, Value::Bytes(bytes)) => JobId::from_slice(bytes).is_ok(),
            (Self::Bytes(length), Value::Bytes(bytes)) => bytes.len() == length,
            (Self::Blocks(length), Value::Bytes(bytes)) => bytes.len() % length.max(1) == 0,
            (Self::Blob, Value::Bytes(_)) => true,
            (
                _,
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Bytes(_),
            ) => false,
        }
    }
}

impl fmt::Display for Form {
    /// The form in words, as it follows "must be".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text | Self::Usual(_) => f.write_str("text"),
            Self::Word([]) => f.write_str("left out"),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::Int(i64::MIN, i64::MAX) => f.write_str("a whole number"),
            Self::Int(least, i64::MAX) => write!(f, "a whole number from {least}"),
            Self::Int(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Time => f.write_str("a time in Unix milliseconds, 1970 to 2199"),
            Self::Bool => f.write_str("true or false"),
            Self::Id => f.write_str("the 16 bytes of a UUIDv7"),
            Self::Bytes(length) => write!(f, "{length} bytes"),
            Self::Blocks(length) => write!(f, "bytes in blocks of {length}"),
            Self::Blob => f.write_str("bytes"),
            Self::Currency => f.write_str("a currency of ISO 4217 in capital letters"),
            Self::Reading => f.write_str("a whole number or text"),
        }
    }
}

impl Sample {
    /// The value it stands for.
    pub fn value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Int(number) => number.into(),
            Self::Bool(yes) => yes.into(),
            Self::Id => Value::Bytes(JobId::new(1_790_000_000_000, [7; 10]).as_bytes().to_vec()),
            Self::Bytes(length) => Value::Bytes(vec![7; length]),
        }
    }
}

impl fmt::Display for Sample {
    /// The sample as JSON would have it; bytes by their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(*text)),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Id => f.write_str("<id>"),
            Self::Bytes(length) => write!(f, "<{length} bytes>"),
        }
    }
}
