//! Places that are on Earth and unlikely: what devices say that know none, and mixed-up units.

use super::Unverified;
use crate::place::Place;

/// Units of a place in one degree.
const DEGREE: i64 = 10_000_000;
/// Both coordinates within a hundredth of a degree: open sea off Africa, where devices that know no
/// place put themselves, and where degrees end that are read as units of 1e-7.
const ZERO: i64 = DEGREE / 100;
/// South and north of these there is no public road.
const ROADS: std::ops::RangeInclusive<i64> = -60 * DEGREE..=84 * DEGREE;

/// What is doubtful about a place. It is taken once someone says that it is meant.
pub fn place(place: &Place) -> Option<Unverified> {
    let (lat, lon) = (place.lat(), place.lon());
    let (reason, what) = if lat.abs() < ZERO && lon.abs() < ZERO {
        ("place_zero", "is at 0/0 in the open sea, where devices put themselves that know no place")
    } else if !ROADS.contains(&lat) {
        ("place_without_roads", "is in the Arctic or Antarctic, where no road is")
    } else if lat % DEGREE == 0 && lon % DEGREE == 0 {
        ("place_whole_degrees", "is in whole degrees, which is up to 80 km off")
    } else {
        return None;
    };
    let (lat, lon) = place.degrees();
    let sentence =
        format!("The place {lat}, {lon} {what}. Correct it, or confirm that it is meant as said.");
    Some(Unverified::new("place", reason, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_mixed_up_units_and_places_without_roads_are_doubted() {
        let reason = |lat, lon| {
            let place = Place::new(lat, lon).ok().and_then(|it| place(&it));
            place.map_or_else(String::new, |finding| finding.reason)
        };
        assert_eq!(reason(0, 0), "place_zero");
        assert_eq!(reason(25, 121), "place_zero");
        assert_eq!(reason(25 * DEGREE, 121 * DEGREE), "place_whole_degrees");
        assert_eq!(reason(-750_000_001, 1_215_654_000), "place_without_roads");
        assert_eq!(reason(899_999_999, 1), "place_without_roads");
        assert_eq!(reason(250_330_000, 1_215_654_000), "");
        assert_eq!(reason(1, 320_000_001), "");
        assert_eq!(reason(782_232_000, 156_267_000), "", "Longyearbyen has roads");
    }
}
