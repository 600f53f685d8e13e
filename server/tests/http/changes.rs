//! Programs that keep a copy of the board miss no change, whatever the clocks of the nodes say.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use server::Clock;
use server::auth::Role;
use store::Renewal;

use crate::world::{Client, PASSWORD, World};

fn call(desk: &Client) -> String {
    let job = desk.post("/v1/jobs", json!({"address": "Highway 3", "problem": "tow"})).ok(201);
    job["id"].as_str().unwrap().to_owned()
}

/// A copy of the board, by id and version.
#[derive(Default)]
struct Copy {
    jobs: BTreeMap<String, i64>,
    cursor: Option<String>,
    latest: i64,
}

impl Copy {
    /// A copy of the list, which goes on with the changes since.
    fn listed(desk: &Client) -> Self {
        let mut copy = Self::default();
        let page = desk.get("/v1/jobs?limit=200").ok(200);
        copy.keep(&page["items"]);
        copy.cursor = Some(page["changes"].as_str().unwrap().to_owned());
        copy
    }

    fn keep(&mut self, items: &Value) {
        for job in items.as_array().unwrap() {
            let id = job["id"].as_str().unwrap().to_owned();
            self.jobs.insert(id, job["version"].as_i64().unwrap());
            self.latest = self.latest.max(job["updated_at"].as_i64().unwrap());
        }
    }

    /// Asks by the cursor until there is no more; whether any page began with the first job.
    fn follow(&mut self, desk: &Client, limit: u32) -> bool {
        let mut from_start = false;
        loop {
            let cursor = self.cursor.as_ref().map_or(String::new(), |it| format!("&cursor={it}"));
            let page = desk.get(&format!("/v1/jobs/changes?limit={limit}{cursor}")).ok(200);
            self.keep(&page["items"]);
            for left in page["left"].as_array().into_iter().flatten() {
                self.jobs.remove(left.as_str().unwrap());
            }
            self.cursor = Some(page["next"].as_str().unwrap().to_owned());
            from_start |= page["from_start"] == true;
            if page["more"] == false {
                return from_start;
            }
        }
    }

    /// Asks for what changed since the latest change it knows.
    fn ask_by_time(&mut self, desk: &Client) {
        let path = format!("/v1/jobs?limit=200&updated_since={}", self.latest);
        self.keep(&desk.get(&path).ok(200)["items"]);
    }
}

#[test]
fn a_copy_by_cursor_has_every_job_and_every_change_of_it() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let mut copy = Copy::default();
        let jobs: Vec<String> = (0..7).map(|_| call(&desk)).collect();
        assert!(copy.follow(&desk, 3), "the first page says that it is the first");
        assert_eq!(copy.jobs.len(), 7);
        let path = format!("/v1/jobs/{}", jobs[2]);
        let etag = desk.get(&path).header("etag").to_owned();
        let changed = desk.header("if-match", &etag).patch(&path, json!({"address": "Highway 4"}));
        changed.ok(200);
        let mut board = Copy::default();
        board.keep(&desk.get("/v1/jobs").ok(200)["items"]);
        assert_ne!(copy.jobs, board.jobs);
        assert!(!copy.follow(&desk, 3));
        assert_eq!(copy.jobs, board.jobs);
        desk.get("/v1/jobs/changes?cursor=AAAA").problem(400, "bad_cursor");
        world.add_user(world.tenant, "dan", Role::Dispatcher);
        let mut other = Copy::default();
        other.follow(&world.desk("acme", "dan"), 200);
        assert_eq!(other.jobs, copy.jobs, "who has no branch sees all");
    }
}

