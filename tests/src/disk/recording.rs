//! What a process did to the files of a folder, in order, and what was acknowledged between.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// One call that changed something, or a note. Names are relative to the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A file that was not there was made.
    Create(String),
    /// Bytes were written at a place.
    Write(String, u64, Arc<[u8]>),
    /// A file was cut or extended to a length.
    Truncate(String, u64),
    /// Everything written to a file was said to be on the disk.
    Sync(String),
    /// Names were said to be on the disk.
    SyncFolder,
    /// A name was removed.
    Remove(String),
    /// A name was changed.
    Rename(String, String),
    /// Someone was told something that must hold from here on.
    Said(String),
}

impl Call {
    /// What it was, in few words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Write(name, at, bytes) => format!("{} bytes to {name} at {at}", bytes.len()),
            other => format!("{other:?}"),
        }
    }
}

/// Bytes of a record before its name.
const HEAD: usize = 24;

/// Reads a recording.
///
/// # Errors
/// It cannot be read, or is not one.
pub fn read(log: &Path) -> io::Result<Vec<Call>> {
    let bytes = std::fs::read(log)?;
    let mut rest = bytes.as_slice();
    let mut calls = Vec::new();
    while !rest.is_empty() {
        let (call, tail) = one(rest).ok_or_else(|| io::Error::other("the recording is cut off"))?;
        calls.push(call);
        rest = tail;
    }
    Ok(calls)
}

fn one(bytes: &[u8]) -> Option<(Call, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let at = u64::from_le_bytes(head.get(16..24)?.try_into().ok()?);
    let (name, rest) = rest.split_at_checked(number(4)? as usize)?;
    let (data, rest) = rest.split_at_checked(number(8)? as usize)?;
    let name = String::from_utf8(name.to_vec()).ok()?;
    let call = match u8::try_from(number(0)?).ok()? {
        b'C' => Call::Create(name),
        b'W' => Call::Write(name, at, data.into()),
        b'T' => Call::Truncate(name, at),
        b'S' => Call::Sync(name),
        b'D' => Call::SyncFolder,
        b'U' => Call::Remove(name),
        b'R' => Call::Rename(name, String::from_utf8(data.to_vec()).ok()?),
        b'N' => Call::Said(String::from_utf8(data.to_vec()).ok()?),
        _ => return None,
    };
    Some((call, rest))
}
