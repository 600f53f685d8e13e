//! Frames of the story, whole and decoded, and bytes that are no frame.

use serde_json::{Value as Json, json};
use sync_core::admission::{Verdict, push_message};
use sync_core::change::{ChangeRef, Run};
use sync_core::document::{Digest, Document};
use sync_core::id::{ActorId, JobId, UserId, VanId};
use sync_core::schema::DocId;
use sync_core::sync::{
    Fault, Frame, Inventory, Request, Response, Sent, decode_request, decode_response,
    encode_request, encode_response,
};
use sync_core::wire::inflate;

use super::json::{self, hex};
use super::story::{Story, T0, attest, device, device_key, runs};

const EPOCH: u64 = 0x8877_6655_4433_2211;

/// The runs of the phone.
fn own(story: &Story) -> Vec<Run> {
    let all = runs(&story.document).into_iter();
    all.filter(|(_, author)| author.device.is_some()).map(|(run, _)| run).collect()
}

fn others(story: &Story) -> Vec<sync_core::admission::Attested> {
    let all = runs(&story.document).into_iter();
    all.filter(|(_, author)| author.device.is_none()).map(attest).collect()
}

fn van() -> DocId {
    VanId::new(T0, [12; 10]).into()
}

fn read_request(request: &Request) -> Json {
    let frame = encode_request(request);
    assert_eq!(decode_request(&frame).as_ref(), Ok(request));
    json!({"frame": hex(&frame), "body": hex(body(&frame)), "decoded": json::request(request)})
}

fn read_answer(frame: &Frame) -> Json {
    let bytes = encode_response(frame);
    assert_eq!(decode_response(&bytes).as_ref(), Ok(frame));
    json!({"frame": hex(&bytes), "body": hex(body(&bytes)), "decoded": json::frame(frame)})
}

fn body(frame: &[u8]) -> Vec<u8> {
    match frame[2] {
        0 => frame[3..].to_vec(),
        _ => inflate(&frame[3..], 1 << 21).expect("it was just deflated"),
    }
}

fn described(description: &str, mut json: Json) -> Json {
    json["description"] = description.into();
    json
}

/// A request with work of every origin and an inventory.
pub fn request(story: &Story) -> Json {
    let brought = others(story);
    let mut runs: Vec<Sent> = own(story).into_iter().map(Sent::Signed).collect();
    let message = push_message(device(), runs.iter().filter_map(Sent::own));
    let signature = Sent::sign(&runs, device(), &device_key());
    runs.push(Sent::Relayed(brought[0].clone()));
    runs.push(Sent::Orphaned(brought[1].clone()));
    let held = (story.document.id(), story.document.fingerprint());
    let request = Request {
        epoch: EPOCH,
        cursor: 0,
        runs,
        signature,
        inventory: Some(Inventory(vec![held, (van(), Document::new(van()).fingerprint())])),
        more: true,
    };
    let mut json = read_request(&request);
    json["device"] = device().to_string().into();
    json["public_key"] = hex(device_key().verifying_key().as_bytes()).into();
    json["signed_message"] = hex(message).into();
    described(
        "A request with the phone's own work and its signature, a run of someone else brought \
         back, an orphaned run, an inventory, and the flag that more pages follow.",
        json,
    )
}

/// An answer with every verdict and everything else an answer can hold.
pub fn response(story: &Story) -> Json {
    let office = ActorId::new(T0, [6; 10]);
    let missing = ChangeRef { actor: office, seq: 7 };
    let mut digest = Digest::default();
    digest.add(story.document.fingerprint());
    digest.add(Document::new(van()).fingerprint());
    let response = Response {
        epoch: EPOCH,
        cursor: 300,
        digest,
        server_time: T0 + 3_600_000,
        retry_after_ms: 1500,
        verdicts: vec![
            Verdict::Durable,
            Verdict::Durable,
            Verdict::Durable,
            Verdict::refused("job_not_yours", "This job was never yours."),
            Verdict::Reauthor,
            Verdict::Fork,
            Verdict::Missing(vec![missing]),
            Verdict::Later { code: "section_unknown".into() },
        ],
        runs: runs(&story.document).into_iter().map(attest).collect(),
        whole: vec![story.document.id()],
        released: vec![JobId::new(T0, [13; 10]).into()],
        unknown: vec![UserId::new(T0, [14; 10]).into()],
        more: true,
        resync: false,
    };
    described(
        "A response with every kind of verdict, the whole document with authors and receipts, and \
         documents that were released or are unknown. The digest is of two documents in scope: \
         the job, and a van that has its genesis only.",
        read_answer(&Frame::Response(Box::new(response))),
    )
}

