//! A server of the next version wrote to the same store: what it wrote is kept, given out and
//! built upon, and new work of its kind is left with the phone.

use sync_core::admission::Verdict;
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{Author, Document};
use sync_core::id::ActorId;
use sync_core::schema::{Section, section};
use sync_core::sync::Submitted;

use crate::any::Any;
use crate::people::{Desk, NOW, Phone, fact, note, tenant};
use crate::place::on_each_store;

fn tows() -> Section {
    Section::parse("tows").unwrap()
}

fn run(document: &Document, change: Change) -> Run {
    document.run(vec![change]).unwrap()
}

/// Puts into the log what a server of the next version allowed.
async fn put_in(store: &Any, phone: &Phone, run: Run, author: Author) {
    let mut request = phone.request(Vec::new());
    request.runs = vec![Submitted::Relayed(store.attest(phone.tenant, run, author))];
    assert_eq!(store.push(request).await.unwrap(), [[Verdict::Durable]]);
}

/// A section more.
fn schema() -> Change {
    let entries = vec![Entry::Section { name: tows() }];
    Change { actor: ActorId::GENESIS, seq: 2, after: vec![], time: 0, entries }
}

/// What an app of the next version writes into it.
fn tow(phone: &Phone, document: &Document) -> Change {
    let seq = document.seq_of(&phone.actor) + 1;
    let after = vec![ChangeRef { actor: ActorId::GENESIS, seq: 2 }];
    let entries = vec![fact(tows(), &[])];
    Change { actor: phone.actor, seq, after, time: NOW, entries }
}

#[test]
fn what_a_newer_server_wrote_is_given_to_phones_and_built_upon() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let doc = desk.job(&store, phone.user).await;
        let raised = run(&phone.copy(&store, doc).await, schema());
        put_in(&store, &phone, raised, Author::default()).await;
        let mut copy = phone.copy(&store, doc).await;
        assert_eq!(copy.schema_version(), 2);
        let author = Author::phone(phone.user, phone.device);
        let towed = run(&copy, tow(&phone, &copy));
        put_in(&store, &phone, towed, author).await;

        // Desks and phones of this version go on, and every phone gets all of it.
        desk.write(&store, doc, vec![note("the ramp is ordered")]).await;
        copy = phone.copy(&store, doc).await;
        let work = phone.record(&mut copy, vec![note("loaded")]);
        assert!(phone.push(&store, vec![work]).await.iter().flatten().all(Verdict::is_durable));
        let pulled = phone.pull(&store, 0).await;
        assert!(pulled.runs.iter().any(|it| it.run.actor() == ActorId::GENESIS));
        copy = phone.copy(&store, doc).await;
        let kept = (copy.facts(&tows()).count(), copy.facts(&section::NOTES).count());
        assert_eq!((kept, copy.schema_version()), ((1, 2), 2));
        store.close().await;
        let store = place.open().await;
        assert_eq!(phone.copy(&store, doc).await.fingerprint(), copy.fingerprint());
        let report = store.verify().await;
        assert!(report.is_clean(), "{report}");
        store.close().await;
    });
}

#[test]
fn new_work_of_the_next_version_is_left_with_the_phone_and_holds_up_nothing_else() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let other = desk.job(&store, phone.user).await;
        let raised = run(&phone.copy(&store, doc).await, schema());
        put_in(&store, &phone, raised, Author::default()).await;
        let copy = phone.copy(&store, doc).await;
        let towed = run(&copy, tow(&phone, &copy));
        let work = phone.record(&mut phone.copy(&store, other).await, vec![note("tyre torn")]);
        for _ in 0..2 {
            let verdicts = phone.push(&store, vec![towed.clone(), work.clone()]).await;
            assert!(
                matches!(&verdicts[0][..], [Verdict::Later { code }] if code == "section_unknown")
            );
            assert_eq!(verdicts[1], [Verdict::Durable]);
        }
        assert!(store.refused(tenant).await.is_empty(), "it is not refused");
        store.close().await;
    });
}
