//! What one phone floods the desk with: found out, bounded, and quickly put away.

use ed25519_dalek::Signer as _;
use serde_json::{Value, json};
use server::config::Config;
use server::upkeep;
use sync_core::admission::push_message;
use sync_core::change::{Change, Entry, Run};
use sync_core::document::Document;
use sync_core::id::{ActorId, FactId, JobId};
use sync_core::schema::{Section, key, section};
use sync_core::sync::{Frame, Request, Response, Sent, decode_response, encode_request};
use sync_core::time::Stamp;
use sync_core::value::{Record, Value as Field};

use crate::world::{Client, Phone, Told, World};

const MEDIA: &str = "application/vnd.towline.sync";

fn fact(section: Section, record: &[(sync_core::schema::Key, Field)], now: i64) -> Entry {
    let id = FactId::new(now, store::random());
    Entry::Fact { section, id, record: record.iter().cloned().collect::<Record>() }
}

/// A job opened at the roadside, with a note if there is one.
pub fn walk_up(now: i64, plate: &str, note: Option<&str>) -> (JobId, Run) {
    opened((Stamp::wall(now), plate, None), note)
}

/// A job opened at the roadside by a phone whose clocks say this.
pub fn walk_up_at(stamp: Stamp, plate: &str, place: Option<(i64, i64)>) -> (JobId, Run) {
    opened((stamp, plate, place), None)
}

fn opened(
    (stamp, plate, place): (Stamp, &str, Option<(i64, i64)>),
    note: Option<&str>,
) -> (JobId, Run) {
    let now = stamp.at;
    let job = JobId::new(now, store::random());
    let said = [(key::KIND, "walk_up".into()), (key::EPOCH, 0.into()), (key::PLATE, plate.into())];
    let mut opened = Record::from_iter(said);
    stamp.write(&mut opened);
    if let Some((lat, lon)) = place {
        opened.extend([(key::LAT, lat.into()), (key::LON, lon.into())]);
    }
    let id = FactId::new(now, store::random());
    let mut entries = vec![Entry::Fact { section: section::STATUS, id, record: opened }];
    entries.extend(note.map(|text| fact(section::NOTES, &[(key::TEXT, text.into())], now)));
    let actor = ActorId::new(now, store::random());
    let change = Change { actor, seq: 1, after: Vec::new(), time: now, entries };
    (job, Document::new(job.into()).run(vec![change]).expect("it can join"))
}

pub fn frame(world: &World, phone: &Phone, runs: Vec<Run>) -> Vec<u8> {
    let signature = phone.key.sign(&push_message(phone.device, runs.iter())).to_bytes();
    let runs = runs.into_iter().map(Sent::Signed).collect();
    let epoch = world.running().app().store.epoch();
    encode_request(&Request { epoch, runs, signature: Some(signature), ..Request::default() })
}

