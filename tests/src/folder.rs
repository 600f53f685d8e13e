//! A folder that is gone when whoever made it is done.

use std::io;
use std::path::{Path, PathBuf};

/// A fresh folder; removed with all it holds, unless it is kept.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// A fresh one among the system's temporary files; `what` is part of its name.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(what: &str) -> io::Result<Self> {
        Self::within(&std::env::temp_dir(), what)
    }

    /// A fresh one in memory, where there is such a place: for what need not survive anything.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn in_memory(what: &str) -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::within(memory, what) } else { Self::new(what) }
    }

    /// A fresh one in another folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn within(parent: &Path, what: &str) -> io::Result<Self> {
        let mark: [u8; 8] = server::clock::random();
        let path = parent.join(format!("towline-{what}-{:016x}", u64::from_be_bytes(mark)));
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, kept: false })
    }

    /// One that someone else made and removes.
    pub fn of_others(path: &Path) -> Self {
        Self { path: path.to_owned(), kept: true }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it for someone to look at.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is left to the system's own tidying.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
