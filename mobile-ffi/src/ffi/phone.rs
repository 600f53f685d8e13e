//! The phone as an object: the verbs of the engine with records and enums.

use std::sync::{Arc, Mutex};

use sync_core::id::{FactId, JobId};

use super::{
    Attached, CheckResult, ChecklistStep, CustomerSeen, CustomerSigner, EnrolledPhone, FindingKind,
    Foreign, ForeignVault, JobSection, Part, PenStroke, PhoneError, PhoneListener, PhoneStatus,
    PhoneWatch, RefusedWork, RescueJob, RescueJobDetail, RescueStep, SealSheet, SealedBy,
    SecretVault, Spot, StepNote, StockItem, SyncResult, TrackAdded, TrackPoint,
};
use crate::{CleartextConnector, Engine, EngineError, Options};

/// A technician's phone over one file.
#[derive(uniffi::Object)]
pub struct RescuePhone {
    engine: Engine,
}

#[uniffi::export]
impl RescuePhone {
    /// Opens the store at `path`, its secret in a file beside it.
    #[uniffi::constructor]
    pub fn open(path: String) -> Result<Arc<Self>, PhoneError> {
        Ok(Arc::new(Self { engine: Engine::open(path, Options::default())? }))
    }

    /// Opens the store at `path`, its secret in the platform's own vault.
    #[uniffi::constructor]
    pub fn open_with_vault(
        path: String,
        vault: Arc<dyn SecretVault>,
    ) -> Result<Arc<Self>, PhoneError> {
        let vault = Some(Arc::new(ForeignVault(vault)) as Arc<dyn crate::Vault>);
        let options = Options { vault, ..Options::default() };
        Ok(Arc::new(Self { engine: Engine::open(path, options)? }))
    }

    /// Opens the store at `path` for a laboratory: a server without TLS is taken, wherever it is,
    /// and anybody on the way to it can read and change everything. Never for people's phones.
    #[uniffi::constructor]
    pub fn open_allowing_cleartext(path: String) -> Result<Arc<Self>, PhoneError> {
        let connector = Arc::new(CleartextConnector);
        let options = Options { connector, ..Options::default() };
        Ok(Arc::new(Self { engine: Engine::open(path, options)? }))
    }

    /// Enrols this phone with a code from the office; show the six digits.
    pub fn enrol(
        &self,
        server_url: String,
        code: String,
        name: String,
    ) -> Result<EnrolledPhone, PhoneError> {
        Ok(self.engine.enrol(&server_url, &code, &name)?.into())
    }

    /// Whether new work would find room and an owner: ask before a form is opened.
    pub fn ready_to_record(&self) -> Result<(), PhoneError> {
        Ok(self.engine.ready_to_record()?)
    }

    /// The jobs, oldest first.
    pub fn jobs(&self) -> Result<Vec<RescueJob>, PhoneError> {
        let jobs = self.engine.jobs()?.into_iter();
        Ok(jobs.map(|(id, summary)| RescueJob::of(id, summary)).collect())
    }

    /// One job.
    pub fn job(&self, job: String) -> Result<RescueJobDetail, PhoneError> {
        let now = self.engine.server_clock();
        Ok(RescueJobDetail::of(self.engine.job(id(&job)?)?, now))
    }

    /// Records a step, with what is told beside it; gives the id of the fact, which is saved.
    #[uniffi::method(default(note = None))]
    pub fn record_step(
        &self,
        job: String,
        step: RescueStep,
        note: Option<StepNote>,
    ) -> Result<String, PhoneError> {
        fact(self.engine.step(id(&job)?, step.into(), note.unwrap_or_default().into()))
    }

    /// Records the result of a checklist step.
    #[uniffi::method(default(note = None))]
    pub fn record_check(
        &self,
        job: String,
        step: ChecklistStep,
        result: CheckResult,
        note: Option<String>,
    ) -> Result<String, PhoneError> {
        let step = String::from(step);
        fact(self.engine.checklist(id(&job)?, &step, result.as_str(), note))
    }

    /// Records a part used, and its movement out of the van.
    pub fn use_part(&self, job: String, part: Part) -> Result<String, PhoneError> {
        fact(self.engine.use_part(id(&job)?, part.into()))
    }

    /// Takes back a fact recorded by mistake, and says in words why.
    pub fn take_back(
        &self,
        job: String,
        section: JobSection,
        fact_id: String,
        reason: String,
    ) -> Result<String, PhoneError> {
        let named: FactId = fact_id.parse().map_err(|_| invalid("fact", "This is no id."))?;
        fact(self.engine.take_back(id(&job)?, section.into(), named, &reason))
    }

    /// Records a remark.
    pub fn add_note(&self, job: String, text: String) -> Result<String, PhoneError> {
        fact(self.engine.note(id(&job)?, &text))
    }

