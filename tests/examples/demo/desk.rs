//! The office through the day: takes calls, assigns, takes jobs away again, decides what crossed.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::id::{BranchId, JobId, UserId};
use sync_core::job::{ExceptionKind, State};
use tests::day::{DeskAction, DeskEvent, Plan};

use crate::conductor::Actor;
use crate::progress::Tally;
use crate::simtime::SimTime;
use crate::world::{Board, DemoError};
use tests::random::Random;
use tests::rest::{Answer, Rest};

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
    /// Fields of imported calls that could not be right.
    pub corrected: u64,
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

    /// Looks at the whole board, and decides some of what waits for a person.
    fn look(&mut self) -> Result<(), DemoError> {
        let mut cursor = String::new();
        loop {
            let page = self.rest.get(&format!("/v1/jobs?limit=200{cursor}"))?.body;
            for job in page["items"].as_array().into_iter().flatten() {
                self.see(job)?;
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(()),
            }
        }
    }

    fn see(&mut self, job: &Value) -> Result<(), DemoError> {
        let id: JobId = job["id"].as_str().unwrap_or_default().parse()?;
        let state = job["state"].as_str().and_then(State::parse);
        let Some(number) = self.board.position(id) else { return Ok(()) };
        if let Some(state) = state {
            self.tally.job(number, state.as_str());
        }
        let waits = job["exceptions"].as_array().is_some_and(|list| !list.is_empty());
        // The rest is left for whoever opens the console.
        if !waits || !Random::new(self.plan.seed).fork(&format!("decide {number}")).percent(60) {
            return Ok(());
        }
        let job = self.rest.get(&format!("/v1/jobs/{id}"))?.body;
        for exception in job["exceptions"].as_array().into_iter().flatten() {
            let about = exception["about"].as_str().and_then(ExceptionKind::parse);
            let Some(choice) = about.and_then(|about| about.choices().first()) else { continue };
            let body = json!({
                "about": exception["about"],
                "choice": choice,
                "reference": exception["reference"],
            });
            let path = format!("/v1/jobs/{id}/decisions");
            match self.rest.try_post(&path, &body, None)?.status {
                200..=299 => self.figures.decided += 1,
                409 => {}
                status => return Err(DemoError::new(format!("{path} answered {status}"))),
            }
        }
        Ok(())
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
        let place =
            call.place.map(|(lat, lon)| json!({"lat": lat as f64 / 1e7, "lon": lon as f64 / 1e7}));
        let body = json!({
            "branch": self.branches[job.branch],
            "caller": call.caller,
            "phone": call.phone,
            "plate": call.plate,
            "vehicle": job.vehicle,
            "problem": call.problem,
            "address": call.address,
            "place": place,
            "remarks": Some(&call.remarks).filter(|text| !text.is_empty()),
            "eta_by": now + promise_minutes * MINUTE,
        });
        let answer = self.create(body)?;
        let id: JobId = answer.text("id")?.parse()?;
        let alike = answer.body["likely_duplicates"].as_array().map_or(&[][..], Vec::as_slice);
        self.figures.duplicates += u64::from(!alike.is_empty());
        // The day is played in minutes, so calls that are only near may be hours apart in it.
        let is_same = |reason: &Value| reason != "place_and_time";
        let mut reasons = alike.iter().filter_map(|it| it["reasons"].as_array()).flatten();
        let duplicates = reasons.any(is_same);
        self.board.open(number, id);
        self.tally.job(number, State::Received.as_str());
        if duplicates {
            // The dispatcher asks the caller: the other one has come for the same vehicle.
            self.board.call_off(number);
            return self.change(number, "cancel", &json!({"reason": "duplicate"}));
        }
        Ok(())
    }

    /// Makes the job. What the server finds wrong with a field of an imported call is moved from
    /// the field to the remarks, as a dispatcher would do with a number that cannot be right.
    fn create(&mut self, mut body: Value) -> Result<Answer, DemoError> {
        loop {
            let answer = self.rest.try_post("/v1/jobs", &body, None)?;
            let field = answer.body["field"].as_str().unwrap_or_default().to_owned();
            match answer.status {
                200..=299 => return Ok(answer),
                422 if body[&field].is_string() && field != "remarks" => {
                    let said = body[&field].take();
                    let remarks = body["remarks"].as_str().unwrap_or_default();
                    body["remarks"] = format!("{remarks} [{field}: {said}]").trim().into();
                    self.figures.corrected += 1;
                }
                status => {
                    let text = format!("a call was answered {status}: {}", answer.body);
                    return Err(DemoError::new(text));
                }
            }
        }
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
        loop {
            let event = self.events.front().map_or(i64::MAX, |event| event.at_ms);
            let next = event.min(self.look_at);
            if next >= until_ms {
                return Ok(next);
            }
            self.time.reach(next);
            if event <= self.look_at {
                if let Some(event) = self.events.pop_front() {
                    self.act(event.action)?;
                }
            } else {
                self.look()?;
                let last = self.look_at >= self.plan.end_ms;
                self.look_at = if last { i64::MAX } else { self.look_at + LOOK };
            }
        }
    }
}

/// Puts the parts into the catalogue, and fills the vans in the morning.
pub fn stock_vans(
    admin: &Rest,
    plan: &Plan,
    technicians: &[UserId],
    branches: &[BranchId],
) -> Result<(), DemoError> {
    for part in &plan.parts {
        let body = json!({
            "description": part.description,
            "unit": part.unit,
            "unit_price": part.price,
            "currency": part.currency,
            "tax_millipercent": 5_000,
        });
        admin.put(&format!("/v1/parts/{}", part.number), &body)?;
    }
    for (who, planned) in plan.technicians.iter().enumerate() {
        let van = json!({
            "name": format!("Van {:03}", who + 1),
            "plate": planned.van,
            "branch": branches[planned.branch],
            "technician": technicians[who],
        });
        let van = admin.post("/v1/vans", &van)?.text("id")?;
        let loaded = planned.stock.iter().zip(&plan.parts).filter(|(quantity, _)| **quantity > 0);
        let movements: Vec<_> = loaded
            .map(|(quantity, part)| {
                json!({"kind": "load", "part_no": part.number, "quantity": quantity})
            })
            .collect();
        if !movements.is_empty() {
            let path = format!("/v1/vans/{van}/movements");
            admin.post(&path, &json!({"movements": movements}))?;
        }
    }
    Ok(())
}
