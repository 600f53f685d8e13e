//! The store's promise that its tables show the whole document, whichever part of it was changed, and
//! that no two facts meet in one row.

use crate::any::Any;
use crate::people::{Desk, NOW, Phone, fact, note, random, tenant, van};
use crate::place::on_each_store;
use sync_core::admission::Verdict;
use sync_core::change::{Change, Entry};
use sync_core::document::Author;
use sync_core::id::FactId;
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::sync::Submitted;
use sync_core::value::Value;

/// A fact with this id.
fn named(section: Section, id: FactId, record: &[(Key, Value)]) -> Entry {
    Entry::Fact { section, id, record: record.iter().cloned().collect() }
}

fn id() -> FactId {
    FactId::new(NOW, random())
}

fn raw(id: FactId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

async fn is_clean(store: &Any) {
    let report = store.verify().await;
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_field_set_later_changes_the_rows_of_facts_recorded_before() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let unpriced = [(key::PART_NO, "A-1".into()), (key::QUANTITY, 1000.into())];
        let run = phone.record(&mut copy, vec![fact(section::PARTS, &unpriced)]);
        assert_eq!(phone.push(&store, vec![run]).await, [[Verdict::Durable]]);
        desk.edit(&store, doc, |document| {
            vec![
                document.set(section::PROMISE, key::AMOUNT, 120_000.into()),
                document.set(section::PROMISE, key::CURRENCY, "TWD".into()),
            ]
        })
        .await;
        is_clean(&store).await;
        store.close().await;
        // And after a restart, when the writer remembers nothing of the document.
        let store = place.open().await;
        desk.edit(&store, doc, |document| {
            vec![document.set(section::PROMISE, key::CURRENCY, "USD".into())]
        })
        .await;
        is_clean(&store).await;
        store.close().await;
    });
}

#[test]
fn a_row_that_follows_from_nothing_any_more_goes() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let doc = desk.job(&store, phone.user).await;
        // Two corrections of each other have no first; the lesser id stands for both.
        let (first, second, other) = (id(), id(), id());
        let (least, greatest) = (first.min(second), first.max(second));
        let part = |id, corrects: FactId| {
            let record = [(key::PART_NO, "A-1".into()), (key::CORRECTS, raw(corrects))];
            named(section::PARTS, id, &record)
        };
        let beside = named(section::PARTS, other, &[(key::PART_NO, "B-2".into())]);
        for (seq, entries) in
            [(1, vec![beside, part(least, greatest)]), (2, vec![part(greatest, least)])]
        {
            // No policy allows a circle; what another server of this log took in is taken all the same.
            let change = Change { actor: phone.actor, seq, after: vec![], time: NOW, entries };
            let run = phone.copy(&store, doc).await.run(vec![change]).unwrap();
            let mut request = phone.request(Vec::new());
            let author = Author::phone(phone.user, phone.device);
            request.runs = vec![Submitted::Relayed(store.attest(tenant, run, author))];
            assert_eq!(store.push(request).await.unwrap(), [[Verdict::Durable]]);
            is_clean(&store).await;
        }
        store.close().await;
        let store = place.open().await;
        desk.write(&store, doc, vec![note("after a restart")]).await;
        is_clean(&store).await;
        store.close().await;
    });
}

#[test]
fn facts_that_look_alike_to_a_database_have_rows_of_their_own() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let (doc, van) = (desk.job(&store, phone.user).await, DocId::from(van()));
        let mut copy = phone.copy(&store, doc).await;
        let long = long("x");
        let kinds = ["a\0", "a\u{fffd}", "a", "A", "\u{e9}", "e\u{301}", "", "\0", &long];
        let said = (key::TEXT, Value::from("x"));
        let notes =
            kinds.map(|kind| fact(section::NOTES, &[(key::KIND, kind.into()), said.clone()]));
        let run = phone.record(&mut copy, notes.to_vec());
        assert_eq!(phone.push(&store, vec![run]).await, [[Verdict::Durable]]);
        // One fact id as a movement and as a count.
        let id = id();
        let record: [(Key, Value); 3] = [
            (key::KIND, "load".into()),
            (key::PART_NO, "A-1".into()),
            (key::QUANTITY, 1_000_000_000.into()),
        ];
        let both = [section::MOVEMENTS, section::COUNTS];
        for section in both {
            desk.write(&store, van, vec![named(section, id, &record)]).await;
        }
        // What is indexed may be as long as a value.
        desk.edit(&store, doc, move |document| {
            let set = |key| document.set(section::INTAKE, key, long.clone().into());
            vec![set(key::PLATE)]
        })
        .await;
        is_clean(&store).await;
        store.close().await;
    });
}

/// A text that no database can make small.
pub fn long(beginning: &str) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = beginning.to_owned();
    while text.len() < 4_000 {
        text.push(char::from(b'A' + (draw() % 26) as u8));
    }
    text
}

#[test]
fn one_fact_id_on_two_jobs_takes_two_parts_from_the_van() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        phone.enrol(&store).await;
        let van = van();
        let quantity = [(key::PART_NO, "A-1".into()), (key::QUANTITY, 1000.into())];
        let mut load = quantity.to_vec();
        load.extend([(key::KIND, "load".into()), (key::QUANTITY, 5000.into())]);
        desk.gives(&store, van.into(), phone.user).await;
        desk.write(&store, van.into(), vec![fact(section::MOVEMENTS, &load)]).await;
        let id = id();
        for _ in 0..2 {
            let doc = desk.job(&store, phone.user).await;
            let mut copy = phone.copy(&store, doc).await;
            let mut used = quantity.to_vec();
            used.push((key::VAN, Value::Bytes(van.as_bytes().to_vec())));
            let run = phone.record(&mut copy, vec![named(section::PARTS, id, &used)]);
            assert_eq!(phone.push(&store, vec![run]).await, [[Verdict::Durable]]);
        }
        let (found, _) = store.van(tenant, van).await.unwrap();
        assert_eq!(found.stock.quantity("A-1"), 3000);
        is_clean(&store).await;
        store.close().await;
    });
}
