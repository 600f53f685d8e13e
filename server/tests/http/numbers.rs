//! Human numbers of jobs, and the place of a job on the board: no clock of a phone decides them.

use ed25519_dalek::Signer as _;
use serde_json::{Value, json};
use server::upkeep;
use sync_core::admission::push_message;
use sync_core::id::JobId;
use sync_core::sync::{Request, Sent, encode_request};
use sync_core::time::Stamp;

use crate::devices::walk_up;
use crate::flood;
use crate::rounds::damage;
use crate::world::{Client, Phone, World};

const MEDIA: &str = "application/vnd.towline.sync";
const YEAR: i64 = 365 * 86_400_000;

fn branch(desk: &Client, zone: &str) -> String {
    let body = json!({"name": zone, "kind": "owned", "currency": "TWD", "time_zone": zone});
    desk.post("/v1/branches", body).ok(201)["id"].as_str().unwrap_or_default().to_owned()
}

fn call(branch: Option<&str>, number: Option<&str>) -> Value {
    let mut call = json!({"problem": "tow", "address": "Exit 12"});
    branch.into_iter().for_each(|branch| call["branch"] = json!(branch));
    number.into_iter().for_each(|number| call["number"] = json!(number));
    call
}

fn number(job: &Value) -> String {
    job["intake"]["number"].as_str().unwrap_or_default().to_owned()
}

fn take(desk: &Client, branch: Option<&str>, own: Option<&str>) -> String {
    number(&desk.post("/v1/jobs", call(branch, own)).ok(201))
}

/// Sends what a phone opened at the roadside by its own clock.
fn send_walk_up(world: &World, phone: &Phone, at: i64) -> JobId {
    let (job, run) = walk_up(Stamp::wall(at));
    let signature = phone.key.sign(&push_message(phone.device, [&run].into_iter())).to_bytes();
    let request = Request {
        epoch: world.running().app().store.epoch(),
        runs: vec![Sent::Signed(run)],
        signature: Some(signature),
        ..Request::default()
    };
    let sent = encode_request(&request);
    assert_eq!(phone.log_in(world).send("POST", "/v1/sync", Some(sent), MEDIA).status, 200);
    job
}

#[test]
fn a_number_has_the_day_at_the_branch() {
    let world = World::new();
    let desk = world.admin();
    // 25 hours apart: it is never the same day at both.
    let (east, west) = (branch(&desk, "Pacific/Kiritimati"), branch(&desk, "Pacific/Pago_Pago"));
    let (east, west) = (take(&desk, Some(&east), None), take(&desk, Some(&west), None));
    assert!(east[..6] > west[..6], "{east} {west}");
    assert!(east.ends_with("-001") && west.ends_with("-001"), "{east} {west}");
}

#[test]
fn a_number_of_another_job_of_the_day_is_refused_with_the_next_free_one() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let (north, south) = (branch(&desk, "Asia/Taipei"), branch(&desk, "Asia/Taipei"));
        let first = take(&desk, Some(&north), None);
        let free = first.replace("-001", "-002");
        let again = desk.post("/v1/jobs", call(Some(&north), Some(&first)));
        let problem = again.problem(409, "conflict");
        assert_eq!(
            (&problem["field"], &problem["reason"]),
            (&json!("number"), &json!("number_taken"))
        );
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(&first) && detail.contains(&free), "{detail}");
        assert_eq!(take(&desk, Some(&south), Some(&first)), first, "each branch has its own");
        // One that was typed in before the count came to it is passed over.
        assert_eq!(take(&desk, Some(&north), Some(&free)), free);
        let third = take(&desk, Some(&north), None);
        assert_eq!(third, first.replace("-001", "-003"));
        // Changing one to a number that is taken is refused too, to its own it is not.
        let job = desk.post("/v1/jobs", call(Some(&north), Some("A-7"))).ok(201);
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap_or_default());
        let change = |number: &str| {
            let tag = desk.get(&path).header("etag").to_owned();
            desk.header("if-match", &tag).patch(&path, json!({"number": number}))
        };
        change(&third).problem(409, "conflict");
        assert_eq!(number(&change("a-7").ok(200)), "a-7");
        assert_eq!(number(&change("A-8").ok(200)), "A-8");
    }
}

