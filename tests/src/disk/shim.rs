//! The library that is loaded into a process, its folder and its controls.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Set for a watched process: where it notes what it acknowledged.
const LOG: &str = "TOWLINE_SHIM_LOG";
const NAMES: [&str; 4] = ["LD_PRELOAD", "TOWLINE_SHIM_FOLDER", LOG, "TOWLINE_SHIM_CONTROL"];

/// A folder that is watched, with the files of its watcher beside it.
#[derive(Debug, Clone)]
pub struct Watched {
    folder: PathBuf,
    beside: PathBuf,
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Every write, as on a disk without room.
    Full,
    /// So many syncs, as on a broken disk.
    Syncs(u64),
}

impl Watched {
    /// Watches `folder`, which is made if it is not there; the recording and the controls lie in
    /// `beside`.
    ///
    /// # Errors
    /// A file cannot be made.
    pub fn new(folder: &Path, beside: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::create_dir_all(beside)?;
        let watched = Self { folder: folder.canonicalize()?, beside: beside.canonicalize()? };
        File::create(watched.log())?;
        std::fs::write(watched.control(), [0; 40])?;
        Ok(watched)
    }

    /// What someone else made, to look at and to control.
    ///
    /// # Errors
    /// It is not there.
    pub fn again(folder: &Path, beside: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.canonicalize()?, beside: beside.canonicalize()? })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The recording.
    pub fn log(&self) -> PathBuf {
        self.beside.join("recording")
    }

    /// Where someone else's bytes on the same disk may lie, which never fail.
    pub fn ballast(&self) -> PathBuf {
        self.beside.join("ballast")
    }

    fn control(&self) -> PathBuf {
        self.beside.join("control")
    }

    /// What has to stand in the environment of a process to be watched; without `records` its
    /// calls only fail when they are told to.
    ///
    /// # Errors
    /// The library does not build.
    pub fn environment(&self, records: bool) -> io::Result<Vec<(&'static str, PathBuf)>> {
        let values = [library()?.to_owned(), self.folder.clone(), self.log(), self.control()];
        let all = NAMES.into_iter().zip(values);
        Ok(all.filter(|(name, _)| records || *name != LOG).collect())
    }

    /// From the `n`th call from now on, things fail: 1 is the next.
    ///
    /// # Errors
    /// The controls cannot be written.
    pub fn fail(&self, n: u64, what: Failure) -> io::Result<()> {
        const ENOSPC: u64 = 28;
        const EIO: u64 = 5;
        let (times, kinds, error) = match what {
            Failure::Full => (0, 1, ENOSPC),
            Failure::Syncs(times) => (times, 2, EIO),
        };
        let control = File::options().read(true).write(true).open(self.control())?;
        // The kind first: from then on calls are counted again.
        for (at, number) in [(8, 0), (0, 0), (16, times), (32, error), (24, kinds), (8, n)] {
            control.write_all_at(&u64::to_le_bytes(number), at)?;
        }
        Ok(())
    }

    /// Nothing fails any more.
    ///
    /// # Errors
    /// The controls cannot be written.
    pub fn mend(&self) -> io::Result<()> {
        let control = File::options().write(true).open(self.control())?;
        control.write_all_at(&[0; 8], 8)
    }

    /// Calls of the kind that was last asked for, since then.
    ///
    /// # Errors
    /// The controls cannot be read.
    pub fn calls(&self) -> io::Result<u64> {
        let mut number = [0; 8];
        File::open(self.control())?.read_exact_at(&mut number, 0)?;
        Ok(u64::from_le_bytes(number))
    }

    /// Notes in the recording that something was acknowledged.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn said(&self, what: &str) -> io::Result<()> {
        note(&self.log(), what)
    }
}

/// Notes in the recording of this process that something was acknowledged; nothing if it has none.
///
/// # Errors
/// It cannot be written.
pub fn said(what: &str) -> io::Result<()> {
    std::env::var_os(LOG).map_or(Ok(()), |log| note(Path::new(&log), what))
}

/// One record in one write, so that two processes do not mix theirs.
fn note(log: &Path, what: &str) -> io::Result<()> {
    let mut record = Vec::with_capacity(24 + what.len());
    for number in [u32::from(b'N'), 0, u32::try_from(what.len()).unwrap_or(0), 0] {
        record.extend(number.to_le_bytes());
    }
    record.extend([0; 8]);
    record.extend(what.as_bytes());
    File::options().append(true).open(log)?.write_all(&record)
}

/// Compiled once by each process that needs it, beside its program; a C compiler is there, SQLite
/// is built with it.
fn library() -> io::Result<&'static Path> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = LIBRARY.get_or_init(|| compile().map_err(|error| error.to_string()));
    built.as_deref().map_err(|error| io::Error::other(error.clone()))
}

fn compile() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let library = folder.join("towline-shim.so");
    let fresh = folder.join(format!("towline-shim-{}.so", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/disk/shim.c");
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    let output = cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&fresh).arg(source).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    // Another process may be using the one that is there.
    std::fs::rename(&fresh, &library)?;
    Ok(library)
}
