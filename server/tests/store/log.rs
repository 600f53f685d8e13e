//! The store's promises about taking work in, on every database at hand.

use std::collections::BTreeSet;

use crate::any::Any;
use crate::people::{Desk, Phone, assign, fact, job, note, step, tenant};
use crate::place::{on_each_database, on_each_store};
use store::StoreError;
use store::writer::{EditError, Expect};
use sync_core::admission::{Attested, Verdict};
use sync_core::change::Entry;
use sync_core::document::Document;
use sync_core::schema::{COMMON, DocId, Key, key, section};
use sync_core::sync::Submitted;

#[test]
fn what_was_answered_durable_is_there_after_the_process_is_gone() {
    on_each_store(async |place| {
        let (tenant, first) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&first, phone.user).await;
        let mut copy = phone.copy(&first, doc).await;
        let runs = vec![phone.record(&mut copy, vec![step("accepted", 1)])];
        assert_eq!(phone.push(&first, runs).await, [[Verdict::Durable]]);
        // The first store is not closed: another process sees only what was committed.
        let second = place.open().await;
        let there = second.document(tenant, doc).await.unwrap().unwrap();
        assert_eq!(there.document.fingerprint(), copy.fingerprint());
        there.document.check_by_oracle().unwrap();
        second.close().await;
        first.close().await;
    });
}

#[test]
fn a_replay_gets_the_same_verdicts_and_has_no_second_effect() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let mut runs = vec![phone.record(&mut copy, vec![step("accepted", 1)])];
        runs.push(phone.record(&mut copy, vec![note("on my way")]));
        let first = phone.push(&store, runs.clone()).await;
        let before = store.position(tenant).await.unwrap();
        let again = phone.push(&store, runs.clone()).await;
        assert_eq!(first, again);
        assert_eq!(first, [[Verdict::Durable], [Verdict::Durable]]);
        assert_eq!(store.position(tenant).await.unwrap(), before);
        let rows = store.runs(tenant, doc).await.unwrap();
        assert_eq!(rows.len(), 4, "two of the desk, two of the phone");
        store.close().await;
        // The same after a restart, when nothing is in memory.
        let store = place.open().await;
        assert_eq!(phone.push(&store, runs).await, first);
        assert_eq!(store.runs(tenant, doc).await.unwrap().len(), 4);
        store.close().await;
    });
}

#[test]
fn a_refused_change_is_kept_with_its_reason_and_holds_up_nobody_else() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let (mine, other) = (desk.job(&store, phone.user).await, desk.job(&store, desk.user).await);
        let mut not_mine = phone.copy(&store, other).await;
        let mut copy = phone.copy(&store, mine).await;
        let intruding = phone.forge(&mut not_mine, vec![note("I was here")]);
        let after = phone.forge(&mut not_mine, vec![note("and here")]);
        let fine = phone.record(&mut copy, vec![step("accepted", 1)]);
        let runs = vec![intruding.clone(), after, fine];
        let verdicts = phone.push(&store, runs.clone()).await;
        let codes: Vec<_> = verdicts.iter().flatten().map(Verdict::code).collect();
        assert_eq!(codes, ["job_not_yours", "missing_dependencies", "durable"]);
        let again = phone.push(&store, runs).await;
        assert_eq!(again, verdicts, "the same verdicts for ever");
        assert_eq!(store.refused(tenant).await, ["job_not_yours"]);
        // It would be allowed by now; the phone was told once that it has to re-author it.
        desk.write(&store, other, vec![assign(phone.user, 2)]).await;
        let later = phone.push(&store, vec![intruding.clone()]).await;
        assert_eq!(later, verdicts[..1], "also when it would be allowed");
        store.close().await;
        let store = place.open().await;
        assert_eq!(phone.push(&store, vec![intruding]).await, verdicts[..1], "after a restart too");
        store.close().await;
    });
}

