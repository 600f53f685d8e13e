//! Both databases have the same schema: SQL that is right on one finds the same names on the other.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::place::{Place, on_each_database};
use sqlx::AssertSqlSafe;

/// What is compared: a name, and a query for each database that gives one text a row.
const COMPARED: [(&str, [&str; 2]); 4] = [
    (
        "columns: type, whether NULL may stand there, default",
        [
            "SELECT its.name || '.' || col.name || ' ' || CASE col.type WHEN 'BLOB' THEN 'BYTEA' \
             WHEN 'INTEGER' THEN 'BIGINT' ELSE col.type END || \
             CASE col.\"notnull\" WHEN 1 THEN ' NOT NULL' ELSE '' END || \
             COALESCE(' DEFAULT ' || col.dflt_value, '') \
             FROM sqlite_master AS its JOIN pragma_table_info(its.name) AS col \
             WHERE its.type = 'table' AND its.name NOT LIKE 'sqlite_%'",
            "SELECT CAST(table_name || '.' || column_name || ' ' || UPPER(data_type) || \
             CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END || \
             COALESCE(' DEFAULT ' || column_default, '') AS TEXT) \
             FROM information_schema.columns WHERE table_schema = 'public'",
        ],
    ),
    (
        "primary keys",
        [
            "SELECT its.name || ' (' || GROUP_CONCAT(col.name, ', ' ORDER BY col.pk) || ')' \
             FROM sqlite_master AS its JOIN pragma_table_info(its.name) AS col \
             WHERE its.type = 'table' AND its.name NOT LIKE 'sqlite_%' AND col.pk > 0 \
             GROUP BY its.name",
            "SELECT CAST(CAST(indrelid AS regclass) AS TEXT) || ' (' || (SELECT \
             STRING_AGG(pg_get_indexdef(indexrelid, n, true), ', ' ORDER BY n) \
             FROM GENERATE_SERIES(1, indnkeyatts) AS n) || ')' \
             FROM pg_index JOIN pg_class ON pg_class.oid = indrelid \
             WHERE relnamespace = CAST('public' AS regnamespace) AND indisprimary",
        ],
    ),
    (
        "indexes: columns and predicates",
        [
            "SELECT CASE list.\"unique\" WHEN 1 THEN 'UNIQUE ' ELSE '' END || list.name || ' ON ' || \
             its.name || ' (' || (SELECT GROUP_CONCAT(name, ', ' ORDER BY seqno) \
             FROM pragma_index_info(list.name)) || ')' || CASE list.partial WHEN 1 THEN \
             (SELECT SUBSTR(sql, INSTR(sql, ' WHERE ')) FROM sqlite_master AS made \
             WHERE made.name = list.name) ELSE '' END \
             FROM sqlite_master AS its JOIN pragma_index_list(its.name) AS list \
             WHERE its.type = 'table' AND list.origin = 'c'",
            "SELECT CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END || \
             CAST(CAST(indexrelid AS regclass) AS TEXT) || ' ON ' || \
             CAST(CAST(indrelid AS regclass) AS TEXT) || ' (' || (SELECT \
             STRING_AGG(pg_get_indexdef(indexrelid, n, true), ', ' ORDER BY n) \
             FROM GENERATE_SERIES(1, indnkeyatts) AS n) || ')' || \
             COALESCE(' WHERE ' || pg_get_expr(indpred, indrelid), '') \
             FROM pg_index JOIN pg_class ON pg_class.oid = indrelid \
             WHERE relnamespace = CAST('public' AS regnamespace) AND NOT indisprimary",
        ],
    ),
    (
        "triggers",
        [
            "SELECT name || ' ON ' || tbl_name FROM sqlite_master WHERE type = 'trigger'",
            "SELECT tgname || ' ON ' || CAST(CAST(tgrelid AS regclass) AS TEXT) \
             FROM pg_trigger WHERE NOT tgisinternal",
        ],
    ),
];

#[test]
fn both_databases_have_the_same_columns_keys_indexes_and_triggers() {
    let schemas = RefCell::new(Vec::new());
    on_each_database(async |place| {
        place.open_sql().await.close().await;
        let mut schema = BTreeMap::new();
        for (what, sql) in COMPARED {
            let lines = read(place, sql[usize::from(!place.is_sqlite())]).await;
            assert!(lines.len() >= 10, "{what}: {lines:?}");
            schema.insert(what, lines);
        }
        schemas.borrow_mut().push(schema);
    });
    let schemas = schemas.into_inner();
    let [sqlite, postgres] = schemas.as_slice() else { return };
    let mut differ = String::new();
    for (what, lines) in sqlite {
        let (here, there) = (lines, &postgres[what]);
        let only = |where_, line: &String| format!("{what}: only on {where_}: {line}\n");
        differ.extend(here.difference(there).map(|line| only("SQLite", line)));
        differ.extend(there.difference(here).map(|line| only("PostgreSQL", line)));
    }
    assert!(differ.is_empty(), "\n{differ}");
}

/// The rows of a query, each in one spelling for both databases.
async fn read(place: &Place, sql: &'static str) -> BTreeSet<String> {
    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut place.connect().await).await;
    let rows: Vec<String> = rows.unwrap();
    let spell = |row: String| {
        let (head, predicate) = row.split_once(" WHERE ").unwrap_or((&row, ""));
        // PostgreSQL prints more brackets, and a list of words as an array.
        let predicate = predicate.replace(['(', ')', ']'], "").replace("= ANY ARRAY[", "IN ");
        let line = format!("{head} WHERE {predicate}").replace("::text", "").replace('"', "");
        line.trim_end_matches(" WHERE ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    rows.into_iter().map(spell).collect()
}
