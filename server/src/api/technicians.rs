//! Technicians over REST: who they are, what they may do, when they work.

pub mod desk;
pub mod follow;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::rows::audit::Note;
use store::rows::users::{self, User};
use store::writer::Expect;
use sync_core::change::Entry;
use sync_core::check::{self as core_check, Region};
use sync_core::document::Document;
use sync_core::id::{BranchId, UserId};
use sync_core::job::Note as RecordNote;
use sync_core::limits::TIME_RANGE;
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::technician::{Certificate, Duty, Shift, Technician, region_key};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::account::{self, Wanted};
use super::bounded::{self, Cut, ListBudget, ListQuery, More};
use super::findings::{self, Finding};
use super::jobs::fields::{Given, Set, entries, given};
use super::jobs::no_list;
use super::users::writes;
use super::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, ETag, Id, IfMatch, Json, List, Operation, Problem, Query};

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
    /// Skills and certificates, oldest first.
    pub certificates: Vec<Certificate>,
    /// Shifts and absences, oldest first.
    pub shifts: Vec<Shift>,
    /// Remarks.
    pub notes: Vec<RecordNote>,
    /// Skills in date now.
    pub skills: Vec<String>,
    /// Whether they work now; never once they are deactivated.
    pub on_shift: bool,
    /// Whether they are at work now, by all their shifts and absences.
    pub duty: Duty,
    /// Version of the document. `"v` version `-` record_version `"` is the ETag of a technician.
    pub record_version: i64,
    /// Lists that are longer than shown (`certificates`, `shifts`, `notes`, `skills`): how many
    /// rows there are, and the cursor with which `/v1/technicians/{id}/list` goes on.
    #[serde(skip_serializing_if = "Cut::is_empty")]
    #[schema(value_type = BTreeMap<String, More>)]
    pub more: Cut,
}

/// Technicians of the tenant. Staff of one branch see its own, and those without one.
#[utoipa::path(
    get, path = "/v1/technicians", tag = "technicians", operation_id = "list_technicians",
    params(PageQuery),
    responses((status = 200, body = Page<TechnicianView>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Staff,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TechnicianView>>, Problem> {
    let after = page.after_id::<UserId>(List::Technicians)?;
    let rows = page.rows()?;
    let role = Some(Role::Technician);
    let mut connection = app.read().await?;
    let (tenant, branch) = (caller.tenant(), caller.branch());
    let found = users::list_seen(&mut connection, tenant, branch, role, after, rows + 1).await?;
    drop(connection);
    let place = |user: &User| Cursor { key: 0, id: user.id.as_bytes().to_vec() };
    let page = Page::cut(List::Technicians, found, rows, place);
    let (mut items, mut room) = (Vec::with_capacity(page.items.len()), ListBudget::default());
    for user in page.items {
        items.push(cut(&app, &caller, user, &mut room).await?);
    }
    Ok(Json(Page { items, next: page.next }))
}

/// One technician.
#[utoipa::path(
    get, path = "/v1/technicians/{id}", tag = "technicians", operation_id = "get_technician",
    params(("id" = inline(UserId), Path, description = "The technician.")),
    responses((status = 200, body = TechnicianView)),
)]
pub async fn get(State(app): State<App>, caller: Staff, Id(id): Id<UserId>) -> Answer {
    let user = find(&app, &caller, id).await?;
    answer(view(&app, &caller, user).await?)
}

/// What may change. What is left out stays; `null` clears phone, branch and provider.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TechnicianChange {
    /// Name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    pub name: Given<String>,
    /// Their number; kept as E.164, else as said with a finding.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false)]
    pub phone: Given<String>,
    /// BCP 47 tag.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 35)]
    pub language: Given<String>,
    /// Branch they work for; empty for all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<BranchId>, required = false)]
    pub branch: Given<BranchId>,
    /// Outsourced company they work for.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 100)]
    pub provider: Given<String>,
}

/// Changes a technician: account and document together, or neither.
#[utoipa::path(
    patch, path = "/v1/technicians/{id}", tag = "technicians", operation_id = "update_technician",
    request_body = TechnicianChange,
    params(("id" = inline(UserId), Path, description = "The technician."), IfMatch),
    responses((status = 200, body = TechnicianView)),
)]
pub async fn update(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    seen: IfMatch,
    Json(change): Json<TechnicianChange>,
) -> Answer {
    caller.at_least(Role::Manager)?;
    let user = find(&app, &caller, id).await?;
    let standing = view(&app, &caller, user).await?;
    seen.check(&tag(&standing))?;
    let (account, sets) = checked(&app, &caller, &standing.user, change).await?;
    let note = caller.note("technician.update", id).shown_at("technicians");
    let (seen, record) = (&standing.user, standing.record_version);
    let writes = writes(&app, &caller, app.now(), note);
    let region = Some(app.config.phone_region);
    let wanted = Wanted { account, hash: None, sets, region };
    let user = account::change(writes, seen, record, wanted).await?;
    answer(view(&app, &caller, user).await?)
}

