//! The framing of a map file: a header with a length, then a block, usually compressed.

use std::io::{ErrorKind, Read};

use flate2::read::ZlibDecoder;

use super::wire::{Field, Message};
use crate::error::BadFile;

/// Greatest size of a block header, bytes (the format's own limit).
const MAX_HEADER: u32 = 64 * 1_024;
/// Greatest size of a block, bytes, compressed or not (the format's own limit).
const MAX_BLOCK: usize = 32 * 1_024 * 1_024;
/// Supported features of a file.
const SUPPORTED: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

/// Calls `each` with every data block of a file, decompressed.
pub(super) fn each_block(
    source: &mut impl Read,
    mut each: impl FnMut(&[u8]) -> Result<(), BadFile>,
) -> Result<(), BadFile> {
    let mut is_first = true;
    let (mut packed, mut block) = (Vec::new(), Vec::new());
    while let Some((kind, size)) = header(source)? {
        packed.clear();
        source.take(size as u64).read_to_end(&mut packed)?;
        if packed.len() < size {
            return Err(BadFile::Pbf("a block is cut"));
        }
        match (kind.as_slice(), is_first) {
            (b"OSMHeader", _) => {
                unpack(&packed, &mut block)?;
                check_features(&block)?;
            }
            (b"OSMData", false) => {
                unpack(&packed, &mut block)?;
                each(&block)?;
            }
            (_, true) => return Err(BadFile::Pbf("it does not begin with a header")),
            // Readers skip unknown kinds of blocks.
            _ => {}
        }
        is_first = false;
    }
    if is_first { Err(BadFile::Pbf("it is empty")) } else { Ok(()) }
}

/// The kind and size of the next block; none at the end of the file.
fn header(source: &mut impl Read) -> Result<Option<(Vec<u8>, usize)>, BadFile> {
    let mut length = [0; 4];
    match source.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => cut(source.read_exact(&mut length[1..]))?,
    }
    let length = u32::from_be_bytes(length);
    if length > MAX_HEADER {
        return Err(BadFile::Pbf("a header is too long"));
    }
    let mut bytes = vec![0; length as usize];
    cut(source.read_exact(&mut bytes))?;
    let (mut kind, mut size) = (None, None);
    let mut message = Message::new(&bytes);
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => kind = Some(bytes.to_vec()),
            (3, Field::Number(number)) => size = usize::try_from(number).ok(),
            _ => {}
        }
    }
    let (Some(kind), Some(size)) = (kind, size) else {
        return Err(BadFile::Pbf("a header lacks its kind or size"));
    };
    if size > MAX_BLOCK {
        return Err(BadFile::Pbf("a block is too large"));
    }
    Ok(Some((kind, size)))
}

fn cut(read: std::io::Result<()>) -> Result<(), BadFile> {
    read.map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => BadFile::Pbf("it is cut"),
        _ => error.into(),
    })
}

fn unpack(packed: &[u8], block: &mut Vec<u8>) -> Result<(), BadFile> {
    block.clear();
    let mut message = Message::new(packed);
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, Field::Bytes(raw)) => block.extend_from_slice(raw),
            (3, Field::Bytes(zlib)) => {
                let limit = MAX_BLOCK as u64 + 1;
                let unpacked = ZlibDecoder::new(zlib).take(limit).read_to_end(block);
                unpacked.map_err(|_| BadFile::Pbf("a block cannot be unpacked"))?;
            }
            (4..=7, Field::Bytes(_)) => {
                return Err(BadFile::Unsupported("compression other than zlib".to_owned()));
            }
            _ => {}
        }
        if block.len() > MAX_BLOCK {
            return Err(BadFile::Pbf("a block is too large"));
        }
    }
    Ok(())
}

fn check_features(header: &[u8]) -> Result<(), BadFile> {
    let mut message = Message::new(header);
    while let Some((number, field)) = message.next()? {
        if let (4, Field::Bytes(name)) = (number, field)
            && !SUPPORTED.iter().any(|supported| supported.as_bytes() == name)
        {
            return Err(BadFile::Unsupported(String::from_utf8_lossy(name).into_owned()));
        }
    }
    Ok(())
}
