//! The phone on a disk that fails: a process with the real engine, a new store for every point.

use std::path::{Path, PathBuf};
use std::process::Command;

use mobile_ffi::{Engine, EngineError, Options, SpaceLimits, SyncEnd};

use super::super::office::Office;
use super::super::shim::{Failure, Watched};
use super::{Failures, Points};
use crate::folder::Folder;
use crate::kills::child::options;
use crate::kills::technician::{Saved, Technician};
use crate::kills::{Child, Trouble, broken};
use crate::ledger::hash;
use crate::random::Random;

/// Set for the process whose disk fails: folder, and the points as text.
const FOLDER: &str = "TOWLINE_FULL_FOLDER";
const POINTS: &str = "TOWLINE_FULL_POINTS";
/// Saves after which the failure must have come.
const SAVES: usize = 400;
/// Saves between two syncs.
const BETWEEN: usize = 7;
/// Tries on a disk that stays full.
const AGAIN: usize = 3;
/// Bytes that someone else gives back on the same disk, which are no room for the phone.
const SOMEONE_ELSES: usize = 1024 * 1024;

/// Lets the disk of a phone fail at these points.
///
/// # Errors
/// A promise was broken at one of them, or the run could not be made.
pub fn run(child: &Child, points: &Points) -> Result<Failures, Trouble> {
    let folder = Folder::in_memory("full")?;
    let watched = Watched::new(&folder.path().join("data"), &folder.path().join("watch"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(&child.arguments).envs(watched.environment(false)?);
    let at: Vec<String> = points.at.iter().map(u64::to_string).collect();
    let kind = match points.failure {
        Failure::Full => 0,
        Failure::Syncs(times) => times,
    };
    command.env(FOLDER, folder.path()).env(POINTS, format!("{kind} {}", at.join(" ")));
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut failures = Failures::default();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("met", what)) => failures.met(what),
            Some(("kept", number)) => failures.looked_for += number.parse::<u64>()?,
            Some(("BROKEN:", what)) => return broken(what),
            _ => {}
        }
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("the phone on a bad disk ended with {}: {said}", output.status).into());
    }
    Ok(failures)
}

/// If this process was started to have a bad disk, plays its points; whether it was.
pub fn play_if_asked() -> bool {
    let (Some(folder), Ok(points)) = (std::env::var_os(FOLDER), std::env::var(POINTS)) else {
        return false;
    };
    if let Err(error) = play(&PathBuf::from(folder), &points) {
        println!("{error}");
        eprintln!("{error}");
        std::process::exit(1);
    }
    true
}

