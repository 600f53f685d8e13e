//! The review queue: submissions of revoked phones, to be accepted or discarded.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::AnyConnection;
use store::rows::audit::Note;
use store::rows::columns::{self, Raw as _};
use store::rows::devices;
use store::rows::submissions::{self, Decision, Submission, SubmissionState};
use sync_core::admission::Verdict;
use sync_core::change::{Change, Entry};
use sync_core::codes;
use sync_core::id::{DeviceId, FactId, UserId};
use sync_core::schema::Section;
use sync_core::sync::{Submitted, decode_request, decode_verdict_list, encode_verdict_list};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, Id, Json, List, Problem, Query};
use crate::sync::revoked::{self, SubmissionSummary};
use crate::sync::{Phone, admit};

/// Refused changes that a submission lists.
const LISTED: usize = 100;

/// One submission.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubmissionView {
    /// Its id.
    pub id: FactId,
    /// The phone.
    pub device: DeviceId,
    /// The technician.
    pub user: UserId,
    /// When, Unix milliseconds.
    pub received_at: i64,
    /// Changes in it.
    pub changes: i64,
    /// What was decided; `partly_accepted` where a rule refused some or all of what someone accepted.
    pub state: SubmissionState,
    /// Changes that were refused.
    pub refused_count: i64,
    /// Which, the first hundred of them.
    pub refused: Vec<RefusedChange>,
    /// When someone decided, Unix milliseconds.
    pub decided_at: Option<i64>,
    /// Who.
    pub decided_by: Option<UserId>,
    /// Ids of the documents it is about, the first hundred of them.
    pub documents: Vec<String>,
    /// When the phone was revoked or its technician deactivated, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// Changes that say they were recorded after that. A phone's clock may be wrong; what was
    /// recorded after it for certain is refused when the rest is accepted.
    pub late: i64,
}

/// A change of a submission that was refused. The phone keeps it, with the reason.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RefusedChange {
    /// Id of the document it was for.
    pub document: String,
    /// When it was saved, Unix milliseconds by the phone's clock.
    pub recorded_at: i64,
    /// Sections it wrote to, such as `notes`, each once.
    pub sections: Vec<String>,
    /// Stable code of the reason.
    pub code: String,
    /// The reason in one plain sentence.
    pub sentence: String,
}

/// What accepting brought.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// `accepted`; `partly_accepted` where some or all of it was refused; or `waiting` while some of
    /// it cannot be checked, because what it follows is not here yet or this server is too old for it:
    /// accept it again later.
    pub state: SubmissionState,
    /// Changes by verdict: `durable`, or the code of a refusal, such as
    /// `recorded_after_revocation`.
    pub verdicts: BTreeMap<String, u64>,
    /// The changes that were refused, the first hundred of them.
    pub refused: Vec<RefusedChange>,
}

/// Where each change of a submission belongs.
struct Changed(Vec<(String, i64, Vec<String>)>);

impl Changed {
    fn of(runs: &[Submitted]) -> Self {
        let of_run = |run: &Submitted| {
            let run = run.run();
            let document = uuid::Uuid::from_bytes(*run.doc.as_bytes()).to_string();
            let place = |change: &Change| {
                let sections: BTreeSet<String> =
                    change.entries.iter().map(|it| section(it).to_string()).collect();
                (document.clone(), change.time, sections.into_iter().collect())
            };
            run.changes.iter().map(place).collect::<Vec<_>>()
        };
        Self(runs.iter().flat_map(of_run).collect())
    }
}

fn section(entry: &Entry) -> &Section {
    match entry {
        Entry::Fact { section, .. }
        | Entry::Field { section, .. }
        | Entry::Section { name: section } => section,
    }
}

