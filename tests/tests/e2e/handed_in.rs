//! A phone revoked while it worked offline: its work is kept, looked at, and counts once accepted.

use mobile_ffi::{NetError, SyncEnd, WalkUp};
use serde_json::json;

use crate::office::{Office, Wire, over_both};

over_both!(
    what_a_revoked_phone_still_had_is_kept_for_review_and_can_be_accepted,
    a_revoked_phone_hands_in_all_it_has_however_many_pages_that_are,
);

fn what_a_revoked_phone_still_had_is_kept_for_review_and_can_be_accepted(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, wire);
    // Over WebSocket: what it holds open is closed, and it gets no other.
    phone.engine.sync_now().unwrap();
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.engine.note(job, "Written before anybody revoked anything.").unwrap();
    office.admin.post(&format!("/v1/devices/{}/revoke", phone.device), &json!({})).unwrap();

    // Sent more than once, it is kept once; and the phone keeps it as well.
    for _ in 0..2 {
        let end = phone.engine.sync_now().unwrap().end;
        assert!(matches!(end, SyncEnd::Failed(NetError::Login { .. })), "{end:?}");
        assert_eq!(phone.engine.status().unwrap().waiting, 2);
    }
    assert!(office.log().facts.is_empty(), "nothing counts before somebody has looked");

    let waiting = office.desk.get("/v1/handed-in").unwrap().body;
    assert_eq!(waiting["items"][0]["state"], "waiting", "{waiting}");
    assert_eq!(waiting["items"][0]["documents"], json!([job.to_string()]));
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");
    let path = format!("/v1/handed-in/{}/accept", waiting["items"][0]["id"].as_str().unwrap());
    for _ in 0..2 {
        let accepted = office.desk.post(&path, &json!({})).unwrap().body;
        assert_eq!(accepted["verdicts"], json!({"durable": 2}));
    }
    let read = office.desk.get(&format!("/v1/jobs/{job}")).unwrap().body;
    assert_eq!(read["walk_up"], true);
    assert_eq!(read["notes"].as_array().map(Vec::len), Some(1));
}

fn a_revoked_phone_hands_in_all_it_has_however_many_pages_that_are(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, wire);
    phone.engine.sync_now().unwrap();
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    // Three pages of 256 KiB.
    let long = "The customer told a long story. ".repeat(120);
    let notes = 180;
    for n in 0..notes {
        phone.engine.note(job, &format!("{n}: {long}")).unwrap();
    }
    office.admin.post(&format!("/v1/devices/{}/revoke", phone.device), &json!({})).unwrap();
    for _ in 0..2 {
        let end = phone.engine.sync_now().unwrap().end;
        assert!(matches!(end, SyncEnd::Failed(NetError::Login { .. })), "{end:?}");
    }
    let waiting = office.desk.get("/v1/handed-in").unwrap().body;
    let mut pages: Vec<_> = waiting["items"].as_array().unwrap().iter().collect();
    assert_eq!(pages.len(), 3, "each once");
    pages.sort_by_key(|page| page["id"].as_str().map(str::to_owned));
    let mut durable = 0;
    for page in pages {
        let path = format!("/v1/handed-in/{}/accept", page["id"].as_str().unwrap());
        let accepted = office.desk.post(&path, &json!({})).unwrap().body;
        durable += accepted["verdicts"]["durable"].as_u64().unwrap();
    }
    assert_eq!(durable, notes + 1);
    let read = office.desk.get(&format!("/v1/jobs/{job}")).unwrap().body;
    assert_eq!(read["notes"].as_array().map(Vec::len), Some(usize::try_from(notes).unwrap()));
}
