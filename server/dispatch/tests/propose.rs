//! What a proposal for the whole queue keeps, moves and leaves.

#![allow(clippy::unwrap_used)]

use dispatch::Place;
use dispatch::assign::{Hold, OpenJob, Proposal, What, propose};
use dispatch::candidates::{Fix, Job, Span, Technician};
use dispatch::travel::{Air, Pace};
use proptest::prelude::*;

const NOW: i64 = 1_790_000_000_000;
const HOUR: i64 = 3_600_000;

fn place(east: f64) -> Place {
    Place::new(25.0, 121.0 + east).unwrap()
}

fn technician(east: f64) -> Technician {
    Technician {
        last: Some(Fix { place: place(east), at: NOW, accuracy: 10.0 }),
        shifts: vec![Span { from: NOW - HOUR, until: NOW + 8 * HOUR }],
        heard: Some(NOW),
        ..Technician::default()
    }
}

fn open(east: f64, hold: Hold) -> OpenJob {
    let job = Job { place: Some(place(east)), ..Job::default() };
    OpenJob { job, eligible: Vec::new(), hold, weight: 1 }
}

/// The same jobs, for which everybody is eligible.
fn for_all(jobs: &[OpenJob], technicians: &[Technician]) -> Vec<OpenJob> {
    let eligible: Vec<usize> = (0..technicians.len()).collect();
    jobs.iter().map(|job| OpenJob { eligible: eligible.clone(), ..job.clone() }).collect()
}

fn proposed(jobs: &[OpenJob], technicians: &[Technician], move_price: u32) -> Proposal {
    only_eligible(&for_all(jobs, technicians), technicians, move_price)
}

fn only_eligible(jobs: &[OpenJob], technicians: &[Technician], move_price: u32) -> Proposal {
    let air = Air { pace: Pace::default() };
    propose(jobs, technicians, NOW, move_price, &air, None).unwrap()
}

fn after(proposal: &Proposal) -> Vec<Option<usize>> {
    proposal.rows.iter().map(|row| row.after.as_ref().map(|it| it.technician)).collect()
}

#[test]
fn the_sum_counts_and_not_who_is_nearest_to_each() {
    let technicians = [technician(0.0), technician(0.1)];
    let jobs = [open(0.01, Hold::Nobody), open(-0.2, Hold::Nobody)];
    let found = proposed(&jobs, &technicians, 0);
    assert_eq!(after(&found), [Some(1), Some(0)], "0.09 and 0.2, not 0.01 and 0.3");
    assert!(found.rows.iter().all(|row| row.what == What::New && row.gap > Some(0)));
    assert_eq!(found.second_best, found.rows[0].gap);
}

#[test]
fn a_promise_about_to_be_broken_gets_the_nearer_one() {
    let technicians = [technician(0.05), technician(-0.3)];
    let mut jobs = [open(0.0, Hold::Nobody), open(0.001, Hold::Nobody)];
    jobs[1].job.promised = Some(NOW + HOUR / 3);
    assert_eq!(after(&proposed(&jobs, &technicians, 0)), [Some(1), Some(0)]);
    jobs.swap(0, 1);
    assert_eq!(after(&proposed(&jobs, &technicians, 0)), [Some(0), Some(1)]);
}

#[test]
fn under_way_and_offered_stay_and_their_technicians_get_nothing_else() {
    let technicians = [technician(0.0), technician(0.5), technician(0.9)];
    let jobs = [
        open(0.5, Hold::UnderWay(0)),
        open(0.0, Hold::Offered { to: 1, until: NOW + 1 }),
        open(0.0, Hold::Nobody),
        open(0.0, Hold::Nobody),
    ];
    let found = proposed(&jobs, &technicians, 0);
    assert_eq!(after(&found), [Some(0), Some(1), Some(2), None]);
    let what: Vec<What> = found.rows.iter().map(|row| row.what).collect();
    assert_eq!(what, [What::Fixed, What::Fixed, What::New, What::StaysOpen { eligible: 1 }]);
    let ended = [open(0.0, Hold::Offered { to: 1, until: NOW })];
    let found = proposed(&ended, &technicians, 0);
    assert_eq!((after(&found), found.rows[0].what), (vec![Some(0)], What::Moves));
}

