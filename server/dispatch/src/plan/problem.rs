//! A checked problem, in the form that the search reads fast.

use super::model::{
    Code, Hold, MAX_CODES, MAX_PARTS, MAX_SHIFTS, MAX_VISITS, MAX_WEIGHT, NO_WAY, Rules, Shift,
    Travel, Visit,
};
use crate::error::{Refused, at_most, exists, within};

/// Time and cost of one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct TravelCost {
    pub time: i32,
    pub cost: i32,
}

/// A checked problem.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(super) visits: Vec<Visit>,
    pub(super) shifts: Vec<Shift>,
    pub(super) rules: Rules,
    /// The number of places, plus one virtual place at distance zero from all: the end of a shift that may
    /// end anywhere.
    places: usize,
    /// Travel, by start.
    ways: Vec<TravelCost>,
    /// Travel, by end.
    into: Vec<TravelCost>,
    /// For each visit the parts it uses: column of `stock` and count.
    pub(super) uses: Vec<Vec<(usize, i32)>>,
    /// For each shift the stock of its van, by column.
    pub(super) stock: Vec<Vec<i32>>,
    /// For each visit the shifts that may do it.
    pub(super) allowed: Vec<Vec<u16>>,
    /// For each shift the visit under way.
    pub(super) first: Vec<Option<usize>>,
    /// For each shift its latest end; later than given if the visit under way takes longer.
    pub(super) until: Vec<i32>,
    /// For each visit the latest begin of its work; unlimited for a visit under way.
    pub(super) closes: Vec<i32>,
}

impl Problem {
    /// Checks the whole input.
    ///
    /// # Errors
    /// The refused input, with the limit.
    pub fn new(
        visits: Vec<Visit>,
        shifts: Vec<Shift>,
        travel: &Travel,
        rules: Rules,
    ) -> Result<Self, Refused> {
        at_most("visits", visits.len(), MAX_VISITS)?;
        at_most("shifts", shifts.len(), MAX_SHIFTS)?;
        travel.check()?;
        within("the price of a move", i64::from(rules.move_price), 0, i64::from(NO_WAY - 1))?;
        for visit in &visits {
            check_visit(visit, travel.places, shifts.len())?;
        }
        for shift in &shifts {
            check_shift(shift, travel.places)?;
        }
        let first = under_way(&visits, shifts.len())?;
        let mut parts: Vec<Code> =
            visits.iter().flat_map(|visit| visit.parts.iter().map(|(code, _)| *code)).collect();
        parts.sort_unstable();
        parts.dedup();
        at_most("kinds of parts", parts.len(), MAX_CODES)?;
        let uses = visits.iter().map(|visit| used(&parts, &visit.parts)).collect();
        let stock = shifts.iter().map(|shift| carried(&parts, &shift.stock)).collect();
        let allowed = visits.iter().map(|visit| allowed(visit, &shifts)).collect();
        let closes = visits.iter().map(|visit| match visit.hold {
            Hold::UnderWay(_) => NO_WAY - 1,
            _ => visit.closes,
        });
        let closes = closes.collect();
        let (places, ways, into) = ways(travel);
        let mut problem = Self {
            until: shifts.iter().map(|shift| shift.until).collect(),
            visits,
            shifts,
            rules,
            places,
            ways,
            into,
            uses,
            stock,
            allowed,
            first,
            closes,
        };
        for shift in 0..problem.shifts.len() {
            if let Some(first) = problem.first[shift] {
                problem.until[shift] = problem.until[shift].max(problem.done_with(shift, first));
            }
        }
        Ok(problem)
    }

    /// When a shift ends that does only the visit under way.
    fn done_with(&self, shift: usize, first: usize) -> i32 {
        let (begins, visit) = (&self.shifts[shift], &self.visits[first]);
        let arrives = begins.from + self.way(begins.start, visit.place).time;
        let leaves = arrives.max(visit.opens) + visit.service;
        leaves + self.way(visit.place, self.end(shift)).time
    }

    /// Travel from one place to another.
    pub(super) fn way(&self, from: usize, to: usize) -> TravelCost {
        self.ways[from * self.places + to]
    }

    /// Travel from a place to all others.
    pub(super) fn ways_from(&self, place: usize) -> &[TravelCost] {
        &self.ways[place * self.places..(place + 1) * self.places]
    }

    /// Travel to a place from all others.
    pub(super) fn ways_to(&self, place: usize) -> &[TravelCost] {
        &self.into[place * self.places..(place + 1) * self.places]
    }