impl Accepted {
    fn of(state: SubmissionState, verdicts: &[Verdict], changes: &Changed) -> Self {
        let mut counts = BTreeMap::new();
        let mut refused = Vec::new();
        for (verdict, (document, recorded_at, sections)) in verdicts.iter().zip(&changes.0) {
            *counts.entry(verdict.code().to_owned()).or_insert(0) += 1;
            if let Verdict::Refused { code, sentence } = verdict
                && refused.len() < LISTED
            {
                refused.push(RefusedChange {
                    document: document.clone(),
                    recorded_at: *recorded_at,
                    sections: sections.clone(),
                    code: code.clone(),
                    sentence: sentence.clone(),
                });
            }
        }
        Self { state, verdicts: counts, refused }
    }
}

fn decision(
    state: SubmissionState,
    verdicts: &[Verdict],
    refused: &[RefusedChange],
) -> Result<Decision, Problem> {
    let count = verdicts.iter().filter(|it| matches!(it, Verdict::Refused { .. })).count();
    Ok(Decision {
        state,
        verdicts: encode_verdict_list(verdicts),
        refused: serde_json::to_string(refused).map_err(Problem::internal)?,
        refused_count: i64::try_from(count).unwrap_or(i64::MAX),
    })
}

/// Submissions of revoked phones, newest first. Staff of one branch see that of its people.
#[utoipa::path(
    get, path = "/v1/submissions", tag = "devices", operation_id = "list_submissions",
    params(PageQuery),
    responses((status = 200, body = Page<SubmissionView>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<SubmissionView>>, Problem> {
    let before = page.after(List::Submissions)?.map_or_else(|| vec![0xff; 16], |cursor| cursor.id);
    let rows = page.rows()?;
    let mut connection = app.read().await?;
    let (tenant, branch) = (caller.tenant(), caller.branch());
    let found = submissions::list(&mut connection, tenant, branch, before, rows + 1).await?;
    let mut items = Vec::with_capacity(found.len());
    for row in found {
        items.push(shown(&mut connection, &caller, row).await?);
    }
    let place = |item: &SubmissionView| Cursor { key: item.received_at, id: item.id.raw() };
    Ok(Json(Page::cut(List::Submissions, items, rows, place)))
}

/// Accepts a submission in the technician's name. A repeat changes nothing.
///
/// What of a document was all recorded after the phone was revoked, as far as its clocks make that
/// certain, is refused. Where only some of it was, the person who accepts has decided.
#[utoipa::path(
    post, path = "/v1/submissions/{id}/accept", tag = "devices", operation_id = "accept_submission",
    params(("id" = inline(FactId), Path, description = "The submission.")),
    responses((status = 200, body = Accepted), (status = 409, description = "wrong_state: already discarded.")),
)]
pub async fn accept(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<FactId>,
) -> Result<Json<Accepted>, Problem> {
    let mut connection = app.read().await?;
    let found = find(&mut connection, &caller, id).await?.ok_or_else(Problem::not_found)?;
    let device = devices::get(&mut connection, caller.tenant(), found.device).await?;
    let frame = submissions::frame(&mut connection, caller.tenant(), id).await?;
    let kept = submissions::verdicts(&mut connection, caller.tenant(), id).await?;
    drop(connection);
    if found.state == SubmissionState::Discarded {
        return Err(Problem::new(Code::WrongState).detail("Already discarded."));
    }
    let phone = device.as_ref().and_then(Phone::recorded).ok_or_else(Problem::not_found)?;
    let held = hold(&app, &caller, id, found.state).await?;
    let taken_in = take_in(&app, &caller, found, &phone, Kept { frame, verdicts: kept }).await;
    let is_decided = matches!(&taken_in, Ok(it) if it.state != SubmissionState::Waiting);
    if let (Some(since), false) = (held, is_decided) {
        let (tenant, by) = (caller.tenant(), caller.user());
        app.store
            .write::<(), Problem, _>(move |tx| {
                Box::pin(async move { Ok(submissions::let_go(tx, tenant, id, by, since).await?) })
            })
            .await?;
    }
    taken_in.map(Json)
}

