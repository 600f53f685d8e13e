//! Laws of the day plan: the check accepts what the search finds and nothing that was tampered with.

#![allow(clippy::unwrap_used)]

use dispatch::plan::{
    Change, Effort, Fault, Hold, NO_WAY, Plan, Problem, Rules, Shift, Travel, Visit, Why,
    WhyUndone, changes, check, plan,
};
use proptest::prelude::*;

/// Places on a line: times and costs are the differences.
fn line(places: &[i32]) -> Travel {
    let pairs = places.iter().flat_map(|from| places.iter().map(move |to| (to - from).abs()));
    let times: Vec<i32> = pairs.collect();
    Travel { places: places.len(), costs: times.clone(), times }
}

fn visit(place: usize) -> Visit {
    Visit { place, service: 10, opens: 0, closes: 1_000, weight: 1, ..Visit::default() }
}

fn shift(start: usize) -> Shift {
    Shift { start, end: Some(start), from: 0, until: 1_000, ..Shift::default() }
}

fn effort(rounds: u32) -> Effort {
    Effort { rounds, seed: 7 }
}

fn solved(
    visits: Vec<Visit>,
    shifts: Vec<Shift>,
    travel: &Travel,
    rules: Rules,
) -> (Problem, Plan) {
    let problem = Problem::new(visits, shifts, travel, rules).unwrap();
    let plan = plan(&problem, effort(300));
    assert_eq!(check(&problem, &plan), Ok(()));
    (problem, plan)
}

fn tours(plan: &Plan) -> Vec<Vec<usize>> {
    plan.tours.iter().map(|tour| tour.iter().map(|it| it.visit).collect()).collect()
}

#[test]
fn each_goes_where_they_are_near_and_waits_for_the_window() {
    let travel = line(&[0, 100, 10, 20, 90]);
    let mut late = visit(4);
    late.opens = 500;
    let (_, plan) =
        solved(vec![visit(2), visit(3), late], vec![shift(0), shift(1)], &travel, Rules::default());
    assert_eq!(plan.cost, 20 + 20 + 10 + 10);
    assert_eq!(tours(&plan)[1], [2]);
    let last = plan.tours[1][0];
    assert_eq!((last.arrives, last.begins, last.leaves), (10, 500, 510));
}

#[test]
fn what_stays_undone_says_why() {
    let travel = line(&[0, 10, 900]);
    let skilled = Visit { needs: vec![1], ..visit(1) };
    let part = Visit { parts: vec![(5, 2)], ..visit(1) };
    let far = Visit { closes: 800, ..visit(2) };
    let long = Visit { service: 600, ..visit(1) };
    let stocked = Shift { stock: vec![(5, 1)], ..shift(0) };
    let (_, plan) = solved(
        vec![skilled, part, far, long.clone(), long],
        vec![stocked],
        &travel,
        Rules::default(),
    );
    let why: Vec<(usize, WhyUndone)> = plan.undone.iter().map(|it| (it.visit, it.why)).collect();
    assert_eq!(why[0], (0, WhyUndone::NotQualified));
    assert_eq!(why[1], (1, WhyUndone::NoParts));
    assert_eq!(why[2], (2, WhyUndone::OutOfReach));
    assert!(matches!(why[3], (3 | 4, WhyUndone::Full)));
}

#[test]
fn of_two_that_do_not_both_fit_the_weightier_is_done() {
    let travel = line(&[0, 10]);
    let long = Visit { service: 600, ..visit(1) };
    let heavy = Visit { weight: 3, ..long.clone() };
    let (_, plan) = solved(vec![long, heavy], vec![shift(0)], &travel, Rules::default());
    assert_eq!(tours(&plan), [[1]]);
}

#[test]
fn a_part_that_is_used_is_gone() {
    let travel = line(&[0, 10]);
    let part = Visit { parts: vec![(5, 1)], ..visit(1) };
    let stocked = Shift { stock: vec![(5, 2)], ..shift(0) };
    let (_, plan) = solved(vec![part; 3], vec![stocked], &travel, Rules::default());
    assert_eq!(plan.tours[0].len(), 2);
    assert_eq!(plan.undone[0].why, WhyUndone::Full);
}

