//! Laws of the ranking, and what each datum does to it.

#![allow(clippy::unwrap_used)]

use dispatch::Place;
use dispatch::candidates::{
    Candidate, Certificate, Datum, Fix, Job, Load, Reason, Span, Technician, UnderWay, Van, rank,
};
use dispatch::travel::{Air, Known, Leg, Pace, TravelTimes};
use proptest::prelude::*;

const NOW: i64 = 1_790_000_000_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn air() -> Air {
    Air { pace: Pace::default() }
}

fn place(east: f64) -> Place {
    Place::new(25.0, 121.0 + east).unwrap()
}

fn job() -> Job {
    Job { place: Some(place(0.0)), ..Job::default() }
}

/// Heard just now, on shift, so far east.
fn technician(east: f64) -> Technician {
    Technician {
        last: Some(Fix { place: place(east), at: NOW, accuracy: 10.0 }),
        shifts: vec![Span { from: NOW - HOUR, until: NOW + 8 * HOUR }],
        heard: Some(NOW),
        ..Technician::default()
    }
}

fn ranked(job: &Job, technicians: &[Technician]) -> Vec<Candidate> {
    rank(job, technicians, NOW, &air(), None).unwrap()
}

fn order(job: &Job, technicians: &[Technician]) -> Vec<usize> {
    ranked(job, technicians).iter().map(|it| it.technician).collect()
}

fn reasons(job: &Job, technician: Technician) -> Vec<Reason> {
    ranked(job, &[technician]).remove(0).reasons
}

#[test]
fn the_nearest_is_first_and_every_reason_is_a_value() {
    let mut near = technician(0.01);
    near.certificates = vec![Certificate { skill: 7, from: None, until: Some(NOW + 24 * HOUR) }];
    near.van = Some(Van { stock: Some(vec![(5, 2)]) });
    let mut far = near.clone();
    far.last = technician(0.2).last;
    let job = Job { skills: vec![7], parts: vec![(5, 1)], promised: Some(NOW + HOUR), ..job() };
    let found = ranked(&job, &[far, near]);
    assert_eq!(found.iter().map(|it| it.technician).collect::<Vec<_>>(), [1, 0]);
    let first = &found[0];
    let leg = first.leg.unwrap();
    assert_eq!((leg.metres, leg.seconds, leg.known), (1_008, 101, Known::About));
    let eta = first.eta.unwrap();
    assert_eq!(eta.likely, NOW + 101_000);
    assert!(eta.early < eta.likely && eta.likely < eta.late);
    assert_eq!(
        first.reasons,
        [
            Reason::Promise { spare: 3_600 - 101 },
            Reason::Skill { skill: 7, until: Some(NOW + 24 * HOUR) },
            Reason::Carries { part: 5, count: 2 },
            Reason::ShiftEnds { at: NOW + 8 * HOUR, spare: Some(8 * 3_600 - 101 - 2_700) },
        ]
    );
}

#[test]
fn twenty_silent_minutes_are_seventeen_kilometres_of_doubt() {
    let mut silent = technician(0.02);
    silent.last = silent.last.map(|fix| Fix { at: NOW - 20 * MINUTE, ..fix });
    silent.heard = silent.last.map(|fix| fix.at);
    let found = ranked(&job(), &[silent, technician(0.08)]);
    assert_eq!(found[0].technician, 1, "eight kilometres that are certain come first");
    let silent = &found[1];
    assert_eq!(silent.eta.unwrap().radius, 16_677);
    assert!(silent.reasons.contains(&Reason::SilentSince { at: NOW - 20 * MINUTE }));
    let eta = silent.eta.unwrap();
    assert!(eta.late - eta.likely > 1_600_000, "at 0.1 s a metre that is 28 minutes");
}

#[test]
fn what_is_not_known_is_named() {
    let unknown = |technician: Technician, job: &Job| -> Vec<Datum> {
        let named = |reason: Reason| match reason {
            Reason::Unknown(datum) => Some(datum),
            _ => None,
        };
        reasons(job, technician).into_iter().filter_map(named).collect()
    };
    let wants_part = Job { parts: vec![(5, 1)], ..job() };
    let nothing = unknown(Technician::default(), &wants_part);
    assert_eq!(nothing, [Datum::Van, Datum::Shifts, Datum::LastHeard, Datum::Position]);
    let mut known = technician(0.1);
    known.van = Some(Van::default());
    assert_eq!(unknown(known.clone(), &wants_part), [Datum::Stock]);
    assert_eq!(unknown(known.clone(), &job()), []);
    assert_eq!(unknown(known.clone(), &Job::default()), [Datum::JobPlace]);
    known.load.under_way = Some(UnderWay { place: Some(place(0.1)), done: None });
    assert_eq!(unknown(known, &job()), [Datum::EndOfCurrentJob]);
}

