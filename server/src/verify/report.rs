//! What a verification found.

use std::fmt;

use serde::Serialize;
use sync_core::id::TenantId;
use sync_core::schema::DocId;

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
    /// The first of them.
    pub differences: Vec<Difference>,
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
    Judge,
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

impl Report {
    /// Whether everything is as it should be.
    pub fn is_clean(&self) -> bool {
        self.different == 0
    }

    pub(crate) fn add(
        &mut self,
        tenant: TenantId,
        doc: Option<DocId>,
        problem: Problem,
        detail: impl fmt::Display,
    ) {
        self.different += 1;
        if self.differences.len() < LISTED {
            let document = doc.map(|doc| format!("{doc:?}"));
            let detail = detail.to_string();
            self.differences.push(Difference { tenant, document, problem, detail });
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
            if self.is_clean() { "no difference" } else { "DIFFERENT" }
        )?;
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        let listed = self.differences.len() as u64;
        if self.different > listed {
            writeln!(f, "and {} more", self.different - listed)?;
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