#[test]
fn who_is_under_way_never_moves_even_where_every_rule_is_against_it() {
    let travel = line(&[0, 500, 510]);
    let impossible = Visit {
        place: 1,
        service: 2_000,
        closes: 0,
        needs: vec![9],
        parts: vec![(5, 3)],
        hold: Hold::UnderWay(0),
        ..visit(1)
    };
    let other = Visit { parts: vec![(6, 1)], ..visit(2) };
    let stocked = Shift { stock: vec![(6, 1)], ..shift(0) };
    let shifts = vec![stocked.clone(), Shift { start: 1, end: None, ..stocked }];
    let (problem, plan) = solved(vec![impossible, other], shifts, &travel, Rules::default());
    assert_eq!(tours(&plan), [vec![0], vec![1]]);
    assert_eq!(changes(&problem, &plan)[0].change, Change::Keeps);
    let mut moved = plan.clone();
    moved.tours.swap(0, 1);
    assert!(check(&problem, &moved).is_err());
}

#[test]
fn an_offer_stays_with_whom_it_was_made_to_or_is_undone() {
    let travel = line(&[0, 100, 99]);
    let offered = Visit { hold: Hold::Offered(0), ..visit(2) };
    let (_, plan) =
        solved(vec![offered.clone()], vec![shift(0), shift(1)], &travel, Rules::default());
    assert_eq!(tours(&plan), [vec![0], vec![]]);
    let late = Visit { closes: 50, ..offered };
    let (problem, plan) = solved(vec![late], vec![shift(0), shift(1)], &travel, Rules::default());
    assert_eq!(changes(&problem, &plan)[0].change, Change::Drops(WhyUndone::OutOfReach));
}

#[test]
fn a_given_job_moves_only_for_more_than_the_price_of_a_move() {
    let travel = line(&[0, 100, 90]);
    let given = Visit { hold: Hold::Given(0), ..visit(2) };
    let change = |move_price| {
        let (problem, plan) =
            solved(vec![given.clone()], vec![shift(0), shift(1)], &travel, Rules { move_price });
        changes(&problem, &plan)[0].change
    };
    assert_eq!(change(161), Change::Keeps);
    assert_eq!(change(159), Change::Moves(Why::Costs(160)), "there and back is 180, not 20");
}

#[test]
fn a_job_that_its_technician_cannot_do_any_more_moves_with_the_reason() {
    let travel = line(&[0, 100, 90]);
    let why = |given: Visit, first: Shift| {
        let other = Shift { has: vec![1], stock: vec![(5, 9)], ..shift(1) };
        let (problem, plan) =
            solved(vec![given], vec![first, other], &travel, Rules { move_price: 1_000 });
        changes(&problem, &plan)[0].change
    };
    let given = Visit { hold: Hold::Given(0), ..visit(2) };
    let skilled = Visit { needs: vec![1], ..given.clone() };
    assert_eq!(why(skilled, shift(0)), Change::Moves(Why::NotQualified));
    let parts = Visit { parts: vec![(5, 1)], ..given.clone() };
    assert_eq!(why(parts, shift(0)), Change::Moves(Why::NoParts));
    let ends = Shift { until: 100, ..shift(0) };
    assert_eq!(why(given, ends), Change::Moves(Why::NoTime));
}

#[test]
fn a_shift_that_cannot_be_home_in_time_takes_nothing() {
    let travel = line(&[0, 500, 10]);
    let far = Shift { end: Some(1), until: 100, ..shift(0) };
    let (_, plan) = solved(vec![visit(2)], vec![far], &travel, Rules::default());
    assert_eq!(plan.undone[0].why, WhyUndone::OutOfReach);
}

