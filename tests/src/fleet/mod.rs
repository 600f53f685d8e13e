//! A fleet in virtual time: real rules, real admission, real store promises, and every misfortune.
//!
//! A `Plan` is made from a seed, or read from a file; `run` plays it in a `World` and either
//! finds every invariant kept or says which broke. What happens is a function of the plan alone,
//! so a failure can be replayed, and `shrink` cuts its plan down to the steps it needs.
//!
//! 1. `phone` is the real machine and replicas on a `store` whose disk fails, `site` the
//!    real nodes on a database whose disk fails, with the real tokens.
//! 2. `world` moves time, carries messages over links that do what links do, and carries out
//!    the steps; `office`, `field` and `hostile` are what people do, `newer` what comes with the
//!    next version.
//! 3. `ledger` knows everything that must not be lost or changed; `check` compares at the end.
//! 4. `counts` counts each fault and rare branch, so that a run that never met one is red.

mod check;
mod counts;
mod field;
mod hostile;
mod keys;
mod ledger;
mod newer;
mod office;
mod phone;
mod plan;
mod serve;
mod shrink;
mod site;
mod store;
mod taint;
mod world;

pub use counts::{BRANCHES, Counts};
pub use plan::{BadPlan, Kind, Plan, Step};
pub use shrink::shrink;
pub use world::{Failure, Played, World};

/// Plays a plan; a panic is a failure like any other.
///
/// # Errors
/// The first invariant that broke.
pub fn run(plan: &Plan) -> Result<Played, Failure> {
    let played = std::panic::catch_unwind(|| World::new(plan).play());
    played.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Failure { invariant: "nothing panics", detail: said.to_owned(), at: 0 })
    })
}
