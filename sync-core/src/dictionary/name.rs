//! The name of a key in a fact, or of a field: a number for those the dictionary has.

use std::cmp::Ordering;
use std::fmt;

use super::words::{self, Coding, KEYS};

/// The name of a key in a fact, or of a field. Ordered by name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Name);

/// A name of the dictionary is never spelled out, so equal keys are equal forms.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Numbered(u16),
    Spelled(Box<str>),
}

impl Key {
    /// The key with this number, which the dictionary must have.
    pub(super) const fn numbered(number: u16) -> Self {
        Self(Name::Numbered(number))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Numbered(number) => KEYS.get(usize::from(*number)).map_or("", |known| known.name),
            Name::Spelled(name) => name,
        }
    }

    /// Checks a name that came from outside: 1–64 bytes of `a-z`, `0-9` and `_`, the first a
    /// letter. Fact ids start with a digit, so the two never meet in one map.
    pub fn parse(name: &str) -> Option<Self> {
        match words::find_key(name) {
            Some(number) => Some(Self::numbered(number)),
            None => super::is_name(name).then(|| Self(Name::Spelled(name.into()))),
        }
    }

    /// Number of this key in the dictionary, from 0.
    pub fn code(&self) -> Option<u64> {
        match &self.0 {
            Name::Numbered(number) => Some(u64::from(*number)),
            Name::Spelled(_) => None,
        }
    }

    /// The key with this number.
    pub fn from_code(code: u64) -> Option<Self> {
        let number = u16::try_from(code).ok().filter(|n| usize::from(*n) < KEYS.len());
        number.map(Self::numbered)
    }

    /// How integers under this key are written; keys not in the dictionary are plain.
    pub fn coding(&self) -> Coding {
        match &self.0 {
            Name::Numbered(number) => {
                KEYS.get(usize::from(*number)).map_or(Coding::Plain, |known| known.coding)
            }
            Name::Spelled(_) => Coding::Plain,
        }
    }
}

impl Key {
    /// The name of a key of the dictionary.
    pub fn known(&self) -> Option<&'static str> {
        match &self.0 {
            Name::Numbered(number) => KEYS.get(usize::from(*number)).map(|known| known.name),
            Name::Spelled(_) => None,
        }
    }

    /// What a value under this key says, with its unit; empty for a key that is not in the
    /// dictionary.
    pub fn meaning(&self) -> &'static str {
        match &self.0 {
            Name::Numbered(number) => {
                KEYS.get(usize::from(*number)).map_or("", |known| known.means.trim_ascii())
            }
            Name::Spelled(_) => "",
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
