//! Where the phone is: a bounded queue without coverage, sent with the ordinary sync.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use mobile_ffi::{
    Connector, Engine, NetError, Options, Place, Position, Post, Reply, SyncEnd, Transport, WalkUp,
};
use serde_json::{Value, json};
use support::{CODE, Enroller, Folder};
use sync_core::limits::{POSITION_AGE_MS, POSITION_BATCH, POSITIONS_QUEUED};
use sync_core::sync::{Frame, Response, encode_response};

/// A server that has nothing new and keeps the batches of positions it was sent.
#[derive(Clone)]
struct Office {
    enroller: Enroller,
    batches: Arc<Mutex<Vec<Value>>>,
    /// What it answers to positions.
    status: Arc<Mutex<u16>>,
}

impl Office {
    fn new() -> Self {
        let (enroller, batches) = (Enroller::of_technician(1), Arc::default());
        Self { enroller, batches, status: Arc::new(Mutex::new(200)) }
    }

    fn engine(&self, folder: &Folder) -> Engine {
        let options = Options { connector: Arc::new(self.clone()), ..Options::default() };
        let engine = Engine::open(folder.file("phone.db"), options).unwrap();
        engine.enrol("http://towline.example", CODE, "test phone").unwrap();
        engine
    }

    fn points(&self) -> Vec<Value> {
        let batches = self.batches.lock().unwrap();
        let points = batches.iter().map(|batch| batch["points"].as_array().unwrap().clone());
        points.flatten().collect()
    }
}

impl Connector for Office {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Office {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        Ok(match request.path {
            "/v1/token" => support::json(200, &json!({"access_token": "t", "expires_in": 900})),
            "/v1/sync" => {
                let frame = Response { epoch: 1, cursor: 1, ..Response::default() };
                let mut reply = support::json(200, &Value::Null);
                reply.media_type = mobile_ffi::SYNC_MEDIA_TYPE.to_owned();
                reply.body = encode_response(&Frame::Response(Box::new(frame)));
                reply
            }
            "/v1/positions" => {
                self.batches.lock().unwrap().push(serde_json::from_slice(request.body).unwrap());
                let status = *self.status.lock().unwrap();
                support::json(status, &json!({"code": "some_code", "accepted": 1, "refused": []}))
            }
            _ => return self.enroller.post(request),
        })
    }
}

fn position(age_ms: i64) -> Position {
    let place = Place::from_degrees(25.033, 121.5654, Some(8.0));
    Position { place, age_ms, speed: Some(-1), heading: Some(90), job: None }
}

#[test]
fn positions_wait_without_coverage_and_are_sent_with_the_next_sync_once() {
    let (folder, office) = (Folder::new("positions"), Office::new());
    let engine = office.engine(&folder);
    let measured: Vec<_> = (0..POSITION_BATCH as i64).map(|n| position(n * 1000)).collect();
    assert_eq!(engine.add_positions(&measured).unwrap().kept, POSITION_BATCH);
    engine.add_positions(&[position(POSITION_BATCH as i64 * 1000)]).unwrap();
    assert_eq!(engine.status().unwrap().positions, 1001);
    let report = engine.sync_now().unwrap();
    assert_eq!((report.end, report.positions), (SyncEnd::UpToDate, 1001));
    let points = office.points();
    assert_eq!((office.batches.lock().unwrap().len(), points.len()), (2, 1001));
    assert!(points.is_sorted_by_key(|point| point["at"].as_i64()), "the oldest first");
    let newest = points.last().unwrap();
    assert_eq!(newest["place"], json!({"lat": 25.033, "lon": 121.5654}));
    assert_eq!((&newest["accuracy"], &newest["heading"]), (&json!(80), &json!(90)));
    assert_eq!(newest.get("speed"), None, "the platform does not know it");
    assert_eq!(engine.status().unwrap().positions, 0);
    assert_eq!(engine.sync_now().unwrap().positions, 0);
}

