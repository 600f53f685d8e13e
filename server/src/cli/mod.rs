//! The command line: what can be said, and which function says it.

#[macro_use]
mod said;

mod admin;
mod copies;
mod seal;
mod serve;
mod settings;
mod verify;

use std::error::Error;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Towline keeps roadside rescues going where there is no signal.
#[derive(Parser)]
#[command(name = "towline", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Towline {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  towline admin tenant --slug acme --name 'Acme Motors'
  towline admin user --tenant acme --login mei --name 'Mei Lin' --role administrator
  towline serve
  towline admin user --tenant acme --login bo --name 'Bo Chen' --role technician
  towline admin code --tenant acme --login bo
Everything is kept in ./towline-data unless --data or --database says otherwise.";

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Set up and repair a database: tenants, people, branches, parts, phones.
    Admin(admin::Admin),
    /// Compute everything again from the change log, and compare; nothing is changed.
    Verify(verify::Verify),
    /// Make everything that is computed from the change log again, while the server runs.
    Rebuild(verify::Rebuild),
    /// Check an exported evidence bundle of a customer's signature, without a server.
    VerifySeal(seal::VerifySeal),
    /// Copy a SQLite database while it is in use, and verify the copy.
    Backup(copies::Backup),
    /// Put a backup in place as a new database, so that phones bring back what it lacks.
    Restore(copies::Restore),
    /// Print the OpenAPI 3.1 document of the REST API.
    #[command(after_help = "Example:\n  towline openapi > towline.json")]
    Openapi,
}

/// Does what the command line says.
///
/// # Errors
/// Anything that goes wrong, as one sentence for the person at the terminal.
pub async fn run() -> Result<ExitCode, Box<dyn Error>> {
    match Towline::parse().command {
        Command::Serve(serve) => serve.run().await,
        Command::Admin(admin) => admin.run().await,
        Command::Verify(verify) => verify.run().await,
        Command::Rebuild(rebuild) => rebuild.run().await,
        Command::VerifySeal(seal) => seal.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Openapi => {
            let text = server::router::openapi().to_pretty_json()?;
            let written = writeln!(std::io::stdout(), "{text}");
            // `towline openapi | head` has read enough; that is no failure.
            match written {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
                _ => Ok(ExitCode::SUCCESS),
            }
        }
    }
}
