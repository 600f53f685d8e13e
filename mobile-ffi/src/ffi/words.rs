//! The steps of a rescue as the face names them, and the word lists of the schema.

use sync_core::job::Step;
use sync_core::schema::lists;

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

/// A list of words, such as `reasons`, `problems` or `photo_stages`, to offer in a menu.
#[derive(Debug, Clone, uniffi::Record)]
pub struct WordList {
    /// Name of the list.
    pub name: String,
    /// The words, in the order in which to offer them.
    pub words: Vec<String>,
}

/// Every word list this version knows.
#[uniffi::export]
pub fn word_lists() -> Vec<WordList> {
    let list = |(name, words): (&str, &[&str])| WordList {
        name: name.to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    lists::all().into_iter().map(list).collect()
}
