//! Law: whatever is said to server and phone, in whatever order, both stay in step with their
//! drivers: no panic, few effects an event, and every frame they send is one the other reads.
//! Each event is an input of its own, bounded as such.
#![no_main]

use ed25519_dalek::SigningKey;
use fuzz::bounds::{Meter, conversation};
use libfuzzer_sys::fuzz_target;
use sync_core::admission::Verdict;
use sync_core::change::{Run, encode_run};
use sync_core::document::Digest;
use sync_core::id::{DeviceId, UserId};
use sync_core::limits;
use sync_core::sync::{
    Failure, Frame, Outbox, Phone, PhoneEffect, PhoneEvent, Pulled, Sent, ServerEffect,
    ServerEvent, Session, decode_request, decode_response,
};
use sync_core::wire::Writer;

const NOW: i64 = 1_800_000_000_000;
/// Most effects of one event.
const EFFECTS: usize = 8;
/// Events of one input.
const EVENTS: usize = 64;

fuzz_target!(|bytes: &[u8]| conversation(|meter| converse(bytes, meter)));

fn converse(bytes: &[u8], meter: &mut Meter) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let device = DeviceId::new(NOW, [1; 10]);
    let mut session = Session::new(UserId::new(NOW, [2; 10]), device, key.verifying_key(), 7);
    let mut phone = Phone::new(device, key);
    let mut left = bytes;
    for _ in 0..EVENTS {
        let Some((op, payload)) = next(&mut left) else { break };
        let number = number(payload);
        // What a driver has in hand is made before, what comes of it looked at after.
        let event = match op {
            0 => Said::Server(ServerEvent::Frame(payload)),
            1 => Said::Server(ServerEvent::Admitted(verdicts(payload))),
            2 => Said::Server(ServerEvent::Pulled(pulled(payload))),
            3 => Said::Server(ServerEvent::Unavailable { retry_after_ms: number }),
            4 => Said::Phone(PhoneEvent::Wake),
            5 => Said::Phone(PhoneEvent::Frame(payload)),
            6 => Said::Phone(PhoneEvent::Outbox(outbox(payload))),
            7 => Said::Phone(PhoneEvent::Stored {
                digest: Digest(number),
                waiting: payload.len() % 2 == 1,
                left: outbox(payload).runs.iter().map(|sent| sent.run().doc).collect(),
            }),
            8 => Said::Phone(PhoneEvent::Failed(Failure::Unreachable)),
            _ => Said::Phone(PhoneEvent::Failed(Failure::Busy(number))),
        };
        match event {
            Said::Server(event) => server(meter.input(|| session.handle(NOW, event))),
            Said::Phone(event) => effects(&meter.input(|| phone.handle(number, event))),
        }
    }
}

enum Said<'a> {
    Server(ServerEvent<'a>),
    Phone(PhoneEvent<'a>),
}

/// An event: one byte says which, two how long what comes with it is.
fn next<'a>(left: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (head, rest) = left.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_be_bytes([head[1], head[2]])).min(rest.len());
    let (payload, rest) = rest.split_at(length);
    *left = rest;
    Some((head[0] % 10, payload))
}

fn number(payload: &[u8]) -> u64 {
    payload.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What a writer says: at most as much as there are changes in a page.
fn verdicts(payload: &[u8]) -> Vec<Vec<Verdict>> {
    let verdict = |byte: &u8| match byte % 4 {
        0 => Verdict::Durable,
        1 => Verdict::refused("code", "A sentence."),
        2 => Verdict::Fork,
        _ => Verdict::Missing(Vec::new()),
    };
    let payload = payload.get(..limits::PAGE_CHANGES).unwrap_or(payload);
    payload.chunks(4).map(|run| run.iter().map(verdict).collect()).collect()
}

/// What a store found: as an answer says it, so that the fuzzer can say anything that fits in a page
/// and a document.
fn pulled(payload: &[u8]) -> Pulled {
    match decode_response(payload) {
        Ok(Frame::Response(response)) if fits(response.runs.iter().map(|it| &it.run)) => Pulled {
            cursor: response.cursor,
            digest: response.digest,
            runs: response.runs,
            whole: response.whole,
            released: response.released,
            unknown: response.unknown,
            more: response.more,
        },
        _ => Pulled { cursor: number(payload), ..Pulled::default() },
    }
}

/// What a phone has to say: as a request says it.
fn outbox(payload: &[u8]) -> Outbox {
    match decode_request(payload) {
        Ok(request) if fits(request.runs.iter().map(Sent::run)) => Outbox {
            epoch: request.epoch,
            cursor: request.cursor,
            runs: request.runs,
            inventory: request.inventory,
            more: request.more,
        },
        _ => Outbox { epoch: number(payload), ..Outbox::default() },
    }
}

fn fits<'a>(runs: impl Iterator<Item = &'a Run>) -> bool {
    let mut writer = Writer::new();
    runs.for_each(|run| encode_run(&mut writer, run));
    writer.len() <= limits::PAGE_BYTES + limits::DOCUMENT_BYTES
}

fn server(effect: ServerEffect) {
    if let ServerEffect::Send(frame) = effect {
        // What came in at 64 KiB may be said back in more, never in more than a frame.
        assert!(frame.len() <= limits::FRAME_BYTES, "{} bytes", frame.len());
        decode_response(&frame).expect("a phone reads what a server says");
    }
}

fn effects(effects: &[PhoneEffect]) {
    assert!(effects.len() <= EFFECTS, "{} effects", effects.len());
    for effect in effects {
        if let PhoneEffect::Send(frame) = effect {
            decode_request(frame).expect("a server reads what a phone says");
        }
    }
}
