//! The command line: what can be said, and which function says it.

mod admin;
mod serve;
mod settings;

use std::error::Error;
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
        Command::Openapi => {
            println!("{}", server::router::openapi().to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
    }
}
