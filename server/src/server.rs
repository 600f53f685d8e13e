//! Starting and stopping a whole server, in its own process or inside a test.

use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use store::Store;

use crate::api::technicians;
use crate::app::{App, StartError};
use crate::config::Config;
use crate::net::{self, Listening};
use crate::router;
use crate::telemetry::health;

/// Connections to the address of the metrics: a few scrapers.
const METRICS_CONNECTIONS: usize = 16;

/// Makes servers.
#[derive(Debug)]
pub struct Server;

/// A server that listens.
pub struct Running {
    /// The address it listens on; useful when the settings said port 0.
    pub addr: SocketAddr,
    app: App,
    listening: Listening,
    metrics: Option<Listening>,
}

impl Server {
    /// Opens the database, brings it up to date, and listens.
    ///
    /// # Errors
    /// Settings that do not fit, a database that cannot be used, an address that is taken.
    pub fn start(config: Config) -> BoxFuture<'static, Result<Running, StartError>> {
        Box::pin(async move {
            let store = Store::open_within(config.database.reveal(), config.bounds).await?;
            let app = App::start(config, store).await?;
            // In the background: a server with many technicians must not start late for it.
            let (store, now, region) = (app.store.clone(), app.now(), app.config.phone_region);
            tokio::spawn(async move {
                if let Err(problem) = technicians::follow::accounts(&store, now, region).await {
                    let code = problem.code().as_str();
                    tracing::warn!(code, "documents of technicians may lag behind their accounts");
                }
            });
            let listen = async |router, address, most| {
                let listening = net::listen(app.clone(), router, address, most).await;
                listening.map_err(|error| StartError::Listen { address, error })
            };
            let metrics = match app.config.metrics_listen {
                Some(address) => {
                    Some(listen(health::metrics_router(&app), address, METRICS_CONNECTIONS).await?)
                }
                None => None,
            };
            let most = app.config.net.max_connections;
            let listening = listen(router::router(&app), app.config.listen, most).await?;
            Ok(Running { addr: listening.addr, app, listening, metrics })
        })
    }
}

impl Running {
    /// What the handlers share; for tests and tools in the same process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The address with nothing but the metrics, if the settings have one.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|listening| listening.addr)
    }

    /// Address with scheme, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops taking connections, finishes what is under way, closes the database.
    pub fn shutdown(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.listening.shutdown().await;
            if let Some(metrics) = self.metrics {
                metrics.shutdown().await;
            }
            self.app.store.close().await;
        })
    }
}
