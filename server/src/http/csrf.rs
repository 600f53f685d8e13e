//! A session cookie is sent by browsers for anybody, so a write must come from our own pages.

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::{Code, Problem};

/// A header that other sites cannot make a browser send without asking first.
pub const HEADER: HeaderName = HeaderName::from_static("x-towline-csrf");

/// Checks a request that was authenticated by cookie.
///
/// # Errors
/// `cross_site` for a write with a foreign `Origin`, or with neither `Origin` nor the header.
pub fn check(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let own = match text(&header::ORIGIN) {
        Some(origin) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == text(&header::HOST)
        }
        None => headers.contains_key(HEADER),
    };
    if own { Ok(()) } else { Err(Problem::new(Code::Csrf)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn a_write_needs_our_origin_or_our_header() {
        let own = headers(&[("host", "desk.example"), ("origin", "https://desk.example")]);
        let foreign = headers(&[
            ("host", "desk.example"),
            ("origin", "https://evil.example"),
            ("x-towline-csrf", "1"),
        ]);
        let script = headers(&[("host", "desk.example"), ("x-towline-csrf", "1")]);
        assert!(check(&Method::POST, &own).is_ok());
        assert!(check(&Method::POST, &script).is_ok());
        assert!(check(&Method::POST, &foreign).is_err());
        assert!(check(&Method::POST, &headers(&[("host", "desk.example")])).is_err());
        assert!(check(&Method::GET, &foreign).is_ok());
    }
}