#[test]
fn a_second_content_under_the_same_number_is_a_fork_even_after_a_restart() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let original = phone.copy(&store, doc).await;
        let (mut one, mut two) = (original.clone(), original);
        let first = phone.record(&mut one, vec![note("left wheel")]);
        let second = phone.record(&mut two, vec![note("right wheel")]);
        assert_eq!(phone.push(&store, vec![first]).await, [[Verdict::Durable]]);
        assert_eq!(phone.push(&store, vec![second.clone()]).await, [[Verdict::Fork]]);
        store.close().await;
        let store = place.open().await;
        assert_eq!(phone.push(&store, vec![second]).await, [[Verdict::Fork]]);
        assert_eq!(phone.copy(&store, doc).await.facts(&section::NOTES).count(), 1);
        store.close().await;
    });
}

#[test]
fn a_fact_never_gets_a_second_content() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut colleague = Phone::new(tenant);
        colleague.user = phone.user;
        let doc = desk.job(&store, phone.user).await;
        let original = phone.copy(&store, doc).await;
        let (mut one, mut two) = (original.clone(), original);
        let said = note("12 bar");
        let sync_core::change::Entry::Fact { id, section, .. } = said.clone() else { panic!() };
        let record = [(key::TEXT, "13 bar".into())].into_iter().collect();
        let otherwise = sync_core::change::Entry::Fact { id, section, record };
        let first = phone.record(&mut one, vec![said]);
        let second = colleague.record(&mut two, vec![otherwise]);
        assert_eq!(phone.push(&store, vec![first]).await, [[Verdict::Durable]]);
        let refused = colleague.push(&store, vec![second]).await;
        assert_eq!(refused[0][0].code(), "fact_exists");
        let there = phone.copy(&store, doc).await;
        let fact = there.fact(&section::NOTES, &id).unwrap();
        assert_eq!(fact.record.get(&key::TEXT).unwrap().as_text(), Some("12 bar"));
        store.close().await;
    });
}

#[test]
fn an_actor_belongs_to_the_device_that_used_it_first_and_the_servers_to_nobody() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut thief = Phone::new(tenant);
        thief.user = phone.user;
        thief.actor = phone.actor;
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let fine = phone.record(&mut copy, vec![note("mine")]);
        assert_eq!(phone.push(&store, vec![fine]).await, [[Verdict::Durable]]);
        let stolen = thief.record(&mut copy.clone(), vec![note("not mine")]);
        let refused = thief.push(&store, vec![stolen]).await;
        assert_eq!(refused[0][0].code(), "actor_not_yours");
        // The same person's next phone is no thief.
        let mut next = Phone::new(tenant);
        (next.user, next.actor) = (phone.user, phone.actor);
        let mut request =
            next.request(vec![next.record(&mut copy.clone(), vec![note("mine too")])]);
        request.devices.push(phone.device);
        assert_eq!(store.push(request).await.unwrap(), [[Verdict::Durable]]);
        let mut copy = phone.copy(&store, doc).await;
        thief.actor = store.actor();
        let stolen = thief.record(&mut copy, vec![note("the server says")]);
        let refused = thief.push(&store, vec![stolen]).await;
        assert_eq!(refused[0][0].code(), "actor_not_yours");
        store.close().await;
    });
}

#[test]
fn work_comes_back_with_a_receipt_and_not_with_a_forged_one() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let run = phone.record(&mut copy, vec![step("accepted", 1)]);
        phone.push(&store, vec![run]).await;
        let pulled = phone.pull(&store, 0).await;
        // The server loses the job, as if it had been restored from before it.
        store.lose(doc).await;
        store.close().await;
        let store = place.open().await;
        assert!(store.document(tenant, doc).await.unwrap().is_none());
        let carrier = Phone::new(tenant);
        let mut forged = pulled.runs.clone();
        forged.iter_mut().for_each(|attested| attested.receipt[3] ^= 1);
        let mut request = carrier.request(Vec::new());
        request.runs = forged.into_iter().map(Submitted::Relayed).collect();
        let verdicts = store.push(request).await.unwrap();
        assert!(verdicts.iter().flatten().all(|v| v.code() == "receipt_not_genuine"));
        let mut request = carrier.request(Vec::new());
        request.runs = pulled.runs.into_iter().map(Submitted::Relayed).collect();
        let verdicts = store.push(request).await.unwrap();
        assert!(verdicts.iter().flatten().all(Verdict::is_durable));
        assert_eq!(phone.copy(&store, doc).await.fingerprint(), copy.fingerprint());
        let again = phone.pull(&store, 0).await;
        assert_eq!(again.runs[2].author.device, Some(phone.device), "and keeps its author");
        store.close().await;
    });
}

