//! The bytes that are signed: each begins with a label, so no signature serves for another thing.

use sha2::{Digest as _, Sha256};

use crate::id::{FactId, JobId, TenantId};
use crate::schema::{Key, key};
use crate::value::{Record, Value};

/// What the device signs: job, fact, device, digests of rendering, heads and strokes, then place
/// and clocks, every part of fixed length.
pub(super) fn seal(job: JobId, fact: FactId, record: &Record) -> Vec<u8> {
    let mut message = b"towline seal 1\n".to_vec();
    message.extend_from_slice(job.as_bytes());
    message.extend_from_slice(fact.as_bytes());
    for key in [key::DEVICE, key::DIGEST, key::HEADS, key::STROKES] {
        let bytes = record.get(&key).and_then(Value::as_bytes).unwrap_or_default();
        message.extend_from_slice(&Sha256::digest(bytes));
    }
    let numbers = [key::LAT, key::LON, key::ACCURACY, key::AT, key::UP, key::SRV, key::SRV_UP];
    for key in numbers {
        number(&mut message, record, &key);
    }
    message
}

/// What the server signs on receipt: whose key it was, and when the seal came.
pub(super) fn countersign(
    tenant: TenantId,
    seal: &[u8],
    signature: &[u8; 64],
    device_key: &[u8; 32],
    received_at: i64,
) -> Vec<u8> {
    let mut message = b"towline countersign 1\n".to_vec();
    message.extend_from_slice(tenant.as_bytes());
    message.extend_from_slice(&Sha256::digest(seal));
    message.extend_from_slice(signature);
    message.extend_from_slice(device_key);
    message.extend_from_slice(&received_at.to_be_bytes());
    message
}

/// What the server signs at an export: the heads of the job's document and who made its changes.
pub(super) fn statement(
    tenant: TenantId,
    job: JobId,
    heads: &[u8],
    authors: &[u8],
    at: i64,
) -> Vec<u8> {
    let mut message = b"towline export 1\n".to_vec();
    message.extend_from_slice(tenant.as_bytes());
    message.extend_from_slice(job.as_bytes());
    message.extend_from_slice(&Sha256::digest(heads));
    message.extend_from_slice(&Sha256::digest(authors));
    message.extend_from_slice(&at.to_be_bytes());
    message
}

fn number(message: &mut Vec<u8>, record: &Record, key: &Key) {
    let value = record.get(key).and_then(Value::as_int);
    message.push(u8::from(value.is_some()));
    message.extend_from_slice(&value.unwrap_or(0).to_be_bytes());
}
