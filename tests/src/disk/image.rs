//! What a disk may hold when the power goes after a prefix of a recording.
//!
//! Strictly: what was synced is there. Of what was written to a file since its last sync, any part
//! may be: each write independently, in another order, down to single sectors, the last one cut
//! at any byte. Names come and go in order, and are only certain once the folder was synced.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::recording::Call;
use crate::random::Random;

/// What is written to a disk at once.
const SECTOR: usize = 512;

/// Which of the writes since the last sync are on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// All: the process was killed, the power stayed.
    All,
    /// None.
    Nothing,
    /// All, and the last one cut off after some sectors.
    CutAtSector,
    /// All, and the last one cut off after some bytes.
    CutAnywhere,
    /// Some, each whole.
    Some,
    /// Some, in another order.
    Reordered,
    /// Some sectors of each.
    Sectors,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Nothing,
        Self::CutAtSector,
        Self::CutAnywhere,
        Self::Some,
        Self::Reordered,
        Self::Sectors,
    ];
}

/// The files of a folder, each with what is certain and what is not.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    files: Vec<File>,
    /// The names as the process sees them.
    names: BTreeMap<String, usize>,
    /// The names that are certain.
    synced: BTreeMap<String, usize>,
    /// What was done to names since the folder was synced.
    pending: Vec<Name>,
}

#[derive(Debug, Clone, Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Arc<[u8]>),
    Length(usize),
}

#[derive(Debug, Clone)]
enum Name {
    Made(String, usize),
    Gone(String),
}

impl Disk {
    /// What a folder holds now, all of it certain.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut disk = Self::default();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && !name.ends_with("-shm") {
                let synced = std::fs::read(entry.path())?;
                disk.names.insert(name, disk.files.len());
                disk.files.push(File { synced, pending: Vec::new() });
            }
        }
        disk.synced = disk.names.clone();
        Ok(disk)
    }

    /// Carries out a call.
    pub fn apply(&mut self, call: &Call) {
        match call {
            Call::Create(name) => {
                let file = self.files.len();
                self.files.push(File::default());
                self.names.insert(name.clone(), file);
                self.pending.push(Name::Made(name.clone(), file));
            }
            Call::Write(name, at, bytes) => {
                let change = Change::Write(*at as usize, Arc::clone(bytes));
                self.file(name).pending.push(change);
            }
            Call::Truncate(name, length) => {
                self.file(name).pending.push(Change::Length(*length as usize));
            }
            Call::Sync(name) => {
                let file = self.file(name);
                for change in std::mem::take(&mut file.pending) {
                    change.make(&mut file.synced);
                }
            }
            Call::SyncFolder => {
                self.synced = self.names.clone();
                self.pending.clear();
            }
            Call::Remove(name) => {
                self.names.remove(name);
                self.pending.push(Name::Gone(name.clone()));
            }
            Call::Rename(from, to) => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                    self.pending.push(Name::Made(to.clone(), file));
                    self.pending.push(Name::Gone(from.clone()));
                }
            }
            Call::Said(_) => {}
        }
    }

    /// A file by its name; one that was made before the recording began is empty.
    fn file(&mut self, name: &str) -> &mut File {
        let file = match self.names.get(name) {
            Some(file) => *file,
            None => {
                self.files.push(File::default());
                self.names.insert(name.to_owned(), self.files.len() - 1);
                self.files.len() - 1
            }
        };
        &mut self.files[file]
    }

    /// What the folder may hold if the power goes now.
    pub fn image(&self, variant: Variant, random: &mut Random) -> BTreeMap<String, Vec<u8>> {
        let names = match variant {
            Variant::All | Variant::CutAtSector | Variant::CutAnywhere => self.pending.len(),
            Variant::Nothing => 0,
            _ => random.below(self.pending.len() as u64 + 1) as usize,
        };
        let mut entries = self.synced.clone();
        for name in &self.pending[..names] {
            match name {
                Name::Made(name, file) => drop(entries.insert(name.clone(), *file)),
                Name::Gone(name) => drop(entries.remove(name)),
            }
        }
        let contents =
            |(name, file): (String, usize)| (name, self.files[file].after(variant, random));
        entries.into_iter().map(contents).collect()
    }
}

impl File {
    fn after(&self, variant: Variant, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let last = self.pending.len().saturating_sub(1);
        let mut kept: Vec<Change> = match variant {
            Variant::Nothing => Vec::new(),
            Variant::Some | Variant::Reordered => {
                self.pending.iter().filter(|_| random.one_in(2)).cloned().collect()
            }
            _ => self.pending.clone(),
        };
        match variant {
            Variant::Reordered => {
                for at in (1..kept.len()).rev() {
                    kept.swap(at, random.below(at as u64 + 1) as usize);
                }
            }
            Variant::CutAtSector | Variant::CutAnywhere => {
                if let Some(Change::Write(_, data)) = kept.get_mut(last) {
                    let mut end = random.below(data.len() as u64 + 1) as usize;
                    if variant == Variant::CutAtSector {
                        end -= end % SECTOR;
                    }
                    *data = data[..end].into();
                }
            }
            Variant::Sectors => kept = kept.iter().flat_map(|it| it.sectors(random)).collect(),
            _ => {}
        }
        kept.iter().for_each(|change| change.make(&mut bytes));
        bytes
    }
}

impl Change {
    fn make(&self, file: &mut Vec<u8>) {
        match self {
            Self::Length(length) => file.resize(*length, 0),
            Self::Write(_, data) if data.is_empty() => {}
            Self::Write(at, data) => {
                if file.len() < at + data.len() {
                    file.resize(at + data.len(), 0);
                }
                file[*at..at + data.len()].copy_from_slice(data);
            }
        }
    }

    /// Some of the sectors it falls into.
    fn sectors(&self, random: &mut Random) -> Vec<Self> {
        let Self::Write(at, data) = self else { return vec![self.clone()] };
        let mut kept = Vec::new();
        let mut from = 0;
        while from < data.len() {
            let to = data.len().min(from + SECTOR - (at + from) % SECTOR);
            if random.one_in(2) {
                kept.push(Self::Write(at + from, data[from..to].into()));
            }
            from = to;
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(at: u64, bytes: &[u8]) -> Call {
        Call::Write("a".to_owned(), at, bytes.into())
    }

    #[test]
    fn what_was_synced_is_in_every_image_and_the_rest_may_be() {
        let mut disk = Disk::default();
        let calls = [
            Call::Create("a".to_owned()),
            write(0, &[1; 1024]),
            Call::Sync("a".to_owned()),
            Call::SyncFolder,
            write(512, &[2; 1024]),
            Call::Create("b".to_owned()),
        ];
        calls.iter().for_each(|call| disk.apply(call));
        let mut seen = std::collections::BTreeSet::new();
        for variant in Variant::ALL {
            for seed in 0..50 {
                let image = disk.image(variant, &mut Random::new(seed));
                assert_eq!(image["a"][..512], [1; 512]);
                assert!(image["a"][512..1024].iter().all(|byte| [1, 2].contains(byte)));
                seen.insert((image["a"].clone(), image.contains_key("b")));
            }
        }
        assert!(seen.len() > 20, "{} images", seen.len());
        let all = disk.image(Variant::All, &mut Random::new(0));
        assert_eq!((all["a"].len(), all.len()), (1536, 2));
        let nothing = disk.image(Variant::Nothing, &mut Random::new(0));
        assert_eq!((nothing["a"].len(), nothing.len()), (1024, 1));
    }
}
