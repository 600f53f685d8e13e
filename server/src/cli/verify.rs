//! `towline verify`: the log against itself, and everything computed against the log.

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use server::store::Store;
use server::verify::verify;

use super::settings::Place;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  towline verify --data /srv/towline        while the server runs or not
  towline verify --json > report.json
Exit status 1 if anything differs.";

impl Verify {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.existing()?;
        let store = Store::open(config.database.reveal()).await?;
        let report = verify(&store).await?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{report}");
        }
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
