//! Frames that are none: every byte of the format bent once.

use server::clock::random;
use sync_core::id::{ActorId, JobId};
use sync_core::wire::{Writer, deflate};

use super::hand::{now, set};
use super::websocket::Socket;
use super::{Row, Town};

const IDLE: &str = include_str!("../../../sync-core/tests/golden/request-idle.hex");
const FULL: &str = include_str!("../../../sync-core/tests/golden/request-full.hex");
const ANSWER: &str = include_str!("../../../sync-core/tests/golden/response-full.hex");
const BAD: &str = "fault frame_malformed";
/// In a body where something must follow that never comes.
const RUNS: u64 = 1;
const SIGNATURE: u64 = 2;
const INVENTORY: u64 = 4;

pub const ROWS: &[Row] = &[
    ("nothing", BAD, |t| t.mallory.frame(b"")),
    ("a version and no more", BAD, |t| t.mallory.frame(&[1])),
    ("version 0", BAD, |t| t.mallory.frame(&[0, 1, 0, 0])),
    ("version 2", BAD, |t| t.mallory.frame(&[2, 1, 0, 0])),
    ("version 255", BAD, |t| t.mallory.frame(&[255, 1, 0, 0])),
    ("type 0", BAD, |t| t.mallory.frame(&[1, 0, 0, 0])),
    ("type 9", BAD, |t| t.mallory.frame(&[1, 9, 0, 0])),
    ("a notification, which only servers send", BAD, |t| t.mallory.frame(&[1, 4, 0])),
    ("an answer, which only servers send", BAD, |t| t.mallory.frame(&hex(ANSWER))),
    ("flags nobody knows", BAD, |t| t.mallory.frame(&[1, 1, 2, 0])),
    ("all flags", BAD, |t| t.mallory.frame(&[1, 1, 255, 0])),
    ("a head and no body", BAD, |t| t.mallory.frame(&[1, 1, 0])),
    ("the page of a captive portal", BAD, |t| t.mallory.frame(b"<html>log in</html>")),
    ("half an epoch", BAD, |t| t.mallory.frame(&[1, 1, 0, 0, 0, 0, 0])),
    ("a number longer than it needs to be", BAD, |t| body(t, |w| w.raw(&[0x80, 0x00, 0]))),
    ("a number of eleven bytes", BAD, |t| body(t, |w| w.raw(&[0xff; 11]))),
    ("a number over 64 bits", BAD, |t| {
        body(t, |w| w.raw(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0]))
    }),
    ("a number that never ends", BAD, |t| body(t, |w| w.raw(&[0x80]))),
    ("flags of a later version", BAD, |t| flags(t, 16, |_| {})),
    ("runs announced and none there", BAD, |t| flags(t, RUNS, |w| w.uint(0))),
    ("4,097 runs announced", BAD, |t| flags(t, RUNS, |w| w.uint(4097))),
    ("2^63 runs announced", BAD, |t| flags(t, RUNS, |w| w.uint(1 << 63))),
    ("a run that is neither signed nor attested", BAD, |t| flags(t, RUNS, |w| w.raw(&[1, 2]))),
    ("half a signature", BAD, |t| flags(t, SIGNATURE, |w| w.raw(&[7; 32]))),
    ("an inventory of 20,001", BAD, |t| flags(t, INVENTORY, |w| w.uint(20_001))),
    ("an inventory shorter than it says", BAD, |t| flags(t, INVENTORY, |w| w.uint(3))),
    ("an inventory of what is no id", BAD, |t| {
        flags(t, INVENTORY, |w| {
            w.uint(1);
            w.raw(&[1; 25]);
        })
    }),
    ("bytes after the end", BAD, |t| flags(t, 0, |w| w.u8(0))),
    ("a document that is no id", BAD, |t| run(t, Bent { doc: Some([0xff; 16]), ..Bent::none() })),
    ("no actor", BAD, |t| run(t, Bent { actors: Some(vec![]), ..Bent::none() })),
    ("an actor that is no id", BAD, |t| {
        run(t, Bent { actors: Some(vec![[0xff; 16]]), ..Bent::none() })
    }),
    ("an actor nobody uses", BAD, |t| {
        run(t, Bent { actors: Some(vec![id(), id()]), ..Bent::none() })
    }),
    ("the same actor twice", BAD, |t| {
        let one = id();
        run(t, Bent { actors: Some(vec![one, one]), ..Bent::none() })
    }),
    ("1,001 actors", BAD, |t| {
        run(t, Bent { actors: Some((0..1001).map(|_| id()).collect()), ..Bent::none() })
    }),
    ("number 0 of an actor", BAD, |t| run(t, Bent { seq: 0, ..Bent::none() })),
    ("the last number there is", BAD, |t| run(t, Bent { seq: u64::MAX, ..Bent::none() })),
    ("a run of no changes", BAD, |t| run(t, Bent { changes: 0, ..Bent::none() })),
    ("a run of 4,097 changes", BAD, |t| run(t, Bent { changes: 4097, ..Bent::none() })),
    ("a run of 2^60 changes", BAD, |t| run(t, Bent { changes: 1 << 60, ..Bent::none() })),
    ("a change of nothing", BAD, |t| change(t, 0, |_| {})),
    ("a change of 2^62 entries", BAD, |t| change(t, 1 << 63, |_| {})),
    ("dependencies announced and none there", BAD, |t| change(t, 3, |w| w.raw(&[0, 4]))),
    ("65 dependencies", BAD, |t| change(t, 3, |w| w.uint(65))),
    ("dependencies out of order", BAD, |t| change(t, 3, |w| w.raw(&[2, 0, 9, 0, 8, 18]))),
    ("a dependency twice", BAD, |t| change(t, 3, |w| w.raw(&[2, 0, 9, 0, 9, 18]))),
    ("an actor number that is not in the table", BAD, |t| change(t, 3, |w| w.raw(&[1, 7, 9]))),
    ("a section number nobody knows", BAD, |t| entry(t, |w| w.uint(99 << 2))),
    ("section number 2^62", BAD, |t| entry(t, |w| w.uint(u64::MAX - 3))),
    ("an entry that is neither fact nor field", BAD, |t| entry(t, |w| w.uint(4 << 2 | 3))),
    ("a section spelled that has a number", BAD, |t| {
        entry(t, |w| {
            w.uint(0);
            w.text("status");
        })
    }),
    ("a section with a blank", BAD, |t| {
        entry(t, |w| {
            w.uint(0);
            w.text("sta tus");
        })
    }),
    ("a section name of 65 bytes", BAD, |t| {
        entry(t, |w| {
            w.uint(0);
            w.text(&"a".repeat(65));
        })
    }),
    ("a fact id that is no id", BAD, |t| {
        entry(t, |w| {
            w.uint(10 << 2);
            w.int(0);
            w.raw(&[0xff; 10]);
            w.uint(0);
        })
    }),
    ("a fact id before time began", BAD, |t| fact(t, i64::MIN, |w| w.uint(0))),
    ("a fact id after its end", BAD, |t| fact(t, 1 << 50, |w| w.uint(0))),
    ("a fact of 65 keys", BAD, |t| fact(t, 0, |w| w.uint(65))),
    ("a fact that says null", BAD, |t| fact(t, 0, |w| w.raw(&[1, 1, 0]))),
    ("a key number nobody knows", BAD, |t| fact(t, 0, |w| w.raw(&[1, 0xff, 0x7f, 1]))),
    ("a key spelled that has a number", BAD, |t| {
        fact(t, 0, |w| {
            w.raw(&[1, 0]);
            w.text("text");
            w.u8(1);
        })
    }),
    ("a key in capitals", BAD, |t| {
        fact(t, 0, |w| {
            w.raw(&[1, 0]);
            w.text("TEXT");
            w.u8(1);
        })
    }),
    ("keys out of order", BAD, |t| fact(t, 0, |w| w.raw(&[2, 12, 1, 1, 1]))),
    ("a key twice", BAD, |t| fact(t, 0, |w| w.raw(&[2, 12, 1, 12, 1]))),
    ("a value of no kind", BAD, |t| fact(t, 0, |w| w.raw(&[1, 12, 9]))),
    ("a text that is not UTF-8", BAD, |t| fact(t, 0, |w| w.raw(&[1, 12, 4, 2, 0xc3, 0x28]))),
    ("half a surrogate pair", BAD, |t| fact(t, 0, |w| w.raw(&[1, 12, 4, 3, 0xed, 0xa0, 0x80]))),
    ("an overlong NUL", BAD, |t| fact(t, 0, |w| w.raw(&[1, 12, 4, 2, 0xc0, 0x80]))),
    ("a word spelled out", BAD, |t| {
        fact(t, 0, |w| {
            w.raw(&[1, 12, 4]);
            w.text("accepted");
        })
    }),
    ("a word nobody knows", BAD, |t| fact(t, 0, |w| w.raw(&[1, 12, 6, 0xff, 0x7f]))),
    ("sixteen bytes in the long form", BAD, |t| {
        fact(t, 0, |w| {
            w.raw(&[1, 12, 5]);
            w.bytes(&[1; 16]);
        })
    }),
    ("a length of 2^40 bytes", BAD, |t| {
        fact(t, 0, |w| {
            w.raw(&[1, 12, 5]);
            w.uint(1 << 40);
        })
    }),
    ("a field that replaces 33 values", BAD, |t| {
        entry(t, |w| {
            w.raw(&[1 << 2 | 1, 12, 1]);
            w.uint(33);
        })
    }),
    ("replaced values out of order", BAD, |t| {
        entry(t, |w| w.raw(&[1 << 2 | 1, 12, 1, 2, 9, 0, 8, 0]))
    }),
    ("a body that is no deflate", BAD, |t| t.mallory.frame(&[1, 1, 1, 0xff, 0xff, 0xff])),
    ("half a deflated body", BAD, |t| {
        let whole = hex(FULL);
        t.mallory.frame(&whole[..whole.len() / 2])
    }),
    ("bytes after a deflated body", BAD, |t| {
        let mut frame = vec![1, 1, 1];
        frame.extend(deflate(&[0; 10]));
        frame.push(0);
        t.mallory.frame(&frame)
    }),
    ("a golden request cut at every byte", BAD, |t| many(t, cuts(&hex(IDLE)))),
    ("a golden request with runs cut at every byte", BAD, |t| many(t, cuts(&hex(FULL)))),
    ("a golden request with every bit turned once", "fault frame_malformed / resync", |t| {
        many(t, flips(&hex(IDLE), 1))
    }),
    ("a golden request with runs, bits turned", "fault frame_malformed / resync_first*4", |t| {
        many(t, flips(&hex(FULL), 3))
    }),
    ("a golden request of another server", "resync_first*4", |t| t.mallory.frame(&hex(FULL))),
];

