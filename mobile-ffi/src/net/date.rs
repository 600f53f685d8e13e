//! The date of an HTTP header (RFC 9110, IMF-fixdate) as Unix seconds.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Unix seconds of `Sun, 06 Nov 1994 08:49:37 GMT`; absent for anything else.
pub(super) fn parse(text: &str) -> Option<i64> {
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let parts: Vec<&str> = rest.split([' ', ':']).collect();
    let [day, month, year, hour, minute, second] = parts.as_slice() else { return None };
    let number = |text: &str, range: std::ops::Range<i64>| {
        text.parse::<i64>().ok().filter(|number| range.contains(number))
    };
    let month = MONTHS.iter().position(|name| name == month)? as i64 + 1;
    let days = days_from_civil(number(year, 1970..10_000)?, month, number(day, 1..32)?);
    let seconds =
        number(hour, 0..24)? * 3600 + number(minute, 0..60)? * 60 + number(second, 0..61)?;
    Some(days * 86_400 + seconds)
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_headers_are_read() {
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("Sun, 06 Nov 1994 25:49:37 GMT"), None);
    }
}
