//! No list walks through a table or sorts one: the plans of every statement, on both databases.

use std::future::Future;

use sqlx::Row as _;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use sync_core::id::{BranchId, JobId, TenantId, UserId};
use sync_core::job::State;
use sync_core::place::Place;
use sync_core::policy::Role;

use crate::alike::{self, Likeness};
use crate::changes;
use crate::jobs::{self, JobFilter, JobOrder, JobPlace};
use crate::retention::RULES;
use crate::rows::positions::Technicians;
use crate::rows::{audit, devices, positions, submissions, tokens, users};
use crate::sql::{Arg, Statement};
use crate::{Backend, Store, held, log, parts_taken, pull, upkeep, vans};

fn tenant() -> TenantId {
    TenantId::new(1, [1; 10])
}

/// Every combination of what a list of jobs may be asked for.
fn job_filters() -> Vec<JobFilter> {
    let (branch, user) = (BranchId::new(1, [2; 10]), UserId::new(1, [3; 10]));
    let place = JobPlace { key: 5, job: JobId::new(1, [4; 10]) };
    let mut filters = vec![JobFilter::default()];
    let mut each = |set: &dyn Fn(&mut JobFilter)| {
        let with = filters.clone().into_iter().map(|mut filter| {
            set(&mut filter);
            filter
        });
        filters.extend(with.collect::<Vec<_>>());
    };
    each(&|filter| filter.seen_from = Some(branch));
    each(&|filter| filter.branch = Some(branch));
    each(&|filter| filter.states = vec![State::Received, State::Completed]);
    each(&|filter| filter.technician = Some(user));
    each(&|filter| filter.text = Some("abc".to_owned()));
    each(&|filter| filter.order = JobOrder::ChangedSince(7, None));
    each(&|filter| filter.waiting = Some(true));
    each(&|filter| {
        filter.order = match filter.order {
            JobOrder::FirstSeen(_) => JobOrder::FirstSeen(Some(place)),
            JobOrder::ChangedSince(since, _) => JobOrder::ChangedSince(since, Some(place)),
        }
    });
    filters.push(JobFilter { waiting: Some(false), ..JobFilter::default() });
    filters
}

/// Every statement of a list, of a sweep, and of what a push loads, with its name.
fn statements() -> Vec<(String, Statement)> {
    let mut all = Vec::new();
    let mut add = |name: &str, statement: Statement| all.push((name.to_owned(), statement));
    for filter in job_filters() {
        for statement in jobs::statements(tenant(), &filter) {
            add(&format!("jobs {filter:?}"), statement);
        }
    }
    add("job changes", changes::listing(tenant(), 5, 51));
    let text = || Some("a".to_owned());
    let place = Place::new(400_000_000, -750_000_000).ok();
    let alike =
        Likeness { plate: text(), vin: text(), phone: text(), place, ..Likeness::default() };
    for statement in alike::statements(tenant(), &alike) {
        add("alike", statement);
    }
    let user = UserId::new(1, [3; 10]);
    add("tokens", tokens::listing(tenant(), Some(user), 51));
    add("good tokens", tokens::good(tenant(), 5, 100));
    for branch in [None, Some(BranchId::new(1, [2; 10]))] {
        for role in [None, Some(Role::Technician)] {
            add("users", users::listing(tenant(), branch, role, Some(user), 51));
        }
        for whose in [None, Some(user)] {
            add("devices", devices::listing(tenant(), branch, whose, None, 51));
        }
        for object in [None, Some("x")] {
            for before in [None, Some(&[9; 16][..])] {
                add("audit", audit::listing(tenant(), branch, object, before, 51));
                add("audit's end", audit::end(tenant(), object, before));
            }
        }
        add("submissions", submissions::listing(tenant(), branch, vec![9; 16], 51));
        let after = positions::After::since(5);
        add("trail", positions::trail_of(tenant(), branch, user, after, 5001));
        for whose in [Technicians::All, Technicians::After(user), Technicians::These(&[user; 3])] {
            add("latest", positions::latest_of_each(tenant(), branch, 5, whose, 51));
        }
    }
    let of_tenant = || vec![Arg::from(tenant().as_bytes())];
    let of_user = || vec![Arg::from(tenant().as_bytes()), Arg::from(user.as_bytes())];
    for (name, sql, args) in [
        ("unnumbered's technician", upkeep::UNNUMBERED_TECHNICIAN, of_user()),
        ("unnumbered", upkeep::UNNUMBERED, [of_user(), vec![Arg::Int(5)]].concat()),
        (
            "nobody's unnumbered",
            upkeep::UNNUMBERED_OF_NOBODY,
            [of_tenant(), vec![Arg::Int(5)]].concat(),
        ),
        (
            "quiet",
            upkeep::QUIET,
            [of_tenant(), vec![Arg::Blob(vec![1; 17]), Arg::Blob(vec![2]), Arg::Int(5)]].concat(),
        ),
    ] {
        add(name, Statement { sql: sql.to_owned(), args });
    }
    let van = sync_core::id::VanId::new(1, [5; 10]).into();
    for (after, before) in [(None, None), (None, Some(&user)), (Some(&user), None)] {
        add("unassigned parts", parts_taken::unassigned(tenant(), van, after, before));
    }
    add("vans", vans::first_records(tenant(), None, 51));
    add("vans of technicians", held::vans(tenant(), &[user, user], 9));
    add("open jobs of technicians", held::open_jobs(tenant(), &[user, user], 9));
    for rule in RULES {
        let args = vec![Arg::Int(5), Arg::Int(rule.batch)];
        add(rule.name.as_str(), Statement { sql: rule.delete.to_owned(), args });
    }
    for (name, sql) in [
        ("moved", pull::MOVED),
        ("written", pull::WRITTEN),
        ("written in scope", pull::WRITTEN_IN_SCOPE),
    ] {
        let args = vec![Arg::from(tenant().as_bytes()), Arg::from(user.as_bytes()), Arg::Int(0)];
        add(name, Statement { sql: sql.to_owned(), args });
    }
    let args = vec![Arg::from(tenant().as_bytes()), Arg::Blob(vec![1; 17])];
    add("positions", Statement { sql: crate::sql::fill(log::POSITIONS, 1, 1), args });
    for (name, sql) in [("refused", log::QUARANTINE), ("sizes", pull::SIZES)] {
        let sql = crate::sql::fill(sql, 2, 1);
        let args = vec![Arg::from(tenant().as_bytes()), Arg::Int(0), Arg::Blob(vec![1; 17])];
        add(name, Statement { sql, args });
    }
    all
}

