//! Vehicle identification numbers: ISO 3779, with the check digit where the law wants one.

use super::{CheckError, folded};

/// A well-formed VIN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vin(String);

impl Vin {
    /// Seventeen capital letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// World manufacturer identifier: the first three characters.
    pub fn manufacturer(&self) -> &str {
        self.0.get(..3).unwrap_or_default()
    }
}

/// Weights of the positions (49 CFR 565.15 table IV); the check digit itself has none.
const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/// Checks a VIN and puts it in one form: upper case, no spaces or hyphens.
///
/// The check digit is demanded of vehicles of North America (49 CFR 565, first character 1–5)
/// and China (GB 16735, L); elsewhere the ninth position is the maker's own.
pub fn vin(text: &str) -> Result<Vin, CheckError> {
    let plain: String = folded(text).chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if let Some(letter) = plain.chars().find(|c| matches!(c, 'I' | 'O' | 'Q')) {
        let digit = if letter == 'I' { '1' } else { '0' };
        let sentence = format!("A VIN has no letter {letter}: it is read as {digit}.");
        return Err(CheckError::new("vin", "vin_letter", sentence));
    }
    if let Some(other) = plain.chars().find(|c| value(*c).is_none()) {
        let sentence = format!("A VIN has only capital letters and digits, not {other:?}.");
        return Err(CheckError::new("vin", "vin_character", sentence));
    }
    if plain.len() != 17 {
        let sentence = format!("A VIN has 17 characters, this has {}.", plain.len());
        return Err(CheckError::new("vin", "vin_length", sentence));
    }
    let first = plain.chars().next().unwrap_or_default();
    let is_demanded = matches!(first, '1'..='5' | 'L');
    let (expected, found) = (check_digit(&plain), plain.chars().nth(8));
    if is_demanded && found != Some(expected) {
        let sentence = "The VIN's check digit does not fit: one of its characters is misread.";
        return Err(CheckError::new("vin", "vin_check_digit", sentence));
    }
    Ok(Vin(plain))
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
    use super::*;

    fn code(text: &str) -> &'static str {
        vin(text).map_or_else(|error| error.code, |_| "fine")
    }

    #[test]
    fn the_check_digit_is_demanded_in_north_america_and_china() {
        assert_eq!(code("1M8GDM9AXKP042788"), "fine");
        assert_eq!(code("11111111111111111"), "fine");
        assert_eq!(code("5GZCZ43D13S812715"), "fine");
        assert_eq!(code("1M8GDM9A1KP042788"), "vin_check_digit");
        assert_eq!(code("1M8GDM9AXKP042778"), "vin_check_digit");
        assert_eq!(code("LFV2A21K0A3000000"), "vin_check_digit");
    }

    #[test]
    fn elsewhere_the_ninth_position_is_the_makers_own() {
        assert_eq!(code("WVWZZZ1JZXW000001"), "fine");
        assert_eq!(code("JHMCM56557C404453"), "fine");
    }

    #[test]
    fn spelling_is_put_in_one_form_and_mistakes_are_named() {
        let read = vin(" 1m8gdm9a xkp-042788 ").map(|vin| vin.as_str().to_owned());
        assert_eq!(read, Ok("1M8GDM9AXKP042788".to_owned()));
        let wide =
            vin("１Ｍ８ＧＤＭ９ＡＸＫＰ０４２７８８").map(|vin| vin.manufacturer().to_owned());
        assert_eq!(wide, Ok("1M8".to_owned()));
        assert_eq!(code("1M8GDM9AXKPO42788"), "vin_letter");
        assert_eq!(code("1M8GDM9AXKP04278"), "vin_length");
        assert_eq!(code("1M8GDM9AXKP0427$8"), "vin_character");
        assert_eq!(code(""), "vin_length");
        assert_eq!(code(&"1".repeat(10_000)), "vin_length");
    }
}
