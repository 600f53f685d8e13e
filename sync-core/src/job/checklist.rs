//! The checklist: what was checked, what the job asks for, and what is missing to complete it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::access::text;
use super::evidence::Attachment;
use super::family::{after_strangers, families};
use super::parts::owned;
use super::span::Span;
use super::times::corrected;
use super::{Intake, Step};
use crate::document::Document;
use crate::id::{FactId, UserId};
use crate::schema::{Key, key, lists, section};
use crate::time::Corrected;

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckResult {
    /// The fact.
    pub id: FactId,
    /// pass, fail or not_applicable.
    pub result: Option<String>,
    /// Beside it, in words.
    pub note: Option<String>,
    /// Who checked.
    pub by: Option<UserId>,
    /// When.
    pub time: Corrected,
}

/// Something completing the job wants and does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "what", content = "which")]
pub enum Missing {
    /// A checklist step without a result.
    ChecklistStep(String),
    /// A photo of this stage: before, after, damage, drop_off.
    Photo(String),
    /// The odometer reading.
    Odometer,
    /// Where the vehicle is towed: a tow without a destination, neither taken in nor recorded.
    Destination,
    /// Who received the vehicle at the destination.
    Recipient,
    /// That someone was there, for a claim that nobody else was: a position or a photo.
    ArrivalProof,
    /// How often the customer was called, for the same claim.
    CallAttempts,
    /// A customer's signature, or a coded reason why there is none.
    Signature,
}

/// Steps of the roadside-safety checklist that every job asks for.
const SAFETY: [&str; 4] = ["hi_vis", "hazard_lights", "area_safe", "tools_cleared"];
/// Steps a wheel change asks for besides.
const WHEEL: [&str; 4] = ["handbrake", "wheel_chocks", "jack_point", "torque_checked"];
/// A step of this form is met by a photo of that stage.
const PHOTO: &str = "photo_";

/// The steps a job with this problem asks for when the office names none of its own.
pub fn usual_steps(problem: Option<&str>) -> Vec<&'static str> {
    let wheel = problem == Some("flat_tyre");
    SAFETY.into_iter().chain(WHEEL.into_iter().filter(|_| wheel)).collect()
}

/// The result that stands for each step: of several the last, and one of `strangers` only where
/// nobody else said any.
pub(super) fn results(
    document: &Document,
    strangers: &BTreeSet<UserId>,
) -> BTreeMap<String, CheckResult> {
    let mut results = BTreeMap::new();
    for family in after_strangers(families(document, &section::CHECKLIST), strangers) {
        let fact = family.current;
        // A result that is none of the words means nothing; old logs hold such.
        let told = text(fact, &key::RESULT).is_some_and(|it| lists::RESULTS.contains(&it));
        let stands = told && family.voided_by.is_none();
        let Some(step) = text(fact, &key::STEP).filter(|_| stands) else {
            continue;
        };
        let result = CheckResult {
            id: fact.id,
            result: owned(fact, &key::RESULT),
            note: owned(fact, &key::NOTE),
            by: fact.author,
            time: corrected(fact),
        };
        results.insert(step.to_owned(), result);
    }
    results
}

/// What the steps that were taken want and do not have, without duplicates.
pub(super) fn missing(
    intake: &Intake,
    span: Option<&Span<'_>>,
    results: &BTreeMap<String, CheckResult>,
    attachments: &[Attachment],
) -> Vec<Missing> {
    let taken = |step: Step| span.is_some_and(|span| span.steps.contains_key(&step));
    let says = |step: Step, key: &Key| {
        let facts = span.and_then(|span| span.steps.get(&step)).into_iter().flatten();
        facts.into_iter().any(|fact| fact.record.contains_key(key))
    };
    let mut asked: Vec<&str> = match &intake.checklist {
        Some(own) => own.split_whitespace().collect(),
        None => usual_steps(intake.problem.as_deref()),
    };
    if intake.checklist.is_none() {
        asked.extend(taken(Step::Working).then_some("photo_before"));
        asked.extend(taken(Step::InTow).then_some("photo_damage"));
        asked.extend(taken(Step::AtDestination).then_some("photo_drop_off"));
    }
    let photos: BTreeSet<&str> = attachments.iter().filter_map(|a| a.stage.as_deref()).collect();
    let mut before = BTreeSet::new();
    let mut missing = Vec::new();
    for step in asked.into_iter().filter(|step| before.insert(*step)) {
        missing.extend(match step.strip_prefix(PHOTO) {
            Some(stage) => (!photos.contains(stage)).then(|| Missing::Photo(stage.to_owned())),
            None => (!results.contains_key(step)).then(|| Missing::ChecklistStep(step.to_owned())),
        });
    }
    let bound = intake.destination.is_some() || says(Step::InTow, &key::DESTINATION);
    let received = says(Step::AtDestination, &key::RECIPIENT);
    let mut was_there = [Step::OnScene, Step::Goa].into_iter();
    let was_there = was_there.any(|step| says(step, &key::LAT)) || !attachments.is_empty();
    let called = says(Step::Goa, &key::ATTEMPTS);
    missing.extend((taken(Step::InTow) && !bound).then_some(Missing::Destination));
    missing.extend((taken(Step::AtDestination) && !received).then_some(Missing::Recipient));
    missing.extend((taken(Step::Goa) && !was_there).then_some(Missing::ArrivalProof));
    missing.extend((taken(Step::Goa) && !called).then_some(Missing::CallAttempts));
    missing
}