#[test]
fn work_whose_place_is_gone_is_reauthored_if_it_is_word_for_word_what_had_the_receipt() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let run = phone.record(&mut copy, vec![note("tyre torn")]);
        phone.push(&store, vec![run]).await;
        let remark = note("the gate code is 12");
        let said = vec![remark.clone()];
        let edit = desk.request(doc, Expect::Existing);
        store.edit(edit, move |_| Ok::<_, ()>(said)).await.unwrap().unwrap();
        let pulled = phone.pull(&store, 0).await.runs;
        let office = pulled.last().unwrap().clone();
        assert_eq!(office.author.user, Some(desk.user), "the remark follows the note");
        store.lose(doc).await;
        store.close().await;
        let store = place.open().await;
        let carrier = Phone::new(tenant);
        let bring = |runs: Vec<Attested>| {
            let mut request = carrier.request(Vec::new());
            request.runs = runs.into_iter().map(Submitted::Orphaned).collect();
            store.push(request)
        };
        // The hash cannot be worked out, as what it follows is not here; the receipt says enough.
        let mut forged = office.clone();
        let Some(Entry::Fact { record, .. }) = forged.run.changes[0].entries.first_mut() else {
            panic!("{forged:?}")
        };
        record.insert(key::TEXT, "the gate is open".into());
        let refused = bring(vec![forged]).await.unwrap();
        assert_eq!(refused[0][0].code(), "receipt_not_genuine");
        for _ in 0..2 {
            let taken = bring(vec![office.clone()]).await.unwrap();
            assert_eq!(taken, [[Verdict::Durable]]);
        }
        let standing = store.document(tenant, doc).await.unwrap().unwrap().document;
        let Entry::Fact { id, .. } = remark else { panic!("a fact") };
        let fact = standing.fact(&section::NOTES, &id).expect("it is back");
        assert_eq!(fact.author, Some(desk.user), "in its author's name");
        assert_eq!(standing.changes().len(), 1, "once");
        store.close().await;
    });
}

#[test]
fn an_edit_sees_the_document_under_the_lock_and_a_stale_one_is_told() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let desk = Desk::new(tenant);
        let doc = DocId::from(job());
        let writer = &store;
        let set = |text: &'static str| {
            move |document: &Document| {
                Ok::<_, ()>(vec![document.set(section::INTAKE, key::REMARKS, text.into())])
            }
        };
        let missing = writer.edit(desk.request(doc, Expect::Existing), set("a")).await.unwrap();
        assert!(matches!(missing, Err(EditError::NotFound)));
        let first = writer.edit(desk.request(doc, Expect::New), set("a")).await.unwrap().unwrap();
        let exists = writer.edit(desk.request(doc, Expect::New), set("b")).await.unwrap();
        assert!(matches!(exists, Err(EditError::Exists)));
        let at = desk.request(doc, Expect::At(first.pos));
        let second = writer.edit(at.clone(), set("b")).await.unwrap().unwrap();
        assert!(second.pos > first.pos);
        match writer.edit(at, set("c")).await.unwrap() {
            Err(EditError::Changed { pos }) => assert_eq!(pos, second.pos),
            other => panic!("{other:?}"),
        }
        let rejected = writer.edit(desk.request(doc, Expect::Any), |_| Err("no")).await.unwrap();
        assert!(matches!(rejected, Err(EditError::Rejected("no"))));
        let remarks = second.document.field(&section::INTAKE, &key::REMARKS).unwrap();
        assert_eq!(remarks.as_text(), Some("b"));
        assert_eq!(second.document.conflicts().count(), 0, "each edit saw the one before");
        store.close().await;
    });
}