/// A skill, with the paper for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// What it is for.
    #[schema(min_length = 1, max_length = 60)]
    pub skill: String,
    /// Number of the paper.
    #[schema(min_length = 1, max_length = 60)]
    pub serial: Option<String>,
    /// From when, Unix milliseconds.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub starts_at: Option<i64>,
    /// Until when, Unix milliseconds.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub expires_at: Option<i64>,
}

/// Adds a skill or certificate. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/certificates", tag = "technicians", operation_id = "add_certificate",
    request_body = NewCertificate,
    params(("id" = inline(UserId), Path, description = "The technician.")),
    responses((status = 200, body = TechnicianView)),
)]
pub async fn add_certificate(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    operation: Operation,
    Json(new): Json<NewCertificate>,
) -> Answer {
    find(&app, &caller, id).await?;
    let serial = new.serial.as_deref().map(|text| check::text("serial", text, 60)).transpose()?;
    if let (Some(starts), Some(expires)) = (new.starts_at, new.expires_at)
        && expires <= starts
    {
        return Err(Problem::invalid("expires_at", "A certificate expires after it starts."));
    }
    let pairs = vec![
        (key::SKILL, check::text("skill", &new.skill, 60)?.into()),
        (key::SERIAL, serial.into()),
        (key::STARTS, time("starts_at", new.starts_at)?.into()),
        (key::EXPIRES, time("expires_at", new.expires_at)?.into()),
    ];
    let note = caller.note("technician.certificate", id).shown_at("technicians");
    add(&app, &caller, id, operation, section::CERTIFICATES, pairs, note).await
}

/// A time of work or of absence.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShift {
    /// Whether they are away.
    #[serde(default)]
    pub absence: bool,
    /// From, Unix milliseconds.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub starts_at: i64,
    /// Until, Unix milliseconds, not included.
    #[schema(minimum = 946684800000i64, maximum = 7258118399999i64)]
    pub ends_at: i64,
}

/// Adds a shift or an absence.
#[utoipa::path(
    post, path = "/v1/technicians/{id}/shifts", tag = "technicians", operation_id = "add_shift",
    request_body = NewShift,
    params(("id" = inline(UserId), Path, description = "The technician.")),
    responses((status = 200, body = TechnicianView)),
)]
pub async fn add_shift(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<UserId>,
    operation: Operation,
    Json(new): Json<NewShift>,
) -> Answer {
    find(&app, &caller, id).await?;
    if new.ends_at <= new.starts_at {
        return Err(Problem::invalid("ends_at", "A shift ends after it starts."));
    }
    let kind = if new.absence { "absence" } else { "shift" };
    let pairs = vec![
        (key::KIND, kind.into()),
        (key::STARTS, time("starts_at", Some(new.starts_at))?.into()),
        (key::ENDS, time("ends_at", Some(new.ends_at))?.into()),
    ];
    let note = caller.note("technician.shift", id).shown_at("technicians");
    add(&app, &caller, id, operation, section::SHIFTS, pairs, note).await
}

type Answer = Result<(ETag, Json<TechnicianView>), Problem>;

fn answer(view: TechnicianView) -> Answer {
    Ok((tag(&view), Json(view)))
}

fn tag(view: &TechnicianView) -> ETag {
    ETag::of_technician(view.user.version, view.record_version)
}

/// The answer of a write that was done, whoever may see the technician by now.
async fn reload(app: &App, caller: &Caller, id: UserId) -> Answer {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant(), id).await?;
    drop(connection);
    answer(view(app, caller, user.ok_or_else(Problem::not_found)?).await?)
}

async fn add(
    app: &App,
    caller: &Caller,
    id: UserId,
    operation: Operation,
    section: Section,
    pairs: Vec<(Key, Value)>,
    note: Note,
) -> Answer {
    let now = app.now();
    edit::edit(app, caller, id.into(), Expect::Any, note, move |document| {
        Ok(edit::fact(document, &operation, 0, section, now, pairs).into_iter().collect())
    })
    .await?;
    reload(app, caller, id).await
}

async fn find(app: &App, caller: &Caller, id: UserId) -> Result<User, Problem> {
    let mut connection = app.read().await?;
    let user = users::get(&mut connection, caller.tenant(), id).await?;
    let user = user.filter(|user| user.role == Role::Technician);
    user.filter(|user| caller.sees_branch(user.branch)).ok_or_else(Problem::not_found)
}

async fn view(app: &App, caller: &Caller, user: User) -> Result<TechnicianView, Problem> {
    cut(app, caller, user, &mut ListBudget::default()).await
}

