//! Records on a disk, each with its length and a checksum, so that a torn one is known.

use std::ops::Range;

use super::disk::{Disk, DiskError};

/// Length and checksum before each record.
const HEAD: usize = 12;

/// A write-ahead log over a [`Disk`].
#[derive(Debug, Clone, Default)]
pub struct Journal {
    disk: Disk,
    broken: bool,
}

impl Journal {
    /// A journal on a disk that holds these bytes.
    pub fn on(bytes: Vec<u8>) -> Self {
        Self { disk: Disk::holding(bytes), broken: false }
    }

    /// The disk, to be looked at.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The disk, to let it fail.
    pub fn disk_mut(&mut self) -> &mut Disk {
        &mut self.disk
    }

    /// Whether a sync failed: nothing can be written before [`Journal::recover`].
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Adds a record. Once this returns it is safe.
    ///
    /// # Errors
    /// [`DiskError::Full`], and nothing was added; [`DiskError::Sync`], and nobody knows before
    /// [`Journal::recover`].
    pub fn append(&mut self, record: &[u8]) -> Result<(), DiskError> {
        if self.broken {
            return Err(DiskError::Sync);
        }
        let before = self.disk.bytes().len();
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(record.len() as u32).to_be_bytes());
        head[4..].copy_from_slice(&checksum(record).to_be_bytes());
        let written = self.disk.append(&head).and_then(|()| self.disk.append(record));
        if let Err(error) = written {
            self.disk.truncate(before);
            return Err(error);
        }
        self.disk.sync().inspect_err(|_| self.broken = true)
    }

    /// Reads what is there after a crash: every whole record in order. What follows the last
    /// whole one is cut off.
    pub fn recover(&mut self) -> Vec<&[u8]> {
        let mut found = Vec::new();
        let mut end = 0;
        while let Some(record) = whole(self.disk.bytes(), end) {
            end = record.end;
            found.push(record);
        }
        self.disk.keep(end);
        self.broken = false;
        let bytes = self.disk.bytes();
        found.into_iter().filter_map(|record| bytes.get(record)).collect()
    }
}

/// Where the record at `at` is, without its head, if it is whole.
fn whole(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let head = bytes.get(at..)?.first_chunk::<HEAD>()?;
    let begin = at + HEAD;
    let range = begin..begin.checked_add(length(head))?;
    let record = bytes.get(range.clone())?;
    (head[4..] == checksum(record).to_be_bytes()).then_some(range)
}

fn length([a, b, c, d, ..]: &[u8; HEAD]) -> usize {
    u32::from_be_bytes([*a, *b, *c, *d]) as usize
}

/// FNV-1a, by words: it has to notice tearing, not malice.
fn checksum(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(0x0100_0000_01b3);
        // Or the first bytes of a word would reach only the last of the sum.
        hash ^ (hash >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    // An empty record of zeros must not look whole where nothing was ever written.
    let sum =
        words.iter().fold(0xcbf2_9ce4_8422_2325, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read_back_and_a_torn_record_is_not() {
        let mut journal = Journal::default();
        journal.append(b"first").unwrap_or_default();
        journal.append(b"second").unwrap_or_default();
        let bytes = journal.disk().bytes().to_vec();
        for cut in 0..=bytes.len() {
            let mut journal = Journal::on(bytes[..cut].to_vec());
            let records = journal.recover();
            let whole = [bytes.len() - 18, bytes.len()];
            assert_eq!(records.len(), whole.iter().filter(|end| **end <= cut).count());
            journal.append(b"third").unwrap_or_default();
            assert_eq!(journal.recover().last(), Some(&&b"third"[..]));
        }
        let mut flipped = bytes;
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        assert_eq!(Journal::on(flipped).recover().len(), 1);
    }

    #[test]
    fn after_a_failed_sync_nothing_is_taken_before_recovery() {
        let mut journal = Journal::default();
        journal.disk_mut().fail_syncs(1);
        assert_eq!(journal.append(b"x"), Err(DiskError::Sync));
        assert_eq!(journal.append(b"y"), Err(DiskError::Sync));
        journal.recover();
        assert_eq!(journal.append(b"z"), Ok(()));
    }
}
