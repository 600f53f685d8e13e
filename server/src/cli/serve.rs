//! `towline serve`: run until told to stop, and say what to do next.

use std::error::Error;
use std::process::ExitCode;

use clap::Args;
use server::telemetry::logging;
use server::{Running, Server};
use store::rows::tenants;

use super::settings::AllSettings;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    #[command(flatten)]
    settings: AllSettings,
}

const EXAMPLES: &str = "\
Examples:
  towline serve                                     on 127.0.0.1:8080, data in ./towline-data
  towline serve --listen 0.0.0.0:443 --public-url https://rescue.example.com
  TOWLINE_DATABASE=postgres://towline:…@db/towline towline serve
  towline serve --config /etc/towline.conf          with lines such as `max_requests = 256`
TLS belongs to the proxy in front; set --proxy-hops 1 so that addresses are right.";

impl Serve {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.settings.config()?;
        logging::init(&config);
        server::net::files::make_room(config.net.max_connections);
        let running = Server::start(config).await?;
        let stopped = stopped()?;
        greet(&running).await?;
        stopped.await;
        complain!("Stopping; requests under way may finish.");
        running.shutdown().await;
        Ok(ExitCode::SUCCESS)
    }
}

async fn greet(running: &Running) -> Result<(), Box<dyn Error>> {
    let mut connection = running.app().store.readers().acquire().await?;
    let tenants = tenants::list(&mut connection).await?;
    say!("Towline listens on {}", running.url());
    say!("  API       {}/v1/openapi.json", running.url());
    say!("  health    {}/health/ready", running.url());
    if let Some(address) = running.metrics_addr() {
        say!("  metrics   http://{address}/metrics");
    }
    match running.app().store.file() {
        Some(file) => say!("  database  {}", file.display()),
        None => say!("  database  PostgreSQL"),
    }
    if tenants.is_empty() {
        say!("\nThere is nobody here yet. In another terminal, with the same --data:");
        say!("  towline admin tenant --slug acme --name 'Acme Motors'");
        say!(
            "  towline admin user --tenant acme --login mei --name 'Mei Lin' --role administrator"
        );
    }
    Ok(())
}

/// Ends when someone asks the process to stop. Who asks is heard from the call on, before the
/// future is waited for: a server that has said it listens stops in order, however soon.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a signal to wait for, only the process itself can be ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
