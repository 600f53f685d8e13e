//! Licence plates: one form to show and one to compare.

use super::{CheckError, folded};

/// A licence plate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    /// As it is shown: upper case, single spaces or hyphens.
    pub shown: String,
    /// As it is compared: letters and digits only.
    pub compared: String,
}

/// Longest plate, letters and digits.
const MAX_CHARS: usize = 12;

/// Checks a plate and gives both of its forms; letters of any script are allowed (京A·12345).
pub fn plate(text: &str) -> Result<Plate, CheckError> {
    let error = |code, sentence: &str| Err(CheckError::new("plate", code, sentence));
    let folded = folded(text);
    let is_gap = |c: char| matches!(c, ' ' | '-' | '.' | '·' | '•' | '‧');
    if folded.chars().any(|c| !c.is_alphanumeric() && !is_gap(c)) {
        return error("plate_character", "A plate has letters, digits, spaces and hyphens.");
    }
    let compared: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    if !(2..=MAX_CHARS).contains(&compared.chars().count()) {
        return error("plate_length", "A plate has 2 to 12 letters and digits.");
    }
    let gap = if folded.contains('-') { "-" } else { " " };
    let groups: Vec<&str> = folded.split(is_gap).filter(|group| !group.is_empty()).collect();
    Ok(Plate { shown: groups.join(gap), compared })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plate_however_it_is_typed_compares_equal() {
        let compared = |text| plate(text).map(|plate| plate.compared);
        for text in ["ABC-1234", "abc 1234", "ＡＢＣ－１２３４", " ABC1234 ", "abc--1234"] {
            assert_eq!(compared(text), Ok("ABC1234".into()), "{text}");
        }
        assert_eq!(compared("京A·12345"), Ok("京A12345".into()));
        assert_eq!(plate("abc--1234").map(|plate| plate.shown), Ok("ABC-1234".into()));
    }

    #[test]
    fn what_is_no_plate_is_refused() {
        let code = |text: &str| plate(text).map_or_else(|error| error.code, |_| "fine");
        assert_eq!(code("A"), "plate_length");
        assert_eq!(code("ABCDEFGHIJKLM"), "plate_length");
        assert_eq!(code("AB<1234"), "plate_character");
        assert_eq!(code(&"A".repeat(10_000)), "plate_length");
    }
}