#[test]
fn a_closure_that_panics_harms_nobody_else() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let desk = Desk::new(tenant);
        let doc = DocId::from(job());
        let request = desk.request(doc, Expect::Any);
        let writer = &store;
        let (broken, fine) = tokio::join!(
            writer.edit::<(), _>(request.clone(), |_| panic!("a defect")),
            writer.edit::<(), _>(request, |_| Ok(vec![note("fine")])),
        );
        assert_eq!(broken.unwrap_err().code(), "internal");
        assert_eq!(fine.unwrap().unwrap().document.facts(&section::NOTES).count(), 1);
        store.close().await;
    });
}

#[test]
fn a_group_that_fails_acknowledges_nothing_and_what_follows_is_right() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let before = store.position(tenant).await.unwrap();
        // From now on no row of a run can be written.
        place.break_runs().await;
        let runs = vec![phone.record(&mut copy, vec![step("accepted", 1)])];
        let request = desk.request(doc, Expect::Any);
        let (pushed, edited, written) = tokio::join!(
            phone.try_push(&store, runs.clone()),
            store.edit::<(), _>(request, |_| Ok(vec![note("x")])),
            plain_write(&store),
        );
        for error in [pushed.unwrap_err(), edited.unwrap_err()] {
            assert!(error.is_retryable(), "{error}");
        }
        if let Some(sql) = store.sql() {
            let kept = sqlx::query("SELECT id FROM tenants").fetch_all(sql.readers());
            assert_eq!(kept.await.unwrap().len(), usize::from(written.is_ok()));
        }
        assert_eq!(store.position(tenant).await.unwrap(), before);
        place.mend_runs().await;
        assert_eq!(phone.push(&store, runs).await, [[Verdict::Durable]]);
        let there = phone.copy(&store, doc).await;
        assert_eq!(there.facts(&section::NOTES).count(), 0, "the failed edit left no trace");
        there.check_by_oracle().unwrap();
        store.close().await;
    });
}

#[test]
fn two_nodes_on_one_database_see_each_others_work() {
    on_each_store(async |place| {
        let tenant = tenant();
        let (one, two) = (place.open().await, place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&one, phone.user).await;
        // Both hold the document in memory and change it by turns.
        let mut copy = phone.copy(&two, doc).await;
        for round in 0..4 {
            let (near, far) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            let run = phone.record(&mut copy, vec![note("from the road")]);
            assert_eq!(phone.push(near, vec![run]).await, [[Verdict::Durable]]);
            let edited = desk.write(far, doc, vec![note("from the desk")]).await;
            assert_eq!(edited.document.facts(&section::NOTES).count(), 2 * (round + 1));
            copy = phone.copy(near, doc).await;
            assert_eq!(copy.heads().len(), 1, "the desk saw what came from the road");
        }
        copy.check_by_oracle().unwrap();
        one.close().await;
        two.close().await;
    });
}

#[test]
fn documents_load_from_snapshots_as_from_the_log() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        for round in 0..40 {
            let run = phone.record(&mut copy, vec![note(&format!("note {round}"))]);
            phone.push(&store, vec![run]).await;
        }
        let rows = store.snapshots(tenant).await;
        assert_eq!(rows.len(), 1);
        let upto = rows[0];
        assert!(upto > 30 && upto < store.position(tenant).await.unwrap());
        store.close().await;
        let store = place.open().await;
        let there = phone.copy(&store, doc).await;
        assert_eq!(there.fingerprint(), copy.fingerprint());
        there.check_by_oracle().unwrap();
        let edited = desk.write(&store, doc, vec![note("after the snapshot")]).await;
        assert_eq!(edited.document.facts(&section::NOTES).count(), 41);
        store.close().await;
    });
}

#[test]
fn a_document_has_a_size_and_a_run_beyond_it_is_refused() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        let mut last = String::new();
        for _ in 0..40 {
            let text = "x".repeat(30_000);
            let run =
                phone.forge(&mut copy, vec![fact(section::NOTES, &[(key::TEXT, text.into())])]);
            last = phone.push(&store, vec![run]).await[0][0].code().to_owned();
            if last != "durable" {
                break;
            }
        }
        assert_eq!(last, "document_full");
        store.close().await;
    });
}

