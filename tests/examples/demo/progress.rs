//! What is going on, while it goes on: one line that changes on a terminal, a line now and then
//! where output is kept.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tests::day::Plan;

/// What phones and desk have to tell, shared by all of them.
#[derive(Debug, Clone)]
pub struct Tally(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    jobs: Vec<Option<&'static str>>,
    offline: Vec<bool>,
    waiting: Vec<u64>,
    facts: u64,
}

impl Tally {
    /// Nothing has happened yet on so many phones.
    pub fn new(phones: usize, jobs: usize) -> Self {
        let (offline, waiting) = (vec![false; phones], vec![0; phones]);
        Self(Arc::new(Mutex::new(State { jobs: vec![None; jobs], offline, waiting, facts: 0 })))
    }

    /// A job was seen in this state.
    pub fn job(&self, job: usize, state: &'static str) {
        self.change(|tally| tally.jobs[job] = Some(state));
    }

    /// A phone saved so many facts.
    pub fn saved(&self, facts: u64) {
        self.change(|tally| tally.facts += facts);
    }

    /// Whether a phone has coverage, and how many of its changes wait.
    pub fn phone(&self, phone: usize, offline: bool, waiting: u64) {
        self.change(|tally| {
            tally.offline[phone] = offline;
            tally.waiting[phone] = waiting;
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn line(&self) -> String {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        tally.jobs.iter().flatten().for_each(|state| *states.entry(state).or_default() += 1);
        let jobs: Vec<_> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        format!(
            "jobs: {} | phones offline: {} of {} | changes waiting: {} | facts saved: {}",
            if jobs.is_empty() { "none yet".to_owned() } else { jobs.join(", ") },
            tally.offline.iter().filter(|offline| **offline).count(),
            tally.offline.len(),
            tally.waiting.iter().sum::<u64>(),
            tally.facts,
        )
    }
}

/// Shows it.
pub struct Progress {
    start_ms: i64,
    length_ms: i64,
    terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(plan: &Plan) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let length_ms = (plan.end_ms - plan.start_ms).max(1);
        Self { start_ms: plan.start_ms, length_ms, terminal, shown: None }
    }

    /// Shows how things are, if it is time to.
    pub fn show(&mut self, now_ms: i64, tally: &Tally) {
        let often = Duration::from_millis(if self.terminal { 150 } else { 4_000 });
        if self.shown.is_some_and(|at| at.elapsed() < often) {
            return;
        }
        self.shown = Some(Instant::now());
        let minutes = (now_ms - self.start_ms) / 60_000;
        let through = (100 * (now_ms - self.start_ms) / self.length_ms).clamp(0, 100);
        let line =
            format!("hour {}:{:02} {through:>3} % | {}", minutes / 60, minutes % 60, tally.line());
        self.print(&line);
    }

    /// Leaves the last state standing.
    pub fn end(&mut self, tally: &Tally) {
        self.print(&format!("day done | {}", tally.line()));
        if self.terminal {
            println!();
        }
    }

    fn print(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        // A closed pipe must not end the day.
        let _ = if self.terminal {
            write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
    }
}
