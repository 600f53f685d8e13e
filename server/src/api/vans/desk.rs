//! Remarks on a van, and taking back what was recorded of it by mistake.

use axum::extract::State;
use serde::Deserialize;
use store::writer::Expect;
use sync_core::id::{FactId, VanId};
use sync_core::schema::{Section, key, section};
use utoipa::ToSchema;

use super::{VanView, period, record, view, written};
use crate::api::take_back::{self, Reversal, Why};
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::{ETag, Id, IfMatch, Json, MaybeIfMatch, Operation, Problem, Two};

/// What the desk may take back; movements and counts need a manager.
const SECTIONS: [Section; 3] = [section::NOTES, section::MOVEMENTS, section::COUNTS];

/// A remark on a van or a technician.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "The winch pulls to the left; workshop on Friday."}))]
pub struct Remark {
    /// The text.
    #[schema(min_length = 1, max_length = 4000)]
    pub text: String,
}

type Answer = Result<(ETag, Json<VanView>), Problem>;

/// Adds a remark to a van.
#[utoipa::path(
    post, path = "/v1/vans/{id}/notes", tag = "vans", operation_id = "add_van_note",
    request_body = Remark,
    params(("id" = inline(VanId), Path, description = "The van.")),
    responses((status = 200, body = VanView)),
)]
pub async fn add_note(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<VanId>,
    operation: Operation,
    Json(remark): Json<Remark>,
) -> Answer {
    view(&app, &caller, id).await?;
    let text = check::text("text", &remark.text, 4000)?;
    let (now, tenant) = (app.now(), caller.tenant());
    let record = record(&app, &caller, id, None).await?;
    if period::has_done(&app.store, tenant, record, &operation, &section::NOTES).await? {
        return view(&app, &caller, id).await;
    }
    let note = caller.note("van.note", id);
    edit::edit(&app, &caller, record.into(), Expect::Existing, note, move |document| {
        let pairs = [(key::TEXT, text.into())];
        Ok(edit::fact(document, &operation, 0, section::NOTES, now, pairs).into_iter().collect())
    })
    .await?;
    written(&app, &caller, id).await
}

/// Takes back a remark, a movement of stock or a count of a van. Movements and counts are for managers
/// and administrators.
#[utoipa::path(
    post, path = "/v1/vans/{id}/facts/{fact}/take-back", tag = "vans", operation_id = "take_back_van_fact",
    request_body = Why,
    params(
        ("id" = inline(VanId), Path, description = "The van."),
        ("fact" = inline(FactId), Path, description = "What is taken back."),
        MaybeIfMatch,
    ),
    responses((status = 200, body = VanView), (status = 409, description = "wrong_state: it was taken back before.")),
)]
pub async fn take_back(
    State(app): State<App>,
    caller: Staff,
    Two(id, fact): Two<VanId, FactId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Why>,
) -> Answer {
    run(&app, &caller, (id, fact), seen, operation, (Reversal::TakeBack, why)).await
}

/// Lets stand again what was taken back of a van by mistake.
#[utoipa::path(
    post, path = "/v1/vans/{id}/facts/{fact}/restore", tag = "vans", operation_id = "restore_van_fact",
    request_body = Why,
    params(
        ("id" = inline(VanId), Path, description = "The van."),
        ("fact" = inline(FactId), Path, description = "What was taken back."),
        MaybeIfMatch,
    ),
    responses((status = 200, body = VanView), (status = 409, description = "wrong_state: it stands.")),
)]
pub async fn restore(
    State(app): State<App>,
    caller: Staff,
    Two(id, fact): Two<VanId, FactId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Why>,
) -> Answer {
    run(&app, &caller, (id, fact), seen, operation, (Reversal::Restore, why)).await
}

async fn run(
    app: &App,
    caller: &Caller,
    (id, fact): (VanId, FactId),
    seen: Option<IfMatch>,
    operation: Operation,
    (way, why): (Reversal, Why),
) -> Answer {
    let told = why.checked()?;
    let (tag, _) = view(app, caller, id).await?;
    let standing = app.store.van_record(caller.tenant(), id).await?;
    let standing = standing.ok_or_else(Problem::not_found)?;
    let record = standing.document.id().van().ok_or_else(Problem::not_found)?;
    // What an earlier record holds is in the balance of this one: a count puts it right.
    let (section, _) = take_back::section_of(&standing.document, &SECTIONS, fact)?;
    let done = edit::done(&standing.document, &operation, 0, &section);
    if let Some(seen) = seen.filter(|_| !done) {
        seen.check(&tag)?;
    }
    let action = match way {
        Reversal::TakeBack => "van.take_back",
        Reversal::Restore => "van.restore",
    };
    let note = caller.note(action, id).detail(told.detail(fact));
    let now = app.now();
    let expect = Expect::Existing;
    edit::edit(app, caller, record.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section) {
            return Ok(Vec::new());
        }
        let found = document.fact(&section, &fact).ok_or_else(Problem::not_found)?;
        take_back::entries(document, &operation, &section, found, (way, &told), now)
    })
    .await?;
    written(app, caller, id).await
}