#[test]
fn whoever_has_the_part_goes_before_whoever_may_have_it_and_who_has_not() {
    let with = |stock: Option<Vec<(u32, i64)>>| Technician {
        van: Some(Van { stock }),
        ..technician(0.01)
    };
    let all = [with(Some(vec![(5, -1)])), with(None), with(Some(vec![(5, 1)]))];
    let job = Job { parts: vec![(5, 1)], ..job() };
    assert_eq!(order(&job, &all), [2, 1, 0]);
    let lacks = Reason::Lacks { part: 5, count: -1, wanted: 1 };
    assert!(reasons(&job, all[0].clone()).contains(&lacks));
}

#[test]
fn what_someone_does_first_counts() {
    let mut busy = technician(0.3);
    busy.load = Load {
        under_way: Some(UnderWay { place: Some(place(0.0)), done: Some(NOW + 30 * MINUTE) }),
        waiting: 0,
    };
    let found = ranked(&job(), &[busy.clone(), technician(0.2)]);
    let eta = found[0].eta.unwrap();
    assert_eq!(found[0].technician, 0, "done here in half an hour, before 20 km of road");
    assert_eq!(eta.likely, NOW + 30 * MINUTE, "they start where that job ends");
    busy.load.waiting = 1;
    assert_eq!(order(&job(), &[busy, technician(0.2)]), [1, 0]);
}

#[test]
fn overtime_papers_that_run_out_and_refusals_lower_the_rank() {
    let good = technician(0.02);
    let mut overtime = technician(0.01);
    overtime.shifts[0].until = NOW + 10 * MINUTE;
    assert_eq!(order(&job(), &[overtime.clone(), good.clone()]), [1, 0]);
    let spare = reasons(&job(), overtime);
    assert!(matches!(spare[0], Reason::ShiftEnds { spare: Some(spare), .. } if spare < 0));
    let declined = Technician { declined: Some(NOW - MINUTE), ..technician(0.01) };
    assert_eq!(order(&job(), &[declined, good.clone()]), [1, 0]);
    let with = |until| Technician {
        certificates: vec![Certificate { skill: 7, from: None, until }],
        ..technician(0.01)
    };
    let wants = Job { skills: vec![7], ..job() };
    let ends = with(Some(NOW + 20 * MINUTE));
    assert_eq!(order(&wants, &[ends, with(None)]), [1, 0]);
    let away =
        Technician { absences: vec![Span { from: NOW + HOUR, until: NOW + 2 * HOUR }], ..good };
    let ends = |it: &Reason| matches!(it, Reason::ShiftEnds { at, .. } if *at == NOW + HOUR);
    assert!(reasons(&job(), away).iter().any(ends));
}

/// Roads on which whoever is nearer than a kilometre by air has to go around a mountain.
struct Mountain;

impl TravelTimes for Mountain {
    fn to_one(&self, from: &[Place], to: Place) -> Vec<Option<Leg>> {
        let leg = |from: &Place| {
            let metres = from.metres_to(&to) as u32;
            let seconds = if metres < 1_000 { 3_000 } else { metres / 20 };
            (metres < 100_000).then_some(Leg { seconds, metres, known: Known::Roads })
        };
        from.iter().map(leg).collect()
    }
}

#[test]
fn roads_decide_where_they_are_known() {
    let all = [technician(0.005), technician(0.02), technician(1.5)];
    let found = rank(&job(), &all, NOW, &air(), Some(&Mountain)).unwrap();
    let order: Vec<usize> = found.iter().map(|it| it.technician).collect();
    assert_eq!(order, [1, 0, 2]);
    assert_eq!(found[0].eta.unwrap().known, Known::Roads);
    let last = &found[2];
    assert_eq!(last.eta.unwrap().known, Known::About, "no way by road: by air, and it is said");
    assert!(last.reasons.contains(&Reason::Unknown(Datum::Way)));
}

#[test]
fn the_best_are_found_however_many_there_are_and_whatever_is_against_the_nearest() {
    let mut all: Vec<Technician> = (0..400).map(|it| technician(0.001 * f64::from(it))).collect();
    for it in &mut all[..100] {
        it.declined = Some(NOW);
    }
    let found = ranked(&job(), &all);
    let order: Vec<usize> = found.iter().map(|it| it.technician).collect();
    assert_eq!(order, (100..150).collect::<Vec<_>>());
}

#[test]
fn too_much_is_refused() {
    assert!(rank(&job(), &vec![technician(0.1); 100_001], NOW, &air(), None).is_err());
    let greedy = Job { skills: vec![1; 101], ..job() };
    assert!(rank(&greedy, &[], NOW, &air(), None).is_err());
    let long = Technician { shifts: vec![Span { from: 0, until: 1 }; 10_001], ..technician(0.0) };
    assert!(rank(&job(), &[long], NOW, &air(), None).is_err());
}

