//! Vehicle identification numbers: ISO 3779, with the check digit where the law wants one.

use super::clean::line;
use super::{CheckError, Checked};

/// Weights of the positions (49 CFR 565.15 table IV); the check digit itself has none.
const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/// Checks a VIN and puts it in one form: capital letters and digits, no spaces or hyphens.
///
/// The check digit is asked of vehicles of North America (49 CFR 565, first character 1–5) and China
/// (GB 16735, L); elsewhere the ninth position is the maker's own, and so it is in vehicles that are
/// built there for markets without one (`ZZZ` in positions 4 to 6). Chassis numbers, numbers from
/// before 1981 and misread ones are kept as said.
///
/// # Errors
/// `empty`, `too_long`, `control_character`.
pub fn vin(text: &str) -> Result<Checked, CheckError> {
    let said = line("vin", text)?;
    let capital = said.to_ascii_uppercase();
    if is_chassis_number(&capital) {
        let what = "is the chassis number of a Japanese vehicle, not a VIN.";
        return Ok(Checked::as_said(capital, "vin", "chassis_number", what));
    }
    let plain: String = capital.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let as_said = |reason, what: &str| Ok(Checked::as_said(said.clone(), "vin", reason, what));
    let letter = plain.chars().find(|c| matches!(c, 'I' | 'O' | 'Q'));
    if let Some(letter) = letter.filter(|_| plain.chars().count() == 17) {
        let digit = if letter == 'I' { '1' } else { '0' };
        let what = format!("is no VIN: it has the letter {letter}, which is read as {digit}.");
        return as_said("vin_letter", &what);
    }
    if let Some(other) = plain.chars().find(|c| !c.is_ascii_alphanumeric()) {
        let what = format!("is no VIN: it has {other:?}, and a VIN only letters and digits.");
        return as_said("vin_character", &what);
    }
    if plain.len() != 17 {
        let what = format!("is no VIN: it has {} characters instead of 17.", plain.len());
        return as_said("vin_length", &what);
    }
    let is_asked = matches!(plain.chars().next(), Some('1'..='5' | 'L'));
    let is_without = plain.get(3..6) == Some("ZZZ");
    if is_asked && !is_without && plain.chars().nth(8) != Some(check_digit(&plain)) {
        let what = "is misread: its check digit does not fit.";
        return as_said("vin_check_digit", what);
    }
    Ok(Checked::fine(plain))
}

/// Model code, hyphen and serial number, as `NZE121-3012345`: vehicles for the Japanese market have
/// no VIN.
fn is_chassis_number(capital: &str) -> bool {
    let Some((model, serial)) = capital.split_once('-') else { return false };
    let is_model = (2..=9).contains(&model.len())
        && model.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && model.bytes().any(|b| b.is_ascii_uppercase());
    let is_serial = (5..=8).contains(&serial.len()) && serial.bytes().all(|b| b.is_ascii_digit());
    is_model && is_serial && model.len() + serial.len() < 17
}

fn check_digit(vin: &str) -> char {
    let products = vin.chars().zip(WEIGHTS).map(|(c, weight)| value(c).unwrap_or(0) * weight);
    let rest = products.sum::<u32>() % 11;
    char::from_digit(rest, 10).unwrap_or('X')
}

/// Value of a character (49 CFR 565.15 table III); I, O and Q have none.
fn value(c: char) -> Option<u32> {
    match c {
        '0'..='9' => c.to_digit(10),
        'A'..='H' => Some(u32::from(c) - u32::from('A') + 1),
        'J'..='N' => Some(u32::from(c) - u32::from('J') + 1),
        'P' => Some(7),
        'R' => Some(9),
        'S'..='Z' => Some(u32::from(c) - u32::from('S') + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(text: &str) -> String {
        let checked = vin(text).unwrap_or_else(|error| panic!("{error}"));
        checked.finding.map_or_else(|| "fine".to_owned(), |finding| finding.reason)
    }

    #[test]
    fn the_check_digit_is_asked_in_north_america_and_china() {
        assert_eq!(reason("1M8GDM9AXKP042788"), "fine");
        assert_eq!(reason("11111111111111111"), "fine");
        assert_eq!(reason("5GZCZ43D13S812715"), "fine");
        assert_eq!(reason("1M8GDM9A1KP042788"), "vin_check_digit");
        assert_eq!(reason("1M8GDM9AXKP042778"), "vin_check_digit");
        assert_eq!(reason("LFV2A21K0A3000000"), "vin_check_digit");
    }

    #[test]
    fn elsewhere_the_ninth_position_is_the_makers_own() {
        assert_eq!(reason("WVWZZZ1JZXW000001"), "fine");
        assert_eq!(reason("JHMCM56557C404453"), "fine");
        assert_eq!(reason("3VWZZZ16ZCM012345"), "fine");
    }

    #[test]
    fn spelling_is_put_in_one_form() {
        let kept = |text| vin(text).map(|checked| checked.value);
        assert_eq!(kept(" 1m8gdm9a xkp-042788 "), Ok("1M8GDM9AXKP042788".to_owned()));
        assert_eq!(kept("１Ｍ８ＧＤＭ９ＡＸＫＰ０４２７８８"), Ok("1M8GDM9AXKP042788".to_owned()));
    }

    #[test]
    fn what_is_no_vin_is_kept_as_said_with_its_reason() {
        assert_eq!(reason("NZE121-3012345"), "chassis_number");
        assert_eq!(reason("GRX130-6012345"), "chassis_number");
        assert_eq!(reason("1M8GDM9AXKPO42788"), "vin_letter");
        assert_eq!(reason("1Z37L7S420123"), "vin_length");
        assert_eq!(reason("1M8GDM9AXKP0427$8"), "vin_character");
        let said = vin("1z37 l7s420123").map(|checked| checked.value);
        assert_eq!(said, Ok("1z37 l7s420123".to_owned()));
        assert_eq!(vin("").map_err(|error| error.code), Err("empty"));
        assert_eq!(vin(&"1".repeat(10_000)).map_err(|error| error.code), Err("too_long"));
    }

    proptest! {
        #[test]
        fn a_stored_vin_is_judged_as_when_it_was_stored(text in "[ A-Za-z0-9京?-]{1,20}") {
            if let Ok(first) = vin(&text) {
                prop_assert_eq!(vin(&first.value), Ok(first.clone()));
            }
        }
    }
}
