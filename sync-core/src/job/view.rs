//! Short forms of a job for lists: the same on the board, in the API and on the phone.

use serde::{Deserialize, Serialize};

use super::{ExceptionKind, Job, State};
use crate::id::{BranchId, JobId, UserId};
use crate::place::Place;

/// What a list shows of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    /// The job.
    pub id: JobId,
    /// Human number within the tenant.
    pub number: Option<String>,
    /// Where it stands at the time asked for.
    pub state: State,
    /// A technician opened it at the roadside.
    pub walk_up: bool,
    /// The branch that answers for it.
    pub branch: Option<BranchId>,
    /// How urgent.
    pub priority: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// Licence plate.
    pub plate: Option<String>,
    /// Name of the caller.
    pub caller: Option<String>,
    /// Where, in words.
    pub address: Option<String>,
    /// Where, as the pin.
    pub place: Option<Place>,
    /// Whose job it is.
    pub technician: Option<UserId>,
    /// The outsourced company whose job it is.
    pub provider: Option<String>,
    /// Number of that assignment.
    pub epoch: Option<i64>,
    /// Estimated arrival, Unix milliseconds.
    pub eta: Option<i64>,
    /// Latest promised arrival, Unix milliseconds.
    pub eta_by: Option<i64>,
    /// When the job was taken in, Unix milliseconds; a phone's clock is corrected.
    pub created: i64,
    /// What waits for a decision.
    pub exceptions: Vec<ExceptionKind>,
}

impl Job {
    /// The job as a list shows it, with offers that have expired by `now` (Unix milliseconds).
    pub fn summary(&self, now: i64) -> JobSummary {
        let assignment = self.assignment_at(now);
        JobSummary {
            id: self.id,
            number: self.intake.number.clone(),
            state: self.state_at(now),
            walk_up: self.walk_up,
            branch: self.intake.branch,
            priority: self.intake.priority.clone(),
            problem: self.intake.problem.clone(),
            plate: self.observed.plate.clone().or_else(|| self.intake.plate.clone()),
            caller: self.intake.caller.clone(),
            address: self.intake.address.clone(),
            place: self.intake.place,
            technician: assignment.and_then(|a| a.technician),
            provider: assignment.and_then(|a| a.provider.clone()),
            epoch: assignment.map(|a| a.epoch),
            eta: self.promise.eta.or(assignment.and_then(|a| a.eta)),
            eta_by: self.promise.eta_by,
            created: self.created,
            exceptions: self.exceptions.iter().map(|exception| exception.about).collect(),
        }
    }
}
