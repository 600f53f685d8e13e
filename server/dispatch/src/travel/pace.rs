//! The pace, in seconds for a straight-line metre, learned from journeys: EN_ROUTE to ON_SCENE.
//!
//! The pace of a branch at an hour is the median of its journeys. With few journeys, it is drawn towards
//! the median of the branch. That is drawn towards the median of all journeys, and that towards the
//! standard. One technician who forgets to press *on scene* does not move a median. Journeys faster or
//! slower than any road are left out.

use std::collections::BTreeMap;

/// The pace without any journeys, seconds for a straight-line metre: 36 km/h.
pub const STANDARD_PACE: f64 = 0.1;
/// The least pace: 180 km/h in a straight line.
const FASTEST: f64 = 0.02;
/// The greatest pace: 3.6 km/h in a straight line.
const SLOWEST: f64 = 1.0;
/// Shorter journeys depend more on parking than on roads, metres.
pub const LEAST_METRES: f64 = 500.0;
/// Longer times are not a single journey, seconds.
const LONGEST_SECONDS: u32 = 6 * 3_600;
/// With this many journeys, a median counts as much as the value it is drawn to.
const DRAW: f64 = 10.0;
/// Greatest number of journeys used; the first ones given.
pub const MAX_SAMPLES: usize = 200_000;
/// Greatest number of branches learned.
pub const MAX_BRANCHES: usize = 2_000;
/// Hours of a week, from Monday 00:00; the hour of a [`Sample`] is below this.
pub const WEEK_HOURS: u8 = 168;

/// One journey.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The branch; the caller chooses the numbers.
    pub branch: u32,
    /// The hour of the week in which the journey began, local time, from Monday 00:00.
    pub hour: u8,
    /// Straight-line metres from its start to its end.
    pub metres: f64,
    /// Its duration, seconds.
    pub seconds: u32,
}

/// The pace, and how much journeys differ from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    typical: f64,
    spread: f64,
    samples: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { typical: STANDARD_PACE, spread: 0.5, samples: 0 }
    }
}

impl Pace {
    /// A pace in seconds for a straight-line metre, clamped to the range of roads; the standard for NaN.
    pub fn new(seconds_a_metre: f64) -> Self {
        let pace = if seconds_a_metre.is_nan() { STANDARD_PACE } else { seconds_a_metre };
        Self { typical: pace.clamp(FASTEST, SLOWEST), ..Self::default() }
    }

    /// Seconds for a straight-line metre.
    pub fn seconds_a_metre(&self) -> f64 {
        self.typical
    }

    /// The median relative deviation of journeys from the pace: half of the journeys lie within it.
    pub fn spread(&self) -> f64 {
        self.spread
    }

    /// The number of journeys of that branch and hour that it was learned from.
    pub fn samples(&self) -> u32 {
        self.samples
    }
}

/// Paces by branch and kind of hour.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paces {
    all: Pace,
    branches: BTreeMap<u32, Pace>,
    hours: BTreeMap<(u32, u8), Pace>,
}

impl Paces {
    /// Learns from journeys, in any order. Ignores entries that are not journeys, and those after
    /// [`MAX_SAMPLES`].
    pub fn learn(samples: &[Sample]) -> Self {
        let ratios = samples.iter().take(MAX_SAMPLES).filter_map(|it| Some((it, ratio(it)?)));
        let mut all = Vec::new();
        let mut branches: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        let mut hours: BTreeMap<(u32, u8), Vec<f64>> = BTreeMap::new();
        for (sample, ratio) in ratios {
            all.push(ratio);
            if branches.len() < MAX_BRANCHES || branches.contains_key(&sample.branch) {
                branches.entry(sample.branch).or_default().push(ratio);
                hours.entry((sample.branch, band(sample.hour))).or_default().push(ratio);
            }
        }
        let all = drawn(&mut all, Pace::default());
        let branches: BTreeMap<u32, Pace> =
            branches.into_iter().map(|(branch, mut it)| (branch, drawn(&mut it, all))).collect();
        let of = |branch: u32| branches.get(&branch).copied().unwrap_or(all);
        let hours = hours.into_iter().map(|(key, mut it)| (key, drawn(&mut it, of(key.0))));
        Self { all, hours: hours.collect(), branches }
    }

