//! Phone numbers: as people dial them, kept as E.164 with the extension of RFC 3966.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, PhoneNumber};

use super::clean::line;
use super::{CheckError, Checked, Region};

/// Most digits of an extension.
const EXTENSION: usize = 7;

/// Checks a phone number and gives it as E.164, such as `+886912345678`, with its extension as RFC 3966
/// writes it: `+886227208889;ext=12`.
///
/// `region` is where numbers without `+` are dialled. Without one, and where no numbering plan has
/// such a number, it is kept as said.
///
/// # Errors
/// `empty`, `too_long`, `control_character`.
pub fn phone(text: &str, region: Option<Region>) -> Result<Checked, CheckError> {
    let said = line("phone", text)?;
    if let Some(number) = normal(&said, region) {
        return Ok(Checked::fine(number));
    }
    let what = match international(&said) {
        Some(digits) => format!("is not a valid {}.", kind_of(&digits)),
        None => {
            "is not a valid phone number where it is dialled. With + and the country code it is \
                 one anywhere."
                .to_owned()
        }
    };
    Ok(Checked::as_said(said, "phone", "phone_invalid", &what))
}

/// The digits by which a stored number is compared and found: in international form, and as it is
/// dialled in its own country; of one kept as said its digits, if it has any. Extensions follow.
pub fn phone_digits(stored: &str) -> Vec<String> {
    let Ok(said) = line("phone", stored) else { return Vec::new() };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let mut forms = vec![digits(&said)];
    let (main, extension) = split(&said);
    if let Some(number) = parsed(main, None) {
        let national = number.format().mode(Mode::National).to_string();
        forms.push(digits(&national) + extension.unwrap_or_default());
    }
    forms.retain(|form| !form.is_empty());
    forms.dedup();
    forms
}

fn normal(said: &str, region: Option<Region>) -> Option<String> {
    let (main, extension) = split(said);
    let number = parsed(main, region)?;
    let e164 = number.format().mode(Mode::E164).to_string();
    Some(match extension {
        Some(extension) => format!("{e164};ext={extension}"),
        None => e164,
    })
}

/// A number some numbering plan has.
fn parsed(main: &str, region: Option<Region>) -> Option<PhoneNumber> {
    let plain = |c: char| c.is_ascii_digit() || " +-().*/".contains(c);
    if !main.chars().all(plain) {
        return None;
    }
    // The parser strips the trunk prefix of the region it is given from numbers of any country, which
    // takes the leading 0 of Italy and Ivory Coast away: a number with + is read without a region.
    let read = |region: Option<Region>, text: &str| {
        let number = phonenumber::parse(region.map(Region::id), text).ok()?;
        phonenumber::is_valid(&number).then_some(number)
    };
    if main.starts_with('+') {
        return read(None, main);
    }
    // 00 is the prefix the ITU recommends (E.123); some countries dial another one.
    let abroad = || read(None, &format!("+{}", main.strip_prefix("00")?));
    region.and_then(|region| read(Some(region), main)).or_else(abroad)
}

/// The number, and the digits of an extension that follows it.
fn split(said: &str) -> (&str, Option<&str>) {
    let main = said.get(..4).filter(|start| start.eq_ignore_ascii_case("tel:"));
    let said = main.map_or(said, |_| &said[4..]).trim();
    let before = said.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &said[before.len()..];
    if !(1..=EXTENSION).contains(&digits.len()) {
        return (said, None);
    }
    let mark = before.trim_end_matches([' ', '.', ':', '=']);
    let lower = mark.to_ascii_lowercase();
    let words =
        ["#", ";ext", "extension", "ext", "x", "分機", "分机", "內線", "内線", "内线", "轉", "转"];
    let word = words.iter().find(|word| lower.ends_with(**word));
    match word.and_then(|word| mark.get(..mark.len() - word.len())) {
        Some(main) if main.chars().any(|c| c.is_ascii_digit()) => {
            (main.trim_end_matches([' ', ',', ';']), Some(digits))
        }
        _ => (said, None),
    }
}

/// The digits after `+`, of a text that has nothing but a number.
fn international(said: &str) -> Option<String> {
    let (main, _) = split(said);
    let rest = main.strip_prefix('+')?;
    let plain = rest.chars().all(|c| c.is_ascii_digit() || " -().*/".contains(c));
    plain.then(|| rest.chars().filter(char::is_ascii_digit).collect())
}

/// What a number with this country code is called.
fn kind_of(digits: &str) -> String {
    let code = (1..=3).rev().filter_map(|length| digits.get(..length)?.parse::<u16>().ok());
    let code = code.into_iter().find(|code| DATABASE.by_code(code).is_some());
    match code {
        None => "phone number: no country has this code".to_owned(),
        Some(code) => match NAMES.iter().find(|(known, _)| *known == code) {
            Some((_, name)) => format!("{name} phone number"),
            None => format!("phone number of the country code +{code}"),
        },
    }
}