/// Small frames.
pub fn small(story: &Story) -> Json {
    let first = Request::default();
    let nothing = Request { inventory: Some(Inventory::default()), ..Request::default() };
    let idle = Request { epoch: EPOCH, cursor: 300, ..Request::default() };
    let held = Inventory(vec![(story.document.id(), story.document.fingerprint())]);
    let held = Request { epoch: EPOCH, inventory: Some(held), ..Request::default() };
    let resync = Response {
        epoch: EPOCH,
        server_time: T0,
        verdicts: vec![Verdict::Later { code: "resync_first".into() }; 3],
        resync: true,
        ..Response::default()
    };
    let fault = Fault {
        code: "signature_missing".into(),
        sentence: "The changes are not signed.".into(),
        retry_after_ms: 0,
    };
    let request = |description, request: &Request| described(description, read_request(request));
    let answer = |description, frame: &Frame| described(description, read_answer(frame));
    json!({
        "description": "Small frames: first contact, nothing new, inventories, resync, a fault, a notification.",
        "requests": [
            request("First contact: empty, epoch 0, cursor 0.", &first),
            request("Nothing new.", &idle),
            request("The inventory of a phone that holds nothing.", &nothing),
            request("The inventory of a phone that holds one document.", &held),
        ],
        "answers": [
            answer(
                "Three changes came with another epoch than the server's: none was admitted.",
                &Frame::Response(Box::new(resync)),
            ),
            answer("A fault: the request was not taken.", &Frame::Fault(fault)),
            answer("A notification: there is something new.", &Frame::Notification),
        ],
    })
}

/// Requests that are malformed, since they would be a second form of another.
pub fn refused(story: &Story) -> Json {
    let run = own(story).remove(0);
    let first = ChangeRef { actor: run.actor(), seq: 1 };
    let mut spelled = run.clone();
    spelled.changes[1].after.insert(0, first);
    let encoded =
        |runs, signature| encode_request(&Request { runs, signature, ..Request::default() });
    let zeros = [0; 8].as_slice();
    let frames: Vec<(&str, Vec<u8>)> = vec![
        (
            "The cursor takes two bytes where one is enough.",
            [&[1, 1, 0], zeros, &[0x80, 0, 0]].concat(),
        ),
        ("A list of runs is announced and empty.", [&[1, 1, 0], zeros, &[0, 1, 0]].concat()),
        ("A flag that does not exist.", [&[1, 1, 0], zeros, &[0, 16]].concat()),
        ("A byte follows the end.", [&[1, 1, 0], zeros, &[0, 0, 0]].concat()),
        ("A signature without a signed run.", encoded(Vec::new(), Some([7; 64]))),
        (
            "The second change of a run names the first, which follows from its number.",
            encoded(vec![Sent::Signed(spelled)], Some([7; 64])),
        ),
        ("Another version.", [&[2, 1, 0], zeros, &[0, 0]].concat()),
    ];
    let frames = frames.iter().map(|(why, frame)| {
        let error = decode_request(frame).expect_err(why);
        json!({"why": why, "frame": hex(frame), "error": error.to_string()})
    });
    json!({
        "description": "Requests that are refused with the fault frame_malformed. The text of `error` is not fixed.",
        "frames": frames.collect::<Vec<Json>>(),
    })
}