/// A frame file.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.trim().bytes().filter_map(|b| char::from(b).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn cuts(frame: &[u8]) -> Vec<Vec<u8>> {
    (0..frame.len()).map(|end| frame[..end].to_vec()).collect()
}

fn flips(frame: &[u8], every: usize) -> Vec<Vec<u8>> {
    let bits = (0..frame.len() * 8).step_by(every);
    bits.map(|bit| {
        let mut frame = frame.to_vec();
        frame[bit / 8] ^= 1 << (bit % 8);
        frame
    })
    .collect()
}

/// Many frames over one socket.
fn many(town: &Town, frames: Vec<Vec<u8>>) -> String {
    let Some(mut socket) = Socket::open(town, &town.mallory) else { return "no socket".into() };
    set(frames.iter().map(|frame| socket.ask(frame)))
}

fn id() -> [u8; 16] {
    *ActorId::new(now(), random()).as_bytes()
}

/// A request whose body goes on after the epoch as it likes.
fn body(town: &Town, rest: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::new();
    writer.raw(&[1, 1, 0]);
    writer.raw(&town.mallory.epoch.to_be_bytes());
    rest(&mut writer);
    town.mallory.frame(&writer.into_bytes())
}

/// A request whose body goes on after the flags as it likes.
fn flags(town: &Town, flags: u64, rest: impl FnOnce(&mut Writer)) -> String {
    body(town, |w| {
        w.uint(0);
        w.uint(flags);
        rest(w);
    })
}

