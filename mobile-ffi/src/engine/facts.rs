//! What a technician records: each verb checks its input, makes facts, and returns when they are
//! saved.

use sync_core::change::Entry;
use sync_core::check;
use sync_core::codes;
use sync_core::document::Document;
use sync_core::id::{FactId, JobId};
use sync_core::job::{Step, WALK_UP_EPOCH};
use sync_core::limits;
use sync_core::schema::{DocId, Section, key, lists, section};
use sync_core::technician;
use sync_core::value::Record;

use super::input::{self, Place};
use super::save::{Maker, Work};
use super::{Engine, State};
use crate::error::EngineError;
use crate::store::meta;

/// What is seen of a customer met at the roadside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkUp {
    /// Name of the customer.
    pub caller: Option<String>,
    /// Their number, as it is dialled in the technician's country or with + and country code.
    pub phone: Option<String>,
    /// Licence plate.
    pub plate: Option<String>,
    /// The vehicle in words.
    pub vehicle: Option<String>,
    /// What is wrong with it, coded.
    pub problem: Option<String>,
    /// Where, in words.
    pub address: Option<String>,
    /// Where.
    pub place: Option<Place>,
    /// Free text.
    pub note: Option<String>,
}

/// A photo or file, by its content; the bytes travel apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// Media type, such as `image/jpeg`.
    pub media_type: String,
    /// Size in bytes.
    pub size: i64,
    /// Capture stage: before, after, damage, drop_off, document; `other` where it is left out.
    pub stage: Option<String>,
    /// Free text.
    pub note: Option<String>,
}

impl Engine {
    /// Records the result (`pass`, `fail`, `not_applicable`) of a checklist step.
    pub fn checklist(
        &self,
        job: JobId,
        step: &str,
        result: &str,
        note: Option<String>,
    ) -> Result<FactId, EngineError> {
        if !lists::RESULTS.contains(&result) {
            let sentence = "A checklist step passes, fails or does not apply.";
            return Err(EngineError::invalid("result_unknown", "result", sentence));
        }
        let mut record = Record::from([(key::RESULT, result.into())]);
        input::needed(&mut record, key::STEP, step, "step")?;
        input::text(&mut record, key::NOTE, note, "note")?;
        self.record(|state, maker| one(state, maker, job, section::CHECKLIST, record))
    }

