//! The reckoning: what the phones said was saved, against what the server's log holds.
//!
//! The log is read from the database itself, row by row, and rebuilt with nothing but the rules
//! of `sync-core`; neither the phones' view nor the server's own reading takes part in it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use sync_core::bundle::{bundle, verify_bundle};
use sync_core::document::{Document, Fact};
use sync_core::job::{Job, State};
use sync_core::schema::{key, section};
use sync_core::seal::Seal;
use sync_core::value::Value;
use tests::day::Plan;
use tests::reckoning::Reckoning;
use tests::server_log::ServerLog;

use crate::conductor::Day;
use crate::handset::Handset;
use crate::inputs::Inputs;
use crate::report::{Outcome, Trouble};
use crate::world::{DemoError, Keys, World};

/// Compares everything.
pub fn reconcile(
    world: &mut World,
    inputs: &Inputs,
    plan: &Plan,
    day: &Day,
) -> Result<Outcome, DemoError> {
    let log = world.read_log()?;
    let mut outcome = Outcome::new(inputs, plan, day);
    compare_facts(&world.handsets, &log, &mut outcome);
    compare_documents(&world.handsets, &log, &mut outcome);
    check_seals(&world.keys()?, &log, &mut outcome);
    count_jobs(&log, &mut outcome);
    count_phones(&world.handsets, day, &mut outcome);
    let desk = &world.desk.figures;
    outcome.duplicates_pointed_out = desk.duplicates;
    outcome.call_fields_corrected = desk.corrected;
    outcome.assignments_overtaken = desk.overtaken;
    outcome.decisions_taken = desk.decided;
    check_projections(world, &mut outcome)?;
    Ok(outcome)
}

/// Every saved fact is in the log once, with the same contents, or refused with a reason; and
/// the log holds no fact of a phone that was never saved there.
fn compare_facts(handsets: &[Handset], log: &ServerLog, outcome: &mut Outcome) {
    let reckoning = Reckoning::of(handsets.iter().map(|handset| &handset.ledger), log);
    outcome.facts_saved_on_phones = reckoning.saved;
    outcome.facts_durable_on_server = reckoning.durable;
    outcome.facts_refused = reckoning.refused;
    outcome.facts_lost = reckoning.lost.len() as u64;
    outcome.facts_doubled = reckoning.doubled.len() as u64;
    for (trouble, facts) in [
        (Trouble::Lost, reckoning.lost),
        (Trouble::Doubled, reckoning.doubled),
        (Trouble::Changed, reckoning.changed),
        (Trouble::Reused, reckoning.reused),
        (Trouble::NeverSaved, reckoning.never_saved),
    ] {
        for fact in facts {
            outcome.broken(trouble, format!("{} {} of {:?}", fact.section, fact.id, fact.doc));
        }
    }
    for handset in handsets {
        for trouble in &handset.troubles {
            outcome.broken(Trouble::Phone, format!("phone {}: {trouble}", handset.index));
        }
    }
}

/// Every document of the log is what Automerge makes of it, and every copy that a phone has at the
/// end is exactly the log's.
fn compare_documents(handsets: &[Handset], log: &ServerLog, outcome: &mut Outcome) {
    outcome.documents_checked = log.documents.len() as u64;
    let mut compared = BTreeSet::new();
    for (doc, document) in &log.documents {
        if let Err(disagreement) = document.check_by_oracle() {
            outcome.broken(Trouble::Oracle, format!("{doc:?}: {disagreement}"));
        }
    }
    for handset in handsets {
        for (doc, on_phone) in handset.fingerprints() {
            let on_server = log.documents.get(&doc).map(Document::fingerprint);
            if on_server != Some(on_phone) {
                let whose = handset.index;
                outcome.broken(Trouble::Disagree, format!("{doc:?} on phone {whose}"));
            }
            outcome.copies_compared += 1;
            compared.insert(doc);
        }
        let waiting = handset.waiting();
        if waiting > 0 {
            let text = format!("phone {}: {waiting} changes", handset.index);
            outcome.broken(Trouble::StillWaiting, text);
        }
    }
    outcome.documents_compared = compared.len() as u64;
}

