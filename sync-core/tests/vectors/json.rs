//! What the vectors say, as JSON: ids as UUIDs, other bytes in hexadecimal.

use serde_json::{Map, Value as Json, json};
use sync_core::admission::{Attested, Verdict};
use sync_core::change::{Change, ChangeRef, Entry, OpId, Run};
use sync_core::schema::{DocId, DocKind};
use sync_core::sync::{Frame, Request, Response, Sent};
use sync_core::value::Value;

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn doc(doc: &DocId) -> Json {
    let kind = match doc.kind {
        DocKind::Job => "job",
        DocKind::Van => "van",
        DocKind::Technician => "technician",
        DocKind::Other(_) => "other",
    };
    let id = doc.job().map(|job| job.to_string()).or(doc.van().map(|van| van.to_string()));
    json!({"kind": kind, "id": id.or(doc.technician().map(|user| user.to_string()))})
}

pub fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!({"bytes": hex(bytes)}),
    }
}

fn entry(entry: &Entry) -> Json {
    match entry {
        Entry::Fact { section, id, record } => {
            let pairs = record.iter().map(|(key, it)| (key.as_str().to_owned(), value(it)));
            let record: Map<String, Json> = pairs.collect();
            json!({"fact": {"section": section.as_str(), "id": id.to_string(), "record": record}})
        }
        Entry::Field { section, key, value: set, replaces } => {
            let replaces: Vec<Json> = replaces.iter().map(op).collect();
            let (section, key) = (section.as_str(), key.as_str());
            json!({"field": {"section": section, "key": key, "value": value(set), "replaces": replaces}})
        }
        Entry::Section { name } => json!({"section": name.as_str()}),
    }
}

pub fn op(op: &OpId) -> Json {
    json!({"counter": op.counter, "actor": op.actor.to_string()})
}

fn reference(change: &ChangeRef) -> Json {
    json!({"actor": change.actor.to_string(), "seq": change.seq})
}

pub fn change(change: &Change) -> Json {
    let after: Vec<Json> = change.after.iter().map(reference).collect();
    let entries: Vec<Json> = change.entries.iter().map(entry).collect();
    json!({"seq": change.seq, "time": change.time, "after": after, "entries": entries})
}

pub fn run(run: &Run) -> Json {
    let changes: Vec<Json> = run.changes.iter().map(change).collect();
    let (actor, last_hash) = (run.actor().to_string(), hex(run.last_hash.0));
    json!({"doc": doc(&run.doc), "actor": actor, "changes": changes, "last_hash": last_hash})
}

pub fn attested(attested: &Attested) -> Json {
    let author = attested.author;
    json!({
        "run": run(&attested.run),
        "user": author.user.map(|id| id.to_string()),
        "device": author.device.map(|id| id.to_string()),
        "receipt": hex(attested.receipt),
    })
}

pub fn request(request: &Request) -> Json {
    let runs = request.runs.iter().map(|sent| match sent {
        Sent::Signed(signed) => json!({"signed": run(signed)}),
        Sent::Relayed(relayed) => json!({"brought_back": attested(relayed)}),
        Sent::Orphaned(orphaned) => json!({"orphaned": attested(orphaned)}),
    });
    let inventory = request.inventory.as_ref().map(|inventory| {
        let docs = inventory.0.iter();
        docs.map(|(it, print)| json!({"doc": doc(it), "fingerprint": eight(*print)})).collect()
    });
    json!({
        "epoch": eight(request.epoch),
        "cursor": request.cursor,
        "runs": runs.collect::<Vec<Json>>(),
        "signature": request.signature.map(hex),
        "inventory": inventory.map(|docs: Vec<Json>| docs),
        "more": request.more,
    })
}

pub fn frame(frame: &Frame) -> Json {
    match frame {
        Frame::Response(it) => response(it),
        Frame::Fault(it) => {
            let (code, sentence) = (&it.code, &it.sentence);
            json!({"code": code, "sentence": sentence, "retry_after_ms": it.retry_after_ms})
        }
        Frame::Notification => json!({}),
    }
}

pub fn response(response: &Response) -> Json {
    let docs = |docs: &[DocId]| docs.iter().map(doc).collect::<Vec<Json>>();
    json!({
        "epoch": eight(response.epoch),
        "cursor": response.cursor,
        "digest": eight(response.digest.0),
        "server_time": response.server_time,
        "retry_after_ms": response.retry_after_ms,
        "verdicts": response.verdicts.iter().map(verdict).collect::<Vec<Json>>(),
        "runs": response.runs.iter().map(attested).collect::<Vec<Json>>(),
        "whole": docs(&response.whole),
        "released": docs(&response.released),
        "unknown": docs(&response.unknown),
        "more": response.more,
        "resync": response.resync,
    })
}

fn verdict(verdict: &Verdict) -> Json {
    match verdict {
        Verdict::Durable => json!("durable"),
        Verdict::Refused { code, sentence } => {
            json!({"refused": {"code": code, "sentence": sentence}})
        }
        Verdict::Reauthor => json!("reauthor"),
        Verdict::Fork => json!("fork"),
        Verdict::Missing(missing) => {
            json!({"missing": missing.iter().map(reference).collect::<Vec<Json>>()})
        }
        Verdict::Later { code } => json!({"later": code}),
    }
}

/// Eight bytes, big endian: numbers that JSON cannot hold exactly.
pub fn eight(number: u64) -> String {
    format!("{number:016x}")
}
