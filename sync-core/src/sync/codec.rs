//! Frames to bytes and back, within limits, each frame in exactly one form.
//!
//! A frame is version, type, flags, then the body, deflated where that makes it shorter.

use ed25519_dalek::SIGNATURE_LENGTH;

use super::frame::{Fault, Frame, Inventory, Request, Response, Sent, VERSION};
use crate::admission::{Attested, Verdict};
use crate::change::{Change, ChangeRef, Run, decode_run, encode_run};
use crate::document::{Author, Digest};
use crate::id::{ActorId, DeviceId, UserId};
use crate::limits;
use crate::schema::{DocId, DocKind};
use crate::wire::{Reader, WireError, Writer, deflate, deflate_quickly, inflate};

const TYPE_REQUEST: u8 = 1;
const TYPE_RESPONSE: u8 = 2;
const TYPE_FAULT: u8 = 3;
const TYPE_NOTIFICATION: u8 = 4;

const FLAG_DEFLATED: u8 = 1;
/// Bodies shorter than this are not worth compressing.
const DEFLATE_FROM: usize = 128;
/// Bodies from this length on are worth the time of compressing them well.
const DEFLATE_WELL_FROM: usize = 1024;

const REQUEST_RUNS: u64 = 1;
const REQUEST_SIGNATURE: u64 = 2;
const REQUEST_INVENTORY: u64 = 4;
const REQUEST_MORE: u64 = 8;

const SENT_SIGNED: u8 = 0;
const SENT_RELAYED: u8 = 1;
const SENT_ORPHANED: u8 = 2;

const RESPONSE_MORE: u64 = 1;
const RESPONSE_RESYNC: u64 = 2;
const RESPONSE_VERDICTS: u64 = 4;
const RESPONSE_RUNS: u64 = 8;
const RESPONSE_WHOLE: u64 = 16;
const RESPONSE_RELEASED: u64 = 32;
const RESPONSE_UNKNOWN: u64 = 64;

const VERDICT_DURABLE: u64 = 0;
const VERDICT_REFUSED: u64 = 1;
const VERDICT_REAUTHOR: u64 = 2;
const VERDICT_FORK: u64 = 3;
const VERDICT_MISSING: u64 = 4;
const VERDICT_LATER: u64 = 5;

const CODE_BYTES: usize = 64;
const SENTENCE_BYTES: usize = 1024;

/// The bytes of a request.
pub fn encode_request(request: &Request) -> Vec<u8> {
    let mut body = Writer::new();
    body.raw(&request.epoch.to_be_bytes());
    body.uint(request.cursor);
    let flags = flag(REQUEST_RUNS, !request.runs.is_empty())
        | flag(REQUEST_SIGNATURE, request.signature.is_some())
        | flag(REQUEST_INVENTORY, request.inventory.is_some())
        | flag(REQUEST_MORE, request.more);
    body.uint(flags);
    if !request.runs.is_empty() {
        body.uint(request.runs.len() as u64);
        for sent in &request.runs {
            match sent {
                Sent::Signed(run) => {
                    body.u8(SENT_SIGNED);
                    encode_run(&mut body, run);
                }
                Sent::Relayed(attested) => {
                    body.u8(SENT_RELAYED);
                    encode_attested(&mut body, attested);
                }
                Sent::Orphaned(attested) => {
                    body.u8(SENT_ORPHANED);
                    encode_attested(&mut body, attested);
                }
            }
        }
    }
    if let Some(signature) = &request.signature {
        body.raw(signature);
    }
    if let Some(Inventory(docs)) = &request.inventory {
        body.uint(docs.len() as u64);
        for (doc, fingerprint) in docs {
            encode_doc(&mut body, doc);
            body.raw(&fingerprint.to_be_bytes());
        }
    }
    seal(TYPE_REQUEST, body)
}

