//! Law: whatever is said to server and phone, in whatever order, both stay in step with their
//! drivers: no panic, few effects an event, and every frame they send is one the other reads.
#![no_main]

use ed25519_dalek::SigningKey;
use fuzz::bounds::within;
use libfuzzer_sys::fuzz_target;
use sync_core::admission::Verdict;
use sync_core::document::Digest;
use sync_core::id::{DeviceId, UserId};
use sync_core::limits;
use sync_core::sync::{
    Failure, Frame, Outbox, Phone, PhoneEffect, PhoneEvent, Pulled, ServerEffect, ServerEvent,
    Session, decode_request, decode_response,
};

const NOW: i64 = 1_800_000_000_000;
/// Most effects of one event.
const EFFECTS: usize = 8;
/// Events of one input.
const EVENTS: usize = 64;
/// Both sides with a frame of 2 MiB in hand each.
const MEMORY: usize = 128 << 20;

fuzz_target!(|bytes: &[u8]| within(MEMORY, || converse(bytes)));

fn converse(bytes: &[u8]) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let device = DeviceId::new(NOW, [1; 10]);
    let mut session = Session::new(UserId::new(NOW, [2; 10]), device, key.verifying_key(), 7);
    let mut phone = Phone::new(device, key);
    let mut left = bytes;
    for _ in 0..EVENTS {
        let Some((op, payload)) = next(&mut left) else { break };
        match op {
            0 => server(session.handle(NOW, ServerEvent::Frame(payload))),
            1 => server(session.handle(NOW, ServerEvent::Admitted(verdicts(payload)))),
            2 => server(session.handle(NOW, ServerEvent::Pulled(pulled(payload)))),
            3 => server(
                session.handle(NOW, ServerEvent::Unavailable { retry_after_ms: number(payload) }),
            ),
            4 => effects(&phone.handle(number(payload), PhoneEvent::Wake)),
            5 => effects(&phone.handle(number(payload), PhoneEvent::Frame(payload))),
            6 => effects(&phone.handle(1, PhoneEvent::Outbox(outbox(payload)))),
            7 => {
                let (digest, waiting) = (Digest(number(payload)), payload.len() % 2 == 1);
                let left = outbox(payload).runs.iter().map(|sent| sent.run().doc).collect();
                effects(&phone.handle(1, PhoneEvent::Stored { digest, waiting, left }));
            }
            8 => effects(&phone.handle(1, PhoneEvent::Failed(Failure::Unreachable))),
            _ => effects(&phone.handle(1, PhoneEvent::Failed(Failure::Busy(number(payload))))),
        }
    }
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

fn verdicts(payload: &[u8]) -> Vec<Vec<Verdict>> {
    let verdict = |byte: &u8| match byte % 4 {
        0 => Verdict::Durable,
        1 => Verdict::refused("code", "A sentence."),
        2 => Verdict::Fork,
        _ => Verdict::Missing(Vec::new()),
    };
    payload.chunks(4).map(|run| run.iter().map(verdict).collect()).collect()
}

/// What a store found: as an answer says it, so that the fuzzer can say anything.
fn pulled(payload: &[u8]) -> Pulled {
    match decode_response(payload) {
        Ok(Frame::Response(response)) => Pulled {
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
        Ok(request) => Outbox {
            epoch: request.epoch,
            cursor: request.cursor,
            runs: request.runs,
            inventory: request.inventory,
            more: request.more,
        },
        Err(_) => Outbox { epoch: number(payload), ..Outbox::default() },
    }
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