/// Every seal is bound to what was shown, was signed by the phone it names, and is countersigned:
/// checked from an evidence bundle made of the rebuilt document, as anybody could who has it.
fn check_seals(keys: &Keys, log: &ServerLog, outcome: &mut Outcome) {
    for document in log.documents.values() {
        let Some(job) = document.id().job() else { continue };
        let seal = |fact: &&Fact| kind(fact) == Some("seal");
        for fact in document.facts(&section::SIGNATURES).filter(seal) {
            outcome.seals += 1;
            let verified = Seal::of(job, fact)
                .and_then(|seal| seal.verify(keys.phone(&seal.device)?))
                .and_then(|()| verify_bundle(&bundle(document, fact.id)?, &keys.server));
            match verified {
                Ok(evidence) if evidence.rendering_matches => outcome.seals_valid += 1,
                Ok(_) => {
                    let text = format!("seal {}: shows another document", fact.id);
                    outcome.broken(Trouble::Seal, text);
                }
                Err(why) => outcome.broken(Trouble::Seal, format!("seal {}: {why}", fact.id)),
            }
        }
    }
}

/// What the server computed from its log is what its own rebuild gives.
fn check_projections(world: &World, outcome: &mut Outcome) -> Result<(), DemoError> {
    let store = &world.server().app().store;
    let report = world.runtime.block_on(store::verify::verify(store))?;
    outcome.rows_verified = report.rows;
    for difference in &report.differences {
        outcome.broken(Trouble::Projection, format!("{difference:?}"));
    }
    Ok(())
}

fn kind(fact: &Fact) -> Option<&str> {
    fact.record.get(&key::KIND).and_then(Value::as_text)
}

fn count_jobs(log: &ServerLog, outcome: &mut Outcome) {
    for document in log.documents.values().filter(|document| document.id().job().is_some()) {
        let job = Job::of(document);
        outcome.jobs_created += 1;
        outcome.jobs_completed += u64::from(matches!(job.state, State::Completed | State::Closed));
        *outcome.jobs_by_state.entry(job.state.as_str().to_owned()).or_default() += 1;
        for exception in &job.exceptions {
            outcome.decisions_waiting += 1;
            let about = exception.about.as_str().to_owned();
            *outcome.decisions_by_kind.entry(about).or_default() += 1;
        }
    }
    outcome.refusals_by_code.clone_from(&log.reasons);
}

fn count_phones(handsets: &[Handset], day: &Day, outcome: &mut Outcome) {
    let mut times: Vec<i64> = Vec::new();
    for handset in handsets {
        let figures = &handset.figures;
        let traffic = &handset.radio.traffic;
        outcome.syncs += figures.syncs;
        outcome.syncs_failed += figures.failed;
        outcome.phone_restarts += figures.restarts;
        outcome.steps_dropped += figures.dropped;
        outcome.most_changes_waiting = outcome.most_changes_waiting.max(figures.most_waiting);
        let offline = figures.longest_offline_ms / 1000;
        outcome.longest_offline_s = outcome.longest_offline_s.max(offline);
        outcome.requests_lost += traffic.requests_lost.load(Ordering::SeqCst);
        outcome.answers_lost += traffic.answers_lost.load(Ordering::SeqCst);
        outcome.round_trips += traffic.round_trips.load(Ordering::SeqCst);
        outcome.bytes_up += traffic.bytes_up.load(Ordering::SeqCst);
        outcome.bytes_down += traffic.bytes_down.load(Ordering::SeqCst);
        times.extend(&figures.sync_ms);
    }
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or(0);
    (outcome.sync_ms_p50, outcome.sync_ms_p95) = (at(50), at(95));
    for phone in &day.late_phones {
        outcome.broken(Trouble::Late, format!("phone {phone}"));
    }
}
