//! Opening files that came from elsewhere: plain or gzip, never more of them than a stated size.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

/// Why a file of calls, links or drives could not be used at all.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file is missing or unreadable.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in a sentence.
        reason: String,
    },
}

impl InputError {
    /// The file cannot be read.
    pub fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }

    /// The file can be read and makes no sense.
    pub fn unusable(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.into() }
    }
}

/// Opens a file, unpacking it while it is read if its name ends in `.gz`. Reading fails once
/// more than `most` bytes have come out of it, so a small packed file cannot fill the memory.
pub fn open(path: &Path, most: u64) -> Result<Box<dyn Read>, InputError> {
    let file = BufReader::new(File::open(path).map_err(|e| InputError::unreadable(path, e))?);
    let packed = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    let plain: Box<dyn Read> =
        if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(Capped { inner: plain, left: most, most }))
}

/// A reader that refuses to give more than a number of bytes instead of ending quietly.
pub struct Capped<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Capped<R> {
    /// Gives at most `most` bytes of `inner`, then an error.
    pub fn new(inner: R, most: u64) -> Self {
        Self { inner, left: most, most }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(got as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it holds more than the {} MiB read from one file", self.most >> 20),
            )
        })?;
        Ok(got)
    }
}

/// The files of a folder, sorted by name.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let unreadable = |e| InputError::unreadable(folder, e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_stops_with_an_error_rather_than_cutting_the_file_short() {
        let mut text = String::new();
        let result = Capped::new(&b"123456"[..], 5).read_to_string(&mut text);
        assert_eq!(result.map_err(|e| e.kind()), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(Capped::new(&b"12345"[..], 5).read_to_string(&mut text).ok(), Some(5));
    }
}
