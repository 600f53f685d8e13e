//! What a desk is shown of a technician: first what counts now.

use axum::extract::State;
use serde::Serialize;
use store::rows::users::User;
use sync_core::document::Document;
use sync_core::id::UserId;
use sync_core::job::Note;
use sync_core::schema::DocId;
use sync_core::technician::{Certificate, Duty, Shift, Technician};
use utoipa::ToSchema;

use super::find;
use crate::api::bounded::{self, Cut, ListBudget, ListQuery, More};
use crate::api::findings::{self, Finding};
use crate::api::jobs::no_list;
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::http::cursor::Page;
use crate::http::{ETag, Id, Json, Problem, Query};

/// A technician: their account, and what their document says of them.
///
/// Name, language, branch and whether they are active are the account's; their document has a copy
/// for their phone.
#[derive(Debug, Serialize, ToSchema)]
pub struct TechnicianView {
    /// The account.
    #[serde(flatten)]
    pub user: User,
    /// Their number, E.164; else as said.
    pub phone: Option<String>,
    /// Values that are kept as they were said, because no rule knows them.
    pub findings: Vec<Finding>,
    /// The outsourced company they work for.
    pub provider: Option<String>,
    /// Skills and certificates: those in date first, of them and of the others the newest first.
    pub certificates: Vec<Certificate>,
    /// Shifts and absences: those that ended in the last day, go on or come, the earliest first; then the others,
    /// the latest first.
    pub shifts: Vec<Shift>,
    /// Remarks, oldest first; where they are too many, the latest.
    pub notes: Vec<Note>,
    /// Skills in date now.
    pub skills: Vec<String>,
    /// Whether they work now; never once they are deactivated.
    pub on_shift: bool,
    /// Whether they are at work now, by all their shifts and absences.
    pub duty: Duty,
    /// Version of the document.
    pub record_version: i64,
    /// Their ETag: it changes with the account and with the document.
    #[schema(value_type = String)]
    pub etag: ETag,
    /// Lists that are longer than shown (`certificates`, `shifts`, `notes`, `skills`): how many
    /// rows there are, and the cursor with which `/v1/technicians/{id}/list` gives the others. In a list each
    /// technician has the same room.
    #[serde(skip_serializing_if = "Cut::is_empty")]
    #[schema(value_type = BTreeMap<String, More>)]
    pub more: Cut,
}

/// One technician, with all the room of an answer.
///
/// # Errors
/// The store's.
pub(super) async fn view(
    app: &App,
    caller: &Caller,
    user: User,
) -> Result<TechnicianView, Problem> {
    cut(app, caller, user, ListBudget::default()).await
}

/// As [`view`], with the room that one has in an answer about several.
///
/// # Errors
/// The store's.
pub(super) async fn cut(
    app: &App,
    caller: &Caller,
    user: User,
    mut room: ListBudget,
) -> Result<TechnicianView, Problem> {
    let mut view = whole(app, caller, user).await?;
    room.first("skills", &mut view.skills);
    room.first("certificates", &mut view.certificates);
    room.first("shifts", &mut view.shifts);
    room.latest("notes", &mut view.notes);
    view.more = room.take_cut();
    Ok(view)
}

async fn whole(app: &App, caller: &Caller, user: User) -> Result<TechnicianView, Problem> {
    let doc = DocId::from(user.id);
    let standing = app.store.document(caller.tenant(), doc).await?;
    let (document, record_version) =
        standing.map_or_else(|| (Document::new(doc), 0), |s| (s.document, s.pos));
    let now = app.now();
    let fold = move |document: &Document| {
        let mut record = Technician::of(document);
        by_weight(&mut record, now);
        record
    };
    let record = bounded::fold(Box::new(document), fold).await?;
    Ok(TechnicianView {
        skills: record.skills_at(now).into_iter().map(str::to_owned).collect(),
        on_shift: user.active && record.is_on_shift(now),
        duty: record.duty(now),
        phone: record.phone,
        findings: findings::unverified(record.findings),
        provider: record.provider,
        certificates: record.certificates,
        shifts: record.shifts,
        notes: record.notes,
        record_version,
        etag: app.tags().of_technician(user.version, record_version),
        more: Cut::new(),
        user,
    })
}

/// How long after its end a shift still counts as one of today.
const DAY_MS: i64 = 24 * 3_600_000;

/// Puts first what counts now: years of work leave many shifts and papers that are over.
fn by_weight(record: &mut Technician, now: i64) {
    record.certificates.reverse();
    record.certificates.sort_by_key(|paper| !paper.is_in_date(now));
    record.shifts.sort_by_key(|shift| match shift.ends > now.saturating_sub(DAY_MS) {
        true => (false, shift.starts),
        false => (true, shift.ends.saturating_neg()),
    });
}

/// One list of a technician, page by page: where `more` of them says that there is more of it.
///
/// `notes` go back from the latest, the others on from their beginning.
#[utoipa::path(
    get, path = "/v1/technicians/{id}/list", tag = "technicians",
    operation_id = "list_rows_of_technician",
    params(("id" = inline(UserId), Path, description = "The technician."), ListQuery),
    responses((status = 200, body = Page<Object>), (status = 422, description = "invalid: there is no such list.")),
)]
pub async fn part(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<serde_json::Value>>, Problem> {
    let user = find(&app, &caller, id).await?;
    let view = whole(&app, &caller, user).await?;
    let page = match query.of.as_str() {
        "certificates" => bounded::page_on(view.certificates, &query),
        "shifts" => bounded::page_on(view.shifts, &query),
        "notes" => bounded::page_back(view.notes, &query),
        "skills" => bounded::page_on(view.skills, &query),
        other => Err(no_list(other)),
    };
    Ok(Json(page?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::id::FactId;

    fn shift(starts: i64) -> Shift {
        Shift { id: FactId::new(1, [0; 10]), kind: None, starts, ends: starts + DAY_MS / 3 }
    }

    #[test]
    fn shifts_that_go_on_or_come_stand_before_those_that_are_over() {
        let mut record = Technician::of(&Document::new(UserId::new(1, [1; 10]).into()));
        let now = 400 * DAY_MS;
        record.shifts = (0..800).map(|day| shift(day * DAY_MS)).collect();
        by_weight(&mut record, now);
        let starts: Vec<i64> = record.shifts.iter().map(|shift| shift.starts / DAY_MS).collect();
        assert_eq!((&starts[..3], starts[400], starts[401]), (&[399, 400, 401][..], 799, 398));
        assert_eq!(starts.last(), Some(&0));
    }
}