/// As [`view`], with what room an answer about several has left.
async fn cut(
    app: &App,
    caller: &Caller,
    user: User,
    room: &mut ListBudget,
) -> Result<TechnicianView, Problem> {
    let mut view = whole(app, caller, user).await?;
    room.list("certificates", &mut view.certificates);
    room.list("shifts", &mut view.shifts);
    room.list("notes", &mut view.notes);
    room.list("skills", &mut view.skills);
    view.more = room.take_cut();
    Ok(view)
}

async fn whole(app: &App, caller: &Caller, user: User) -> Result<TechnicianView, Problem> {
    let doc = DocId::from(user.id);
    let standing = app.store.document(caller.tenant(), doc).await?;
    let (document, record_version) =
        standing.map_or_else(|| (Document::new(doc), 0), |s| (s.document, s.pos));
    let record = bounded::fold(Box::new(document), Technician::of).await?;
    let now = app.now();
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
        more: Cut::new(),
        user,
    })
}

/// One list of a technician, page by page: where `more` of them says that there is more of it.
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
        "certificates" => bounded::page(view.certificates, &query),
        "shifts" => bounded::page(view.shifts, &query),
        "notes" => bounded::page(view.notes, &query),
        "skills" => bounded::page(view.skills, &query),
        other => Err(no_list(other)),
    };
    Ok(Json(page?))
}

/// The account with what is to change of it, and what is to change of the document besides.
async fn checked(
    app: &App,
    caller: &Caller,
    user: &User,
    change: TechnicianChange,
) -> Result<(User, Vec<Set>), Problem> {
    let mut account = user.clone();
    if let Some(name) = check::kept("name", change.name)? {
        account.name = check::text("name", &name, 100)?;
    }
    if let Some(language) = check::kept("language", change.language)? {
        account.language = check::text("language", &language, 35)?;
    }
    account.branch = change.branch.unwrap_or(account.branch);
    let region = dialled(app, caller, account.branch).await?;
    let sets = checked_fields(Some(region), change.phone, change.provider)?;
    Ok((account, sets))
}

fn time(field: &str, at: Option<i64>) -> Result<Option<i64>, Problem> {
    match at {
        Some(at) if !TIME_RANGE.contains(&at) => {
            Err(Problem::invalid(field, "Unix milliseconds of this or the next century."))
        }
        at => Ok(at),
    }
}

/// A phone number and a provider, as they stand in a technician's document.
///
/// # Errors
/// `bad_phone`, `invalid`.
pub fn checked_fields(
    region: Option<Region>,
    phone: Given<String>,
    provider: Given<String>,
) -> Result<Vec<Set>, Problem> {
    let mut sets = Vec::new();
    if let Some(phone) = phone {
        let phone = phone.map(|phone| core_check::phone(&phone, region)).transpose();
        let phone = phone.map_err(|error| edit::checked(&error))?;
        sets.push((section::DETAILS, key::PHONE, phone.map(|phone| phone.value).into()));
    }
    if let Some(provider) = provider {
        let provider = provider.map(|name| check::text("provider", &name, 100)).transpose()?;
        sets.push((section::DETAILS, key::PROVIDER, provider.into()));
    }
    Ok(sets)
}

/// Where the people of a branch dial numbers without `+`.
///
/// # Errors
/// When the database does not answer.
pub async fn dialled(
    app: &App,
    caller: &Caller,
    branch: Option<BranchId>,
) -> Result<Region, Problem> {
    let mut connection = app.read().await?;
    check::dialled(&mut connection, caller.tenant(), branch, app.config.phone_region).await
}

/// What a technician's document copies from their account, and from their branch the region, by which
/// their phone judges numbers as the desk does.
fn copied(user: &User, region: Option<Region>) -> Vec<Set> {
    let branch = user.branch.map_or(Value::Null, |branch| edit::raw(branch.as_bytes()));
    let mut sets = vec![
        (section::DETAILS, key::NAME, user.name.clone().into()),
        (section::DETAILS, key::LANGUAGE, user.language.clone().into()),
        (section::DETAILS, key::BRANCH, branch),
    ];
    if let (Some(key), Some(region)) = (region_key(), region) {
        sets.push((section::DETAILS, key, region.as_str().into()));
    }
    sets
}

/// What differs in a technician's document from their account.
pub fn copy_entries(document: &Document, user: &User, region: Option<Region>) -> Vec<Entry> {
    let mut sets = copied(user, region);
    // Of someone nobody deactivated the document need not say that they are active.
    if !user.active || document.field(&section::DETAILS, &key::ACTIVE).is_some() {
        sets.push((section::DETAILS, key::ACTIVE, user.active.into()));
    }
    entries(document, sets)
}

/// The first fields of a technician's document, from their account. Without a region the server adds
/// it when it starts.
pub fn first_fields(document: &Document, user: &User, region: Option<Region>) -> Vec<Entry> {
    if document.is_empty() { entries(document, copied(user, region)) } else { Vec::new() }
}