/// What one technician's jobs took is found by the technician: others' parts cost nothing. The sums of
/// their own uses may be sorted.
async fn check_sums(connection: &mut AnyConnection, explain: &str, column: usize) {
    let (van, user) = (sync_core::id::VanId::new(1, [5; 10]).into(), UserId::new(1, [3; 10]));
    let places = [(("a".to_owned(), String::new()), 5)];
    for Statement { sql, args } in [
        parts_taken::totals(tenant(), van, Some(&user)),
        parts_taken::after_counts(tenant(), van, Some(&user), &places),
    ] {
        let statement = Statement { sql: format!("{explain} {sql}"), args };
        let rows = statement.fetch(connection).await.expect("a plan");
        let steps: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        let by_user =
            steps.iter().any(|step| step.contains("by_user=?") || step.contains("by_user = "));
        let filtered = steps.iter().any(|step| step.contains("Filter: (by_user"));
        assert!(by_user && !filtered, "{steps:#?}");
    }
}

/// Lists that read an index of what they show alone: further records of vans and jobs that are over cost
/// nothing.
async fn check_indexes(connection: &mut AnyConnection, explain: &str, column: usize) {
    let user = UserId::new(1, [3; 10]);
    for (index, Statement { sql, args }) in [
        ("documents_vans", vans::first_records(tenant(), None, 51)),
        ("jobs_open", held::open_jobs(tenant(), &[user], 9)),
    ] {
        let statement = Statement { sql: format!("{explain} {sql}"), args };
        let rows = statement.fetch(connection).await.expect("a plan");
        let steps: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:#?}");
    }
}

/// Whether a statement names its tenant for every table that it reads: as `tenant = $n` with the tenant at
/// that place, or as the tenant of another table.
fn names_its_tenant(Statement { sql, args }: &Statement) -> bool {
    let read = |word| sql.split(word).skip(1).filter(|table: &&str| !table.starts_with('('));
    let tables = read("FROM ").count() + read("JOIN ").count();
    let is_bound = |number: &str| {
        let at: Option<usize> = number.parse().ok();
        let arg = at.and_then(|at| args.get(at.checked_sub(1)?));
        matches!(arg, Some(Arg::Blob(bytes)) if bytes == tenant().as_bytes())
    };
    let conditions: Vec<bool> = sql
        .split("tenant = ")
        .skip(1)
        .map(|rest| match rest.strip_prefix('$') {
            Some(rest) => is_bound(rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("")),
            None => rest.split(' ').next().is_some_and(|column| column.ends_with(".tenant")),
        })
        .collect();
    sql.contains("tenant = $") && conditions.len() >= tables && conditions.iter().all(|is| *is)
}