/// Reads a request; bounded by [`limits`], whatever the bytes are.
pub fn decode_request(bytes: &[u8]) -> Result<Request, WireError> {
    let (kind, body) = open(bytes)?;
    if kind != TYPE_REQUEST {
        return Err(WireError::Unknown(kind));
    }
    let mut body = Reader::bounded(&body, limits::PAGE_VALUES);
    let mut request = Request {
        epoch: u64::from_be_bytes(body.array()?),
        cursor: body.uint()?,
        ..Request::default()
    };
    let flags = body.uint()?;
    if flags >= REQUEST_MORE << 1 {
        return Err(WireError::Malformed("flags"));
    }
    request.more = flags & REQUEST_MORE != 0;
    if flags & REQUEST_RUNS != 0 {
        let count = filled(body.count("runs", limits::PAGE_RUNS)?, "runs")?;
        let mut changes = 0;
        for _ in 0..count {
            let sent = match body.u8()? {
                SENT_SIGNED => Sent::Signed(implied(decode_run(&mut body)?)?),
                SENT_RELAYED => Sent::Relayed(decode_attested(&mut body)?),
                SENT_ORPHANED => Sent::Orphaned(decode_attested(&mut body)?),
                _ => return Err(WireError::Malformed("runs")),
            };
            changes += sent.run().changes.len();
            if changes > limits::PAGE_CHANGES {
                return Err(WireError::TooLarge("changes of a page"));
            }
            request.runs.push(sent);
        }
    }
    if flags & REQUEST_SIGNATURE != 0 {
        // A signature over nothing is a second form of a request without one.
        if !request.runs.iter().any(|sent| sent.own().is_some()) {
            return Err(WireError::Malformed("signature"));
        }
        request.signature = Some(body.array::<SIGNATURE_LENGTH>()?);
    }
    if flags & REQUEST_INVENTORY != 0 {
        let count = body.count("inventory", limits::INVENTORY_DOCS)?;
        let mut docs = Vec::with_capacity(count);
        for _ in 0..count {
            docs.push((decode_doc(&mut body)?, u64::from_be_bytes(body.array()?)));
        }
        request.inventory = Some(Inventory(docs));
    }
    body.finish()?;
    Ok(request)
}

/// The bytes of anything a server sends.
pub fn encode_response(frame: &Frame) -> Vec<u8> {
    let mut body = Writer::new();
    match frame {
        Frame::Response(response) => {
            response_body(&mut body, response);
            seal(TYPE_RESPONSE, body)
        }
        Frame::Fault(fault) => {
            body.text(&fault.code);
            body.text(&fault.sentence);
            body.uint(fault.retry_after_ms);
            seal(TYPE_FAULT, body)
        }
        Frame::Notification => seal(TYPE_NOTIFICATION, body),
    }
}

/// Reads anything a server sends; bounded by [`limits`].
pub fn decode_response(bytes: &[u8]) -> Result<Frame, WireError> {
    let (kind, body) = open(bytes)?;
    let mut body = Reader::bounded(&body, limits::ANSWER_VALUES);
    let frame = match kind {
        TYPE_RESPONSE => Frame::Response(Box::new(read_response(&mut body)?)),
        TYPE_FAULT => Frame::Fault(Fault {
            code: body.text("code", CODE_BYTES)?.to_owned(),
            sentence: body.text("sentence", SENTENCE_BYTES)?.to_owned(),
            retry_after_ms: body.uint()?,
        }),
        TYPE_NOTIFICATION => Frame::Notification,
        other => return Err(WireError::Unknown(other)),
    };
    body.finish()?;
    Ok(frame)
}

fn response_body(body: &mut Writer, response: &Response) {
    body.raw(&response.epoch.to_be_bytes());
    body.uint(response.cursor);
    body.raw(&response.digest.0.to_be_bytes());
    body.int(response.server_time);
    body.uint(response.retry_after_ms);
    let flags = flag(RESPONSE_MORE, response.more)
        | flag(RESPONSE_RESYNC, response.resync)
        | flag(RESPONSE_VERDICTS, !response.verdicts.is_empty())
        | flag(RESPONSE_RUNS, !response.runs.is_empty())
        | flag(RESPONSE_WHOLE, !response.whole.is_empty())
        | flag(RESPONSE_RELEASED, !response.released.is_empty())
        | flag(RESPONSE_UNKNOWN, !response.unknown.is_empty());
    body.uint(flags);
    if !response.verdicts.is_empty() {
        encode_verdicts(body, &response.verdicts);
    }
    if !response.runs.is_empty() {
        body.uint(response.runs.len() as u64);
        response.runs.iter().for_each(|attested| encode_attested(body, attested));
    }
    for docs in [&response.whole, &response.released, &response.unknown] {
        if !docs.is_empty() {
            body.uint(docs.len() as u64);
            docs.iter().for_each(|doc| encode_doc(body, doc));
        }
    }
}

