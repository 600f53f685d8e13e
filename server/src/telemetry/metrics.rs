//! Every metric, with its name, unit and meaning, in this one file.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use store::writer::TurnedAway;

/// Requests answered, by route, method and status.
pub const REQUESTS: &str = "towline_http_requests";
/// Seconds from the head of a request to its answer, by route.
pub const REQUEST_SECONDS: &str = "towline_http_request_duration_seconds";
/// Connections open now.
pub const CONNECTIONS: &str = "towline_http_connections";
/// Connections and requests turned away because there were too many, by which limit.
pub const SHED: &str = "towline_http_shed";
/// Verdicts given to phones, by code.
pub const VERDICTS: &str = "towline_sync_verdicts";
/// Exchanges with phones over either transport, by whether they brought changes.
pub const EXCHANGES: &str = "towline_sync_exchanges";
/// Bytes of frames, by direction.
pub const FRAME_BYTES: &str = "towline_sync_frame_bytes";
/// Positions of the log a phone was behind when it asked.
pub const SYNC_LAG: &str = "towline_sync_lag_positions";
/// Phones connected by WebSocket now.
pub const WATCHING: &str = "towline_sync_watching";
/// Streams of events open now.
pub const STREAMS: &str = "towline_event_streams";
/// Decisions waiting for a person, as of some seconds ago.
pub const DECISIONS: &str = "towline_decisions_waiting";
/// Logins, by kind and outcome.
pub const LOGINS: &str = "towline_logins";
/// Exchanges turned away because their phone had used up its hour.
pub const OVER_BUDGET: &str = "towline_sync_over_budget";
/// Changes that wait because their tenant's storage is full.
pub const OVER_QUOTA: &str = "towline_sync_over_quota";
/// Refused changes that were not kept because there were too many.
pub const NOT_KEPT: &str = "towline_sync_refusals_not_kept";
/// Rows of what tenants take up, by kind, as of some seconds ago.
pub const STORED_ROWS: &str = "towline_stored_rows";
/// The same in bytes.
pub const STORED_BYTES: &str = "towline_stored_bytes";
/// Percent of its storage that the fullest tenant takes up.
pub const FULLEST: &str = "towline_tenant_storage_fullest_percent";
/// Rows deleted because they were kept long enough, by kind.
pub const SWEPT: &str = "towline_swept_rows";

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The route with its placeholders, never the path itself.
    pub route: String,
    /// One of the words of [`method`], never the client's own.
    pub method: &'static str,
    /// The status.
    pub status: u16,
}

/// The word for a method: those that are served, and one for whatever else a client makes up. A
/// counter is kept for ever, so a stranger must not be able to make a new one.
pub fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// One label that names a case. Cases are words of the program, never of a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Case {
    /// Which case.
    pub case: String,
}

impl Case {
    /// The label of this case.
    pub fn of(case: &str) -> Self {
        Self { case: case.to_owned() }
    }
}

/// The counters of one server.
pub struct Metrics {
    registry: Registry,
    /// See [`REQUESTS`].
    pub requests: Family<RequestLabels, Counter>,
    /// See [`REQUEST_SECONDS`].
    pub request_seconds: Family<Case, Histogram>,
    /// See [`CONNECTIONS`].
    pub connections: Gauge,
    /// See [`SHED`].
    pub shed: Family<Case, Counter>,
    /// See [`VERDICTS`].
    pub verdicts: Family<Case, Counter>,
    /// See [`EXCHANGES`].
    pub exchanges: Family<Case, Counter>,
    /// See [`FRAME_BYTES`].
    pub frame_bytes: Family<Case, Counter<u64, AtomicU64>>,
    /// See [`SYNC_LAG`].
    pub sync_lag: Histogram,
    /// See [`WATCHING`].
    pub watching: Gauge,
    /// See [`STREAMS`].
    pub streams: Gauge,
    /// See [`DECISIONS`].
    pub decisions: Gauge,
    /// See [`LOGINS`].
    pub logins: Family<Case, Counter>,
    /// See [`OVER_BUDGET`].
    pub over_budget: Counter,
    /// See [`STORED_ROWS`].
    pub stored_rows: Family<Case, Gauge>,
    /// See [`STORED_BYTES`].
    pub stored_bytes: Family<Case, Gauge>,
    /// See [`FULLEST`].
    pub fullest: Gauge,
    /// See [`SWEPT`].
    pub swept: Family<Case, Counter>,
}

impl Metrics {
    /// Counters at zero.
    pub fn new() -> Self {
        Self::of(&TurnedAway::default())
    }

    /// Counters at zero, but for those of a writer that was there before.
    pub fn of(turned_away: &TurnedAway) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let seconds: fn() -> Histogram = || {
            Histogram::new([
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
            ])
        };
        let request_seconds = Family::new_with_constructor(seconds);
        let connections = Gauge::default();
        let shed = Family::default();
        let verdicts = Family::default();
        let exchanges = Family::default();
        let frame_bytes = Family::default();
        let sync_lag = Histogram::new([0.0, 1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        let watching = Gauge::default();
        let streams = Gauge::default();
        let decisions = Gauge::default();
        let logins = Family::default();
        let over_budget = Counter::default();
        let (stored_rows, stored_bytes) = (Family::default(), Family::default());
        let fullest = Gauge::default();
        let swept = Family::default();
        registry.register(REQUESTS, "Requests answered", requests.clone());
        let help = "Seconds from the head of a request to its answer";
        registry.register(REQUEST_SECONDS, help, request_seconds.clone());
        registry.register(CONNECTIONS, "Connections open now", connections.clone());
        registry.register(SHED, "Connections and requests turned away", shed.clone());
        registry.register(VERDICTS, "Verdicts given to phones, by code", verdicts.clone());
        registry.register(EXCHANGES, "Exchanges with phones", exchanges.clone());
        registry.register(FRAME_BYTES, "Bytes of sync frames", frame_bytes.clone());
        let help = "Positions of the log a phone was behind when it asked";
        registry.register(SYNC_LAG, help, sync_lag.clone());
        registry.register(WATCHING, "Phones connected by WebSocket now", watching.clone());
        registry.register(STREAMS, "Streams of events open now", streams.clone());
        registry.register(DECISIONS, "Decisions waiting for a person", decisions.clone());
        registry.register(LOGINS, "Logins, by kind and outcome", logins.clone());
        let help = "Exchanges of phones that had used up their hour";
        registry.register(OVER_BUDGET, help, over_budget.clone());
        let help = "Changes that wait because their tenant's storage is full";
        registry.register(OVER_QUOTA, help, turned_away.over_quota.clone());
        let help = "Refused changes that were not kept because there were too many";
        registry.register(NOT_KEPT, help, turned_away.refusals_not_kept.clone());
        registry.register(STORED_ROWS, "Rows that tenants take up", stored_rows.clone());
        registry.register(STORED_BYTES, "Bytes that tenants take up", stored_bytes.clone());
        let help = "Percent of its storage that the fullest tenant takes up";
        registry.register(FULLEST, help, fullest.clone());
        registry.register(SWEPT, "Rows that were kept long enough", swept.clone());
        Self {
            registry,
            requests,
            request_seconds,
            connections,
            shed,
            verdicts,
            exchanges,
            frame_bytes,
            sync_lag,
            watching,
            streams,
            decisions,
            logins,
            over_budget,
            stored_rows,
            stored_bytes,
            fullest,
            swept,
        }
    }

    /// Notes an answered request.
    pub fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.request_seconds.get_or_create(&Case::of(&route)).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
    }

    /// All counters in the text format of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string fails only if a metric's own encoding does.
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
