//! `towline verify`: the log against itself, and everything computed against the log; and `towline
//! rebuild`, which mends the latter.

use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use server::admin;
use store::verify::{Report, inspect, rebuild};
use store::{Inspected, Store};

use super::settings::DatabaseArgs;

#[derive(Args)]
#[command(after_help = VERIFY)]
pub struct Verify {
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: DatabaseArgs,
}

const VERIFY: &str = "\
Examples:
  towline verify --data /srv/towline        while the server runs or not
  towline verify --json > report.json
Nothing is changed, not even the schema of an older version.
Exit status 1 if anything differs: in the log (restore a backup beside it and compare), or in what is
computed from it (`towline rebuild` mends that). Facts that older versions took in and that are not as
docs/facts.md says are listed as notes; they are no difference.";

impl Verify {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.existing()?;
        let database = Inspected::open(config.database.reveal()).await?;
        let report = inspect(&database).await?;
        database.close().await;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            say!("{}", report.to_string().trim_end());
            if report.stale() > 0 {
                say!("{}", advice(&report));
            }
        }
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What to do about projections that are not what the log gives.
pub fn advice(report: &Report) -> String {
    format!(
        "{} rows computed from the log are not what it gives. Nothing is lost: `towline rebuild`, with \
         the same --data or --database, makes them again while the server runs.",
        report.stale()
    )
}

#[derive(Args)]
#[command(after_help = REBUILD)]
pub struct Rebuild {
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    place: DatabaseArgs,
}

const REBUILD: &str = "\
Examples:
  towline rebuild --data /srv/towline                    every tenant, while the server runs or not
  towline rebuild --tenant acme --database postgres://towline:…@db/towline
Compares documents, snapshots, scope, jobs, facts, parts, seals and movements with what the log gives, a
few documents at a time, and writes the rows that differ. The log is not touched.";

impl Rebuild {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.existing()?;
        let url = config.database.reveal();
        let database = Inspected::open(url).await?;
        database.close().await;
        // Another version's server may be running on it.
        database.current()?;
        let store = Store::open(url).await?;
        let tenant = match &self.tenant {
            Some(slug) => Some(admin::find_tenant(&store, slug).await?.id),
            None => None,
        };
        let (every, mut told) = (if std::io::stdout().is_terminal() { 500 } else { 10_000 }, 0);
        let rebuilt = rebuild(&store, tenant, |so_far| {
            if so_far.documents >= told + every {
                told = so_far.documents;
                say!("{} documents compared, {} rows mended", told, so_far.mended);
            }
        });
        let rebuilt = rebuilt.await?;
        store.close().await;
        say!("{} documents compared, {} rows mended.", rebuilt.documents, rebuilt.mended);
        if rebuilt.damaged == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        say!(
            "The log of {} documents is damaged, and their rows were left: see `towline verify`.",
            rebuilt.damaged
        );
        Ok(ExitCode::FAILURE)
    }
}
