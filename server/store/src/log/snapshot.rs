//! Snapshots: all runs of a document in one row, so that it loads in one read.
//!
//! A snapshot is a cache in our own run encoding. The log keeps every run it was made from.

use sync_core::change::{Change, Run, decode_run, encode_run};
use sync_core::document::{Author, Document};
use sync_core::id::{DeviceId, UserId};
use sync_core::limits;
use sync_core::wire::{Reader, WireError, Writer, deflate, inflate};

use super::Logged;
use crate::StoreError;

const VERSION: u8 = 1;
/// A document within its limit, with room for the authors.
const INFLATED: usize = 2 * limits::DOCUMENT_BYTES;

/// The payload of a document's snapshot.
pub(crate) fn encode(document: &Document) -> Option<Vec<u8>> {
    let mut body = Writer::new();
    let runs = document.changes().chunk_by(follows);
    let runs: Vec<_> = runs.flat_map(|run| run.chunks(limits::RUN_CHANGES)).collect();
    body.uint(runs.len() as u64);
    for changes in runs {
        let (last, author) = changes.last()?;
        let reference = sync_core::change::ChangeRef { actor: last.actor, seq: last.seq };
        let run = Run {
            doc: document.id(),
            changes: changes.iter().map(|(change, _)| change.clone()).collect(),
            last_hash: document.hash_of(&reference)?,
        };
        body.raw(&author.user.map_or([0; 16], |user| *user.as_bytes()));
        body.raw(&author.device.map_or([0; 16], |device| *device.as_bytes()));
        encode_run(&mut body, &run);
    }
    let mut payload = vec![VERSION];
    payload.extend(deflate(&body.into_bytes()));
    Some(payload)
}

/// The runs of a snapshot, all at the position up to which it was made.
pub(crate) fn decode(upto: i64, payload: &[u8]) -> Result<Vec<Logged>, StoreError> {
    let corrupt = |error: WireError| StoreError::Corrupt(format!("a snapshot: {error}"));
    let (version, body) = payload.split_first().ok_or_else(|| corrupt(WireError::Truncated))?;
    if *version != VERSION {
        return Err(corrupt(WireError::Unknown(*version)));
    }
    let body = inflate(body, INFLATED).map_err(corrupt)?;
    read(upto, &mut Reader::new(&body)).map_err(corrupt)
}

fn read(upto: i64, reader: &mut Reader<'_>) -> Result<Vec<Logged>, WireError> {
    let count = reader.count("runs", INFLATED)?;
    let mut runs = Vec::new();
    for _ in 0..count {
        let (user, device): ([u8; 16], [u8; 16]) = (reader.array()?, reader.array()?);
        let author = Author {
            user: UserId::from_bytes(user).ok(),
            device: DeviceId::from_bytes(device).ok(),
        };
        let before = reader.left();
        let run = decode_run(reader)?;
        runs.push(Logged { pos: upto, run, author, bytes: before - reader.left() });
    }
    Ok(runs)
}

/// Whether two changes may stand in one run.
fn follows(a: &(Change, Author), b: &(Change, Author)) -> bool {
    a.1 == b.1 && a.0.actor == b.0.actor && a.0.seq + 1 == b.0.seq
}
