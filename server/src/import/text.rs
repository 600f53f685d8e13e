//! Bytes of a file as characters, in the encoding they were written in.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::unreadable;
use crate::http::Problem;

/// Encodings that are taken.
const TAKEN: [&Encoding; 7] = [UTF_8, UTF_16LE, UTF_16BE, BIG5, GB18030, GBK, WINDOWS_1252];

/// A file as characters.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// Its characters, without a byte order mark.
    pub text: String,
    /// The encoding, by its name in the Encoding Standard.
    pub encoding: &'static str,
}

/// Reads a file in the encoding that is named, or that its bytes show.
///
/// A byte order mark decides, and so do bytes that are UTF-8. Of what is left, Big5, GB18030 and
/// windows-1252, those that have every character are compared: first by how many column names of the
/// header `known` finds, then by the frequencies of letters. Where neither speaks for one, none is taken.
///
/// # Errors
/// `invalid` with the reason `encoding`, `workbook` or `empty`.
pub fn read(
    bytes: &[u8],
    named: Option<&str>,
    known: impl Fn(&str) -> usize,
) -> Result<Text, Problem> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        let detail =
            "This is an Excel workbook. In Excel choose Save As, CSV UTF-8, and send that file.";
        return Err(unreadable("workbook", detail));
    }
    let (marked, mark) = Encoding::for_bom(bytes).unzip();
    let rest = &bytes[mark.unwrap_or(0)..];
    let found = match (named, marked) {
        (Some(name), marked) => by_name(name, marked, rest)?,
        (None, Some(marked)) => strict(marked, rest),
        (None, None) => strict(UTF_8, rest).or_else(|| legacy(rest, known)),
    };
    let found = found.ok_or_else(|| {
        let detail = match (named, marked) {
            (Some(name), _) => format!("The file is not in the encoding {name}. Leave `encoding` out, or name the right one."),
            (None, Some(marked)) => format!("The file says it is {} and has bytes that are not. Save it again as CSV UTF-8.", marked.name()),
            (None, None) => "The encoding of the file is not clear. Save it as CSV UTF-8, or name its encoding (big5, gb18030, windows-1252).".to_owned(),
        };
        unreadable("encoding", detail)
    })?;
    if found.text.trim().is_empty() {
        return Err(unreadable(
            "empty",
            "The file is empty. It needs a header and a row below it.",
        ));
    }
    Ok(found)
}

fn by_name(
    name: &str,
    marked: Option<&'static Encoding>,
    rest: &[u8],
) -> Result<Option<Text>, Problem> {
    let encoding = Encoding::for_label(name.trim().as_bytes());
    let encoding = encoding.filter(|encoding| TAKEN.contains(encoding)).ok_or_else(|| {
        let detail = "Name one of utf-8, utf-16le, utf-16be, big5, gb18030, windows-1252.";
        unreadable("encoding", detail).field("encoding")
    })?;
    Ok(strict(encoding, rest).filter(|_| marked.is_none_or(|marked| marked == encoding)))
}

/// The text if every byte is one of the encoding, and none a control character of text files.
fn strict(encoding: &'static Encoding, bytes: &[u8]) -> Option<Text> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned();
    let odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    (!text.chars().any(odd)).then(|| Text { text, encoding: encoding.name() })
}

fn legacy(bytes: &[u8], known: impl Fn(&str) -> usize) -> Option<Text> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    let ascii: String = bytes.iter().map(|&b| if b.is_ascii() { b.into() } else { '?' }).collect();
    let plain = known(&ascii);
    let candidates = [(BIG5, BIG5), (GB18030, GBK), (WINDOWS_1252, WINDOWS_1252)];
    let found = candidates.into_iter().filter_map(|(encoding, as_guessed)| {
        let text = strict(encoding, bytes)?;
        let names = known(&text.text);
        // Something has to speak for it: a name in the header that is no ASCII, or its letters.
        let is_guess = guess == as_guessed;
        (names > plain || is_guess).then_some(((names, is_guess), text))
    });
    found.max_by_key(|(evidence, _)| *evidence).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(bytes: &[u8]) -> (&'static str, String) {
        let known =
            |text: &str| ["姓名", "帳號", "账号"].iter().filter(|it| text.contains(*it)).count();
        read(bytes, None, known).map_or(("", String::new()), |read| (read.encoding, read.text))
    }

    fn utf_16(text: &str, mark: [u8; 2], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
    }

    #[test]
    fn a_file_reads_the_same_in_whatever_encoding_a_spreadsheet_wrote_it() {
        let taiwan = "login,name\nbo,林小姐\nmei,陳怡君\n";
        let (big5, _, _) = BIG5.encode(taiwan);
        let china = "login,name\nbo,王建国\nmei,张丽华\n";
        let (gb, _, _) = GB18030.encode(china);
        let west = "login,name\nbo,Jürgen Müller\nmei,François Lefèvre\n";
        let (latin, _, _) = WINDOWS_1252.encode(west);
        let marked = [b"\xef\xbb\xbf", taiwan.as_bytes()].concat();
        for (bytes, encoding, text) in [
            (taiwan.as_bytes().to_vec(), "UTF-8", taiwan),
            (marked, "UTF-8", taiwan),
            (utf_16(taiwan, [0xff, 0xfe], u16::to_le_bytes), "UTF-16LE", taiwan),
            (utf_16(taiwan, [0xfe, 0xff], u16::to_be_bytes), "UTF-16BE", taiwan),
            (big5.into_owned(), "Big5", taiwan),
            (gb.into_owned(), "gb18030", china),
            (latin.into_owned(), "windows-1252", west),
        ] {
            assert_eq!(read_as(&bytes), (encoding, text.to_owned()));
        }
    }

    #[test]
    fn a_header_that_is_known_decides_where_names_are_too_few_to() {
        for (encoding, text, name) in
            [(BIG5, "帳號,姓名\nbo,王\n", "Big5"), (GB18030, "账号,姓名\nbo,王\n", "gb18030")]
        {
            let (bytes, _, _) = encoding.encode(text);
            assert_eq!(read_as(&bytes), (name, text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_text_or_not_what_was_named_is_refused() {
        let refused = |bytes: &[u8], named| match read(bytes, named, |_| 0) {
            Err(problem) => problem.sentence(),
            Ok(read) => format!("read as {}", read.encoding),
        };
        assert!(refused(b"PK\x03\x04rest", None).contains("workbook"));
        assert!(refused(b"l\0o\0g\0i\0n\0", None).contains("not clear"));
        assert!(refused(b"\xff\xfea", None).contains("UTF-16LE"));
        assert!(refused("login\n林".as_bytes(), Some("big5")).contains("big5"));
        assert!(refused(b"login\nbo", Some("klingon")).contains("Name one of"));
        assert!(refused(b" \n", None).contains("empty"));
    }
}
