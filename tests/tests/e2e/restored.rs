//! A server lost with all it had, restored from a backup taken before the day's work: the phones
//! bring the day back.
//!
//! What comes back is everything any phone held: its own work, and what the office wrote as far
//! as it had reached a phone. What cannot come back is what no phone ever received: calls that
//! were given to nobody, remarks written after a phone's last sync, and what is no document at
//! all (sessions, audit entries, positions; people and phones added after the backup have to be
//! added again).

mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use mobile_ffi::{SyncEnd, WalkUp};
use serde_json::json;
use sync_core::bundle::verify_bundle;
use sync_core::change::{Change, Entry};
use sync_core::document::Document;
use sync_core::schema::{DocId, key, section};
use tests::ledger::FactKey;

use crate::office::{Phone, Wire, over_both};
use scene::{Scene, at_rest, documents, succeeds};

over_both!(
    what_phones_held_comes_back_to_a_restored_server,
    a_phone_enrolled_after_the_backup_enrols_again_and_brings_its_work,
);

fn what_phones_held_comes_back_to_a_restored_server(wire: Wire) {
    let mut scene = Scene::open(wire);
    let backup = scene.backup_under_load();
    scene.a_broken_backup_and_an_open_place_are_refused(&backup);

    let mut seals = Vec::new();
    for _ in 0..2 {
        seals.extend(scene.rescues());
    }
    // The last hour: what the office writes now reaches no phone.
    let unheard = scene.job();
    scene.remark(seals[0].0, "Nobody will ever know of this remark.");
    let exported: Vec<_> = seals.iter().map(|(job, seal)| scene.export(*job, *seal)).collect();
    let before = scene.log();

    let held: Vec<_> = scene.phones.iter().map(documents).collect();
    scene.destroy_and_restore(&backup);
    scene.phones_come_back();

    let log = scene.log();
    for phone in &scene.phones {
        phone.assert_all_on(&log);
    }
    for (doc, held) in held.iter().flatten() {
        let stands = &log.documents[doc];
        let lost = changes(held).find(|change| !changes(stands).any(|it| it == *change));
        assert!(lost.is_none(), "{doc:?} lacks what a phone held: {lost:?}");
        // The restored server numbers and bills a job from the roadside that had neither when the phone got it.
        let came = changes(stands).filter(|change| !changes(held).any(|it| it == *change));
        let other = came.flat_map(|change| &change.entries).find(|entry| !numbers(entry));
        assert!(other.is_none(), "{doc:?} is not as the phones held it: {other:?}");
        assert!(stands.check_by_oracle().is_ok());
    }
    assert!(log.facts.values().all(|standing| standing.len() == 1), "something is doubled");
    assert!(log.refused.is_empty());
    let gone: BTreeSet<&FactKey> =
        before.facts.keys().filter(|key| !log.facts.contains_key(key)).collect();
    let remarks: Vec<_> = gone.iter().map(|key| (key.doc, key.section.clone())).collect();
    assert_eq!(remarks, [(seals[0].0.into(), section::NOTES)], "only the unheard remark is gone");
    // Besides it only calls that came after the backup and were given to nobody.
    let gone = before.documents.iter().filter(|(doc, _)| !log.documents.contains_key(doc));
    let gone: BTreeMap<_, _> = gone.collect();
    assert!(gone.contains_key(&DocId::from(unheard)));
    for (doc, document) in gone {
        assert_eq!(document.facts(&section::ASSIGNMENT).count(), 0, "{doc:?} is gone");
        assert!(held.iter().all(|held| !held.contains_key(doc)), "{doc:?} was held by a phone");
    }

    scene.verify();
    let keys = scene.keys();
    for ((job, seal), exported) in seals.iter().zip(&exported) {
        for bundle in [exported, &scene.export(*job, *seal)] {
            let evidence = verify_bundle(bundle, &keys).unwrap();
            assert_eq!((evidence.job, evidence.seal), (*job, *seal));
            assert!(evidence.changed_since_signed.is_empty());
        }
    }
    // The desk goes on where it was.
    let job = seals[0].0;
    assert_eq!(scene.desk.get(&format!("/v1/jobs/{job}")).unwrap().body["state"], "completed");
    scene.rescues();
    scene.verify();
}

fn changes(document: &Document) -> impl Iterator<Item = &Change> {
    document.changes().iter().map(|(change, _)| change)
}

/// Whether an entry gives a job its human number.
/// What the server writes by itself on a job that a technician opened: its number, and how it is billed.
fn numbers(entry: &Entry) -> bool {
    let Entry::Field { section: of, key: what, .. } = entry else { return false };
    let number = *of == section::INTAKE && *what == key::NUMBER;
    number || (*of == section::PROMISE && [key::CURRENCY, key::TAX_MODE].contains(what))
}

fn a_phone_enrolled_after_the_backup_enrols_again_and_brings_its_work(wire: Wire) {
    let mut scene = Scene::open(wire);
    let backup = scene.folder.path().join("morning.db");
    succeeds(&[
        OsStr::new("backup"),
        backup.as_os_str(),
        "--data".as_ref(),
        scene.data.as_os_str(),
    ]);
    let user = scene.users[0];
    let path = scene.folder.path().join("new phone.db");
    let mut phone = Phone::enrolled(&scene.admin, &scene.url, user, path, wire.connector());
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.engine.note(job, "On a phone the backup does not know.").unwrap();
    phone.note_saved(job);
    phone.sync();
    scene.destroy_and_restore(&backup);

    let refused = phone.engine.sync_now().unwrap().end;
    assert!(matches!(refused, SyncEnd::Failed(_)), "the restored server knows it: {refused:?}");
    assert!(phone.engine.job(job).is_ok(), "its work stays");
    let code = scene.admin.post("/v1/devices/codes", &json!({"user": user})).unwrap();
    let enrolled = phone.engine.enrol(&scene.url, &code.text("code").unwrap(), "phone").unwrap();
    let confirm = format!("/v1/devices/{}/confirm", enrolled.device);
    scene.admin.post(&confirm, &json!({"digits": enrolled.digits})).unwrap();
    at_rest(&phone);
    phone.assert_all_on(&scene.log());
    scene.verify();
}
