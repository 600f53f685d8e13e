//! A phone that keeps its socket open hears of a new job at once.

use std::time::Duration;

use mobile_ffi::SyncEnd;
use serde_json::json;

use crate::office::{Office, Wire};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_phone_that_listens_hears_of_a_new_job() {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, Wire::WebSocket);
    assert_eq!(phone.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| phone.engine.wait_for_news(PATIENCE).unwrap());
        // Someone who listens holds up neither work nor sync.
        phone.engine.walk_up(mobile_ffi::WalkUp::default()).unwrap();
        assert_eq!(phone.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
        let call = json!({"caller": "Chen", "phone": "+886912345678", "plate": "ABC-1234",
            "problem": "flat_tyre", "address": "Provincial Highway 9, km 40"});
        let job = office.desk.post("/v1/jobs", &call).unwrap();
        let assign = format!("/v1/jobs/{}/assign", job.text("id").unwrap());
        office.desk.post(&assign, &json!({"technician": user})).unwrap();
        listening.join().unwrap()
    });
    assert_eq!(heard, Some(true));
    assert_eq!(phone.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    assert_eq!(phone.engine.jobs().unwrap().len(), 2);
}

#[test]
fn over_http_the_server_cannot_speak_first() {
    let office = Office::open();
    let phone = office.phone(office.technician("bo"), Wire::Http);
    assert_eq!(phone.engine.wait_for_news(PATIENCE).unwrap(), None);
}

#[test]
fn a_phone_that_listens_hears_of_its_revocation_and_hands_in_what_it_has() {
    let office = Office::open();
    let phone = office.phone(office.technician("bo"), Wire::WebSocket);
    assert_eq!(phone.engine.sync_now().unwrap().end, SyncEnd::UpToDate);
    let heard = std::thread::scope(|scope| {
        let listening = scope.spawn(|| phone.engine.wait_for_news(PATIENCE).unwrap());
        phone.engine.walk_up(mobile_ffi::WalkUp::default()).unwrap();
        let revoke = format!("/v1/devices/{}/revoke", phone.device);
        office.admin.post(&revoke, &json!({})).unwrap();
        listening.join().unwrap()
    });
    assert_eq!(heard, Some(true), "it is time to sync");
    let end = phone.engine.sync_now().unwrap().end;
    assert!(matches!(&end, SyncEnd::Failed(error) if error.code() == "device_revoked"), "{end:?}");
    let submissions = office.admin.get("/v1/submissions").unwrap().body;
    assert_eq!(submissions["items"].as_array().map(Vec::len), Some(1), "{submissions}");
}
