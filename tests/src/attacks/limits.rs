//! More of everything than anybody may send: bombs, pages, orphans, extremes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use server::clock::random;
use sync_core::change::{Change, ChangeRef, Entry, Run};
use sync_core::document::{ChangeHash, Document};
use sync_core::id::{ActorId, FactId, JobId};
use sync_core::limits as most;
use sync_core::schema::{Key, key, section};
use sync_core::sync::{Inventory, Request, encode_request};
use sync_core::value::{Record, Value};
use sync_core::wire::{Writer, deflate};

use super::hand::{MEDIA, Play, fact, note, now, run_of, set, walk_up};
use super::{Row, Town};

const BAD: &str = "fault frame_malformed";

/// Frames too large, or that would become it.
pub const FRAMES: &[Row] = &[
    ("a frame of 2 MiB and a byte", "413 too_large", |t| {
        t.mallory.frame(&vec![1; most::FRAME_BYTES + 1])
    }),
    ("2 MiB and a byte, deflated", BAD, |t| bomb(t, &vec![0; most::FRAME_BYTES + 1])),
    ("64 MiB of nothing, deflated", BAD, |t| bomb(t, &vec![0; 64 << 20])),
    ("a bomb in a bomb in a bomb", BAD, |t| {
        let once = deflate(&vec![0; 64 << 20]);
        bomb(t, &deflate(&once))
    }),
    ("stored blocks that promise more than follows", BAD, |t| {
        t.mallory.frame(&[1, 1, 1, 0, 0xff, 0xff, 0x00, 0x00, 1, 2, 3])
    }),
    ("a distance back before the beginning", BAD, |t| {
        t.mallory.frame(&[1, 1, 1, 0x4b, 0x04, 0xff, 0x01, 0x00])
    }),
    ("a million entries of a byte each, deflated", BAD, |t| {
        let mut w = page_head(t);
        for seq in 0..2048_u64 {
            w.int(if seq == 0 { now() } else { 0 });
            w.uint(512 << 1);
            w.raw(&[4 << 2 | 2; 512]);
        }
        w.raw(&[0; 32]);
        t.mallory.frame(&deflated(&w.into_bytes()))
    }),
    ("a frame said to be gzip", BAD, |t| {
        let headers = [("content-type", MEDIA), ("content-encoding", "gzip")];
        let zipped = STANDARD.decode("H4sIAAAAAAAAA2NgGAWjYBSMglEwCkbBKBgFAAAk5T0DAAEAAA==");
        let reply =
            t.mallory.client.send("POST", "/v1/sync", &headers, &zipped.unwrap_or_default());
        super::hand::said(&reply.body)
    }),
    ("an inventory of 20,000 documents nobody has", "20000 unknown", |t| {
        let docs = (0..20_000).map(|_| (JobId::new(now(), random()).into(), 7)).collect();
        let inventory = Some(Inventory(docs));
        let request = Request { epoch: t.mallory.epoch, inventory, ..Request::default() };
        // What is its own comes with the answer.
        let answer = t.mallory.frame(&encode_request(&request));
        answer.split_once(" runs, ").map_or(answer.clone(), |(_, unknown)| unknown.to_owned())
    }),
    ("a cursor of 2^64 - 1", "resync", |t| {
        let request = Request { epoch: t.mallory.epoch, cursor: u64::MAX, ..Request::default() };
        t.mallory.frame(&encode_request(&request))
    }),
];