    /// The pace of a branch at an hour of the week.
    pub fn at(&self, branch: Option<u32>, hour: u8) -> Pace {
        let Some(branch) = branch else { return self.all };
        let learnt = self.hours.get(&(branch, band(hour))).or(self.branches.get(&branch));
        learnt.copied().unwrap_or(self.all)
    }
}

/// Groups similar hours: an hour of a working day, or an hour of a weekend day.
fn band(hour: u8) -> u8 {
    let hour = hour % WEEK_HOURS;
    if hour < 120 { hour % 24 } else { 24 + hour % 24 }
}

fn ratio(sample: &Sample) -> Option<f64> {
    let counts = sample.metres >= LEAST_METRES
        && sample.hour < WEEK_HOURS
        && (1..=LONGEST_SECONDS).contains(&sample.seconds);
    let ratio = f64::from(sample.seconds) / sample.metres;
    (counts && (FASTEST..=SLOWEST).contains(&ratio)).then_some(ratio)
}

/// The median, drawn towards a pace if there are few journeys.
fn drawn(ratios: &mut [f64], to: Pace) -> Pace {
    let Some(middle) = median(ratios) else { return Pace { samples: 0, ..to } };
    let mut off: Vec<f64> = ratios.iter().map(|ratio| (ratio / middle - 1.0).abs()).collect();
    let spread = median(&mut off).unwrap_or(to.spread);
    let count = ratios.len() as f64;
    let mix = |own: f64, other: f64| (own * count + other * DRAW) / (count + DRAW);
    Pace {
        typical: mix(middle, to.typical),
        spread: mix(spread, to.spread).clamp(0.05, 1.0),
        samples: u32::try_from(ratios.len()).unwrap_or(u32::MAX),
    }
}

/// The median. With an even number of values, the mean of the middle two, so that the order of the samples
/// does not matter.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journeys(branch: u32, hour: u8, pace: f64, count: usize) -> Vec<Sample> {
        let seconds = (10_000.0 * pace) as u32;
        vec![Sample { branch, hour, metres: 10_000.0, seconds }; count]
    }

    #[test]
    fn the_pace_of_an_hour_comes_from_its_journeys() {
        let mut samples = journeys(1, 8, 0.2, 200);
        samples.extend(journeys(1, 3, 0.06, 200));
        samples.extend(journeys(2, 8, 0.1, 200));
        let paces = Paces::learn(&samples);
        assert!((paces.at(Some(1), 8).seconds_a_metre() - 0.2).abs() < 0.01);
        assert!((paces.at(Some(1), 24 + 8).seconds_a_metre() - 0.2).abs() < 0.01, "Tuesday too");
        assert!((paces.at(Some(1), 3).seconds_a_metre() - 0.06).abs() < 0.01);
        let weekend = paces.at(Some(1), 120 + 8);
        assert!(weekend.seconds_a_metre() < 0.19, "that hour of a Saturday is another one");
        assert_eq!(paces.at(Some(9), 8), paces.at(None, 8), "an unknown branch is like all");
    }

    #[test]
    fn a_technician_who_forgets_to_arrive_moves_nothing() {
        let mut samples = journeys(1, 8, 0.12, 60);
        let before = Paces::learn(&samples).at(Some(1), 8).seconds_a_metre();
        samples.extend(journeys(1, 8, 0.9, 20));
        let after = Paces::learn(&samples).at(Some(1), 8).seconds_a_metre();
        assert!((after - before).abs() < 0.01, "{before} {after}");
    }

    #[test]
    fn few_journeys_change_little() {
        let one = Paces::learn(&journeys(1, 8, 0.5, 1)).at(Some(1), 8).seconds_a_metre();
        assert!((STANDARD_PACE..0.2).contains(&one), "{one}");
    }

    #[test]
    fn what_is_no_journey_is_left_out() {
        let sample = |metres, seconds, hour| Sample { branch: 1, hour, metres, seconds };
        let samples = [
            sample(f64::NAN, 60, 0),
            sample(f64::INFINITY, 60, 0),
            sample(-5_000.0, 60, 0),
            sample(0.0, 0, 0),
            sample(10_000.0, 1, 0),
            sample(600.0, 20_000, 0),
            sample(10_000.0, 1_000, 200),
        ];
        assert_eq!(Paces::learn(&samples), Paces::learn(&[]));
        assert_eq!(Pace::new(f64::NAN).seconds_a_metre(), STANDARD_PACE);
        assert_eq!(Pace::new(f64::INFINITY).seconds_a_metre(), SLOWEST);
    }
}
