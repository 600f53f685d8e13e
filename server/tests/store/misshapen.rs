//! Facts that say less than the catalogue asks: refused from phones and desks, and once they are
//! in the log noted there and never refused again.

use store::writer::{EditError, Expect};
use sync_core::admission::{RecordError, Verdict};
use sync_core::change::{Change, ChangeRef};
use sync_core::document::Author;
use sync_core::id::ActorId;
use sync_core::schema::section;
use sync_core::sync::Submitted;

use crate::people::{Desk, NOW, Phone, fact, note, tenant};
use crate::place::on_each_store;
use server::clock::random;

#[test]
fn a_misshapen_fact_is_refused_until_it_has_a_receipt_and_then_only_noted() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let doc = desk.job(&store, phone.user).await;
        let copy = phone.copy(&store, doc).await;
        let head = copy.changes().last().map(|(it, _)| ChangeRef { actor: it.actor, seq: it.seq });
        let change = Change {
            actor: ActorId::new(NOW, random()),
            seq: 1,
            after: head.into_iter().collect(),
            time: NOW,
            entries: vec![fact(section::PARTS, &[]), fact(section::CHECKLIST, &[])],
        };
        let run = copy.run(vec![change]).unwrap();
        let verdicts = phone.push(&store, vec![run.clone()]).await;
        let [Verdict::Refused { code, sentence }] = &verdicts[0][..] else {
            panic!("{verdicts:?}")
        };
        assert_eq!(code, "shape");
        assert!(sentence.contains("part_no"), "{sentence}");

        // An older version of this server took it, and gave its receipt.
        let author = Author::phone(phone.user, phone.device);
        let mut request = phone.request(Vec::new());
        request.runs = vec![Submitted::Relayed(store.attest(tenant, run.clone(), author))];
        assert_eq!(store.push(request).await.unwrap(), [[Verdict::Durable]]);
        assert_eq!(phone.push(&store, vec![run]).await, [[Verdict::Durable]]);
        store.close().await;
        let store = place.open().await;
        desk.write(&store, doc, vec![note("go on")]).await;
        let report = store.verify().await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.misshapen, 2);
        assert!(report.to_string().contains("parts: one of part_no"), "{report}");
        store.close().await;
    });
}

#[test]
fn a_desk_saves_no_misshapen_fact() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let request = desk.request(doc, Expect::Existing);
        let edit = store.edit::<(), _>(request, |_| Ok(vec![fact(section::NOTES, &[])])).await;
        match edit.unwrap() {
            Err(EditError::Record(RecordError::Shape(it))) => assert_eq!(it.field(), "notes.text"),
            other => panic!("{other:?}"),
        }
        store.close().await;
    });
}
