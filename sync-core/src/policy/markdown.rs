//! `docs/policy.md`: the policy as a table, made by asking [`decide`] about every kind of entry. Nothing
//! is decided here.

use std::fmt::Write as _;

use super::{Principal, Role, decide};
use crate::change::Entry;
use crate::document::{Author, Document};
use crate::id::{ActorId, FactId, JobId, UserId, VanId};
use crate::schema::{
    DocId, DocKind, Holds, Key, May, Section, SectionSpec, example, key, section, sections,
};
use crate::value::{Record, Value};

/// `docs/policy.md`: every decision the policy makes, in Markdown.
pub fn table() -> String {
    let mut out = String::from(HEADER);
    for kind in [DocKind::Job, DocKind::Van, DocKind::Technician] {
        let scenes = Scenes::of(kind);
        let title = match kind {
            DocKind::Job => "Job",
            DocKind::Van => "Van",
            DocKind::Technician | DocKind::Other(_) => "Technician",
        };
        let _ = write!(out, "\n## {title}\n\n{COLUMNS}");
        for spec in sections(kind) {
            let name = &spec.section;
            for (what, entry) in probes(spec) {
                let _ = write!(out, "| {name} | {what} | {} |", scenes.technician(&entry));
                for role in Role::ALL.into_iter().filter(|role| *role != Role::Technician) {
                    let _ = write!(out, " {} |", answer(&scenes.theirs, role, &entry));
                }
                out.push('\n');
            }
        }
        for (what, entry) in strangers(kind) {
            let _ = write!(out, "| {what} | | {} |", scenes.technician(&entry));
            for role in Role::ALL.into_iter().filter(|role| *role != Role::Technician) {
                let _ = write!(out, " {} |", answer(&scenes.theirs, role, &entry));
            }
            out.push('\n');
        }
    }
    out
}

const HEADER: &str = "\
# Who may write what

Generated from `sync_core::policy` by `TOWLINE_WRITE_DOCS=1 cargo test -p sync-core policy_table`; a
test fails when this file and the code differ.

*yes* is allowed. *later* is a code of the verdict *later*: the phone keeps the work for a newer
server. Anything else is the code of the refusal. What an allowed fact must say is in
[facts.md](facts.md); one that does not is refused with `shape`. A technician is asked three times: about
a document that is or was *theirs*, about *another's*, and about a *new* one that nobody wrote to yet;
where all three answers agree there is one.
";

const COLUMNS: &str = "\
| section | entry | technician | dispatcher | manager | administrator | system |
|---|---|---|---|---|---|---|
";

/// The three documents a technician is asked about.
struct Scenes {
    theirs: Document,
    anothers: Document,
    new: Document,
}

impl Scenes {
    fn of(kind: DocKind) -> Self {
        let theirs = Document::new(document_id(kind, ME));
        let anothers = Document::new(document_id(kind, OTHER));
        let new = Document::new(document_id(kind, OTHER));
        Self { theirs: given_to(theirs, ME), anothers: given_to(anothers, OTHER), new }
    }

    fn technician(&self, entry: &Entry) -> String {
        let ask = |document| answer(document, Role::Technician, entry);
        let (theirs, anothers, new) = (ask(&self.theirs), ask(&self.anothers), ask(&self.new));
        if theirs == anothers && anothers == new {
            return theirs;
        }
        format!("theirs {theirs}, another's {anothers}, new {new}")
    }
}

const ME: u8 = 1;
const OTHER: u8 = 2;

fn user(who: u8) -> UserId {
    UserId::new(1, [who; 10])
}

fn document_id(kind: DocKind, who: u8) -> DocId {
    match kind {
        DocKind::Job => JobId::new(1, [who; 10]).into(),
        DocKind::Van => VanId::new(1, [who; 10]).into(),
        DocKind::Technician | DocKind::Other(_) => user(who).into(),
    }
}

/// The document after the office gave it to this technician.
fn given_to(mut document: Document, who: u8) -> Document {
    let technician = Value::Bytes(user(who).as_bytes().to_vec());
    let entry = match document.id().kind {
        DocKind::Job => fact(
            &section::ASSIGNMENT,
            &[(key::KIND, "assign".into()), (key::EPOCH, 1.into()), (key::TECHNICIAN, technician)],
        ),
        DocKind::Van => document.set(section::DETAILS, key::TECHNICIAN, technician),
        DocKind::Technician | DocKind::Other(_) => {
            document.set(section::DETAILS, key::NAME, "technician".into())
        }
    };
    let time = crate::limits::TIME_RANGE.start;
    if let Ok(rebuilt) = document.author(ActorId::new(1, [9; 10]), time, vec![entry]) {
        document.apply(rebuilt, Author::default());
    }
    document
}

