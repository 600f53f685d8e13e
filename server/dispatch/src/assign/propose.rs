//! A proposal for the whole queue: every open job with the technician who should take it now.

use super::costs::Costs;
use super::path::solve;
use crate::candidates::{self, Candidate, Job, Technician};
use crate::error::{Refused, at_most, exists, within};
use crate::travel::{Air, TravelTimes};

/// Greatest number of jobs of a proposal.
pub const MAX_JOBS: usize = 1_000;
/// Greatest number of technicians of a proposal; jobs times technicians are at most [`super::MAX_ENTRIES`].
pub const MAX_TECHNICIANS: usize = 10_000;
/// The cost of leaving a job unassigned, seconds, multiplied by its weight.
pub const UNASSIGNED_SECONDS: i64 = 14 * 86_400;
/// The cost of each second after the promised time, seconds.
const LATE: i64 = 2;
/// Greatest weight of a job.
const MAX_WEIGHT: u32 = 1_000;
/// The greatest cost of a candidate, seconds: any candidate is better than none.
const WORST: i64 = UNASSIGNED_SECONDS - 1;

/// One job that needs a technician.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenJob {
    /// What is known of it.
    pub job: Job,
    /// The indexes of the technicians who meet its requirements.
    pub eligible: Vec<usize>,
    /// Its present technician.
    pub hold: Hold,
    /// The weight of leaving it unassigned, from 1 to 1,000.
    pub weight: u32,
}

/// The present technician of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nobody.
    Nobody,
    /// Offered to a technician until this time (Unix milliseconds). It stays with them until then.
    Offered {
        /// Which technician.
        to: usize,
        /// Until when.
        until: i64,
    },
    /// Given to a technician who has not set off. It may move, for the price of a move.
    Given(usize),
    /// The technician is on the way or already there. It never moves.
    UnderWay(usize),
}

/// A proposal. Nothing happens before a person accepts it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// One row for each job, in their order.
    pub rows: Vec<ProposedRow>,
    /// The extra cost of the second best proposal, seconds; none if there is no other.
    pub second_best: Option<i64>,
}

/// One job of a proposal.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedRow {
    /// The index of its present technician.
    pub before: Option<usize>,
    /// The proposed technician, with reasons; for a job that stays, the present one.
    pub after: Option<Candidate>,
    /// The change.
    pub what: What,
    /// The extra total cost without this row, seconds: how certain it is. None if there was nothing to
    /// decide, or nothing else is possible.
    pub gap: Option<i64>,
}

/// The change for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It stays with its technician, because it is under way or offered.
    Fixed,
    /// It stays with its technician, because nobody else is better by more than the price of a move.
    Keeps,
    /// It had no technician and now has one.
    New,
    /// It goes from one technician to another.
    Moves,
    /// Its technician is ineligible or needed elsewhere, and nobody else is available.
    Drops,
    /// It had no technician, and no eligible one is left.
    StaysOpen {
        /// How many are eligible, if they had nothing else.
        eligible: usize,
    },
}

/// Proposes who takes which job at `now` (Unix milliseconds): one new job for each technician. `move_price`
/// is the price of taking a job from its technician, seconds.
///
/// # Errors
/// More jobs or technicians than the limits allow, or a technician who does not exist.
pub fn propose(
    jobs: &[OpenJob],
    technicians: &[Technician],
    now: i64,
    move_price: u32,
    air: &Air,
    roads: Option<&dyn TravelTimes>,
) -> Result<Proposal, Refused> {
    at_most("jobs", jobs.len(), MAX_JOBS)?;
    at_most("technicians", technicians.len(), MAX_TECHNICIANS)?;
    technicians.iter().try_for_each(Technician::check)?;
    let mut fixed = vec![None; jobs.len()];
    let mut taken = vec![false; technicians.len()];
    for (row, open) in jobs.iter().enumerate() {
        open.job.check()?;
        within("the weight of a job", open.weight.into(), 1, MAX_WEIGHT.into())?;
        let named = open.eligible.iter().copied().chain(open.holder());
        named.into_iter().try_for_each(|to| exists("technician", to, technicians.len()))?;
        fixed[row] = open.fixed(now);
        if let Some(to) = fixed[row] {
            taken[to] = true;
        }
    }
    let free: Vec<usize> = (0..technicians.len()).filter(|index| !taken[*index]).collect();
    let mut column_of = vec![None; technicians.len()];
    free.iter().enumerate().for_each(|(column, index)| column_of[*index] = Some(column));
    let open: Vec<usize> = (0..jobs.len()).filter(|row| fixed[*row].is_none()).collect();
    let alone = open.iter().map(|row| UNASSIGNED_SECONDS * i64::from(jobs[*row].weight));
    let mut costs = Costs::new(alone.collect(), free.len())?;
    let mut fits = Vec::with_capacity(open.len());
    for (line, row) in open.iter().enumerate() {
        let job = &jobs[*row].job;
        let could = jobs[*row].eligible.iter().copied().filter(|index| !taken[*index]);
        let could: Vec<usize> = could.collect();
        let ways = candidates::ways(job, technicians, &could, air, roads);
        let mut all = Vec::new();
        for (index, way) in could.into_iter().zip(ways) {
            let Some(column) = column_of[index] else { continue };
            let cost = candidates::pair_cost(job, &technicians[index], way, LATE, now, air);
            let moves = jobs[*row].holder().is_some_and(|holder| holder != index);
            let price = if moves { i64::from(move_price) } else { 0 };
            costs.allow(line, column, (cost + price).clamp(0, WORST))?;
            all.push((column, way));
        }
        fits.push(all);
    }
    let pairs = solve(&costs);
    let mut rows: Vec<ProposedRow> =
        jobs.iter().map(|open| stays(open, technicians, now, air, roads)).collect();
    for (line, row) in open.iter().enumerate() {
        let chosen = pairs.column[line].and_then(|column| {
            let (_, way) = fits[line].iter().find(|(other, _)| *other == column)?;
            Some(candidates::candidate(&jobs[*row].job, technicians, free[column], *way, now, air))
        });
        let before = jobs[*row].holder();
        let what = match (before, chosen.as_ref().map(|it| it.technician)) {
            (Some(before), Some(after)) if before == after => What::Keeps,
            (Some(_), Some(_)) => What::Moves,
            (None, Some(_)) => What::New,
            (Some(_), None) => What::Drops,
            (None, None) => What::StaysOpen { eligible: fits[line].len() },
        };
        rows[*row] = ProposedRow { before, after: chosen, what, gap: pairs.gap[line] };
    }
    Ok(Proposal { rows, second_best: pairs.second_best() })
}

impl OpenJob {
    fn holder(&self) -> Option<usize> {
        match self.hold {
            Hold::Nobody => None,
            Hold::Offered { to, .. } | Hold::Given(to) | Hold::UnderWay(to) => Some(to),
        }
    }

    /// The technician who keeps it, whatever the costs.
    fn fixed(&self, now: i64) -> Option<usize> {
        match self.hold {
            Hold::UnderWay(to) => Some(to),
            Hold::Offered { to, until } if until > now => Some(to),
            _ => None,
        }
    }
}

fn stays(
    open: &OpenJob,
    technicians: &[Technician],
    now: i64,
    air: &Air,
    roads: Option<&dyn TravelTimes>,
) -> ProposedRow {
    let after = open.fixed(now).and_then(|to| {
        let way = candidates::ways(&open.job, technicians, &[to], air, roads).pop()?;
        Some(candidates::candidate(&open.job, technicians, to, way, now, air))
    });
    ProposedRow { before: open.holder(), after, what: What::Fixed, gap: None }
}