fn read_response(body: &mut Reader<'_>) -> Result<Response, WireError> {
    let mut response = Response {
        epoch: u64::from_be_bytes(body.array()?),
        cursor: body.uint()?,
        digest: Digest(u64::from_be_bytes(body.array()?)),
        server_time: body.int()?,
        retry_after_ms: body.uint()?,
        ..Response::default()
    };
    let flags = body.uint()?;
    if flags >= RESPONSE_UNKNOWN << 1 {
        return Err(WireError::Malformed("flags"));
    }
    response.more = flags & RESPONSE_MORE != 0;
    response.resync = flags & RESPONSE_RESYNC != 0;
    if flags & RESPONSE_VERDICTS != 0 {
        response.verdicts = decode_verdicts(body)?;
    }
    if flags & RESPONSE_RUNS != 0 {
        let count = filled(body.count("runs", limits::ANSWER_RUNS)?, "runs")?;
        for _ in 0..count {
            response.runs.push(decode_attested(body)?);
        }
    }
    for (bit, docs) in [
        (RESPONSE_WHOLE, &mut response.whole),
        (RESPONSE_RELEASED, &mut response.released),
        (RESPONSE_UNKNOWN, &mut response.unknown),
    ] {
        if flags & bit != 0 {
            let count = filled(body.count("documents", limits::INVENTORY_DOCS)?, "documents")?;
            for _ in 0..count {
                docs.push(decode_doc(body)?);
            }
        }
    }
    Ok(response)
}

/// One verdict a change, in order, as a response has them: what was decided about a submission.
pub fn encode_verdict_list(verdicts: &[Verdict]) -> Vec<u8> {
    let mut body = Writer::new();
    encode_verdicts(&mut body, verdicts);
    body.into_bytes()
}

/// Reads what [`encode_verdict_list`] wrote.
///
/// # Errors
/// Where the bytes are anything else, or say more than a page has changes.
pub fn decode_verdict_list(bytes: &[u8]) -> Result<Vec<Verdict>, WireError> {
    let mut body = Reader::new(bytes);
    let verdicts = decode_verdicts(&mut body)?;
    body.finish()?;
    Ok(verdicts)
}

/// Equal verdicts in a row are written once with their number.
fn encode_verdicts(body: &mut Writer, verdicts: &[Verdict]) {
    let groups: Vec<_> = verdicts.chunk_by(|a, b| a == b).collect();
    body.uint(groups.len() as u64);
    for group in groups {
        let tagged = |tag| (group.len() as u64) << 3 | tag;
        match &group[0] {
            Verdict::Durable => body.uint(tagged(VERDICT_DURABLE)),
            Verdict::Refused { code, sentence } => {
                body.uint(tagged(VERDICT_REFUSED));
                body.text(code);
                body.text(sentence);
            }
            Verdict::Reauthor => body.uint(tagged(VERDICT_REAUTHOR)),
            Verdict::Fork => body.uint(tagged(VERDICT_FORK)),
            Verdict::Missing(missing) => {
                body.uint(tagged(VERDICT_MISSING));
                body.uint(missing.len() as u64);
                for change in missing {
                    body.raw(change.actor.as_bytes());
                    body.uint(change.seq);
                }
            }
            Verdict::Later { code } => {
                body.uint(tagged(VERDICT_LATER));
                body.text(code);
            }
        }
    }
}

fn decode_verdicts(body: &mut Reader<'_>) -> Result<Vec<Verdict>, WireError> {
    let limit = limits::PAGE_CHANGES;
    let groups = filled(body.count("verdicts", limit)?, "verdicts")?;
    let mut verdicts: Vec<Verdict> = Vec::new();
    for _ in 0..groups {
        let tagged = body.uint()?;
        let count = usize::try_from(tagged >> 3).unwrap_or(usize::MAX);
        if count == 0 || count > limit || verdicts.len() + count > limit {
            return Err(WireError::TooLarge("verdicts"));
        }
        let verdict = match tagged & 7 {
            VERDICT_DURABLE => Verdict::Durable,
            VERDICT_REFUSED => Verdict::Refused {
                code: body.text("code", CODE_BYTES)?.to_owned(),
                sentence: body.text("sentence", SENTENCE_BYTES)?.to_owned(),
            },
            VERDICT_REAUTHOR => Verdict::Reauthor,
            VERDICT_FORK => Verdict::Fork,
            VERDICT_MISSING => {
                let count = body.count("missing changes", limits::CHANGE_DEPS + 1)?;
                let mut missing = Vec::with_capacity(count);
                for _ in 0..count {
                    missing.push(ChangeRef { actor: decode_actor(body)?, seq: body.uint()? });
                }
                Verdict::Missing(missing)
            }
            VERDICT_LATER => Verdict::Later { code: body.text("code", CODE_BYTES)?.to_owned() },
            _ => return Err(WireError::Malformed("verdict")),
        };
        if verdicts.last() == Some(&verdict) {
            return Err(WireError::Malformed("verdicts"));
        }
        verdicts.extend(std::iter::repeat_n(verdict, count));
    }
    Ok(verdicts)
}

