//! `towline backup` and `towline restore`: copies of a SQLite database that are known to be sound.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use server::store::{Store, backup};

use super::settings::Place;

#[derive(Args)]
#[command(after_help = "Example:\n  towline backup /backup/towline-monday.db --data /srv/towline")]
pub struct Backup {
    /// File that is to hold the copy; it must not exist.
    to: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Backup {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.existing()?;
        let store = Store::open(config.database.reveal()).await?;
        let report = backup::backup(&store, &self.to).await?;
        println!("{} holds a sound copy: {report}", self.to.display());
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
#[command(after_help = "Example:\n  towline restore /backup/towline-monday.db --data /srv/towline")]
pub struct Restore {
    /// The backup.
    from: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Restore {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.config()?;
        let report = backup::restore(&self.from, config.database.reveal()).await?;
        println!("Restored: {report}");
        println!("Phones compare what they hold when they come back, and bring what is missing.");
        Ok(ExitCode::SUCCESS)
    }
}
