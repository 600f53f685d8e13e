//! A redirect of the office's own proxy, told from one of a network that wants a login.
//!
//! A phone follows neither: its work and its token go to the address it was enrolled at and nowhere else.
//! The one is for the office to mend, the other for whoever holds the phone.

/// Longest address that is shown.
const SHOWN: usize = 200;

/// Where the proxy of the server at `base` sends requests for `path`; absent where `location` leads to
/// another site's page, as that of a captive portal.
///
/// It is the server's own where the host is the same, also with `www.` before one of them, and where
/// another host is asked for the very path: the server has moved.
pub(super) fn of_the_server(base: &str, path: &str, location: &str) -> Option<String> {
    let own = host(base)?;
    let to = match location.split_once("://") {
        Some(_) => location.to_owned(),
        // RFC 9110, 10.2.2: it may leave out the scheme, or the host as well.
        None => match location.strip_prefix("//") {
            Some(rest) => format!("{}://{rest}", base.split_once("://")?.0),
            None => format!("{base}/{}", location.trim_start_matches('/')),
        },
    };
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    let there = host(&to)?;
    let place = to.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let shown: String = to.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    (bare(&there) == bare(&own) || place.ends_with(path)).then_some(shown)
}

/// The host of an address, lower case, without its port.
fn host(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    let port = authority[end..].find(':').map_or(authority.len(), |at| end + at);
    Some(authority[..port].to_ascii_lowercase()).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://towline.example";
    const PATH: &str = "/v1/sync";

    #[test]
    fn a_redirect_of_the_same_host_or_to_the_same_path_is_for_the_office() {
        let own = [
            "https://towline.example/v1/sync/",
            "http://towline.example:8080/v1/sync",
            "https://www.Towline.example/v1/sync",
            "https://new.example/v1/sync",
            "https://new.example/v1/sync/?a=b",
            "//towline.example/login",
            "/v1/sync/",
            "login",
        ];
        for to in own {
            assert!(of_the_server(BASE, PATH, to).is_some(), "{to}");
        }
        let shown = of_the_server(BASE, PATH, "/v1/sync/");
        assert_eq!(shown.as_deref(), Some("https://towline.example/v1/sync/"));
    }

    #[test]
    fn a_redirect_to_another_site_is_that_of_a_network() {
        let others = [
            "https://login.hotel.example/",
            "http://192.168.1.1/portal?to=https://towline.example/v1/sync",
            "https://towline.example.evil.example/x",
            "https://towline.example@evil.example/x",
            "https://",
        ];
        for to in others {
            assert_eq!(of_the_server(BASE, PATH, to), None, "{to}");
        }
        assert_eq!(host("https://[2001:db8::1]:8443/x").as_deref(), Some("[2001:db8::1]"));
    }
}
