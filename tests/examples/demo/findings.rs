//! What the import of a file of calls found: three of it for the eye, all of it as JSON.

use serde::Serialize;
use tests::calls::{FINDINGS, Finding, Import};

/// Findings shown before the day.
const SHOWN: usize = 3;

/// The result of the rows of a file of calls.
#[derive(Debug, Serialize)]
pub struct CallsRead {
    /// Calls that were taken.
    read: usize,
    /// Rows that were not.
    rejected: usize,
    /// Good rows beyond the number that is kept.
    left_off: usize,
    /// Calls that have an address and no place.
    without_place: usize,
    /// Every bad row and every value left out, up to [`FINDINGS`].
    findings: Vec<FindingSeen>,
    /// Whether there may be more than are listed.
    findings_cut: bool,
}

/// One row, and what is wrong with it.
#[derive(Debug, Serialize)]
struct FindingSeen {
    line: u64,
    code: &'static str,
    reason: String,
}

impl CallsRead {
    /// What an import came to.
    pub fn of(import: &Import) -> Self {
        let found =
            |it: &Finding| FindingSeen { line: it.line, code: it.code, reason: it.reason.clone() };
        Self {
            read: import.calls.len(),
            rejected: import.rejected,
            left_off: import.left_off,
            without_place: import.without_place,
            findings: import.findings.iter().take(FINDINGS).map(found).collect(),
            findings_cut: import.findings.len() >= FINDINGS,
        }
    }
}

/// Prints what was read, the first findings, and where the others are.
pub fn print(import: &Import) {
    println!(
        "  calls       {:?} layout: {} read, {} rows rejected, {} with an address only",
        import.layout,
        import.calls.len(),
        import.rejected,
        import.without_place
    );
    for finding in import.findings.iter().take(SHOWN) {
        println!("              line {}: {}", finding.line, finding.reason);
    }
    let more = import.findings.len().saturating_sub(SHOWN);
    if more > 0 {
        println!("              and {more} more; --json lists them");
    }
}
