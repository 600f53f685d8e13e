//! The steps of the plan as the technician's app would call them.

use mobile_ffi::{Attachment, Engine, EngineError, PartUsed, Place, StepDetails, WalkUp};
use sha2::{Digest as _, Sha256};
use sync_core::id::{FactId, JobId};
use sync_core::job::Step as Status;
use sync_core::schema::{DocId, DocKind, Key, Section, key, section};
use sync_core::seal::{Point, Signer};
use sync_core::value::Value;
use tests::day::{Act, Language, Plan, Step};
use tests::ledger::FactKey;

/// Who records and where.
pub struct Context<'a> {
    /// The day.
    pub plan: &'a Plan,
    /// Position of the technician.
    pub technician: usize,
    /// Where the phone is, 1e-7 degrees.
    pub place: (i64, i64),
}

/// A fact the phone says it saved, and what it was asked to save.
pub struct Saved {
    /// Which fact.
    pub key: FactKey,
    /// What it must say at least.
    pub asked: Vec<(Key, Value)>,
}

/// Records one step. `job` is absent only for a job that is opened by it.
pub fn perform(
    engine: &Engine,
    context: &Context<'_>,
    step: &Step,
    job: Option<JobId>,
) -> Result<Vec<Saved>, EngineError> {
    if step.act == Act::WalkUp {
        return walk_up(engine, context, step);
    }
    let Some(job) = job else { return Err(EngineError::NotFound("this job")) };
    let status = |step: Status, details: StepDetails| {
        let id = engine.step(job, step, details)?;
        one(job, section::STATUS, id, vec![(key::KIND, step.as_str().into())])
    };
    let here =
        Place { lat: context.place.0, lon: context.place.1, accuracy: Some(80), as_said: false };
    let plain = StepDetails { place: Some(here), ..StepDetails::default() };
    match &step.act {
        Act::WalkUp => walk_up(engine, context, step),
        Act::Accepted => status(Status::Accepted, StepDetails::default()),
        Act::Declined { reason } => {
            let reason = Some((*reason).to_owned());
            status(Status::Declined, StepDetails { reason, ..StepDetails::default() })
        }
        Act::EnRoute => status(Status::EnRoute, plain),
        Act::OnScene => status(Status::OnScene, plain),
        Act::Working => status(Status::Working, StepDetails::default()),
        Act::InTow { destination } => {
            let destination = Some(destination.clone());
            status(Status::InTow, StepDetails { destination, ..plain })
        }
        Act::AtDestination { recipient } => {
            let recipient = Some(recipient.clone());
            status(Status::AtDestination, StepDetails { recipient, ..plain })
        }
        Act::Photo { stage } => {
            // What a camera would have given: its bytes stay on the phone, their hash travels.
            let bytes = format!("{job} {stage} {}", step.at_ms);
            let sha256: [u8; 32] = Sha256::digest(&bytes).into();
            let photo = Attachment {
                sha256,
                media_type: "image/jpeg".to_owned(),
                size: 1_800_000,
                stage: Some((*stage).to_owned()),
                note: None,
            };
            let id = engine.attach(job, photo)?;
            let asked = vec![(key::SHA256, sha256.to_vec().into()), (key::STAGE, (*stage).into())];
            one(job, section::ATTACHMENTS, id, asked)
        }
        Act::Goa { attempts } => {
            status(Status::Goa, StepDetails { attempts: Some(*attempts), ..plain })
        }
        Act::Unsuccessful { reason } => {
            let reason = Some((*reason).to_owned());
            status(Status::Unsuccessful, StepDetails { reason, ..plain })
        }
        Act::Completed { unsigned } => {
            let reason = unsigned.map(str::to_owned);
            status(Status::Completed, StepDetails { reason, ..plain })
        }
        Act::Check { step, result } => {
            let id = engine.checklist(job, step, result, None)?;
            let asked = vec![(key::STEP, (*step).into()), (key::RESULT, (*result).into())];
            one(job, section::CHECKLIST, id, asked)
        }
        Act::Odometer { km } => {
            let id = engine.odometer(job, *km)?;
            one(job, section::WORK, id, vec![(key::ODOMETER, (*km).into())])
        }
        Act::Finding { kind, text } => {
            let id = engine.finding(job, kind, text)?;
            let asked = vec![(key::KIND, (*kind).into()), (key::TEXT, (*text).into())];
            one(job, section::WORK, id, asked)
        }
        Act::UsePart { part, quantity } => use_part(engine, context, job, *part, *quantity),
        Act::Note { text } => {
            let id = engine.note(job, text)?;
            one(job, section::NOTES, id, vec![(key::TEXT, text.as_str().into())])
        }
        Act::Sign { name, role, strokes } => sign(engine, context, job, (name, role), strokes),
    }
}

