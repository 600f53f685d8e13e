//! Carries out the attacks and judges: each answer, the server, the honest, what is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::honest::{Honest, Latency};
use super::watch::Watch;
use super::{Attack, HONEST_BOUND, MEMORY_BOUND, Town, corpus};
use crate::server_log::ServerLog;

/// Honest requests that are watched before the first attack.
const BEFORE: usize = 150;
/// Stack of a thread that carries out one attack.
const STACK: usize = 512 << 10;

/// One table and the result.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Attacks carried out.
    pub attacks: usize,
    /// Those that got the answer they must get.
    pub as_expected: usize,
}

/// The result of all of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Each table.
    pub groups: BTreeMap<&'static str, Group>,
    /// Everything that is wrong, one sentence each; empty when all is well.
    pub wrong: Vec<String>,
    /// Resident memory of the server before, at the end and at most, bytes.
    pub memory: [u64; 3],
    /// How long honest requests took before, and meanwhile.
    pub honest: [Latency; 2],
    /// Facts the honest phone saved, all in the log.
    pub saved: usize,
    /// How long it took.
    pub took: Duration,
}

/// Carries out every attack whose table or name holds `only` on a fresh server.
///
/// # Errors
/// When the scene cannot be built; what attacks achieve is in the report.
pub fn run(only: &str) -> Result<Report, String> {
    let started = Instant::now();
    let town = Town::build()?;
    let honest = Honest::begin(&town)?;
    while honest.requests() < BEFORE {
        thread::yield_now();
        thread::sleep(Duration::from_millis(10));
    }
    let mut report = Report::default();
    report.honest[0] = honest.latency();
    report.memory[0] = town.server.memory().0;
    let chosen = |attack: &Attack| attack.group.contains(only) || attack.name.contains(only);
    let (beside, alone): (Vec<_>, Vec<_>) =
        corpus().into_iter().filter(chosen).partition(|attack| attack.beside);
    thread::scope(|scope| -> Result<(), String> {
        let (sender, answers) = mpsc::channel();
        for attack in beside {
            let (sender, town) = (sender.clone(), &town);
            let builder = thread::Builder::new().stack_size(STACK);
            let started = builder.spawn_scoped(scope, move || {
                // The receiver waits for all of them.
                let _ = sender.send(((attack.act)(town), attack));
            });
            started.map_err(|e| e.to_string())?;
        }
        drop(sender);
        one_by_one(&town, &mut report, &alone)?;
        for (answer, attack) in answers {
            report.judge(&attack, &answer);
        }
        Ok(())
    })?;
    report.honest[1] = honest.latency();
    let (rss, most) = town.server.memory();
    (report.memory[1], report.memory[2]) = (rss, most);
    let (failures, ledger) = honest.end()?;
    report.wrong.extend(failures.into_iter().map(|what| format!("an honest user failed: {what}")));
    report.wrong.extend(town.server.complaint());
    let database = town.server.database();
    let log = ServerLog::open(&database, town.acme.tenant);
    let log = town.runtime.block_on(log).map_err(|e| e.to_string())?;
    for (key, hash) in ledger.facts() {
        if log.facts.get(key) != Some(&vec![*hash]) {
            report.wrong.push(format!("the honest phone's {} is not in the log once", key.id));
        }
    }
    report.saved = ledger.len();
    let verified = town.server.verify()?;
    if !verified.status.success() {
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        report.wrong.push(format!("towline verify: {said}"));
    }
    report.bounds();
    report.took = started.elapsed();
    Ok(report)
}

fn one_by_one(town: &Town, report: &mut Report, attacks: &[Attack]) -> Result<(), String> {
    let mut watch = Watch::begin(town)?;
    let mut before = watch.look(town)?;
    for attack in attacks {
        let answer = (attack.act)(town);
        report.judge(attack, &answer);
        let complaint = town.server.complaint();
        report.wrong.extend(complaint.map(|said| format!("{attack:?}: the server says {said}")));
        let mut after = watch.look(town)?;
        let wrote = after.written != before.written;
        if wrote && !attack.expected.contains("durable") {
            report.wrong.push(format!("{attack:?}: it is in the log"));
        }
        let written = after.written;
        after.written = before.written;
        if after != before {
            report.wrong.push(format!("{attack:?}: what had to stay changed"));
        }
        before = after;
        before.written = written;
    }
    Ok(())
}

impl Report {
    fn judge(&mut self, attack: &Attack, answer: &str) {
        let group = self.groups.entry(attack.group).or_default();
        group.attacks += 1;
        if attack.expected.split(" | ").any(|expected| expected == answer) {
            group.as_expected += 1;
        } else {
            let expected = attack.expected;
            self.wrong.push(format!("{attack:?}: expected {expected:?}, got {answer:?}"));
        }
    }

    fn bounds(&mut self) {
        let [_, _, most] = self.memory;
        if most > MEMORY_BOUND {
            self.wrong.push(format!("the server held {} MiB", most >> 20));
        }
        let [_, meanwhile] = self.honest;
        if meanwhile.worst > HONEST_BOUND {
            self.wrong.push(format!("an honest request took {:?}", meanwhile.worst));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:>7}  answered as expected", "table", "attacks")?;
        let mut all = Group::default();
        for (name, group) in &self.groups {
            writeln!(f, "{name:<12} {:>7}  {:>7}", group.attacks, group.as_expected)?;
            all.attacks += group.attacks;
            all.as_expected += group.as_expected;
        }
        writeln!(f, "{:<12} {:>7}  {:>7}", "all", all.attacks, all.as_expected)?;
        let [before, after, most] = self.memory.map(|bytes| bytes >> 20);
        writeln!(f, "server: {before} MiB before, {after} MiB after, {most} MiB at most")?;
        for (when, latency) in ["before", "meanwhile"].iter().zip(self.honest) {
            let Latency { requests, p50, p99, worst } = latency;
            writeln!(
                f,
                "honest {when}: {requests} requests, p50 {p50:.1?}, p99 {p99:.1?}, worst {worst:.1?}"
            )?;
        }
        write!(f, "{} facts saved by the honest phone, in {:.0?}", self.saved, self.took)
    }
}
