//! Whom a request is meant for: a browser's session may have become another person's since the page was made.

use axum::http::{HeaderMap, HeaderName};
use sync_core::id::UserId;

use super::Caller;
use crate::http::{Code, Problem};

/// The request header that names the person.
pub const HEADER: HeaderName = HeaderName::from_static("towline-person");

/// Checks that the caller is the person whom the request names, if it names one.
///
/// # Errors
/// `other_person`, and `bad_header` for what is no id.
pub fn check(headers: &HeaderMap, caller: &Caller) -> Result<(), Problem> {
    let Some(named) = headers.get(HEADER) else { return Ok(()) };
    let named = named.to_str().ok().and_then(|text| text.parse::<UserId>().ok());
    match named {
        Some(named) if named == caller.user() => Ok(()),
        Some(_) => Err(Problem::new(Code::OtherPerson)),
        None => {
            let detail = "Send the id of the person for whom this is, or leave the header out.";
            Err(Problem::new(Code::BadHeader).field("Towline-Person").detail(detail))
        }
    }
}
