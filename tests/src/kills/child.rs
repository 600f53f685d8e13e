//! The phone as a process that can be killed: this very program, started with a variable set.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mobile_ffi::{Engine, Options, SpaceLimits};
use sync_core::id::FactId;
use sync_core::schema::{DocId, DocKind, Section};

use super::Trouble;
use super::technician::{Saved, Technician};
use crate::ledger::FactKey;
use crate::random::Random;

/// Set for the process that plays the phone: path of its store.
const STORE: &str = "TOWLINE_KILLS_STORE";
/// What it draws its work from.
const SEED: &str = "TOWLINE_KILLS_CHILD_SEED";
/// Set if it also syncs, again and again.
const SYNCS: &str = "TOWLINE_KILLS_SYNCS";

/// Says that the store is open.
pub(super) const OPEN: &str = "open";
/// Says that the store was closed in order.
pub(super) const CLOSED: &str = "closed";
/// Begins the sentence of what went wrong.
pub(super) const FAILED: &str = "failed: ";

/// How this program is started so that it calls [`play_if_asked`].
#[derive(Debug, Clone)]
pub struct Child {
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Child {
    /// A phone on this store.
    pub(super) fn start(
        &self,
        store: &Path,
        seed: u64,
        syncs: bool,
    ) -> std::io::Result<std::process::Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&self.arguments).env(STORE, store).env(SEED, seed.to_string());
        if syncs {
            command.env(SYNCS, "1");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    }
}

/// How a phone of a run is opened: without a reserve, which would be half a megabyte rewritten
/// at every start. It opens as many jobs as it likes.
pub(crate) fn options() -> Options {
    let space = SpaceLimits { reserve_bytes: 0, ..SpaceLimits::default() };
    Options { space, walk_ups_a_day: usize::MAX, ..Options::default() }
}

/// If this process was started to be a phone, saves as fast as it can until it is killed or its
/// input ends, saying on its output what is saved, and says whether it was.
pub fn play_if_asked() -> bool {
    let Some(store) = std::env::var_os(STORE) else { return false };
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number(SEED).unwrap_or(0);
    if let Err(error) = play(store.into(), Random::new(seed), std::env::var_os(SYNCS).is_some()) {
        say(&format!("{FAILED}{error}"));
    }
    true
}

fn play(store: PathBuf, random: Random, syncs: bool) -> Result<(), Trouble> {
    let engine = Engine::open(store, options())?;
    say(OPEN);
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        asked.store(true, Ordering::SeqCst);
    });
    let syncing = syncs.then(|| {
        let (engine, stop) = (engine.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                if let Err(error) = engine.sync_now() {
                    say(&format!("{FAILED}{error}"));
                }
            }
        })
    });
    let mut technician = Technician::new(engine, random);
    while !stop.load(Ordering::SeqCst) {
        technician.save()?.iter().for_each(|(key, hash)| say(&line(key, hash)));
    }
    if let Some(syncing) = syncing {
        syncing.join().map_err(|_| "the sync of the phone panicked")?;
    }
    drop(technician);
    say(CLOSED);
    Ok(())
}

/// One line, at once. Nobody may be listening any more.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The line that says that a fact is saved.
pub(crate) fn line(key: &FactKey, hash: &[u8; 32]) -> String {
    let (doc, hash) = (hex(key.doc.as_bytes()), hex(hash));
    format!("saved {} {doc} {} {} {hash}.", key.doc.kind.code(), key.section, key.id)
}

/// What a line says is saved; nothing if it is another line, or was cut off by the kill.
pub(crate) fn saved(line: &str) -> Option<(FactKey, [u8; 32])> {
    let mut words = line.strip_prefix("saved ")?.strip_suffix('.')?.split(' ');
    let kind = DocKind::from_code(words.next()?.parse().ok()?);
    let doc = DocId::new(kind, unhex(words.next()?)?).ok()?;
    let section = Section::parse(words.next()?)?;
    let id: FactId = words.next()?.parse().ok()?;
    Some((FactKey { doc, section, id }, unhex(words.next()?)?))
}

/// Everything the lines say is saved.
pub(super) fn all_saved(lines: &[String]) -> Saved {
    lines.iter().filter_map(|line| saved(line)).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use sync_core::id::JobId;
    use sync_core::schema::section;

    use super::*;

    #[test]
    fn what_was_saved_survives_its_line_and_a_line_cut_off_says_nothing() {
        let doc = DocId::from(JobId::new(5, [1; 10]));
        let key = FactKey { doc, section: section::NOTES, id: FactId::new(7, [2; 10]) };
        let line = line(&key, &[9; 32]);
        assert_eq!(saved(&line), Some((key, [9; 32])));
        assert!((0..line.len()).all(|end| saved(&line[..end]).is_none()));
    }
}
