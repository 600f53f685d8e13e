//! What `cargo demo` can be told.

use std::path::PathBuf;

use clap::Parser;

/// Plays a working day of a rescue service: a real server, real phones, hours without coverage,
/// and at the end a comparison of everything any phone saved with what the server holds.
#[derive(Debug, Parser)]
#[command(
    name = "cargo demo --",
    after_help = "Examples:\n  \
        cargo demo\n  \
        cargo demo -- --technicians 40 --outage-hours 5 --seed 7\n  \
        cargo demo -- --calls calls.csv --links traces/ --drives drives.zip\n  \
        cargo demo -- --database postgres://towline:secret@localhost/towline --json day.json\n  \
        cargo demo -- --data ./day --serve\n\n\
        A file of calls has the columns time,lat,lon,caller,phone,plate,problem,address (times \
        as 2026-03-02T08:15:00+08:00), or is one of the two published layouts that are known by \
        their headers.\n\nExit status: 0 nothing lost, doubled or broken; 1 something was; 2 the \
        demo could not run."
)]
pub struct Args {
    /// Calls to play, a CSV file; made up from the seed when absent
    #[arg(long, value_name = "FILE.csv")]
    pub calls: Option<PathBuf>,

    /// Folder of cellular traces (NAME.up, NAME.down, also .gz) that shape each phone's link
    #[arg(long, value_name = "DIR")]
    pub links: Option<PathBuf>,

    /// Recorded drives (a ZIP or a folder of CSV) that move the technicians
    #[arg(long, value_name = "ZIP_OR_DIR")]
    pub drives: Option<PathBuf>,

    /// Technicians on duty, each with a phone and a van
    #[arg(long, value_name = "N", default_value_t = 12,
        value_parser = clap::value_parser!(u16).range(1..=500))]
    pub technicians: u16,

    /// Length of the day, hours of simulated time
    #[arg(long, value_name = "H", default_value_t = 8.0, value_parser = hours)]
    pub hours: f64,

    /// Hours each phone is without coverage, on top of what the traces have
    #[arg(long, value_name = "X", default_value_t = 2.0, value_parser = hours_or_none)]
    pub outage_hours: f64,

    /// Simulated seconds per second at most; 0 is as fast as it goes
    #[arg(long, value_name = "FACTOR", default_value_t = 0.0, value_parser = factor)]
    pub speed: f64,

    /// The same seed gives the same day
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// `sqlite`, or the address of a Postgres database, in which a schema of its own is made
    #[arg(long, value_name = "sqlite|postgres-url", default_value = "sqlite", value_parser = database)]
    pub database: String,

    /// Folder for the databases of server and phones, kept afterwards; must be new or empty
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Leaves the server up afterwards; prints how to log in, and a link to the day in the console
    #[arg(long)]
    pub serve: bool,

    /// Writes the figures of the reconciliation as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| "not a number".to_owned())
}

fn hours(text: &str) -> Result<f64, String> {
    let hours = number(text)?;
    (0.25..=48.0).contains(&hours).then_some(hours).ok_or_else(|| "0.25 to 48 hours".to_owned())
}

fn hours_or_none(text: &str) -> Result<f64, String> {
    let hours = number(text)?;
    (0.0..=36.0).contains(&hours).then_some(hours).ok_or_else(|| "0 to 36 hours".to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = number(text)?;
    (factor >= 0.0).then_some(factor).ok_or_else(|| "0 or more".to_owned())
}

fn database(text: &str) -> Result<String, String> {
    let known =
        text == "sqlite" || ["postgres://", "postgresql://"].iter().any(|s| text.starts_with(s));
    known.then(|| text.to_owned()).ok_or_else(|| "`sqlite` or postgres://…".to_owned())
}