fn moments() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), NOW - 40 * HOUR..NOW + 40 * HOUR]
}

fn any_technician() -> impl Strategy<Value = Technician> {
    let spans = || proptest::collection::vec((moments(), moments()), 0..3);
    let accuracy = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), 0.0..5_000.0];
    let fix = proptest::option::of((-1.0..1.0, moments(), accuracy));
    let papers = proptest::collection::vec(
        (0_u32..3, proptest::option::of(moments()), proptest::option::of(moments())),
        0..4,
    );
    let stock = proptest::collection::vec((0_u32..3, any::<i64>()), 0..4);
    let van = proptest::option::of(proptest::option::of(stock));
    let under_way =
        proptest::option::of((proptest::option::of(-1.0..1.0), proptest::option::of(moments())));
    let load = (under_way, any::<u16>());
    let rest = (proptest::option::of(moments()), proptest::option::of(moments()));
    (fix, spans(), spans(), papers, van, load, rest).prop_map(
        |(fix, shifts, absences, papers, van, (under_way, waiting), (heard, declined))| {
            let span = |(from, until)| Span { from, until };
            Technician {
                last: fix.map(|(east, at, accuracy)| Fix { place: place(east), at, accuracy }),
                base: None,
                certificates: papers
                    .into_iter()
                    .map(|(skill, from, until)| Certificate { skill, from, until })
                    .collect(),
                shifts: shifts.into_iter().map(span).collect(),
                absences: absences.into_iter().map(span).collect(),
                van: van.map(|stock| Van { stock }),
                load: Load {
                    under_way: under_way
                        .map(|(east, done)| UnderWay { place: east.map(place), done }),
                    waiting,
                },
                heard,
                declined,
            }
        },
    )
}

fn any_job() -> impl Strategy<Value = Job> {
    let codes = || proptest::collection::vec(0_u32..3, 0..2);
    let parts = proptest::collection::vec((0_u32..3, any::<u32>()), 0..2);
    let times = (proptest::option::of(moments()), proptest::option::of(any::<u32>()));
    (any::<bool>(), codes(), parts, times).prop_map(
        |(known, skills, parts, (promised, work_seconds))| Job {
            place: known.then(|| place(0.0)),
            skills,
            parts,
            promised,
            work_seconds,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn everybody_is_ranked_by_a_bounded_cost(
        job in any_job(),
        technicians in proptest::collection::vec(any_technician(), 0..8),
    ) {
        let found = ranked(&job, &technicians);
        prop_assert_eq!(found.len(), technicians.len());
        let costs: Vec<_> = found.iter().map(|it| (it.eta.is_none(), it.cost)).collect();
        prop_assert!(costs.is_sorted());
        for eta in found.iter().filter_map(|it| it.eta) {
            prop_assert!(eta.early <= eta.likely && eta.likely <= eta.late, "{:?}", eta);
        }
        for it in &found {
            prop_assert!((0..100 * 86_400).contains(&it.cost), "bounded, whatever came: {:?}", it);
        }
    }

    #[test]
    fn an_older_position_never_ranks_higher(
        job in any_job(),
        mut one in any_technician(),
        others in proptest::collection::vec(any_technician(), 0..4),
        age in 0..40 * HOUR,
        more in 0..40 * HOUR,
        east in -1.0..1.0,
    ) {
        one.last = Some(Fix { place: place(east), at: NOW - age, accuracy: 10.0 });
        let mut older = one.clone();
        older.last = Some(Fix { place: place(east), at: NOW - age - more, accuracy: 10.0 });
        let rank_of = |it: Technician| {
            let all: Vec<Technician> = others.iter().cloned().chain([it]).collect();
            let last = all.len() - 1;
            order(&job, &all).iter().position(|index| *index == last)
        };
        prop_assert!(rank_of(older.clone()) >= rank_of(one.clone()));
        let both = order(&job, &[one, older]);
        prop_assert!(both.is_empty() || both == [0, 1]);
    }

    #[test]
    fn the_order_in_which_technicians_come_changes_only_ties(
        job in any_job(),
        technicians in proptest::collection::vec(any_technician(), 1..8),
        turn in 0_usize..8,
    ) {
        let turn = turn % technicians.len();
        let mut turned = technicians.clone();
        turned.rotate_left(turn);
        let (before, after) = (ranked(&job, &technicians), ranked(&job, &turned));
        let costs = |found: &[Candidate]| -> Vec<i64> {
            found.iter().map(|it| it.cost).collect()
        };
        prop_assert_eq!(costs(&before), costs(&after));
        for it in &after {
            let same = (it.technician + turn) % technicians.len();
            let before = before.iter().find(|it| it.technician == same).unwrap();
            prop_assert_eq!((&before.reasons, before.cost), (&it.reasons, it.cost));
        }
    }
}
