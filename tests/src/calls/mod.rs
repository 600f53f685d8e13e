//! Calls for help read from CSV: three layouts told apart by their headers, bad rows reported.
//!
//! | layout | headers it is known by | times |
//! |---|---|---|
//! | Montgomery County 911 | `lat,lng,desc,title,timeStamp,addr` | New York local |
//! | New York City collisions | `DATE,TIME,LATITUDE,LONGITUDE,ON STREET NAME,UNIQUE KEY` | New York local |
//! | plain | `time,lat,lon,caller,phone,plate,problem,address` | RFC 3339; without offset UTC |
//!
//! A row without coordinates (empty, or 0/0) is kept as a call with an address only, as a
//! caller who cannot say where he stands. A place more than 100 km from the middle of its file
//! is taken for a typing error: the call is kept, its place is dropped and the line reported.
//! Rows that cannot be read are reported with line number and reason; all others are imported.

mod layout;
mod rows;
mod when;

use std::io::Read;
use std::path::Path;

use serde::Serialize;

pub use layout::Layout;

use crate::input::{self, InputError};

/// Bytes read from one file of calls.
pub const FILE_BYTES: u64 = 64 << 20;
/// Calls kept from one file; further rows are counted, not kept.
pub const CALLS: usize = 200_000;
/// Bad rows described one by one; further ones are counted.
pub const FINDINGS: usize = 1_000;
/// A place further than this from the middle of its file is a typing error, metres.
pub const OUTLIER_M: f64 = 100_000.0;

/// One call for help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Line of the file at which its row begins, from 1; 0 for a call that was made up.
    pub line: u64,
    /// When the person called, Unix milliseconds.
    pub called_ms: i64,
    /// When the call reached the desk, Unix milliseconds; never before `called_ms`.
    pub reported_ms: i64,
    /// Latitude and longitude, 1e-7 degrees; absent when only the address is known.
    pub place: Option<(i64, i64)>,
    /// Who called, if known.
    pub caller: Option<String>,
    /// From which number, as written.
    pub phone: Option<String>,
    /// Licence plate, if known.
    pub plate: Option<String>,
    /// A word of the problem dictionary.
    pub problem: &'static str,
    /// What the source says about it.
    pub remarks: String,
    /// Where, in words.
    pub address: String,
}

/// A row that was not imported, or imported with something left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line at which the row begins, from 1.
    pub line: u64,
    /// Stable code: `bad_time`, `bad_place`, `place_far_off`, `bad_row`, `not_utf8`, `too_long`.
    pub code: &'static str,
    /// What is wrong, in a sentence.
    pub reason: String,
}

/// What came out of one file.
#[derive(Debug)]
pub struct Import {
    /// Which layout the headers named.
    pub layout: Layout,
    /// The calls, by the time they reached the desk.
    pub calls: Vec<Call>,
    /// Rows that are not among the calls.
    pub rejected: usize,
    /// Calls that have an address and no place.
    pub without_place: usize,
    /// The first bad rows, with line and reason.
    pub findings: Vec<Finding>,
    /// Good rows beyond the number kept.
    pub left_off: usize,
}

/// Reads a CSV file of calls (also packed as `.gz`).
///
/// # Errors
/// The file cannot be opened or read, or its headers are of no known layout.
pub fn read(path: &Path) -> Result<Import, InputError> {
    read_from(input::open(path, FILE_BYTES)?, path)
}

/// Reads calls from any source; `path` is only named in errors.
///
/// # Errors
/// As [`read`].
pub fn read_from(source: impl Read, path: &Path) -> Result<Import, InputError> {
    let mut rows = rows::Rows::new(source);
    let unreadable = |e| InputError::unreadable(path, e);
    let headers = match rows.next().map_err(unreadable)? {
        Some((_, Ok(fields))) => fields,
        Some((_, Err(bad))) => return Err(InputError::unusable(path, bad.reason)),
        None => return Err(InputError::unusable(path, "the file is empty")),
    };
    let layout = Layout::recognise(&headers)
        .ok_or_else(|| InputError::unusable(path, Layout::unknown(&headers)))?;
    let columns = layout.columns(&headers);

    let mut import = Import {
        layout,
        calls: Vec::new(),
        rejected: 0,
        without_place: 0,
        findings: Vec::new(),
        left_off: 0,
    };
    while let Some((line, row)) = rows.next().map_err(unreadable)? {
        match row.and_then(|fields| columns.call(line, &fields)) {
            Ok(_) if import.calls.len() >= CALLS => import.left_off += 1,
            Ok(call) => import.calls.push(call),
            Err(finding) => {
                import.rejected += 1;
                import.note(finding);
            }
        }
    }
    import.drop_far_places();
    import.without_place = import.calls.iter().filter(|call| call.place.is_none()).count();
    import.calls.sort_by_key(|call| (call.reported_ms, call.line));
    Ok(import)
}

impl Import {
    fn note(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS {
            self.findings.push(finding);
        }
    }

