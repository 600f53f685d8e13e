//! The subset of Protocol Buffers that map files use: fields, numbers, bytes. Nothing is copied.

use crate::error::BadFile;

/// A message, read field by field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a>(&'a [u8]);

/// The content of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    /// A number.
    Number(u64),
    /// Bytes: a text, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// Four or eight bytes, skipped here.
    Fixed,
}

impl<'a> Message<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next field with its number; none at the end.
    pub fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, BadFile> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut self.0)?),
            1 => self.skip(8)?,
            2 => {
                let length = varint(&mut self.0)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let (bytes, rest) =
                    self.0.split_at_checked(length).ok_or(BadFile::Pbf("a field is cut"))?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => self.skip(4)?,
            _ => return Err(BadFile::Pbf("a field of an unknown kind")),
        };
        Ok(Some((key >> 3, field)))
    }

    fn skip(&mut self, length: usize) -> Result<Field<'a>, BadFile> {
        self.0 = self.0.get(length..).ok_or(BadFile::Pbf("a field is cut"))?;
        Ok(Field::Fixed)
    }
}

/// Packed numbers, one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn next(&mut self) -> Result<Option<u64>, BadFile> {
        if self.0.is_empty() { Ok(None) } else { varint(&mut self.0).map(Some) }
    }

    /// The next number of a list that must have one more.
    pub fn need(&mut self) -> Result<u64, BadFile> {
        self.next()?.ok_or(BadFile::Pbf("a list is shorter than another"))
    }

    /// The next signed number.
    pub fn signed(&mut self) -> Result<Option<i64>, BadFile> {
        Ok(self.next()?.map(zigzag))
    }
}

/// Decodes a zigzag number.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, BadFile> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7F) << (7 * index).min(63);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Ok(value);
        }
    }
    Err(BadFile::Pbf("a number is cut or too long"))
}
