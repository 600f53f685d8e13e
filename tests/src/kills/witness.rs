//! A phone's way to a server that moves: it listens on another port after every start. What the
//! server says of each change is written down here, apart from phone and server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use mobile_ffi::{Connector, HttpConnector, NetError, Post, Reply, SocketConnector, Transport};
use sync_core::change::Run;
use sync_core::schema::DocId;
use sync_core::sync::{Frame, decode_request, decode_response};

use super::technician::Saved;
use crate::server_log::facts;

/// Where the server is now.
#[derive(Debug, Default)]
pub struct Whereabouts(RwLock<Option<SocketAddr>>);

impl Whereabouts {
    /// It is here from now on.
    pub fn set(&self, address: SocketAddr) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Its address with scheme.
    pub fn url(&self) -> String {
        let address = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        address.map(|address| format!("http://{address}")).unwrap_or_default()
    }
}

/// What the server acknowledged since someone last looked.
#[derive(Debug, Default)]
pub struct Heard {
    /// Facts it called durable, with a hash of what they say.
    pub facts: Mutex<Saved>,
    /// Writes of the desk it answered with success: position in the log, and the document.
    pub writes: Mutex<Vec<(i64, DocId)>>,
}

impl Heard {
    /// Everything that was written down; the lists begin again.
    pub fn take(&self) -> (Saved, Vec<(i64, DocId)>) {
        let facts = std::mem::take(&mut *self.facts.lock().unwrap_or_else(PoisonError::into_inner));
        let writes =
            std::mem::take(&mut *self.writes.lock().unwrap_or_else(PoisonError::into_inner));
        (facts, writes)
    }
}

/// Connects a phone, wherever the server is, and listens.
#[derive(Clone)]
pub struct Witness {
    /// Whether frames travel over a WebSocket.
    pub by_socket: bool,
    /// Where the server is.
    pub server: Arc<Whereabouts>,
    /// What it said.
    pub heard: Arc<Heard>,
}

impl Connector for Witness {
    fn connect(&self, _server_url: &str) -> Result<Arc<dyn Transport>, NetError> {
        Ok(Arc::new(Listening { witness: self.clone(), way: Mutex::new(None) }))
    }
}

struct Listening {
    witness: Witness,
    /// The way to where the server was when it was last used.
    way: Mutex<Option<(String, Arc<dyn Transport>)>>,
}

impl Listening {
    fn way(&self) -> Result<Arc<dyn Transport>, NetError> {
        let url = self.witness.server.url();
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, transport)) = way.as_ref().filter(|(to, _)| *to == url) {
            return Ok(Arc::clone(transport));
        }
        let transport = match self.witness.by_socket {
            true => SocketConnector.connect(&url)?,
            false => HttpConnector.connect(&url)?,
        };
        *way = Some((url, Arc::clone(&transport)));
        Ok(transport)
    }
}

impl Transport for Listening {
    fn post(&self, request: Post<'_>) -> Result<Reply, NetError> {
        self.way()?.post(request)
    }

    fn sync(&self, bearer: &str, frame: &[u8]) -> Result<Vec<u8>, NetError> {
        let answer = self.way()?.sync(bearer, frame)?;
        let durable = durable(frame, &answer);
        self.witness.heard.facts.lock().unwrap_or_else(PoisonError::into_inner).extend(durable);
        Ok(answer)
    }

    fn news(&self, bearer: &str, timeout: Duration) -> Result<Option<bool>, NetError> {
        self.way()?.news(bearer, timeout)
    }
}

/// The facts of a request that its answer calls durable.
fn durable(frame: &[u8], answer: &[u8]) -> Saved {
    let (Ok(request), Ok(Frame::Response(response))) =
        (decode_request(frame), decode_response(answer))
    else {
        return Vec::new();
    };
    let sent = request.runs.iter().flat_map(|sent| {
        let run = sent.run();
        run.changes.iter().map(|change| Run {
            doc: run.doc,
            changes: vec![change.clone()],
            last_hash: run.last_hash,
        })
    });
    let durable = sent.zip(&response.verdicts).filter(|(_, verdict)| verdict.is_durable());
    durable.flat_map(|(run, _)| facts(&run)).collect()
}
