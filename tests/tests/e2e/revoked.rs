//! A phone that was revoked is refused at once, keeps what it saved, and can be enrolled again.

use mobile_ffi::{EngineError, NetError, SyncEnd, WalkUp};
use serde_json::json;

use crate::office::{Office, Wire, over_both};

over_both!(a_revoked_phone_is_refused_at_once_and_keeps_its_work);

fn a_revoked_phone_is_refused_at_once_and_keeps_its_work(wire: Wire) {
    let office = Office::open();
    let user = office.technician("bo");
    let mut phone = office.phone(user, wire);
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.sync();
    phone.engine.note(job, "written before the phone was lost").unwrap();
    phone.note_saved(job);

    // Its token is still good for minutes; the phone itself no longer is.
    let revoke = format!("/v1/devices/{}/revoke", phone.device);
    office.admin.post(&revoke, &json!({})).unwrap();
    let end = phone.engine.sync_now().unwrap().end;
    assert!(matches!(end, SyncEnd::Failed(NetError::Login { .. })), "{end:?}");
    assert_eq!(phone.engine.status().unwrap().waiting, 1);
    assert_eq!(office.log().from_phones.len(), 1);

    // Found again and enrolled again for the same technician, the work arrives, once.
    let other = office.technician("mei");
    let enrol = |user| {
        let code = office.admin.post("/v1/devices/codes", &json!({"user": user})).unwrap();
        phone.engine.enrol(&office.server.url(), &code.text("code").unwrap(), "phone")
    };
    assert!(matches!(enrol(other), Err(EngineError::OtherUser)));
    let enrolled = enrol(user).unwrap();
    let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
    office.admin.post(&confirm, &json!({"digits": enrolled.digits})).unwrap();
    phone.sync();
    assert_eq!(phone.engine.status().unwrap().waiting, 0);
    phone.assert_all_on(&office.log());
}
