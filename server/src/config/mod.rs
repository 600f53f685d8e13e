//! Settings of a server: from a flag, else the environment, else a file, else the default.

mod file;
mod keeping;
mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub use settings::{SETTINGS, Setting};
use store::writer::Bounds;
use sync_core::check::Region;

use crate::clock::Clock;
use crate::sweep::Keep;
use crate::sync::budget::HourBudget;

/// Everything a server needs to know before it starts. [`SETTINGS`] says what each means.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Folder of the database and everything else that must be kept.
    pub data: PathBuf,
    /// Database address, with its password if it has one.
    pub database: Secret,
    /// Address under which phones and browsers reach this server.
    pub public_url: Option<String>,
    /// Name in tokens; made once per database when not set.
    pub issuer: Option<String>,
    /// Proxies in front whose `X-Forwarded-For` entries are believed.
    pub proxy_hops: usize,
    /// Limits of connections and requests.
    pub net: NetConfig,
    /// How long a staff session lives, however much it is used.
    pub session: Duration,
    /// How long a staff session lives without being used.
    pub session_idle: Duration,
    /// How long a phone's access token lives.
    pub access: Duration,
    /// How long an enrolment code lives.
    pub code: Duration,
    /// How long a link lives by which a new person sets a password.
    pub invite: Duration,
    /// How long a link lives by which a person sets another password.
    pub reset: Duration,
    /// After how long a job that is over and decided leaves its technician's phone.
    pub release: Duration,
    /// Memory of one password check, KiB.
    pub password_memory_kib: u32,
    /// Country (ISO 3166) in which phone numbers without `+` are dialled.
    pub phone_region: Region,
    /// Bearer token that `/metrics` asks for, if any; without one it is not on the main address.
    pub metrics_token: Option<Secret>,
    /// Address of its own for `/metrics`, if any.
    pub metrics_listen: Option<SocketAddr>,
    /// What a tenant and a phone may take up in the store.
    pub bounds: Bounds,
    /// What a phone may send and fetch in an hour.
    pub hour: HourBudget,
    /// Writes one person at a desk, or one API token, may make in an hour.
    pub hour_writes: i64,
    /// How long what is kept.
    pub keep: Keep,
    /// Time between two rounds of deleting what was kept long enough.
    pub sweep: Duration,
    /// What is logged, such as `info` or `server=debug`.
    pub log: String,
    /// Log lines as JSON.
    pub log_json: bool,
    /// What time it is; not a setting, but what a simulated day replaces.
    pub clock: Clock,
}

/// Limits of connections and requests.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Time for the whole head of a request, and the idle time between two.
    pub header_timeout: Duration,
    /// Time for the whole body of a request.
    pub body_timeout: Duration,
    /// Time for the whole body of a phone's sync request.
    pub sync_body_timeout: Duration,
    /// Time for a whole request, after its body.
    pub request_timeout: Duration,
    /// Time in which a peer must take or give at least one byte while we wait for it.
    pub idle_timeout: Duration,
    /// Open connections; a further one is answered 503 and closed.
    pub max_connections: usize,
    /// Open connections of one address; absent behind proxies, where all come from one.
    pub max_connections_per_address: Option<usize>,
    /// Requests of the desk at work, and as many of phones in line; a further one is answered 503.
    pub max_requests: usize,
    /// Phones' pages at work.
    pub max_syncs: usize,
    /// Bytes of memory for bodies of requests; a further body is answered 503.
    pub body_bytes: usize,
    /// Time that requests under way get at shutdown.
    pub shutdown_deadline: Duration,
}

/// A value that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why the settings make no server.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that does not fit its setting.
    #[error("setting `{setting}` (from {source_name}): {reason}")]
    Value {
        /// Which setting.
        setting: &'static str,
        /// Flag, environment, file or default.
        source_name: String,
        /// What is wrong with it; never the value of a secret.
        reason: String,
    },
    /// A line of the file that is no setting.
    #[error("{path} line {line}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Line number from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl Config {
    /// Settings for a server on a folder, everything else by default.
    ///
    /// # Errors
    /// None in practice: the defaults fit.
    pub fn for_data(data: &Path) -> Result<Self, ConfigError> {
        let flags = BTreeMap::from([("data".to_owned(), data.display().to_string())]);
        Self::resolve(&flags, |_| None, None)
    }

    /// Settings from flags by name, the environment, and a file of `name = value` lines.
    ///
    /// # Errors
    /// The first value that does not fit, by its setting and where it came from.
    pub fn resolve(
        flags: &BTreeMap<String, String>,
        env: impl Fn(&str) -> Option<String>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let file = file.map(file::read_file).transpose()?.unwrap_or_default();
        let find = Lookup { flags, env: &env, file: &file };
        let data = PathBuf::from(find.text("data"));
        let database = match find.text("database") {
            url if url.is_empty() => format!("sqlite://{}", data.join("towline.db").display()),
            url => url,
        };
        let max_connections = find.parse("max_connections", "a count")?;
        let proxy_hops = find.parse("proxy_hops", "a count")?;
        let listen = find.parse::<SocketAddr>("listen", "an address and port: 127.0.0.1:8080")?;
        Ok(Self {
            listen,
            data,
            database: Secret(database),
            public_url: find.some("public_url").map(|url| url.trim_end_matches('/').to_owned()),
            issuer: find.some("issuer"),
            proxy_hops,
            net: NetConfig {
                header_timeout: find.seconds("header_timeout")?,
                body_timeout: find.seconds("body_timeout")?,
                sync_body_timeout: find.seconds("sync_body_timeout")?,
                request_timeout: find.seconds("request_timeout")?,
                idle_timeout: find.seconds("idle_timeout")?,
                max_connections,
                max_connections_per_address: find.per_address(max_connections, proxy_hops)?,
                max_requests: find.parse("max_requests", "a count")?,
                max_syncs: find.parse("max_syncs", "a count")?,
                body_bytes: find.body_bytes()?,
                shutdown_deadline: find.seconds("shutdown_deadline")?,
            },
            session: find.seconds("session")?,
            session_idle: find.seconds("session_idle")?,
            access: find.seconds("access")?,
            code: find.seconds("code")?,
            invite: find.seconds("invite")?,
            reset: find.seconds("reset")?,
            release: find.seconds("release")?,
            password_memory_kib: find.parse("password_memory_kib", "KiB, at least 8")?,
            phone_region: find.region()?,
            metrics_token: find.metrics_token()?,
            metrics_listen: find.metrics_listen()?,
            bounds: find.bounds()?,
            hour: find.hour()?,
            hour_writes: find.hour_writes()?,
            keep: find.keep()?,
            sweep: find.seconds("sweep")?,
            log: find.text("log"),
            log_json: find.parse("log_json", "true or false")?,
            clock: Clock::system(),
        })
    }
}

