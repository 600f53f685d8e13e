//! A technician of a run: saves one thing after the other on a real engine and says what was
//! saved, each fact with a hash of what it says.

use mobile_ffi::{Attachment, Engine, EngineError, PartUsed, StepDetails, WalkUp};
use sync_core::id::{FactId, JobId, VanId};
use sync_core::job::{State, Step};
use sync_core::schema::{DocId, Section, section};
use sync_core::seal::{Point, Signer};

use super::{Trouble, broken};
use crate::ledger::{FactKey, hash};
use crate::random::Random;

/// Facts on one job before the next is begun.
const FACTS: u64 = 30;

/// One technician with a phone.
pub struct Technician {
    engine: Engine,
    random: Random,
    /// The job at hand, and how many facts were saved on it.
    at: Option<(JobId, u64)>,
    /// The van, once it is on the phone.
    van: Option<VanId>,
    saved: u64,
}

/// Facts that are saved, each with a hash of what it says.
pub type Saved = Vec<(FactKey, [u8; 32])>;

impl Technician {
    /// One with this phone.
    pub fn new(engine: Engine, random: Random) -> Self {
        Self { engine, random, at: None, van: None, saved: 0 }
    }

    /// The phone.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Saves one thing; when this returns the phone has said that it is saved.
    pub fn save(&mut self) -> Result<Saved, Trouble> {
        let (job, facts) = match self.at.filter(|(_, facts)| *facts < FACTS) {
            Some(at) => at,
            None => return self.begin(),
        };
        self.at = Some((job, facts + 1));
        self.saved += 1;
        match self.saves(job) {
            Ok(saved) => Ok(saved),
            // The office may have ended the job meanwhile; the phone says so before anything.
            Err(EngineError::Denied { .. } | EngineError::Invalid { .. }) => {
                self.at = None;
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Goes to a job the office gave, or meets someone at the roadside.
    fn begin(&mut self) -> Result<Saved, Trouble> {
        if self.random.one_in(2) {
            let given = self.engine.jobs()?;
            let fresh = given.iter().rev().find(|(_, summary)| summary.state == State::Assigned);
            if let Some((job, _)) = fresh {
                self.at = Some((*job, 0));
                let accepted = self.engine.step(*job, Step::Accepted, StepDetails::default());
                return match accepted {
                    Ok(fact) => Ok(self.said(*job, section::STATUS, fact)?),
                    Err(EngineError::Denied { .. } | EngineError::Invalid { .. }) => Ok(Vec::new()),
                    Err(error) => Err(error.into()),
                };
            }
        }
        let plate = Some(format!("XYZ-{:04}", self.saved % 10_000));
        let job = self.engine.walk_up(WalkUp { plate, ..WalkUp::default() })?;
        self.at = Some((job, 0));
        let document = self.engine.document(job.into())?;
        match document.facts(&section::STATUS).next() {
            Some(opened) => Ok(self.said(job, section::STATUS, opened.id)?),
            None => broken(format!("the walk-up {job} is saved and holds nothing")),
        }
    }

    fn saves(&mut self, job: JobId) -> Result<Saved, EngineError> {
        let n = self.saved;
        let engine = &self.engine;
        let (section, fact) = match self.random.below(16) {
            0..=3 => (section::CHECKLIST, engine.checklist(job, "hi_vis", "pass", None)?),
            4 => (section::WORK, engine.odometer(job, 40_000 + n as i64)?),
            5 => (section::WORK, engine.finding(job, "cause", &format!("a nail, {n}"))?),
            6 | 7 => {
                let sha256 = std::array::from_fn(|_| (self.random.next() >> 56) as u8);
                let photo = Attachment {
                    sha256,
                    media_type: "image/jpeg".to_owned(),
                    size: 1_234_567,
                    stage: Some("before".to_owned()),
                    note: None,
                };
                (section::ATTACHMENTS, engine.attach(job, photo)?)
            }
            8..=10 => {
                let part_no = format!("P-{}", n % 7);
                let part = PartUsed { part_no, quantity: 1000, ..PartUsed::default() };
                (section::PARTS, engine.use_part(job, part)?)
            }
            11 => (section::SIGNATURES, self.sign(job)?),
            _ => (section::NOTES, engine.note(job, &format!("Written down by hand, {n}"))?),
        };
        self.said(job, section, fact)
    }

    /// Has the customer sign.
    pub fn sign(&self, job: JobId) -> Result<FactId, EngineError> {
        let signer = Signer {
            name: "Lin".to_owned(),
            role: "customer".to_owned(),
            language: "en".to_owned(),
            statement: "The work was done.".to_owned(),
        };
        let prompt = self.engine.seal_prompt(job, signer)?;
        let point = |i: i32| Point { x: i * 9, y: i * i, t: i.unsigned_abs() * 16, pressure: 700 };
        self.engine.seal(prompt, vec![(0..40).map(point).collect()], None)
    }

    /// What was saved: the fact, and for a part the movement of the van's stock with it.
    pub fn said(
        &mut self,
        job: JobId,
        section: Section,
        fact: FactId,
    ) -> Result<Saved, EngineError> {
        let mut saved = vec![read(&self.engine, job.into(), section.clone(), fact)?];
        if section != section::PARTS {
            return Ok(saved);
        }
        if self.van.is_none() {
            self.van = self.engine.stock()?.map(|van| van.id);
        }
        if let Some(van) = self.van {
            saved.push(read(&self.engine, van.into(), section::MOVEMENTS, fact)?);
        }
        Ok(saved)
    }
}

/// A fact as the phone holds it.
fn read(
    engine: &Engine,
    doc: DocId,
    section: Section,
    id: FactId,
) -> Result<(FactKey, [u8; 32]), EngineError> {
    let document = engine.document(doc)?;
    let key = FactKey { doc, section, id };
    let fact = document.fact(&key.section, &id).ok_or(EngineError::NotFound("what was saved"))?;
    let hash = hash(&key, &fact.record);
    Ok((key, hash))
}
