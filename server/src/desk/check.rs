//! Checks of single values that several requests share.

use sync_core::id::{BranchId, TenantId};
use sync_core::value::Value;

use crate::accounts::branches;
use crate::http::{Code, Problem};
use sqlx::AnyConnection;

/// A text of a sensible length, without spaces around it.
///
/// # Errors
/// `invalid` when it is empty or longer than `longest` characters.
pub fn text(field: &str, value: &str, longest: usize) -> Result<String, Problem> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Problem::invalid(field, "It must not be empty."));
    }
    if value.chars().count() > longest {
        return Err(Problem::invalid(field, format!("At most {longest} characters.")));
    }
    if value.chars().any(|c| (c.is_control() && c != '\n') || turns_around(c)) {
        return Err(Problem::invalid(field, "It has control characters."));
    }
    Ok(value.to_owned())
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

/// Characters that make what follows them read in another order than it stands, as in a plate
/// that reads like another one. Right-to-left scripts and their marks need none of them.
fn turns_around(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A currency in the form of ISO 4217.
///
/// # Errors
/// `invalid` for anything but three capital letters.
pub fn currency(field: &str, value: &str) -> Result<String, Problem> {
    let fits = value.len() == 3 && value.bytes().all(|b| b.is_ascii_uppercase());
    if fits {
        return Ok(value.to_owned());
    }
    Err(Problem::invalid(field, "Send the three capital letters of ISO 4217."))
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

/// A branch of the tenant.
///
/// # Errors
/// `unknown_reference` when the tenant has none with this id.
pub async fn branch(
    connection: &mut AnyConnection,
    tenant: TenantId,
    field: &str,
    branch: BranchId,
) -> Result<(), Problem> {
    match branches::get(connection, tenant, branch).await? {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::UnknownReference)
            .field(field)
            .detail("There is no branch with this id.")),
    }
}
