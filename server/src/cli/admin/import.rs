//! `towline admin import`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use server::admin;
use server::import::{BYTES, Counts, Kind, Report, RowStatus};

use super::open;
use crate::cli::settings::DatabaseArgs;

/// Rows printed with what is wrong with them.
const SHOWN: usize = 100;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// What the file is about.
    #[arg(value_enum)]
    kind: KindArg,
    /// The CSV file.
    file: PathBuf,
    /// Short name of the tenant.
    #[arg(long)]
    tenant: String,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// utf-8, utf-16le, utf-16be, big5, gb18030 or windows-1252; found out if not given.
    #[arg(long)]
    encoding: Option<String>,
    /// Print the whole report as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: DatabaseArgs,
}

const EXAMPLES: &str = "\
Examples:
  towline admin import technicians people.csv --tenant acme --dry-run
  towline admin import parts parts.csv --tenant acme --encoding big5
Rows are found again by login, plate or name, and part number: the same file twice changes nothing.
Exit status: 0 when every row was taken, 1 when some were not.";

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    Technicians,
    Vans,
    Parts,
    Users,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Technicians => Self::Technicians,
            KindArg::Vans => Self::Vans,
            KindArg::Parts => Self::Parts,
            KindArg::Users => Self::Users,
        }
    }
}

pub async fn import(args: ImportArgs) -> Result<ExitCode, Box<dyn Error>> {
    let config = args.place.config()?;
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let unread = |error| format!("cannot read {}: {error}", args.file.display());
    let size = std::fs::metadata(&args.file).map_err(unread)?.len();
    if usize::try_from(size).map_or(true, |size| size > BYTES) {
        return Err(format!("the file is larger than {} MiB; split it", BYTES >> 20).into());
    }
    let bytes = std::fs::read(&args.file).map_err(unread)?;
    let (kind, region) = (args.kind.into(), config.phone_region);
    let mut import = admin::importer(store, now, tenant.id, kind, region).await?;
    import.dry_run = args.dry_run;
    let report = admin::import(&import, bytes, args.encoding).await?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    let Counts { refused, not_reached, .. } = report.counts;
    Ok(if refused + not_reached == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report) {
    say!("Read as {}, separator {}.", report.encoding, report.separator);
    if !report.unknown_columns.is_empty() {
        say!("Not read, for nobody knows these columns: {}.", report.unknown_columns.join(", "));
    }
    if let Some(problem) = &report.problem {
        say!("{problem}");
    }
    let refused = report.rows.iter().filter(|row| row.status == RowStatus::Refused);
    for row in refused.take(SHOWN) {
        for issue in &row.issues {
            let column = issue.column.as_deref().unwrap_or("row");
            let value = issue.value.as_deref().map(|it| format!(" {it:?}")).unwrap_or_default();
            say!("row {}, {column}{value}: {}", row.row, issue.detail);
        }
    }
    let Counts { created, updated, unchanged, refused, .. } = report.counts;
    if refused > SHOWN {
        say!("… and {} further rows; --json shows all.", refused - SHOWN);
    }
    let would = if report.dry_run { "Would be: " } else { "" };
    say!("{would}{created} created, {updated} updated, {unchanged} unchanged, {refused} refused.");
}
