//! What is said before the day and after it, and the same as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tests::day::{Act, DeskAction, Plan};

use crate::args::Args;
use crate::conductor::Day;
use crate::findings::{self, CallsRead};
use crate::inputs::Inputs;
use crate::world::DemoError;

/// Says what is going to be played.
pub fn announce(args: &Args, inputs: &Inputs, plan: &Plan) {
    let walk_ups = plan.jobs.iter().filter(|job| job.walk_up).count();
    let offline = plan
        .phones
        .iter()
        .map(|phone| phone.steps.iter().filter(|step| phone.outages.contains(step.at_ms)).count());
    println!("Towline demo: a day of {} hours, seed {}", args.hours, args.seed);
    match &inputs.calls {
        Some(import) => findings::print(import),
        None => println!("  calls       made up from the seed"),
    }
    let names: Vec<_> = inputs.links.iter().map(|pair| pair.name.as_str()).collect();
    println!("  links       {}", names.join(", "));
    match inputs.drives.len() {
        0 => println!("  drives      made up from the seed"),
        many => println!("  drives      {many} recorded ones"),
    }
    if !inputs.skipped.is_empty() {
        println!("  passed over {}", inputs.skipped.join(", "));
    }
    println!(
        "  plan        {} jobs ({walk_ups} at the roadside), {} technicians, {} steps to record, \
         {} of them without coverage, {} crashes",
        plan.jobs.len(),
        plan.technicians.len(),
        plan.steps(),
        offline.sum::<usize>(),
        plan.phones.iter().map(|phone| phone.restarts.len()).sum::<usize>(),
    );
    let desk = |wanted: fn(&DeskAction) -> bool| {
        plan.desk.iter().filter(|event| wanted(&event.action)).count()
    };
    let cancelled = desk(|action| matches!(action, DeskAction::Cancel { .. }));
    let taken = desk(|action| matches!(action, DeskAction::Take { .. }));
    let given = desk(|action| matches!(action, DeskAction::Assign { .. }));
    let signs = plan.phones.iter().flat_map(|phone| &phone.steps);
    let signs = signs.filter(|step| matches!(step.act, Act::Sign { .. }));
    println!(
        "              the office takes {taken} calls, assigns {given} times, cancels \
         {cancelled}; {} customers sign",
        signs.count()
    );
    println!("  plan hash   {}", hex(&plan.hash()));
}

/// A promise that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// A saved fact is not on the server, and not refused either.
    Lost,
    /// A fact stands in the server's log more than once.
    Doubled,
    /// A fact says something else on the server than when it was saved.
    Changed,
    /// Two phones saved a fact under one id.
    Reused,
    /// The server holds a fact of a phone that the phone never said was saved.
    NeverSaved,
    /// A phone did something it must not.
    Phone,
    /// Phone and server hold different documents after everything was delivered.
    Disagree,
    /// A phone still had changes to deliver at the end.
    StillWaiting,
    /// Automerge itself makes another document of the same changes.
    Oracle,
    /// A customer's signature does not verify.
    Seal,
    /// What the server computed from its log is not what a rebuild gives.
    Projection,
    /// A phone did not finish its day.
    Late,
}

impl Trouble {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "fact_lost",
            Self::Doubled => "fact_doubled",
            Self::Changed => "fact_changed",
            Self::Reused => "fact_id_reused",
            Self::NeverSaved => "fact_never_saved",
            Self::Phone => "phone_failed",
            Self::Disagree => "documents_differ",
            Self::StillWaiting => "changes_still_waiting",
            Self::Oracle => "automerge_disagrees",
            Self::Seal => "seal_invalid",
            Self::Projection => "projection_differs",
            Self::Late => "phone_late",
        }
    }
}

/// The figures of the day.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)] // the names are the report's own
pub struct Outcome {
    pub seed: u64,
    pub plan_hash: String,
    pub calls: Option<CallsRead>,
    pub simulated_s: i64,
    pub wall_s: f64,
    pub jobs_created: u64,
    pub jobs_completed: u64,
    pub jobs_by_state: BTreeMap<String, u64>,
    pub facts_saved_on_phones: u64,
    pub facts_durable_on_server: u64,
    pub facts_lost: u64,
    pub facts_doubled: u64,
    pub facts_refused: u64,
    pub refusals_by_code: BTreeMap<String, u64>,
    pub duplicates_pointed_out: u64,
    pub call_fields_corrected: u64,
    pub assignments_overtaken: u64,
    pub decisions_taken: u64,
    pub decisions_waiting: u64,
    pub decisions_by_kind: BTreeMap<String, u64>,
    pub seals: u64,
    pub seals_valid: u64,
    pub documents_checked: u64,
    pub documents_compared: u64,
    pub copies_compared: u64,
    pub rows_verified: u64,
    pub phones: u64,
    pub phone_restarts: u64,
    pub steps_planned: u64,
    pub steps_dropped: u64,
    pub longest_offline_s: i64,
    pub most_changes_waiting: u64,
    pub syncs: u64,
    pub syncs_failed: u64,
    pub requests_lost: u64,
    pub answers_lost: u64,
    pub round_trips: u64,
    pub bytes_up: u64,
    pub bytes_down: u64,
    pub sync_ms_p50: i64,
    pub sync_ms_p95: i64,
    pub invariants_broken: Vec<String>,
}

