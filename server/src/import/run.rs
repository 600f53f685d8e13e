//! An import from its first byte to its report.

use std::collections::BTreeSet;

use axum::body::Bytes;
use serde_json::{Value, json};
use store::Store;
use store::rows::audit::Note;
use store::rows::branches::{self, Branch};
use sync_core::check::Region;
use sync_core::id::{BranchId, TenantId};
use sync_core::policy;
use tokio::time::Instant;

use super::apply::{self, Plan};
use super::fields::Fields;
use super::report::{ColumnUse, Counts, Issue, Report, RowReport, RowStatus};
use super::table::{self, Table};
use super::text::{self, Text};
use super::{Kind, accounts, parts, vans};
use crate::api::check::region_of;
use crate::http::Problem;

/// Rows read and written together.
const TOGETHER: usize = 50;

/// Who imports.
#[derive(Debug, Clone)]
pub struct Who {
    /// Their tenant.
    pub tenant: TenantId,
    /// As the policy of documents sees them.
    pub policy: policy::Principal,
    /// Whether it is an API token.
    pub is_token: bool,
    /// What is written down of each write, but for what it does to what.
    pub note: Note,
}

impl Who {
    /// What is written down about a write.
    pub fn note(&self, action: &'static str, object: impl ToString) -> Note {
        let note = Note { action, object: object.to_string(), ..self.note.clone() };
        note.adding("import", true)
    }
}

/// A file that is to be imported.
#[derive(Debug)]
pub struct Import {
    /// Where to.
    pub store: Store,
    /// What it is about.
    pub kind: Kind,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// By whom.
    pub who: Who,
    /// Where phone numbers without `+` are dialled, where a branch names nothing.
    pub region: Region,
    /// The server's wall clock, Unix milliseconds.
    pub now: i64,
    /// When to stop; what is left is then reported.
    pub deadline: Option<Instant>,
    branches: Vec<Branch>,
}

impl Import {
    /// An import by someone.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn new(
        store: Store,
        kind: Kind,
        who: Who,
        region: Region,
        now: i64,
    ) -> Result<Self, Problem> {
        let mut connection = store.readers().acquire().await?;
        let branches = branches::list(&mut connection, who.tenant).await?;
        drop(connection);
        Ok(Self { store, kind, dry_run: false, who, region, now, deadline: None, branches })
    }

    /// Where the people of a branch dial numbers without `+`.
    pub fn dialled(&self, branch: Option<BranchId>) -> Region {
        let branch = self.branches.iter().find(|it| Some(it.id) == branch);
        branch.and_then(region_of).unwrap_or(self.region)
    }

    /// Reads a file and does what its rows say; an encoding may be named.
    ///
    /// # Errors
    /// `invalid` if no row can be read, and the store's.
    pub async fn run(&self, bytes: Bytes, encoding: Option<String>) -> Result<Report, Problem> {
        let kind = self.kind;
        let reading = tokio::task::spawn_blocking(move || {
            let known = |text: &str| table::known(kind, text);
            let Text { text, encoding } = text::read(&bytes, encoding.as_deref(), known)?;
            Ok::<_, Problem>((table::read(kind, &text)?, encoding))
        });
        let (table, encoding) = reading.await.map_err(Problem::internal)??;
        let rows = self.rows(&table).await?;
        let columns = table.columns.iter();
        let columns =
            columns.map(|(it, header)| ColumnUse { header: header.clone(), column: it.key });
        let report = Report {
            kind,
            dry_run: self.dry_run,
            encoding,
            separator: table.separator,
            columns: columns.collect(),
            unknown_columns: table.unknown.clone(),
            problem: None,
            counts: Counts::default(),
            rows,
        };
        let report = report.conclude();
        self.note(&report).await?;
        Ok(report)
    }

    /// The branch a row names, by its id or its name.
    pub(super) fn branch(&self, fields: &mut Fields<'_>) -> Option<BranchId> {
        let name = fields.text("branch")?;
        let is_meant = |it: &&Branch| it.name == name || it.id.to_string() == name;
        let found: Vec<&Branch> = self.branches.iter().filter(is_meant).collect();
        if let [one] = found[..] {
            return Some(one.id);
        }
        let names: Vec<&str> = self.branches.iter().take(20).map(|it| it.name.as_str()).collect();
        let detail = match found.len() {
            0 => format!("There is no branch of this name. There are: {}.", names.join(", ")),
            _ => "Several branches have this name. Write the branch's id.".to_owned(),
        };
        fields.refuse(Some("branch"), "unknown_reference", detail);
        None
    }

    async fn rows(&self, table: &Table) -> Result<Vec<RowReport>, Problem> {
        let known = if self.kind == Kind::Vans { vans::known(self).await? } else { Vec::new() };
        let (mut seen, mut reports) = (BTreeSet::new(), Vec::with_capacity(table.rows.len()));
        for rows in table.rows.chunks(TOGETHER) {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let late = |row: &table::Row| Planned::not_reached().report(row.number);
                reports.extend(rows.iter().map(late));
                continue;
            }
            let mut planned = Vec::with_capacity(rows.len());
            for row in rows {
                let fields = Fields::of(table, row);
                planned.push(match self.kind {
                    Kind::Parts => parts::plan(self, &mut seen, fields).await?,
                    Kind::Vans => vans::plan(self, &known, &mut seen, fields).await?,
                    Kind::Technicians | Kind::Users => {
                        accounts::plan(self, &mut seen, fields).await?
                    }
                });
            }
            if !self.dry_run {
                self.apply(&mut planned).await?;
            }
            reports.extend(planned.into_iter().zip(rows).map(|(it, row)| it.report(row.number)));
        }
        Ok(reports)
    }

    async fn apply(&self, planned: &mut [Planned]) -> Result<(), Problem> {
        let mut writing: Vec<&mut Planned> =
            planned.iter_mut().filter(|it| it.plan.is_some()).collect();
        let plans: Vec<Plan> = writing.iter_mut().filter_map(|it| it.plan.take()).collect();
        for (planned, done) in writing.into_iter().zip(apply::all(self, &plans).await?) {
            if let Err(problem) = done {
                planned.status = RowStatus::Refused;
                let (code, detail) = (problem.reason_code().to_owned(), problem.text().to_owned());
                planned.issues.push(Issue { column: None, value: None, code, detail });
            }
        }
        Ok(())
    }

    /// One row of the audit list for the file, beside those of what was written.
    async fn note(&self, report: &Report) -> Result<(), Problem> {
        if self.dry_run {
            return Ok(());
        }
        let note = self.who.note("import.run", self.kind.as_str());
        let (note, now) = (note.adding("counts", json!(report.counts)), self.now);
        let written = self.store.write::<(), Problem, _>(move |tx| {
            Box::pin(async move { Ok(note.write(tx, now).await?) })
        });
        written.await
    }
}

