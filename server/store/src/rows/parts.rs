//! The catalogue of parts: what a number means, in which unit, at which price.

use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::TenantId;

use super::columns::{self, Raw as _};
use super::list::Rows;

/// One part of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Part {
    /// Number, unique in the tenant.
    pub part_no: String,
    /// What it is.
    pub description: String,
    /// Unit of quantities, such as `piece` or `litre`.
    pub unit: String,
    /// Price of one unit, minor units of the currency.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Tax, thousandths of a percent: 8.875 % is 8875.
    pub tax_millipercent: i64,
    /// Whether it may be used on new work.
    pub active: bool,
    /// Rises with every change; stands in the ETag.
    pub version: i64,
    /// Unix milliseconds.
    pub created_at: i64,
}

const COLUMNS: &str = "part_no, description, unit, unit_price, currency, tax_millipercent, active, \
     version, created_at";

const PUT: &str = "INSERT INTO parts (tenant, part_no, description, unit, unit_price, currency, \
     tax_millipercent, active, version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9) \
     ON CONFLICT (tenant, part_no) DO UPDATE SET description = excluded.description, \
     unit = excluded.unit, unit_price = excluded.unit_price, currency = excluded.currency, \
     tax_millipercent = excluded.tax_millipercent, active = excluded.active, version = parts.version + 1";

/// Adds a part, or writes over the one with this number with the next version.
///
/// # Errors
/// When the database refuses.
pub async fn put(tx: &mut AnyConnection, tenant: TenantId, part: &Part) -> Result<(), sqlx::Error> {
    put_query(PUT, tenant, part).execute(tx).await?;
    Ok(())
}

/// The same if the part still stands at this version, 0 where there was none: on PostgreSQL
/// another node may write between looking and writing. `false` when nothing was written.
///
/// # Errors
/// When the database refuses.
pub async fn put_at(
    tx: &mut AnyConnection,
    tenant: TenantId,
    part: &Part,
    version: i64,
) -> Result<bool, sqlx::Error> {
    let sql = format!("{PUT} WHERE parts.version = $10");
    let done = put_query(sqlx::AssertSqlSafe(sql), tenant, part).bind(version).execute(tx).await?;
    Ok(done.rows_affected() == 1)
}

fn put_query<'q>(
    sql: impl sqlx::SqlSafeStr,
    tenant: TenantId,
    part: &Part,
) -> sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments> {
    sqlx::query(sql)
        .bind(tenant.raw())
        .bind(part.part_no.clone())
        .bind(part.description.clone())
        .bind(part.unit.clone())
        .bind(part.unit_price)
        .bind(part.currency.clone())
        .bind(part.tax_millipercent)
        .bind(i64::from(part.active))
        .bind(part.created_at)
}

/// One part.
///
/// # Errors
/// When the database refuses.
pub async fn get(
    connection: &mut AnyConnection,
    tenant: TenantId,
    part_no: &str,
) -> Result<Option<Part>, sqlx::Error> {
    let rows = Rows::of("parts", tenant).with("part_no =", part_no);
    rows.one(connection, COLUMNS, read).await
}

/// Parts by number, from a place on.
///
/// # Errors
/// When the database refuses.
pub async fn list(
    connection: &mut AnyConnection,
    tenant: TenantId,
    after: &str,
    rows: i64,
) -> Result<Vec<Part>, sqlx::Error> {
    let list = Rows::of("parts", tenant).with("part_no >", after);
    list.page(COLUMNS, "part_no", rows).fetch(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Part, sqlx::Error> {
    Ok(Part {
        part_no: row.try_get("part_no")?,
        description: row.try_get("description")?,
        unit: row.try_get("unit")?,
        unit_price: row.try_get("unit_price")?,
        currency: row.try_get("currency")?,
        tax_millipercent: row.try_get("tax_millipercent")?,
        active: columns::flag(row, "active")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
    })
}
