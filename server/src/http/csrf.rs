//! A session cookie is sent by browsers for anybody, so a write must come from our own pages.

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};

use super::{Code, Problem};

/// A header that other sites cannot make a browser send without asking first.
pub const HEADER: HeaderName = HeaderName::from_static("x-towline-csrf");

/// Checks a request that was authenticated by cookie. `public_url` is where browsers reach us: a proxy may
/// have sent another `Host` on.
///
/// # Errors
/// `cross_site` for a write with a foreign `Origin`, or with neither `Origin` nor the header.
pub fn check(
    method: &Method,
    headers: &HeaderMap,
    public_url: Option<&str>,
) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let own = match text(&header::ORIGIN) {
        Some(origin) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let is_host = authority.is_some() && authority == text(&header::HOST);
            is_host || public_url.and_then(origin_of).is_some_and(|own| own == origin)
        }
        None => headers.contains_key(HEADER),
    };
    if own { Ok(()) } else { Err(Problem::new(Code::Csrf)) }
}

/// The origin of an address as browsers write it: in lower case, without the port of its scheme.
fn origin_of(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let (scheme, host) = (url.scheme_str()?, url.host()?.to_ascii_lowercase());
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = url.port_u16().filter(|port| *port != usual);
    Some(
        port.map_or_else(
            || format!("{scheme}://{host}"),
            |port| format!("{scheme}://{host}:{port}"),
        ),
    )
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
        assert!(check(&Method::POST, &own, None).is_ok());
        assert!(check(&Method::POST, &script, None).is_ok());
        assert!(check(&Method::POST, &foreign, None).is_err());
        assert!(check(&Method::POST, &headers(&[("host", "desk.example")]), None).is_err());
        assert!(check(&Method::GET, &foreign, None).is_ok());
    }
    #[test]
    fn behind_a_proxy_that_keeps_the_host_to_itself_the_public_address_counts() {
        let page = headers(&[("host", "10.0.0.5:8080"), ("origin", "https://desk.example")]);
        let own = ["https://desk.example", "https://Desk.example:443/", "https://desk.example/app"];
        for url in own {
            assert!(check(&Method::POST, &page, Some(url)).is_ok(), "{url}");
        }
        let foreign = ["https://other.example", "http://desk.example", "https://desk.example:8443"];
        for url in foreign {
            assert!(check(&Method::POST, &page, Some(url)).is_err(), "{url}");
        }
        assert!(check(&Method::POST, &page, None).is_err());
    }
}