    /// Records a diagnosis, cause, correction or measurement.
    pub fn add_finding(
        &self,
        job: String,
        kind: FindingKind,
        text: String,
    ) -> Result<String, PhoneError> {
        fact(self.engine.finding(id(&job)?, kind.as_str(), &text))
    }

    /// Records the odometer, kilometres.
    pub fn read_odometer(&self, job: String, kilometres: i64) -> Result<String, PhoneError> {
        fact(self.engine.odometer(id(&job)?, kilometres))
    }

    /// Records the VIN as it was read.
    pub fn read_vin(&self, job: String, vin: String) -> Result<String, PhoneError> {
        fact(self.engine.vin(id(&job)?, &vin))
    }

    /// Records a photo or file by its hash.
    pub fn attach(&self, job: String, file: Attached) -> Result<String, PhoneError> {
        fact(self.engine.attach(id(&job)?, file.try_into()?))
    }

    /// Opens a job for a customer met at the roadside; gives its id.
    pub fn walk_up(&self, seen: CustomerSeen) -> Result<String, PhoneError> {
        Ok(self.engine.walk_up(seen.into())?.to_string())
    }

    /// Stock of the technician's van; empty where they drive none.
    pub fn stock(&self) -> Result<Vec<StockItem>, PhoneError> {
        let van = self.engine.stock()?;
        Ok(van.into_iter().flat_map(|van| van.stock.lines).map(Into::into).collect())
    }

    /// What a signer is to see of a job: show its text, and seal the same sheet.
    pub fn seal_sheet(
        &self,
        job: String,
        signer: CustomerSigner,
    ) -> Result<Arc<SealSheet>, PhoneError> {
        Ok(Arc::new(SealSheet(self.engine.seal_prompt(id(&job)?, signer.into())?)))
    }

    /// Seals what a sheet showed with the pen's strokes; gives the id of the fact.
    #[uniffi::method(default(spot = None))]
    pub fn seal(
        &self,
        sheet: Arc<SealSheet>,
        strokes: Vec<PenStroke>,
        spot: Option<Spot>,
    ) -> Result<String, PhoneError> {
        let strokes = strokes.into_iter().map(Into::into).collect();
        fact(self.engine.seal(sheet.0.clone(), strokes, spot.map(Into::into)))
    }

    /// The seals of a job, and whether the job still is as each was signed.
    pub fn seals(&self, job: String) -> Result<Vec<SealedBy>, PhoneError> {
        Ok(self.engine.seals(id(&job)?)?.into_iter().map(Into::into).collect())
    }

    /// Adds points of where the phone is to a bounded queue, at most 1,000 at a time; the next sync
    /// sends them. A point that is none is told and keeps no other back.
    pub fn add_positions(&self, points: Vec<TrackPoint>) -> Result<TrackAdded, PhoneError> {
        let mut measured = Vec::with_capacity(points.len());
        for point in &points {
            let job = point.job.as_deref().map(id).transpose()?;
            measured.push(point.measured(job));
        }
        Ok(self.engine.add_positions(&measured)?.into())
    }

    /// Brings phone and office together now.
    pub fn sync_now(&self) -> Result<SyncResult, PhoneError> {
        Ok(self.engine.sync_now()?.into())
    }

    /// Ends the sync under way, if there is one; what it brought is stored, and the rest goes with the
    /// next.
    pub fn cancel_sync(&self) {
        self.engine.cancel_sync();
    }

    /// The phone's status.
    pub fn status(&self) -> Result<PhoneStatus, PhoneError> {
        Ok(self.engine.status()?.into())
    }

    /// What the office's server refused, newest first.
    pub fn refused(&self) -> Result<Vec<RefusedWork>, PhoneError> {
        Ok(self.engine.refused()?.into_iter().map(Into::into).collect())
    }

    /// Writes all work that waits to a file for the office; how many changes. A phone that was restored
    /// without its key is free for another technician after that.
    pub fn export_work(&self, path: String) -> Result<u64, PhoneError> {
        Ok(self.engine.export_work(path)?)
    }

    /// Tells the listener of every change until the watch is stopped or dropped.
    pub fn watch(&self, listener: Arc<dyn PhoneListener>) -> Result<Arc<PhoneWatch>, PhoneError> {
        let watch = self.engine.watch(Arc::new(Foreign(listener)));
        Ok(Arc::new(PhoneWatch(Mutex::new(Some(watch)))))
    }
}

fn id(job: &str) -> Result<JobId, PhoneError> {
    job.parse().map_err(|_| invalid("job", "This is no id of a job."))
}

fn fact(saved: Result<FactId, EngineError>) -> Result<String, PhoneError> {
    Ok(saved?.to_string())
}

fn invalid(field: &str, sentence: &str) -> PhoneError {
    PhoneError::Invalid {
        code: "malformed".to_owned(),
        field: field.to_owned(),
        sentence: sentence.to_owned(),
    }
}
