//! The job: what one rescue's facts and fields mean, computed the same on phone, server and console.
//!
//! A [`Job`] is a pure fold over a document. Stints gather the steps under each assignment; the
//! outcome says whose work the job is; the state, the times, the amounts and the exceptions
//! follow. The same facts give the same job in whatever order they came.

mod about;
mod access;
mod amounts;
mod assignment;
mod causal;
mod checklist;
mod decision;
mod evidence;
mod exceptions;
mod family;
mod intake;
mod outcome;
mod parts;
mod seals;
mod state;
mod step;
mod stint;
mod timeline;
mod times;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use about::About;
pub use access::{WALK_UP_EPOCH, epochs_of, is_or_was_theirs, walk_up_author};
pub use amounts::{Total, amount_of};
pub use assignment::{Assignment, AssignmentKind};
pub use checklist::{CheckResult, Missing, usual_steps};
pub use decision::Decision;
pub use evidence::{Attachment, Feedback, Finding, Note, Observed, Settlement};
pub use exceptions::Exception;
pub use intake::{Intake, Promise, taken_in};
pub use parts::{Charge, PartUse};
pub use seals::{SealView, seal_of};
pub use state::State;
pub use step::Step;
pub use timeline::{TimelineItem, timeline};
pub use times::StepTime;
pub use view::JobSummary;

pub(crate) use access::{int, lines, text};
pub(crate) use causal::Past;
pub(crate) use evidence::notes;
pub(crate) use family::{Family, families};
pub(crate) use parts::parts;
pub(crate) use times::corrected;

use crate::document::{Document, Fact};
use crate::id::{JobId, UserId};
use decision::{Cause, Decisions};
use exceptions::{Exceptions, Found, says_why_unsigned};
use outcome::Outcome;
use stint::{Stint, Stints};

/// One rescue, as its document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// Where it stands, with offers open however long ago; see [`Job::state_at`].
    pub state: State,
    /// A technician opened it at the roadside.
    pub walk_up: bool,
    /// Caller, vehicle, problem, place.
    pub intake: Intake,
    /// What the customer was promised.
    pub promise: Promise,
    /// Whose work the job is: the present assignment, or an earlier one that completed it.
    pub assignment: Option<Assignment>,
    /// The epoch the next assignment takes.
    pub next_epoch: i64,
    /// Earlier assignments, and a present one that was called back, oldest first.
    pub superseded: Vec<Superseded>,
    /// When each step of the assignment was.
    pub times: BTreeMap<Step, StepTime>,
    /// The technician who is out for this job now; not one who has claimed that nobody was there
    /// or that it could not be done.
    pub active_technician: Option<UserId>,
    /// Parts used, voided ones among them.
    pub parts: Vec<PartUse>,
    /// Charges, voided ones among them.
    pub charges: Vec<Charge>,
    /// What stands and is billed, by currency.
    pub totals: Vec<Total>,
    /// Results by checklist step.
    pub checklist: BTreeMap<String, CheckResult>,
    /// What completing wants and does not have.
    pub missing: Vec<Missing>,
    /// What was found and done.
    pub work: Vec<Finding>,
    /// What was read off the vehicle.
    pub observed: Observed,
    /// Photos and files.
    pub attachments: Vec<Attachment>,
    /// Remarks.
    pub notes: Vec<Note>,
    /// Customer signatures.
    pub seals: Vec<SealView>,
    /// Survey answers and complaints.
    pub feedback: Vec<Feedback>,
    /// What the dealership system said last.
    pub settlement: Option<Settlement>,
    /// What waits for a decision.
    pub exceptions: Vec<Exception>,
    /// What was decided, and correction tasks that were waived.
    pub decided: Vec<Exception>,
}

/// Work under an assignment that is not the job's any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The last assignment to those hands.
    pub assignment: Assignment,
    /// How far they came.
    pub reached: State,
    /// When each of their steps was.
    pub times: BTreeMap<Step, StepTime>,
    /// They are called back because an earlier assignment completed the job.
    pub recalled: bool,
}