fn fact(section: &Section, record: &[(Key, Value)]) -> Entry {
    entry(section, record.iter().cloned().collect())
}

fn entry(section: &Section, record: Record) -> Entry {
    Entry::Fact { section: section.clone(), id: FactId::new(1, [8; 10]), record }
}

fn field(section: &Section, key: Key) -> Entry {
    let (section, value) = (section.clone(), Value::from("new"));
    Entry::Field { section, key, value, replaces: Vec::new() }
}

/// The entries one section is asked about, each with its name in the table.
fn probes(spec: &'static SectionSpec) -> Vec<(String, Entry)> {
    let section = &spec.section;
    let mut probes = Vec::new();
    match &spec.holds {
        Holds::Fields(_) => {
            let own = [key::TECHNICIAN, key::ACTIVE];
            let who_drives = spec.writers.dispatcher == May::SetWhoDrives;
            for key in own.into_iter().filter(|_| who_drives) {
                probes.push((format!("field `{key}`"), field(section, key)));
            }
            let rest = if who_drives { "other field" } else { "field" };
            probes.push((rest.into(), field(section, key::PLATE)));
            probes.push(("fact".into(), fact(section, &[])));
            return probes;
        }
        Holds::Facts { by, kinds } => {
            let own = kinds.iter().filter(|kind| kind.writers.is_some());
            for kind in own.clone() {
                let what = format!("fact `{}`", kind.word);
                probes.push((what, entry(section, example(by.as_ref(), kind))));
            }
            let rest = if own.count() == 0 { "fact" } else { "other fact" };
            let others = kinds.iter().find(|kind| kind.writers.is_none());
            if let Some(kind) = others {
                probes.push((rest.into(), entry(section, example(by.as_ref(), kind))));
            }
        }
    }
    if *section == section::STATUS {
        let step = [(key::KIND, "accepted".into()), (key::EPOCH, 2.into())];
        probes.push(("fact of an assignment not theirs".into(), fact(section, &step)));
        let step = [(key::KIND, "declined".into()), (key::EPOCH, 1.into())];
        probes.push(("fact without its reason".into(), fact(section, &step)));
        let step = [(key::KIND, "teleported".into()), (key::EPOCH, 1.into())];
        probes.push(("fact of an unknown kind".into(), fact(section, &step)));
    }
    if *section == section::PARTS {
        let unknown = Value::Bytes(FactId::new(1, [6; 10]).as_bytes().to_vec());
        let voids = fact(section, &[(key::VOIDS, unknown)]);
        probes.push(("fact that voids one that is not there".into(), voids));
    }
    probes.push(("field".into(), field(section, key::NAME)));
    probes
}

/// Entries outside every section of the kind.
fn strangers(kind: DocKind) -> [(&'static str, Entry); 2] {
    let unknown = Section::known("made_up_later");
    let named = kind.genesis_sections().first().copied().unwrap_or("details");
    [
        ("a section this version does not know", fact(&unknown, &[])),
        ("adding a section", Entry::Section { name: Section::known(named) }),
    ]
}

fn answer(document: &Document, role: Role, entry: &Entry) -> String {
    match decide(&Principal { user: user(ME), role }, document, entry) {
        Ok(()) => "yes".into(),
        Err(denied) if denied.is_for_newer_version() => format!("*later* `{}`", denied.code),
        Err(denied) => format!("`{}`", denied.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    // The test, not the crate, reads and writes the page.
    #[allow(clippy::expect_used, clippy::disallowed_methods)]
    fn policy_table_in_docs_is_what_the_code_decides() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
        if std::env::var_os("TOWLINE_WRITE_DOCS").is_some() {
            std::fs::write(file, table()).expect("docs/policy.md is writable");
        }
        let held = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            held == table(),
            "docs/policy.md is stale: run TOWLINE_WRITE_DOCS=1 cargo test -p sync-core policy_table"
        );
    }
}