    /// Where a shift ends; the virtual place if it may end anywhere.
    pub(super) fn end(&self, shift: usize) -> usize {
        self.shifts[shift].end.unwrap_or(self.places - 1)
    }

    /// The visits as given.
    pub fn visits(&self) -> &[Visit] {
        &self.visits
    }

    /// The shifts as given.
    pub fn shifts(&self) -> &[Shift] {
        &self.shifts
    }

    /// The price of doing a visit in a shift, besides travel.
    pub(super) fn price(&self, visit: usize, shift: usize) -> i32 {
        match self.visits[visit].hold {
            Hold::Given(now) if now != shift => self.rules.move_price,
            _ => 0,
        }
    }
}

fn check_visit(visit: &Visit, places: usize, shifts: usize) -> Result<(), Refused> {
    let latest = i64::from(NO_WAY - 1);
    exists("place", visit.place, places)?;
    within("the time of work", visit.service.into(), 0, latest)?;
    within("the beginning of a window", visit.opens.into(), 0, latest)?;
    within("the end of a window", visit.closes.into(), 0, latest)?;
    within("the weight of a visit", visit.weight.into(), 1, MAX_WEIGHT.into())?;
    at_most("needs of a visit", visit.needs.len(), MAX_CODES)?;
    check_parts(&visit.parts)?;
    visit.hold.shift().map_or(Ok(()), |shift| exists("shift", shift, shifts))
}

fn check_shift(shift: &Shift, places: usize) -> Result<(), Refused> {
    let latest = i64::from(NO_WAY - 1);
    exists("place", shift.start, places)?;
    shift.end.map_or(Ok(()), |end| exists("place", end, places))?;
    within("the beginning of a shift", shift.from.into(), 0, latest)?;
    within("the end of a shift", shift.until.into(), 0, latest)?;
    at_most("skills and tools of a shift", shift.has.len(), MAX_CODES)?;
    check_parts(&shift.stock)
}

fn check_parts(parts: &[(Code, u32)]) -> Result<(), Refused> {
    at_most("kinds of parts", parts.len(), MAX_CODES)?;
    parts.iter().try_for_each(|(_, number)| {
        within("the number of a part", i64::from(*number), 0, i64::from(MAX_PARTS))
    })
}

fn under_way(visits: &[Visit], shifts: usize) -> Result<Vec<Option<usize>>, Refused> {
    let mut first = vec![None; shifts];
    for (index, visit) in visits.iter().enumerate() {
        if let Hold::UnderWay(shift) = visit.hold
            && first[shift].replace(index).is_some()
        {
            return Err(Refused::TwoUnderWay { shift });
        }
    }
    Ok(first)
}

/// A part that is named twice counts twice.
fn used(columns: &[Code], parts: &[(Code, u32)]) -> Vec<(usize, i32)> {
    let counts = carried(columns, parts).into_iter().enumerate();
    counts.filter(|(_, number)| *number > 0).collect()
}

fn carried(columns: &[Code], parts: &[(Code, u32)]) -> Vec<i32> {
    let mut counts = vec![0_i32; columns.len()];
    for (code, number) in parts {
        if let Ok(column) = columns.binary_search(code) {
            counts[column] += i32::try_from(*number).unwrap_or(i32::MAX / 1_000);
        }
    }
    counts
}

fn allowed(visit: &Visit, shifts: &[Shift]) -> Vec<u16> {
    let can = |shift: &Shift| visit.needs.iter().all(|need| shift.has.contains(need));
    let numbered = (0_u16..).zip(shifts);
    let may = numbered.filter(|(index, shift)| match visit.hold {
        Hold::UnderWay(held) => held == usize::from(*index),
        Hold::Offered(held) => held == usize::from(*index) && can(shift),
        Hold::Nobody | Hold::Given(_) => can(shift),
    });
    may.map(|(index, _)| index).collect()
}

fn ways(travel: &Travel) -> (usize, Vec<TravelCost>, Vec<TravelCost>) {
    let places = travel.places + 1;
    let mut ways = vec![TravelCost { time: 0, cost: 0 }; places * places];
    let mut into = ways.clone();
    for from in 0..travel.places {
        for to in 0..travel.places {
            let entry = from * travel.places + to;
            let way = TravelCost { time: travel.times[entry], cost: travel.costs[entry] };
            ways[from * places + to] = way;
            into[to * places + from] = way;
        }
    }
    (places, ways, into)
}
