//! Bounded reading and writing of the primitives every frame is made of.
//!
//! Each value has exactly one encoding, so decoding and encoding again gives the same bytes, and
//! a reader never allocates more than the bytes in front of it can fill.

mod deflate;

pub use deflate::{deflate, deflate_quickly, inflate};

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end before the value does.
    #[error("the message ends too early")]
    Truncated,
    /// A number, length or count is above its limit.
    #[error("{0} is above its limit")]
    TooLarge(&'static str),
    /// The bytes are not the one encoding the value has.
    #[error("{0} is not well formed")]
    Malformed(&'static str),
    /// Bytes follow the end of the message.
    #[error("bytes follow the end of the message")]
    Trailing,
    /// The message is of a version or type this side does not know.
    #[error("message version or type {0} is not known here")]
    Unknown(u8),
}

/// Appends primitives to a buffer.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One byte.
    pub fn u8(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes as they are, their number known to the reader.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An unsigned number, LEB128, shortest form.
    pub fn uint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// A signed number, zigzag then LEB128.
    pub fn int(&mut self, number: i64) {
        self.uint(((number << 1) ^ (number >> 63)) as u64);
    }

    /// Bytes with their length before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.uint(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Text with its length in bytes before it.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

/// Takes primitives off the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Values that may still be read.
    values: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::bounded(bytes, usize::MAX)
    }

    /// Reads from the start of `bytes`, at most so many values that are each larger in memory
    /// than on the wire.
    pub fn bounded(bytes: &'a [u8], values: usize) -> Self {
        Self { bytes, values }
    }

    /// Counts one such value before it is read.
    pub fn value(&mut self) -> Result<(), WireError> {
        self.values = self.values.checked_sub(1).ok_or(WireError::TooLarge("number of values"))?;
        Ok(())
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// Ends the reading; bytes left over are an error.
    pub fn finish(self) -> Result<(), WireError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(WireError::Trailing) }
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        let (first, rest) = self.bytes.split_first().ok_or(WireError::Truncated)?;
        self.bytes = rest;
        Ok(*first)
    }

    /// `count` bytes as they are.
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        if count > self.bytes.len() {
            return Err(WireError::Truncated);
        }
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        Ok(taken)
    }

    /// A fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let taken = self.raw(N)?;
        taken.try_into().map_err(|_| WireError::Truncated)
    }

    /// An unsigned number; a longer form than needed is malformed.
    pub fn uint(&mut self) -> Result<u64, WireError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(WireError::Malformed("number"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(number) } else { Err(WireError::Malformed("number")) };
            }
        }
        Err(WireError::Malformed("number"))
    }

    /// A signed number.
    pub fn int(&mut self) -> Result<i64, WireError> {
        let zigzag = self.uint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// A count of things that take at least one byte each, at most `limit`.
    pub fn count(&mut self, what: &'static str, limit: usize) -> Result<usize, WireError> {
        let count = usize::try_from(self.uint()?).map_err(|_| WireError::TooLarge(what))?;
        if count > limit {
            return Err(WireError::TooLarge(what));
        }
        if count > self.bytes.len() {
            return Err(WireError::Truncated);
        }
        Ok(count)
    }

    /// Bytes with their length before them, at most `limit`.
    pub fn bytes(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], WireError> {
        let count = self.count(what, limit)?;
        self.raw(count)
    }

    /// Text with its length before it, at most `limit` bytes of UTF-8.
    pub fn text(&mut self, what: &'static str, limit: usize) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes(what, limit)?).map_err(|_| WireError::Malformed(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_survive(unsigned: u64, signed: i64) {
            let mut writer = Writer::new();
            writer.uint(unsigned);
            writer.int(signed);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.uint(), Ok(unsigned));
            prop_assert_eq!(reader.int(), Ok(signed));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn a_number_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(number) = reader.uint() {
                let mut writer = Writer::new();
                writer.uint(number);
                prop_assert_eq!(&writer.into_bytes()[..], &bytes[..bytes.len() - reader.left()]);
            }
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_allocates_nothing() {
        let mut reader = Reader::new(&[0xff, 0xff, 0x03]);
        assert_eq!(reader.bytes("value", usize::MAX), Err(WireError::Truncated));
    }
}