/// Holds a submission for the caller, so that nobody discards what is being taken in. One that was
/// accepted is taken in again without: a repeat changes nothing.
async fn hold(
    app: &App,
    caller: &Caller,
    id: FactId,
    state: SubmissionState,
) -> Result<Option<i64>, Problem> {
    if state != SubmissionState::Waiting {
        return Ok(None);
    }
    let (now, tenant, by) = (app.now(), caller.tenant(), caller.user());
    let held = app.store.write::<bool, Problem, _>(move |tx| {
        Box::pin(async move { Ok(submissions::begin(tx, tenant, id, by, now).await?) })
    });
    match held.await? {
        true => Ok(Some(now)),
        false => decided(app, caller, id, SubmissionState::Accepted).await.map(|()| None),
    }
}

/// What a submission that could not be decided by this caller was decided before, if it is the same.
///
/// # Errors
/// `wrong_state`.
async fn decided(
    app: &App,
    caller: &Caller,
    id: FactId,
    wanted: SubmissionState,
) -> Result<(), Problem> {
    let mut connection = app.read().await?;
    let found = find(&mut connection, caller, id).await?.ok_or_else(Problem::not_found)?;
    let detail = match found.state {
        state if state == wanted || (state.is_accepted() && wanted.is_accepted()) => return Ok(()),
        SubmissionState::Waiting => "It is being accepted. Look again in a minute.".to_owned(),
        state => format!("Already {}.", state.as_str()),
    };
    Err(Problem::new(Code::WrongState).detail(detail))
}

/// What is kept of a submission.
struct Kept {
    /// The frame as it came.
    frame: Vec<u8>,
    /// What was decided for each of its changes.
    verdicts: Option<Vec<u8>>,
}

/// Takes in what a phone submitted, and says so if that was all of it.
async fn take_in(
    app: &App,
    caller: &Caller,
    found: SubmissionView,
    phone: &Phone,
    kept: Kept,
) -> Result<Accepted, Problem> {
    let id = found.id;
    let request = decode_request(&kept.frame).map_err(Problem::internal)?;
    let runs = revoked::submitted(phone, request)?;
    let changes = Changed::of(&runs);
    if found.state != SubmissionState::Waiting
        && let Some(kept) = &kept.verdicts
    {
        // Nothing is decided twice.
        let verdicts = decode_verdict_list(kept).map_err(Problem::internal)?;
        return Ok(Accepted::of(found.state, &verdicts, &changes));
    }
    let late = |run: &Submitted| {
        found.revoked_at.is_some_and(|revoked_at| revoked::is_all_late(run, revoked_at))
    };
    let late: Vec<bool> = runs.iter().map(late).collect();
    let lengths: Vec<usize> = runs.iter().map(|run| run.run().changes.len()).collect();
    let in_time = runs.into_iter().zip(&late).filter(|(_, late)| !**late).map(|(run, _)| run);
    // The frame with its signature is kept as it came: that is the evidence.
    let mut judged = admit(app, phone, in_time.collect(), None).await?.into_iter();
    let code = codes::RECORDED_AFTER_REVOCATION;
    let mut verdicts = Vec::new();
    for (late, changes) in late.into_iter().zip(lengths) {
        match late {
            true => verdicts.extend(vec![Verdict::refused(code.word, code.sentence); changes]),
            false => verdicts.extend(judged.next().unwrap_or_default()),
        }
    }
    if verdicts.iter().any(|it| matches!(it, Verdict::Missing(_) | Verdict::Later { .. })) {
        return Ok(Accepted::of(SubmissionState::Waiting, &verdicts, &changes));
    }
    let state = match verdicts.iter().all(Verdict::is_durable) {
        true => SubmissionState::Accepted,
        false => SubmissionState::PartlyAccepted,
    };
    let accepted = Accepted::of(state, &verdicts, &changes);
    // An attempt that breaks off here is simply made again.
    let note = caller.note("handed_in.accept", id).detail(json!(accepted.verdicts));
    decide(app, caller, id, decision(state, &verdicts, &accepted.refused)?, note).await?;
    Ok(accepted)
}

