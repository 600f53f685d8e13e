//! The job: what one rescue's facts and fields mean, computed the same on phone, server and console.
//!
//! A [`Job`] is a pure fold over a document. Spans gather the steps under each assignment; the
//! outcome says whose work the job is; the state, the times, the amounts and the exceptions
//! follow. The same facts give the same job in whatever order they came.

mod access;
mod alike;
mod amount_lines;
mod amounts;
mod assignment;
mod billing;
mod cancellation;
mod causal;
mod checklist;
mod claim;
mod claimed_times;
mod decision;
mod doubts;
mod evidence;
mod exception_kind;
mod exceptions;
mod family;
mod intake;
mod outcome;
mod parts;
mod possible_duplicate;
mod rendering;
mod seals;
mod span;
mod state;
mod step;
mod tax;
mod timeline;
mod times;
mod undo;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use access::{WALK_UP_EPOCH, epochs_of, is_or_was_theirs, opens_a_job, walk_up_author};
pub use alike::{Alike, NEAR_M, NEAR_MS, Reason, SAME_MS, alike, around};
pub use amounts::{Total, amount_of, tax_of};
pub use assignment::{Assignment, AssignmentKind};
pub use billing::currency_of_lines;
pub use cancellation::Cancellation;
pub use checklist::{CheckResult, Missing, usual_steps};
pub use decision::Decision;
pub use evidence::{Attachment, Feedback, Finding, Note, Observed, RELEASED, Settlement};
pub use exception_kind::ExceptionKind;
pub use exceptions::Exception;
pub use intake::{Intake, Promise, taken_in};
pub use parts::{Charge, PartUse, parts};
pub use possible_duplicate::{ALIKE, ALIKE_JOBS, say_alike};
pub use seals::{LISTED_OF_JOB, SealView, seal_of};
pub use state::State;
pub use step::Step;
pub use tax::{TaxMode, tax_entry};
pub use timeline::{TimelineItem, timeline};
pub use times::StepTime;
pub use undo::{taken_back, voids};
pub use view::JobSummary;

pub(crate) use access::has_epoch;
pub(crate) use access::{id_of, int, lines, text, time_of};
pub(crate) use causal::{Marks, Order, Past, WIDTH as QUESTIONS, in_order};
pub(crate) use evidence::notes;
pub use family::voids_of;
pub(crate) use family::{Family, families, families_among};
pub(crate) use times::corrected;

use crate::check::Unverified;
use crate::document::{Document, Fact};
use crate::id::{FactId, JobId, UserId};
use crate::schema::{key, section};
use crate::time::{Corrected, Stamp};
use billing::{Foreign, Terms};
use claimed_times::ClaimedTimes;
use decision::{Cause, Decisions};
use exceptions::{ExceptionInputs, Exceptions, says_why_unsigned};
use outcome::Outcome;
use span::{Span, Spans};

/// One rescue, as its document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// Where it stands, with offers open however long ago; see [`Job::state_at`].
    pub state: State,
    /// A technician opened it at the roadside.
    pub walk_up: bool,
    /// When it was taken in, Unix milliseconds: [`opened`], with what is known of the clocks.
    #[serde(skip)]
    pub created: i64,
    /// Caller, vehicle, problem, place.
    pub intake: Intake,
    /// What the customer was promised.
    pub promise: Promise,
    /// Whose work the job is: the present assignment, or an earlier one that completed it.
    pub assignment: Option<Assignment>,
    /// The number the next assignment takes.
    #[serde(rename = "next_assignment_number")]
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
    /// What is billed, by currency.
    pub totals: Vec<Total>,
    /// Whether prices contain their tax; absent on a job of before, where they do.
    #[serde(default)]
    pub tax_mode: Option<TaxMode>,
    /// Results by checklist step.
    pub checklist: BTreeMap<String, CheckResult>,
    /// What completing wants and does not have.
    pub missing: Vec<Missing>,
    /// What was found and done.
    pub work: Vec<Finding>,
    /// What was read off the vehicle.
    pub observed: Observed,
    /// Values that are kept as they were said, because no rule knows them. The server's answers
    /// list them among findings that need more than the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub findings: Vec<Unverified>,
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
    /// How it was called off; absent unless a cancellation stands.
    pub cancelled: Option<Cancellation>,
    /// What waits for a decision.
    pub exceptions: Vec<Exception>,
    /// What was decided, and correction tasks that were waived.
    pub decided: Vec<Exception>,
}

