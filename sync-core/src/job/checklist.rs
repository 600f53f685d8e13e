//! The checklist: what was checked, what the job asks for, and what is missing to complete it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::access::text;
use super::evidence::Attachment;
use super::family::families;
use super::parts::owned;
use super::times::corrected;
use super::{Intake, Step};
use crate::document::Document;
use crate::id::{FactId, UserId};
use crate::schema::{key, section};
use crate::time::Corrected;

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(rename_all = "snake_case", tag = "what", content = "which")]
pub enum Missing {
    /// A checklist step without a result.
    ChecklistStep(String),
    /// A photo of this stage: before, after, damage, drop_off.
    Photo(String),
    /// The odometer reading.
    Odometer,
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

/// The result that stands for each step: of several the one with the greatest id.
pub(super) fn results(document: &Document) -> BTreeMap<String, CheckResult> {
    let mut results = BTreeMap::new();
    for family in families(document, &section::CHECKLIST) {
        let fact = family.current;
        let Some(step) = text(fact, &key::STEP).filter(|_| family.voided_by.is_none()) else {
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

/// Steps and photos that are asked for and not there, without duplicates.
pub(super) fn missing(
    intake: &Intake,
    towed: &[Step],
    results: &BTreeMap<String, CheckResult>,
    attachments: &[Attachment],
) -> Vec<Missing> {
    let mut asked: Vec<&str> = match &intake.checklist {
        Some(own) => own.split_whitespace().collect(),
        None => usual_steps(intake.problem.as_deref()),
    };
    if intake.checklist.is_none() {
        asked.extend(towed.contains(&Step::InTow).then_some("photo_damage"));
        asked.extend(towed.contains(&Step::AtDestination).then_some("photo_drop_off"));
    }
    let has_photo = |stage: &str| attachments.iter().any(|a| a.stage.as_deref() == Some(stage));
    let mut missing = Vec::new();
    for step in asked {
        let lacking = match step.strip_prefix(PHOTO) {
            Some(stage) => (!has_photo(stage)).then(|| Missing::Photo(stage.to_owned())),
            None => (!results.contains_key(step)).then(|| Missing::ChecklistStep(step.to_owned())),
        };
        missing.extend(lacking.filter(|lacking| !missing.contains(lacking)));
    }
    missing
}
