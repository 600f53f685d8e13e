//! The steps of a rescue as the face names them.

use sync_core::job::Step;

/// A step a technician takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RescueStep {
    /// Takes the job.
    Accepted,
    /// Does not take it; needs a reason.
    Declined,
    /// Set off.
    EnRoute,
    /// Arrived.
    OnScene,
    /// Knows what is wrong.
    Diagnosed,
    /// Began to work.
    Working,
    /// The vehicle is on its way.
    InTow,
    /// The vehicle is where it was to go.
    AtDestination,
    /// The work is done.
    Completed,
    /// Nobody was there.
    Goa,
    /// Could not help; needs a reason.
    Unsuccessful,
}

impl From<RescueStep> for Step {
    fn from(step: RescueStep) -> Self {
        match step {
            RescueStep::Accepted => Self::Accepted,
            RescueStep::Declined => Self::Declined,
            RescueStep::EnRoute => Self::EnRoute,
            RescueStep::OnScene => Self::OnScene,
            RescueStep::Diagnosed => Self::Diagnosed,
            RescueStep::Working => Self::Working,
            RescueStep::InTow => Self::InTow,
            RescueStep::AtDestination => Self::AtDestination,
            RescueStep::Completed => Self::Completed,
            RescueStep::Goa => Self::Goa,
            RescueStep::Unsuccessful => Self::Unsuccessful,
        }
    }
}
