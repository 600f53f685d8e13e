//! The numbers by which the phone's tables say how a run stands with the server.

use sync_core::sync::SyncStatus;

/// The condition of rows that have to be sent, as [`SyncStatus::is_owed`] says. The partial index
/// `runs_unsettled` has the same text: SQLite uses it only where the condition is repeated.
pub(crate) const OWED: &str = "standing IN (0, 2, 4, 5)";
/// The condition of own work without a durable verdict.
pub(crate) const WAITING: &str = "standing = 0";

/// The number of a status, and the receipt that stands beside it.
pub(crate) fn code(status: SyncStatus) -> (i64, Option<[u8; 16]>) {
    match status {
        SyncStatus::Waiting => (0, None),
        SyncStatus::Durable => (1, None),
        SyncStatus::Resend => (2, None),
        SyncStatus::Attested(receipt) => (3, Some(receipt)),
        SyncStatus::Lost(receipt) => (4, Some(receipt)),
        SyncStatus::Orphaned(receipt) => (5, Some(receipt)),
    }
}

/// The status of a number with its receipt; absent where no status is kept so.
pub(crate) fn from_code(code: i64, receipt: Option<[u8; 16]>) -> Option<SyncStatus> {
    Some(match (code, receipt) {
        (0, None) => SyncStatus::Waiting,
        (1, None) => SyncStatus::Durable,
        (2, None) => SyncStatus::Resend,
        (3, Some(receipt)) => SyncStatus::Attested(receipt),
        (4, Some(receipt)) => SyncStatus::Lost(receipt),
        (5, Some(receipt)) => SyncStatus::Orphaned(receipt),
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::MIGRATIONS;

    /// Every status, by its number.
    fn statuses() -> Vec<SyncStatus> {
        let of = |code| [None, Some([7; 16])].into_iter().find_map(|it| from_code(code, it));
        (-1..100).filter_map(of).collect()
    }

    #[test]
    fn a_status_comes_back_from_its_number() {
        let statuses = statuses();
        assert_eq!(statuses.len(), 6);
        for (number, status) in (0..).zip(statuses) {
            let (written, receipt) = code(status);
            assert_eq!((written, from_code(written, receipt)), (number, Some(status)));
            let other = if receipt.is_some() { None } else { Some([7; 16]) };
            assert_eq!(from_code(written, other), None, "{status:?} with the wrong receipt");
        }
    }

    #[test]
    fn the_conditions_select_the_statuses_that_they_name() {
        let db = Connection::open_in_memory().unwrap();
        for status in statuses() {
            let holds = |condition: &str| -> bool {
                let sql = format!("SELECT {condition} FROM (SELECT ?1 AS standing)");
                db.query_row(&sql, [code(status).0], |row| row.get(0)).unwrap()
            };
            assert_eq!(holds(OWED), status.is_owed(), "{status:?}");
            assert_eq!(holds(WAITING), status == SyncStatus::Waiting, "{status:?}");
        }
    }

    #[test]
    fn what_is_owed_is_found_by_the_index_and_not_by_a_walk_through_all_runs() {
        let db = Connection::open_in_memory().unwrap();
        MIGRATIONS.iter().for_each(|sql| db.execute_batch(sql).unwrap());
        let index = "SELECT sql FROM sqlite_master WHERE name = 'runs_unsettled'";
        let index: String = db.query_row(index, (), |row| row.get(0)).unwrap();
        assert!(index.ends_with(&format!("WHERE {OWED}")), "{index}");
        for condition in [OWED.to_owned(), format!("{OWED} AND {WAITING}")] {
            let sql = format!("EXPLAIN QUERY PLAN SELECT COUNT(*) FROM runs WHERE {condition}");
            let step: String = db.query_row(&sql, (), |row| row.get(3)).unwrap();
            assert!(step.contains("INDEX runs_unsettled"), "{condition}: {step}");
        }
    }
}