    fn drop_far_places(&mut self) {
        let places: Vec<_> = self.calls.iter().filter_map(|call| call.place).collect();
        if places.len() < 3 {
            return;
        }
        let middle = (median(places.iter().map(|p| p.0)), median(places.iter().map(|p| p.1)));
        let mut far = Vec::new();
        for call in &mut self.calls {
            if call.place.is_some_and(|place| metres(place, middle) > OUTLIER_M) {
                call.place = None;
                far.push(Finding {
                    line: call.line,
                    code: "place_far_off",
                    reason: "the place is over 100 km from the others and was left out".into(),
                });
            }
        }
        far.into_iter().for_each(|finding| self.note(finding));
    }
}

/// Distance between two places in 1e-7 degrees, metres, good to half a percent within a country.
pub fn metres(a: (i64, i64), b: (i64, i64)) -> f64 {
    const METRES_PER_DEGREE: f64 = 111_195.0;
    let degrees = |difference: i64| difference as f64 / 1e7;
    let middle = degrees(a.0 + b.0) / 2.0;
    let north = degrees(a.0 - b.0) * METRES_PER_DEGREE;
    let east = degrees(a.1 - b.1) * METRES_PER_DEGREE * middle.to_radians().cos();
    north.hypot(east)
}

fn median(values: impl Iterator<Item = i64>) -> i64 {
    let mut values: Vec<i64> = values.collect();
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(text: &str) -> Import {
        read_from(text.as_bytes(), Path::new("calls.csv")).expect("a known layout")
    }

    #[test]
    fn montgomery_rows_keep_call_time_and_lateness_in_new_york_time() {
        let got = import(
            "lat,lng,desc,zip,title,timeStamp,twp,addr,e\n\
             40.1023985,-75.2914577,RAMP; PLYMOUTH; 2015-12-10 @ 17:35:41;,19462,\
             Traffic: DISABLED VEHICLE -,2015-12-10 17:40:01,PLYMOUTH,RAMP,1\n",
        );
        assert_eq!(got.layout, Layout::Montgomery);
        let call = &got.calls[0];
        assert_eq!(call.line, 2);
        assert_eq!(call.place, Some((401_023_985, -752_914_577)));
        assert_eq!(call.problem, "no_start");
        // 17:40:01 in New York in December is 22:40:01 UTC.
        assert_eq!(call.reported_ms, 1_449_787_201_000);
        assert_eq!(call.reported_ms - call.called_ms, 260_000);
    }

    #[test]
    fn new_york_rows_without_coordinates_are_calls_with_an_address_only() {
        let got = import(
            "DATE,TIME,BOROUGH,ZIP CODE,LATITUDE,LONGITUDE,ON STREET NAME,CROSS STREET NAME,\
             UNIQUE KEY,CONTRIBUTING FACTOR VEHICLE 1\n\
             04/03/2018,10:20,,,,,BROADWAY ,ROSE AVENUE,1,Tire Failure/Inadequate\n\
             04/03/2018,9:05,QUEENS,,0,0,BROADWAY,,2,Unspecified\n",
        );
        assert_eq!((got.layout, got.calls.len(), got.without_place), (Layout::NewYork, 2, 2));
        // 09:05 summer time is 13:05 UTC.
        assert_eq!(got.calls[0].reported_ms, 1_522_760_700_000);
        assert_eq!(got.calls[1].address, "BROADWAY & ROSE AVENUE");
        assert_eq!(got.calls[1].problem, "flat_tyre");
    }

    #[test]
    fn bad_rows_are_named_by_line_and_the_rest_is_imported() {
        let got = import(
            "time,lat,lon,caller,phone,plate,problem,address\n\
             2026-03-01T08:00:00+08:00,25.03,121.56,林小姐,0912345678,ABC-1234,battery,\"A, B\"\n\
             yesterday,25.03,121.56,,,,,\n\
             2026-03-01T08:00:00Z,95.0,121.56,,,,,\n\
             2026-03-01T08:00:00Z,\"never closed,121.56,,,,,\n\
             too,few\n\
             2026-03-01 08:30,,,,,,tow,Exit 9\n",
        );
        assert_eq!(got.layout, Layout::Plain);
        let lines: Vec<_> = got.calls.iter().map(|call| (call.line, call.problem)).collect();
        assert_eq!(lines, [(2, "battery"), (7, "tow")]);
        let findings: Vec<_> = got.findings.iter().map(|f| (f.line, f.code)).collect();
        assert_eq!(findings, [(3, "bad_time"), (4, "bad_place"), (5, "bad_row"), (6, "bad_row")]);
        assert_eq!(got.calls[0].address, "A, B");
    }

    #[test]
    fn a_place_far_from_all_others_is_left_out_and_reported() {
        let rows: String = (0..5)
            .map(|i| {
                let lon = if i == 4 { "-77.687" } else { "-75.3" };
                format!("2026-03-01T08:0{i}:00Z,40.16,{lon},,,,tow,somewhere\n")
            })
            .collect();
        let got = import(&format!("time,lat,lon,caller,phone,plate,problem,address\n{rows}"));
        assert_eq!((got.calls.len(), got.without_place, got.rejected), (5, 1, 0));
        assert_eq!(got.findings[0].code, "place_far_off");
    }

    #[test]
    fn unknown_headers_are_refused_with_what_would_do() {
        let refused = read_from(&b"a,b,c\n1,2,3\n"[..], Path::new("x.csv"));
        let message = refused.map(|_| ()).expect_err("unknown layout").to_string();
        assert!(message.contains("time,lat,lon"), "{message}");
    }
}
