//! The rows of a job that lists, searches and stock read.

use std::collections::BTreeSet;

use sync_core::change::Entry;
use sync_core::check::phone_digits;
use sync_core::document::Document;
use sync_core::id::BranchId;
use sync_core::job::{Job, PartUse, State};
use sync_core::limits::PARTS_IN_STOCK;
use sync_core::schema::{key, section};
use sync_core::search;
use sync_core::value::Value;
use sync_core::van::stock_names;

use super::project::{Scene, TableRow};
use super::tables::Projected;
use crate::error::StoreError;
use crate::sql::{Cell, key_text};

/// Adds the one row of a job.
///
/// # Errors
/// If the summary cannot be written as JSON.
pub(super) fn row(rows: &mut Projected, scene: &Scene<'_>, job: &Job) -> Result<(), StoreError> {
    // Offers stand in the table as if they never expired; whoever reads knows the time.
    let summary = job.summary(i64::MIN);
    let json = serde_json::to_string(&summary)
        .map_err(|error| StoreError::Corrupt(format!("the summary of job {}: {error}", job.id)))?;
    let plate = summary.plate.as_deref().map(plain);
    let vin = job.intake.vin.as_ref().or(job.observed.vin.as_ref()).map(|vin| plain(vin));
    let phone = job.intake.phone.as_deref().and_then(phone_key);
    let expires = job.assignment.as_ref().and_then(|assignment| assignment.expires);
    rows.jobs.push([
        scene.tenant.as_bytes().into(),
        job.id.as_bytes().into(),
        scene.pos.into(),
        scene.first.into(),
        summary.branch.map(|branch| branch.as_bytes().to_vec()).into(),
        summary.state.as_str().into(),
        expires.filter(|_| summary.state == State::Offered).into(),
        summary.technician.map(|technician| technician.as_bytes().to_vec()).into(),
        (summary.exceptions.len() as i64).into(),
        indexed(plate).into(),
        indexed(vin).into(),
        indexed(phone).into(),
        summary.created.into(),
        scene.now.into(),
        i64::from(job.walk_up && job.intake.number.is_none()).into(),
        summary.place.map(|place| place.lat()).into(),
        summary.place.map(|place| place.lon()).into(),
        searched(job, summary.address.as_deref()).into(),
        json.into(),
        former(scene.document, summary.branch).into(),
    ]);
    Ok(())
}

/// Most branches that are remembered of a job that goes from one to the next.
const FORMER: usize = 64;
/// Stands for the time in which a job had no branch.
pub(crate) const NO_BRANCH: [u8; 16] = [0; 16];

/// The branches that a job has been of and is not now, id after id; nothing if it has always been of one.
fn former(document: &Document, present: Option<BranchId>) -> Option<Vec<u8>> {
    let present = present.map_or(NO_BRANCH, |branch| *branch.as_bytes());
    let history = document.field_history(&section::INTAKE, &key::BRANCH).iter().rev();
    let of_field = history.map(|set| raw(&set.value));
    // Until someone sets the field, the job has the branch that its walk-up names, or none.
    let first = document.changes().first().and_then(|(change, _)| {
        change.entries.iter().find_map(|entry| match entry {
            Entry::Field { section, key, value, .. } => {
                ((section, key) == (&section::INTAKE, &key::BRANCH)).then(|| raw(value))
            }
            Entry::Fact { record, .. } => record.get(&key::BRANCH).map(raw),
            Entry::Section { .. } => None,
        })
    });
    let mut all: BTreeSet<[u8; 16]> = BTreeSet::from([first.unwrap_or(NO_BRANCH)]);
    all.extend(of_field.take(FORMER));
    all.remove(&present);
    (!all.is_empty()).then(|| all.into_iter().flatten().collect())
}

fn raw(branch: &Value) -> [u8; 16] {
    branch.as_bytes().and_then(|bytes| bytes.try_into().ok()).unwrap_or(NO_BRANCH)
}

/// Gives a row for each part used, as corrections and voids left it, up to as many as stock goes by.
pub(super) fn parts(parts: &[PartUse], each: &mut dyn FnMut(TableRow<'_>)) {
    for part in parts.iter().take(PARTS_IN_STOCK) {
        let part_no = part.part_no.as_deref().unwrap_or_default();
        let (part_no, bin) = stock_names(part_no, part.bin.as_deref());
        each(TableRow::Parts([
            Cell::Blob(part.id.as_bytes()),
            Cell::MaybeBlob(part.van.as_ref().map(|van| &van.as_bytes()[..])),
            Cell::Text(&part_no),
            Cell::MaybeText(part.description.as_deref()),
            Cell::Int(part.quantity),
            Cell::MaybeInt(part.unit_price),
            Cell::MaybeText(Some(&part.currency)),
            Cell::MaybeText(bin.as_deref()),
            Cell::Int(part.time.at),
            Cell::Int(i64::from(part.voided)),
            Cell::MaybeBlob(part.technician.as_ref().map(|user| &user.as_bytes()[..])),
        ]));
    }
}

/// Most characters of one text that are searched; what is longer is no name and no address.
const SEARCHED: usize = 400;

/// The text by which a job is found: each value on its line, folded, and once more without its gaps where
/// that differs. Phone numbers stand there as they are dialled at home and from abroad.
fn searched(job: &Job, address: Option<&str>) -> String {
    let (intake, observed) = (&job.intake, &job.observed);
    let texts = [&intake.number, &intake.caller, &intake.vehicle, &intake.make, &intake.model];
    let texts = texts.into_iter().flatten().map(String::as_str).chain(address);
    let codes = [&intake.plate, &observed.plate, &intake.vin, &observed.vin];
    let texts = texts.chain(codes.into_iter().flatten().map(String::as_str));
    let mut lines: Vec<String> = Vec::new();
    let mut add = |line: String| {
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    };
    for text in texts.chain(intake.phone.as_deref()) {
        let text = text.char_indices().nth(SEARCHED).map_or(text, |(end, _)| &text[..end]);
        let folded = search::fold(text);
        add(search::compact(&folded));
        add(folded);
    }
    intake.phone.iter().flat_map(|phone| phone_digits(phone)).for_each(add);
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// The digits by which numbers of callers are compared, with those of the extension; a text without
/// digits is compared as it is.
pub(crate) fn phone_key(phone: &str) -> Option<String> {
    let first = phone_digits(phone).into_iter().next();
    first.or_else(|| Some(plain(phone)).filter(|plain| !plain.is_empty()))
}

/// A text that stands in an index.
fn indexed(text: Option<String>) -> Option<String> {
    text.map(|text| key_text(&text).into_owned())
}

/// Plates and VINs are compared by their letters and digits alone.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}
