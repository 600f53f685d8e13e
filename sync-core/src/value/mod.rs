//! The values a fact or field may hold: flat, exact, and the same on every platform.
//!
//! There is no floating point: money is integer minor units, places are 1e-7 degrees, quantities
//! are thousandths. Equal values therefore have equal bytes, and a digest means something.

mod record;

pub use record::{Pairs, Record};

/// One scalar.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Absent: a field that was cleared.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A count, a time in Unix milliseconds, an amount in minor units, 1e-7 degrees.
    Int(i64),
    /// Text in UTF-8.
    Text(String),
    /// Raw bytes: ids (16), digests (32), strokes.
    Bytes(Vec<u8>),
}

impl Value {
    /// How many bytes its text or byte string has; nothing else has any.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) => 0,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The bytes, if it is some.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(b) => Some(b),
            _ => None,
        }
    }

    /// Yes or no, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(i: i64) -> Self {
        Self::Int(i)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<&str> for Value {
    fn from(t: &str) -> Self {
        Self::Text(t.to_owned())
    }
}

impl From<String> for Value {
    fn from(t: String) -> Self {
        Self::Text(t)
    }
}

impl From<Vec<u8>> for Value {
    fn from(b: Vec<u8>) -> Self {
        Self::Bytes(b)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}