fn one(
    doc: impl Into<DocId>,
    section: Section,
    id: FactId,
    asked: Vec<(Key, Value)>,
) -> Result<Vec<Saved>, EngineError> {
    Ok(vec![Saved { key: FactKey { doc: doc.into(), section, id }, asked }])
}

fn walk_up(engine: &Engine, context: &Context<'_>, step: &Step) -> Result<Vec<Saved>, EngineError> {
    let planned = &context.plan.jobs[step.job];
    let call = &planned.call;
    let at = call.place.unwrap_or(context.place);
    let job = engine.walk_up(WalkUp {
        caller: call.caller.clone(),
        phone: call.phone.clone(),
        plate: call.plate.clone(),
        vehicle: Some(planned.vehicle.clone()),
        problem: Some(call.problem.to_owned()),
        address: Some(call.address.clone()),
        place: Some(Place { lat: at.0, lon: at.1, accuracy: Some(120), as_said: false }),
        note: None,
    })?;
    let document = engine.document(job.into())?;
    let facts = document.facts(&section::STATUS).map(|fact| Saved {
        key: FactKey { doc: job.into(), section: section::STATUS, id: fact.id },
        asked: vec![(key::KIND, "walk_up".into()), (key::PROBLEM, call.problem.into())],
    });
    Ok(facts.collect())
}

fn use_part(
    engine: &Engine,
    context: &Context<'_>,
    job: JobId,
    part: usize,
    quantity: i64,
) -> Result<Vec<Saved>, EngineError> {
    let part = &context.plan.parts[part];
    let id = engine.use_part(
        job,
        PartUsed {
            part_no: part.number.to_owned(),
            description: Some(part.description.to_owned()),
            quantity,
            unit: Some(part.unit.to_owned()),
            unit_price: Some(part.price),
            currency: Some(part.currency.to_owned()),
            tax_rate: Some(500),
            ..PartUsed::default()
        },
    )?;
    let asked = || vec![(key::PART_NO, part.number.into()), (key::QUANTITY, Value::Int(quantity))];
    let mut saved = one(job, section::PARTS, id, asked())?;
    let document = engine.document(job.into())?;
    let fact = document.fact(&section::PARTS, &id);
    let van = fact.and_then(|fact| fact.record.get(&key::VAN)).and_then(Value::as_bytes);
    let van = van.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    if let Some(van) = van.and_then(|bytes| DocId::new(DocKind::Van, bytes).ok()) {
        // With the same id, the part leaves the van.
        saved.extend(one(van, section::MOVEMENTS, id, asked())?);
    }
    Ok(saved)
}

fn sign(
    engine: &Engine,
    context: &Context<'_>,
    job: JobId,
    (name, role): (&str, &str),
    strokes: &[tests::day::Stroke],
) -> Result<Vec<Saved>, EngineError> {
    let language = context.plan.technicians[context.technician].language;
    let statement = match language {
        Language::Traditional => "本人確認以上服務項目與金額無誤。",
        Language::Simplified => "本人确认以上服务项目与金额无误。",
        Language::English => "I confirm the work and the amounts shown above.",
    };
    let prompt = engine.seal_prompt(
        job,
        Signer {
            name: name.to_owned(),
            role: role.to_owned(),
            language: language.tag().to_owned(),
            statement: statement.to_owned(),
        },
    )?;
    let shown = prompt.text.clone();
    let here =
        Place { lat: context.place.0, lon: context.place.1, accuracy: Some(80), as_said: false };
    let pen = |point: &tests::day::Point| Point {
        // A screen point is about 0.16 mm.
        x: (point.x * 16 / 10) as i32,
        y: (point.y * 16 / 10) as i32,
        t: point.at_ms as u32,
        pressure: point.pressure as u16,
    };
    let strokes = strokes.iter().map(|stroke| stroke.iter().map(pen).collect()).collect();
    let id = engine.seal(prompt, strokes, Some(here))?;
    one(job, section::SIGNATURES, id, vec![(key::SHOWN, shown.into())])
}
