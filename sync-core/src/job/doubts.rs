//! Values of a job that stand as they were said, because no rule knows them.

use super::{Intake, Observed};
use crate::check::{self, Unverified};

/// What is doubtful about what was taken in and what was read off the vehicle. It follows from the
/// values alone: whoever stored them, every view says the same.
pub(super) fn findings(intake: &Intake, observed: &Observed) -> Vec<Unverified> {
    let phone = |text: &str| check::phone(text, None);
    let found = [
        ("intake.phone", check::finding(intake.phone.as_deref(), phone)),
        ("intake.plate", check::finding(intake.plate.as_deref(), check::plate)),
        ("intake.vin", check::finding(intake.vin.as_deref(), check::vin)),
        ("intake.place", intake.place.as_ref().and_then(check::place)),
        ("observed.plate", check::finding(observed.plate.as_deref(), check::plate)),
        ("observed.vin", check::finding(observed.vin.as_deref(), check::vin)),
    ];
    found.into_iter().filter_map(|(field, finding)| Some(finding?.of(field))).collect()
}
