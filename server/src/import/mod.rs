//! Import of technicians, vans, parts and people from tables as spreadsheets write them.
//!
//! ```text
//! bytes ─ text ─▶ characters ─ table ─▶ rows under known columns ─ one kind ─▶ plans ─ apply ─▶ report
//! ```
//!
//! Nothing is guessed: what a spreadsheet has spoilt (`9.12E+08`, `2-Jan`) is refused with its row and
//! column. A row is found again by its natural key, so the same file twice changes nothing the second
//! time. Rows are written a few at a time, and a row that is refused stops no other.

mod accounts;
mod apply;
mod cell;
mod columns;
mod fields;
mod parts;
mod report;
mod run;
mod spoilt;
mod table;
mod text;
mod vans;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use report::{ColumnUse, Counts, Issue, Report, RowReport, RowStatus};
pub use run::{Import, Who};

use crate::http::{Code, Problem};

/// Largest file, bytes.
pub const BYTES: usize = 4 * 1024 * 1024;
/// Most rows of a file below its header.
pub const ROWS: usize = 10_000;

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportKind)]
pub enum Kind {
    /// Technicians, found again by their login.
    Technicians,
    /// Vans, found again by their plate, or by their name where there is none.
    Vans,
    /// The catalogue, found again by part number.
    Parts,
    /// People, found again by their login.
    Users,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Technicians, Self::Vans, Self::Parts, Self::Users];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technicians => "technicians",
            Self::Vans => "vans",
            Self::Parts => "parts",
            Self::Users => "users",
        }
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

/// A file of which no row can be read.
fn unreadable(reason: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(Code::Invalid).field("file").reason(reason).detail(detail)
}
