//! The calls of a day: chosen from a file, or made up; what they lack is added.

use super::crew::{Crew, Language};
use super::{HOUR, Job, MINUTE, Wishes, words};
use crate::calls::Call;
use crate::random::Random;

/// Monday, 2 March 2026, seven in the morning in Taipei.
const MADE_UP_START: i64 = 1_772_406_000_000;

/// When the day begins, and its calls in order.
pub(super) fn day(wishes: &Wishes, calls: &[Call], random: &Random) -> (i64, Vec<Call>) {
    let length = (wishes.hours * HOUR as f64) as i64;
    // What technicians can attend to in a day, and a little more, so that some must wait.
    let most = ((wishes.technicians as f64 * wishes.hours * 0.85).ceil() as usize).max(1);
    if calls.is_empty() {
        return (MADE_UP_START, made_up(most, length, random));
    }
    let start = busiest(calls, length);
    let within: Vec<_> =
        calls.iter().filter(|c| (start..start + length).contains(&c.reported_ms)).collect();
    // Every so-manieth, so that the shape of the day stays.
    let taken = within.len().min(most);
    let chosen = (0..taken).map(|i| within[i * within.len() / taken].clone()).collect();
    (start, chosen)
}

/// A call as a rescue of the branch next to it, with what is missing made up.
pub(super) fn job(call: Call, crew: &Crew, random: &Random) -> Job {
    let mut random = random.fork(&format!("job {} {}", call.line, call.reported_ms));
    let language = *random.pick(&[Language::Traditional, Language::Simplified, Language::English]);
    let nearest = |place| {
        let away =
            |branch: &usize| crate::calls::metres(crew.branches[*branch].place, place) as i64;
        (0..crew.branches.len()).min_by_key(away)
    };
    let branch = call.place.and_then(nearest).unwrap_or(0);
    let or = |given: Option<String>, made: String| given.filter(|t| !t.is_empty()).or(Some(made));
    let caller = words::person(language, &mut random);
    let phone = words::phone(language, &mut random);
    let plate = words::plate(&mut random);
    let call = Call {
        caller: or(call.caller, caller),
        phone: or(call.phone, phone),
        plate: or(call.plate, plate),
        ..call
    };
    Job { call, branch, vehicle: words::vehicle(language, &mut random), walk_up: false }
}

/// The busiest stretch of this length that begins on a full hour.
fn busiest(calls: &[Call], length: i64) -> i64 {
    let hours: std::collections::BTreeSet<i64> =
        calls.iter().map(|call| call.reported_ms.div_euclid(HOUR) * HOUR).collect();
    let within = |start: &i64| {
        let before = |ms| calls.partition_point(|call| call.reported_ms < ms);
        (before(start + length) - before(*start), std::cmp::Reverse(*start))
    };
    hours.into_iter().max_by_key(within).unwrap_or(MADE_UP_START)
}

fn made_up(count: usize, length: i64, random: &Random) -> Vec<Call> {
    const PROBLEMS: [&str; 16] = [
        "flat_tyre",
        "flat_tyre",
        "flat_tyre",
        "battery",
        "battery",
        "battery",
        "no_start",
        "no_start",
        "lockout",
        "fuel",
        "accident",
        "overheating",
        "brakes",
        "electrical",
        "stuck",
        "tow",
    ];
    let random = &mut random.fork("calls");
    // A third has come in overnight, the rest comes through the day until an hour before its end.
    let early = count / 3;
    let mut calls: Vec<Call> = (0..count)
        .map(|i| {
            let reported = match i < early {
                true => random.between(0, 10 * MINUTE),
                false => random.between(10 * MINUTE, (length - HOUR).max(11 * MINUTE)),
            };
            let late = if random.percent(20) { random.between(0, 2 * HOUR) } else { 0 };
            let language = *random.pick(&[
                Language::Traditional,
                Language::Traditional,
                Language::Simplified,
                Language::English,
            ]);
            let mut off = || random.between(-900_000, 900_000);
            let place = Some((250_330_000 + off(), 1_215_654_000 + off()));
            let place = place.filter(|_| !random.percent(6));
            Call {
                line: 0,
                called_ms: MADE_UP_START + reported - late,
                reported_ms: MADE_UP_START + reported,
                place,
                caller: Some(words::person(language, random)),
                phone: Some(words::phone(language, random)),
                plate: Some(words::plate(random)),
                problem: random.pick::<&str>(&PROBLEMS),
                remarks: String::new(),
                address: words::address(language, random),
            }
        })
        .collect();
    // Now and then someone else calls about the same vehicle.
    let again = |call: &Call, random: &mut Random| {
        let reported_ms = call.reported_ms + random.between(2 * MINUTE, 9 * MINUTE);
        let caller = Some(words::person(Language::English, random));
        let phone = Some(words::phone(Language::English, random));
        Call { reported_ms, called_ms: reported_ms, caller, phone, ..call.clone() }
    };
    for number in 0..calls.len() {
        if random.percent(4) {
            calls.push(again(&calls[number], random));
        }
    }
    calls.sort_by_key(|call| call.reported_ms);
    calls
}