#[test]
fn a_technician_who_fills_a_job_stops_neither_the_desk_nor_a_colleague() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let desk = Desk::new(tenant);
        let (rogue, colleague) = (Phone::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, rogue.user).await;
        desk.write(&store, doc, vec![assign(colleague.user, 2)]).await;
        let mut copy = rogue.copy(&store, doc).await;
        for bytes in [30_000, 1_000, 1] {
            for _ in 0..1_000 {
                let text = "x".repeat(bytes);
                let entries = vec![fact(section::NOTES, &[(key::TEXT, text.into())])];
                let mut next = copy.clone();
                let run = rogue.forge(&mut next, entries);
                let verdict = &rogue.push(&store, vec![run]).await[0][0];
                if !verdict.is_durable() {
                    assert_eq!(verdict.code(), "document_full");
                    let Verdict::Refused { sentence, .. } = verdict else { panic!("refused") };
                    assert!(sentence.contains("job"), "{sentence}");
                    break;
                }
                copy = next;
            }
        }
        let mut copy = colleague.copy(&store, doc).await;
        let said = fact(section::NOTES, &[(key::TEXT, "x".repeat(20_000).into())]);
        let run = colleague.record(&mut copy, vec![said]);
        assert_eq!(colleague.push(&store, vec![run]).await, [[Verdict::Durable]]);
        desk.edit(&store, doc, |job| {
            vec![job.set(section::INTAKE, key::REMARKS, "still here".into())]
        })
        .await;
        desk.write(&store, doc, vec![assign(rogue.user, 3)]).await;
        store.close().await;
    });
}

#[test]
fn any_number_of_restarts_leaves_room_for_the_actors_of_a_document() {
    on_each_store(async |place| {
        let tenant = tenant();
        let desk = Desk::new(tenant);
        let doc = DocId::from(job());
        let mut document = None;
        for number in 0..80 {
            let store = place.open().await;
            let edited = desk.edit(&store, doc, move |job| {
                vec![job.set(section::INTAKE, key::REMARKS, number.to_string().as_str().into())]
            });
            document = Some(edited.await.document);
            store.close().await;
        }
        let document = document.unwrap();
        assert_eq!(document.changes().len(), 80);
        let actors: BTreeSet<_> = document.changes().iter().map(|(it, _)| it.actor).collect();
        assert_eq!(actors.len(), sync_core::limits::OFFICE_OWN_ACTORS + 1);
    });
}

#[test]
fn a_document_has_a_number_of_values_and_a_run_beyond_it_is_refused() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut copy = phone.copy(&store, doc).await;
        // Two bytes each: a document of 1 MiB would have half a million.
        let most = sync_core::limits::RECORD_KEYS;
        let keys = (0..).filter_map(sync_core::schema::Key::from_code);
        // Keys of which a note asks nothing, beside the one it needs.
        let asked = |key: &Key| COMMON.iter().any(|common| common.key == *key);
        let plain = keys.filter(|key| ![key::VOIDS, key::TEXT].contains(key) && !asked(key));
        let mut record: Vec<_> = plain.take(most - 1).map(|key| (key, true.into())).collect();
        record.push((key::TEXT, "x".into()));
        let mut last = String::new();
        for _ in 0..20 {
            let entries = (0..300).map(|_| fact(section::NOTES, &record)).collect();
            let run = phone.forge(&mut copy, entries);
            last = phone.push(&store, vec![run]).await[0][0].code().to_owned();
            if last != "durable" {
                break;
            }
        }
        assert_eq!(last, "document_full");
        let noted = desk.write(&store, doc, vec![note("the office has room left")]).await;
        assert!(noted.document.values() <= sync_core::limits::DOCUMENT_VALUES);
        store.close().await;
    });
}

#[test]
fn every_commit_is_announced_with_the_people_it_concerns() {
    on_each_store(async |place| {
        let (tenant, store) = (tenant(), place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&store, phone.user).await;
        let mut commits = store.commits();
        let edited = desk.write(&store, doc, vec![note("x")]).await;
        let commit = commits.recv().await;
        assert_eq!((commit.tenant, commit.pos), (tenant, edited.pos));
        assert_eq!((&*commit.docs, &*commit.users), (&[doc][..], &[phone.user][..]));
        store.close().await;
    });
}

