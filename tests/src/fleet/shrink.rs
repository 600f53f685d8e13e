//! Cuts a failing plan down to the steps it needs: delta debugging over the list of steps.

use super::plan::{Plan, Step};
use super::run;

/// The shortest plan found that still breaks the same invariant, within so many runs.
///
/// Blocks of steps are taken out, halved until single steps are tried. Then pairs are: a step that
/// undoes another (a crash and its recovery, a restore and the backup before) goes only with it.
pub fn shrink(plan: &Plan, invariant: &str, runs: usize) -> Plan {
    let mut search = Search { invariant, runs, best: plan.clone() };
    search.blocks();
    while search.a_pair() {
        search.blocks();
    }
    search.best
}

struct Search<'i> {
    invariant: &'i str,
    runs: usize,
    best: Plan,
}

impl Search<'_> {
    /// Takes out what can be taken out in one piece.
    fn blocks(&mut self) {
        let mut size = (self.best.steps.len() / 2).max(1);
        while size > 0 {
            let mut at = 0;
            let mut cut = false;
            while at < self.best.steps.len() {
                let end = (at + size).min(self.best.steps.len());
                let mut steps = self.best.steps.clone();
                steps.drain(at..end);
                if self.is_enough(steps) {
                    cut = true;
                } else {
                    at = end;
                }
            }
            if !cut || size > 1 {
                size /= 2;
            }
        }
    }

    /// Takes out one pair of steps of which neither can be taken out alone, if there is one.
    fn a_pair(&mut self) -> bool {
        let steps = self.best.steps.clone();
        (0..steps.len()).any(|first| {
            (first + 1..steps.len()).any(|second| {
                let mut fewer = steps.clone();
                fewer.remove(second);
                fewer.remove(first);
                self.is_enough(fewer)
            })
        })
    }

    /// Whether these steps break the invariant too; then they are the best so far.
    fn is_enough(&mut self, steps: Vec<Step>) -> bool {
        if self.runs == 0 {
            return false;
        }
        self.runs -= 1;
        let shorter = self.best.with(steps);
        let breaks = run(&shorter).is_err_and(|failure| failure.invariant == self.invariant);
        if breaks {
            self.best = shorter;
        }
        breaks
    }
}