#[test]
fn positions_are_sent_again_until_a_server_answered_and_never_after_it_refused_them() {
    let (folder, office) = (Folder::new("answers"), Office::new());
    let engine = office.engine(&folder);
    for (status, waiting) in [(503, 1), (429, 1), (500, 1), (403, 1), (422, 0)] {
        engine.add_positions(&[position(0)]).unwrap();
        while engine.status().unwrap().positions > 1 {
            *office.status.lock().unwrap() = 204;
            engine.sync_now().unwrap();
            engine.add_positions(&[position(0)]).unwrap();
        }
        *office.status.lock().unwrap() = status;
        let report = engine.sync_now().unwrap();
        assert_eq!(report.end, SyncEnd::UpToDate, "positions hold nothing up");
        assert_eq!(engine.status().unwrap().positions, waiting, "{status}");
    }
}

#[test]
fn of_too_many_positions_the_older_ones_get_coarser_and_the_oldest_stays() {
    let (folder, office) = (Folder::new("many"), Office::new());
    let engine = office.engine(&folder);
    let whole = 12_000_i64;
    let ages: Vec<i64> = (0..whole).rev().map(|n| n * 1000).collect();
    let now = engine.server_clock();
    for ages in ages.chunks(POSITION_BATCH) {
        // Ages are of this moment: the clock has gone on since the first.
        let gone = engine.server_clock() - now;
        let measured: Vec<_> = ages.iter().map(|age| position(age + gone)).collect();
        engine.add_positions(&measured).unwrap();
    }
    let waiting = engine.status().unwrap().positions as usize;
    assert!((POSITIONS_QUEUED / 2..=POSITIONS_QUEUED).contains(&waiting), "{waiting}");
    engine.sync_now().unwrap();
    let at: Vec<i64> = office.points().iter().map(|it| it["at"].as_i64().unwrap()).collect();
    assert!((at[0] - (now - (whole - 1) * 1000)).abs() < 60_000, "the trail has its beginning");
    let gaps: Vec<i64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (older, newer) = gaps.split_at(gaps.len() / 2);
    assert!(newer[newer.len() / 2..].iter().all(|gap| *gap < 1500), "the newer half is whole");
    assert!(older.iter().all(|gap| *gap < 60_000), "nothing is cut out");
}

#[test]
fn what_is_too_old_or_no_position_is_not_kept_and_keeps_no_other_back() {
    let (folder, office) = (Folder::new("odd"), Office::new());
    let engine = office.engine(&folder);
    let nowhere = Position { place: Place::from_degrees(0.0, 0.0, None), ..position(0) };
    let off = Position { place: Place::from_degrees(91.0, f64::NAN, None), ..position(0) };
    let old = position(POSITION_AGE_MS + 1000);
    let added = engine.add_positions(&[nowhere, position(5), off, old]).unwrap();
    let codes: Vec<_> = added.refused.iter().map(|(n, bad)| (*n, bad.code.as_str())).collect();
    assert_eq!(codes, [(0, "no_place"), (2, "latitude_out_of_range")]);
    assert_eq!(engine.status().unwrap().positions, 1);
    let many = vec![position(0); POSITION_BATCH + 1];
    assert_eq!(engine.add_positions(&many).unwrap_err().code(), "too_many");
}

#[test]
fn a_hundred_walk_up_jobs_of_a_day_are_enough_and_the_phone_says_what_to_do() {
    let (folder, office) = (Folder::new("walk_ups"), Office::new());
    let engine = office.engine(&folder);
    for _ in 0..100 {
        engine.walk_up(WalkUp::default()).unwrap();
    }
    let refused = engine.walk_up(WalkUp::default()).unwrap_err();
    assert_eq!(refused.code(), "quota");
    assert!(refused.to_string().contains("Ask the office"), "{refused}");
    assert_eq!(engine.jobs().unwrap().len(), 100, "nothing that was saved is lost");
    engine.note(engine.jobs().unwrap()[0].0, "work on them goes on").unwrap();
}