pub fn exchange(client: &Client, frame: &[u8]) -> Result<Response, String> {
    let url = format!("{}/v1/sync", client.url);
    let token = client.token().expect("a token");
    let mut answer = ureq::post(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", MEDIA)
        .send(frame)
        .expect("an answer");
    match decode_response(&answer.body_mut().read_to_vec().expect("a body")) {
        Ok(Frame::Response(response)) => Ok(*response),
        Ok(Frame::Fault(fault)) => Err(fault.code),
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn what_a_frame_inflates_to_is_charged() {
    let world = World::with(|config| config.hour.bytes = 100 * 1024);
    let phone = world.phone(world.tenant, "acme", "admin", "bo");
    let (client, now) = (phone.log_in(&world), world.running().app().now());
    let text = "a".repeat(30_000);
    let runs: Vec<Run> = (0..5).map(|_| walk_up(now, "A", Some(&text)).1).collect();
    let sent = frame(&world, &phone, runs);
    assert!(sent.len() < 8 * 1024, "{} bytes", sent.len());
    exchange(&client, &sent).expect("the first one is taken");
    let small = frame(&world, &phone, vec![walk_up(now, "A", None).1]);
    assert_eq!(exchange(&client, &small).err().as_deref(), Some("quota"));
}

fn exceptions(job: &Value) -> Vec<(String, Value)> {
    let list = job["exceptions"].list().to_vec();
    let about = |it: &Value| it["about"].text().to_owned();
    list.iter().map(|it| (about(it), it["job"].clone())).collect()
}

#[test]
fn a_call_and_a_walk_up_of_one_plate_are_both_a_decision_and_block_no_work() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let (client, desk) = (phone.log_in(&world), world.admin());
        let app = world.running().app();
        let call = json!({"address": "Road 1", "problem": "battery", "plate": "ABC-1234"});
        let call = desk.post("/v1/jobs", call).ok(201)["id"].text().to_owned();
        let (job, run) = walk_up(app.now(), "abc 1234", None);
        let (_, other) = walk_up(app.now(), "XYZ-1", None);
        exchange(&client, &frame(&world, &phone, vec![run, other])).expect("it is taken");
        // Twice, and the server itself may have been faster: each is noted once.
        for _ in 0..2 {
            world.block_on(upkeep::number_jobs(app, app.now())).expect("it looks");
        }
        let (call, job) = (format!("/v1/jobs/{call}"), format!("/v1/jobs/{job}"));
        let look = |path: &str| desk.get(path).ok(200);
        let named = |path: &str| json!(path.trim_start_matches("/v1/jobs/"));
        let duplicate = |of: &str| vec![("possible_duplicate".to_owned(), named(of))];
        assert_eq!(exceptions(&look(&call)), duplicate(&job));
        assert_eq!(exceptions(&look(&job)), duplicate(&call));
        assert_eq!(look(&job)["settlement"], Value::Null);
        let different = json!({"about": "possible_duplicate", "choice": "different"});
        desk.post(&format!("{job}/decisions"), different).ok(200);
        assert_eq!(exceptions(&look(&job)), []);
        // What is cancelled is paid to nobody.
        desk.post(&format!("{call}/cancel"), json!({"reason": "duplicate"})).ok(200);
        assert_eq!(exceptions(&look(&call)), []);
    }
}

#[test]
fn a_plate_that_is_noted_after_a_job_was_numbered_is_compared_too() {
    for world in World::on_each_database() {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let (client, desk) = (phone.log_in(&world), world.admin());
        let app = world.running().app();
        let call = json!({"address": "Road 1", "problem": "battery", "plate": "ABC-1234"});
        let call = desk.post("/v1/jobs", call).ok(201)["id"].text().to_owned();
        let (job, run) = walk_up(app.now(), "XYZ-1", None);
        exchange(&client, &frame(&world, &phone, vec![run])).expect("it is taken");
        world.block_on(upkeep::number_jobs(app, app.now())).expect("it looks");
        let path = format!("/v1/jobs/{job}");
        assert_eq!(exceptions(&desk.get(&path).ok(200)), []);
        let tag = desk.get(&path).header("etag").to_owned();
        let noted = json!({"vin": "WVWZZZ1JZXW000001", "phone": "+886912345678"});
        desk.header("if-match", &tag).patch(&path, noted.clone()).ok(200);
        let (of_call, tag) =
            (format!("/v1/jobs/{call}"), |path: &str| desk.get(path).header("etag").to_owned());
        desk.header("if-match", &tag(&of_call)).patch(&of_call, noted).ok(200);
        let mut compared = upkeep::Compared::default();
        for _ in 0..2 {
            let jobs = [(world.tenant, job)];
            world
                .block_on(upkeep::compare_jobs(app, &jobs, &mut compared, app.now()))
                .expect("it looks");
        }
        let duplicate = |of: String| vec![("possible_duplicate".to_owned(), json!(of))];
        assert_eq!(exceptions(&desk.get(&path).ok(200)), duplicate(call.clone()));
        assert_eq!(exceptions(&desk.get(&of_call).ok(200)), duplicate(job.to_string()));
    }
}

/// More walk-ups than one technician may open in a day, unless an operator says so.
fn many(config: &mut Config) {
    config.bounds.walk_ups_a_day = 1000;
}

#[test]
fn walk_ups_of_one_technician_are_cancelled_a_page_at_a_time_and_can_be_reopened() {
    for world in World::on_each_database_with(many) {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let (client, desk, now) =
            (phone.log_in(&world), world.admin(), world.running().app().now());
        let flood: Vec<_> = (0..130).map(|_| walk_up(now, "A", None)).collect();
        let runs = flood.iter().map(|(_, run)| run.clone()).collect();
        exchange(&client, &frame(&world, &phone, runs)).expect("it is taken");
        let called = desk.post("/v1/jobs", json!({"address": "Road 1", "problem": "tow"})).ok(201);
        let call = format!("/v1/jobs/{}", called["id"].text());
        let user = desk.get("/v1/technicians").ok(200)["items"][0]["id"].clone();
        let user = user.text();
        desk.post(&format!("{call}/assign"), json!({"technician": user})).ok(200);
        let path = format!("/v1/technicians/{user}/cancel-walk-ups");
        let (mut cancelled, mut pages, mut after) = (Vec::new(), 0, Value::Null);
        loop {
            let body = json!({"reason": "duplicate", "note": "A broken phone", "after": after});
            let page = desk.post(&path, body).ok(200);
            let jobs = page["cancelled"].list().to_vec();
            assert!(jobs.len() <= 100);
            cancelled.extend(jobs);
            pages += 1;
            after = page["next"].clone();
            if after.is_null() {
                break;
            }
        }
        assert_eq!((cancelled.len(), pages), (130, 2));
        assert_eq!(desk.get(&call).ok(200)["state"], "assigned", "a call is not theirs to lose");
        let one = format!("/v1/jobs/{}", cancelled[7].text());
        assert_eq!(desk.get(&one).ok(200)["state"], "cancelled");
        assert_ne!(desk.post(&format!("{one}/reopen"), json!({})).ok(200)["state"], "cancelled");
        desk.post(
            "/v1/technicians/0190b1c0-0000-7000-8000-000000000001/cancel-walk-ups",
            json!({"reason": "duplicate"}),
        )
        .problem(404, "not_found");
    }
}

#[test]
fn deactivating_takes_back_a_page_of_jobs_and_the_server_the_rest() {
    for world in World::on_each_database_with(many) {
        let phone = world.phone(world.tenant, "acme", "admin", "bo");
        let (client, desk, app) = (phone.log_in(&world), world.admin(), world.running().app());
        let runs = (0..120).map(|_| walk_up(app.now(), "A", None).1).collect();
        exchange(&client, &frame(&world, &phone, runs)).expect("it is taken");
        let user = desk.get("/v1/technicians").ok(200)["items"][0]["id"].clone();
        let user = user.text();
        let held = || {
            let path = format!("/v1/jobs?technician={user}&limit=200");
            desk.get(&path).ok(200)["items"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(held(), 120);
        let path = format!("/v1/users/{user}");
        let tag = desk.get(&path).header("etag").to_owned();
        desk.header("if-match", &tag).patch(&path, json!({"active": false})).ok(200);
        assert!(held() <= 70, "a page of them is back at once");
        let round = || world.block_on(upkeep::recall_jobs(app, app.now())).expect("it goes on");
        while round() > 0 {}
        assert_eq!(held(), 0);
        assert!(world.block_on(app.store.to_recall(None)).expect("it reads").is_empty());
    }
}