/// Discards a submission; it is kept, and counts for nothing.
#[utoipa::path(
    post, path = "/v1/submissions/{id}/discard", tag = "devices", operation_id = "discard_submission",
    params(("id" = inline(FactId), Path, description = "The submission.")),
    responses((status = 200, body = SubmissionView), (status = 409, description = "wrong_state: already accepted.")),
)]
pub async fn discard(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<FactId>,
) -> Result<Json<SubmissionView>, Problem> {
    let mut connection = app.read().await?;
    let found = find(&mut connection, &caller, id).await?.ok_or_else(Problem::not_found)?;
    if found.state.is_accepted() {
        return Err(Problem::new(Code::WrongState).detail("Already accepted."));
    }
    let frame = submissions::frame(&mut connection, caller.tenant(), id).await?;
    drop(connection);
    let request = decode_request(&frame).map_err(Problem::internal)?;
    let code = codes::DISCARDED;
    let changes: usize = request.runs.iter().map(|sent| sent.run().changes.len()).sum();
    let verdicts = vec![Verdict::refused(code.word, code.sentence); changes];
    let note = caller.note("handed_in.discard", id);
    decide(&app, &caller, id, decision(SubmissionState::Discarded, &verdicts, &[])?, note).await?;
    let mut connection = app.read().await?;
    find(&mut connection, &caller, id).await?.map(Json).ok_or_else(Problem::not_found)
}

/// One of them, if it is of someone the caller may see.
async fn find(
    connection: &mut AnyConnection,
    caller: &Caller,
    id: FactId,
) -> Result<Option<SubmissionView>, sqlx::Error> {
    match submissions::get(connection, caller.tenant(), caller.branch(), id).await? {
        Some(row) => shown(connection, caller, row).await.map(Some),
        None => Ok(None),
    }
}

async fn decide(
    app: &App,
    caller: &Caller,
    id: FactId,
    decision: Decision,
    note: Note,
) -> Result<(), Problem> {
    let (now, tenant, by) = (app.now(), caller.tenant(), caller.user());
    let state = decision.state;
    let done = app.store.write::<bool, Problem, _>(move |tx| {
        Box::pin(async move {
            let done = submissions::decide(tx, tenant, id, decision, by, now).await?;
            if done {
                note.write(tx, now).await?;
            }
            Ok(done)
        })
    });
    if done.await? { Ok(()) } else { decided(app, caller, id, state).await }
}

async fn shown(
    connection: &mut AnyConnection,
    caller: &Caller,
    row: Submission,
) -> Result<SubmissionView, sqlx::Error> {
    let summary = match (row.documents, row.late) {
        (Some(documents), Some(late)) => {
            let documents = documents.split_whitespace().map(str::to_owned).collect();
            SubmissionSummary { documents, late }
        }
        // From before they were kept beside the frame.
        _ => {
            let frame = submissions::frame(connection, caller.tenant(), row.id).await?;
            let request = decode_request(&frame).map_err(|_| columns::broken("frame"))?;
            SubmissionSummary::of(&request, row.revoked_at)
        }
    };
    let refused = row.refused.as_deref().map(serde_json::from_str).transpose();
    let refused: Vec<RefusedChange> =
        refused.map_err(|_| columns::broken("refused"))?.unwrap_or_default();
    let refused_count = row.refused_count.unwrap_or_default();
    Ok(SubmissionView {
        refused_count,
        refused,
        id: row.id,
        device: row.device,
        user: row.user,
        received_at: row.received_at,
        changes: row.changes,
        state: row.state,
        decided_at: row.decided_at,
        decided_by: row.decided_by,
        documents: summary.documents,
        revoked_at: row.revoked_at,
        late: summary.late,
    })
}
