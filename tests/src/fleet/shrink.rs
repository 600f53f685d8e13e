//! Cuts a failing plan down to the steps it needs: delta debugging over the list of steps.

use super::plan::Plan;
use super::run;

/// The shortest plan found that still breaks the same invariant, within so many runs.
pub fn shrink(plan: &Plan, invariant: &str, mut runs: usize) -> Plan {
    let mut fails = |steps: &Plan| {
        if runs == 0 {
            return false;
        }
        runs -= 1;
        run(steps).is_err_and(|failure| failure.invariant == invariant)
    };
    let mut best = plan.clone();
    let mut size = best.steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        let mut cut = false;
        while at < best.steps.len() {
            let end = (at + size).min(best.steps.len());
            let mut steps = best.steps.clone();
            steps.drain(at..end);
            let shorter = best.with(steps);
            if fails(&shorter) {
                best = shorter;
                cut = true;
            } else {
                at = end;
            }
        }
        if !cut || size > 1 {
            size /= 2;
        }
    }
    best
}
