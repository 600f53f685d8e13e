//! Live events for the desk: jobs as they change and technicians as they move, as one stream.

mod feed;
mod frame;
mod moved;
mod streams;

use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use store::Reader;

use crate::app::App;
use crate::auth::Staff;
use crate::http::{Code, Cursor, List, Problem, Query};

pub use streams::{OF_A_PERSON, OF_A_TENANT, StreamPermit, Streams};

/// With whose connections streams read.
const READER: Reader = Reader::Desk;
/// Seconds between two heartbeats that may be asked for.
const BEAT_S: RangeInclusive<u64> = 5..=60;
/// Seconds between two heartbeats where nothing is asked for.
const BEAT_DEFAULT_S: u64 = 15;
/// The header by which a browser says where it stopped.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How events are followed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The id of the last event that was taken, or `next` of `/v1/jobs/changes`: the stream goes on after
    /// it. The header `Last-Event-ID` says the same and counts more.
    pub after: Option<String>,
    /// Seconds of silence after which a heartbeat comes, 5 to 60; 15 if not given.
    #[param(minimum = 5, maximum = 60)]
    pub beat: Option<u64>,
}

/// Follows what changes: server-sent events that miss nothing.
///
/// The first event is `start`, with the `user` who follows, and `resumed`: `true` if the stream goes on after
/// the position that was sent. Otherwise nothing was sent, or the server was restored from a backup since: then the stream begins
/// now. Read the lists after this event; every later change comes as an event.
///
/// `jobs`: jobs that changed, as `/v1/jobs/changes` gives them, each as it is now, at most every 250 ms. Its
/// id is a position of the log. A job may come again; one whose version is known already is nothing new.
///
/// `position`: the last point of one technician, as `/v1/positions` gives it, at most once a second. It has no
/// id. After `start` the last point of every technician comes.
///
/// `end`: the stream ends, with a `reason`. `session`: the session ended or its person may do less; log in.
/// `stopping`: the server stops; come again. `age`: the stream is old; go on after the last id.
///
/// A comment is a heartbeat: up to its id nothing is missed. Staff of one branch see what the lists show
/// them. A person has 8 streams and a tenant 256.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "follow_events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was taken.")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "Events until one of the two goes away."),
        (status = 400, description = "bad_cursor"),
    ),
)]
pub async fn follow(
    State(app): State<App>,
    caller: Staff,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let beat_s = query.beat.unwrap_or(BEAT_DEFAULT_S);
    if !BEAT_S.contains(&beat_s) {
        let detail = format!("Send {} to {} seconds.", BEAT_S.start(), BEAT_S.end());
        return Err(Problem::new(Code::BadQuery).field("beat").detail(detail));
    }
    let sent = match headers.get(LAST_EVENT_ID).map(HeaderValue::to_str) {
        Some(Ok(id)) => Some(("Last-Event-ID", id)),
        Some(Err(_)) => return Err(Cursor::bad().field("Last-Event-ID")),
        None => query.after.as_deref().map(|after| ("after", after)),
    };
    let sent = sent.filter(|(_, text)| !text.is_empty());
    let after = sent.map(|(field, text)| {
        Cursor::decode(List::JobChanges, text).map_err(|problem| {
            problem.field(field).detail("Send the id of an event, or nothing to begin now.")
        })
    });
    let after = after.transpose()?.filter(|it| it.id == app.store.epoch().to_be_bytes());
    let permit = app.streams.enter(&app, caller.tenant(), caller.user())?;
    let beat = Duration::from_secs(beat_s);
    let feed = feed::Feed::new(app, caller, permit, after.map(|it| it.key), beat);
    let chunks = futures_util::stream::unfold(feed, async |mut feed| {
        let chunk = feed.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), feed))
    });
    let fixed = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // Proxies such as nginx would gather events until a buffer is full.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((fixed, Body::from_stream(chunks)).into_response())
}
