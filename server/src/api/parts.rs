//! The catalogue of parts over REST.

use axum::extract::State;
use serde::Deserialize;
use store::rows::parts::{self, Part};
use store::rows::room::RowKind;
use sync_core::id::TenantId;
use sync_core::schema::{PRICE_MOST, TAX_MOST};
use utoipa::ToSchema;

use super::check;
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::cursor::{Page, PageQuery};
use crate::http::{
    Code, Cursor, ETag, Id, IfMatch, Json, List, MaybeIfMatch, Operation, Problem, Query, Tagged,
};

/// A part as it is to stand in the catalogue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "Battery 60 Ah", "unit_price": 320000, "currency": "TWD", "tax_millipercent": 5000}))]
pub struct PartContent {
    /// What it is.
    #[schema(min_length = 1, max_length = 200)]
    pub description: String,
    /// Unit of quantities; `piece` if not given.
    pub unit: Option<String>,
    /// Price of one unit, minor units of the currency.
    #[schema(minimum = 0, maximum = 100000000000i64)]
    pub unit_price: i64,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: String,
    /// Tax, thousandths of a percent: 8.875 % is 8875. 0 if not given.
    #[schema(minimum = 0, maximum = 100000)]
    pub tax_millipercent: Option<i64>,
    /// The same in hundredths of a percent, instead.
    #[schema(minimum = 0, maximum = 10000)]
    pub tax_rate: Option<i64>,
    /// Whether it may be used on new work; `true` if not given.
    pub active: Option<bool>,
}

/// Parts by number.
#[utoipa::path(
    get, path = "/v1/parts", tag = "parts", operation_id = "list_parts",
    params(PageQuery),
    responses((status = 200, body = Page<Tagged<Part>>)),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Tagged<Part>>>, Problem> {
    let after = page
        .after(List::Parts)?
        .map(|cursor| String::from_utf8(cursor.id).map_err(|_| Cursor::bad()));
    let mut connection = app.read().await?;
    let rows = page.rows()?;
    let after = after.transpose()?.unwrap_or_default();
    if after.contains('\0') {
        return Err(Cursor::bad());
    }
    let items = parts::list(&mut connection, caller.tenant(), &after, rows + 1).await?;
    let place = |part: &Part| Cursor { key: 0, id: part.part_no.clone().into_bytes() };
    let tags = app.tags();
    let tagged = |row: Part| Tagged { etag: tags.of_row(row.version), row };
    Ok(Json(Page::cut(List::Parts, items, rows, place).map(tagged)))
}

/// One part.
#[utoipa::path(
    get, path = "/v1/parts/{id}", tag = "parts", operation_id = "get_part",
    params(("id" = String, Path, description = "Part number.")),
    responses((status = 200, body = Part)),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(part_no): Id<String>,
) -> Result<(ETag, Json<Part>), Problem> {
    let part = find(&app, caller.tenant(), &part_no).await?;
    Ok((app.tags().of_row(part.version), Json(part)))
}

/// Puts a part into the catalogue, or writes over the one with this number as it was seen.
///
/// A new part needs no If-Match. Who sends what stands there already is told so, and nothing
/// changes: that is how a repeat finds its first attempt.
#[utoipa::path(
    put, path = "/v1/parts/{id}", tag = "parts", operation_id = "put_part",
    request_body = PartContent,
    params(("id" = String, Path, description = "Part number."), MaybeIfMatch),
    responses((status = 200, body = Part), (status = 428, description = "if_match_required")),
)]
pub async fn put(
    State(app): State<App>,
    caller: Staff,
    Id(part_no): Id<String>,
    seen: Option<IfMatch>,
    operation: Operation,
    Json(new): Json<PartContent>,
) -> Result<(ETag, Json<Part>), Problem> {
    caller.at_least(Role::Manager)?;
    let now = app.now();
    let part = Part {
        part_no,
        description: new.description,
        unit: new.unit.unwrap_or_else(|| "piece".to_owned()),
        unit_price: new.unit_price,
        currency: new.currency,
        tax_millipercent: check::tax(new.tax_millipercent, new.tax_rate)?.unwrap_or(0),
        active: new.active.unwrap_or(true),
        version: 1,
        created_at: now,
    };
    let part = checked(part)?;
    let (tenant, tags) = (caller.tenant(), app.tags());
    let note = caller.note("part.put", &part.part_no);
    let part = app
        .store
        .write::<Part, Problem, _>(move |tx| {
            Box::pin(async move {
                let standing = parts::get(tx, tenant, &part.part_no).await?;
                let version = standing.as_ref().map_or(0, |standing| standing.version);
                if let Some(standing) = standing {
                    if operation.has_begun() {
                        return Ok(standing);
                    }
                    let (version, created_at) = (standing.version, standing.created_at);
                    if (Part { version, created_at, ..part.clone() }) == standing {
                        return Ok(standing);
                    }
                    let seen = seen.ok_or_else(|| Problem::new(Code::IfMatchMissing))?;
                    seen.check(&tags.of_row(version))?;
                } else if seen.is_some() {
                    let detail = "There is no part with this number.";
                    return Err(Problem::new(Code::Changed).detail(detail));
                } else {
                    check::room(tx, tenant, RowKind::Parts).await?;
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
    Ok((app.tags().of_row(part.version), Json(part)))
}

/// A part with its values in one form.
///
/// # Errors
/// `invalid` for the first value that breaks a rule.
pub fn checked(part: Part) -> Result<Part, Problem> {
    Ok(Part {
        part_no: check::text("part_no", &part.part_no, 60)?,
        description: check::text("description", &part.description, 200)?,
        unit: check::text("unit", &part.unit, 20)?,
        unit_price: check::range("unit_price", part.unit_price, 0..=PRICE_MOST)?,
        currency: check::currency("currency", &part.currency)?,
        tax_millipercent: check::range("tax_millipercent", part.tax_millipercent, 0..=TAX_MOST)?,
        ..part
    })
}

async fn find(app: &App, tenant: TenantId, part_no: &str) -> Result<Part, Problem> {
    // No part is called so; the store would look for the one with a replacement character there.
    if part_no.contains('\0') {
        return Err(Problem::not_found().detail("No part number has the character U+0000."));
    }
    let mut connection = app.read().await?;
    parts::get(&mut connection, tenant, part_no).await?.ok_or_else(Problem::not_found)
}
