//! A disk of bytes: what is written is lost by a crash until it is synced, and writes can fail.

/// Why the disk did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// There is no room for all of it; a part may have been written.
    #[error("the disk is full")]
    Full,
    /// What was written may or may not be on the disk.
    #[error("the disk could not be synced")]
    Sync,
}

/// One file on a disk that can fail.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    bytes: Vec<u8>,
    /// Everything before this survives a crash.
    synced: usize,
    /// Where each write since the last sync ends.
    writes: Vec<usize>,
    /// Bytes that may still be written; absent for no limit.
    room: Option<usize>,
    /// The next syncs fail, so many.
    failing: u32,
}

impl Disk {
    /// A disk that holds these bytes.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self { synced: bytes.len(), bytes, ..Self::default() }
    }

    /// Everything that was written, synced or not.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What a crash cannot take away.
    pub fn synced(&self) -> &[u8] {
        &self.bytes[..self.synced]
    }

    /// Writes at the end. It is not safe before [`Disk::sync`].
    ///
    /// # Errors
    /// [`DiskError::Full`], with as much written as there was room for.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let fits = self.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        self.bytes.extend_from_slice(&bytes[..fits]);
        self.writes.push(self.bytes.len());
        if let Some(room) = &mut self.room {
            *room -= fits;
        }
        if fits < bytes.len() { Err(DiskError::Full) } else { Ok(()) }
    }

    /// Makes everything written safe.
    ///
    /// # Errors
    /// [`DiskError::Sync`]; then nobody knows what is safe before the disk was read again after
    /// [`Disk::crash`].
    pub fn sync(&mut self) -> Result<(), DiskError> {
        if self.failing > 0 {
            self.failing -= 1;
            return Err(DiskError::Sync);
        }
        self.synced = self.bytes.len();
        self.writes.clear();
        Ok(())
    }

    /// Forgets what was written after `len`; nothing synced is forgotten.
    pub fn truncate(&mut self, len: usize) {
        let len = len.max(self.synced);
        if let Some(room) = &mut self.room {
            *room += self.bytes.len().saturating_sub(len);
        }
        self.bytes.truncate(len);
        self.writes.retain(|end| *end <= len);
    }

    /// The power fails. Of the writes since the last sync some number survives, in order, and the
    /// one after them may be torn: cut, or with other bytes at its end. What is left is safe.
    /// Gives how many bytes were lost.
    pub fn crash(&mut self, mut random: impl FnMut() -> u64) -> usize {
        let before = self.bytes.len();
        let tail = std::mem::take(&mut self.writes);
        let whole = (random() % (tail.len() as u64 + 1)) as usize;
        let mut end = if whole == 0 { self.synced } else { tail[whole - 1] };
        if let Some(next) = tail.get(whole) {
            let torn = (random() % (*next - end + 1) as u64) as usize;
            let from = end;
            end += torn;
            self.bytes.truncate(end);
            // The last sector was never written, or holds what it held before.
            if torn > 0 && random().is_multiple_of(2) {
                let start = from + (random() % torn as u64) as usize;
                self.bytes[start..end].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        self.bytes.truncate(end);
        self.synced = end;
        before - end
    }

    /// What was read back up to here is safe; the rest is gone.
    pub(super) fn keep(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.synced = self.bytes.len();
        self.writes.clear();
    }

    /// Leaves room for so many more bytes; absent for no limit.
    pub fn limit(&mut self, room: Option<usize>) {
        self.room = room;
    }

    /// Lets so many syncs fail.
    pub fn fail_syncs(&mut self, times: u32) {
        self.failing = times;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_takes_only_what_was_not_synced() {
        for seed in 0..200_u64 {
            let mut disk = Disk::default();
            disk.append(b"safe").unwrap_or_default();
            disk.sync().unwrap_or_default();
            disk.append(b"one").unwrap_or_default();
            disk.append(b"two").unwrap_or_default();
            let mut state = seed;
            disk.crash(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1);
                state >> 33
            });
            assert!(disk.bytes().starts_with(b"safe") && disk.bytes().len() <= 10);
            assert_eq!(disk.bytes(), disk.synced());
        }
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_a_failed_sync_makes_nothing_safe() {
        let mut disk = Disk::default();
        disk.limit(Some(3));
        assert_eq!(disk.append(b"four"), Err(DiskError::Full));
        assert_eq!(disk.bytes(), b"fou");
        disk.truncate(0);
        disk.limit(None);
        disk.append(b"four").unwrap_or_default();
        disk.fail_syncs(1);
        assert_eq!(disk.sync(), Err(DiskError::Sync));
        assert!(disk.synced().is_empty());
    }
}