    /// Takes back a fact this technician recorded by mistake, naming why.
    pub fn take_back(
        &self,
        job: JobId,
        of: Section,
        fact: FactId,
        reason: &str,
    ) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::VOIDS, fact.as_bytes().to_vec().into())]);
        input::needed(&mut record, key::NOTE, reason, "reason")?;
        self.record(|state, maker| one(state, maker, job, of, record))
    }

    /// Records a remark.
    pub fn note(&self, job: JobId, text: &str) -> Result<FactId, EngineError> {
        let mut record = Record::new();
        input::needed(&mut record, key::TEXT, text, "text")?;
        self.record(|state, maker| one(state, maker, job, section::NOTES, record))
    }

    /// Records what was found or done: one of [`lists::FINDINGS`], in words.
    pub fn finding(&self, job: JobId, kind: &str, text: &str) -> Result<FactId, EngineError> {
        if !lists::FINDINGS.contains(&kind) {
            let sentence = "A finding is a diagnosis, a cause, a correction or a measurement.";
            return Err(EngineError::invalid("kind_unknown", "kind", sentence));
        }
        let mut record = Record::from([(key::KIND, kind.into())]);
        input::needed(&mut record, key::TEXT, text, "text")?;
        self.record(|state, maker| one(state, maker, job, section::WORK, record))
    }

    /// Records the odometer, in kilometres.
    pub fn odometer(&self, job: JobId, kilometres: i64) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::KIND, "odometer".into())]);
        input::count(&mut record, key::ODOMETER, Some(kilometres), "odometer")?;
        self.record(|state, maker| one(state, maker, job, section::WORK, record))
    }

    /// Records the vehicle identification number as it was read on the vehicle; what is none, such as
    /// a chassis number, is kept as said, and the job has a finding about it.
    pub fn vin(&self, job: JobId, vin: &str) -> Result<FactId, EngineError> {
        let vin = check::vin(vin).map_err(|error| input::refused(error, "vin"))?.value;
        let record = Record::from([(key::KIND, "vin_read".into()), (key::VIN, vin.into())]);
        self.record(|state, maker| one(state, maker, job, section::WORK, record))
    }

    /// Records a photo or file by its hash; its bytes travel apart and hold nothing up.
    pub fn attach(&self, job: JobId, attachment: Attachment) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::SHA256, attachment.sha256.to_vec().into())]);
        input::needed(&mut record, key::MEDIA_TYPE, &attachment.media_type, "media_type")?;
        input::count(&mut record, key::SIZE, Some(attachment.size), "size")?;
        let stage = attachment.stage.filter(|stage| !stage.trim().is_empty());
        input::text(&mut record, key::STAGE, stage.or(Some("other".to_owned())), "stage")?;
        input::text(&mut record, key::NOTE, attachment.note, "note")?;
        self.record(|state, maker| one(state, maker, job, section::ATTACHMENTS, record))
    }

    /// Records any fact the policy allows. The times are added; a status fact must carry its
    /// kind and epoch.
    pub fn add_fact(
        &self,
        job: JobId,
        section: Section,
        record: Record,
    ) -> Result<FactId, EngineError> {
        self.record(|state, maker| one(state, maker, job, section, record))
    }

    /// Opens a job for a customer met at the roadside, with or without coverage.
    pub fn walk_up(&self, seen: WalkUp) -> Result<JobId, EngineError> {
        let mut record = Record::from([
            (key::KIND, Step::WalkUp.as_str().into()),
            (key::EPOCH, WALK_UP_EPOCH.into()),
        ]);
        input::text(&mut record, key::CALLER, seen.caller, "caller")?;
        input::checked(&mut record, key::PLATE, seen.plate, "plate", check::plate)?;
        input::text(&mut record, key::VEHICLE, seen.vehicle, "vehicle")?;
        input::text(&mut record, key::PROBLEM, seen.problem, "problem")?;
        input::text(&mut record, key::ADDRESS, seen.address, "address")?;
        input::text(&mut record, key::NOTE, seen.note, "note")?;
        input::place(&mut record, seen.place)?;
        let (now, most) = (self.server_clock(), self.0.options.walk_ups_a_day);
        self.record(|state, maker| {
            maker.walk_ups = Some(state.count_walk_up(now, most)?);
            let region = state.document(maker.user.into()).ok().and_then(technician::region);
            let phone = |text: &str| check::phone(text, region);
            input::checked(&mut record, key::PHONE, seen.phone, "phone", phone)?;
            let (ms, tail) = maker.id_parts(state)?;
            let job = JobId::new(ms, tail);
            let (_, entry) = maker.fact(state, section::STATUS, record)?;
            Ok((job, vec![Work { doc: job.into(), entries: vec![entry] }]))
        })
    }
}

impl State {
    /// The walk-up jobs of the day with one more, unless the server would let it wait.
    fn count_walk_up(&self, now: i64, most: usize) -> Result<meta::WalkUps, EngineError> {
        let meta::WalkUps(mut opened) = meta::get(self.store.read())?.unwrap_or_default();
        // Of a clock that was put back nothing is left over.
        opened.retain(|at| (*at..at.saturating_add(limits::WALK_UP_DAY_MS)).contains(&now));
        if let Some(first) = opened.first().filter(|_| opened.len() >= most) {
            let minutes = (first + limits::WALK_UP_DAY_MS - now) / 60_000 + 1;
            let sentence = format!(
                "You have opened {most} jobs by yourself within a day. Ask the office to open this \
                 one and to give it to you, or try again in {minutes} minutes."
            );
            return Err(EngineError::invalid(codes::QUOTA.word, "", sentence));
        }
        opened.push(now);
        Ok(meta::WalkUps(opened))
    }

    /// A job that is on this phone, as everything saved makes it.
    pub(super) fn document(&mut self, doc: DocId) -> Result<&Document, EngineError> {
        let replica = self.cache.get(self.store.read(), doc)?;
        let document = replica.document();
        if document.is_empty() { Err(EngineError::NotFound("this job")) } else { Ok(document) }
    }
}

/// One fact on one job.
pub(super) fn one(
    state: &mut State,
    maker: &mut Maker<'_>,
    job: JobId,
    section: Section,
    record: Record,
) -> Result<(FactId, Vec<Work>), EngineError> {
    state.document(job.into())?;
    let (id, entry): (FactId, Entry) = maker.fact(state, section, record)?;
    Ok((id, vec![Work { doc: job.into(), entries: vec![entry] }]))
}
