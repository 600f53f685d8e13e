//! The three column layouts: how each is recognised and how a row of it becomes a call.

use jiff::tz::TimeZone;

use super::{Call, Finding, when};

/// Which columns a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Montgomery County (Pennsylvania) 911.
    Montgomery,
    /// New York City motor vehicle collisions.
    NewYork,
    /// Ours: `time,lat,lon,caller,phone,plate,problem,address`.
    Plain,
}

impl Layout {
    const ALL: [Self; 3] = [Self::Montgomery, Self::NewYork, Self::Plain];

    /// The layout whose headers are all there, in any order and case.
    pub(super) fn recognise(headers: &[String]) -> Option<Self> {
        let has = |name: &&str| headers.iter().any(|header| header.eq_ignore_ascii_case(name));
        Self::ALL.into_iter().find(|layout| layout.known_by().iter().all(has))
    }

    /// The sentence for headers that fit none.
    pub(super) fn unknown(headers: &[String]) -> String {
        let known = Self::ALL.map(|layout| layout.known_by().join(","));
        let seen: String = headers.join(",").chars().take(200).collect();
        format!(
            "headers “{seen}” are of no known layout; one of these must be among them: {}",
            known.join(" | ")
        )
    }

    fn known_by(self) -> &'static [&'static str] {
        match self {
            Self::Montgomery => &["lat", "lng", "desc", "title", "timeStamp", "addr"],
            Self::NewYork => {
                &["DATE", "TIME", "LATITUDE", "LONGITUDE", "ON STREET NAME", "UNIQUE KEY"]
            }
            Self::Plain => {
                &["time", "lat", "lon", "caller", "phone", "plate", "problem", "address"]
            }
        }
    }

    pub(super) fn columns(self, headers: &[String]) -> Columns {
        let headers = headers.iter().map(|header| header.to_ascii_lowercase()).collect();
        let new_york = TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC);
        Columns { layout: self, headers, new_york }
    }
}

/// A layout with the order of its columns in one file.
pub(super) struct Columns {
    layout: Layout,
    headers: Vec<String>,
    new_york: TimeZone,
}

impl Columns {
    /// The call in one row.
    pub(super) fn call(&self, line: u64, fields: &[String]) -> Result<Call, Finding> {
        let bad = |code, reason: String| Finding { line, code, reason };
        if fields.len() != self.headers.len() {
            let reason =
                format!("{} fields where the header has {}", fields.len(), self.headers.len());
            return Err(bad("bad_row", reason));
        }
        let get = |name: &str| {
            let column = self.headers.iter().position(|header| header == name);
            column.map_or("", |column| fields[column].as_str())
        };
        let bad_time = |text: &str| bad("bad_time", format!("“{}” is not a time", short(text)));
        let place = |lat: &str, lon: &str| {
            place(get(lat), get(lon)).map_err(|reason| bad("bad_place", reason))
        };
        let blank = Call {
            line,
            called_ms: 0,
            reported_ms: 0,
            place: None,
            caller: None,
            phone: None,
            plate: None,
            problem: "other",
            remarks: String::new(),
            address: String::new(),
        };
        match self.layout {
            Layout::Montgomery => {
                let stamp = get("timestamp");
                let reported_ms = when::local(stamp, "%Y-%m-%d %H:%M:%S", &self.new_york)
                    .ok_or_else(|| bad_time(stamp))?;
                let spoken = get("desc").trim_end_matches([';', ' ']).rsplit(';').next();
                let called = spoken.and_then(|text| {
                    when::local(text.trim(), "%Y-%m-%d @ %H:%M:%S", &self.new_york)
                });
                let title = get("title").trim_end_matches([' ', '-']);
                Ok(Call {
                    called_ms: called.unwrap_or(reported_ms).min(reported_ms),
                    reported_ms,
                    place: place("lat", "lng")?,
                    problem: problem(title),
                    remarks: title.to_owned(),
                    address: joined(&[get("addr"), get("twp")], ", "),
                    ..blank
                })
            }
            Layout::NewYork => {
                let stamp = format!("{} {}", get("date"), get("time"));
                let at = when::local(&stamp, "%m/%d/%Y %H:%M", &self.new_york)
                    .ok_or_else(|| bad_time(&stamp))?;
                let factor = get("contributing factor vehicle 1");
                let street = joined(&[get("on street name"), get("cross street name")], " & ");
                let street =
                    if street.is_empty() { get("off street name").to_owned() } else { street };
                Ok(Call {
                    called_ms: at,
                    reported_ms: at,
                    place: place("latitude", "longitude")?,
                    problem: match problem(factor) {
                        "other" => "accident",
                        known => known,
                    },
                    remarks: joined(&[factor, get("vehicle type code 1")], ", "),
                    address: joined(&[&street, get("borough")], ", "),
                    ..blank
                })
            }
            Layout::Plain => {
                let at = when::plain(get("time")).ok_or_else(|| bad_time(get("time")))?;
                let said = get("problem");
                let some = |name| Some(get(name).to_owned()).filter(|text| !text.is_empty());
                Ok(Call {
                    called_ms: at,
                    reported_ms: at,
                    place: place("lat", "lon")?,
                    caller: some("caller"),
                    phone: some("phone"),
                    plate: some("plate"),
                    problem: problem(said),
                    remarks: said.to_owned(),
                    address: get("address").to_owned(),
                    ..blank
                })
            }
        }
    }
}

/// A place in 1e-7 degrees, nothing when it is missing or 0/0, or what is wrong with it.
fn place(lat: &str, lon: &str) -> Result<Option<(i64, i64)>, String> {
    if lat.is_empty() && lon.is_empty() {
        return Ok(None);
    }
    let degrees = |text: &str, limit: f64| {
        let number: f64 = text.parse().ok()?;
        (number.abs() <= limit).then_some((number * 1e7).round() as i64)
    };
    match (degrees(lat, 90.0), degrees(lon, 180.0)) {
        (Some(0), Some(0)) => Ok(None),
        (Some(lat), Some(lon)) => Ok(Some((lat, lon))),
        _ => Err(format!("“{}, {}” is no place on Earth", short(lat), short(lon))),
    }
}

/// The dictionary word for what a source says is wrong.
fn problem(said: &str) -> &'static str {
    const SAID: [(&str, &str); 18] = [
        ("flat", "flat_tyre"),
        ("tire", "flat_tyre"),
        ("tyre", "flat_tyre"),
        ("battery", "battery"),
        ("no_start", "no_start"),
        ("disabled", "no_start"),
        ("stall", "no_start"),
        ("lock", "lockout"),
        ("fuel", "fuel"),
        ("accident", "accident"),
        ("collision", "accident"),
        ("overheat", "overheating"),
        ("brake", "brakes"),
        ("electr", "electrical"),
        ("lighting", "electrical"),
        ("stuck", "stuck"),
        ("obstruction", "stuck"),
        ("tow", "tow"),
    ];
    let said = said.to_lowercase();
    SAID.iter().find(|(part, _)| said.contains(part)).map_or("other", |(_, word)| word)
}

fn joined(parts: &[&str], with: &str) -> String {
    let parts: Vec<_> = parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).collect();
    parts.join(with)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