#[test]
fn a_given_job_moves_only_for_more_than_the_price_of_a_move() {
    let technicians = [technician(0.1), technician(0.0)];
    let jobs = [open(0.0, Hold::Given(0))];
    let kept = proposed(&jobs, &technicians, 3_000);
    assert_eq!((after(&kept), kept.rows[0].what), (vec![Some(0)], What::Keeps));
    let moved = proposed(&jobs, &technicians, 60);
    assert_eq!((after(&moved), moved.rows[0].what), (vec![Some(1)], What::Moves));
}

#[test]
fn a_heavier_job_is_left_last_and_one_nobody_can_do_stays_open() {
    let technicians = [technician(0.0)];
    let mut jobs = [open(0.0, Hold::Nobody), open(0.9, Hold::Nobody)];
    jobs[1].weight = 2;
    assert_eq!(after(&proposed(&jobs, &technicians, 0)), [None, Some(0)]);
    jobs[0].eligible = vec![0];
    let found = only_eligible(&jobs, &technicians, 0);
    assert_eq!(after(&found), [Some(0), None]);
    assert_eq!(found.rows[1].what, What::StaysOpen { eligible: 0 });
}

#[test]
fn too_much_and_what_points_at_nobody_is_refused() {
    let air = Air { pace: Pace::default() };
    let refused = |jobs: &[OpenJob], technicians: &[Technician]| {
        assert!(propose(jobs, technicians, NOW, 0, &air, None).is_err());
    };
    refused(&vec![open(0.0, Hold::Nobody); 100_000], &[technician(0.0)]);
    refused(&vec![open(0.0, Hold::Nobody); 1_000], &vec![technician(0.0); 10_000]);
    refused(&[open(0.0, Hold::Given(1))], &[technician(0.0)]);
    let weightless = OpenJob { weight: 0, ..open(0.0, Hold::Nobody) };
    refused(&[weightless], &[technician(0.0)]);
    let stranger = OpenJob { eligible: vec![1], ..open(0.0, Hold::Nobody) };
    refused(&[stranger], &[technician(0.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nobody_gets_two_and_what_is_fixed_never_moves(
        jobs in proptest::collection::vec((-1.0..1.0, 0_u8..4, 0_usize..5), 0..8),
        technicians in proptest::collection::vec((-1.0..1.0, any::<bool>()), 5..9),
        move_price in 0_u32..4_000,
    ) {
        let mut held = [false; 9];
        let hold = |(east, kind, to): (f64, u8, usize)| {
            let is_free = !std::mem::replace(&mut held[to], true);
            let hold = match kind {
                0 if is_free => Hold::UnderWay(to),
                1 if is_free => Hold::Offered { to, until: NOW + 1 },
                2 if is_free => Hold::Given(to),
                _ => Hold::Nobody,
            };
            open(east, hold)
        };
        let jobs: Vec<OpenJob> = jobs.into_iter().map(hold).collect();
        let fits: Vec<bool> = technicians.iter().map(|(_, fits)| *fits).collect();
        let eligible: Vec<usize> = (0..fits.len()).filter(|it| fits[*it]).collect();
        let jobs: Vec<OpenJob> =
            jobs.into_iter().map(|job| OpenJob { eligible: eligible.clone(), ..job }).collect();
        let technicians: Vec<Technician> =
            technicians.into_iter().map(|(east, _)| technician(east)).collect();
        let found = only_eligible(&jobs, &technicians, move_price);
        prop_assert_eq!(found.rows.len(), jobs.len());
        let mut who: Vec<usize> = after(&found).into_iter().flatten().collect();
        let count = who.len();
        who.sort_unstable();
        who.dedup();
        prop_assert_eq!(who.len(), count, "nobody twice");
        for (row, open) in found.rows.iter().zip(&jobs) {
            let after = row.after.as_ref().map(|it| it.technician);
            match open.hold {
                Hold::UnderWay(to) | Hold::Offered { to, .. } => {
                    prop_assert_eq!(after, Some(to));
                }
                _ => prop_assert!(after.is_none_or(|it| fits[it])),
            }
        }
    }
}
