//! Splits CSV into records line by line, so that one stray quote spoils one row, not the file.

use std::io::{self, BufRead, BufReader, Read};

use super::Finding;

/// Longest record, bytes.
const ROW_BYTES: usize = 64 * 1024;
/// Lines a quoted field may span before its opening quote is taken for a stray one.
const QUOTED_LINES: usize = 16;

/// Records of a CSV source, each with the line it begins at.
pub(super) struct Rows<R> {
    lines: Lines<R>,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(source: R) -> Self {
        Self { lines: Lines { source: BufReader::new(source), line: 0, ahead: Vec::new() } }
    }

    /// The next record that is not empty, or what is wrong with it. Fails only when the source
    /// itself cannot be read any further.
    #[allow(clippy::type_complexity)]
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Result<Vec<String>, Finding>)>> {
        loop {
            let Some((line, bytes)) = self.lines.next()? else { return Ok(None) };
            let bad = |code, reason: &str| Finding { line, code, reason: reason.into() };
            let Some(first) = bytes else {
                return Ok(Some((line, Err(bad("too_long", "the line is longer than 64 KiB")))));
            };
            if first.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let Some(record) = self.close_quotes(first)? else {
                let reason = "a quote is opened and never closed";
                return Ok(Some((line, Err(bad("bad_row", reason)))));
            };
            return Ok(Some((line, split(&record).map_err(|(code, why)| bad(code, why)))));
        }
    }

    /// Joins lines until every quote is closed; gives them back when that does not happen soon.
    fn close_quotes(&mut self, first: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let odd = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'"').count() % 2 == 1;
        if !odd(&first) {
            return Ok(Some(first));
        }
        let (mut record, mut taken) = (first, Vec::new());
        while taken.len() < QUOTED_LINES && record.len() < ROW_BYTES {
            let Some((line, bytes)) = self.lines.next()? else { break };
            if let Some(bytes) = &bytes {
                record.extend_from_slice(bytes);
            }
            let closed = bytes.is_some() && !odd(&record);
            taken.push((line, bytes));
            if closed {
                return Ok(Some(record));
            }
        }
        self.lines.give_back(taken);
        Ok(None)
    }
}

fn split(record: &[u8]) -> Result<Vec<String>, (&'static str, &'static str)> {
    let record = record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(record.len().max(64))
        .from_reader(record);
    let mut fields = csv::ByteRecord::new();
    match reader.read_byte_record(&mut fields) {
        Ok(true) => fields
            .iter()
            .map(|field| std::str::from_utf8(field).map(|text| text.trim().to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|_| ("not_utf8", "the row is not UTF-8 text")),
        _ => Err(("bad_row", "the row is not CSV")),
    }
}

type Line = (u64, Option<Vec<u8>>);

/// Numbered lines with their ends; a line that is too long is skipped and given as `None`.
struct Lines<R> {
    source: BufReader<R>,
    line: u64,
    /// Lines given back, the next one last.
    ahead: Vec<Line>,
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.ahead.pop() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        let mut most = (&mut self.source).take(ROW_BYTES as u64);
        if most.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.len() < ROW_BYTES || bytes.ends_with(b"\n") {
            return Ok(Some((self.line, Some(bytes))));
        }
        self.source.skip_until(b'\n')?;
        Ok(Some((self.line, None)))
    }

    fn give_back(&mut self, mut lines: Vec<Line>) {
        lines.reverse();
        self.ahead.extend(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<(u64, Result<Vec<String>, &'static str>)> {
        let mut rows = Rows::new(text);
        let mut out = Vec::new();
        while let Some((line, row)) = rows.next().expect("reading from memory") {
            out.push((line, row.map_err(|finding| finding.code)));
        }
        out
    }

    #[test]
    fn quoted_commas_quotes_and_line_ends_stay_in_their_field() {
        let rows = all(b"a,\"b, \"\"c\"\"\nd\"\r\n\r\ne,f\n");
        assert_eq!(rows[0], (1, Ok(vec!["a".into(), "b, \"c\"\nd".into()])));
        assert_eq!(rows[1], (4, Ok(vec!["e".into(), "f".into()])));
    }

    #[test]
    fn a_long_line_or_a_stray_quote_spoils_only_its_own_row() {
        let mut text = b"a,\"b\nc,d\n".to_vec();
        text.extend(vec![b'x'; ROW_BYTES * 3]);
        text.extend(b"\ne,\xff\nf,g");
        let rows = all(&text);
        assert_eq!(rows[0], (1, Err("bad_row")));
        assert_eq!(rows[1], (2, Ok(vec!["c".into(), "d".into()])));
        assert_eq!(rows[2], (3, Err("too_long")));
        assert_eq!(rows[3], (4, Err("not_utf8")));
        assert_eq!(rows[4], (5, Ok(vec!["f".into(), "g".into()])));
    }
}
