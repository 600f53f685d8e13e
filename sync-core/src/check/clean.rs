//! Texts as they are kept: without what keyboards, spreadsheets and copying add to them.

use super::{AS_SAID_CHARS, CheckError};
use crate::limits;

/// Most characters of a text field of a job, by its name in requests; other texts of phones are
/// bounded by the bytes of a value.
pub fn longest(field: &str) -> usize {
    match field {
        "number" | "source" | "color" => 40,
        "language" => 35,
        "make" | "model" => 60,
        "caller" => 100,
        "vehicle" | "problem" => 200,
        "address" | "destination" => 300,
        "checklist" => 1000,
        "remarks" => 4000,
        _ => limits::VALUE_BYTES,
    }
}

/// A text as it is kept: line ends are line feeds, tabs and odd spaces are spaces, and what nobody
/// sees and what turns the reading order around is left out. Chinese spaces and the joiners and
/// marks that scripts need stay.
///
/// # Errors
/// `empty`, `too_long` for more than `longest` characters, and `control_character`.
pub fn text(field: &str, value: &str, longest: usize) -> Result<String, CheckError> {
    let kept = clean(field, value)?;
    let kept = kept.trim();
    if kept.is_empty() {
        let sentence = format!("The field {field} is empty. Write something, or leave it out.");
        return Err(CheckError::new(field, "empty", sentence));
    }
    let count = kept.chars().count();
    if count > longest {
        let sentence = format!(
            "The field {field} takes at most {longest} characters; this has {count}. Shorten it."
        );
        return Err(CheckError::new(field, "too_long", sentence));
    }
    Ok(kept.to_owned())
}

/// An identifier on one line: as [`text`], in ASCII width with plain dashes and single spaces. Scanners
/// and Chinese keyboards write full width.
pub(super) fn line(field: &str, value: &str) -> Result<String, CheckError> {
    let kept: String = text(field, value, limits::VALUE_BYTES)?.chars().map(narrow).collect();
    let hidden = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{61c}');
    let kept: String = kept.chars().filter(|c| !hidden(*c)).collect();
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    text(field, &kept, AS_SAID_CHARS)
}

fn clean(field: &str, value: &str) -> Result<String, CheckError> {
    let mut kept = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => kept.push('\n'),
            '\t' => kept.push(' '),
            '\u{3000}' => kept.push(c),
            c if c.is_whitespace() => kept.push(' '),
            c if is_unseen(c) => {}
            c if c.is_control() => {
                let sentence = format!(
                    "The field {field} has the control character U+{:04X}, which cannot be kept. Remove it.",
                    u32::from(c)
                );
                return Err(CheckError::new(field, "control_character", sentence));
            }
            c => kept.push(c),
        }
    }
    Ok(kept)
}

/// What is not seen and changes what is read: soft hyphens, zero-width spaces, byte order marks, and
/// the controls that turn the order of what follows them. Right-to-left scripts need none of them.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A character in ASCII width, with one kind of dash.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
        '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(value: &str) -> Result<String, &'static str> {
        text("remarks", value, 20).map_err(|error| error.code)
    }

    #[test]
    fn what_spreadsheets_and_copying_add_is_put_in_one_form() {
        assert_eq!(said("gate 12\r\nring\rtwice\tx"), Ok("gate 12\nring\ntwice x".into()));
        assert_eq!(
            said("\u{feff}\u{202e}\u{a0}林\u{2060}\u{2068}小姐\u{2069}"),
            Ok("林小姐".into())
        );
        assert_eq!(said("می\u{200c}خواهم　中"), Ok("می\u{200c}خواهم　中".into()));
    }

    #[test]
    fn only_what_cannot_be_stored_is_refused_and_the_sentence_says_what_to_do() {
        assert_eq!(said("a\0b"), Err("control_character"));
        assert_eq!(said(" \u{200b}\n"), Err("empty"));
        assert_eq!(said(&"林".repeat(21)), Err("too_long"));
        let sentence = text("caller", "a\0", 9).map_err(|error| error.sentence);
        let wanted =
            "The field caller has the control character U+0000, which cannot be kept. Remove it.";
        assert_eq!(sentence, Err(wanted.into()));
    }

    proptest! {
        #[test]
        fn the_kept_form_is_kept_as_it_is(value in "\\PC{0,40}") {
            if let Ok(kept) = text("remarks", &value, 100) {
                prop_assert_eq!(text("remarks", &kept, 100), Ok(kept.clone()));
            }
        }
    }
}