/// What is bent in the head of a run.
struct Bent {
    doc: Option<[u8; 16]>,
    actors: Option<Vec<[u8; 16]>>,
    seq: u64,
    changes: u64,
}

impl Bent {
    fn none() -> Self {
        Self { doc: None, actors: None, seq: 1, changes: 1 }
    }
}

fn run(town: &Town, bent: Bent) -> String {
    flags(town, RUNS, |w| {
        head(w, &bent);
        // One change that would be good: a remark.
        w.int(now());
        w.uint(2);
        w.uint(10 << 2);
        w.int(0);
        w.raw(&random_tail());
        w.uint(0);
        w.raw(&[0; 32]);
    })
}

fn head(w: &mut Writer, bent: &Bent) {
    w.raw(&[1, 0, 1]);
    let doc = bent.doc.unwrap_or_else(|| *JobId::new(now(), random()).as_bytes());
    w.raw(&doc);
    let actors = bent.actors.clone().unwrap_or_else(|| vec![id()]);
    w.uint(actors.len() as u64);
    actors.iter().for_each(|actor| w.raw(actor));
    w.uint(bent.seq);
    w.uint(bent.changes);
}

/// A run whose one change says how many entries it has, and goes on as it likes.
fn change(town: &Town, counts: u64, rest: impl FnOnce(&mut Writer)) -> String {
    flags(town, RUNS, |w| {
        head(w, &Bent::none());
        w.int(now());
        w.uint(counts);
        rest(w);
        w.raw(&[0; 32]);
    })
}

fn entry(town: &Town, rest: impl FnOnce(&mut Writer)) -> String {
    change(town, 2, rest)
}

/// A fact whose id is so many milliseconds after its change, and goes on as it likes.
fn fact(town: &Town, ms: i64, rest: impl FnOnce(&mut Writer)) -> String {
    entry(town, |w| {
        w.uint(10 << 2);
        w.int(ms);
        w.raw(&random_tail());
        rest(w);
    })
}

fn random_tail() -> [u8; 10] {
    let mut tail: [u8; 10] = random();
    tail[0] = tail[0] & 0x0f | 0x70;
    tail[2] = tail[2] & 0x3f | 0x80;
    tail
}
