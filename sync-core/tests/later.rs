//! A sync whose server says *later*, *more* or nothing useful: what goes all the same, and when it ends.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeSet, VecDeque};

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use sync_core::admission::{Verdict, record};
use sync_core::change::{Entry, Run};
use sync_core::document::{Author, Digest, Document};
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId};
use sync_core::policy::{Principal, Role};
use sync_core::schema::{DocId, key, section};
use sync_core::sync::{
    Failure, Frame, Outbox, Phone, PhoneEffect, PhoneEvent, Response, Sent, SyncOutcome,
    decode_request, encode_response,
};
use sync_core::value::Record;

const NOON: i64 = 1_790_000_000_000;
/// A draw for which every wait is as long as its window allows.
const WIDEST: u64 = 19_200_000 - 1;
/// Documents in a page of these phones.
const PAGE: usize = 2;

fn walk_up(n: u8) -> Run {
    let user = UserId::new(NOON, [2; 10]);
    let mut document = Document::new(JobId::new(NOON, [n; 10]).into());
    let record_ = Record::from([(key::KIND, "walk_up".into())]);
    let entry =
        Entry::Fact { section: section::STATUS, id: FactId::new(NOON, [n; 10]), record: record_ };
    let author = Author::phone(user, DeviceId::new(NOON, [1; 10]));
    let caller = Principal { user, role: Role::Technician };
    record(&mut document, ActorId::new(NOON, [3; 10]), NOON, &caller, author, vec![entry]).unwrap()
}

fn machine() -> Phone {
    Phone::new(DeviceId::new(NOON, [1; 10]), SigningKey::from_bytes(&[3; 32]))
}

/// A phone with a walk-up in each of these documents that waits, in this order.
struct World {
    phone: Phone,
    waiting: Vec<Run>,
    /// Documents in the order in which they were sent.
    sent: Vec<DocId>,
    exchanges: usize,
    tidied: bool,
}

impl World {
    fn new(documents: u8) -> Self {
        let waiting = (0..documents).map(walk_up).collect();
        Self { phone: machine(), waiting, sent: Vec::new(), exchanges: 0, tidied: false }
    }

    /// One sync; how it ended, and after how many milliseconds the phone comes back.
    fn sync(&mut self, answer: &dyn Fn(&[DocId]) -> Response) -> (SyncOutcome, u64) {
        (self.sent, self.exchanges, self.tidied) = (Vec::new(), 0, false);
        let mut ended = None;
        let mut effects = VecDeque::from(self.phone.handle(WIDEST, PhoneEvent::Wake));
        loop {
            let next = match effects.pop_front().expect("it comes back") {
                PhoneEffect::Read { pass_over, inventory, .. } => {
                    let goes = |run: &&Run| !pass_over.contains(&run.doc);
                    let mut runs = self.waiting.iter().filter(goes).cloned().map(Sent::Signed);
                    let page = runs.by_ref().take(PAGE).collect();
                    let more = runs.next().is_some();
                    let inventory = inventory.then(Default::default);
                    let outbox = Outbox { epoch: 1, cursor: 9, runs: page, inventory, more };
                    self.phone.handle(WIDEST, PhoneEvent::Outbox(outbox))
                }
                PhoneEffect::Send(frame) => {
                    self.exchanges += 1;
                    assert!(self.exchanges < 10_000, "it says the same for ever");
                    let request = decode_request(&frame).expect("a request");
                    let docs: Vec<DocId> = request.runs.iter().map(|it| it.run().doc).collect();
                    self.sent.extend(&docs);
                    let frame = Frame::Response(Box::new(answer(&docs)));
                    self.phone.handle(WIDEST, PhoneEvent::Frame(&encode_response(&frame)))
                }
                PhoneEffect::Store(inbox) => {
                    let taken = inbox.verdicts.iter().filter(|it| it.verdict == Verdict::Durable);
                    let taken: BTreeSet<DocId> = taken.map(|it| it.doc).collect();
                    self.waiting.retain(|run| !taken.contains(&run.doc));
                    let waiting = !self.waiting.is_empty();
                    let stored =
                        PhoneEvent::Stored { digest: Digest(0), waiting, left: Vec::new() };
                    self.phone.handle(WIDEST, stored)
                }
                PhoneEffect::Tidy => {
                    self.tidied = true;
                    continue;
                }
                PhoneEffect::Finished(outcome) => {
                    ended = Some(outcome);
                    continue;
                }
                PhoneEffect::WakeAfter(ms) => return (ended.expect("it ended"), ms),
            };
            effects.extend(next);
        }
    }
}

fn verdicts(docs: &[DocId], later: &BTreeSet<DocId>, code: &str) -> Response {
    let said = |doc: &DocId| match later.contains(doc) {
        true => Verdict::Later { code: code.to_owned() },
        false => Verdict::Durable,
    };
    let verdicts = docs.iter().map(said).collect();
    Response { epoch: 1, cursor: 9, verdicts, ..Response::default() }
}

