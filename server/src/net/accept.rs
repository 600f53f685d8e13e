//! The accept loop: limits on what a connection may cost, and an orderly end with a deadline.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::Peer;
use super::body_budget::BodyBudget;
use super::idle::with_idle_timeout;
use super::linger::{Lingering, Unread};
use super::per_address::{AddressLimits, AddressPermit};
use super::stream::Watched;
use crate::app::App;
use crate::http::Problem;
use crate::telemetry::metrics::Case;

/// Largest head of a request, bytes.
const HEAD_BYTES: usize = 32 * 1024;
/// Most headers of a request.
const HEADERS: usize = 64;
/// What a connection gets that comes when there are too many.
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";
/// Connections turned away that are borne at a time until their client has seen why.
pub(super) const TURNING_AWAY: usize = 64;

/// A listening server.
#[derive(Debug)]
pub struct Listening {
    /// The address it listens on.
    pub addr: SocketAddr,
    stop: CancellationToken,
    done: JoinHandle<()>,
}

impl Listening {
    /// Stops taking connections, lets requests under way finish within the deadline, then cuts.
    pub async fn shutdown(self) {
        self.stop.cancel();
        // The loop has nothing to report; if it panicked there is nothing left to stop.
        drop(self.done.await);
    }
}

/// Binds an address and serves until told to stop; `most` connections may be open there.
///
/// # Errors
/// When the address cannot be bound.
pub async fn listen(
    app: App,
    router: Router,
    address: SocketAddr,
    most: usize,
) -> io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let done = tokio::spawn(accept(listener, app, router, most, stop.clone()));
    Ok(Listening { addr, stop, done })
}

async fn accept(
    listener: TcpListener,
    app: App,
    router: Router,
    most: usize,
    stop: CancellationToken,
) {
    let net = app.config.net.clone();
    let slots = Arc::new(Semaphore::new(most));
    let limits = AddressLimits::new(net.max_connections_per_address);
    let leaving = Arc::new(Semaphore::new(TURNING_AWAY));
    let open = TaskTracker::new();
    let cut = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: others must close first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            app.metrics.shed.get_or_create(&Case::of("connections")).inc();
            turn_away(stream, &leaving, &open, &stop);
            continue;
        };
        let Some(permit) = limits.take(peer.ip()) else {
            app.metrics.shed.get_or_create(&Case::of("address")).inc();
            turn_away(stream, &leaving, &open, &stop);
            continue;
        };
        // Small frames both ways: waiting to fill packets would only add delay.
        drop(stream.set_nodelay(true));
        let (stop, cut) = (stop.clone(), cut.clone());
        open.spawn(serve(
            app.clone(),
            router.clone(),
            stream,
            peer.ip(),
            stop,
            cut,
            (slot, permit),
        ));
    }
    drop(listener);
    app.sockets.close();
    app.streams.close();
    open.close();
    let ended = async {
        open.wait().await;
        app.sockets.closed().await;
    };
    if tokio::time::timeout(net.shutdown_deadline, ended).await.is_err() {
        tracing::warn!("requests were still under way at the deadline and were cut");
        cut.cancel();
        open.wait().await;
    }
}

/// Says that there are too many. When too many are being told so, not all of them will hear it.
fn turn_away(
    stream: TcpStream,
    leaving: &Arc<Semaphore>,
    open: &TaskTracker,
    stop: &CancellationToken,
) {
    // As much of the answer as the socket takes at once; we wait for nobody here.
    drop(stream.try_write(TURNED_AWAY));
    let Ok(permit) = Arc::clone(leaving).try_acquire_owned() else { return };
    let (unread, stop) = (Unread::default(), stop.clone());
    unread.set(true);
    open.spawn(async move {
        let mut stream = Watched::over(stream, Lingering::new(unread, stop.clone()));
        stop.run_until_cancelled(stream.shutdown()).await;
        drop(permit);
    });
}