#[test]
fn a_job_moves_to_no_branch_where_another_has_its_number() {
    for world in World::on_each_database() {
        let desk = world.admin();
        let (north, south) = (branch(&desk, "Asia/Taipei"), branch(&desk, "Asia/Taipei"));
        let kept = desk.post("/v1/jobs", call(Some(&north), Some("A-7"))).ok(201);
        let moved = desk.post("/v1/jobs", call(Some(&south), Some("a-7"))).ok(201);
        let path = format!("/v1/jobs/{}", moved["id"].as_str().unwrap_or_default());
        let change = |change: Value| {
            let tag = desk.get(&path).header("etag").to_owned();
            desk.header("if-match", &tag).patch(&path, change)
        };
        let problem = change(json!({"branch": north})).problem(409, "conflict");
        assert_eq!(problem["reason"], json!("number_taken"));
        assert_eq!(number(&change(json!({"branch": north, "number": "A-8"})).ok(200)), "A-8");
        assert_eq!(number(&change(json!({"branch": south})).ok(200)), "A-8");
        assert_eq!(number(&kept), "A-7");
        // None is a branch too.
        desk.post("/v1/jobs", call(None, Some("A-8"))).ok(201);
        change(json!({"branch": null})).problem(409, "conflict");
    }
}

#[test]
fn a_call_that_is_refused_takes_no_number() {
    let world = World::new();
    let desk = world.admin();
    let mut priced = call(None, Some("A-7"));
    priced["amount"] = json!(100);
    desk.post("/v1/jobs", priced).problem(422, "invalid");
    assert_eq!(take(&desk, None, Some("A-7")), "A-7");
}

#[test]
fn a_job_from_the_roadside_gets_its_number_once_it_is_here_and_only_once() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let app = world.running().app();
        let job = send_walk_up(&world, &phone, app.now());
        let path = format!("/v1/jobs/{job}");
        assert_eq!(world.admin().get(&path).ok(200)["intake"]["number"], Value::Null);
        let round = || world.block_on(upkeep::number_jobs(app, app.now())).expect("it looks");
        round();
        let numbered = world.admin().get(&path).ok(200);
        assert_eq!(numbered["promise"]["tax_mode"], "inclusive", "it is billed like others");
        let given = number(&numbered);
        assert!(given.ends_with("-001"), "{given}");
        assert_eq!(round(), 0);
        assert_eq!(number(&world.admin().get(&path).ok(200)), given);
        assert_eq!(take(&world.admin(), None, None), given.replace("-001", "-002"));
    }
}

#[test]
fn the_board_goes_by_when_the_server_took_a_job_in() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let (desk, now) = (world.admin(), world.running().app().now());
        let mut wanted = vec![send_walk_up(&world, &phone, now + 14 * YEAR).to_string()];
        for _ in 0..3 {
            let job = desk.post("/v1/jobs", call(None, None)).ok(201);
            wanted.push(job["id"].as_str().unwrap_or_default().to_owned());
        }
        wanted.push(send_walk_up(&world, &phone, now - 14 * YEAR).to_string());
        wanted.reverse();
        // A later change moves none of them.
        desk.post(&format!("/v1/jobs/{}/cancel", wanted[2]), json!({"reason": "duplicate"}));
        let mut listed = Vec::new();
        let mut path = "/v1/jobs?limit=2".to_owned();
        loop {
            let page = desk.get(&path).ok(200);
            let items = page["items"].as_array().cloned().unwrap_or_default();
            listed.extend(items.iter().filter_map(|it| it["id"].as_str().map(str::to_owned)));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/jobs?limit=2&cursor={next}");
        }
        assert_eq!(listed, wanted);
    }
}

