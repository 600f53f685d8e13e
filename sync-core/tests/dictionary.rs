//! The dictionaries as documentation: `docs/dictionary.md` always says what the code does.
// The test, not the crate, reads and writes files.
#![allow(clippy::disallowed_methods)]

use std::fmt::Write as _;

use sync_core::dictionary::{Coding, NUMBERED_SECTIONS, keys, word};
use sync_core::schema::DocKind;

fn page() -> String {
    let mut page = String::from(
        "# Dictionaries of the wire\n\nWritten from the code; a test compares. Numbers are frozen: new names are appended.\n\n\
         ## Sections\n\nNumber 0 means that the name follows.\n\n| number | section |\n|---|---|\n",
    );
    for (number, section) in (1..).zip(NUMBERED_SECTIONS) {
        let _ = writeln!(page, "| {number} | {section} |");
    }
    page.push_str("\n## Sections of the genesis, in their order\n\n| kind | number of the kind | sections |\n|---|---|---|\n");
    for kind in DocKind::ALL {
        let name = kind.as_str();
        let sections = kind.genesis_sections().join(", ");
        let _ = writeln!(page, "| {name} | {} | {sections} |", kind.code());
    }
    page.push_str(
        "\n## Keys\n\nNumber 0 means that the name follows. Integers under a *time* key are written as the difference from the \
         time of their change, under a *delta* key from the last integer under the same key in the same run (at first 0).\n\n\
         | number | key | integers |\n|---|---|---|\n",
    );
    for (code, name, coding) in keys() {
        let coding = match coding {
            Coding::Plain | Coding::Word => "as they are",
            Coding::Time => "time",
            Coding::Delta => "delta",
        };
        let _ = writeln!(page, "| {} | {name} | {coding} |", code + 1);
    }
    page.push_str("\n## Words\n\n| number | word |\n|---|---|\n");
    for (code, word) in word::all().iter().enumerate() {
        let _ = writeln!(page, "| {code} | {word} |");
    }
    page
}

/// Compares a page with what the code says, or writes it.
fn current(path: &str, page: &str) {
    let path = format!("{}/../docs/{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("TOWLINE_WRITE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs is writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let command = "TOWLINE_WRITE_DOCS=1 cargo test -p sync-core --test dictionary";
    assert!(written == page, "{path} is stale: run {command}");
}

#[test]
fn the_documented_dictionary_is_the_one_in_use() {
    current("dictionary.md", &page());
}

#[test]
fn the_documented_catalogue_of_facts_is_the_one_in_use() {
    current("facts.md", &sync_core::schema::page());
}

#[test]
fn the_protocol_lists_every_code_as_the_code_has_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/protocol.md");
    let page = std::fs::read_to_string(path).expect("it is there");
    let (before, rest) = page.split_once("<!-- codes -->\n").expect("a mark before the list");
    let (_, after) = rest.split_once("<!-- end of codes -->").expect("a mark after the list");
    let table = sync_core::codes::table();
    let fresh = format!("{before}<!-- codes -->\n{table}<!-- end of codes -->{after}");
    current("protocol.md", &fresh);
}
