//! The catalogue of parts over REST.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::TenantId;
use utoipa::ToSchema;

use super::check;
use crate::accounts::audit::Note;
use crate::accounts::parts::{self, Part};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{Code, Cursor, ETag, Id, IfMatch, Json, Problem, ProblemBody, Query};

/// A part as it is to stand in the catalogue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartContent {
    /// What it is.
    pub description: String,
    /// Unit of quantities; `piece` if not given.
    pub unit: Option<String>,
    /// Price of one unit, minor units of the currency.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Tax, hundredths of a percent; 0 if not given.
    pub tax_rate: Option<i64>,
    /// Whether it may be used on new work; `true` if not given.
    pub active: Option<bool>,
}

/// Parts by number.
#[utoipa::path(get, path = "/v1/parts", tag = "parts", params(PageQuery), responses((status = 200, body = Page<Part>)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Part>>, Problem> {
    let after = page.after()?.map(|cursor| String::from_utf8(cursor.id).map_err(|_| Cursor::bad()));
    let mut connection = app.read().await?;
    let rows = page.rows();
    let after = after.transpose()?.unwrap_or_default();
    let items = parts::list(&mut connection, caller.tenant, &after, rows + 1).await?;
    let place = |part: &Part| Cursor { key: 0, id: part.part_no.clone().into_bytes() };
    Ok(Json(Page::cut(items, rows, place)))
}

/// One part.
#[utoipa::path(
    get, path = "/v1/parts/{id}", tag = "parts", params(("id" = String, Path, description = "Part number.")),
    responses((status = 200, body = Part), (status = 404, body = ProblemBody))
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(part_no): Id<String>,
) -> Result<(ETag, Json<Part>), Problem> {
    let part = find(&app, caller.tenant, &part_no).await?;
    Ok((ETag::of_row(part.version), Json(part)))
}

/// Puts a part into the catalogue, or writes over the one with this number as it was seen.
///
/// A new part needs no If-Match. Who sends what stands there already is told so, and nothing
/// changes: that is how a repeat finds its first attempt.
#[utoipa::path(
    put, path = "/v1/parts/{id}", tag = "parts", request_body = PartContent,
    params(
        ("id" = String, Path, description = "Part number."),
        ("If-Match" = Option<String>, Header, description = "ETag that was seen, of a part that is there."),
    ),
    responses(
        (status = 200, body = Part),
        (status = 412, description = "changed_meanwhile", body = ProblemBody),
        (status = 422, body = ProblemBody),
        (status = 428, description = "if_match_required", body = ProblemBody),
    )
)]
pub async fn put(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(part_no): Id<String>,
    seen: Option<IfMatch>,
    Json(new): Json<PartContent>,
) -> Result<(ETag, Json<Part>), Problem> {
    caller.at_least(Role::Manager)?;
    let now = app.now();
    let part = Part {
        part_no: check::text("part_no", &part_no, 60)?,
        description: check::text("description", &new.description, 200)?,
        unit: check::text("unit", new.unit.as_deref().unwrap_or("piece"), 20)?,
        unit_price: check::range("unit_price", new.unit_price, 0..=100_000_000_000)?,
        currency: check::currency("currency", &new.currency)?,
        tax_rate: check::range("tax_rate", new.tax_rate.unwrap_or(0), 0..=10_000)?,
        active: new.active.unwrap_or(true),
        version: 1,
        created_at: now,
    };
    let (tenant, note) = (caller.tenant, Note::by(&caller, "part.put", &part.part_no));
    let part = app
        .store
        .write::<Part, Problem, _>(move |tx| {
            Box::pin(async move {
                let standing = parts::get(tx, tenant, &part.part_no).await?;
                let version = standing.as_ref().map_or(0, |standing| standing.version);
                if let Some(standing) = standing {
                    let (version, created_at) = (standing.version, standing.created_at);
                    if (Part { version, created_at, ..part.clone() }) == standing {
                        return Ok(standing);
                    }
                    let seen = seen.ok_or_else(|| Problem::new(Code::IfMatchMissing))?;
                    seen.check(&ETag::of_row(version))?;
                } else if seen.is_some() {
                    let detail = "There is no part with this number.";
                    return Err(Problem::new(Code::Changed).detail(detail));
                }
                if !parts::put_at(tx, tenant, &part, version).await? {
                    return Err(Problem::new(Code::Changed));
                }
                note.write(tx, now).await?;
                let part = parts::get(tx, tenant, &part.part_no).await?;
                part.ok_or_else(Problem::not_found)
            })
        })
        .await?;
    Ok((ETag::of_row(part.version), Json(part)))
}

async fn find(app: &App, tenant: TenantId, part_no: &str) -> Result<Part, Problem> {
    let mut connection = app.read().await?;
    parts::get(&mut connection, tenant, part_no).await?.ok_or_else(Problem::not_found)
}
