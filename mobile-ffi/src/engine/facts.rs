//! What a technician records: each verb checks its input, makes facts, and returns when they are
//! saved.

use sync_core::change::Entry;
use sync_core::document::{Document, Fact};
use sync_core::id::{FactId, JobId, UserId, VanId};
use sync_core::job::{self, Job, Step, WALK_UP_EPOCH};
use sync_core::schema::{DocId, DocKind, Key, Section, key, section};
use sync_core::value::{Record, Value};

use super::input::{self, Place};
use super::save::{Maker, Work};
use super::{Engine, State};
use crate::error::EngineError;
use crate::store::docs;

/// What may be told with a step; most steps need nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepDetails {
    /// Coded reason; declining and ending without success need one.
    pub reason: Option<String>,
    /// Free text.
    pub note: Option<String>,
    /// Where it happened.
    pub place: Option<Place>,
    /// Odometer reading, kilometres.
    pub odometer: Option<i64>,
    /// Where the vehicle is towed, in words.
    pub destination: Option<String>,
    /// Who received the vehicle.
    pub recipient: Option<String>,
    /// How often the customer was called, for a claim that nobody was there.
    pub attempts: Option<i64>,
}

/// What is seen of a customer met at the roadside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkUp {
    /// Name of the customer.
    pub caller: Option<String>,
    /// Their number, with country code.
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

/// One part taken for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartUsed {
    /// Number in the catalogue.
    pub part_no: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// Thousandths of a unit; more than zero.
    pub quantity: i64,
    /// Piece, litre and the like.
    pub unit: Option<String>,
    /// Minor units of the currency for one unit.
    pub unit_price: Option<i64>,
    /// ISO 4217 code; needed with a price.
    pub currency: Option<String>,
    /// Hundredths of a percent.
    pub tax_rate: Option<i64>,
    /// Serial number.
    pub serial: Option<String>,
    /// Bin in the van.
    pub bin: Option<String>,
    /// Not from the technician's van, so no stock moves.
    pub not_from_van: bool,
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
    /// Capture stage: before, after, damage, drop_off, document.
    pub stage: Option<String>,
    /// Free text.
    pub note: Option<String>,
}