/// Work under an assignment that is not the job's any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
    /// The vehicle identification number: as it was read on the vehicle, else as the caller told it.
    pub fn vin(&self) -> Option<&str> {
        self.observed.vin.as_deref().or(self.intake.vin.as_deref())
    }

    /// The parts used, without those that were taken back.
    pub fn parts_used(&self) -> impl Iterator<Item = &PartUse> {
        self.parts.iter().filter(|part| !part.voided)
    }

    /// The job a document describes. A document about something else has none of a job's
    /// sections and gives a job without content.
    pub fn of(document: &Document) -> Self {
        let id = document.id().job().unwrap_or(JobId::new(0, [0; 10]));
        let order = Order::of(document);
        let decisions = Decisions::of(&order);
        let spans = Spans::of(document);
        let outcome = Outcome::of(&order, &spans, &decisions);
        let performer = outcome.performer.and_then(|index| spans.list.get(index));
        let strangers = spans.strangers(performer);
        let state = State::of(&spans, &outcome, &decisions);
        let intake = Intake::of(document);
        let promise = Promise::of(document);
        let attachments = evidence::attachments(document);
        let checklist = checklist::results(document, &strangers);
        let observed = evidence::observed(document, &strangers);
        let settlement = evidence::settlement(document);
        let terms = Terms::of(document);
        let mut parts = billed(document, parts::parts(document), &spans, performer);
        let mut charges = parts::charges(document);
        let foreign = Foreign::part(document, &terms, &decisions, &mut parts, &mut charges);
        let mut missing = checklist::missing(&intake, performer, &checklist, &attachments);
        missing.extend(observed.odometer.is_none().then_some(Missing::Odometer));
        let signatures = seals::read(document, &strangers);
        missing.extend((!is_signed(&signatures, performer)).then_some(Missing::Signature));
        let technician = performer.and_then(|span| span.assignment.technician);
        let mut job = Self {
            id,
            state,
            walk_up: access::walk_up(document).is_some(),
            created: opened(document).at,
            totals: amounts::totals(&parts, &charges, terms.mode),
            tax_mode: terms.mode,
            assignment: performer.map(|span| span.assignment.clone()),
            next_epoch: spans.last_epoch.map_or(1, |epoch| epoch.saturating_add(1)),
            superseded: superseded(&spans, &outcome, &intake),
            times: performer.map(|span| times::of(span, intake.place)).unwrap_or_default(),
            active_technician: technician.filter(|_| {
                let claimed = performer.is_some_and(|span| is_claimed(span, &decisions));
                state.is_active() && !claimed
            }),
            parts,
            charges,
            checklist,
            missing,
            work: evidence::findings(document),
            findings: doubts::findings(&intake, &observed),
            observed,
            attachments,
            notes: evidence::notes(document),
            feedback: evidence::feedback(document),
            settlement,
            cancelled: outcome.cancelled.map(Cancellation::of),
            seals: Vec::new(),
            exceptions: Vec::new(),
            decided: Vec::new(),
            intake,
            promise,
        };
        job.seals = seals::seals(&job, signatures);
        let exceptions = Exceptions::of(&ExceptionInputs {
            document,
            order: &order,
            claimed: &ClaimedTimes::of(&order),
            spans: &spans,
            outcome: &outcome,
            decisions: &decisions,
            state,
            missing: &job.missing,
            is_sealed: job.seals.iter().any(|seal| seal.sound),
            outdated_seal: seals::outdated(document, &job.seals),
            foreign: &foreign,
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

    /// Whether the dealership system has accepted the job, which then stays as it is. Never of a
    /// cancelled one: that may be taken up again.
    pub fn is_accepted(&self) -> bool {
        let settlement = self.settlement.as_ref().and_then(|settlement| settlement.kind.as_deref());
        settlement == Some("accepted") && self.state != State::Cancelled
    }

    /// Over, with nothing left to decide, and taken by the dealership system.
    fn is_settled(&self) -> bool {
        self.is_accepted() && self.state.is_over() && self.exceptions.is_empty()
    }

    fn offer_expired(&self, now: i64) -> bool {
        let expires = self.assignment.as_ref().and_then(|assignment| assignment.expires);
        self.state == State::Offered && expires.is_some_and(|expires| expires <= now)
    }
}

/// When a job was taken in: at the desk by the server's clock, which is in its id; at the roadside by
/// the clock of a phone, corrected. The id that a phone made says nothing about the time.
pub fn opened(document: &Document) -> Corrected {
    let by_desk = || document.id().job().map_or(0, |id| id.unix_ms());
    access::walk_up(document).map_or_else(|| Stamp::wall(by_desk()).corrected(), corrected)
}

/// The technicians who ever had the job, and the one who has it now.
pub(crate) fn holders(document: &Document) -> (std::collections::BTreeSet<UserId>, Option<UserId>) {
    let spans = Spans::of(document);
    let order = Order::of(document);
    let outcome = Outcome::of(&order, &spans, &Decisions::of(&order));
    let holder = outcome.performer.and_then(|index| spans.list.get(index));
    (spans.technicians(), holder.and_then(|span| span.assignment.technician))
}

/// The reopenings in force by which the office took this step back: those that name it, and for a
/// cancellation those that name nothing and had seen it.
pub fn reopened_by(document: &Document, step: &Fact) -> Vec<FactId> {
    let is_cancelled = text(step, &key::KIND) == Some(Step::Cancelled.as_str());
    let names = |reopened: &&Fact| match id_of(reopened, &key::VOIDS) {
        Some(named) => named == step.id,
        None => is_cancelled && Past::of(document, reopened.change).contains(&step.change),
    };
    undo::reopenings(document).into_iter().filter(names).map(|fact| fact.id).collect()
}

/// The facts by which the job ended, for a reopening to name: completions and claims of whose work it
/// is, and completions that a person must still judge. None while it goes on.
pub fn endings(document: &Document) -> Vec<FactId> {
    let spans = Spans::of(document);
    let order = Order::of(document);
    let decisions = Decisions::of(&order);
    let outcome = Outcome::of(&order, &spans, &decisions);
    if !State::of(&spans, &outcome, &decisions).is_over() {
        return Vec::new();
    }
    let performer = outcome.performer.and_then(|index| spans.list.get(index));
    let ends = [Step::Completed, Step::Goa, Step::Unsuccessful];
    let own = performer.into_iter().flat_map(|span| ends.map(|step| span.steps.get(&step)));
    let own = own.flatten().flatten().map(|fact| fact.id);
    let judged = outcome.contested.iter().filter_map(|index| outcome.completions.get(*index));
    let judged = judged.flat_map(|(cause, _)| cause.facts.iter().map(|fact| fact.id));
    let all: std::collections::BTreeSet<_> = own.chain(judged).collect();
    all.into_iter().collect()
}

/// Parts of a technician whose span is not the job's are kept, and not billed. Whoever corrects a part
/// takes it from nobody.
fn billed(
    document: &Document,
    mut parts: Vec<PartUse>,
    spans: &Spans<'_>,
    performer: Option<&Span<'_>>,
) -> Vec<PartUse> {
    let others = spans.others(performer.and_then(|span| span.assignment.technician));
    for part in &mut parts {
        let root = document.fact(&section::PARTS, &part.id).and_then(|root| root.author);
        let of_another = [root, part.by].into_iter().flatten().any(|by| others.contains(&by));
        part.billed &= !of_another;
    }
    parts
}

/// Whether the technician said it came to nothing. They are free for the next job then, without
/// waiting for the office to decide about the claim; once it is rejected the job is theirs to do.
fn is_claimed(span: &Span<'_>, decisions: &Decisions<'_>) -> bool {
    let claims = [
        (Step::Goa, ExceptionKind::GoaClaimed),
        (Step::Unsuccessful, ExceptionKind::UnsuccessfulClaimed),
    ];
    claims.into_iter().any(|(step, about)| {
        let cause = Cause::of(span.steps.get(&step).cloned().unwrap_or_default());
        let settled = decisions.about(about, &cause);
        let open = !settled.chose("reject") || !settled.uncovered.is_empty();
        !cause.facts.is_empty() && open
    })
}

fn is_signed(signatures: &[seals::Signature<'_>], performer: Option<&Span<'_>>) -> bool {
    let mut completed = performer.iter().filter_map(|span| span.steps.get(&Step::Completed));
    signatures.iter().any(|signature| signature.counts)
        || completed.any(|facts| facts.iter().any(|fact: &&Fact| says_why_unsigned(fact)))
}

fn superseded(spans: &Spans<'_>, outcome: &Outcome<'_>, intake: &Intake) -> Vec<Superseded> {
    let others = spans.list.iter().enumerate();
    let others = others.filter(|(index, _)| outcome.performer != Some(*index));
    let of = |(index, span): (usize, &Span<'_>)| Superseded {
        assignment: span.assignment.clone(),
        reached: State::reached(span),
        times: times::of(span, intake.place),
        recalled: spans.present == Some(index) && outcome.present_recalled,
    };
    others.map(of).collect()
}
