//! The kinds of status facts: the steps of a rescue and the office's cancelling and reopening.

use serde::{Deserialize, Serialize};

/// What a status fact says happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A technician found a customer at the roadside and opened the job themself.
    WalkUp,
    /// The technician takes the job.
    Accepted,
    /// The technician does not take the job; says why.
    Declined,
    /// The technician set off.
    EnRoute,
    /// The technician arrived.
    OnScene,
    /// The technician knows what is wrong.
    Diagnosed,
    /// The technician began to work.
    Working,
    /// The vehicle is loaded and on its way.
    InTow,
    /// The vehicle is where it was to go.
    AtDestination,
    /// The work is done.
    Completed,
    /// Gone on arrival: the technician found nobody and asks the office to decide.
    Goa,
    /// The technician could not help, and says why; the office confirms.
    Unsuccessful,
    /// The office or the customer called the job off.
    Cancelled,
    /// The office takes a cancellation or an ending back, whose fact it names in `voids`; naming
    /// none, it takes back every cancellation it had seen.
    Reopened,
}

impl Step {
    /// Every step, in the order of a rescue.
    pub const ALL: [Self; 14] = [
        Self::WalkUp,
        Self::Accepted,
        Self::Declined,
        Self::EnRoute,
        Self::OnScene,
        Self::Diagnosed,
        Self::Working,
        Self::InTow,
        Self::AtDestination,
        Self::Completed,
        Self::Goa,
        Self::Unsuccessful,
        Self::Cancelled,
        Self::Reopened,
    ];

    /// The word of the fact's `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WalkUp => "walk_up",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::EnRoute => "en_route",
            Self::OnScene => "on_scene",
            Self::Diagnosed => "diagnosed",
            Self::Working => "working",
            Self::InTow => "in_tow",
            Self::AtDestination => "at_destination",
            Self::Completed => "completed",
            Self::Goa => "goa",
            Self::Unsuccessful => "unsuccessful",
            Self::Cancelled => "cancelled",
            Self::Reopened => "reopened",
        }
    }

    /// The step of this word; absent for a word only a newer version knows.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }

    /// Whether the step shows that someone left for the customer.
    pub fn is_field_work(self) -> bool {
        match self {
            Self::EnRoute
            | Self::OnScene
            | Self::Diagnosed
            | Self::Working
            | Self::InTow
            | Self::AtDestination
            | Self::Completed
            | Self::Goa
            | Self::Unsuccessful => true,
            Self::WalkUp | Self::Accepted | Self::Declined | Self::Cancelled | Self::Reopened => {
                false
            }
        }
    }

    /// Whether only the office takes this step.
    pub fn is_of_office(self) -> bool {
        matches!(self, Self::Cancelled | Self::Reopened)
    }

    /// Whether the step must say why.
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::Declined | Self::Unsuccessful | Self::Cancelled)
    }
}
