//! The country in which numbers without `+` are dialled.

use std::fmt;

use phonenumber::country;

use super::CheckError;

/// A region of ISO 3166 (two letters) whose numbering plan is known, such as `TW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(country::Id);

impl Region {
    /// Reads a region in capital or small letters.
    ///
    /// # Errors
    /// `region_unknown`.
    pub fn parse(text: &str) -> Result<Self, CheckError> {
        let code = text.trim().to_ascii_uppercase();
        let known = if code.len() == 2 { code.parse().ok() } else { None };
        known.map(Self).ok_or_else(|| {
            let sentence = "Send the two letters of a country in ISO 3166, such as TW or US.";
            CheckError::new("region", "region_unknown", sentence)
        })
    }

    /// Its two capital letters.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    pub(super) fn id(self) -> country::Id {
        self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_two_letters_of_iso_3166() {
        assert_eq!(Region::parse(" tw ").map(|region| region.to_string()), Ok("TW".into()));
        for wrong in ["", "Taiwan", "TWN", "XX", "001", "ZZ"] {
            assert_eq!(Region::parse(wrong).map_err(|e| e.code), Err("region_unknown"), "{wrong}");
        }
    }
}
