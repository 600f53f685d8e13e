//! The rows of a job that lists, searches and stock read.

use sync_core::job::{Job, State};

use super::project::Scene;
use super::tables::Projected;

/// Adds the one row of a job.
pub(super) fn row(rows: &mut Projected, scene: &Scene<'_>, job: &Job) {
    // Offers stand in the table as if they never expired; whoever reads knows the time.
    let summary = job.summary(i64::MIN);
    let plate = summary.plate.as_deref().map(plain);
    let vin = job.intake.vin.as_ref().or(job.observed.vin.as_ref()).map(|vin| plain(vin));
    let (number, caller, phone) = (&summary.number, &summary.caller, &job.intake.phone);
    let searched = [number, caller, phone, &plate, &vin, &job.intake.vehicle, &summary.address];
    let mut search = String::new();
    for word in searched.into_iter().flatten() {
        search.push_str(&word.to_lowercase());
        search.push('\n');
    }
    let expires = job.assignment.as_ref().and_then(|assignment| assignment.expires);
    rows.jobs.push([
        scene.tenant.as_bytes().into(),
        job.id.as_bytes().into(),
        scene.pos.into(),
        summary.branch.map(|branch| branch.as_bytes().to_vec()).into(),
        summary.state.word().into(),
        expires.filter(|_| summary.state == State::Offered).into(),
        summary.technician.map(|technician| technician.as_bytes().to_vec()).into(),
        (summary.exceptions.len() as i64).into(),
        plate.into(),
        vin.into(),
        phone.clone().into(),
        summary.created.into(),
        scene.now.into(),
        search.into(),
        serde_json::to_string(&summary).unwrap_or_default().into(),
    ]);
}

/// Adds a row for each part used, as corrections and voids left it.
pub(super) fn parts(rows: &mut Projected, scene: &Scene<'_>, job: &Job) {
    for part in &job.parts {
        rows.parts.push([
            scene.tenant.as_bytes().into(),
            job.id.as_bytes().into(),
            part.id.as_bytes().into(),
            part.van.map(|van| van.as_bytes().to_vec()).into(),
            part.part_no.clone().unwrap_or_default().into(),
            part.description.clone().into(),
            part.quantity.into(),
            part.unit_price.into(),
            part.currency.clone().into(),
            part.bin.clone().into(),
            part.time.at.into(),
            i64::from(part.voided).into(),
        ]);
    }
}

/// Plates and VINs are compared by their letters and digits alone.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}