/// Changes too large, too many or too far out.
pub const CHANGES: &[Row] = &[
    ("513 entries", BAD, |t| push(t, vec![note("x"); 513])),
    ("a value of 32 KiB and a byte", BAD, |t| {
        push(t, vec![note(&"x".repeat(most::VALUE_BYTES + 1))])
    }),
    ("a value of 32 KiB", "durable", |t| push(t, vec![note(&"x".repeat(most::VALUE_BYTES))])),
    ("a change of 64 KiB and more", "limit", |t| {
        let text = "x".repeat(most::VALUE_BYTES);
        push(t, vec![note(&text), note(&text)])
    }),
    ("a change of 128 KiB and more", BAD, |t| {
        let text = "x".repeat(most::VALUE_BYTES);
        push(t, vec![note(&text), note(&text), note(&text), note(&text)])
    }),
    ("512 entries of which the last has the id of the first", "fact_exists", |t| {
        let mut entries: Vec<Entry> = (0..511).map(|n| note(&format!("{n}"))).collect();
        entries.extend(entries.first().cloned());
        push(t, entries)
    }),
    ("a fact of 65 keys", BAD, |t| {
        let key = |n: usize| Key::parse(&format!("k{n}")).map(|key| (key, Value::Bool(true)));
        let record: Vec<_> = (0..65).filter_map(key).collect();
        push(t, vec![fact(section::NOTES, &record)])
    }),
    ("36 remarks of 30 KB in one job", "document_full / durable", |t| {
        let mut play = Play::open(&t.mallory);
        set((0..36).map(|_| {
            let run = play.run(vec![note(&noise(30_000))]);
            let answer = t.mallory.push(vec![run.clone()]);
            if answer == "durable" {
                play.take(&t.mallory, &run);
            }
            answer
        }))
    }),
    ("1,100 actors in one document", "durable*47, reauthor*1053", |t| {
        let play = Play::open(&t.mallory);
        let runs = (0..1100).map(|n| {
            let actor = ActorId::new(now(), random());
            let entries = vec![note(&format!("{n}"))];
            let change = Change { actor, seq: 1, after: Vec::new(), time: now(), entries };
            run_of(&play.document, vec![change])
        });
        t.mallory.push(runs.collect())
    }),
    ("4,000 orphans, each after what nobody has", "missing_dependencies*4000", |t| {
        let play = Play::open(&t.mallory);
        let runs = (0..4000).map(|_| {
            let actor = ActorId::new(now(), random());
            let after = vec![ChangeRef { actor: ActorId::new(now(), random()), seq: 7 }];
            let change = Change { actor, seq: 1, after, time: now(), entries: vec![note("x")] };
            run_of(&play.document, vec![change])
        });
        t.mallory.push(runs.collect())
    }),
    ("16,384 changes after 64 that nobody has", "missing_dependencies*16384", |t| {
        let runs = (0..4).map(|_| {
            let (actor, lost) = (ActorId::new(now(), random()), ActorId::new(now(), random()));
            let after: Vec<_> = (1..=64).map(|seq| ChangeRef { actor: lost, seq }).collect();
            let entry = Entry::Section { name: section::NOTES };
            let change = |seq| {
                let after = if seq == 1 { after.clone() } else { Vec::new() };
                Change { actor, seq, after, time: now(), entries: vec![entry.clone()] }
            };
            let doc = JobId::new(now(), random()).into();
            let changes = (1..=4096).map(change).collect();
            Run { doc, changes, last_hash: ChangeHash([0; 32]) }
        });
        t.mallory.push(runs.collect())
    }),
    ("16,385 changes in a page", BAD, |t| {
        let runs = (0..5).map(|n| {
            let actor = ActorId::new(now(), random());
            let entry = Entry::Section { name: section::NOTES };
            let change =
                |seq| Change { actor, seq, after: vec![], time: 0, entries: vec![entry.clone()] };
            let changes = (1..=if n == 4 { 1 } else { 4096 }).map(change).collect();
            Run { doc: JobId::new(now(), random()).into(), changes, last_hash: ChangeHash([0; 32]) }
        });
        t.mallory.push(runs.collect())
    }),
    ("a chain of 256 changes of one job", "durable*256", |t| chain(t, 256)),
    // A technician's share of a job ends within the chain; what follows has no room either.
    ("a chain of 512 changes of one job", "durable*356, document_full*156", |t| chain(t, 512)),
    ("the year 1", "limit", |t| at(t, -62_135_596_800_000)),
    ("the year 10,000", "limit", |t| at(t, 253_402_300_800_000)),
    ("the first moment there is", "limit", |t| at(t, i64::MIN)),
    ("the last moment there is", "limit", |t| at(t, i64::MAX)),
    ("1999, a clock that was never set", "limit", |t| at(t, 946_684_799_999)),
    ("every number of a part at its end", "shape; 200", |t| {
        extremes(t, |n| {
            let part = [
                (key::PART_NO, "P".into()),
                (key::QUANTITY, n.into()),
                (key::UNIT_PRICE, n.into()),
                (key::TAX_RATE, n.into()),
                (key::CURRENCY, "TWD".into()),
            ];
            fact(section::PARTS, &part)
        })
    }),
    ("every time of a fact at its end", "shape; 200", |t| {
        extremes(t, |n| {
            let times = [key::AT, key::UP, key::SRV, key::SRV_UP].map(|key| (key, n.into()));
            let mut record = times.to_vec();
            record.push((key::TEXT, "x".into()));
            fact(section::NOTES, &record)
        })
    }),
    ("every number of a step at its end", "shape; 200", |t| {
        extremes(t, |n| {
            let step = [
                (key::KIND, "completed".into()),
                (key::EPOCH, 0.into()),
                (key::AT, n.into()),
                (key::SRV, n.into()),
                (key::UP, n.into()),
                (key::SRV_UP, n.into()),
                (key::ODOMETER, n.into()),
                (key::ATTEMPTS, n.into()),
                (key::LAT, n.into()),
                (key::LON, n.into()),
                (key::ACCURACY, n.into()),
            ];
            fact(section::STATUS, &step)
        })
    }),
    ("a place that is not on Earth", "shape; 200", |t| {
        extremes(t, |n| {
            let place = [(key::TEXT, "x".into()), (key::LAT, n.into()), (key::LON, n.into())];
            fact(section::NOTES, &place)
        })
    }),
    ("every key with a value of a kind it never has", "shape; 200", |t| {
        let sections = [
            section::WORK,
            section::PARTS,
            section::CHECKLIST,
            section::ATTACHMENTS,
            section::NOTES,
            section::FEEDBACK,
            section::SIGNATURES,
        ];
        let values =
            [Value::Bool(true), 7.into(), "x".into(), vec![1, 2, 3].into(), vec![1; 16].into()];
        let entries = sections.iter().flat_map(|section| {
            values.iter().map(|value| {
                let all = (0..60).filter_map(Key::from_code).filter(|key| !refers(key));
                let record: Record = all.map(|key| (key, value.clone())).collect();
                Entry::Fact { section: section.clone(), id: FactId::new(now(), random()), record }
            })
        });
        shown(t, entries.collect())
    }),
];

