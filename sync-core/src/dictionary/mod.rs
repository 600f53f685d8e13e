//! Names of sections, keys and words, with the numbers by which they travel.

mod name;
mod words;

use std::borrow::Cow;
use std::fmt;

pub use name::Key;
pub use words::{Coding, NUMBERED_SECTIONS, key, keys, section, word};

/// Whether a name that came from outside may be one: 1–64 bytes of `a-z`, `0-9` and `_`, the
/// first a letter. Fact ids start with a digit, so the two never meet in one map.
fn is_name(name: &str) -> bool {
    let fits = name.len() <= crate::limits::NAME_BYTES;
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    fits && starts && name.bytes().all(plain)
}

/// The name of a section of a document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Section(Cow<'static, str>);

impl Section {
    /// A name known when this was compiled.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of one that was known when this was compiled; empty otherwise.
    pub(crate) const fn fixed(&self) -> &'static str {
        match &self.0 {
            Cow::Borrowed(name) => name,
            Cow::Owned(_) => "",
        }
    }

    /// Checks a name that came from outside: 1–64 bytes of `a-z`, `0-9` and `_`, the first a
    /// letter.
    pub fn parse(name: &str) -> Option<Self> {
        is_name(name).then(|| Self(Cow::Owned(name.to_owned())))
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
