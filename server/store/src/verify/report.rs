//! What a verification found.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use sync_core::document::Document;
use sync_core::id::{FactId, TenantId};
use sync_core::schema::{self, DocId};

/// Differences listed one by one; more are only counted.
const LISTED: usize = 1000;

/// What was verified, and every difference found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Tenants.
    pub tenants: u64,
    /// Documents built again from the log.
    pub documents: u64,
    /// Runs of the log.
    pub runs: u64,
    /// Changes in them.
    pub changes: u64,
    /// Snapshots compared.
    pub snapshots: u64,
    /// Rows of projections compared.
    pub rows: u64,
    /// Signatures of phones checked.
    pub signatures: u64,
    /// How many differences there are.
    pub different: u64,
    /// How many of them are of the log itself, which nothing can mend but a backup. The others are
    /// of what is computed from it, which `towline rebuild` mends.
    pub damaged: u64,
    /// Why what is computed was not compared, if it was not.
    pub skipped: Option<String>,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Documents whose snapshot is not theirs.
    #[serde(skip)]
    pub(crate) wrong: BTreeSet<DocId>,
    /// How many facts say something else than the catalogue of facts asks, which folds ignore. They
    /// were taken in by an older version, and are no difference.
    pub misshapen: u64,
    /// The first of them.
    pub notes: Vec<Note>,
}

/// A fact that is not as the catalogue of facts says.
#[derive(Debug, Clone, Serialize)]
pub struct Note {
    /// The tenant.
    pub tenant: TenantId,
    /// The document: kind and id.
    pub document: String,
    /// The fact.
    pub fact: FactId,
    /// What is missing or wrong.
    pub detail: String,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// The tenant.
    pub tenant: TenantId,
    /// The document, where it is about one: kind and id.
    pub document: Option<String>,
    /// What kind of problem.
    pub problem: Problem,
    /// Where exactly.
    pub detail: String,
}

/// Kinds of problems. The first six are of the log itself, the others of what can be computed
/// again from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// A stored run does not decode.
    Payload,
    /// The columns of a run do not say what its payload says.
    Columns,
    /// A run does not follow from what comes before it.
    Chain,
    /// Automerge understands the document differently.
    Oracle,
    /// The log and its counter do not agree.
    Position,
    /// What a phone signed is not what is kept, or not by this phone.
    Signature,
    /// A snapshot is not the document it stands for.
    Snapshot,
    /// A row is not what the log gives.
    Different,
    /// A row is missing.
    Missing,
    /// A row has no reason to be there.
    Extra,
}

impl Problem {
    /// Whether it is of the log, and not of what can be computed again from it.
    pub fn is_of_log(self) -> bool {
        match self {
            Self::Payload
            | Self::Columns
            | Self::Chain
            | Self::Oracle
            | Self::Position
            | Self::Signature => true,
            Self::Snapshot | Self::Different | Self::Missing | Self::Extra => false,
        }
    }
}

impl Report {
    /// Whether everything is as it should be.
    pub fn is_clean(&self) -> bool {
        self.different == 0
    }

    /// Whether the log is whole, whatever was computed from it.
    pub fn is_sound(&self) -> bool {
        self.damaged == 0
    }

    /// How many rows and snapshots are not what the log gives.
    pub fn stale(&self) -> u64 {
        self.different - self.damaged
    }

    pub(crate) fn add(
        &mut self,
        tenant: TenantId,
        doc: Option<DocId>,
        problem: Problem,
        detail: impl fmt::Display,
    ) {
        self.different += 1;
        self.damaged += u64::from(problem.is_of_log());
        if self.differences.len() < LISTED {
            let document = doc.map(|doc| format!("{doc:?}"));
            let detail = detail.to_string();
            self.differences.push(Difference { tenant, document, problem, detail });
        }
    }
}

impl Report {
    /// Notes every fact of a document that the schema would not let in today.
    pub(crate) fn note(&mut self, tenant: TenantId, document: &Document) {
        let id = document.id();
        let facts = document
            .fact_sections()
            .flat_map(|section| document.facts(section).map(move |fact| (section, fact)));
        for (section, fact) in facts {
            let Err(detail) = schema::check_record(id.kind, section, &fact.record) else {
                continue;
            };
            self.misshapen += 1;
            if self.notes.len() < LISTED {
                let (document, detail) = (format!("{id:?}"), detail.to_string());
                self.notes.push(Note { tenant, document, fact: fact.id, detail });
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} tenants, {} documents, {} runs, {} changes, {} snapshots, {} rows compared, \
             {} signatures checked: {}",
            self.tenants,
            self.documents,
            self.runs,
            self.changes,
            self.snapshots,
            self.rows,
            self.signatures,
            match (self.is_sound(), self.stale()) {
                (true, 0) => "no difference",
                (true, _) => "THE LOG IS WHOLE, PROJECTIONS ARE STALE",
                (false, _) => "THE LOG IS DAMAGED",
            }
        )?;
        if let Some(why) = &self.skipped {
            writeln!(
                f,
                "Only the log was checked: {why}. A server of this version rebuilds the \
                 projections when it starts."
            )?;
        }
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        let listed = self.differences.len() as u64;
        if self.different > listed {
            writeln!(f, "and {} more", self.different - listed)?;
        }
        if self.misshapen > 0 {
            writeln!(
                f,
                "Note: {} facts are not as docs/facts.md says and are ignored where they mean nothing.",
                self.misshapen
            )?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let noted = self.notes.len() as u64;
        if self.misshapen > noted {
            writeln!(f, "and {} more", self.misshapen - noted)?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {}", self.tenant)?;
        if let Some(document) = &self.document {
            write!(f, ", {document}")?;
        }
        write!(f, ": {:?}: {}", self.problem, self.detail)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, document, fact, detail } = self;
        write!(f, "note: tenant {tenant}, {document}, fact {fact}: {detail}")
    }
}
