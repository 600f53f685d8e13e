//! One offer, assignment or recall, as the office wrote it. Who has the job, and what holds where two
//! desks assign at once, is decided in `span.rs`.

use serde::{Deserialize, Serialize};

use super::WALK_UP_EPOCH;
use super::access::{int, text, time_of, user};
use crate::document::Fact;
use crate::id::{FactId, UserId};
use crate::schema::key;

/// How a job was given to someone, or taken from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssignmentKind {
    /// Asked; they may decline, and the offer may expire.
    Offer,
    /// Given.
    Assign,
    /// Taken back.
    Recall,
}

impl AssignmentKind {
    /// The word of the fact's `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Assign => "assign",
            Self::Recall => "recall",
        }
    }
}

/// One technician or provider on a job; the assignment number orders them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Assignment {
    /// The fact that says so; the walk-up fact for a walk-up job's own technician.
    pub id: FactId,
    /// Rises with each new assignment; 0 is the walk-up's own.
    #[serde(rename = "assignment_number")]
    pub epoch: i64,
    /// Offered, assigned or recalled.
    pub kind: AssignmentKind,
    /// The technician, if a person of the tenant is named.
    pub technician: Option<UserId>,
    /// The outsourced company, if it is one.
    pub provider: Option<String>,
    /// When an unanswered offer ends, Unix milliseconds.
    #[serde(rename = "expires_at")]
    pub expires: Option<i64>,
    /// When arrival was estimated at assignment, Unix milliseconds.
    pub eta: Option<i64>,
    /// When it was written, by the writer's clock, Unix milliseconds.
    #[serde(rename = "at")]
    pub time: i64,
    /// Who wrote it.
    pub by: Option<UserId>,
}

impl Assignment {
    /// The assignment an office fact makes; absent for kinds a newer version knows.
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        let kinds = [AssignmentKind::Offer, AssignmentKind::Assign, AssignmentKind::Recall];
        let word = text(fact, &key::KIND)?;
        Some(Self {
            kind: kinds.into_iter().find(|kind| kind.as_str() == word)?,
            epoch: int(fact, &key::EPOCH)?,
            technician: user(fact, &key::TECHNICIAN),
            provider: text(fact, &key::PROVIDER).map(str::to_owned),
            expires: time_of(fact, &key::EXPIRES),
            eta: time_of(fact, &key::ETA),
            ..Self::of_walk_up(fact)
        })
    }

    /// The assignment a walk-up gives its own author.
    pub(super) fn of_walk_up(fact: &Fact) -> Self {
        Self {
            id: fact.id,
            epoch: WALK_UP_EPOCH,
            kind: AssignmentKind::Assign,
            technician: fact.author,
            provider: None,
            expires: None,
            eta: None,
            time: fact.time,
            by: fact.author,
        }
    }

    /// Whether both give the job to the same hands.
    pub fn same_hands(&self, other: &Self) -> bool {
        (self.technician, &self.provider) == (other.technician, &other.provider)
    }
}