/// Serves one connection to its end: its own, the orderly one after `stop`, or the hard one.
async fn serve(
    app: App,
    router: Router,
    stream: TcpStream,
    peer: IpAddr,
    stop: CancellationToken,
    cut: CancellationToken,
    permits: (OwnedSemaphorePermit, AddressPermit),
) {
    let net = &app.config.net;
    let body_budget = BodyBudget::default();
    let (slot, permit) = (permits.0, Arc::new(permits.1));
    let service = Service {
        app: app.clone(),
        router,
        peer,
        body_budget: body_budget.clone(),
        permit: Arc::clone(&permit),
    };
    let unread = Unread::default();
    let stream = with_idle_timeout(stream, net.idle_timeout);
    let stream = Watched::over(stream, Lingering::new(unread.clone(), stop.clone()));
    let stream = Watched::over(stream, body_budget);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let service = service.clone();
        let request = request.map(|body| Body::new(unread.watch(body)));
        async move { Ok::<Response, Infallible>(service.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(net.header_timeout)
        .max_header_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES * 2)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    app.metrics.connections.inc();
    let mut stopping = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended badly");
                }
                break;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = cut.cancelled() => break,
        }
    }
    app.metrics.connections.dec();
    drop((slot, permit));
}

#[derive(Clone)]
struct Service {
    app: App,
    router: Router,
    peer: IpAddr,
    body_budget: BodyBudget,
    /// The permit of its address: a WebSocket keeps it when the connection becomes one.
    permit: Arc<AddressPermit>,
}

impl Service {
    /// Runs the handler in a task of its own: a client that goes away must not leave a commit
    /// without the code that follows it, and a panic must not take the connection down.
    async fn answer(self, mut request: Request) -> Response {
        let peer = self.peer(&request);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(self.body_budget);
        request.extensions_mut().insert(self.permit);
        match tokio::spawn(self.router.oneshot(request)).await {
            Ok(Ok(response)) => response,
            Err(error) => Problem::internal(error).into_response(),
        }
    }

    fn peer(&self, request: &Request) -> Peer {
        let hops = self.app.config.proxy_hops;
        let lines = request.headers().get_all("x-forwarded-for").iter();
        if hops == 0 {
            if lines.count() > 0 {
                tell_once(
                    "a request says X-Forwarded-For and the setting proxy_hops is 0: if a proxy of yours \
                     wrote it, set proxy_hops, as all behind it are one address now",
                );
            }
            return Peer(self.peer);
        }
        let lines = lines.map(|value| value.to_str().unwrap_or_default());
        Peer(forwarded(lines, hops).unwrap_or_else(|| {
            tell_once(
                "a request says no address in X-Forwarded-For where the setting proxy_hops expects one: \
                 let the proxy append it, and let nobody reach this server but the proxy",
            );
            self.peer
        }))
    }
}

/// Says, once in the life of a process, that proxies and settings do not fit: anybody may send a header.
fn tell_once(what: &'static str) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!("{what}");
    }
}

/// Whom the outermost of `hops` proxies of ours heard, if it said so in a way that can be read.
///
/// Each of our proxies appended one entry; what is left of them anybody may have written. So an entry that
/// cannot be read keeps its place: without it the one before, which is the client's own, would be believed.
fn forwarded<'l>(lines: impl Iterator<Item = &'l str>, hops: usize) -> Option<IpAddr> {
    let chain: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    address(chain.get(chain.len().checked_sub(hops)?)?.trim())
}

/// An address, with a port or without: `192.0.2.7`, `192.0.2.7:51234`, `2001:db8::1`, `[2001:db8::1]:51234`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_our_proxy_wrote_is_believed_and_never_what_the_client_wrote_before_it() {
        let peer = |line, hops| forwarded(std::iter::once(line), hops).map(|ip| ip.to_string());
        let said = |ip: &str| Some(ip.to_owned());
        assert_eq!(peer("9.9.9.9, 203.0.113.7", 1), said("203.0.113.7"));
        assert_eq!(peer("9.9.9.9, 203.0.113.7:51234", 1), said("203.0.113.7"));
        assert_eq!(peer("9.9.9.9, [2001:db8::1]:443", 1), said("2001:db8::1"));
        assert_eq!(peer("9.9.9.9, [2001:db8::1]", 1), said("2001:db8::1"));
        assert_eq!(peer("9.9.9.9, 203.0.113.7:51234, 10.0.0.1", 2), said("203.0.113.7"));
        for unreadable in ["9.9.9.9, unknown", "9.9.9.9, ", "9.9.9.9, _hidden", "9.9.9.9,é"] {
            assert_eq!(peer(unreadable, 1), None, "{unreadable}");
        }
        assert_eq!(peer("203.0.113.7", 2), None);
        let two = ["9.9.9.9", "203.0.113.7"].into_iter();
        assert_eq!(forwarded(two, 1).map(|ip| ip.to_string()), said("203.0.113.7"));
    }
}
