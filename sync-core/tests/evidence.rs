//! What a job says is missing: each step wants evidence of its own.

#![allow(clippy::expect_used)]

mod scene;

use scene::{Hand, assigned};
use sync_core::job::Missing;
use sync_core::schema::{key, section};

#[test]
fn each_step_wants_its_own_evidence_and_the_phone_says_what_is_missing() {
    let (_, mut phone) = assigned();
    let wants = |phone: &Hand, missing: Missing| phone.job().missing.contains(&missing);
    let photo = |stage: &str| Missing::Photo(stage.to_owned());
    phone.steps(&["accepted", "en_route", "on_scene"], 1);
    assert!(!wants(&phone, photo("before")), "nothing was worked on yet");
    let mut nobody = phone.clone();
    phone.steps(&["working", "in_tow", "at_destination"], 1);
    for missing in [photo("before"), photo("damage"), photo("drop_off")] {
        assert!(wants(&phone, missing.clone()), "{missing:?}");
    }
    assert!(wants(&phone, Missing::Destination) && wants(&phone, Missing::Recipient));
    let mut step = |kind: &str, key: sync_core::schema::Key, value: sync_core::value::Value| {
        let record = [(key::KIND, kind.into()), (key::EPOCH, 1.into()), (key, value)];
        phone.fact(section::STATUS, &record);
    };
    step("in_tow", key::DESTINATION, "workshop".into());
    step("at_destination", key::RECIPIENT, "Mei Lin".into());
    assert!(!wants(&phone, Missing::Destination) && !wants(&phone, Missing::Recipient));
    for stage in ["before", "damage", "drop_off"] {
        phone.fact(section::ATTACHMENTS, &scene::photo(stage));
        assert!(!wants(&phone, photo(stage)));
    }
    nobody.step("goa", 1);
    assert!(wants(&nobody, Missing::ArrivalProof) && wants(&nobody, Missing::CallAttempts));
    let proof = [(key::LAT, 250_000_000.into()), (key::LON, 1_215_000_000.into())];
    let mut claim = vec![(key::KIND, "goa".into()), (key::EPOCH, 1.into())];
    claim.extend(proof.into_iter().chain([(key::ATTEMPTS, 3.into())]));
    nobody.fact(section::STATUS, &claim);
    assert!(!wants(&nobody, Missing::ArrivalProof) && !wants(&nobody, Missing::CallAttempts));
}
