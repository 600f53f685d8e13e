//! Phone numbers: as people dial them, kept as E.164.

use phonenumber::{Mode, country};

use super::{CheckError, folded};

/// Longest text that can be a phone number, characters.
const MAX_CHARS: usize = 32;

/// Checks a phone number and gives it as E.164, such as `+886912345678`.
///
/// `region` is the ISO 3166 code of the country in which numbers without `+` are dialled.
pub fn phone(text: &str, region: &str) -> Result<String, CheckError> {
    let error = |code, sentence: &str| Err(CheckError::new("phone", code, sentence));
    let region: Option<country::Id> = region.to_ascii_uppercase().parse().ok();
    if region.is_none() {
        return error("region_unknown", "The branch's region is not an ISO 3166 country code.");
    }
    let text = folded(text);
    if text.chars().count() > MAX_CHARS {
        return error("phone_length", "This is too long for a phone number.");
    }
    let is_plain = |c: char| c.is_ascii_digit() || " +-().#*/".contains(c);
    if text.is_empty() || !text.chars().all(is_plain) {
        return error("phone_character", "A phone number has digits, and + ( ) - . between them.");
    }
    let Ok(number) = phonenumber::parse(region, &text) else {
        return error("phone_invalid", "This is not a phone number of any country.");
    };
    if !phonenumber::is_valid(&number) {
        return error("phone_invalid", "No phone of that country has this number.");
    }
    Ok(number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str, region: &str) -> &'static str {
        phone(text, region).map_or_else(|error| error.code, |_| "fine")
    }

    #[test]
    fn numbers_as_dialled_become_e164() {
        assert_eq!(phone("0912-345-678", "TW"), Ok("+886912345678".into()));
        assert_eq!(phone("(02) 2720-8889", "tw"), Ok("+886227208889".into()));
        assert_eq!(phone("+1 610 278 3000", "TW"), Ok("+16102783000".into()));
        assert_eq!(phone("138 0013 8000", "CN"), Ok("+8613800138000".into()));
        assert_eq!(phone("０９１２３４５６７８", "TW"), Ok("+886912345678".into()));
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_its_reason() {
        assert_eq!(code("12", "TW"), "phone_invalid");
        assert_eq!(code("+999 123 456 789", "TW"), "phone_invalid");
        assert_eq!(code("call me", "TW"), "phone_character");
        assert_eq!(code("", "TW"), "phone_character");
        assert_eq!(code(&"1".repeat(10_000), "TW"), "phone_length");
        assert_eq!(code("0912345678", "Taiwan"), "region_unknown");
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_an_error(text in "[ +0-9().*#/-]{0,34}") {
            if let Ok(e164) = phone(&text, "TW") {
                prop_assert_eq!(phone(&e164, "US"), Ok(e164.clone()));
            }
        }
    }
}