struct Lookup<'a> {
    flags: &'a BTreeMap<String, String>,
    env: &'a dyn Fn(&str) -> Option<String>,
    file: &'a BTreeMap<String, String>,
}

impl Lookup<'_> {
    fn find(&self, name: &str) -> (String, String) {
        let setting = setting(name);
        if let Some(value) = self.flags.get(name) {
            return (value.clone(), format!("--{}", setting.flag()));
        }
        if let Some(value) = (self.env)(&setting.variable()) {
            return (value, setting.variable());
        }
        if let Some(value) = self.file.get(name) {
            return (value.clone(), "the settings file".to_owned());
        }
        (setting.default.to_owned(), "its default".to_owned())
    }

    fn text(&self, name: &str) -> String {
        self.find(name).0
    }

    fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|value| !value.is_empty())
    }

    fn parse<T: FromStr>(&self, name: &'static str, wanted: &str) -> Result<T, ConfigError> {
        let (value, source_name) = self.find(name);
        value.parse().map_err(|_| {
            let shown =
                if setting(name).secret { String::new() } else { format!(", not {value:?}") };
            ConfigError::Value {
                setting: name,
                source_name,
                reason: format!("needs {wanted}{shown}"),
            }
        })
    }

    /// By default nobody alone can take more than half of the places; a setting counts always.
    fn per_address(&self, all: usize, proxies: usize) -> Result<Option<usize>, ConfigError> {
        let name = "max_connections_per_address";
        if self.some(name).is_some() {
            return self.parse(name, "a count").map(Some);
        }
        Ok((proxies == 0).then_some(all.div_ceil(2)))
    }

    fn region(&self) -> Result<Region, ConfigError> {
        let name = "phone_region";
        Region::parse(&self.text(name)).map_err(|error| self.wrong(name, error.sentence))
    }

    fn wrong(&self, name: &'static str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Value { setting: name, source_name: self.find(name).1, reason: reason.into() }
    }

    /// With less than so much a phone's page might never find room.
    fn body_bytes(&self) -> Result<usize, ConfigError> {
        let name = "body_memory_mib";
        let wanted = "MiB, at least 16";
        let mib: usize = self.parse(name, wanted)?;
        let bytes = mib.checked_mul(1024 * 1024).filter(|_| mib >= 16);
        bytes.ok_or_else(|| ConfigError::Value {
            setting: name,
            source_name: self.find(name).1,
            reason: format!("needs {wanted}, not \"{mib}\""),
        })
    }

    fn seconds(&self, name: &'static str) -> Result<Duration, ConfigError> {
        let seconds: f64 = self.parse(name, "seconds")?;
        Duration::try_from_secs_f64(seconds).map_err(|_| ConfigError::Value {
            setting: name,
            source_name: self.find(name).1,
            reason: "needs seconds, zero or more".to_owned(),
        })
    }
}

fn setting(name: &str) -> &'static Setting {
    let found = SETTINGS.iter().find(|setting| setting.name == name);
    found.unwrap_or(&settings::UNKNOWN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_default_that_fits() {
        let config = Config::resolve(&BTreeMap::new(), |_| None, None).unwrap();
        assert_eq!(config.database.reveal(), "sqlite://towline-data/towline.db");
        assert_eq!(config.listen.port(), 8080);
    }

    #[test]
    fn a_flag_beats_the_environment_and_a_bad_value_names_its_source() {
        let flags = BTreeMap::from([("max_requests".to_owned(), "7".to_owned())]);
        let env = |name: &str| (name == "TOWLINE_MAX_REQUESTS").then(|| "nine".to_owned());
        assert_eq!(Config::resolve(&flags, env, None).unwrap().net.max_requests, 7);
        let error = Config::resolve(&BTreeMap::new(), env, None).unwrap_err().to_string();
        assert!(
            error.contains("max_requests") && error.contains("TOWLINE_MAX_REQUESTS"),
            "{error}"
        );
    }

    #[test]
    fn room_for_bodies_is_never_too_small_for_a_phones_page() {
        let with = |mib: &str| {
            let flags = BTreeMap::from([("body_memory_mib".to_owned(), mib.to_owned())]);
            Config::resolve(&flags, |_| None, None).map(|config| config.net.body_bytes)
        };
        assert_eq!(with("16").unwrap(), 16 * 1024 * 1024);
        for bad in ["15", "0", "-1", "18446744073709551615"] {
            assert!(with(bad).unwrap_err().to_string().contains("at least 16"), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let flags = BTreeMap::from([("database".to_owned(), "postgres://u:hush@db/t".to_owned())]);
        let config = Config::resolve(&flags, |_| None, None).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