/// What a row comes to.
#[derive(Debug)]
pub(super) struct Planned {
    key: Option<String>,
    status: RowStatus,
    issues: Vec<Issue>,
    plan: Option<Plan>,
}

impl Planned {
    /// It is there as the row says.
    pub fn unchanged(key: String) -> Self {
        Self { key: Some(key), status: RowStatus::Unchanged, issues: Vec::new(), plan: None }
    }

    /// It is to be written.
    pub fn write(key: String, status: RowStatus, plan: Plan) -> Self {
        Self { key: Some(key), status, issues: Vec::new(), plan: Some(plan) }
    }

    /// It is not taken, for what was noted of its cells.
    pub fn refused(key: Option<String>, fields: Fields<'_>) -> Self {
        Self { key, status: RowStatus::Refused, issues: fields.issues(), plan: None }
    }

    /// It does not say what it is about.
    pub fn without_key(mut fields: Fields<'_>, key: &'static str) -> Self {
        if fields.is_fine() {
            fields.refuse(Some(key), "missing", format!("The row has no {key}."));
        }
        Self::refused(None, fields)
    }

    /// A row above is about the same.
    pub fn twice(name: String, mut fields: Fields<'_>, key: &'static str) -> Self {
        fields.refuse(Some(key), "twice", "A row above is about the same. Leave one of them out.");
        Self::refused(Some(name), fields)
    }

    fn not_reached() -> Self {
        Self { key: None, status: RowStatus::NotReached, issues: Vec::new(), plan: None }
    }

    fn report(self, row: usize) -> RowReport {
        let Self { key, status, issues, .. } = self;
        RowReport { row, key: key.as_deref().map(table::short), status, issues }
    }
}

/// A note with one thing more of its detail.
pub(super) trait Adding {
    /// Adds it.
    fn adding(self, name: &str, value: impl Into<Value>) -> Self;
}

impl Adding for Note {
    fn adding(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Value::Object(detail) = &mut self.detail {
            detail.insert(name.to_owned(), value.into());
        }
        self
    }
}