fn play(folder: &Path, points: &str) -> Result<(), Trouble> {
    let watched = Watched::again(&folder.join("data"), &folder.join("watch"))?;
    let office = Office::open(1)?;
    let mut numbers = points.split(' ').map(str::parse::<u64>);
    let kind = numbers.next().ok_or("no points")??;
    let failure = if kind == 0 { Failure::Full } else { Failure::Syncs(kind) };
    for n in numbers {
        let n = n?;
        let folder = watched.folder().join(n.to_string());
        std::fs::create_dir_all(&folder)?;
        let store = folder.join("phone.db");
        let mut point = Point { watched: &watched, office: &office, store, failure, met: None };
        let kept = point.play(n).map_err(|error| format!("{error} [call {n}, {failure:?}]"))?;
        println!("met {}", point.met.as_deref().unwrap_or("nothing"));
        println!("kept {kept}");
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

struct Point<'a> {
    watched: &'a Watched,
    office: &'a Office,
    store: PathBuf,
    failure: Failure,
    /// During what the disk failed.
    met: Option<String>,
}

impl Point<'_> {
    /// From a store that is not there to a day's work, with the `n`th call failing; how much was
    /// kept.
    fn play(&mut self, n: u64) -> Result<usize, Trouble> {
        std::fs::write(self.watched.ballast(), vec![0x5a; SOMEONE_ELSES])?;
        self.watched.fail(n, self.failure)?;
        let store = self.store.clone();
        let engine = self.at_first("opening", || Engine::open(&store, with_reserve()))?;
        let office = self.office;
        let enrolled = self.at_first("enrolling", || {
            let code = office.code(0).map_err(|error| EngineError::Internal(error.to_string()))?;
            engine.enrol(&office.url(), &code, "phone")
        })?;
        office.confirm(&enrolled)?;
        self.synced(&engine)?;
        let mut technician = Technician::new(engine.clone(), Random::new(n));
        let mut saved = Saved::new();
        for round in 0..SAVES {
            match technician.save() {
                Ok(facts) => saved.extend(facts),
                Err(error) => self.save_failed(error, &mut technician, &mut saved)?,
            }
            if round % BETWEEN == 0 {
                self.synced(&engine)?;
            }
            if self.met.is_some() && round > BETWEEN {
                break;
            }
        }
        drop((technician, engine));
        self.watched.mend()?;
        let engine = Engine::open(&self.store, options())?;
        let end = engine.sync_now()?.end;
        if end != SyncEnd::UpToDate {
            return broken(format!("the phone does not come to rest: {end:?}"));
        }
        there(&engine, &saved)?;
        Ok(saved.len())
    }

    /// Does something that may fail, once the disk is well again a second time.
    fn at_first<T>(
        &mut self,
        what: &str,
        mut work: impl FnMut() -> Result<T, EngineError>,
    ) -> Result<T, Trouble> {
        match work() {
            Ok(done) => Ok(done),
            Err(error) => {
                self.clear(what, &error)?;
                self.watched.mend()?;
                let again = work();
                again.map_err(|error| {
                    format!("BROKEN: {what} on a disk that is well: {error}").into()
                })
            }
        }
    }

    fn synced(&mut self, engine: &Engine) -> Result<(), Trouble> {
        let report = self.at_first("syncing", || engine.sync_now())?;
        match report.end {
            SyncEnd::UpToDate | SyncEnd::Waiting => Ok(()),
            end => broken(format!("the sync ended with {end:?}")),
        }
    }

    /// A save that was refused for want of a disk: said clearly, before the next is typed.
    fn save_failed(
        &mut self,
        error: Trouble,
        technician: &mut Technician,
        saved: &mut Saved,
    ) -> Result<(), Trouble> {
        let error = error.downcast::<EngineError>()?;
        self.clear("saving", &error)?;
        let engine = technician.engine().clone();
        if self.failure == Failure::Full {
            std::fs::remove_file(self.watched.ballast())?;
            if !matches!(engine.ready_to_record(), Err(EngineError::DiskFull)) {
                return broken("the phone is full and does not say so before work is typed");
            }
            if !engine.status()?.disk_full {
                return broken("the phone is full and its status does not say so");
            }
        }
        there(&engine, saved)?;
        for _ in 0..AGAIN {
            // Whatever is called saved now has to be there as well.
            if let Ok(facts) = technician.save() {
                saved.extend(facts);
            }
        }
        self.watched.mend()?;
        match technician.save() {
            Ok(facts) => saved.extend(facts),
            Err(error) => return broken(format!("saving on a disk that is well: {error}")),
        }
        if let Err(error) = engine.ready_to_record() {
            return broken(format!("there is room again, and the phone says: {error}"));
        }
        Ok(())
    }

    /// An error that a person and an app can understand.
    fn clear(&mut self, what: &str, error: &EngineError) -> Result<(), Trouble> {
        let wanted = match self.failure {
            Failure::Full => "disk_full",
            Failure::Syncs(_) => "store_failed",
        };
        if error.code() != wanted {
            return broken(format!("{what} said {} ({error}), not {wanted}", error.code()));
        }
        self.met.get_or_insert_with(|| what.to_owned());
        Ok(())
    }
}

/// Everything called saved is there.
fn there(engine: &Engine, saved: &Saved) -> Result<(), Trouble> {
    for (key, said) in saved {
        let document = engine.document(key.doc)?;
        let fact = document.fact(&key.section, &key.id);
        if fact.is_none_or(|fact| hash(key, &fact.record) != *said) {
            return broken(format!("{key:?} was called saved and is not there"));
        }
    }
    Ok(())
}

/// A small reserve, so that giving it up is part of what is tried.
fn with_reserve() -> Options {
    let space = SpaceLimits { reserve_bytes: 16 * 1024, ..SpaceLimits::default() };
    Options { space, ..options() }
}