#[test]
fn every_statement_of_a_list_names_its_tenant_for_each_table() {
    // Sweeps delete by time, whoever's rows they are.
    let sweeps: Vec<&str> = RULES.iter().map(|rule| rule.name.as_str()).collect();
    let mut lists = statements();
    lists.retain(|(name, _)| !sweeps.contains(&&**name));
    assert!(lists.len() > 100, "only {} statements", lists.len());
    let without = lists.iter().filter(|(_, statement)| !names_its_tenant(statement));
    let without: Vec<_> = without.map(|(name, it)| format!("{name}: {}", it.sql)).collect();
    assert!(without.is_empty(), "{}", without.join("\n\n"));
    let args = vec![Arg::from(tenant().as_bytes()), Arg::Int(1)];
    for sql in [
        "SELECT job FROM jobs WHERE job > $2",
        "SELECT job FROM jobs WHERE tenant = $2",
        "SELECT job FROM jobs JOIN scope ON scope.doc = jobs.job WHERE jobs.tenant = $1",
    ] {
        let statement = Statement { sql: sql.to_owned(), args: args.clone() };
        assert!(!names_its_tenant(&statement), "{sql}");
    }
}

/// What is wrong with a plan, step by step as SQLite or PostgreSQL says it.
fn wrong(steps: &[String]) -> Option<&String> {
    steps.iter().find(|step| {
        let sqlite_scan = step.strip_prefix("SCAN ").is_some_and(|of| !is_stream(of));
        let sorts = step.contains("USE TEMP B-TREE FOR")
            || step.trim_start().starts_with("->  Sort")
            || step.trim_start().starts_with("Sort ");
        sqlite_scan || sorts || step.contains("Seq Scan")
    })
}

/// What SQLite calls a scan and is none of a table: rows of a bounded subquery.
fn is_stream(name: &str) -> bool {
    name == "looked_at" || name.starts_with("of_")
}

async fn check(connection: &mut AnyConnection, explain: &str, column: usize) {
    let mut found = Vec::new();
    for (name, Statement { sql, args }) in statements() {
        let statement = Statement { sql: format!("{explain} {sql}"), args };
        let rows = statement.fetch(connection).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        let steps: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        if let Some(step) = wrong(&steps) {
            found.push(format!("{name}: {step}\n{sql}\n{}", steps.join("\n")));
        }
    }
    check_indexes(connection, explain, column).await;
    check_sums(connection, explain, column).await;
    assert!(found.is_empty(), "{} plans:\n{}", found.len(), found.join("\n\n"));
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

#[test]
fn no_list_on_sqlite_walks_through_a_table_or_sorts_one() {
    let folder = std::env::temp_dir().join(format!("towline-lists-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    run(async {
        let url = format!("sqlite://{}", folder.join("plans.db").display());
        let store = Store::open(&url).await.expect("it opens");
        assert_eq!(store.backend(), Backend::Sqlite);
        let mut connection = store.readers().acquire().await.expect("a connection");
        check(&mut connection, "EXPLAIN QUERY PLAN", 3).await;
        drop(connection);
        store.close().await;
    });
    std::fs::remove_dir_all(&folder).ok();
}

#[test]
fn no_list_on_postgres_walks_through_a_table_or_sorts_one() {
    sqlx::any::install_default_drivers();
    let admin = std::env::var("TOWLINE_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    run(async {
        let Ok(mut server) = AnyConnection::connect(&admin).await else {
            let demanded = std::env::var("TOWLINE_REQUIRE_POSTGRES").is_ok_and(|v| v == "1");
            assert!(!demanded, "PostgreSQL is required and not reachable");
            return;
        };
        let name = format!("towline_plans_{}", std::process::id());
        let url = format!("{}/{name}", admin.rsplit_once('/').map_or("", |(server, _)| server));
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut server).await.expect("a database");
        }
        let store = Store::open(&url).await.expect("it opens");
        store.close().await;
        let mut connection = AnyConnection::connect(&url).await.expect("a connection");
        // Empty tables are cheapest to walk through: what is left is what no index helps with.
        let planner = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; \
                       SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_custom_plan";
        sqlx::raw_sql(planner).execute(&mut connection).await.expect("settings");
        check(&mut connection, "EXPLAIN", 0).await;
        connection.close().await.expect("it closes");
        let drop = AssertSqlSafe(format!("DROP DATABASE {name}"));
        sqlx::raw_sql(drop).execute(&mut server).await.expect("it goes");
    });
}