#[test]
fn a_seed_repeats() {
    let (visits, shifts, travel) = town(60, 8, 3);
    let problem = Problem::new(visits, shifts, &travel, Rules::default()).unwrap();
    let once = plan(&problem, effort(500));
    assert_eq!(once, plan(&problem, effort(500)));
    assert_ne!(once, plan(&problem, Effort { rounds: 500, seed: 8 }));
    assert!(plan(&problem, effort(3_000)).cost <= plan(&problem, effort(0)).cost);
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let travel = line(&[0, 10]);
    let new = |visits: Vec<Visit>, shifts: Vec<Shift>| {
        Problem::new(visits, shifts, &travel, Rules::default()).map(|_| ()).unwrap_err()
    };
    let bad = |change: fn(&mut Visit)| {
        let mut bad = visit(1);
        change(&mut bad);
        new(vec![bad], vec![shift(0)])
    };
    new(vec![visit(1); 100_000], vec![shift(0)]);
    new(vec![], vec![shift(0); 100_000]);
    bad(|it| it.place = 2);
    bad(|it| it.service = -1);
    bad(|it| it.closes = i32::MAX);
    bad(|it| it.opens = i32::MIN);
    bad(|it| it.weight = 0);
    bad(|it| it.hold = Hold::Given(1));
    bad(|it| it.parts = vec![(1, u32::MAX)]);
    bad(|it| it.needs = vec![1; 10_000]);
    let held = Visit { hold: Hold::UnderWay(0), ..visit(1) };
    new(vec![held.clone(), held], vec![shift(0)]);
    new(vec![], vec![Shift { end: Some(9), ..shift(0) }]);
    for (places, times) in [(2, vec![0, -1, 0, 0]), (2, vec![0, i32::MAX, 0, 0]), (2, vec![0])] {
        let travel = Travel { places, costs: vec![0; 4], times };
        assert!(Problem::new(vec![], vec![], &travel, Rules::default()).is_err());
    }
    let many = Travel { places: 100_000, times: vec![], costs: vec![] };
    assert!(Problem::new(vec![], vec![], &many, Rules::default()).is_err());
    assert!(Problem::new(vec![], vec![], &travel, Rules { move_price: -1 }).is_err());
}

/// A town from a seed: skills, parts, windows, holds.
fn town(visits: usize, shifts: usize, seed: u64) -> (Vec<Visit>, Vec<Shift>, Travel) {
    let mut state = seed;
    let mut below = |limit: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i32::try_from((state >> 33) % limit).unwrap()
    };
    let places = visits + shifts;
    let points: Vec<(i32, i32)> = (0..places).map(|_| (below(100), below(100))).collect();
    let far = |a: (i32, i32), b: (i32, i32)| (a.0 - b.0).abs() + (a.1 - b.1).abs();
    let pairs = points.iter().flat_map(|from| points.iter().map(move |to| far(*from, *to)));
    let mut times: Vec<i32> = pairs.collect();
    if below(3) == 0 && places > 3 {
        times[places + 2] = NO_WAY;
    }
    let mut under_way = vec![false; shifts];
    let visits = (shifts..places).map(|place| {
        let opens = below(600);
        let holder = below(shifts.max(1) as u64) as usize;
        let hold = match below(8) {
            _ if shifts == 0 => Hold::Nobody,
            0 => Hold::Given(holder),
            1 => Hold::Offered(holder),
            2 if !std::mem::replace(&mut under_way[holder], true) => Hold::UnderWay(holder),
            _ => Hold::Nobody,
        };
        Visit {
            place,
            service: below(60),
            opens,
            closes: opens + below(300),
            needs: (0..below(2)).map(|_| below(4) as u32).collect(),
            parts: (0..below(3)).map(|_| (below(3) as u32, below(3) as u32)).collect(),
            weight: 1 + below(3) as u32,
            hold,
        }
    });
    let visits: Vec<Visit> = visits.collect();
    let shifts = (0..shifts).map(|start| Shift {
        start,
        end: (below(3) > 0).then_some(start),
        from: below(200),
        until: 300 + below(600),
        has: (0..4).filter(|_| below(4) > 0).collect(),
        stock: (0..3).map(|part| (part, below(5) as u32)).collect(),
    });
    let shifts: Vec<Shift> = shifts.collect();
    (visits, shifts, Travel { places, costs: times.clone(), times })
}

