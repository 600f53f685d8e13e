//! Pages of jobs through a small window together are the list, whatever is asked for.

use std::cmp::Reverse;

use sync_core::document::Document;
use sync_core::id::{BranchId, JobId, TenantId, UserId};
use sync_core::job::{Job, State};

use super::jobs::{JobFilter, JobOrder, JobPlace};
use super::{Store, StoreError};

/// One job as the table has it.
#[derive(Debug, Clone, Copy)]
struct Row {
    job: JobId,
    branch: Option<BranchId>,
    state: State,
    expires: Option<i64>,
    technician: Option<UserId>,
    waiting: i64,
    updated: i64,
    first: i64,
}

const NOW: i64 = 1000;
const STATES: [State; 4] = [State::Received, State::Offered, State::Completed, State::Assigned];

fn branch(n: u64) -> BranchId {
    BranchId::new(1, [u8::try_from(n).unwrap_or(0); 10])
}

fn user(n: u64) -> UserId {
    UserId::new(2, [u8::try_from(n).unwrap_or(0); 10])
}

/// Ninety jobs of every kind, the same each time.
fn rows() -> Vec<Row> {
    let mut seed = 7_u64;
    let mut draw = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut row = |n: i64| {
        let state = STATES[usize::try_from(draw(4)).unwrap_or(0)];
        Row {
            job: JobId::new(100 + n, [1; 10]),
            branch: [None, Some(branch(1)), Some(branch(2))][usize::try_from(draw(3)).unwrap_or(0)],
            state,
            expires: (state == State::Offered).then(|| [NOW, NOW + 1][draw(2).min(1) as usize]),
            technician: (draw(3) > 0).then(|| user(draw(2))),
            waiting: draw(6).saturating_sub(3).cast_signed(),
            updated: draw(40).cast_signed(),
            // Ids have clocks of phones in them: the order is another.
            first: 1 + (n * 37) % 90,
        }
    };
    (0..90).map(&mut row).collect()
}

fn fits(filter: &JobFilter, row: &Row) -> bool {
    let expired = row.state == State::Offered && row.expires.is_some_and(|at| at <= NOW);
    let state = if expired { State::Received } else { row.state };
    filter.seen_from.is_none_or(|own| row.branch.is_none_or(|branch| branch == own))
        && filter.branch.is_none_or(|branch| row.branch == Some(branch))
        && (filter.states.is_empty() || filter.states.contains(&state))
        && filter.technician.is_none_or(|technician| row.technician == Some(technician))
        && match filter.order {
            JobOrder::ChangedSince(since, _) => row.updated >= since,
            JobOrder::FirstSeen(_) => true,
        }
        && filter.waiting.is_none_or(|waiting| waiting == (row.waiting > 0))
        && filter.text.as_deref().is_none_or(|text| row.updated.to_string().contains(text))
}

async fn insert(store: &Store, tenant: TenantId, row: Row) {
    let summary = Job::of(&Document::new(row.job.into())).summary(NOW);
    let summary = serde_json::to_string(&summary).expect("a summary");
    let done = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            let sql = "INSERT INTO jobs (tenant, job, first_pos, pos, branch, state, expires, technician, \
                       waiting, created_at, updated_at, search, summary) \
                       VALUES ($1, $2, $11, 1, $3, $4, $5, $6, $7, 0, $8, $9, $10)";
            sqlx::query(sql)
                .bind(tenant.as_bytes().to_vec())
                .bind(row.job.as_bytes().to_vec())
                .bind(row.branch.map(|branch| branch.as_bytes().to_vec()))
                .bind(row.state.as_str())
                .bind(row.expires)
                .bind(row.technician.map(|user| user.as_bytes().to_vec()))
                .bind(row.waiting)
                .bind(row.updated)
                .bind(row.updated.to_string())
                .bind(summary)
                .bind(row.first)
                .execute(tx)
                .await?;
            Ok(())
        })
    });
    done.await.expect("a row");
}

/// Combinations that take every way, alone and with others.
fn filters() -> Vec<JobFilter> {
    let mut all = Vec::new();
    for bits in 0_u32..128 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        all.push(JobFilter {
            seen_from: on(0).then(|| branch(1)),
            branch: on(1).then(|| branch(2)),
            states: if on(2) { vec![State::Received, State::Completed] } else { Vec::new() },
            technician: on(3).then(|| user(1)),
            text: on(4).then(|| "3".to_owned()),
            waiting: on(6).then_some(bits % 3 != 0),
            order: match on(5) {
                true => JobOrder::ChangedSince(20, None),
                false => JobOrder::default(),
            },
        });
    }
    all.push(JobFilter { states: vec![State::Offered], ..JobFilter::default() });
    all
}

/// A store with the ninety jobs.
fn with_jobs(name: &str, test: impl AsyncFnOnce(&Store, TenantId, Vec<Row>)) {
    let folder = std::env::temp_dir().join(format!("towline-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let url = format!("sqlite://{}", folder.join("paging.db").display());
        let store = Store::open(&url).await.expect("it opens");
        let (tenant, rows) = (TenantId::new(1, [1; 10]), rows());
        for row in &rows {
            insert(&store, tenant, *row).await;
        }
        test(&store, tenant, rows).await;
        store.close().await;
    });
    std::fs::remove_dir_all(&folder).ok();
}

#[test]
fn a_page_looks_at_one_window_however_many_states_and_branches_it_asks_for() {
    with_jobs("window", async |store, tenant, rows| {
        let text = Some("nothing has this".to_owned());
        let many = JobFilter { states: STATES.to_vec(), text, ..JobFilter::default() };
        let seen = JobFilter { states: Vec::new(), seen_from: Some(branch(1)), ..many.clone() };
        for mut filter in [many, seen] {
            let there =
                rows.iter().filter(|row| fits(&JobFilter { text: None, ..filter.clone() }, row));
            let (there, mut pages) = (there.count(), 1);
            while let Some(next) =
                store.jobs_within(tenant, &filter, NOW, 4, 7).await.expect("a page").next
            {
                (filter.order, pages) = (next, pages + 1);
            }
            assert!(pages * 7 >= there, "{there} rows were looked at in {pages} pages");
        }
    });
}

#[test]
fn pages_through_a_window_smaller_than_the_table_are_the_whole_list() {
    with_jobs("paging", async |store, tenant, rows| {
        for mut filter in filters() {
            let by_change = matches!(filter.order, JobOrder::ChangedSince(..));
            let place = |row: &Row| JobPlace {
                key: if by_change { row.updated } else { row.first },
                job: row.job,
            };
            let mut wanted: Vec<_> =
                rows.iter().filter(|row| fits(&filter, row)).map(&place).collect();
            wanted.sort_by_key(|place| Reverse(*place));
            let mut paged = Vec::new();
            loop {
                let page = store.jobs_within(tenant, &filter, NOW, 4, 7).await.expect("a page");
                assert!(page.rows.len() <= 4);
                let at = |row: &super::JobRow| JobPlace {
                    key: if by_change { row.updated } else { row.first },
                    job: row.summary.id,
                };
                paged.extend(page.rows.iter().map(at));
                let Some(next) = page.next else { break };
                let before = filter.order.place();
                assert!(before.is_none_or(|before| next.place() < Some(before)), "it goes on");
                filter.order = next;
            }
            assert_eq!(paged, wanted, "{filter:?}");
        }
    });
}
