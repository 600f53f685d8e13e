//! A phone says where it is, with and without coverage, and the desk sees its trail.

use mobile_ffi::{Place, Position};

use crate::office::{Office, Wire, over_both};

over_both!(where_a_phone_was_without_coverage_is_its_trail_at_the_desk);

fn where_a_phone_was_without_coverage_is_its_trail_at_the_desk(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let phone = office.phone(user, wire);
    let job = office.job();
    office.assign(job, user);
    phone.engine.sync_now().unwrap();
    let at = |north: f64, age_ms: i64| Position {
        place: Place::from_degrees(25.0 + north, 121.5654, Some(6.5)),
        age_ms,
        speed: Some(1250),
        heading: Some(-1),
        job: Some(job),
    };
    phone.engine.add_positions(&[at(0.3, 0)]).unwrap();
    let report = phone.engine.sync_now().unwrap();
    assert_eq!(report.positions, 1);
    // A backlog of an hour comes after the present place.
    let hour: Vec<Position> = (1..=60).map(|n| at(n as f64 / 1000.0, n * 60_000)).collect();
    phone.engine.add_positions(&hour).unwrap();
    assert_eq!(phone.engine.sync_now().unwrap().positions, 60);
    let latest = office.desk.get("/v1/positions").unwrap().body;
    assert_eq!(latest["items"].as_array().map(Vec::len), Some(1), "{latest}");
    let here = &latest["items"][0];
    assert_eq!((&here["place"]["lat"], &here["accuracy"]), (&25.3.into(), &65.into()), "{here}");
    assert_eq!((&here["job"], here.get("heading")), (&job.to_string().into(), None), "{here}");
    let trail = office.desk.get(&format!("/v1/positions?user={user}")).unwrap().body;
    let north: Vec<f64> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["place"]["lat"].as_f64().unwrap())
        .collect();
    assert_eq!(north.len(), 61);
    // The oldest first: the backlog drove south, then came the present place.
    assert!(north[..60].windows(2).all(|pair| pair[0] > pair[1]) && north[60] == 25.3, "{north:?}");
    assert_eq!(phone.engine.status().unwrap().positions, 0);
}
