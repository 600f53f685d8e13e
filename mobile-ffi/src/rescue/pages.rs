//! The pages of a damaged SQLite file and of the log beside it, read and never written.
//!
//! SQLite itself is not asked: opened for reading it may still recover a log, and it gives up a whole table
//! for one page. The format is that of <https://www.sqlite.org/fileformat2.html>, sections 1.3 and 4.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Page size of every store this engine makes, where nothing readable says so.
const USUAL: usize = 4096;
/// What is read of a file at most: far more than a phone holds.
const MOST: u64 = 2 << 30;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Every version of every page that is there.
pub(super) struct Pages {
    size: usize,
    /// Bytes at the end of a page that are not SQLite's.
    reserved: usize,
    file: Vec<u8>,
    /// By the log, of what was committed.
    logged: BTreeMap<u32, Vec<u8>>,
    /// Versions in the log that are not known to be committed, or that are damaged.
    loose: Vec<Vec<u8>>,
    /// Whether the log goes on after what SQLite reads of it.
    broken: bool,
    /// Whether the beginning of the file is that of a database.
    headed: bool,
}

impl Pages {
    /// Reads the file and, if it is there, its log.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = read(path)?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = match read(Path::new(&log)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            log => log?,
        };
        let headed = file.starts_with(MAGIC);
        let of_file = file.get(16..18).filter(|_| headed).map(|raw| match be(raw) {
            1 => 65_536,
            size => size as usize,
        });
        let of_log = log.get(8..12).map(|raw| be(raw) as usize);
        let fits = |size: &usize| size.is_power_of_two() && (512..=65_536).contains(size);
        let size = of_file.filter(fits).or(of_log.filter(fits)).unwrap_or(USUAL);
        let reserved = file.get(20).filter(|_| headed).map_or(0, |byte| usize::from(*byte));
        let reserved = if reserved + 480 <= size { reserved } else { 0 };
        let Log { committed, loose, broken } = Log::read(&log, size);
        Ok(Self { size, reserved, file, logged: committed, loose, broken, headed })
    }

    /// Bytes of a page that SQLite uses.
    pub fn usable(&self) -> usize {
        self.size - self.reserved
    }

    /// Whether the beginning of the file is that of a database.
    pub fn is_headed(&self) -> bool {
        self.headed
    }

    /// Number of the last page.
    pub fn last(&self) -> u32 {
        let of_file = u32::try_from(self.file.len().div_ceil(self.size)).unwrap_or(u32::MAX);
        self.logged.keys().next_back().map_or(of_file, |page| of_file.max(*page))
    }

    /// The newest version of a page, from 1; what the file lacks of it is zero.
    pub fn newest(&self, number: u32) -> Option<Vec<u8>> {
        self.logged.get(&number).cloned().or_else(|| self.in_file(number))
    }

    /// The versions of a page, the newest first.
    pub fn versions(&self, number: u32) -> impl Iterator<Item = Vec<u8>> {
        self.logged.get(&number).cloned().into_iter().chain(self.in_file(number))
    }

    /// Versions of whatever page in the log that are not known to be committed, the newest first.
    pub fn loose(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.loose.iter().rev()
    }

    /// Whether the log is damaged and goes on behind the damage: SQLite takes what was before for all there
    /// is, in which every tree is whole. A last transaction that was never written to its end is no damage.
    pub fn is_log_broken(&self) -> bool {
        self.broken
    }

    fn in_file(&self, number: u32) -> Option<Vec<u8>> {
        let from = (usize::try_from(number).ok()?.checked_sub(1)?).checked_mul(self.size)?;
        let rest = self.file.get(from..).filter(|rest| !rest.is_empty())?;
        let mut page = rest[..rest.len().min(self.size)].to_vec();
        page.resize(self.size, 0);
        Some(page)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The log's pages.
#[derive(Default)]
struct Log {
    /// The newest of each that was committed.
    committed: BTreeMap<u32, Vec<u8>>,
    /// The others.
    loose: Vec<Vec<u8>>,
    /// Whether transactions follow that SQLite does not read.
    broken: bool,
}

impl Log {
    fn read(log: &[u8], size: usize) -> Self {
        let (mut read, mut open) = (Self::default(), BTreeMap::new());
        let Some((head, rest)) = log.split_at_checked(32) else { return read };
        let little = match be(&head[..4]) {
            0x377f_0682 => Some(true),
            0x377f_0683 => Some(false),
            _ => None,
        };
        let mut sum = little.map(|little| sums((0, 0), &head[..24], little));
        sum = sum.filter(|sum| *sum == (be(&head[24..28]), be(&head[28..32])));
        let headed = sum.is_some();
        // Whether a frame of this log that comes now was written after a later transaction began.
        let mut ended = !headed;
        for frame in rest.chunks_exact(24 + size) {
            let (about, page) = frame.split_at(24);
            let number = be(&about[..4]);
            // Frames of the log that was here before this one stand behind all of its own.
            let of_this = !headed || about[8..16] == head[16..24];
            // The size of the database stands in the last frame of a transaction.
            let last = be(&about[4..8]) > 0;
            let next = sum
                .zip(little)
                .map(|(sum, little)| sums(sums(sum, &about[..8], little), page, little));
            let told = (be(&about[16..20]), be(&about[20..24]));
            sum = next.filter(|sum| *sum == told && of_this && number > 0);
            if sum.is_none() {
                read.loose.push(page.to_vec());
                read.broken |= ended && of_this;
                ended |= last || !of_this;
                continue;
            }
            open.insert(number, page.to_vec());
            if last {
                read.committed.append(&mut open);
            }
        }
        // They stand before those that do not fit, and are older.
        read.loose.splice(..0, open.into_values());
        read
    }
}

/// The log's running checksum.
fn sums((mut first, mut second): (u32, u32), bytes: &[u8], little: bool) -> (u32, u32) {
    let word = |raw: &[u8]| {
        let raw = raw.try_into().unwrap_or_default();
        if little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) }
    };
    for pair in bytes.chunks_exact(8) {
        first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
        second = second.wrapping_add(word(&pair[4..])).wrapping_add(first);
    }
    (first, second)
}

/// An unsigned number, big endian.
pub(super) fn be(raw: &[u8]) -> u32 {
    raw.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
