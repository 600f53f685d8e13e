//! Times as the layouts write them, turned into Unix milliseconds.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A local time in a zone. In the hour that occurs twice in autumn the first is meant; a time
/// in the hour that is left out in spring is moved forward by the gap.
pub(super) fn local(text: &str, format: &str, zone: &TimeZone) -> Option<i64> {
    let civil = DateTime::strptime(format, text).ok()?;
    millis(zone.to_ambiguous_timestamp(civil).compatible().ok()?)
}

/// RFC 3339 with an offset, or a date and time without one, taken as UTC.
pub(super) fn plain(text: &str) -> Option<i64> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return millis(exact);
    }
    let civil: DateTime = text.parse().ok()?;
    millis(TimeZone::UTC.to_timestamp(civil).ok()?)
}

fn millis(time: Timestamp) -> Option<i64> {
    let ms = time.as_millisecond();
    sync_core::limits::TIME_RANGE.contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_that_occurs_twice_and_the_hour_left_out_have_a_rule() {
        let zone = TimeZone::get("America/New_York").expect("bundled");
        let at = |text| local(text, "%Y-%m-%d %H:%M:%S", &zone);
        assert_eq!(at("2015-11-01 01:30:00"), plain("2015-11-01T05:30:00Z"));
        assert_eq!(at("2015-03-08 02:30:00"), plain("2015-03-08T07:30:00Z"));
    }

    #[test]
    fn years_out_of_range_are_not_times() {
        assert_eq!(plain("1970-01-01T00:00:00Z"), None);
        assert_eq!(plain("noon"), None);
        assert!(plain("2026-03-01 08:30").is_some());
    }
}
