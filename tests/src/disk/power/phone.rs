//! Workloads of the phone: a process with the real engine, and a real server beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mobile_ffi::{Attachment, Engine, EngineError, EnrolmentStatus, PartUsed, SyncEnd, WalkUp};
use sync_core::id::JobId;
use sync_core::schema::{DocId, key, section};

use super::super::image::Disk;
use super::super::office::{Office, days_later};
use super::super::shim::{Watched, said};
use super::{BEGIN, Done, Workload};
use crate::kills::child::{hex, line, options, saved};
use crate::kills::technician::Technician;
use crate::kills::{Child, Trouble, broken};
use crate::ledger::hash;
use crate::random::Random;

/// Set for the process that is recorded: its workload, and the folder of its store.
const WORKLOAD: &str = "TOWLINE_POWER_WORKLOAD";
const FOLDER: &str = "TOWLINE_POWER_FOLDER";

pub const WORKLOADS: [&str; 6] = [
    "phone: opened, enrolled, opened again",
    "phone: saving",
    "phone: parts from the van",
    "phone: syncing",
    "phone: photos, signatures, walk-ups",
    "phone: jobs that leave it",
];

/// A workload by its name.
pub struct Phone(pub &'static str);

impl Workload for Phone {
    fn name(&self) -> &'static str {
        self.0
    }

    fn record(&self, child: &Child, watched: &dyn Fn() -> Result<Watched, Trouble>) -> Done {
        let watched = watched()?;
        let disk = Disk::of(watched.folder())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&child.arguments).env(WORKLOAD, self.0).env(FOLDER, watched.folder());
        command.envs(watched.environment(true)?).stdout(Stdio::null());
        let status = command.status()?;
        if !status.success() {
            return Err(format!("the phone that is recorded ended with {status}").into());
        }
        Ok((disk, watched))
    }

    fn look(&self, folder: &Path, said: &[String], whole: bool) -> Result<(), Trouble> {
        let store = folder.join("phone.db");
        let engine = match Engine::open(&store, options()) {
            Ok(engine) => engine,
            Err(error) => return broken(format!("the store does not open: {error}")),
        };
        let enrolled = said.iter().any(|what| what == "enrolled");
        if enrolled && !matches!(engine.enrolment(), EnrolmentStatus::Enrolled { .. }) {
            return broken(format!("it was enrolled, and is {:?}", engine.enrolment()));
        }
        let gone: BTreeSet<&str> = said.iter().filter_map(|s| s.strip_prefix("gone ")).collect();
        let mut documents = BTreeMap::new();
        for (key, said) in said.iter().filter_map(|line| saved(line)) {
            if gone.contains(hex(key.doc.as_bytes()).as_str()) {
                continue;
            }
            let document = documents.entry(key.doc).or_insert_with(|| engine.document(key.doc));
            let fact = document.as_ref().ok().and_then(|it| it.fact(&key.section, &key.id));
            if fact.is_none_or(|fact| hash(&key, &fact.record) != said) {
                return broken(format!("{key:?} was called saved and is not there"));
            }
        }
        if enrolled {
            parts_moved_stock(&engine)?;
        }
        if whole {
            for (doc, document) in documents {
                let judged = document.map_err(Trouble::from)?.check_by_oracle();
                judged.map_err(|error| format!("BROKEN: {doc:?} is half there: {error}"))?;
            }
        }
        drop(engine);
        let db = rusqlite::Connection::open(&store)?;
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if sound == "ok" { Ok(()) } else { broken(format!("the store is not sound: {sound}")) }
    }
}

/// A part and the movement of the van's stock are saved together or not at all.
fn parts_moved_stock(engine: &Engine) -> Result<(), Trouble> {
    let Some(van) = engine.stock()? else { return Ok(()) };
    let van = engine.document(van.id.into())?;
    for (job, _) in engine.jobs()? {
        let document = engine.document(job.into())?;
        let from_van =
            document.facts(&section::PARTS).filter(|it| it.record.contains_key(&key::VAN));
        for part in from_van {
            if van.fact(&section::MOVEMENTS, &part.id).is_none() {
                return broken(format!("part {} is on the job and not off the van", part.id));
            }
        }
    }
    let moved = van.facts(&section::MOVEMENTS);
    for movement in moved {
        let job = movement.record.get(&key::JOB).and_then(|job| job.as_bytes());
        let Some(Ok(job)) = job.map(JobId::from_slice) else { continue };
        if let Ok(document) = engine.document(job.into())
            && document.fact(&section::PARTS, &movement.id).is_none()
        {
            return broken(format!("part {} is off the van and not on the job", movement.id));
        }
    }
    Ok(())
}