impl Engine {
    /// Records a step of a rescue under the technician's latest assignment of the job.
    ///
    /// A step that was recorded before under the same assignment, one after the technician's own
    /// end of the job, and setting off while out for another job are refused at once.
    pub fn step(
        &self,
        job: JobId,
        step: Step,
        details: StepDetails,
    ) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::KIND, step.word().into())]);
        input::text(&mut record, key::REASON, details.reason, "reason")?;
        input::text(&mut record, key::NOTE, details.note, "note")?;
        input::text(&mut record, key::DESTINATION, details.destination, "destination")?;
        input::text(&mut record, key::RECIPIENT, details.recipient, "recipient")?;
        input::count(&mut record, key::ODOMETER, details.odometer, "odometer")?;
        input::count(&mut record, key::ATTEMPTS, details.attempts, "attempts")?;
        input::place(&mut record, details.place)?;
        let now = self.server_clock();
        self.record(|state, maker| {
            let document = state.document(job.into())?;
            let epoch = latest_epoch(document, maker.user)?;
            step_fits(document, step, epoch)?;
            if step == Step::EnRoute {
                state.free_to_set_off(job, maker.user, now)?;
            }
            record.insert(key::EPOCH, epoch.into());
            one(state, maker, job, section::STATUS, record)
        })
    }

    /// Records the result (`pass`, `fail`, `not_applicable`) of a checklist step.
    pub fn checklist(
        &self,
        job: JobId,
        step: &str,
        result: &str,
        note: Option<String>,
    ) -> Result<FactId, EngineError> {
        if !matches!(result, "pass" | "fail" | "not_applicable") {
            let sentence = "A checklist step passes, fails or does not apply.";
            return Err(EngineError::invalid("result_unknown", "result", sentence));
        }
        let mut record = Record::from([(key::RESULT, result.into())]);
        input::needed(&mut record, key::STEP, step, "step")?;
        input::text(&mut record, key::NOTE, note, "note")?;
        self.record(|state, maker| one(state, maker, job, section::CHECKLIST, record))
    }

    /// Records a part used, and with the same id its movement out of the technician's van.
    pub fn use_part(&self, job: JobId, part: PartUsed) -> Result<FactId, EngineError> {
        let mut record = part_record(&part)?;
        self.record(|state, maker| {
            state.document(job.into())?;
            let van = match part.not_from_van {
                true => None,
                false => state.van_of(maker.user)?,
            };
            let Some(van) = van else { return one(state, maker, job, section::PARTS, record) };
            let mut movement = record.clone();
            movement.insert(key::KIND, "use".into());
            movement.insert(key::JOB, job.as_bytes().to_vec().into());
            record.insert(key::VAN, van.as_bytes().to_vec().into());
            let (id, part) = maker.fact(state, section::PARTS, record)?;
            let movement = maker.fact_with(state, id, section::MOVEMENTS, movement);
            let works = vec![
                Work { doc: job.into(), entries: vec![part] },
                Work { doc: van.into(), entries: vec![movement] },
            ];
            Ok((id, works))
        })
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

    /// Records what was found or done: `diagnosis`, `cause` or `correction`, in words.
    pub fn finding(&self, job: JobId, kind: &str, text: &str) -> Result<FactId, EngineError> {
        if !matches!(kind, "diagnosis" | "cause" | "correction" | "measurement") {
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

    /// Records the vehicle identification number as it was read on the vehicle.
    pub fn vin(&self, job: JobId, vin: &str) -> Result<FactId, EngineError> {
        let vin = input::vin(vin)?;
        let record = Record::from([(key::KIND, "vin_read".into()), (key::VIN, vin.into())]);
        self.record(|state, maker| one(state, maker, job, section::WORK, record))
    }

    /// Records a photo or file by its hash; its bytes travel apart and hold nothing up.
    pub fn attach(&self, job: JobId, attachment: Attachment) -> Result<FactId, EngineError> {
        let mut record = Record::from([(key::SHA256, attachment.sha256.to_vec().into())]);
        input::needed(&mut record, key::MEDIA_TYPE, &attachment.media_type, "media_type")?;
        input::count(&mut record, key::SIZE, Some(attachment.size), "size")?;
        input::text(&mut record, key::STAGE, attachment.stage, "stage")?;
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
            (key::KIND, Step::WalkUp.word().into()),
            (key::EPOCH, WALK_UP_EPOCH.into()),
        ]);
        if let Some(phone) = seen.phone.filter(|phone| !phone.trim().is_empty()) {
            record.insert(key::PHONE, input::phone(&phone)?.into());
        }
        input::text(&mut record, key::CALLER, seen.caller, "caller")?;
        input::text(&mut record, key::PLATE, seen.plate, "plate")?;
        input::text(&mut record, key::VEHICLE, seen.vehicle, "vehicle")?;
        input::text(&mut record, key::PROBLEM, seen.problem, "problem")?;
        input::text(&mut record, key::ADDRESS, seen.address, "address")?;
        input::text(&mut record, key::NOTE, seen.note, "note")?;
        input::place(&mut record, seen.place)?;
        self.record(|state, maker| {
            let (ms, tail) = maker.id_parts(state)?;
            let job = JobId::new(ms, tail);
            let (_, entry) = maker.fact(state, section::STATUS, record)?;
            Ok((job, vec![Work { doc: job.into(), entries: vec![entry] }]))
        })
    }
}

impl State {
    /// A job that is on this phone, as everything saved makes it.
    pub(super) fn document(&mut self, doc: DocId) -> Result<&Document, EngineError> {
        let replica = self.cache.get(self.store.read(), doc)?;
        let document = replica.document();
        if document.is_empty() { Err(EngineError::NotFound("this job")) } else { Ok(document) }
    }

