//! The one form in which texts are searched: what is typed on any keyboard finds what was written on
//! another.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A text as it is searched: NFKC, without case, without accents, with single spaces.
///
/// Full width and half width, composed and decomposed, `İ`, `I`, `ı` and `i` are the same, and so are
/// `ß` and `ss`. Marks that make other letters (dakuten, vowel signs, tones of Thai) stay.
pub fn fold(text: &str) -> String {
    let plain = text.nfkd().filter(|c| !is_accent(*c)).filter(|c| !is_unseen(*c));
    // To upper case first: that spells ß out, and makes one letter of ı and i, and of ς and σ.
    let small = plain.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let letters = small.filter(|c| !is_accent(*c)).flat_map(base).nfc();
    let mut folded = String::with_capacity(text.len());
    for c in letters {
        let c = if c.is_whitespace() { ' ' } else { dash(c) };
        if c != ' ' || !(folded.is_empty() || folded.ends_with(' ')) {
            folded.push(c);
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// A folded text by its letters and digits alone: plates, phone numbers and addresses are written
/// with other gaps each time.
pub fn compact(folded: &str) -> String {
    folded.chars().filter(|c| c.is_alphanumeric() || is_combining_mark(*c)).collect()
}

/// Marks that are left out: accents of Latin, Greek and Cyrillic, and of letters in general.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}' | '\u{64b}'..='\u{65f}')
}

/// Control characters, joiners, marks of direction, variation selectors: nobody types them into a search.
fn is_unseen(c: char) -> bool {
    let is_control = c.is_control() && !c.is_whitespace();
    is_control
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0100}'..='\u{e01ef}')
}

/// Letters with a stroke, which Unicode does not take apart, and a character that Taiwan writes in two
/// ways in its addresses.
fn base(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'đ' | 'ð' => ('d', None),
        'ø' => ('o', None),
        'ł' => ('l', None),
        'ħ' => ('h', None),
        'ŧ' => ('t', None),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        '臺' => ('台', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

fn dash(c: char) -> char {
    if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}') { '-' } else { c }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_word_has_one_form_however_it_is_written() {
        for (one, other) in [
            ("Nguyễn Thị Đào", "NGUYEN THI DAO"),
            ("Nguye\u{302}\u{303}n", "nguyễn"),
            ("中山北路２段ＡＢＣ大樓", "中山北路2段abc大樓"),
            ("İSTANBUL Kadıköy IĞDIR", "istanbul KADIKOY ığdır"),
            ("Müller Straße", "MULLER STRASSE"),
            ("ｶﾞｿﾘﾝ", "ガソリン"),
            ("か\u{3099}", "が"),
            ("ﬁat ½", "fiat 1⁄2"),
            ("Łódź Ærø", "lodz aero"),
            ("臺北市", "台北市"),
            (" a\u{a0}\t b\u{200b}c\0", "a bc"),
            ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
        assert_ne!(fold("か"), fold("が"));
        assert_eq!(compact(&fold("ＡＢＣ－1234·京")), "abc1234京");
    }

    proptest! {
        #[test]
        fn a_folded_text_is_folded(text in "\\PC{0,30}") {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }
    }
}
