//! Room on the disk: said before work is typed, with a reserve for what is typed already.

use std::path::{Path, PathBuf};

use super::guard::beside;

/// How much room counts as enough.
#[derive(Debug, Clone)]
pub struct SpaceLimits {
    /// Below this many free bytes the status says that the disk is low.
    pub low_bytes: u64,
    /// Below this many free bytes no new work should be begun.
    pub full_bytes: u64,
    /// Size of the file that is kept to be given up for the last save; 0 for none.
    pub reserve_bytes: u64,
    /// Greatest size of the store; absent for no limit but the disk's.
    pub max_store_bytes: Option<u64>,
}

impl Default for SpaceLimits {
    fn default() -> Self {
        Self {
            low_bytes: 100 * 1024 * 1024,
            full_bytes: 8 * 1024 * 1024,
            reserve_bytes: 512 * 1024,
            max_store_bytes: None,
        }
    }
}

/// So many bytes must have been freed before a full disk counts as anything else.
const FREED: u64 = 64 * 1024;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Free bytes on the disk; absent where the system does not say.
    pub free_bytes: Option<u64>,
    /// Time to warn.
    pub low: bool,
    /// No new work should be begun.
    pub full: bool,
}

/// The reserve file.
pub(crate) struct Reserve {
    file: PathBuf,
    limits: SpaceLimits,
    kept: bool,
    /// A save has failed for want of room, with so many bytes free, and none were freed since. A
    /// quota can be used up while the disk itself has room.
    exhausted: Option<u64>,
}

impl Reserve {
    /// Makes the reserve beside the store if it is wanted, missing, and there is plenty of room.
    pub fn at(store: &Path, limits: &SpaceLimits) -> Self {
        let file = beside(store, "reserve");
        let kept = std::fs::metadata(&file).is_ok_and(|m| m.len() >= limits.reserve_bytes);
        let mut reserve = Self { file, limits: limits.clone(), kept, exhausted: None };
        reserve.refill(free(store));
        reserve
    }

    /// Gives the reserve up; says whether there was one.
    pub fn give_up(&mut self, store: &Path) -> bool {
        let given = self.kept && std::fs::remove_file(&self.file).is_ok();
        // What the reserve itself frees is no room.
        self.exhausted = Some(free(store).unwrap_or(0));
        self.kept = false;
        given
    }

    /// Free room now; takes a fresh reserve when there is plenty again.
    pub fn room(&mut self, store: &Path) -> Room {
        let free_bytes = free(store);
        let low = free_bytes.is_some_and(|bytes| bytes < self.limits.low_bytes);
        let freed = self.exhausted.zip(free_bytes).is_some_and(|(then, now)| now > then + FREED);
        if freed && self.limits.max_store_bytes.is_none() {
            self.exhausted = None;
        }
        if self.exhausted.is_none() {
            self.refill(free_bytes);
        }
        let short = free_bytes.is_some_and(|bytes| bytes < self.limits.full_bytes);
        let full = self.exhausted.is_some() || short;
        Room { free_bytes, low: low || full, full }
    }

    fn refill(&mut self, free_bytes: Option<u64>) {
        let size = self.limits.reserve_bytes;
        let plenty = free_bytes.is_some_and(|bytes| bytes > self.limits.low_bytes + size);
        if self.kept || size == 0 || !plenty {
            return;
        }
        // Not zeros: some file systems give no room to a hole.
        let bytes = vec![0xa5; usize::try_from(size).unwrap_or(0)];
        self.kept = std::fs::write(&self.file, bytes).is_ok();
    }
}

fn free(store: &Path) -> Option<u64> {
    let folder = store.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
