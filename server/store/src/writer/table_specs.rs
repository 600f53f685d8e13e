//! The tables that a group writes: their keys, their columns, and which of them a later row changes.

use crate::sql::{Conflict, TableSpec};

pub(crate) static ACTOR_OWNERS: TableSpec<3> = TableSpec {
    table: "actor_owners",
    key: &["tenant", "actor"],
    columns: ["tenant", "actor", "device"],
    conflict: Conflict::Keep,
};

pub(crate) static RUNS: TableSpec<11> = TableSpec {
    table: "runs",
    key: &["tenant", "pos"],
    columns: [
        "tenant",
        "pos",
        "doc",
        "actor",
        "first_seq",
        "last_seq",
        "last_hash",
        "author_user",
        "author_device",
        "received_at",
        "payload",
    ],
    conflict: Conflict::Fail,
};

pub(crate) static PUSHES: TableSpec<7> = TableSpec {
    table: "pushes",
    key: &["tenant", "pos"],
    columns: ["tenant", "pos", "device", "user_id", "received_at", "message", "signature"],
    conflict: Conflict::Fail,
};

pub(crate) static QUARANTINE: TableSpec<12> = TableSpec {
    table: "quarantine",
    key: &["tenant", "hash"],
    columns: [
        "tenant",
        "hash",
        "pos",
        "doc",
        "actor",
        "seq",
        "author_user",
        "author_device",
        "code",
        "sentence",
        "received_at",
        "payload",
    ],
    conflict: Conflict::Keep,
};

pub(crate) static WALK_UPS: TableSpec<4> = TableSpec {
    table: "walk_ups",
    key: &["tenant", "user_id"],
    columns: ["tenant", "user_id", "since", "opened"],
    conflict: Conflict::Update(&["since", "opened"]),
};

pub(crate) static DOCUMENTS: TableSpec<7> = TableSpec {
    table: "documents",
    key: &["tenant", "doc"],
    columns: ["tenant", "doc", "kind", "pos", "fingerprint", "updated_at", "further"],
    conflict: Conflict::Update(&["pos", "fingerprint", "updated_at", "further"]),
};

pub(crate) static SNAPSHOTS: TableSpec<5> = TableSpec {
    table: "snapshots",
    key: &["tenant", "doc"],
    columns: ["tenant", "doc", "upto", "runs", "payload"],
    conflict: Conflict::Update(&["upto", "runs", "payload"]),
};

pub(crate) static SCOPE: TableSpec<5> = TableSpec {
    table: "scope",
    key: &["tenant", "user_id", "doc"],
    columns: ["tenant", "user_id", "doc", "current", "since"],
    conflict: Conflict::UpdateChanged(&["current", "since"], "current"),
};

// The first position and the time of creation stay as they were first written.
pub(crate) static JOBS: TableSpec<20> = TableSpec {
    table: "jobs",
    key: &["tenant", "job"],
    columns: [
        "tenant",
        "job",
        "pos",
        "first_pos",
        "branch",
        "state",
        "expires",
        "technician",
        "waiting",
        "plate",
        "vin",
        "phone",
        "created_at",
        "updated_at",
        "unnumbered",
        "lat",
        "lon",
        "search",
        "summary",
        "former",
    ],
    conflict: Conflict::Update(&[
        "pos",
        "branch",
        "state",
        "expires",
        "technician",
        "waiting",
        "plate",
        "vin",
        "phone",
        "updated_at",
        "unnumbered",
        "lat",
        "lon",
        "search",
        "summary",
        "former",
    ]),
};

pub(crate) static JOB_FACTS: TableSpec<7> = TableSpec {
    table: "job_facts",
    key: &["tenant", "job", "section", "kind"],
    columns: ["tenant", "job", "section", "kind", "count", "first_at", "last_at"],
    conflict: Conflict::Update(&["count", "first_at", "last_at"]),
};

pub(crate) static JOB_PARTS: TableSpec<13> = TableSpec {
    table: "job_parts",
    key: &["tenant", "job", "fact"],
    columns: [
        "tenant",
        "job",
        "fact",
        "van",
        "part_no",
        "description",
        "quantity",
        "unit_price",
        "currency",
        "bin",
        "at",
        "voided",
        "by_user",
    ],
    conflict: Conflict::Update(&[
        "van",
        "part_no",
        "description",
        "quantity",
        "unit_price",
        "currency",
        "bin",
        "at",
        "voided",
        "by_user",
    ]),
};

pub(crate) static SEALS: TableSpec<7> = TableSpec {
    table: "seals",
    key: &["tenant", "job", "fact"],
    columns: ["tenant", "job", "fact", "role", "name", "digest", "at"],
    conflict: Conflict::Update(&["role", "name", "digest", "at"]),
};

pub(crate) static MOVEMENTS: TableSpec<11> = TableSpec {
    table: "movements",
    key: &["tenant", "van", "section", "fact"],
    columns: [
        "tenant", "van", "section", "fact", "kind", "part_no", "quantity", "bin", "job", "at",
        "voided",
    ],
    conflict: Conflict::Update(&["kind", "part_no", "quantity", "bin", "job", "at", "voided"]),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::tables::Tables;

    #[test]
    fn keys_and_changed_columns_are_columns_of_their_table() {
        for rows in Tables::new().into_rows() {
            let spec = rows.spec();
            let changed = match spec.conflict {
                Conflict::Update(columns) | Conflict::UpdateChanged(columns, _) => columns,
                Conflict::Fail | Conflict::Keep | Conflict::Compute(_) => &[],
            };
            let key = spec.places(spec.key).expect("the key");
            let changed = spec.places(changed).expect("the changed columns");
            assert!(key.contains(&0) && changed.iter().all(|column| !key.contains(column)));
        }
    }
}