/// Country codes with what is said of their numbers; others are called by their code.
const NAMES: &[(u16, &str)] = &[
    (1, "North American"),
    (7, "Russian or Kazakh"),
    (33, "French"),
    (34, "Spanish"),
    (39, "Italian"),
    (44, "British"),
    (49, "German"),
    (52, "Mexican"),
    (55, "Brazilian"),
    (60, "Malaysian"),
    (61, "Australian"),
    (62, "Indonesian"),
    (63, "Philippine"),
    (65, "Singaporean"),
    (66, "Thai"),
    (81, "Japanese"),
    (82, "South Korean"),
    (84, "Vietnamese"),
    (86, "Chinese"),
    (90, "Turkish"),
    (91, "Indian"),
    (225, "Ivorian"),
    (852, "Hong Kong"),
    (853, "Macau"),
    (886, "Taiwanese"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(text: &str, region: &str) -> String {
        let checked = phone(text, Region::parse(region).ok()).unwrap_or_else(|e| panic!("{e}"));
        match checked.finding {
            Some(finding) => format!("{}: {}", finding.reason, checked.value),
            None => checked.value,
        }
    }

    #[test]
    fn numbers_as_dialled_become_e164() {
        assert_eq!(kept("0912-345-678", "TW"), "+886912345678");
        assert_eq!(kept("(02) 2720-8889", "tw"), "+886227208889");
        assert_eq!(kept("+1 610 278 3000", "TW"), "+16102783000");
        assert_eq!(kept("(610) 278-3000", "US"), "+16102783000");
        assert_eq!(kept("138 0013 8000", "CN"), "+8613800138000");
        assert_eq!(kept("０９１２３４５６７８", "TW"), "+886912345678");
        assert_eq!(kept("tel:+886912345678", "TW"), "+886912345678");
        assert_eq!(kept("00886912345678", "TW"), "+886912345678");
        assert_eq!(kept("+44 (0)20 7946 0958", "TW"), "+442079460958");
        assert_eq!(kept("02 1234 5678", "IT"), "+390212345678");
    }

    #[test]
    fn a_leading_zero_of_another_country_is_kept() {
        for region in ["TW", "US", "IT", "CI", ""] {
            assert_eq!(kept("+39 02 1234 5678", region), "+390212345678");
            assert_eq!(kept("+39 06 6981 2345", region), "+390669812345");
            assert_eq!(kept("+378 0549 886377", region), "+3780549886377");
            assert_eq!(kept("+225 01 23 45 6789", region), "+2250123456789");
            assert_eq!(kept("+229 01 95 12 34 56", region), "+2290195123456");
            assert_eq!(kept("+242 06 123 4567", region), "+242061234567");
        }
    }

    #[test]
    fn what_copying_adds_to_a_number_does_not_matter() {
        for text in [
            "\u{202a}+886 912 345 678\u{202c}",
            "\u{2068}+886912345678\u{2069}",
            "+886\u{a0}912\u{a0}345\u{a0}678",
            "0912\u{2011}345\u{2011}678",
            "0912–345–678",
            "\u{200e}0912\u{2060}345678\u{feff}",
            "0912\t345\n678",
        ] {
            assert_eq!(kept(text, "TW"), "+886912345678", "{text:?}");
        }
    }

    #[test]
    fn an_extension_is_kept() {
        for text in
            ["02-2720-8889#12", "02 2720 8889 ext. 12", "(02)2720-8889 分機 12", "+886227208889x12"]
        {
            assert_eq!(kept(text, "TW"), "+886227208889;ext=12", "{text}");
        }
        assert_eq!(kept("#12", "TW"), "phone_invalid: #12");
    }

    #[test]
    fn what_no_plan_knows_is_kept_as_said() {
        assert_eq!(kept("call  me", "TW"), "phone_invalid: call me");
        assert_eq!(kept("12", "TW"), "phone_invalid: 12");
        assert_eq!(kept("0912 345 678", ""), "phone_invalid: 0912 345 678");
        assert_eq!(kept("0912345678 / 0223456789", "TW"), "phone_invalid: 0912345678 / 0223456789");
        let sentence =
            |text| phone(text, None).ok().and_then(|it| it.finding).map(|it| it.sentence);
        let rest = "It is kept as said; correct it if it is wrong.";
        let wanted = format!("+886 2 1234 is not a valid Taiwanese phone number. {rest}");
        assert_eq!(sentence("+886 2 1234"), Some(wanted));
        let wanted =
            format!("+999 12345 is not a valid phone number: no country has this code. {rest}");
        assert_eq!(sentence("+999 12345"), Some(wanted));
        assert_eq!(phone(&"1".repeat(65), None).map_err(|error| error.code), Err("too_long"));
    }

    #[test]
    fn digits_of_a_number_are_those_of_both_its_forms() {
        assert_eq!(phone_digits("+886912345678"), ["886912345678", "0912345678"]);
        assert_eq!(phone_digits("+886227208889;ext=12"), ["88622720888912", "022720888912"]);
        assert_eq!(phone_digits("+390212345678"), ["390212345678", "0212345678"]);
        assert_eq!(phone_digits("0912 345 678"), ["0912345678"]);
        assert_eq!(phone_digits("call me"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn a_stored_number_is_judged_alike_everywhere(text in "[ +0-9().*#/x;-]{0,34}") {
            let region = Region::parse("TW").ok();
            if let Ok(first) = phone(&text, region) {
                if first.finding.is_none() {
                    prop_assert_eq!(phone(&first.value, None), Ok(first.clone()));
                    prop_assert_eq!(phone(&first.value, Region::parse("US").ok()), Ok(first));
                } else {
                    prop_assert_eq!(phone(&first.value, region), Ok(first));
                }
            }
        }
    }
}
