//! Recorded drives: where a technician is, how fast, and on what radio, second by second.
//!
//! A drive is a CSV with the columns `Timestamp`, `Longitude`, `Latitude`, `Speed` and, if
//! there, `NetworkMode` and `PINGLOSS`; many of them come as a ZIP or a folder. Stamps have no
//! zone, repeat and skip, so only the time since the drive began is used. A drive is followed to
//! its end and back again, for as long as it is asked for.

mod sample;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use sample::{Drive, Sample};

use crate::input::{Capped, InputError};

/// Bytes read from one drive, unpacked.
const FILE_BYTES: u64 = 16 << 20;
/// Drives read from one ZIP or folder.
const DRIVES: usize = 500;
/// Entries looked at in one ZIP.
const ENTRIES: usize = 10_000;

/// Reads every drive of a ZIP file or a folder (its subfolders and the ZIPs in it too), by name.
/// Files that are not drives are named in the second list.
///
/// # Errors
/// The file cannot be read, or holds no drive.
pub fn read(path: &Path) -> Result<(Vec<Drive>, Vec<String>), InputError> {
    let (mut drives, mut skipped) = (Vec::new(), Vec::new());
    let mut take = |name: String, source: &mut dyn Read| {
        if drives.len() == DRIVES {
            return skipped.push(name);
        }
        match Drive::parse(&name, Capped::new(source, FILE_BYTES)) {
            Ok(drive) => drives.push(drive),
            Err(why) => skipped.push(format!("{name}: {why}")),
        }
    };
    if path.is_dir() {
        for file in files(path, 0)? {
            if has_ending(&file, "zip") {
                unzip(&file, &mut take)?;
                continue;
            }
            let mut source = File::open(&file).map_err(|e| InputError::unreadable(&file, e))?;
            take(file.strip_prefix(path).unwrap_or(&file).display().to_string(), &mut source);
        }
    } else {
        unzip(path, &mut take)?;
    }
    if drives.is_empty() {
        return Err(InputError::unusable(path, "there is no drive in it"));
    }
    drives.sort_by(|a: &Drive, b| a.name.cmp(&b.name));
    Ok((drives, skipped))
}

fn unzip(path: &Path, take: &mut dyn FnMut(String, &mut dyn Read)) -> Result<(), InputError> {
    let file = File::open(path).map_err(|e| InputError::unreadable(path, e))?;
    let mut zip = zip::ZipArchive::new(file)
        .map_err(|e| InputError::unusable(path, format!("not a readable ZIP: {e}")))?;
    for index in 0..zip.len().min(ENTRIES) {
        let Ok(mut entry) = zip.by_index(index) else { continue };
        let Ok(name) = entry.name().map(|name| name.into_owned()) else { continue };
        if name.to_ascii_lowercase().ends_with(".csv") {
            take(name, &mut entry);
        }
    }
    Ok(())
}

/// CSV and ZIP files of a folder.
fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, InputError> {
    const DEPTH: usize = 4;
    let unreadable = |e| InputError::unreadable(folder, e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() && depth < DEPTH {
            files.extend(self::files(&path, depth + 1)?);
        } else if has_ending(&path, "csv") || has_ending(&path, "zip") {
            files.push(path);
        }
    }
    files.sort();
    files.truncate(DRIVES);
    Ok(files)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_zip_of_drives_is_read_and_other_files_are_named() {
        let dir = std::env::temp_dir().join(format!("drives-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let path = dir.join("drives.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).expect("a file"));
        let options = zip::write::SimpleFileOptions::default();
        let drive = "Timestamp,Longitude,Latitude,Speed,NetworkMode\n\
                     2020.02.14_12.58.17,-8.5,51.9,10,LTE\n2020.02.14_12.58.19,-8.4,51.9,12,-\n";
        for (name, text) in [("a/one.csv", drive), ("a/two.csv", "x,y\n1,2\n"), ("n.txt", "")] {
            zip.start_file(name, options).expect("an entry");
            zip.write_all(text.as_bytes()).expect("written");
        }
        zip.finish().expect("a zip");
        let (drives, skipped) = read(&path).expect("drives");
        let (in_folder, _) = read(&dir).expect("the folder's ZIP is read too");
        std::fs::remove_dir_all(&dir).expect("removed");
        assert_eq!(in_folder.len(), 1);
        assert_eq!(drives.len(), 1);
        assert_eq!(drives[0].duration_ms(), 2_000);
        assert_eq!(skipped.len(), 1);
        assert!(skipped[0].contains("two.csv"), "{skipped:?}");
    }
}
