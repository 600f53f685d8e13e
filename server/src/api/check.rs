//! Checks of single values that several requests share.

use store::rows::branches::{self, Branch};
use store::rows::room::{self, RowKind};
use store::rows::users::{self, User};
use sync_core::check::{self as core_check, Region};
use sync_core::id::{BranchId, TenantId, UserId};
use sync_core::schema::TAX_MOST;
use sync_core::value::Value;

use super::edit::checked;
use super::jobs::fields::Given;
use crate::auth::Role;
use crate::http::{Code, Problem};
use sqlx::AnyConnection;

/// A text of a sensible length in the one form in which texts are kept.
///
/// # Errors
/// `invalid` when it is empty, longer than `longest` characters, or has control characters.
pub fn text(field: &str, value: &str, longest: usize) -> Result<String, Problem> {
    core_check::text(field, value, longest).map_err(|error| checked(&error))
}

/// Checks that the tenant may have one more row of a kind.
///
/// # Errors
/// `quota`.
pub async fn room(tx: &mut AnyConnection, tenant: TenantId, kind: RowKind) -> Result<(), Problem> {
    if room::has_room(tx, tenant, kind).await? {
        return Ok(());
    }
    let (most, what) = (
        kind.most(),
        match kind {
            RowKind::Branches => "branches. Change one that is not used any more instead.",
            RowKind::Devices => "phones, revoked ones too. Tell whoever runs the server.",
            RowKind::Parts => {
                "parts in the catalogue. Write over one that is not used any more instead."
            }
            RowKind::Tokens => "API tokens, ended ones too. Wait until the oldest are deleted.",
            RowKind::Users => "people, deactivated ones too. Change one who has left instead.",
        },
    );
    Err(Problem::new(Code::Quota).detail(format!("There may be {most} {what}")))
}

/// A region of ISO 3166, as a branch names it.
///
/// # Errors
/// `invalid` for anything else.
pub fn region(value: &str) -> Result<String, Problem> {
    let region = Region::parse(value).map_err(|error| checked(&error))?;
    Ok(region.as_str().to_owned())
}

/// Where the people of a branch dial numbers without `+`.
///
/// # Errors
/// When the database does not answer.
pub async fn dialled(
    connection: &mut AnyConnection,
    tenant: TenantId,
    branch: Option<BranchId>,
    fallback: Region,
) -> Result<Region, Problem> {
    let Some(branch) = branch else { return Ok(fallback) };
    let branch = branches::get(connection, tenant, branch).await?;
    Ok(branch.as_ref().and_then(region_of).unwrap_or(fallback))
}

/// The region a branch names.
pub fn region_of(branch: &Branch) -> Option<Region> {
    Region::parse(branch.region.as_deref()?).ok()
}

/// The same of one line.
///
/// # Errors
/// As [`text`], and for several lines.
pub fn line(field: &str, value: &str, longest: usize) -> Result<String, Problem> {
    let value = text(field, value, longest)?;
    if value.contains('\n') {
        return Err(Problem::invalid(field, "It is one line."));
    }
    Ok(value)
}

/// A name at login: one word, in lower case.
///
/// # Errors
/// `invalid` when it is empty, long, or has spaces.
pub fn login(field: &str, value: &str) -> Result<String, Problem> {
    let login = text(field, value, 100)?.to_lowercase();
    if login.chars().any(char::is_whitespace) {
        return Err(Problem::invalid(field, "A login is one word, without spaces."));
    }
    Ok(login)
}

/// A technician of the tenant who works: who drives a van, gets a job or a phone.
///
/// # Errors
/// `unknown_reference`.
pub async fn technician(
    connection: &mut AnyConnection,
    tenant: TenantId,
    field: &str,
    user: UserId,
) -> Result<User, Problem> {
    let found = users::get(connection, tenant, user).await?;
    found.filter(|user| user.active && user.role == Role::Technician).ok_or_else(|| {
        let detail = "There is no active technician with this id.";
        Problem::new(Code::UnknownReference).field(field).detail(detail)
    })
}

