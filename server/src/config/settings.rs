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
    setting("idle_timeout", "120", "Seconds in which a peer must take or send a byte"),
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
    setting("session", "604800", "Seconds a staff session lives, however much it is used"),
    setting("session_idle", "43200", "Seconds a staff session lives without being used"),
    setting("access", "900", "Seconds a phone's access token lives"),
    setting("code", "600", "Seconds an enrolment code lives"),
    setting("invite", "259200", "Seconds a link lives by which a new person sets a password"),
    setting("reset", "3600", "Seconds a link lives by which a person sets another password"),
    setting(
        "release",
        "604800",
        "Seconds after which a job that is over and decided leaves its technician's phone",
    ),
    setting("password_memory_kib", "19456", "KiB of memory for one password check (argon2id)"),
    setting(
        "phone_region",
        "TW",
        "Country (ISO 3166) in which phone numbers without + are dialled, where a branch names none",
    ),
    secret(
        "metrics_token",
        "",
        "Bearer token that /metrics asks for [default: none; /metrics is then only at metrics_listen]",
    ),
    setting("metrics_token_file", "", "File with that token, so that it stands on no command line"),
    setting(
        "metrics_listen",
        "",
        "Address and port of their own for the metrics, such as 127.0.0.1:9464 [default: none]",
    ),
    setting(
        "tenant_storage_gib",
        "100",
        "GiB of log with what is computed from it, refused changes and submissions of one tenant; beyond it phones' work waits",
    ),
    setting(
        "technician_day_mib",
        "256",
        "MiB of it that the phones of one technician may fill in a day; beyond it their work waits",
    ),
    setting(
        "technician_storage_percent",
        "25",
        "Percent of what others leave of it that one technician may have in all, but a day's MiB at least",
    ),
    setting(
        "phone_hour_mib",
        "64",
        "MiB one phone may send and fetch in an hour; beyond it the phone is told when to come back",
    ),
    setting("phone_hour_changes", "200000", "Changes one phone may send in an hour"),
    setting(
        "desk_hour_writes",
        "36000",
        "Writes one person at a desk, or one API token, may make in an hour; beyond it they are told when to come back",
    ),
    setting(
        "quarantine_per_phone",
        "1000",
        "Refused changes kept of one phone; further ones are refused all the same and only counted",
    ),
    setting("quarantine_per_tenant", "50000", "Refused changes kept of one tenant"),
    setting(
        "walk_ups_a_day",
        "100",
        "Walk-up jobs one technician may open in a day; phones stop at 100",
    ),
    setting(
        "open_of_technician",
        "500",
        "Jobs and vans one technician may have before they open no walk-up job",
    ),
    setting("keep_positions", "30", "Days that positions of technicians are kept"),
    setting(
        "keep_quarantine",
        "180",
        "Days that refused changes are kept; their phone has them too",
    ),
    setting(
        "keep_submissions",
        "365",
        "Days that discarded submissions of revoked phones are kept; those that wait are kept",
    ),
    setting("keep_accepted", "1826", "Days that accepted submissions are kept, as evidence"),
    setting("keep_signatures", "1826", "Days that phones' signatures over their work are kept"),
    setting("keep_audit", "1826", "Days that the audit list is kept"),
    setting("keep_pending_devices", "7", "Days that phones are kept whose digits nobody confirmed"),
    setting("keep_codes", "1", "Days that enrolment codes are kept after they expired"),
    setting("keep_links", "1", "Days that invite and reset links are kept after they expired"),
    setting("keep_tokens", "1826", "Days that API tokens are listed after they ended"),
    setting("keep_sessions", "0", "Days that sessions are kept after they expired"),
    setting("keep_assertions", "0", "Days that phones' used logins are kept after they expired"),
    setting(
        "keep_throttles",
        "1",
        "Days that counters of failed logins are kept after the last one",
    ),
    setting(
        "keep_idempotency",
        "2",
        "Days that answers are kept for repeats with the same Idempotency-Key",
    ),
    setting("sweep", "60", "Seconds between two rounds of deleting what was kept long enough"),
    setting("log", "info", "What is logged: error, warn, info, debug, or per module"),
    setting("log_json", "false", "Log lines as JSON"),
];
