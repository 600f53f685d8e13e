//! What is told of an import: each row with its number in the sheet, and once what holds for all.

use serde::Serialize;
use utoipa::ToSchema;

use super::Kind;

/// The result of a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportReport, example = json!({"kind": "parts", "dry_run": false, "encoding": "Big5", "separator": "comma", "columns": [{"header": "料號", "column": "part_no"}], "unknown_columns": ["備註"], "problem": null, "counts": {"created": 1, "updated": 0, "unchanged": 0, "refused": 1, "not_reached": 0}, "rows": [{"row": 2, "key": "12V60", "status": "created", "issues": []}, {"row": 3, "key": null, "status": "refused", "issues": [{"column": "料號", "value": "9.12E+08", "code": "scientific", "detail": "The spreadsheet took this for a large number and rounded it. Format the column as text and type it again; digits are lost otherwise."}]}]}))]
pub struct Report {
    /// What the file is about.
    pub kind: Kind,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The encoding the file was read in.
    pub encoding: &'static str,
    /// The separator: `comma`, `semicolon` or `tab`.
    pub separator: &'static str,
    /// The columns that were read.
    pub columns: Vec<ColumnUse>,
    /// Headers nobody knows; what stands below them was not read.
    pub unknown_columns: Vec<String>,
    /// What is wrong with the whole file, where every row was refused or time ran out.
    pub problem: Option<String>,
    /// How many rows came to what.
    pub counts: Counts,
    /// The rows, in the order of the file.
    pub rows: Vec<RowReport>,
}

/// A column that was read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportColumn)]
pub struct ColumnUse {
    /// As the file calls it.
    pub header: String,
    /// As it was understood.
    pub column: &'static str,
}

/// Rows by result.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub struct Counts {
    /// Made.
    pub created: usize,
    /// Changed.
    pub updated: usize,
    /// As they were.
    pub unchanged: usize,
    /// Not taken.
    pub refused: usize,
    /// Not looked at.
    pub not_reached: usize,
}

/// The result of a row. With `dry_run` it is what the result would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportRowStatus)]
pub enum RowStatus {
    /// Something new was made.
    Created,
    /// What was there was changed.
    Updated,
    /// It is there as the row says.
    Unchanged,
    /// It was not taken; `issues` say why.
    Refused,
    /// Time ran out before it. Send the file again: what is done is then unchanged.
    NotReached,
}

/// One row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportRow)]
pub struct RowReport {
    /// Its number in the spreadsheet, from 1; the header is one too.
    pub row: usize,
    /// What it is found by: login, plate or name, part number.
    pub key: Option<String>,
    /// The result.
    pub status: RowStatus,
    /// What is wrong with it.
    pub issues: Vec<Issue>,
}

/// Something wrong in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportIssue)]
pub struct Issue {
    /// The column, as the file calls it; absent where it is the row.
    pub column: Option<String>,
    /// What stands there.
    pub value: Option<String>,
    /// A stable word.
    pub code: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl Report {
    /// Counts the rows, and says at the top what all of them share.
    pub fn conclude(mut self) -> Self {
        let count = |status| self.rows.iter().filter(|row| row.status == status).count();
        self.counts = Counts {
            created: count(RowStatus::Created),
            updated: count(RowStatus::Updated),
            unchanged: count(RowStatus::Unchanged),
            refused: count(RowStatus::Refused),
            not_reached: count(RowStatus::NotReached),
        };
        if self.counts.not_reached > 0 {
            let rows = self.counts.not_reached;
            self.problem = Some(format!(
                "Time ran out before the last {rows} rows. Send the file again: what is done is unchanged."
            ));
        } else if self.counts.refused == self.rows.len() {
            self.problem = self.shared();
        }
        self
    }

    /// Why every row was refused, if that is the same for all.
    fn shared(&self) -> Option<String> {
        let first = self.rows.first()?.issues.first()?;
        let is_same = |issue: &Issue| (&issue.column, &issue.code) == (&first.column, &first.code);
        let same = self.rows.iter().all(|row| row.issues.iter().any(is_same));
        let place =
            first.column.as_ref().map_or_else(String::new, |it| format!(" in the column {it}"));
        Some(match same {
            true => format!("Every row was refused for the same reason{place}: {}", first.detail),
            false => format!("Every row was refused. The first{place}: {}", first.detail),
        })
    }
}
