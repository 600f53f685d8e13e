//! Starting and stopping a whole server, in its own process or inside a test.

use std::net::SocketAddr;

use futures_util::future::BoxFuture;

use crate::app::{App, StartError};
use crate::config::Config;
use crate::net::{self, Listening};
use crate::router;
use crate::store::Store;

/// Makes servers.
#[derive(Debug)]
pub struct Server;

/// A server that listens.
pub struct Running {
    /// The address it listens on; useful when the settings said port 0.
    pub addr: SocketAddr,
    app: App,
    listening: Listening,
}

impl Server {
    /// Opens the database, brings it up to date, and listens.
    ///
    /// # Errors
    /// Settings that do not fit, a database that cannot be used, an address that is taken.
    pub fn start(config: Config) -> BoxFuture<'static, Result<Running, StartError>> {
        Box::pin(async move {
            let store = Store::open(config.database.reveal()).await?;
            let app = App::start(config, store).await?;
            let router = router::router(&app);
            let address = app.config.listen;
            let listening = net::listen(app.clone(), router).await;
            let listening = listening.map_err(|error| StartError::Listen { address, error })?;
            Ok(Running { addr: listening.addr, app, listening })
        })
    }
}

impl Running {
    /// What the handlers share; for tests and tools in the same process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Address with scheme, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops taking connections, finishes what is under way, closes the database.
    pub fn shutdown(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.listening.shutdown().await;
            self.app.store.close().await;
        })
    }
}