impl Outcome {
    /// Nothing is compared yet.
    pub fn new(inputs: &Inputs, plan: &Plan, day: &Day) -> Self {
        Self {
            calls: inputs.calls.as_ref().map(CallsRead::of),
            seed: plan.seed,
            plan_hash: hex(&plan.hash()),
            simulated_s: day.simulated_ms / 1000,
            wall_s: (day.took.as_secs_f64() * 10.0).round() / 10.0,
            steps_planned: plan.steps() as u64,
            phones: plan.phones.len() as u64,
            ..Self::default()
        }
    }

    /// Notes a broken promise.
    pub fn broken(&mut self, trouble: Trouble, what: impl AsRef<str>) {
        self.invariants_broken.push(format!("{}: {}", trouble.as_str(), what.as_ref()));
    }

    /// Prints what a person wants to know.
    pub fn print(&self) {
        let line = |name: &str, text: String| println!("  {name:<26} {text}");
        println!("\nReconciliation: every fact any phone saved, against the server's own log");
        line("facts saved on phones", self.facts_saved_on_phones.to_string());
        line("facts durable on server", self.facts_durable_on_server.to_string());
        line("facts lost", self.facts_lost.to_string());
        line("facts doubled", self.facts_doubled.to_string());
        line("facts refused, kept", with(self.facts_refused, &self.refusals_by_code));
        line("seals valid", format!("{} of {}", self.seals_valid, self.seals));
        line(
            "documents of the log",
            format!("{} built again, by our rules and by Automerge", self.documents_checked),
        );
        line(
            "documents compared",
            format!(
                "{} on phones ({} copies: each phone's rescues at the end, and its van), with the \
                 log's",
                self.documents_compared, self.copies_compared
            ),
        );
        line("rows rebuilt and compared", self.rows_verified.to_string());
        println!("\nThe day");
        line("jobs", with(self.jobs_created, &self.jobs_by_state));
        line(
            "at the desk",
            format!(
                "{} likely duplicates pointed out, {} fields of calls corrected, {} changes \
                 overtaken, {} exceptions decided",
                self.duplicates_pointed_out,
                self.call_fields_corrected,
                self.assignments_overtaken,
                self.decisions_taken
            ),
        );
        line("decisions waiting", with(self.decisions_waiting, &self.decisions_by_kind));
        line(
            "phones",
            format!(
                "{}, restarted {} times, longest without the server {} min, at most {} changes \
                 waiting",
                self.phones,
                self.phone_restarts,
                self.longest_offline_s / 60,
                self.most_changes_waiting
            ),
        );
        line(
            "steps",
            format!("{} planned, {} dropped as overtaken", self.steps_planned, self.steps_dropped),
        );
        line(
            "syncs",
            format!(
                "{} ({} failed; {} requests and {} answers lost on the way), {} round trips",
                self.syncs,
                self.syncs_failed,
                self.requests_lost,
                self.answers_lost,
                self.round_trips
            ),
        );
        line("bytes", format!("{} up, {} down (sync frames)", self.bytes_up, self.bytes_down));
        line(
            "time of a sync",
            format!("{} ms median, {} ms in 95 of 100", self.sync_ms_p50, self.sync_ms_p95),
        );
        line(
            "time of the day",
            format!("{} min simulated in {} s", self.simulated_s / 60, self.wall_s),
        );
        match self.invariants_broken.as_slice() {
            [] => println!("\nNothing lost, nothing doubled, nothing broken."),
            broken => {
                println!("\nBROKEN ({}):", broken.len());
                broken.iter().take(30).for_each(|what| println!("  {what}"));
                if broken.len() > 30 {
                    println!("  and {} more", broken.len() - 30);
                }
            }
        }
    }

    /// Writes all figures.
    pub fn write_json(&self, path: &Path) -> Result<(), DemoError> {
        let json = serde_json::to_string_pretty(self).map_err(DemoError::new)?;
        std::fs::write(path, json + "\n")
            .map_err(|e| DemoError::new(format!("cannot write {}: {e}", path.display())))
    }
}

fn with(total: u64, parts: &BTreeMap<String, u64>) -> String {
    if parts.is_empty() {
        return total.to_string();
    }
    let parts: Vec<_> = parts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    format!("{total} ({})", parts.join(", "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