#[test]
fn a_copy_of_the_list_and_the_changes_after_it_miss_nothing() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let jobs: Vec<String> = (0..5).map(|_| call(&desk)).collect();
        let first = desk.get("/v1/jobs?limit=2").ok(200);
        // Between the pages of the list.
        let path = format!("/v1/jobs/{}", jobs[4]);
        let any = desk.header("if-match", "*");
        any.patch(&path, json!({"address": "Highway 4"})).ok(200);
        let late = call(&desk);
        let mut copy = Copy::default();
        copy.keep(&first["items"]);
        let mut next = first["next"].as_str().map(str::to_owned);
        while let Some(cursor) = next {
            let page = desk.get(&format!("/v1/jobs?limit=2&cursor={cursor}")).ok(200);
            assert!(page["changes"].is_null(), "only a first page has it");
            copy.keep(&page["items"]);
            next = page["next"].as_str().map(str::to_owned);
        }
        copy.cursor = first["changes"].as_str().map(str::to_owned);
        assert!(!copy.follow(&desk, 50), "it goes on");
        assert!(copy.jobs.contains_key(&late));
        assert_eq!(copy.jobs, Copy::listed(&desk).jobs);
    }
}

#[test]
fn a_job_that_goes_to_another_branch_leaves_the_copy_of_the_first() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let branch = |name: &str| {
            let body =
                json!({"name": name, "kind": "owned", "currency": "TWD", "time_zone": "UTC"});
            desk.post("/v1/branches", body).ok(201)["id"].as_str().unwrap().to_owned()
        };
        let (north, south) = (branch("North"), branch("South"));
        let nan = json!({"login": "nan", "name": "Nan", "role": "dispatcher", "branch": north,
            "password": PASSWORD});
        desk.post("/v1/users", nan).ok(201);
        let nan = world.desk("acme", "nan");
        let of = |branch: Option<&str>| {
            let body = json!({"address": "Highway 3", "problem": "tow", "branch": branch});
            desk.post("/v1/jobs", body).ok(201)["id"].as_str().unwrap().to_owned()
        };
        let (mine, nobodys, theirs) = (of(Some(&north)), of(None), of(Some(&south)));
        let mut copy = Copy::listed(&nan);
        assert_eq!(copy.jobs.len(), 2);
        let go = |job: &str, change: Value| {
            desk.header("if-match", "*").patch(&format!("/v1/jobs/{job}"), change).ok(200)
        };
        for job in [&mine, &nobodys] {
            go(job, json!({"branch": south}));
        }
        go(&theirs, json!({"address": "Highway 5"}));
        let cursor = copy.cursor.clone().unwrap();
        let page = nan.get(&format!("/v1/jobs/changes?cursor={cursor}")).ok(200);
        assert_eq!(page["left"], json!([mine, nobodys]), "and not what was never theirs");
        assert_eq!(page["items"], json!([]));
        copy.follow(&nan, 50);
        assert!(copy.jobs.is_empty());
        go(&mine, json!({"branch": north}));
        copy.follow(&nan, 50);
        assert_eq!(copy.jobs.keys().collect::<Vec<_>>(), [&mine], "it came back");
        let mut whole = Copy::listed(&desk);
        whole.follow(&desk, 50);
        assert_eq!(whole.jobs.len(), 3, "nothing leaves who sees all");
    }
}

#[test]
fn a_cursor_of_a_server_before_its_restore_begins_again() {
    let world = World::new();
    let desk = world.admin();
    call(&desk);
    let mut copy = Copy::default();
    copy.follow(&desk, 50);
    let store = world.running().app().store.clone();
    world.block_on(store.renew(Renewal::at(0))).unwrap();
    let node = world.second_node();
    assert!(copy.follow(&node.admin(), 50), "it is told that its copy may be of what is gone");
}

#[test]
fn a_copy_by_time_misses_no_change_of_nodes_whose_clocks_differ() {
    let Some(world) = World::on_postgres() else { return };
    let ahead = world.second_node_with(|config| {
        config.clock = Clock::new(|| Clock::system().now() + 1000);
    });
    let (here, there) = (world.admin(), ahead.admin());
    let mut copy = Copy::default();
    let mut made = Vec::new();
    for _ in 0..5 {
        for desk in [&there, &here] {
            made.push(call(desk));
            copy.ask_by_time(&here);
        }
    }
    made.retain(|job| !copy.jobs.contains_key(job));
    assert!(made.is_empty(), "{} of 10 never came", made.len());
}