#[test]
fn a_node_hears_what_another_node_commits() {
    on_each_database(async |place| {
        if place.is_sqlite() {
            return; // One process writes to a SQLite file.
        }
        let tenant = tenant();
        let (one, two) = (place.open().await, place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut heard = two.sql().unwrap().writer().commits();
        let doc = desk.job(&one, phone.user).await;
        // It may begin to listen later than the first commits: go on until it hears.
        let commit = loop {
            desk.write(&one, doc, vec![note("x")]).await;
            match heard.try_recv() {
                // Of the job's first change, before it was assigned, it concerns nobody.
                Ok(commit) if !commit.users.is_empty() => break commit,
                _ => {}
            }
        };
        assert_eq!((commit.tenant, &*commit.docs), (tenant, &[doc][..]));
        assert_eq!(&*commit.users, &[phone.user]);
        one.close().await;
        two.close().await;
    });
}

#[test]
fn a_node_finds_out_what_was_committed_while_it_could_not_listen() {
    on_each_database(async |place| {
        let Some(admin) = place.administrate().await else { return };
        let tenant = tenant();
        let (one, two) = (place.open().await, place.open().await);
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let mut heard = two.sql().unwrap().writer().commits();
        let doc = desk.job(&one, phone.user).await;
        while heard.recv().await.unwrap().users.is_empty() {}
        let mut admin = admin.forbid_connections().await;
        let edited = desk.write(&one, doc, vec![note("x")]).await;
        admin.allow_connections().await;
        while heard.recv().await.unwrap().pos < edited.pos {}
        one.close().await;
        two.close().await;
    });
}

#[test]
fn a_node_hears_of_what_is_committed_before_its_first_connection_listens() {
    on_each_database(async |place| {
        let Some(admin) = place.administrate().await else { return };
        let tenant = tenant();
        let one = place.open().await;
        let (desk, phone) = (Desk::new(tenant), Phone::new(tenant));
        let doc = desk.job(&one, phone.user).await;
        let two = place.open().await;
        let mut heard = two.sql().unwrap().writer().commits();
        // Whatever connection listens by now is ended, and no other begins to.
        let mut admin = admin.forbid_connections().await;
        let edited = desk.write(&one, doc, vec![note("x")]).await;
        admin.allow_connections().await;
        while heard.recv().await.unwrap().pos < edited.pos {}
        one.close().await;
        two.close().await;
    });
}

#[test]
fn there_is_news_for_a_technician_only_in_what_a_pull_would_bring() {
    on_each_database(async |place| {
        let (tenant, store) = (tenant(), place.open_sql().await);
        let any = crate::any::Any::Sql(store.clone());
        let (desk, phone, other) = (Desk::new(tenant), Phone::new(tenant), Phone::new(tenant));
        let own = desk.job(&any, phone.user).await;
        let before = desk.write(&any, own, vec![note("x")]).await.pos;
        assert!(store.has_news(tenant, phone.user, before - 1).await.unwrap());
        assert!(!store.has_news(tenant, phone.user, before).await.unwrap());
        let others = desk.job(&any, other.user).await;
        let after = desk.write(&any, others, vec![note("x")]).await.pos;
        assert!(!store.has_news(tenant, phone.user, before).await.unwrap());
        assert!(store.has_news(tenant, other.user, before).await.unwrap());
        assert!(!store.has_news(tenant, other.user, after).await.unwrap());
        store.close().await;
    });
}

/// A plain write in the group that fails; it does nothing where there is no SQL.
async fn plain_write(store: &Any) -> Result<(), StoreError> {
    let Some(sql) = store.sql() else { return Ok(()) };
    let work = sql.write::<_, StoreError, _>(|tx| {
        Box::pin(async move {
            sqlx::query("INSERT INTO tenants (id, name, created_at) VALUES ($1, 'x', 1)")
                .bind(vec![1_u8])
                .execute(tx)
                .await?;
            Ok(())
        })
    });
    work.await
}
