//! Verifies a database of maps: everything is built again from its log and compared.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::id::TenantId;
use sync_core::schema::DocId;

use super::database::{State, bytes, int};
use super::node::Node;
use super::read::logged;
use super::table::RowKey;
use crate::StoreError;
use crate::log::doc_of;
use crate::sql::Plain;
use crate::verify::{LogRow, Problem, Rebuild, Report, compare, plan};

/// Which documents Automerge is asked about; it costs more than everything else together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampled {
    /// Every document.
    All,
    /// One in so many, chosen by its id.
    OneIn(u8),
}

impl Node {
    /// As [`crate::verify::verify`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn verify(&self, sample: Sampled) -> Result<Report, StoreError> {
        let state = self.usable()?;
        let mut report = Report::default();
        for row in state.table("counters")?.rows() {
            let tenant = TenantId::from_slice(bytes(row, 0)?);
            let tenant = tenant.map_err(|_| StoreError::Corrupt("a tenant".into()))?;
            of_tenant(&state, &mut report, tenant, int(row, 1)?, sample)?;
            report.tenants += 1;
        }
        Ok(report)
    }
}

fn of_tenant(
    state: &State,
    report: &mut Report,
    tenant: TenantId,
    last: i64,
    sample: Sampled,
) -> Result<(), StoreError> {
    let key = RowKey::of_tenant(tenant.as_bytes());
    let mut by_doc: BTreeMap<DocId, Vec<LogRow>> = BTreeMap::new();
    for row in state.table("runs")?.from(&key) {
        let (doc, pos) = (doc_of(bytes(row, 2)?)?, int(row, 1)?);
        if pos > last {
            report.add(tenant, None, Problem::Position, "the counter is behind the log");
        }
        let logged = logged(row)?;
        let run = &logged.run;
        let same = run.doc == doc
            && bytes(row, 3)? == run.actor().as_bytes()
            && int(row, 4)? == run.first_seq().cast_signed()
            && int(row, 5)? == run.last_seq().cast_signed()
            && bytes(row, 6)? == run.last_hash.0;
        if !same {
            report.add(tenant, Some(doc), Problem::Columns, format!("position {pos}"));
        }
        by_doc.entry(doc).or_default().push(LogRow { logged, received_at: int(row, 9)? });
    }
    let mut snapshots = BTreeMap::new();
    for row in state.table("snapshots")?.from(&key) {
        snapshots.insert(doc_of(bytes(row, 1)?)?, (int(row, 2)?, bytes(row, 4)?.to_vec()));
    }
    let sampled = &mut |doc: DocId| match sample {
        Sampled::All => true,
        Sampled::OneIn(many) => doc.as_bytes()[15].is_multiple_of(many),
    };
    let expected = Rebuild { report, tenant, sampled }.documents(by_doc, &snapshots)?;
    for comparison in plan(expected) {
        let (table, names) = (state.table(comparison.spec().table)?, comparison.names());
        let columns = comparison.spec().places(&names)?;
        let told = |row: &Vec<Plain>| columns.iter().map(|column| row[*column].clone()).collect();
        let found: BTreeSet<Vec<Plain>> = table.from(&key).map(told).collect();
        compare(report, tenant, comparison, &found)?;
    }
    Ok(())
}