/// Keys that name another fact: policy looks at those.
fn refers(key: &Key) -> bool {
    *key == key::VOIDS || *key == key::CORRECTS
}

fn push(town: &Town, entries: Vec<Entry>) -> String {
    let play = Play::open(&town.mallory);
    town.mallory.push(vec![play.run(entries)])
}

/// So many changes of one job, each after the one before.
fn chain(town: &Town, count: u64) -> String {
    let play = Play::open(&town.mallory);
    let first = play.document.seq_of(&play.actor) + 1;
    let change = |n| Change { seq: first + n, ..play.change(vec![note(&format!("{n}"))]) };
    town.mallory.push(vec![run_of(&play.document, (0..count).map(change).collect())])
}

fn at(town: &Town, time: i64) -> String {
    let play = Play::open(&town.mallory);
    let change = Change { time, ..play.change(vec![note("x")]) };
    town.mallory.push(vec![run_of(&play.document, vec![change])])
}

/// Facts with numbers at both ends, and what the desk sees of them.
fn extremes(town: &Town, make: fn(i64) -> Entry) -> String {
    shown(town, [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX].map(make).to_vec())
}

fn shown(town: &Town, entries: Vec<Entry>) -> String {
    let play = Play::open(&town.mallory);
    let answer = town.mallory.push(vec![play.run(entries)]);
    format!("{answer}; {}", play.seen(&town.desk))
}

fn bomb(town: &Town, plain: &[u8]) -> String {
    town.mallory.frame(&deflated(plain))
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 1, 1];
    frame.extend(deflate(plain));
    frame
}

/// The body of a request up to where the 2,048 changes of its one run begin.
fn page_head(town: &Town) -> Writer {
    let mut w = Writer::new();
    w.raw(&town.mallory.epoch.to_be_bytes());
    w.raw(&[0, 1, 1, 0, 1]);
    w.raw(JobId::new(now(), random()).as_bytes());
    w.uint(1);
    w.raw(ActorId::new(now(), random()).as_bytes());
    w.uint(1);
    w.uint(2048);
    w
}

/// Letters that do not deflate away.
fn noise(length: usize) -> String {
    let bytes = std::iter::repeat_with(random::<32>).flatten();
    bytes.map(|byte| char::from(b'a' + byte % 26)).take(length).collect()
}

/// A run that opens a job, hashed on an empty document.
pub fn opening(document: &Document, actor: ActorId, more: Vec<Entry>) -> Run {
    let mut entries = vec![walk_up()];
    entries.extend(more);
    run_of(document, vec![Change { actor, seq: 1, after: Vec::new(), time: now(), entries }])
}
