//! Rows of a phone's store from the records of a damaged file.

use sync_core::document::Author;
use sync_core::id::{DeviceId, UserId};
use sync_core::schema::DocId;
use sync_core::sync::StoredRun;

use super::cells::{Record, Value};
use crate::store::{runs, standing};

/// A row of the table `runs`; absent for a record that is none. A run that does not decode is damaged.
pub(super) fn run(record: &Record) -> Option<Result<StoredRun, DocId>> {
    use Value::{Blob, Int, Null};
    let [Null, Int(kind), Blob(doc), user, device, receipt, Int(standing), Int(_), Blob(payload)] =
        record.values.as_slice()
    else {
        return None;
    };
    let doc = doc_id(*kind, doc)?;
    let id = |value: &Value| match value {
        Null => Some(None),
        Blob(raw) => <[u8; 16]>::try_from(raw.as_slice()).ok().map(Some),
        _ => None,
    };
    let (user, device, receipt) = (id(user)?, id(device)?, id(receipt)?);
    let status = standing::from_code(*standing, receipt)?;
    let author = Author {
        user: user.map(UserId::from_bytes).transpose().ok()?,
        device: device.map(DeviceId::from_bytes).transpose().ok()?,
    };
    let Some(run) = runs::decode(payload).ok().filter(|run| run.doc == doc) else {
        return Some(Err(doc));
    };
    // Whose number is lost comes after all others: what it follows comes first.
    let n = record.n.map_or(u64::MAX, i64::unsigned_abs);
    Some(Ok(StoredRun { n, run, author, status }))
}

/// A row of the table `refused`: its document and why it was refused.
pub(super) fn refused(record: &Record) -> Option<(DocId, String)> {
    use Value::{Blob, Int, Null, Text};
    match record.values.as_slice() {
        [Null, Int(kind), Blob(doc), Text(_), Text(sentence), Int(_), Blob(_), ..] => {
            Some((doc_id(*kind, doc)?, sentence.clone()))
        }
        _ => None,
    }
}

/// A row of the table `docs`: which document it is about.
pub(super) fn document(record: &Record) -> Option<DocId> {
    use Value::{Blob, Int, Null};
    match (record.n, record.values.as_slice()) {
        (None, [Int(kind), Blob(doc), Int(_) | Null, Int(0 | 1), ..]) => doc_id(*kind, doc),
        _ => None,
    }
}

/// A row of the table `meta`: its name and what it holds.
pub(super) fn meta(record: &Record) -> Option<(&str, &[u8])> {
    match (record.n, record.values.as_slice()) {
        (None, [Value::Text(key), Value::Blob(value)]) => Some((key, value)),
        _ => None,
    }
}

fn doc_id(kind: i64, id: &[u8]) -> Option<DocId> {
    runs::doc_id(u8::try_from(kind).ok()?, id.try_into().ok()?).ok()
}
