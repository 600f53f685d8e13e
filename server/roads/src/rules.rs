//! Which ways cars may use, at what speed and in which directions.

use crate::pbf::Way;

/// How cars use a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Driven {
    /// Usual speed, km/h: below the limit, because of bends, lights and traffic.
    pub speed: u16,
    /// Open in the direction of its nodes.
    pub forward: bool,
    /// Open against it.
    pub backward: bool,
}

/// Usual speed of each class of road, km/h.
const CLASSES: [(&str, u16); 15] = [
    ("motorway", 95),
    ("motorway_link", 50),
    ("trunk", 75),
    ("trunk_link", 45),
    ("primary", 55),
    ("primary_link", 40),
    ("secondary", 48),
    ("secondary_link", 36),
    ("tertiary", 40),
    ("tertiary_link", 30),
    ("unclassified", 32),
    ("residential", 24),
    ("living_street", 10),
    ("service", 14),
    ("road", 28),
];
/// Usual speed in percent of the speed limit.
const OF_ALLOWED: u32 = 85;
/// Values that close a way. A rescue vehicle may enter ways for residents only, but not these.
const CLOSED: [&str; 3] = ["no", "agricultural", "forestry"];

/// How cars use a way; none if they do not.
pub(crate) fn driven(way: &Way<'_>) -> Option<Driven> {
    let class = way.tag("highway")?;
    let (_, usual) = CLASSES.iter().find(|(name, _)| name.as_bytes() == class)?;
    let is = |key: &str, value: &str| way.tag(key) == Some(value.as_bytes());
    if is("area", "yes") {
        return None;
    }
    // The most specific tag counts.
    let access = ["motorcar", "motor_vehicle", "vehicle", "access"];
    let access = access.iter().find_map(|key| way.tag(key));
    if access.is_some_and(|value| CLOSED.iter().any(|closed| closed.as_bytes() == value)) {
        return None;
    }
    let allowed = way.tag("maxspeed").and_then(kilometres_an_hour);
    let speed = allowed.map_or(*usual, |allowed| {
        let below = u16::try_from(u32::from(allowed) * OF_ALLOWED / 100).unwrap_or(*usual);
        // A speed limit says little about slow roads.
        below.clamp(5, usual + usual / 4)
    });
    let implied =
        class == b"motorway" || is("junction", "roundabout") || is("junction", "circular");
    let (forward, backward) = match way.tag("oneway") {
        Some(b"yes" | b"1" | b"true") => (true, false),
        Some(b"-1" | b"reverse") => (false, true),
        Some(b"no" | b"0" | b"false") => (true, true),
        // Ways whose direction changes with the time are open in both.
        _ => (true, !implied),
    };
    Some(Driven { speed, forward, backward })
}

fn kilometres_an_hour(value: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
    let number: u32 = digits.parse().ok().filter(|number| (1..=200).contains(number))?;
    let is_miles = text[digits.len()..].trim() == "mph";
    u16::try_from(if is_miles { number * 1_609 / 1_000 } else { number }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(tags: &[(&'static str, &'static str)]) -> Option<(u16, bool, bool)> {
        let tags = tags.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        driven(&Way { tags, nodes: vec![] }).map(|it| (it.speed, it.forward, it.backward))
    }

    #[test]
    fn the_tags_of_a_way_say_how_it_is_driven() {
        assert_eq!(rule(&[("highway", "footway")]), None);
        assert_eq!(rule(&[("building", "yes")]), None);
        assert_eq!(rule(&[("highway", "primary")]), Some((55, true, true)));
        assert_eq!(rule(&[("highway", "primary"), ("maxspeed", "40")]), Some((34, true, true)));
        assert_eq!(rule(&[("highway", "trunk"), ("maxspeed", "60 mph")]), Some((81, true, true)));
        let fast = [("highway", "residential"), ("maxspeed", "100")];
        assert_eq!(rule(&fast), Some((30, true, true)));
        assert_eq!(rule(&[("highway", "motorway")]), Some((95, true, false)));
        assert_eq!(rule(&[("highway", "motorway"), ("oneway", "no")]), Some((95, true, true)));
        let ring = [("highway", "primary"), ("junction", "roundabout")];
        assert_eq!(rule(&ring), Some((55, true, false)));
        assert_eq!(rule(&[("highway", "service"), ("oneway", "-1")]), Some((14, false, true)));
    }

    #[test]
    fn a_closed_way_is_not_driven_but_by_whom_it_is_opened_for() {
        assert_eq!(rule(&[("highway", "service"), ("access", "no")]), None);
        let private = [("highway", "service"), ("access", "private")];
        assert!(rule(&private).is_some());
        let opened = [("highway", "service"), ("access", "no"), ("motor_vehicle", "yes")];
        assert!(rule(&opened).is_some());
        for odd in ["", "none", "signals", "0", "999999999999", "walk"] {
            assert!(kilometres_an_hour(odd.as_bytes()).is_none(), "{odd}");
        }
    }
}