#[test]
fn a_job_that_cannot_be_read_keeps_no_other_from_its_number() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let now = world.running().app().now();
        let jobs = [1, 2, 3].map(|n| send_walk_up(&world, &phone, now + n));
        let app = world.running().app().clone();
        // The first of them is damaged in the log, and nobody has it in memory.
        damage(&world, jobs[0].into());
        world.block_on(upkeep::number_jobs(&app, now)).expect_err("one cannot be read");
        for job in &jobs[1..] {
            let read = world.admin().get(&format!("/v1/jobs/{job}")).ok(200);
            assert!(!number(&read).is_empty(), "{read}");
        }
    }
}

#[test]
fn a_likely_duplicate_that_cannot_be_read_keeps_no_job_from_its_number() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let now = world.running().app().now();
        let plate = json!({"problem": "tow", "address": "Exit 12", "plate": "ABC-123"});
        let called = world.admin().post("/v1/jobs", plate).ok(201);
        let called: JobId = called["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let (job, run) = flood::walk_up(now, "ABC-123", None);
        let frame = flood::frame(&world, &phone, vec![run]);
        flood::exchange(&phone.log_in(&world), &frame).expect("it is taken");
        damage(&world, called.into());
        let next = world.second_node();
        let app = next.running().app();
        next.block_on(upkeep::number_jobs(app, now)).expect("the other is passed over");
        let read = next.admin().get(&format!("/v1/jobs/{job}")).ok(200);
        assert!(!number(&read).is_empty(), "{read}");
    }
}

#[test]
fn a_walk_up_of_a_phone_with_a_wrong_clock_is_found_to_be_the_rescue_of_a_call() {
    let world = World::new();
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let (client, desk, app) = (phone.log_in(&world), world.admin(), world.running().app());
    for (n, wrong_by) in [-2 * 86_400_000, 2 * 86_400_000, -YEAR].into_iter().enumerate() {
        for is_anchored in [true, false] {
            let now = app.now();
            let (lat, plate) = (
                25 * 10_000_000 + i64::try_from(n).unwrap_or(0) * 1_000_000,
                format!("P{n}{is_anchored}"),
            );
            let place = json!({"lat": lat as f64 / 1e7, "lon": 121.5});
            let taken =
                json!({"problem": "tow", "address": "Road 1", "plate": plate, "place": place});
            let called = desk.post("/v1/jobs", taken).ok(201);
            // The phone's wall clock is wrong; since its boot it has learnt the server's time, or not.
            let known =
                Stamp { at: now + wrong_by, up: Some(5000), srv: Some(now), srv_up: Some(4000) };
            let stamp = if is_anchored { known } else { Stamp::wall(known.at) };
            let (job, run) = flood::walk_up_at(stamp, &plate, Some((lat, 1_215_000_000)));
            flood::exchange(&client, &flood::frame(&world, &phone, vec![run]))
                .expect("it is taken");
            world.block_on(upkeep::number_jobs(app, now)).expect("it is numbered");
            let read = desk.get(&format!("/v1/jobs/{job}")).ok(200);
            let about: Vec<_> = read["exceptions"].as_array().into_iter().flatten().collect();
            let alike = |it: &&&Value| it["about"] == "possible_duplicate";
            assert_eq!(about.iter().filter(alike).count(), 1, "{wrong_by} {is_anchored}: {read}");
            let call = desk.get(&format!("/v1/jobs/{}", called["id"].as_str().unwrap_or_default()));
            let likely = call.ok(200)["likely_duplicates"].clone();
            if is_anchored {
                assert_eq!(likely[0]["id"], job.to_string(), "{likely}");
                let reasons = &likely[0]["reasons"];
                assert_eq!(*reasons, json!(["plate", "place_and_time"]), "{likely}");
            }
        }
    }
}
