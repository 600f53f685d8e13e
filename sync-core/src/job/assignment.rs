//! Who is to do the job: the assignments in the order of their epochs, and the present one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::access::{int, text, user};
use super::{Step, WALK_UP_EPOCH};
use crate::document::{Document, Fact};
use crate::id::{FactId, UserId};
use crate::schema::{key, section};

/// How a job was given to somebody, or taken from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentKind {
    /// Asked; they may decline, and the offer may expire.
    Offer,
    /// Given.
    Assign,
    /// Taken back.
    Recall,
}

/// One technician or provider on a job; the epoch orders them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The fact that says so; the walk-up fact for a walk-up job's own technician.
    pub id: FactId,
    /// Rises with each new assignment; 0 is the walk-up's own.
    pub epoch: i64,
    /// Offered, assigned or recalled.
    pub kind: AssignmentKind,
    /// The technician, if a person of the tenant or a provider's technician is named.
    pub technician: Option<UserId>,
    /// The outsourced company, if it is one.
    pub provider: Option<String>,
    /// When an unanswered offer ends, Unix milliseconds.
    pub expires: Option<i64>,
    /// When arrival was estimated at assignment, Unix milliseconds.
    pub eta: Option<i64>,
    /// When it was written, by the writer's clock, Unix milliseconds.
    pub time: i64,
    /// Who wrote it.
    pub by: Option<UserId>,
}

impl Assignment {
    fn of(fact: &Fact) -> Option<Self> {
        let kind = match text(fact, &key::KIND)? {
            "offer" => AssignmentKind::Offer,
            "assign" => AssignmentKind::Assign,
            "recall" => AssignmentKind::Recall,
            _ => return None,
        };
        Some(Self {
            id: fact.id,
            epoch: int(fact, &key::EPOCH)?,
            kind,
            technician: user(fact, &key::TECHNICIAN),
            provider: text(fact, &key::PROVIDER).map(str::to_owned),
            expires: int(fact, &key::EXPIRES),
            eta: int(fact, &key::ETA),
            time: fact.time,
            by: fact.author,
        })
    }

    fn of_walk_up(fact: &Fact) -> Option<Self> {
        (text(fact, &key::KIND)? == Step::WalkUp.word()).then(|| Self {
            id: fact.id,
            epoch: WALK_UP_EPOCH,
            kind: AssignmentKind::Assign,
            technician: fact.author,
            provider: None,
            expires: None,
            eta: None,
            time: fact.time,
            by: fact.author,
        })
    }

    /// Whether both give the job to the same hands.
    pub fn same_hands(&self, other: &Self) -> bool {
        (self.technician, &self.provider) == (other.technician, &other.provider)
    }
}

/// Every assignment of a job, least epoch first; within one epoch a recall comes last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assignments {
    all: Vec<Assignment>,
    /// Epochs whose technician or provider declined.
    declined: BTreeSet<i64>,
}

impl Assignments {
    pub fn of(document: &Document) -> Self {
        let walk_up = document.facts(&section::STATUS).find_map(Assignment::of_walk_up);
        let office = document.facts(&section::ASSIGNMENT).filter_map(Assignment::of);
        let mut all: Vec<_> = walk_up.into_iter().chain(office).collect();
        all.sort_by_key(|a| (a.epoch, a.kind == AssignmentKind::Recall, a.id));
        let declines = document.facts(&section::STATUS);
        let declines = declines.filter(|f| text(f, &key::KIND) == Some(Step::Declined.word()));
        Self { all, declined: declines.filter_map(|fact| int(fact, &key::EPOCH)).collect() }
    }

    pub fn all(&self) -> &[Assignment] {
        &self.all
    }

    /// Who has the job now: the last assignment, unless it is a recall or was declined.
    pub fn present(&self) -> Option<&Assignment> {
        self.all.last().filter(|last| !self.is_over(last))
    }

    /// Whether nobody has the job under this assignment any more, whatever came after it.
    fn is_over(&self, assignment: &Assignment) -> bool {
        assignment.kind == AssignmentKind::Recall || self.declined.contains(&assignment.epoch)
    }

    /// The epochs without a break in the same hands as `assignment`, its own among them: work
    /// recorded under any of them is work of that assignment.
    pub fn line(&self, assignment: &Assignment) -> BTreeSet<i64> {
        let mut epochs = BTreeSet::from([assignment.epoch]);
        let before = self.all.iter().rev().skip_while(|a| a.id != assignment.id).skip(1);
        for earlier in before.take_while(|a| {
            !self.is_over(a) && (a.same_hands(assignment) || a.epoch == assignment.epoch)
        }) {
            if earlier.same_hands(assignment) {
                epochs.insert(earlier.epoch);
            }
        }
        epochs
    }

    /// Assignments of the present epoch to other hands: two desks assigned without seeing
    /// each other.
    pub fn concurrent(&self) -> Vec<&Assignment> {
        let Some(present) = self.present() else { return Vec::new() };
        let rivals = self.all.iter().filter(|a| a.epoch == present.epoch);
        rivals.filter(|a| !a.same_hands(present)).collect()
    }
}

/// Every technician who was ever offered or assigned the job.
pub(crate) fn technicians(document: &Document) -> BTreeSet<UserId> {
    Assignments::of(document).all.iter().filter_map(|a| a.technician).collect()
}

/// The technician who has the job now; nobody after a recall or once they declined.
pub(crate) fn present_technician(document: &Document) -> Option<UserId> {
    Assignments::of(document).present()?.technician
}
