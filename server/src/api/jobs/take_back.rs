//! Taking back what stands in a job: steps, parts, charges, findings, photos, remarks, decisions.

use axum::extract::State;
use sync_core::change::Entry;
use sync_core::document::{Document, Fact};
use sync_core::id::{FactId, JobId};
use sync_core::job::{Job, Step, reopened_by};
use sync_core::schema::{Section, key, section};
use sync_core::value::Value;

use super::{Answer, JobView, answer, begin_fact, find};
use crate::api::edit;
use crate::api::take_back::{self, Reversal, Told, Why};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::{Code, IfMatch, Json, MaybeIfMatch, Operation, Problem, Two};

/// What the desk may take back.
const SECTIONS: [Section; 8] = [
    section::STATUS,
    section::PARTS,
    section::CHARGES,
    section::WORK,
    section::ATTACHMENTS,
    section::NOTES,
    section::DECISIONS,
    section::FEEDBACK,
];

/// Takes back what was recorded by mistake: a step, a part, a charge, a finding, a photo, a remark, a
/// decision. It is kept and shown, and counts no more.
///
/// A completion or a claim that is taken back has the job go on; a cancellation that is taken back
/// reopens it. The ids are those of the lists and the timeline.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/facts/{fact}/take-back", tag = "jobs", operation_id = "take_back_job_fact",
    request_body = Why,
    params(
        ("id" = inline(JobId), Path, description = "The job."),
        ("fact" = inline(FactId), Path, description = "What is taken back."),
        MaybeIfMatch,
    ),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: it was taken back before, or the dealership system has the job.")),
)]
pub async fn take_back(
    State(app): State<App>,
    caller: Staff,
    Two(id, fact): Two<JobId, FactId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Why>,
) -> Answer {
    run(&app, &caller, (id, fact), seen, operation, (Reversal::TakeBack, why)).await
}

/// Lets stand again what was taken back by mistake: the other direction of `take-back`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/facts/{fact}/restore", tag = "jobs", operation_id = "restore_job_fact",
    request_body = Why,
    params(
        ("id" = inline(JobId), Path, description = "The job."),
        ("fact" = inline(FactId), Path, description = "What was taken back."),
        MaybeIfMatch,
    ),
    responses((status = 200, body = JobView), (status = 409, description = "wrong_state: it stands, or the dealership system has the job.")),
)]
pub async fn restore(
    State(app): State<App>,
    caller: Staff,
    Two(id, fact): Two<JobId, FactId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Why>,
) -> Answer {
    run(&app, &caller, (id, fact), seen, operation, (Reversal::Restore, why)).await
}

async fn run(
    app: &App,
    caller: &Caller,
    (id, fact): (JobId, FactId),
    seen: Option<IfMatch>,
    operation: Operation,
    (way, why): (Reversal, Why),
) -> Answer {
    let told = why.checked()?;
    let (document, _) = find(app, caller, id).await?;
    let (section, _) = take_back::section_of(&document, &SECTIONS, fact)?;
    let expect = begin_fact(app, caller, id, seen.as_ref(), &operation, &section).await?;
    let action = match way {
        Reversal::TakeBack => "job.take_back",
        Reversal::Restore => "job.restore",
    };
    let note = caller.note(action, id).detail(told.detail(fact));
    let now = app.now();
    let edited = edit::edit(app, caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section) {
            return Ok(Vec::new());
        }
        let found = document.fact(&section, &fact).ok_or_else(Problem::not_found)?;
        if section == section::STATUS {
            return steps(document, &operation, found, (way, &told), now);
        }
        take_back::entries(document, &operation, &section, found, (way, &told), now)
    })
    .await?;
    answer(app, caller.tenant(), edited).await
}

/// A step is taken back by a reopening that names it.
fn steps(
    document: &Document,
    operation: &Operation,
    step: &Fact,
    (way, told): (Reversal, &Told),
    now: i64,
) -> Result<Vec<Entry>, Problem> {
    let kind = step.record.get(&key::KIND).and_then(Value::as_text).and_then(Step::parse);
    if matches!(kind, None | Some(Step::WalkUp | Step::Reopened)) {
        let detail = match kind {
            Some(Step::Reopened) => "Name the step that was taken back, and restore that.",
            _ => "The step that opened the job stays. Cancel the job instead.",
        };
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    if Job::of(document).is_accepted() {
        let detail = "The dealership system has accepted the job; it stays as it is.";
        return Err(Problem::new(Code::WrongState).detail(detail));
    }
    let named = take_back::named(way, step.id, reopened_by(document, step))?;
    let each = (0..=u8::MAX).zip(named).filter_map(|(n, named)| {
        let kind = [(key::KIND, Step::Reopened.as_str().into())];
        let pairs = kind.into_iter().chain(told.pairs(named));
        edit::fact(document, operation, n, section::STATUS, now, pairs)
    });
    Ok(each.collect())
}