impl Job {
    /// The job a document describes. A document about something else has none of a job's
    /// sections and gives a job without content.
    pub fn of(document: &Document) -> Self {
        let id = document.id().job().unwrap_or(JobId::new(0, [0; 10]));
        let decisions = Decisions::of(document);
        let stints = Stints::of(document);
        let outcome = Outcome::of(document, &stints, &decisions);
        let performer = outcome.performer.and_then(|index| stints.list.get(index));
        let state = State::of(&stints, &outcome, &decisions);
        let intake = Intake::of(document);
        let promise = Promise::of(document);
        let attachments = evidence::attachments(document);
        let checklist = checklist::results(document);
        let observed = evidence::observed(document);
        let settlement = evidence::settlement(document);
        let parts = billed(parts::parts(document), &stints, performer);
        let charges = parts::charges(document);
        let mut missing = checklist::missing(&intake, performer, &checklist, &attachments);
        missing.extend(observed.odometer.is_none().then_some(Missing::Odometer));
        missing.extend((!is_signed(document, performer)).then_some(Missing::Signature));
        let technician = performer.and_then(|stint| stint.assignment.technician);
        let mut job = Self {
            id,
            state,
            walk_up: access::walk_up(document).is_some(),
            totals: amounts::totals(&parts, &charges),
            assignment: performer.map(|stint| stint.assignment.clone()),
            next_epoch: stints.last_epoch.map_or(1, |epoch| epoch.saturating_add(1)),
            superseded: superseded(&stints, &outcome, &intake),
            times: performer.map(|stint| times::of(stint, intake.place)).unwrap_or_default(),
            active_technician: technician.filter(|_| {
                let claimed = performer.is_some_and(|stint| is_claimed(stint, &decisions));
                state.is_active() && !claimed
            }),
            parts,
            charges,
            checklist,
            missing,
            work: evidence::findings(document),
            observed,
            attachments,
            notes: evidence::notes(document),
            feedback: evidence::feedback(document),
            settlement,
            seals: Vec::new(),
            exceptions: Vec::new(),
            decided: Vec::new(),
            intake,
            promise,
        };
        job.seals = seals::seals(document, &job);
        let exceptions = Exceptions::of(&Found {
            document,
            stints: &stints,
            outcome: &outcome,
            decisions: &decisions,
            state,
            missing: &job.missing,
            outdated_seal: seals::outdated(document, &job.seals),
        });
        job.exceptions = exceptions.open;
        job.decided = exceptions.decided;
        if job.is_settled() {
            job.state = State::Closed;
        }
        job
    }

    /// Where the job stands at `now` (Unix milliseconds): an offer nobody answered in time is no
    /// offer any more.
    pub fn state_at(&self, now: i64) -> State {
        if self.offer_expired(now) { State::Received } else { self.state }
    }

    /// The assignment in force at `now` (Unix milliseconds).
    pub fn assignment_at(&self, now: i64) -> Option<&Assignment> {
        self.assignment.as_ref().filter(|_| !self.offer_expired(now))
    }

    /// Over, with nothing left to decide, and taken by the dealership system.
    fn is_settled(&self) -> bool {
        let accepted = self.settlement.as_ref().and_then(|s| s.kind.as_deref()) == Some("accepted");
        let over = self.state.is_over() && self.state != State::Cancelled;
        accepted && over && self.exceptions.is_empty()
    }

    fn offer_expired(&self, now: i64) -> bool {
        let expires = self.assignment.as_ref().and_then(|assignment| assignment.expires);
        self.state == State::Offered && expires.is_some_and(|expires| expires <= now)
    }
}

/// The technicians who ever had the job, and the one who has it now.
pub(crate) fn holders(document: &Document) -> (std::collections::BTreeSet<UserId>, Option<UserId>) {
    let stints = Stints::of(document);
    let outcome = Outcome::of(document, &stints, &Decisions::of(document));
    let holder = outcome.performer.and_then(|index| stints.list.get(index));
    (stints.technicians(), holder.and_then(|stint| stint.assignment.technician))
}

/// Parts of a technician whose stint is not the job's are kept, and not billed.
fn billed(
    mut parts: Vec<PartUse>,
    stints: &Stints<'_>,
    performer: Option<&Stint<'_>>,
) -> Vec<PartUse> {
    let superseded = stints.technicians();
    let own = performer.and_then(|stint| stint.assignment.technician);
    for part in &mut parts {
        let of_another = part.by.is_some_and(|by| superseded.contains(&by) && own != Some(by));
        part.billed &= !of_another;
    }
    parts
}

/// Whether the technician said it came to nothing. They are free for the next job then, without
/// waiting for the office to decide about the claim; once it is rejected the job is theirs to do.
fn is_claimed(stint: &Stint<'_>, decisions: &Decisions) -> bool {
    let claims = [(Step::Goa, About::GoaClaimed), (Step::Unsuccessful, About::UnsuccessfulClaimed)];
    claims.into_iter().any(|(step, about)| {
        let cause = Cause::of(stint.steps.get(&step).cloned().unwrap_or_default());
        let rejected = decisions.on(about.word(), &cause).is_some_and(|d| d.choice == "reject");
        let open = !rejected || !decisions.uncovered(about.word(), &cause).is_empty();
        !cause.facts.is_empty() && open
    })
}

fn is_signed(document: &Document, performer: Option<&Stint<'_>>) -> bool {
    let mut completed = performer.iter().filter_map(|stint| stint.steps.get(&Step::Completed));
    seals::signatures(document).next().is_some()
        || completed.any(|facts| facts.iter().any(|fact: &&Fact| says_why_unsigned(fact)))
}

fn superseded(stints: &Stints<'_>, outcome: &Outcome<'_>, intake: &Intake) -> Vec<Superseded> {
    let others = stints.list.iter().enumerate();
    let others = others.filter(|(index, _)| outcome.performer != Some(*index));
    let of = |(index, stint): (usize, &Stint<'_>)| Superseded {
        assignment: stint.assignment.clone(),
        reached: State::reached(stint),
        times: times::of(stint, intake.place),
        recalled: stints.present == Some(index) && outcome.present_recalled,
    };
    others.map(of).collect()
}
