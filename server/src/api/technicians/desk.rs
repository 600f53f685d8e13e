//! Remarks about a technician, and withdrawing shifts, absences and certificates.

use axum::extract::State;
use store::writer::Expect;
use sync_core::id::{FactId, UserId};
use sync_core::schema::{Section, key, section};

use super::view::TechnicianView;
use super::{Answer, add, find, reload};
use crate::api::take_back::{self, Reversal, Why};
use crate::api::vans::desk::Remark;
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::{Id, IfMatch, Json, MaybeIfMatch, Operation, Problem, Two};

/// Adds a remark about a technician, which their phone shows too.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/notes", tag = "technicians", operation_id = "add_technician_note",
    request_body = Remark,
    params(("id" = inline(UserId), Path, description = "The technician.")),
    responses((status = 200, body = TechnicianView)),
)]
pub async fn add_note(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    operation: Operation,
    Json(remark): Json<Remark>,
) -> Answer {
    find(&app, &caller, id).await?;
    let pairs = vec![(key::TEXT, check::text("text", &remark.text, 4000)?.into())];
    let note = caller.note("technician.note", id);
    add(&app, &caller, id, operation, section::NOTES, pairs, note).await
}

/// Takes back a shift, an absence, a certificate or a remark. Certificates are for managers and
/// administrators.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/facts/{fact}/take-back", tag = "technicians", operation_id = "take_back_technician_fact",
    request_body = Why,
    params(
        ("id" = inline(UserId), Path, description = "The technician."),
        ("fact" = inline(FactId), Path, description = "What is taken back."),
        MaybeIfMatch,
    ),
    responses((status = 200, body = TechnicianView), (status = 409, description = "wrong_state: it was taken back before.")),
)]
pub async fn take_back(
    State(app): State<App>,
    caller: Staff,
    Two(id, fact): Two<UserId, FactId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Why>,
) -> Answer {
    turn(&app, &caller, (id, fact), seen, operation, (Reversal::TakeBack, why)).await
}

/// Lets stand again what was taken back of a technician by mistake.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/facts/{fact}/restore", tag = "technicians", operation_id = "restore_technician_fact",
    request_body = Why,
    params(
        ("id" = inline(UserId), Path, description = "The technician."),
        ("fact" = inline(FactId), Path, description = "What was taken back."),
        MaybeIfMatch,
    ),
    responses((status = 200, body = TechnicianView), (status = 409, description = "wrong_state: it stands.")),
)]
pub async fn restore(
    State(app): State<App>,
    caller: Staff,
    Two(id, fact): Two<UserId, FactId>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(why): Json<Why>,
) -> Answer {
    turn(&app, &caller, (id, fact), seen, operation, (Reversal::Restore, why)).await
}

/// What may be taken back.
const SECTIONS: [Section; 3] = [section::SHIFTS, section::CERTIFICATES, section::NOTES];

async fn turn(
    app: &App,
    caller: &Caller,
    (id, fact): (UserId, FactId),
    seen: Option<IfMatch>,
    operation: Operation,
    (way, why): (Reversal, Why),
) -> Answer {
    let told = why.checked()?;
    let user = find(app, caller, id).await?;
    let (document, pos) = edit::load(app, caller, id.into()).await?;
    let (section, _) = take_back::section_of(&document, &SECTIONS, fact)?;
    let done = edit::done(&document, &operation, 0, &section);
    let expect = match seen.filter(|_| !done) {
        Some(seen) => {
            seen.check(&app.tags().of_technician(user.version, pos))?;
            Expect::At(pos)
        }
        None => Expect::Existing,
    };
    let action = match way {
        Reversal::TakeBack => "technician.take_back",
        Reversal::Restore => "technician.restore",
    };
    let note = caller.note(action, id).detail(told.detail(fact));
    let now = app.now();
    edit::edit(app, caller, id.into(), expect, note, move |document| {
        if edit::done(document, &operation, 0, &section) {
            return Ok(Vec::new());
        }
        let found = document.fact(&section, &fact).ok_or_else(Problem::not_found)?;
        take_back::entries(document, &operation, &section, found, (way, &told), now)
    })
    .await?;
    reload(app, caller, id).await
}