/// Every way to break a plan that has something in it.
fn tampered(plan: &Plan, at: usize) -> Vec<Plan> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Plan)| {
        let mut other = plan.clone();
        change(&mut other);
        all.push(other);
    };
    with(&|plan| plan.cost += 1);
    with(&|plan| {
        plan.tours.pop();
    });
    let done: Vec<(usize, usize)> = (0..plan.tours.len())
        .flat_map(|shift| (0..plan.tours[shift].len()).map(move |stop| (shift, stop)))
        .collect();
    if let Some((shift, stop)) = done.get(at % done.len().max(1)).copied() {
        with(&|plan| plan.tours[shift][stop].begins -= 1);
        with(&|plan| plan.tours[shift][stop].arrives += 1);
        with(&|plan| plan.tours[shift][stop].leaves -= 1);
        with(&|plan| plan.tours[shift][stop].visit = usize::MAX);
        with(&|plan| {
            plan.tours[shift].remove(stop);
        });
        with(&|plan| {
            let twice = plan.tours[shift][stop];
            plan.tours[shift].push(twice);
        });
    }
    if !plan.undone.is_empty() {
        with(&|plan| {
            plan.undone.pop();
        });
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_check_accepts_every_plan_and_no_tampered_one(
        visits in 0_usize..25,
        shifts in 0_usize..6,
        seed: u64,
        at: usize,
    ) {
        let (visits, shifts, travel) = town(visits, shifts, seed);
        let problem = Problem::new(visits, shifts, &travel, Rules { move_price: 15 }).unwrap();
        let plan = plan(&problem, Effort { rounds: 200, seed });
        prop_assert_eq!(check(&problem, &plan), Ok(()));
        for other in tampered(&plan, at).into_iter().filter(|other| *other != plan) {
            prop_assert!(check(&problem, &other).is_err(), "{:?}", other);
        }
        // Every row says of each visit where it is.
        let rows = changes(&problem, &plan);
        prop_assert_eq!(rows.iter().map(|row| row.after).collect::<Vec<_>>(), plan.shift_of(&problem));
        for row in rows {
            let stays = match problem.visits()[row.visit].hold {
                Hold::UnderWay(shift) => row.after == Some(shift),
                Hold::Offered(shift) => row.after.is_none_or(|after| after == shift),
                _ => true,
            };
            prop_assert!(stays, "{:?}", row);
        }
    }

    #[test]
    fn a_plan_given_to_a_harder_problem_is_refused(visits in 3_usize..20, seed: u64) {
        let (mut visits, mut shifts, travel) = town(visits, 3, seed);
        for visit in &mut visits {
            visit.hold = Hold::Nobody;
        }
        let rules = Rules::default();
        let problem = Problem::new(visits.clone(), shifts.clone(), &travel, rules).unwrap();
        let plan = plan(&problem, Effort { rounds: 100, seed });
        let Some((shift, first)) =
            plan.tours.iter().enumerate().find_map(|(shift, tour)| Some((shift, *tour.first()?)))
        else {
            return Ok(());
        };
        let harder = |visits: &[Visit], shifts: &[Shift]| {
            let harder = Problem::new(visits.to_vec(), shifts.to_vec(), &travel, rules).unwrap();
            check(&harder, &plan)
        };
        let mut closed = visits.clone();
        if first.begins > 0 {
            closed[first.visit].closes = first.begins - 1;
            prop_assert_eq!(harder(&closed, &shifts), Err(Fault::Window(first.visit)));
        }
        let mut skilled = visits.clone();
        skilled[first.visit].needs.push(99);
        prop_assert_eq!(harder(&skilled, &shifts), Err(Fault::NotQualified(first.visit)));
        let mut greedy = visits.clone();
        greedy[first.visit].parts.push((99, 1));
        prop_assert_eq!(harder(&greedy, &shifts), Err(Fault::Parts(shift)));
        let mut offered = visits.clone();
        offered[first.visit].hold = Hold::Offered((shift + 1) % 3);
        prop_assert_eq!(harder(&offered, &shifts), Err(Fault::Taken(first.visit)));
        let last = plan.tours[shift].last().unwrap();
        if last.leaves > shifts[shift].from {
            shifts[shift].until = last.leaves - 1;
            prop_assert_eq!(harder(&visits, &shifts), Err(Fault::ShiftEnds(shift)));
        }
    }
}