    /// A technician is out for one job at a time.
    fn free_to_set_off(&mut self, job: JobId, user: UserId, now: i64) -> Result<(), EngineError> {
        let mut out = self.jobs(now)?;
        out.retain(|(id, summary)| {
            *id != job && summary.technician == Some(user) && summary.state.is_active()
        });
        let mut busy = None;
        for (other, summary) in out {
            // The summary does not tell whether the technician has claimed an ending.
            let active = Job::of(self.document(other.into())?).active_technician;
            busy = busy.or((active == Some(user)).then_some((other, summary)));
        }
        let Some((other, summary)) = busy else { return Ok(()) };
        let name = summary.number.unwrap_or_else(|| other.to_string());
        let sentence = format!("You are still out for job {name}; end that one first.");
        Err(EngineError::invalid("another_job_active", "step", sentence))
    }

    /// The van the technician drives, if it is on this phone.
    pub(super) fn van_of(&mut self, user: UserId) -> Result<Option<VanId>, EngineError> {
        for (doc, _) in docs::of_kind(self.store.read(), DocKind::Van)? {
            let replica = self.cache.get(self.store.read(), doc)?;
            let driver = replica.document().field(&section::DETAILS, &key::TECHNICIAN);
            if driver.and_then(Value::as_bytes) == Some(user.as_bytes()) {
                return Ok(doc.van());
            }
        }
        Ok(None)
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

fn part_record(part: &PartUsed) -> Result<Record, EngineError> {
    let mut record = Record::new();
    input::needed(&mut record, key::PART_NO, &part.part_no, "part_no")?;
    if part.quantity <= 0 {
        let sentence = "A quantity is more than zero.";
        return Err(EngineError::invalid("quantity_not_positive", "quantity", sentence));
    }
    record.insert(key::QUANTITY, part.quantity.into());
    let texts: [(Key, &Option<String>, &'static str); 5] = [
        (key::DESCRIPTION, &part.description, "description"),
        (key::UNIT, &part.unit, "unit"),
        (key::CURRENCY, &part.currency, "currency"),
        (key::SERIAL, &part.serial, "serial"),
        (key::BIN, &part.bin, "bin"),
    ];
    for (key, text, field) in texts {
        input::text(&mut record, key, text.clone(), field)?;
    }
    input::count(&mut record, key::UNIT_PRICE, part.unit_price, "unit_price")?;
    input::count(&mut record, key::TAX_RATE, part.tax_rate, "tax_rate")?;
    if part.unit_price.is_some() && !record.contains_key(&key::CURRENCY) {
        let sentence = "A price needs its currency.";
        return Err(EngineError::invalid("currency_missing", "currency", sentence));
    }
    Ok(record)
}

/// The epoch the technician's work belongs to: of the assignments that were theirs, the last.
fn latest_epoch(document: &Document, user: UserId) -> Result<i64, EngineError> {
    job::epochs_of(document, user).into_iter().max().ok_or_else(|| EngineError::Denied {
        code: "job_not_yours".to_owned(),
        sentence: "This job is not and was not assigned to you.".to_owned(),
    })
}

/// Whether a step may come now under this epoch: not twice, and not after the technician's own
/// end of it, unless the office reopened the job since.
fn step_fits(document: &Document, step: Step, epoch: i64) -> Result<(), EngineError> {
    let step_of = |fact: &Fact| {
        let kind = fact.record.get(&key::KIND).and_then(Value::as_text);
        kind.and_then(Step::parse)
    };
    let reopened = document.facts(&section::STATUS).rfind(|f| step_of(f) == Some(Step::Reopened));
    let since = |fact: &&Fact| reopened.is_none_or(|reopened| fact.id > reopened.id);
    let mine = document
        .facts(&section::STATUS)
        .filter(|fact| fact.record.get(&key::EPOCH).and_then(Value::as_int) == Some(epoch));
    let taken: Vec<Step> = mine.filter(since).filter_map(step_of).collect();
    if taken.contains(&step) {
        let sentence = "This step is recorded already.";
        return Err(EngineError::invalid("step_recorded", "step", sentence));
    }
    if taken.contains(&Step::Completed) || taken.contains(&Step::Declined) {
        let sentence = "You have ended this job; the office can reopen it.";
        return Err(EngineError::invalid("job_over", "step", sentence));
    }
    Ok(())
}
