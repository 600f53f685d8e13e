//! Tenants, and the short names people type when they log in.

use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use sync_core::id::TenantId;
use sync_core::job::TaxMode;

use super::columns::{self, Raw as _};

/// A dealership group.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Short name at login: lower case letters, digits and dashes.
    pub slug: String,
    /// Name in full.
    pub name: String,
}

/// Whether a text can be a short name.
pub fn is_slug(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (2..=40).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-')
}

/// How new jobs of a tenant are billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Billing {
    /// ISO 4217 code of jobs whose branch says none, and of those without a branch.
    pub currency: Option<String>,
    /// Whether prices contain their tax.
    pub tax_mode: TaxMode,
    /// Rises with every change; stands in the ETag.
    pub version: i64,
}

/// How new jobs of a tenant are billed.
///
/// # Errors
/// When the database refuses, or there is no such tenant.
pub async fn billing(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<Billing, sqlx::Error> {
    let row = sqlx::query("SELECT currency, tax_mode, version FROM tenants WHERE id = $1")
        .bind(tenant.raw())
        .fetch_one(connection)
        .await?;
    let mode: String = row.try_get("tax_mode")?;
    Ok(Billing {
        currency: row.try_get("currency")?,
        tax_mode: TaxMode::parse(&mode).ok_or_else(|| columns::broken("tax_mode"))?,
        version: row.try_get("version")?,
    })
}

/// Writes how new jobs of a tenant are billed, with the next version.
///
/// # Errors
/// When the database refuses.
pub async fn set_billing(
    tx: &mut AnyConnection,
    tenant: TenantId,
    currency: Option<&str>,
    tax_mode: TaxMode,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE tenants SET currency = $2, tax_mode = $3, version = version + 1 WHERE id = $1",
    )
    .bind(tenant.raw())
    .bind(currency.map(str::to_owned))
    .bind(tax_mode.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds a tenant.
///
/// # Errors
/// A unique violation when the short name is taken.
pub async fn create(tx: &mut AnyConnection, tenant: &Tenant, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)")
        .bind(tenant.id.raw())
        .bind(tenant.name.clone())
        .bind(now)
        .execute(&mut *tx)
        .await?;
    sqlx::query("INSERT INTO tenant_slugs (slug, tenant) VALUES ($1, $2)")
        .bind(tenant.slug.clone())
        .bind(tenant.id.raw())
        .execute(tx)
        .await?;
    Ok(())
}

/// The tenant with this short name.
///
/// # Errors
/// When the database refuses.
pub async fn by_slug(
    connection: &mut AnyConnection,
    slug: &str,
) -> Result<Option<Tenant>, sqlx::Error> {
    let all = list(connection).await?;
    Ok(all.into_iter().find(|tenant| tenant.slug == slug))
}

/// The tenant with this id.
///
/// # Errors
/// When the database refuses.
pub async fn by_id(
    connection: &mut AnyConnection,
    id: TenantId,
) -> Result<Option<Tenant>, sqlx::Error> {
    let all = list(connection).await?;
    Ok(all.into_iter().find(|tenant| tenant.id == id))
}

/// Every tenant of the installation; a handful.
///
/// # Errors
/// When the database refuses.
pub async fn list(connection: &mut AnyConnection) -> Result<Vec<Tenant>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT tenants.id AS id, slug, name FROM tenants \
         JOIN tenant_slugs ON tenant_slugs.tenant = tenants.id ORDER BY slug",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let id = columns::id(row, "id")?;
            Ok(Tenant { id, slug: row.try_get("slug")?, name: row.try_get("name")? })
        })
        .collect()
}
