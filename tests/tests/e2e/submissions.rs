//! A phone revoked while it worked offline: its work is kept, looked at, and counts once accepted.

use mobile_ffi::{NetError, SyncEnd, WalkUp};
use serde_json::json;

use crate::office::{Office, Wire, over_both};

over_both!(
    what_a_revoked_phone_still_had_is_kept_for_review_and_can_be_accepted,
    a_revoked_phone_hands_in_all_it_has_however_many_pages_that_are,
    what_the_office_decided_ends_what_a_phone_of_a_departed_technician_has,
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
    assert!(office.log().facts.is_empty(), "nothing counts before someone has looked");

    let waiting = office.desk.get("/v1/submissions").unwrap().body;
    assert_eq!(waiting["items"][0]["state"], "waiting", "{waiting}");
    assert_eq!(waiting["items"][0]["documents"], json!([job.to_string()]));
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting}");
    let path = format!("/v1/submissions/{}/accept", waiting["items"][0]["id"].as_str().unwrap());
    for _ in 0..2 {
        let accepted = office.desk.post(&path, &json!({})).unwrap().body;
        assert_eq!(accepted["verdicts"], json!({"durable": 2}));
    }
    let read = office.desk.get(&format!("/v1/jobs/{job}")).unwrap().body;
    assert_eq!(read["walk_up"], true);
    assert_eq!(read["notes"].as_array().map(Vec::len), Some(1));
}

fn what_the_office_decided_ends_what_a_phone_of_a_departed_technician_has(wire: Wire) {
    for (decision, refused) in [("accept", 0), ("discard", 2)] {
        let office = Office::open();
        let user = office.technician("bo");
        let phone = office.phone(user, wire);
        phone.engine.sync_now().unwrap();
        let job = phone.engine.walk_up(WalkUp::default()).unwrap();
        phone.engine.note(job, "Written on the last day.").unwrap();
        let path = format!("/v1/users/{user}");
        office.admin.patch(&path, &json!({"active": false})).unwrap();
        phone.engine.sync_now().unwrap();
        assert_eq!(phone.engine.status().unwrap().waiting, 2, "nobody has looked at it");
        let waiting = office.desk.get("/v1/submissions").unwrap().body;
        let id = waiting["items"][0]["id"].as_str().unwrap();
        office.desk.post(&format!("/v1/submissions/{id}/{decision}"), &json!({})).unwrap();
        let end = phone.engine.sync_now().unwrap().end;
        let SyncEnd::Failed(error) = end else { panic!("{end:?}") };
        assert!(error.to_string().contains("The office has"), "{error}");
        let status = phone.engine.status().unwrap();
        assert_eq!((status.waiting, status.refused), (0, refused), "{decision}");
        // Another technician may have the phone now.
        let ann = json!({"user": office.technician("ann")});
        let code = office.admin.post("/v1/devices/codes", &ann).unwrap().text("code").unwrap();
        phone.engine.enrol(&office.server.url(), &code, "phone").unwrap();
    }
}

fn a_revoked_phone_hands_in_all_it_has_however_many_pages_that_are(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, wire);
    phone.engine.sync_now().unwrap();
    // Three pages of 256 KiB, on as many jobs as a technician's shares ask for.
    let long = "The customer told a long story. ".repeat(120);
    let (of_each, notes) = (10, 180);
    let mut jobs = Vec::new();
    for n in 0..notes {
        if n % of_each == 0 {
            jobs.push(phone.engine.walk_up(WalkUp::default()).unwrap());
        }
        phone.engine.note(*jobs.last().unwrap(), &format!("{n}: {long}")).unwrap();
    }
    office.admin.post(&format!("/v1/devices/{}/revoke", phone.device), &json!({})).unwrap();
    for _ in 0..2 {
        let end = phone.engine.sync_now().unwrap().end;
        assert!(matches!(end, SyncEnd::Failed(NetError::Login { .. })), "{end:?}");
    }
    let waiting = office.desk.get("/v1/submissions").unwrap().body;
    let mut pages: Vec<_> = waiting["items"].as_array().unwrap().iter().collect();
    assert_eq!(pages.len(), 3, "each once");
    pages.sort_by_key(|page| page["id"].as_str().map(str::to_owned));
    let mut durable = 0;
    for page in pages {
        let path = format!("/v1/submissions/{}/accept", page["id"].as_str().unwrap());
        let accepted = office.desk.post(&path, &json!({})).unwrap().body;
        durable += accepted["verdicts"]["durable"].as_u64().unwrap();
    }
    assert_eq!(durable, notes + jobs.len() as u64);
    for job in jobs {
        let read = office.desk.get(&format!("/v1/jobs/{job}")).unwrap().body;
        assert_eq!(read["notes"].as_array().map(Vec::len), Some(usize::try_from(of_each).unwrap()));
    }
}