proptest! {
    #[test]
    fn whatever_is_told_later_everything_else_goes_in_the_same_sync(
        count in 1u8..20, choice: u32, retry_after_ms in prop_oneof![Just(0u64), Just(900_000)],
    ) {
        let mut world = World::new(count);
        let all: Vec<DocId> = world.waiting.iter().map(|run| run.doc).collect();
        let is_later = |at: usize| choice & (1 << at) != 0;
        let later: BTreeSet<DocId> =
            all.iter().enumerate().filter(|(at, _)| is_later(*at)).map(|(_, doc)| *doc).collect();
        let answer = |docs: &[DocId]| {
            let asks = docs.iter().any(|doc| later.contains(doc));
            let retry_after_ms = if asks { retry_after_ms } else { 0 };
            Response { retry_after_ms, ..verdicts(docs, &later, "quota") }
        };
        let (ended, wait) = world.sync(&answer);
        let left: BTreeSet<DocId> = world.waiting.iter().map(|run| run.doc).collect();
        prop_assert_eq!(&left, &later);
        prop_assert_eq!(ended == SyncOutcome::UpToDate, later.is_empty());
        prop_assert!(later.is_empty() || wait >= retry_after_ms.max(1));
        // Each is sent once, whatever the others are told; the digests agree, so it is tidied.
        prop_assert_eq!(world.sent.len(), all.len());
        prop_assert!(world.tidied);
        // The next syncs each send one page of them, every one in its turn.
        let mut tried = BTreeSet::new();
        for _ in 0..later.len().div_ceil(PAGE) {
            world.sync(&answer);
            prop_assert!(world.sent.len() <= PAGE);
            tried.extend(&world.sent);
        }
        prop_assert_eq!(&tried, &later);
        // Once the server takes them they all go at once.
        let (ended, _) = world.sync(&|docs| verdicts(docs, &BTreeSet::new(), ""));
        prop_assert!(world.waiting.is_empty() && ended == SyncOutcome::UpToDate);
    }
}

#[test]
fn new_work_is_not_behind_what_was_told_later_in_an_earlier_sync() {
    let mut world = World::new(6);
    let later: BTreeSet<DocId> = world.waiting.iter().map(|run| run.doc).collect();
    world.sync(&|docs| verdicts(docs, &later, "unstorable"));
    world.waiting.push(walk_up(99));
    world.sync(&|docs| verdicts(docs, &later, "unstorable"));
    assert_eq!(world.sent[0], walk_up(99).doc, "it goes first");
    assert_eq!(world.waiting.len(), 6);
}

#[test]
fn what_was_told_later_is_asked_of_a_restored_server_in_the_same_sync() {
    let mut world = World::new(6);
    let later: BTreeSet<DocId> = world.waiting.iter().map(|run| run.doc).collect();
    world.sync(&|docs| verdicts(docs, &later, "section_unknown"));
    world.sync(&|docs| verdicts(docs, &later, "section_unknown"));
    assert_eq!(world.sent.len(), PAGE, "one page of them has its turn");
    let restored = std::cell::Cell::new(true);
    world.sync(&|docs| {
        let epoch = if restored.replace(false) { 2 } else { 1 };
        Response { epoch, ..verdicts(docs, &later, "section_unknown") }
    });
    assert!(later.iter().all(|doc| world.sent.contains(doc)), "{:?}", world.sent);
}

#[test]
fn a_server_that_always_says_more_does_not_keep_a_phone_busy_for_ever() {
    let mut world = World::new(1);
    let docs: BTreeSet<DocId> = world.waiting.iter().map(|run| run.doc).collect();
    let empty = |told: &[DocId]| Response { more: true, ..verdicts(told, &docs, "busy") };
    let (ended, wait) = world.sync(&empty);
    assert!(world.exchanges <= 8, "{} exchanges that change nothing", world.exchanges);
    assert!(ended == SyncOutcome::Waiting && wait > 0);
    // Nor does one whose cursor moves each time.
    let cursor = std::cell::Cell::new(9);
    let moving = |told: &[DocId]| {
        cursor.set(cursor.get() + 1);
        Response { cursor: cursor.get(), ..empty(told) }
    };
    let longest = (0..12).map(|_| world.sync(&moving).1).max().unwrap();
    assert!(world.exchanges <= 300, "{} exchanges", world.exchanges);
    assert!(longest > 60_000, "it comes back ever more rarely: {longest}");
}

#[test]
fn a_busy_server_that_does_not_say_until_when_is_asked_ever_more_rarely() {
    let mut longest = [0; 10];
    for draw in 1..200_u64 {
        let mut phone = machine();
        for longest in &mut longest {
            let random = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            phone.handle(random, PhoneEvent::Wake);
            let effects = phone.handle(random, PhoneEvent::Failed(Failure::Busy(0)));
            let [PhoneEffect::Finished(_), PhoneEffect::WakeAfter(ms)] = effects[..] else {
                panic!("{effects:?}")
            };
            assert!(ms > 0, "at once");
            *longest = ms.max(*longest);
        }
    }
    assert!(longest.is_sorted() && longest[9] >= 200_000, "{longest:?}");
}

#[test]
fn a_sync_that_is_stopped_ends_and_the_next_goes_on() {
    let mut world = World::new(1);
    world.phone.handle(WIDEST, PhoneEvent::Wake);
    let effects = world.phone.handle(WIDEST, PhoneEvent::Failed(Failure::Stopped));
    let stopped = SyncOutcome::Failed(Failure::Stopped);
    assert!(matches!(&effects[0], PhoneEffect::Finished(end) if *end == stopped));
    let (ended, _) = world.sync(&|docs| verdicts(docs, &BTreeSet::new(), ""));
    assert_eq!(ended, SyncOutcome::UpToDate);
}
