//! A file as rows under known columns, numbered as the spreadsheet shows them.
//!
//! Our own reader of separated values: it has to know which row of the sheet a record is, blank ones
//! and line breaks within quotes counted, and where a quote was opened that nobody closed. The tests
//! compare it with the `csv` crate.

use std::collections::BTreeMap;

use super::columns::{self, Column};
use super::{Kind, ROWS, unreadable};
use crate::http::Problem;

/// Most cells of a row.
const CELLS: usize = 200;
/// Rows above the header that may be blank.
const ABOVE: usize = 100;
/// Separators, in the order in which they are tried.
const SEPARATORS: [(char, &str); 3] = [(',', "comma"), (';', "semicolon"), ('\t', "tab")];

/// A file whose header was understood.
#[derive(Debug)]
pub struct Table {
    /// The word for its separator.
    pub separator: &'static str,
    /// Each known column with its header.
    pub columns: Vec<(&'static Column, String)>,
    /// Headers nobody knows, whose cells are not read.
    pub unknown: Vec<String>,
    /// The rows that are not blank.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Debug)]
pub struct Row {
    /// Its number in the sheet, from 1.
    pub number: usize,
    /// What stands in known columns, by their key.
    pub cells: BTreeMap<&'static str, String>,
    /// Whether there is more in it than the header has columns.
    pub is_longer: bool,
}

/// How many known column names the header of a text has.
pub fn known(kind: Kind, text: &str) -> usize {
    let (text, named) = separator_line(text);
    candidates(named).map(|(separator, _)| score(kind, text, separator).1).max().unwrap_or(0)
}

/// Reads the rows of a file.
///
/// # Errors
/// `invalid` with the reason `header`, `rows` or `quote`.
pub fn read(kind: Kind, text: &str) -> Result<Table, Problem> {
    let (text, named) = separator_line(text);
    let best = candidates(named).map(|it| (score(kind, text, it.0), it)).rev();
    let (separator, word) = best.max_by_key(|(score, _)| *score).map_or(SEPARATORS[0], |it| it.1);
    let mut records = split(text, separator, ROWS + ABOVE + 1)?.into_iter().enumerate();
    let header = records.find(|(_, cells)| !is_blank(cells));
    let (at, header) = header.ok_or_else(|| unreadable("header", "There is no header."))?;
    let (columns, unknown) = understood(kind, &header, word)?;
    let known: Vec<Option<&'static str>> =
        header.iter().map(|name| columns::find(kind, name).map(|column| column.key)).collect();
    let rows = records.filter(|(_, cells)| !is_blank(cells)).map(|(index, cells)| Row {
        number: index + 1,
        is_longer: cells.iter().skip(known.len()).any(|cell| !cell.trim().is_empty()),
        cells: known.iter().zip(cells).filter_map(|(key, cell)| Some(((*key)?, cell))).collect(),
    });
    let rows: Vec<Row> = rows.collect();
    if rows.len() > ROWS || at > ABOVE {
        let detail =
            format!("A file has at most {ROWS} rows. Split it and send the parts one by one.");
        return Err(unreadable("rows", detail));
    }
    if rows.is_empty() {
        return Err(unreadable("rows", "There is no row below the header."));
    }
    Ok(Table { separator: word, columns, unknown, rows })
}

/// A first line such as `sep=;`, with which a spreadsheet is told the separator and of which it shows
/// no row.
fn separator_line(text: &str) -> (&str, Option<char>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let named = first.trim_end_matches('\r').trim_matches('"').strip_prefix("sep=");
    let mut named = named.into_iter().flat_map(str::chars);
    match (named.next(), named.next()) {
        (Some(separator), None) => (rest, Some(separator)),
        _ => (text, None),
    }
}

fn candidates(named: Option<char>) -> impl DoubleEndedIterator<Item = (char, &'static str)> {
    SEPARATORS.into_iter().filter(move |(it, _)| named.is_none_or(|named| named == *it))
}

/// What speaks for a separator: that the header then has a column a file needs, and how many columns
/// it has, known ones and all.
fn score(kind: Kind, text: &str, separator: char) -> (bool, usize, usize) {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let cells = split(header, separator, 1).ok().and_then(|rows| rows.into_iter().next());
    let cells = cells.unwrap_or_default();
    let known = || cells.iter().filter_map(|name| columns::find(kind, name));
    let is_enough = known().any(|column| columns::needed(kind).contains(&column.key));
    (is_enough, known().count(), cells.len())
}

type Understood = (Vec<(&'static Column, String)>, Vec<String>);

fn understood(kind: Kind, header: &[String], separator: &str) -> Result<Understood, Problem> {
    let (mut columns, mut unknown): Understood = Default::default();
    for name in header.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if let Some(why) = columns::ambiguous(kind, name) {
            return Err(unreadable("header", format!("Column {:?}: {why}", short(name))));
        }
        match columns::find(kind, name) {
            Some(column) => {
                if let Some((_, other)) = columns.iter().find(|(it, _)| it.key == column.key) {
                    let detail = format!(
                        "The columns {other:?} and {:?} both are the {}. Leave one of them out.",
                        short(name),
                        column.key
                    );
                    return Err(unreadable("header", detail));
                }
                columns.push((column, short(name)));
            }
            None => unknown.push(short(name)),
        }
    }
    let has = |key: &str| columns.iter().any(|(column, _)| column.key == key);
    let needed = columns::needed(kind);
    if !needed.iter().any(|key| has(key)) {
        let known: Vec<&str> = columns::of(kind).iter().map(|column| column.key).collect();
        let detail = format!(
            "The header has no column {}. It was read with the separator {separator}: {}. Columns that \
             are known: {}.",
            needed.join(" or "),
            header
                .iter()
                .take(20)
                .map(|name| format!("{:?}", short(name)))
                .collect::<Vec<_>>()
                .join(", "),
            known.join(", ")
        );
        return Err(unreadable("header", detail));
    }
    Ok((columns, unknown))
}

fn is_blank(cells: &[String]) -> bool {
    cells.iter().all(|cell| cell.trim().is_empty())
}

/// A header or a cell as a report shows it.
pub fn short(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        text.chars().take(59).chain(['…']).collect()
    }
}

/// The records of a text (RFC 4180), `most` at most and one more, blank lines as records too.
fn split(text: &str, separator: char, most: usize) -> Result<Vec<Vec<String>>, Problem> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut opened, mut is_start) = (None, true);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if opened.is_some() {
            match c {
                '"' if chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => opened = None,
                other => cell.push(other),
            }
            continue;
        }
        match c {
            '"' if is_start => (opened, is_start) = (Some(records.len() + 1), false),
            '\r' | '\n' => {
                if c == '\r' && chars.peek() == Some(&'\n') {
                    chars.next();
                }
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
                is_start = true;
                if records.len() > most {
                    return Ok(records);
                }
            }
            c if c == separator => {
                record.push(std::mem::take(&mut cell));
                is_start = true;
                if record.len() > CELLS {
                    let detail = format!("Row {} has more than {CELLS} cells.", records.len() + 1);
                    return Err(unreadable("rows", detail));
                }
            }
            other => {
                cell.push(other);
                is_start = false;
            }
        }
    }
    if let Some(row) = opened {
        let detail = format!("A quote (\") is opened in row {row} and never closed.");
        return Err(unreadable("quote", detail));
    }
    if !cell.is_empty() || !record.is_empty() || !is_start {
        record.push(cell);
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str) -> Vec<(usize, Option<String>)> {
        let table = read(Kind::Parts, text).map_err(|problem| problem.sentence()).expect("a table");
        table.rows.into_iter().map(|row| (row.number, row.cells.get("part_no").cloned())).collect()
    }

    #[test]
    fn rows_have_the_numbers_that_the_spreadsheet_shows() {
        let text =
            "\r\nPart No.,Description\r\nA,\"two\r\nlines\"\r\n,\r\nB,\"a \"\"b\"\"\"\r\n\r\nC,x";
        let part = |number, part: &str| (number, Some(part.to_owned()));
        assert_eq!(rows(text), [part(3, "A"), part(5, "B"), part(7, "C")]);
        assert_eq!(rows("sep=;\nPart No.;x\nA;1\n"), [part(2, "A")]);
        assert_eq!(rows("料號\t品名\nA\tb\n"), [part(2, "A")]);
        assert_eq!(rows("料号;品名,單位\nA;b,c\n"), [part(2, "A")]);
    }

    #[test]
    fn a_file_that_cannot_be_read_says_why_once() {
        let why =
            |text: &str| read(Kind::Parts, text).map_or_else(|p| p.sentence(), |_| String::new());
        let unknown = why("number|what\n1|2\n");
        assert!(unknown.contains("part_no") && unknown.contains("number|what"), "{unknown}");
        assert!(why("part_no,sku\nA,B\n").contains("both are the part_no"));
        assert!(why("part_no,x\nA,\"open\nB,c\n").contains("row 2"));
        assert!(why("part_no\n").contains("no row"));
        assert!(why(&format!("part_no\n{}", "A\n".repeat(ROWS + 1))).contains("at most 10000"));
        assert!(why("part_no,unit_price\nA,1\n").contains("price_minor"));
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_crate(
            table in prop::collection::vec(prop::collection::vec("[a-z \",;\r\n林]{0,6}", 2..4), 1..6),
            quoted in any::<bool>(),
        ) {
            let style = if quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().flexible(true).quote_style(style).from_writer(Vec::new());
            for record in &table {
                writer.write_record(record).expect("memory takes it");
            }
            let text = String::from_utf8(writer.into_inner().expect("memory takes it")).expect("UTF-8");
            let read = split(&text, ',', 100).map_err(|problem| problem.sentence());
            prop_assert_eq!(read, Ok(table));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a,;\t\"\r\n=']{0,60}") {
            let _ = read(Kind::Parts, &format!("part_no,x\n{text}"));
            let _ = known(Kind::Users, &text);
        }
    }
}
