//! How a transaction stands in the journal of a phone.

use sync_core::change::{Run, decode_run, encode_run};
use sync_core::document::{Author, ChangeHash};
use sync_core::id::{ActorId, DeviceId, UserId};
use sync_core::limits;
use sync_core::schema::{DocId, DocKind};
use sync_core::sync::{RefusedWork, Retention, StoredRun, SyncStatus};
use sync_core::wire::{Reader, WireError, Writer};

use super::{DocRow, Op, heard};

pub(super) fn encode(record: &mut Writer, op: &Op) {
    match op {
        Op::Put(StoredRun { n, run, author, status }) => {
            record.u8(0);
            record.uint(*n);
            encode_run(record, run);
            record.raw(&author.user.map_or([0; 16], |user| *user.as_bytes()));
            record.raw(&author.device.map_or([0; 16], |device| *device.as_bytes()));
            let (code, receipt) = match status {
                SyncStatus::Waiting => (0, [0; 16]),
                SyncStatus::Durable => (1, [0; 16]),
                SyncStatus::Resend => (2, [0; 16]),
                SyncStatus::Attested(receipt) => (3, *receipt),
                SyncStatus::Lost(receipt) => (4, *receipt),
                SyncStatus::Orphaned(receipt) => (5, *receipt),
            };
            record.u8(code);
            record.raw(&receipt);
        }
        Op::Drop(n) => {
            record.u8(1);
            record.uint(*n);
        }
        Op::Refused(doc, work) => {
            record.u8(2);
            let changes = vec![work.change.clone()];
            encode_run(record, &Run { doc: *doc, changes, last_hash: ChangeHash([0; 32]) });
            record.text(&work.code);
            record.text(&work.sentence);
        }
        Op::Doc(doc, row) => {
            record.u8(3);
            write_doc(record, doc);
            record.u8(u8::from(row.fingerprint.is_some()));
            record.uint(row.fingerprint.unwrap_or(0));
            record.u8(u8::from(row.in_scope));
            record.u8(u8::from(row.kept_from.is_some()));
            record.int(row.kept_from.unwrap_or(0));
        }
        Op::Forget(doc) => {
            record.u8(4);
            write_doc(record, doc);
        }
        Op::Actor(actor) => {
            record.u8(5);
            record.raw(actor.as_bytes());
        }
        Op::Position(epoch, cursor) => {
            record.u8(6);
            record.uint(*epoch);
            record.uint(*cursor);
        }
        Op::Identity(device, seed) => {
            record.u8(7);
            record.raw(device.as_bytes());
            record.raw(seed);
        }
        Op::Retention(kept) => {
            record.u8(8);
            [kept.ms, kept.heard.server_ms, kept.heard.up_ms].iter().for_each(|it| record.int(*it));
        }
    }
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Op, WireError> {
    const TEXT: usize = limits::VALUE_BYTES;
    Ok(match reader.u8()? {
        0 => {
            let (n, run) = (reader.uint()?, decode_run(reader)?);
            let author = Author {
                user: UserId::from_bytes(reader.array()?).ok(),
                device: DeviceId::from_bytes(reader.array()?).ok(),
            };
            let (code, receipt) = (reader.u8()?, reader.array()?);
            let status = match code {
                0 => SyncStatus::Waiting,
                1 => SyncStatus::Durable,
                2 => SyncStatus::Resend,
                3 => SyncStatus::Attested(receipt),
                4 => SyncStatus::Lost(receipt),
                _ => SyncStatus::Orphaned(receipt),
            };
            Op::Put(StoredRun { n, run, author, status })
        }
        1 => Op::Drop(reader.uint()?),
        2 => {
            let Run { doc, mut changes, .. } = decode_run(reader)?;
            let change = changes.pop().ok_or(WireError::Truncated)?;
            let code = reader.text("code", TEXT)?.to_owned();
            let sentence = reader.text("sentence", TEXT)?.to_owned();
            Op::Refused(doc, RefusedWork { change, code, sentence })
        }
        3 => {
            let doc = read_doc(reader)?;
            let (has, fingerprint) = (reader.u8()? != 0, reader.uint()?);
            let in_scope = reader.u8()? != 0;
            let (kept, from) = (reader.u8()? != 0, reader.int()?);
            let fingerprint = has.then_some(fingerprint);
            Op::Doc(doc, DocRow { fingerprint, in_scope, kept_from: kept.then_some(from) })
        }
        4 => Op::Forget(read_doc(reader)?),
        5 => Op::Actor(ActorId::from_bytes(reader.array()?).map_err(|_| WireError::Truncated)?),
        6 => Op::Position(reader.uint()?, reader.uint()?),
        7 => {
            let device = DeviceId::from_bytes(reader.array()?);
            Op::Identity(device.map_err(|_| WireError::Truncated)?, reader.array()?)
        }
        _ => {
            let ms = reader.int()?;
            Op::Retention(Retention { ms, heard: heard(reader.int()?, reader.int()?) })
        }
    })
}

fn write_doc(record: &mut Writer, doc: &DocId) {
    record.u8(doc.kind.code());
    record.raw(doc.as_bytes());
}

fn read_doc(reader: &mut Reader<'_>) -> Result<DocId, WireError> {
    let kind = DocKind::from_code(reader.u8()?);
    DocId::new(kind, reader.array()?).map_err(|_| WireError::Truncated)
}
