//! Where the phone is: kept in a queue without coverage, sent in batches with the ordinary sync.
//!
//! A position is no fact and is not *saved*: losing power may lose the last of them, so they cost no
//! wait for the disk. Of too many the older half gets coarser; what is too old is dropped.

use serde_json::{Map, Value, json};
use sync_core::id::JobId;
use sync_core::limits::{POSITION_AGE_MS, POSITION_BATCH};
use sync_core::place::Place as OnEarth;
use sync_core::position::{BadReading, Reading};

use super::input::Place;
use super::login::Way;
use super::{Engine, State};
use crate::error::EngineError;
use crate::net::{NetError, Post, TOO_LARGE};
use crate::store::positions::{self, Row};

const JSON: &str = "application/json";

/// One position as the platform measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Where.
    pub place: Place,
    /// How long ago it was measured, milliseconds; no clock of a person comes into it.
    pub age_ms: i64,
    /// Centimetres a second; absent or below zero where it is not known.
    pub speed: Option<i64>,
    /// Degrees from north; absent or below zero where it is not known.
    pub heading: Option<i64>,
    /// On the way for which job.
    pub job: Option<JobId>,
}

/// The result of positions that were added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PositionsAdded {
    /// How many wait to be sent.
    pub kept: usize,
    /// The others: which one, from 0, and why.
    pub refused: Vec<(usize, BadPosition)>,
}

/// Why something is no position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPosition {
    /// Stable code.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
}

impl Engine {
    /// Adds positions to the queue; one that is none is told and keeps no other back. At most
    /// [`POSITION_BATCH`] at a time.
    ///
    /// # Errors
    /// When the phone is not enrolled, or for more than a batch.
    pub fn add_positions(&self, measured: &[Position]) -> Result<PositionsAdded, EngineError> {
        if measured.len() > POSITION_BATCH {
            let sentence = format!("Add at most {POSITION_BATCH} positions at a time.");
            return Err(EngineError::invalid("too_many", "positions", sentence));
        }
        let now = self.server_clock();
        let mut added = PositionsAdded::default();
        let mut rows = Vec::with_capacity(measured.len());
        for (index, position) in measured.iter().enumerate() {
            match row(position, now) {
                Ok(row) => rows.push(row),
                Err(bad) => added.refused.push((index, bad)),
            }
        }
        added.kept = rows.len();
        let mut state = self.state();
        if state.identity.is_none() {
            return Err(EngineError::NotEnrolled);
        }
        let before = now.saturating_sub(POSITION_AGE_MS);
        state.store.write_lazily(|tx| positions::add(tx, &rows, before))?;
        Ok(added)
    }

    /// Sends what waits, batch by batch, until the server asks for a rest. Gives how many it answered.
    pub(super) fn send_positions(&self, way: &Way) -> Result<u64, EngineError> {
        let (mut sent, mut most) = (0, POSITION_BATCH);
        loop {
            let batch = positions::oldest(self.state().store.read(), most)?;
            if batch.is_empty() {
                return Ok(sent);
            }
            match self.send_batch(way, &batch) {
                Batch::Answered => {}
                // Something on the way takes no batch as large as this one.
                Batch::TooLarge if batch.len() > 1 => {
                    most = batch.len() / 2;
                    continue;
                }
                Batch::TooLarge | Batch::Waits => return Ok(sent),
            }
            self.state().drop_positions(&batch)?;
            sent += batch.len() as u64;
        }
    }

    fn send_batch(&self, way: &Way, batch: &[Row]) -> Batch {
        let Ok((token, _)) = self.token(way) else { return Batch::Waits };
        let body = json!({"points": batch.iter().map(point).collect::<Vec<_>>()}).to_string();
        let answer = way.transport.post(Post {
            path: "/v1/positions",
            media_type: JSON,
            accept: JSON,
            bearer: Some(&token),
            body: body.as_bytes(),
        });
        let Ok(reply) = answer else { return Batch::Waits };
        match reply.status {
            // A server of an older version takes all or nothing, and says nothing.
            204 => return Batch::Answered,
            TOO_LARGE => return Batch::TooLarge,
            _ => {}
        }
        match reply.expect(JSON) {
            Ok(_) | Err(NetError::Refused { status: 400 | 422, .. }) => Batch::Answered,
            Err(_) => Batch::Waits,
        }
    }
}

/// The result of a batch.
enum Batch {
    /// It needs no second sending: the server has it, or will never take it.
    Answered,
    /// Something on the way takes no body as large as this.
    TooLarge,
    /// It is sent again with a later sync.
    Waits,
}

impl State {
    fn drop_positions(&mut self, rows: &[Row]) -> Result<(), EngineError> {
        self.store.write_lazily(|tx| positions::delete(tx, rows))
    }
}

/// A position as it is kept. `now` is the server's clock, as well as the phone knows it.
fn row(position: &Position, now: i64) -> Result<Row, BadPosition> {
    let Position { place: Place { lat, lon, accuracy, as_said: _ }, age_ms, speed, heading, job } =
        *position;
    let place = OnEarth::new(lat, lon);
    let place = place.map_err(|bad| BadPosition {
        code: bad.code().to_owned(),
        sentence: format!("This is not a place on Earth: {bad}."),
    })?;
    let at = now.saturating_sub(age_ms.max(0));
    let reading = Reading { at, place, accuracy, speed, heading }.checked();
    let bad = |bad: BadReading| BadPosition { code: bad.code().into(), sentence: bad.to_string() };
    let Reading { accuracy, speed, heading, .. } = reading.map_err(bad)?;
    let job = job.map(|job| *job.as_bytes());
    Ok(Row { at, lat, lon, accuracy, speed, heading, job })
}

fn point(row: &Row) -> Value {
    let degrees = |e7: i64| e7 as f64 / 1e7;
    let mut point = Map::new();
    point.insert("at".to_owned(), row.at.into());
    let place = json!({"lat": degrees(row.lat), "lon": degrees(row.lon)});
    point.insert("place".to_owned(), place);
    let numbers = [("accuracy", row.accuracy), ("speed", row.speed), ("heading", row.heading)];
    for (name, number) in numbers {
        point.extend(number.map(|number| (name.to_owned(), number.into())));
    }
    let job = row.job.and_then(|job| JobId::from_bytes(job).ok());
    point.extend(job.map(|job| ("job".to_owned(), job.to_string().into())));
    point.into()
}