fn encode_attested(body: &mut Writer, attested: &Attested) {
    encode_run(body, &attested.run);
    let Author { user, device } = attested.author;
    body.u8(u8::from(user.is_some()) | u8::from(device.is_some()) << 1);
    if let Some(user) = user {
        body.raw(user.as_bytes());
    }
    if let Some(device) = device {
        body.raw(device.as_bytes());
    }
    body.raw(&attested.receipt);
}

fn decode_attested(body: &mut Reader<'_>) -> Result<Attested, WireError> {
    let run = decode_run(body)?;
    let flags = body.u8()?;
    if flags > 3 {
        return Err(WireError::Malformed("author"));
    }
    let malformed = |_| WireError::Malformed("author");
    let user = match flags & 1 {
        0 => None,
        _ => Some(UserId::from_bytes(body.array()?).map_err(malformed)?),
    };
    let device = match flags & 2 {
        0 => None,
        _ => Some(DeviceId::from_bytes(body.array()?).map_err(malformed)?),
    };
    Ok(Attested { run, author: Author { user, device }, receipt: body.array()? })
}

fn encode_doc(body: &mut Writer, doc: &DocId) {
    body.u8(doc.kind.code());
    body.raw(doc.as_bytes());
}

fn decode_doc(body: &mut Reader<'_>) -> Result<DocId, WireError> {
    let kind = DocKind::from_code(body.u8()?);
    DocId::new(kind, body.array()?).map_err(|_| WireError::Malformed("document id"))
}

fn decode_actor(body: &mut Reader<'_>) -> Result<ActorId, WireError> {
    ActorId::of_change(&body.array::<16>()?).map_err(|_| WireError::Malformed("actor"))
}

fn flag(bit: u64, on: bool) -> u64 {
    if on { bit } else { 0 }
}

/// New work leaves out the dependencies that follow from its numbers, since with them it would be a
/// second encoding of the same hash. Runs with a receipt are read as they were once taken: their
/// receipt covers every byte.
fn implied(run: Run) -> Result<Run, WireError> {
    let spelled = |change: &Change| match change.seq {
        1 => change.after == [ChangeRef { actor: ActorId::GENESIS, seq: 1 }],
        seq => change.after.contains(&ChangeRef { actor: change.actor, seq: seq - 1 }),
    };
    let spelled = run.changes.iter().any(spelled);
    if spelled { Err(WireError::Malformed("dependencies")) } else { Ok(run) }
}

/// A list that is announced holds something; an empty one has no second form.
fn filled(count: usize, what: &'static str) -> Result<usize, WireError> {
    if count == 0 { Err(WireError::Malformed(what)) } else { Ok(count) }
}

fn seal(kind: u8, body: Writer) -> Vec<u8> {
    let body = body.into_bytes();
    let deflated = match body.len() {
        ..DEFLATE_FROM => None,
        DEFLATE_FROM..DEFLATE_WELL_FROM => Some(deflate_quickly(&body)),
        DEFLATE_WELL_FROM.. => Some(deflate(&body)),
    };
    let (flags, body) = match deflated {
        Some(shorter) if shorter.len() < body.len() => (FLAG_DEFLATED, shorter),
        _ => (0, body),
    };
    let mut frame = Vec::with_capacity(body.len() + 3);
    frame.extend_from_slice(&[VERSION, kind, flags]);
    frame.extend_from_slice(&body);
    frame
}

fn open(bytes: &[u8]) -> Result<(u8, Vec<u8>), WireError> {
    if bytes.len() > limits::FRAME_BYTES {
        return Err(WireError::TooLarge("frame"));
    }
    let mut reader = Reader::new(bytes);
    let version = reader.u8()?;
    if version != VERSION {
        return Err(WireError::Unknown(version));
    }
    let kind = reader.u8()?;
    let flags = reader.u8()?;
    let body = reader.raw(reader.left())?;
    match flags {
        0 => Ok((kind, body.to_vec())),
        FLAG_DEFLATED => Ok((kind, inflate(body, limits::FRAME_BYTES)?)),
        _ => Err(WireError::Malformed("flags")),
    }
}
