//! The policy as a table, made by asking [`decide`] itself about every kind of entry.

use std::fmt::Write as _;

use super::{Caller, Role, decide};
use crate::change::Entry;
use crate::document::{Author, Document};
use crate::id::{ActorId, FactId, JobId, UserId, VanId};
use crate::job::Step;
use crate::schema::{DocId, DocKind, Key, Section, key, section};
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
        for name in kind.genesis_sections() {
            for (what, entry) in probes(kind, &Section::known(name)) {
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

*yes* is allowed, anything else is the code of the refusal. A technician is asked three times: about
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
    let record: Record = record.iter().cloned().collect();
    Entry::Fact { section: section.clone(), id: FactId::new(1, [8; 10]), record }
}

fn field(section: &Section, key: Key) -> Entry {
    let (section, value) = (section.clone(), Value::from("new"));
    Entry::Field { section, key, value, replaces: Vec::new() }
}

/// The entries one section is asked about, each with its name in the table.
fn probes(kind: DocKind, section: &Section) -> Vec<(String, Entry)> {
    let job = Value::Bytes(JobId::new(1, [7; 10]).as_bytes().to_vec());
    let mut probes = Vec::new();
    match (kind, section.as_str()) {
        (DocKind::Job, "status") => {
            for step in Step::ALL {
                let mut record = vec![(key::KIND, step.word().into()), (key::EPOCH, 1.into())];
                if step.needs_reason() {
                    record.push((key::REASON, "other".into()));
                }
                probes.push((format!("fact `{}`", step.word()), fact(section, &record)));
            }
            let step = [(key::KIND, "accepted".into()), (key::EPOCH, 2.into())];
            probes.push(("fact of an epoch not theirs".into(), fact(section, &step)));
            let step = [(key::KIND, "declined".into()), (key::EPOCH, 1.into())];
            probes.push(("fact without its reason".into(), fact(section, &step)));
            let step = [(key::KIND, "teleported".into()), (key::EPOCH, 1.into())];
            probes.push(("fact of an unknown kind".into(), fact(section, &step)));
        }
        (DocKind::Van, "movements") => {
            let used = [(key::KIND, "use".into()), (key::JOB, job)];
            probes.push(("fact `use` for a job".into(), fact(section, &used)));
            probes.push(("other fact".into(), fact(section, &[(key::KIND, "load".into())])));
        }
        (DocKind::Job, "signatures") => {
            let word = [(key::KIND, "countersigned".into())];
            probes.push(("fact `countersigned`".into(), fact(section, &word)));
            probes.push(("other fact".into(), fact(section, &[(key::KIND, "seal".into())])));
        }
        (_, "intake" | "promise") | (DocKind::Technician, "details") => {
            probes.push(("field".into(), field(section, key::NAME)));
            probes.push(("fact".into(), fact(section, &[])));
            return probes;
        }
        (DocKind::Van, "details") => {
            probes.push(("field `technician`".into(), field(section, key::TECHNICIAN)));
            probes.push(("field `active`".into(), field(section, key::ACTIVE)));
            probes.push(("other field".into(), field(section, key::PLATE)));
            probes.push(("fact".into(), fact(section, &[])));
            return probes;
        }
        _ => probes.push(("fact".into(), fact(section, &[]))),
    }
    let unknown = Value::Bytes(FactId::new(1, [6; 10]).as_bytes().to_vec());
    if section.as_str() == "parts" {
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
    match decide(&Caller { user: user(ME), role }, document, entry) {
        Ok(()) => "yes".into(),
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
