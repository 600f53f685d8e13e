//! Room on the disk: said before work is typed, with a reserve for what is typed already.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::guard::beside;
use crate::error::EngineError;

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

/// Bytes that tell whether a disk takes anything at all.
const PROBE: u64 = 16 * 1024;
/// So many bytes must have been freed before a full disk counts as anything else.
const FREED: u64 = 64 * 1024;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FreeSpace {
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

    /// Takes the reserve of a store that cannot be opened away; says whether there was one.
    pub fn remove(store: &Path) -> bool {
        std::fs::remove_file(beside(store, "reserve")).is_ok()
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
    pub fn room(&mut self, store: &Path) -> FreeSpace {
        let free_bytes = free(store);
        let low = free_bytes.is_some_and(|bytes| bytes < self.limits.low_bytes);
        let freed = self.exhausted.zip(free_bytes).is_some_and(|(then, now)| now > then + FREED);
        if self.exhausted.is_some()
            && self.limits.max_store_bytes.is_none()
            && (freed || self.is_plenty(free_bytes))
            && self.is_taken_beyond()
        {
            self.exhausted = None;
        }
        if self.exhausted.is_none() {
            self.refill(free_bytes);
        }
        let short = free_bytes.is_some_and(|bytes| bytes < self.limits.full_bytes);
        let full = self.exhausted.is_some() || short;
        FreeSpace { free_bytes, low: low || full, full }
    }

    /// Whether the disk says that there is plenty of room.
    fn is_plenty(&self, free_bytes: Option<u64>) -> bool {
        let wanted = self.limits.low_bytes + self.limits.reserve_bytes;
        free_bytes.is_some_and(|bytes| bytes > wanted)
    }

    /// Whether there is room beyond the reserve, found out by taking it: a quota that was used up
    /// while the disk had room does not say when there is some again, and what was freed on the
    /// disk may be someone else's.
    fn is_taken_beyond(&mut self) -> bool {
        let size = self.limits.reserve_bytes;
        if takes(&self.file, size + size.max(FREED)).is_err() {
            let _ = std::fs::remove_file(&self.file);
            return false;
        }
        let cut = std::fs::File::options().write(true).open(&self.file);
        self.kept = size > 0 && cut.and_then(|file| file.set_len(size)).is_ok();
        if !self.kept {
            let _ = std::fs::remove_file(&self.file);
        }
        true
    }

    fn refill(&mut self, free_bytes: Option<u64>) {
        let size = self.limits.reserve_bytes;
        if self.kept || size == 0 || !self.is_plenty(free_bytes) {
            return;
        }
        self.kept = takes(&self.file, size).is_ok();
    }
}

/// What an error of the store is called: SQLite has many names for a disk without room.
pub(crate) fn named(store: &Path, error: EngineError) -> EngineError {
    if !matches!(error, EngineError::Store(_)) {
        return error;
    }
    let probe = beside(store, "probe");
    let tried = takes(&probe, PROBE).map_err(EngineError::from);
    let _ = std::fs::remove_file(&probe);
    match tried {
        Err(EngineError::DiskFull) => EngineError::DiskFull,
        _ => error,
    }
}

/// Writes so many bytes; not zeros, because some file systems give no room to a hole.
fn takes(file: &Path, bytes: u64) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(&vec![0xa5; usize::try_from(bytes).unwrap_or(0)])
}

fn free(store: &Path) -> Option<u64> {
    let folder = store.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
