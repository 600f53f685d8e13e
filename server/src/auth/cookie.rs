//! Cookies of browsers: over https only such as no other site or host can have planted.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::Config;

/// The prefix that makes browsers take a cookie only over https, from this very host.
const PREFIX: &str = "__Host-";

/// A cookie of ours, by its name without any prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    name: &'static str,
    https: bool,
}

impl Cookie {
    /// The cookie of this name as this server uses it: with the prefix where browsers come over
    /// https, without it where they cannot, and never both.
    pub fn new(name: &'static str, config: &Config) -> Self {
        let https = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        Self { name, https }
    }

    /// Its value in a request.
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        lines.flat_map(|line| line.split(';')).find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let name = if self.https { name.strip_prefix(PREFIX)? } else { name };
            (name == self.name).then_some(value)
        })
    }

    /// The `Set-Cookie` that keeps a value for so many seconds; 0 deletes it. Values are plain
    /// ASCII without blanks, commas and semicolons.
    pub fn set(&self, value: &str, seconds: u64) -> HeaderValue {
        let (prefix, secure) = if self.https { (PREFIX, "; Secure") } else { ("", "") };
        let name = self.name;
        let text = format!(
            "{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
        );
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(https: bool, cookies: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(header::COOKIE, cookies.parse().unwrap())]);
        Cookie { name: "towline_session", https }.read(&headers).map(str::to_owned)
    }

    #[test]
    fn over_https_a_cookie_without_the_prefix_is_not_ours() {
        let both = "a=b; towline_session=planted; __Host-towline_session=own";
        assert_eq!(read(true, both).as_deref(), Some("own"));
        assert_eq!(read(true, "towline_session=planted"), None);
        assert_eq!(read(false, both).as_deref(), Some("planted"));
        assert_eq!(read(false, "__Host-towline_session=own"), None);
    }
}
