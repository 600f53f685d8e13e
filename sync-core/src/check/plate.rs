//! Licence plates in the one form in which they are shown.

use super::clean::line;
use super::{CheckError, Checked};

/// Longest plate of any country, letters and digits.
const MAX_CHARS: usize = 12;

/// Checks a plate and gives it in capital letters, with single hyphens or spaces; letters of any
/// script are plates (京A·12345). Temporary tags, and what nobody knows yet, are kept as said.
///
/// # Errors
/// `empty`, `too_long`, `control_character`.
pub fn plate(text: &str) -> Result<Checked, CheckError> {
    let said = line("plate", text)?;
    let capital: String = said.chars().flat_map(char::to_uppercase).collect();
    let is_gap = |c: char| matches!(c, ' ' | '-' | '.' | '·' | '•' | '‧');
    if capital.chars().any(|c| !c.is_alphanumeric() && !is_gap(c)) {
        let what = "is not a plate as countries give them: letters, digits, spaces and hyphens.";
        return Ok(Checked::as_said(said, "plate", "plate_character", what));
    }
    let count = capital.chars().filter(|c| c.is_alphanumeric()).count();
    if !(2..=MAX_CHARS).contains(&count) {
        let what = "is not a plate as countries give them: 2 to 12 letters and digits.";
        return Ok(Checked::as_said(said, "plate", "plate_length", what));
    }
    let gap = if capital.contains('-') { "-" } else { " " };
    let groups: Vec<&str> = capital.split(is_gap).filter(|group| !group.is_empty()).collect();
    Ok(Checked::fine(groups.join(gap)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(text: &str) -> String {
        let checked = plate(text).unwrap_or_else(|error| panic!("{error}"));
        match checked.finding {
            Some(finding) => format!("{}: {}", finding.reason, checked.value),
            None => checked.value,
        }
    }

    #[test]
    fn a_plate_has_one_form_however_it_is_typed() {
        for text in
            ["ABC-1234", "abc--1234", "ＡＢＣ－１２３４", " ABC‐1234\u{a0}", "abc -\u{2060}1234"]
        {
            assert_eq!(kept(text), "ABC-1234", "{text}");
        }
        assert_eq!(kept("ABC\u{a0}1234"), "ABC 1234");
        assert_eq!(kept("京A·12345"), "京A 12345");
    }

    #[test]
    fn what_is_no_plate_is_kept_as_said() {
        assert_eq!(kept("?"), "plate_character: ?");
        assert_eq!(kept("B 1234/XYZ"), "plate_character: B 1234/XYZ");
        assert_eq!(kept("temp tag 0012345678"), "plate_length: temp tag 0012345678");
        assert_eq!(kept("A"), "plate_length: A");
        assert_eq!(plate(&"A".repeat(10_000)).map_err(|error| error.code), Err("too_long"));
        assert_eq!(plate("A\u{1b}1234").map_err(|error| error.code), Err("control_character"));
    }

    proptest! {
        #[test]
        fn a_stored_plate_is_judged_as_when_it_was_stored(text in "[ A-Za-z0-9·?./ß京ı-]{0,20}") {
            if let Ok(first) = plate(&text) {
                prop_assert_eq!(plate(&first.value), Ok(first.clone()));
            }
        }
    }
}
