//! One recorded drive and what it says about any moment.

use std::io::Read;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::random::Random;

/// Rows kept from one drive.
const ROWS: usize = 100_000;

/// What was recorded in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Milliseconds since the drive began.
    pub at_ms: i64,
    /// Latitude, 1e-7 degrees.
    pub lat: i64,
    /// Longitude, 1e-7 degrees.
    pub lon: i64,
    /// Speed, km/h.
    pub speed: i64,
    /// Whether the phone was on some network and its probes came back.
    pub covered: bool,
}

/// A drive, in order of time.
#[derive(Debug, Clone)]
pub struct Drive {
    /// The name of its file.
    pub name: String,
    samples: Vec<Sample>,
}

impl Drive {
    /// Reads the CSV of one drive; rows that make no sense are passed over.
    ///
    /// # Errors
    /// A sentence, when the columns are missing or no row is usable.
    pub fn parse(name: &str, source: impl Read) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let headers = reader.headers().map_err(|e| e.to_string())?.clone();
        let column = |name: &str| headers.iter().position(|header| header.trim() == name);
        let wanted = |name: &str| column(name).ok_or_else(|| format!("no column {name}"));
        let (stamp, lon) = (wanted("Timestamp")?, wanted("Longitude")?);
        let (lat, speed) = (wanted("Latitude")?, wanted("Speed")?);
        let (mode, loss) = (column("NetworkMode"), column("PINGLOSS"));

        let mut samples: Vec<Sample> = Vec::new();
        let mut began = None;
        for row in reader.records().take(ROWS) {
            let Ok(row) = row else { continue };
            let field = |at: usize| row.get(at).unwrap_or_default().trim();
            let degrees = |at: usize| {
                let degrees: f64 = field(at).parse().ok()?;
                (degrees.abs() <= 180.0).then_some((degrees * 1e7).round() as i64)
            };
            let Some(ms) = stamp_ms(field(stamp)) else { continue };
            let (Some(lat), Some(lon)) = (degrees(lat), degrees(lon)) else { continue };
            let began = *began.get_or_insert(ms);
            let sample = Sample {
                at_ms: ms - began,
                lat,
                lon,
                speed: field(speed).parse().unwrap_or(0),
                covered: mode.is_none_or(|at| !matches!(field(at), "" | "-"))
                    && loss.is_none_or(|at| field(at) != "100"),
            };
            match samples.last_mut() {
                // A repeated stamp corrects the row before it.
                Some(last) if last.at_ms == sample.at_ms => *last = sample,
                Some(last) if last.at_ms > sample.at_ms => {}
                _ => samples.push(sample),
            }
        }
        if samples.is_empty() {
            return Err("no usable row".into());
        }
        Ok(Self { name: name.to_owned(), samples })
    }

    /// A drive made up around a place: twenty minutes along streets that turn now and then.
    pub fn made_up(random: &mut Random, around: (i64, i64)) -> Self {
        const DEGREE_M: f64 = 111_195.0;
        let (mut lat, mut lon) = around;
        let mut heading = random.between(0, 360) as f64;
        let mut samples = Vec::new();
        for second in 0..1_200 {
            if random.percent(4) {
                heading += *random.pick(&[-90.0, -45.0, 45.0, 90.0]);
            }
            let speed = if random.percent(15) { 0 } else { random.between(20, 70) };
            let metres = speed as f64 / 3.6;
            let (north, east) = (heading.to_radians().cos(), heading.to_radians().sin());
            let shrink = (lat as f64 / 1e7).to_radians().cos().max(0.1);
            lat += (metres * north / DEGREE_M * 1e7) as i64;
            lon += (metres * east / DEGREE_M / shrink * 1e7) as i64;
            samples.push(Sample { at_ms: second * 1_000, lat, lon, speed, covered: true });
        }
        Self { name: "made up".into(), samples }
    }

    /// How long it takes one way, milliseconds.
    pub fn duration_ms(&self) -> i64 {
        self.samples.last().map_or(0, |last| last.at_ms)
    }

    /// What was recorded at a moment; beyond the end the drive goes back the way it came.
    pub fn at(&self, ms: i64) -> Sample {
        let length = self.duration_ms().max(1);
        let along = ms.rem_euclid(2 * length);
        let along = if along > length { 2 * length - along } else { along };
        let after = self.samples.partition_point(|sample| sample.at_ms <= along);
        Sample { at_ms: ms, ..self.samples[after.saturating_sub(1)] }
    }
}

fn stamp_ms(text: &str) -> Option<i64> {
    let civil = DateTime::strptime("%Y.%m.%d_%H.%M.%S", text).ok()?;
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_stamps_correct_skipped_ones_hold_and_the_end_turns_back() {
        let text = "Timestamp,Longitude,Latitude,Speed,NetworkMode,PINGLOSS\n\
                    2019.12.16_11.49.59,-8.3,51.9,0,HSDPA,-\n\
                    2019.12.16_11.49.59,-8.4,51.9,2,HSDPA,-\n\
                    nonsense,-8.4,51.9,2,HSDPA,-\n\
                    2019.12.16_11.50.01,-8.5,51.9,4,LTE,100\n";
        let drive = Drive::parse("d", text.as_bytes()).expect("a drive");
        let lon = |ms| drive.at(ms).lon;
        assert_eq!((lon(0), lon(1_999), lon(2_000)), (-84_000_000, -84_000_000, -85_000_000));
        assert_eq!((lon(2_001), lon(4_000)), (-84_000_000, -84_000_000));
        assert!(drive.at(0).covered);
        assert!(!drive.at(2_000).covered);
    }
}
