//! The list of settings: name, default and meaning; help text and lookup are both made from it.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Name in the settings file.
    pub name: &'static str,
    /// Value when nobody says otherwise; empty means none.
    pub default: &'static str,
    /// What it means, with its unit.
    pub about: &'static str,
    /// Whether its value must never be printed.
    pub secret: bool,
}

impl Setting {
    /// The command line flag without its dashes.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("TOWLINE_{}", self.name.to_ascii_uppercase())
    }
}

pub(super) static UNKNOWN: Setting = setting("unknown", "", "");

const fn setting(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { name, default, about, secret: false }
}

const fn secret(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { name, default, about, secret: true }
}

/// Every setting, in the order in which help shows them.
pub static SETTINGS: &[Setting] = &[
    setting("listen", "127.0.0.1:8080", "Address and port to listen on; port 0 takes a free one"),
    setting("data", "towline-data", "Folder of the database and all that must be kept"),
    secret(
        "database",
        "",
        "sqlite:///PATH or postgres://USER:PASSWORD@HOST/NAME [default: towline.db in the data folder]",
    ),
    setting(
        "public_url",
        "",
        "Address by which phones and browsers reach the server, such as https://rescue.example.com",
    ),
    setting("issuer", "", "Name in tokens [default: one made for this database]"),
    setting("proxy_hops", "0", "Proxies in front whose X-Forwarded-For is believed"),
    setting("header_timeout", "30", "Seconds for the head of a request, and idle between two"),
    setting("body_timeout", "30", "Seconds for the whole body of a request"),
    setting("sync_body_timeout", "240", "Seconds for a phone's page over a poor link"),
    setting("request_timeout", "60", "Seconds for a whole request, after its body"),
    setting("stall_timeout", "120", "Seconds in which a peer must take or send a byte"),
    setting("max_connections", "4096", "Open connections; a further one is turned away with 503"),
    setting(
        "max_connections_per_address",
        "",
        "Open connections of one address; a further one is turned away [default: half of \
         max_connections; no limit with proxy_hops, as the proxy is everybody]",
    ),
    setting(
        "max_requests",
        "512",
        "Requests of the desk at work, and as many of phones in line; a further one is turned away \
         with 503",
    ),
    setting("max_syncs", "64", "Phones' pages at work; the others wait in line"),
    setting(
        "body_memory_mib",
        "256",
        "MiB of memory for bodies of requests that come or are at work, at least 16; one address \
         gets half at most; a further body is turned away with 503",
    ),
    setting("shutdown_deadline", "20", "Seconds that requests under way get when the server stops"),
    setting("session", "43200", "Seconds a staff session lives"),
    setting("access", "900", "Seconds a phone's access token lives"),
    setting("code", "600", "Seconds an enrolment code lives"),
    setting("password_memory_kib", "19456", "KiB of memory for one password check (argon2id)"),
    setting(
        "phone_region",
        "TW",
        "Country (ISO 3166) in which phone numbers without + are dialled",
    ),
    secret("metrics_token", "", "Bearer token that /metrics asks for [default: none asked]"),
    setting("log", "info", "What is logged: error, warn, info, debug, or per module"),
    setting("log_json", "false", "Log lines as JSON"),
];