/// If this process was started to be recorded, plays its workload; whether it was.
pub fn play_if_asked() -> bool {
    let (Some(workload), Some(folder)) = (std::env::var_os(WORKLOAD), std::env::var_os(FOLDER))
    else {
        return false;
    };
    let workload = workload.to_string_lossy().into_owned();
    let played = Player::new(PathBuf::from(folder)).and_then(|player| player.play(&workload));
    if let Err(error) = played {
        eprintln!("{workload}: {error}");
        std::process::exit(1);
    }
    true
}

struct Player {
    folder: PathBuf,
    office: Office,
    technician: Technician,
}

impl Player {
    fn new(folder: PathBuf) -> Result<Self, Trouble> {
        let office = Office::open(2)?;
        let engine = office.phone(0, &folder)?;
        said("enrolled")?;
        up_to_date(&engine)?;
        Ok(Self { folder, office, technician: Technician::new(engine, Random::new(11)) })
    }

    fn play(mut self, workload: &str) -> Result<(), Trouble> {
        let which = WORKLOADS.iter().position(|name| *name == workload);
        if which != Some(0) {
            said(BEGIN)?;
        }
        match which {
            Some(0) => self = self.reopened()?,
            Some(1) => self.save(40)?,
            Some(2) => self.parts()?,
            Some(3) => {
                for _ in 0..10 {
                    self.save(3)?;
                    up_to_date(self.technician.engine())?;
                }
            }
            Some(4) => self.photos_and_signatures()?,
            _ => self = self.jobs_that_leave()?,
        }
        self.save(3)
    }

    /// Saves, and notes what was called saved.
    fn save(&mut self, times: usize) -> Result<(), Trouble> {
        for _ in 0..times {
            for (key, hash) in self.technician.save()? {
                said(&line(&key, &hash))?;
            }
        }
        Ok(())
    }

    fn reopened(mut self) -> Result<Self, Trouble> {
        self.save(4)?;
        let Self { folder, office, technician } = self;
        drop(technician);
        let engine = Engine::open(folder.join("phone.db"), options())?;
        Ok(Self { folder, office, technician: Technician::new(engine, Random::new(12)) })
    }

    fn parts(&mut self) -> Result<(), Trouble> {
        let engine = self.technician.engine().clone();
        let job = engine.walk_up(WalkUp::default())?;
        for n in 0..16 {
            let part_no = format!("P-{n}");
            let part = PartUsed { part_no, quantity: 1000, ..PartUsed::default() };
            let fact = engine.use_part(job, part)?;
            for (key, hash) in self.technician.said(job, section::PARTS, fact)? {
                said(&line(&key, &hash))?;
            }
        }
        Ok(())
    }

    fn photos_and_signatures(&mut self) -> Result<(), Trouble> {
        let engine = self.technician.engine().clone();
        for n in 0..5_u8 {
            let plate = Some(format!("ABC-{n:04}"));
            let job = engine.walk_up(WalkUp { plate, ..WalkUp::default() })?;
            let photo = Attachment {
                sha256: [n; 32],
                media_type: "image/jpeg".to_owned(),
                size: 1_000_000,
                stage: None,
                note: None,
            };
            let photo = engine.attach(job, photo)?;
            let seal = self.technician.sign(job)?;
            for (section, fact) in [(section::ATTACHMENTS, photo), (section::SIGNATURES, seal)] {
                for (key, hash) in self.technician.said(job, section, fact)? {
                    said(&line(&key, &hash))?;
                }
            }
        }
        Ok(())
    }

    /// Jobs the office gives to someone else, which the phone drops after 35 days.
    fn jobs_that_leave(self) -> Result<Self, Trouble> {
        let Self { folder, office, mut technician } = self;
        let engine = technician.engine().clone();
        let jobs = (0..3).map(|_| office.job(0)).collect::<Result<Vec<_>, _>>()?;
        up_to_date(&engine)?;
        for job in &jobs {
            let fact = engine.note(*job, "Nobody there yet.")?;
            for (key, hash) in technician.said(*job, section::NOTES, fact)? {
                said(&line(&key, &hash))?;
            }
        }
        up_to_date(&engine)?;
        jobs.iter().try_for_each(|job| office.assign(*job, 1))?;
        up_to_date(&engine)?;
        drop((technician, engine));
        for job in &jobs {
            said(&format!("gone {}", hex(DocId::from(*job).as_bytes())))?;
        }
        let engine = Engine::open(folder.join("phone.db"), days_later(40))?;
        up_to_date(&engine)?;
        for job in jobs {
            if !matches!(engine.document(job.into()), Err(EngineError::NotFound(_))) {
                return broken(format!("{job} left 40 days ago and is still kept"));
            }
        }
        Ok(Self { folder, office, technician: Technician::new(engine, Random::new(13)) })
    }
}

fn up_to_date(engine: &Engine) -> Result<(), Trouble> {
    let end = engine.sync_now()?.end;
    if end == SyncEnd::UpToDate { Ok(()) } else { Err(format!("the sync ended: {end:?}").into()) }
}