/// A short list of names, as the value of a field: one a line, `null` for none.
///
/// # Errors
/// `invalid` for more than 20, and for a name that is empty, long or of several lines.
pub fn names(field: &str, names: &[String]) -> Result<Value, Problem> {
    if names.len() > 20 {
        return Err(Problem::invalid(field, "At most 20."));
    }
    let mut lines: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let name = text(field, name, 60)?;
        if name.contains('\n') {
            return Err(Problem::invalid(field, "Each is one line."));
        }
        if !lines.contains(&name) {
            lines.push(name);
        }
    }
    Ok(if lines.is_empty() { Value::Null } else { lines.join("\n").into() })
}

/// A currency of ISO 4217.
///
/// # Errors
/// `invalid` for anything but the code of a currency.
pub fn currency(field: &str, value: &str) -> Result<String, Problem> {
    match sync_core::schema::currency(value) {
        Some(code) => Ok(code.to_owned()),
        None => Err(Problem::invalid(field, "Send a currency of ISO 4217, such as TWD or USD.")),
    }
}

/// A time zone of the IANA database, as it is written there.
///
/// # Errors
/// `invalid` for a name that is not in it.
pub fn time_zone(field: &str, value: &str) -> Result<String, Problem> {
    let zone = jiff::tz::db().get(value.trim()).ok();
    let name = zone.as_ref().and_then(|zone| zone.iana_name()).map(str::to_owned);
    name.ok_or_else(|| {
        Problem::invalid(field, "Send a name of the IANA time zones, such as Asia/Taipei.")
    })
}

/// A field of a change that may not be cleared: absent when it was left out.
///
/// # Errors
/// `invalid` for `null`.
pub fn kept<T>(field: &str, given: Given<T>) -> Result<Option<T>, Problem> {
    match given {
        Some(None) => {
            Err(Problem::invalid(field, "It cannot be cleared. Leave it out to keep it."))
        }
        Some(Some(value)) => Ok(Some(value)),
        None => Ok(None),
    }
}

/// A whole number within a range.
///
/// # Errors
/// `invalid` outside of it.
pub fn range(
    field: &str,
    value: i64,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, Problem> {
    if range.contains(&value) {
        return Ok(value);
    }
    let rule = format!("Between {} and {}.", range.start(), range.end());
    Err(Problem::invalid(field, rule))
}

/// A tax rate in thousandths of a percent, told so or in hundredths.
///
/// # Errors
/// `invalid` for both, and for a rate that is not from 0 to 100 %.
pub fn tax(millipercent: Option<i64>, hundredths: Option<i64>) -> Result<Option<i64>, Problem> {
    match (millipercent, hundredths) {
        (Some(_), Some(_)) => {
            Err(Problem::invalid("tax_rate", "Send tax_millipercent or tax_rate, not both."))
        }
        (None, Some(rate)) => Ok(Some(range("tax_rate", rate, 0..=TAX_MOST / 10)? * 10)),
        (rate, None) => rate.map(|rate| range("tax_millipercent", rate, 0..=TAX_MOST)).transpose(),
    }
}

/// A branch of the tenant.
///
/// # Errors
/// `unknown_reference` when the tenant has none with this id.
pub async fn branch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    field: &str,
    branch: BranchId,
) -> Result<Branch, Problem> {
    let found = branches::get(connection, tenant, branch).await?;
    found.ok_or_else(|| {
        let detail = "There is no branch with this id.";
        Problem::new(Code::UnknownReference).field(field).detail(detail)
    })
}

/// A branch of the tenant that takes new work.
///
/// # Errors
/// `unknown_reference`, and `invalid` with the reason `branch_inactive`.
pub async fn open_branch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    field: &str,
    id: BranchId,
) -> Result<(), Problem> {
    if branch(connection, tenant, field, id).await?.active {
        return Ok(());
    }
    let detail = "This branch takes no new jobs. Choose another one.";
    Err(Problem::invalid(field, detail).reason("branch_inactive"))
}
