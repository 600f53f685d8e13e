//! When two jobs may be the same rescue, and why.

use serde::{Deserialize, Serialize};

use crate::place::Place;

/// Calls of one place further apart in time are not the same rescue, milliseconds: 30 minutes.
pub const NEAR_MS: i64 = 30 * 60 * 1000;
/// Calls of one half hour further apart in space are not the same rescue, metres. With [`NEAR_MS`] it is
/// the width at which dispatchers of road accidents still see one event reported by several callers.
pub const NEAR_M: f64 = 300.0;
/// Jobs with the same plate, VIN or phone further apart in time are not the same rescue, milliseconds.
pub const SAME_MS: i64 = 24 * 3600 * 1000;
/// Nor those further apart in space, metres.
pub const SAME_M: f64 = 3000.0;

/// Why two jobs may be the same rescue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = LikenessReason))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The same licence plate within a day, and within 3 km where both places are known.
    Plate,
    /// The same VIN, likewise.
    Vin,
    /// The same phone number, likewise.
    Phone,
    /// Within 300 m and 30 minutes, whatever else is known.
    PlaceAndTime,
}

/// How alike two jobs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Alike {
    /// Why; at least one.
    pub reasons: Vec<Reason>,
    /// Metres between their places; absent where one has none.
    pub distance_m: Option<i64>,
    /// Whole minutes between the times at which they were made.
    pub minutes_apart: i64,
}

/// Whether two jobs may be the same rescue: what they have in `common` (plate, VIN, phone), how long
/// apart they were made, and where each is.
pub fn alike(
    common: impl IntoIterator<Item = Reason>,
    apart_ms: i64,
    places: [Option<Place>; 2],
) -> Option<Alike> {
    let apart = apart_ms.saturating_abs();
    let distance = places[0].zip(places[1]).map(|(one, other)| one.distance_m(&other));
    let same = apart <= SAME_MS && distance.is_none_or(|metres| metres <= SAME_M);
    let near = apart <= NEAR_MS && distance.is_some_and(|metres| metres <= NEAR_M);
    let common = common.into_iter().filter(|_| same);
    let common = common.filter(|reason| *reason != Reason::PlaceAndTime);
    let mut reasons: Vec<_> = common.chain(near.then_some(Reason::PlaceAndTime)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    (!reasons.is_empty()).then_some(Alike {
        reasons,
        distance_m: distance.map(|metres| metres.round() as i64),
        minutes_apart: apart / 60_000,
    })
}

impl Alike {
    /// Its place in a list: the nearest first, then the nearest in time; unknown places last.
    pub fn rank(&self) -> (i64, i64) {
        (self.distance_m.unwrap_or(i64::MAX), self.minutes_apart)
    }
}

/// The least and the greatest latitude and longitude (1e-7 degrees) within `metres` of a place, with
/// something to spare: ask for what is inside, then for the distance.
pub fn around(place: &Place, metres: f64) -> [(i64, i64); 2] {
    // A degree of latitude is never shorter than 110.5 km.
    let degrees = metres / 110_500.0;
    let units = |degrees: f64| (degrees * 1e7).ceil() as i64;
    let (lat, lon) = (units(degrees), place.lon());
    let lats = (place.lat() - lat, place.lat() + lat);
    let farthest = (place.lat().abs() + lat) as f64 / 1e7;
    let widen = units(degrees / farthest.to_radians().cos().max(1e-6));
    let lons = (lon - widen, lon + widen);
    // Around a pole, and over the 180th meridian, every longitude may be near.
    let whole = farthest >= 89.0 || lons.0 < -1_800_000_000 || lons.1 > 1_800_000_000;
    [lats, if whole { (-1_800_000_000, 1_800_000_000) } else { lons }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;

    fn place(lat: i64, lon: i64) -> Option<Place> {
        Place::new(lat, lon).ok()
    }

    #[test]
    fn calls_within_300_metres_and_30_minutes_are_alike_and_others_are_not() {
        let here = place(400_000_000, -750_000_000);
        let found = |metres: f64, minutes: i64| {
            let there = place(400_000_000 + (metres * 89.93) as i64, -750_000_000);
            alike([], minutes * MINUTE, [here, there])
        };
        let near = found(290.0, -30).expect("they are alike");
        assert_eq!((near.reasons, near.minutes_apart), (vec![Reason::PlaceAndTime], 30));
        assert!((288..=292).contains(&near.distance_m.expect("both are known")));
        assert_eq!(found(310.0, 0), None);
        assert_eq!(found(0.0, 31), None);
        assert_eq!(alike([], 0, [here, None]), None);
    }

    #[test]
    fn a_plate_counts_for_a_day_and_three_kilometres_and_joins_the_other_reasons() {
        let (here, there) = (place(0, 0), place(0, 200_000));
        let common = [Reason::Vin, Reason::Plate, Reason::Plate];
        let found = alike(common, 20 * 60 * MINUTE, [here, there]).expect("2.2 km");
        assert_eq!(found.reasons, [Reason::Plate, Reason::Vin]);
        assert_eq!(alike([Reason::Plate], 25 * 60 * MINUTE, [here, None]), None);
        assert_eq!(alike([Reason::Plate], 0, [here, place(0, 300_000)]), None, "3.3 km");
        assert!(alike([Reason::Phone], 0, [None, None]).is_some());
        let both = alike([Reason::Phone], 0, [here, here]).expect("here");
        assert_eq!(both.reasons, [Reason::Phone, Reason::PlaceAndTime]);
    }

    proptest! {
        #[test]
        fn everything_within_the_distance_is_inside_the_box(
            lat in -900_000_000_i64..=900_000_000,
            lon in -1_800_000_000_i64..=1_800_000_000,
            north in -40_000_i64..=40_000,
            east in -2_000_000_i64..=2_000_000,
        ) {
            let (Some(one), Some(other)) = (place(lat, lon), {
                let lon = lon + east;
                let lon = if lon > 1_800_000_000 { lon - 3_600_000_000 } else if lon < -1_800_000_000 { lon + 3_600_000_000 } else { lon };
                place((lat + north).clamp(-900_000_000, 900_000_000), lon)
            }) else { return Ok(()) };
            if one.distance_m(&other) <= NEAR_M {
                let [lats, lons] = around(&one, NEAR_M);
                prop_assert!((lats.0..=lats.1).contains(&other.lat()));
                prop_assert!((lons.0..=lons.1).contains(&other.lon()));
            }
        }
    }
}
