//! The accept loop: limits on what a connection may cost, and an orderly end with a deadline.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
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
use super::linger::{Lingering, Unread};
use super::meter::{Meter, Metered};
use super::seats::{Seat, Seats};
use super::stall::Patient;
use crate::app::App;
use crate::http::{Code, Problem};
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

/// Binds the address and serves until told to stop.
///
/// # Errors
/// When the address cannot be bound.
pub async fn listen(app: App, router: Router) -> io::Result<Listening> {
    let listener = TcpListener::bind(app.config.listen).await?;
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let done = tokio::spawn(accept(listener, app, router, stop.clone()));
    Ok(Listening { addr, stop, done })
}

async fn accept(listener: TcpListener, app: App, router: Router, stop: CancellationToken) {
    let net = app.config.net.clone();
    let slots = Arc::new(Semaphore::new(net.max_connections));
    let seats = Seats::new(net.max_connections_per_address);
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
        let Some(seat) = seats.take(peer.ip()) else {
            app.metrics.shed.get_or_create(&Case::of("address")).inc();
            turn_away(stream, &leaving, &open, &stop);
            continue;
        };
        // Small frames both ways: waiting to fill packets would only add delay.
        drop(stream.set_nodelay(true));
        let (stop, cut) = (stop.clone(), cut.clone());
        open.spawn(serve(app.clone(), router.clone(), stream, peer.ip(), stop, cut, (slot, seat)));
    }
    drop(listener);
    app.sockets.close();
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
    let Ok(place) = Arc::clone(leaving).try_acquire_owned() else { return };
    let (unread, stop) = (Unread::default(), stop.clone());
    unread.set(true);
    open.spawn(async move {
        let mut stream = Lingering::new(stream, unread, stop.clone());
        stop.run_until_cancelled(stream.shutdown()).await;
        drop(place);
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
    place: (OwnedSemaphorePermit, Seat),
) {
    let net = &app.config.net;
    let meter = Meter::default();
    let service = Service { app: app.clone(), router, peer, meter: meter.clone() };
    let unread = Unread::default();
    let stream = Patient::new(stream, net.stall_timeout);
    let stream = Lingering::new(stream, unread.clone(), stop.clone());
    let stream = Metered::new(stream, meter);
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
    drop(place);
}

#[derive(Clone)]
struct Service {
    app: App,
    router: Router,
    peer: IpAddr,
    meter: Meter,
}

impl Service {
    /// Runs the handler in a task of its own: a client that goes away must not leave a commit
    /// without the code that follows it, and a panic must not take the connection down.
    async fn answer(self, mut request: Request) -> Response {
        let peer = self.peer(&request);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(self.meter);
        let net = &self.app.config.net;
        // A page of a phone may need minutes over a poor link before there is anything to do.
        let body = if request.uri().path() == "/v1/sync" {
            net.sync_body_timeout
        } else {
            net.body_timeout
        };
        let limit = net.request_timeout + body;
        let task = tokio::spawn(tokio::time::timeout(limit, self.router.oneshot(request)));
        match task.await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_)) => Problem::new(Code::Slow).retry_after(5).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }

    fn peer(&self, request: &Request) -> Peer {
        let hops = self.app.config.proxy_hops;
        if hops == 0 {
            return Peer(self.peer);
        }
        let lines = request.headers().get_all("x-forwarded-for").iter();
        let chain: Vec<IpAddr> = lines
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(','))
            .filter_map(|address| address.trim().parse().ok())
            .collect();
        // Each of our proxies appended whom it heard; what is left of them anybody may have written.
        let place = chain.len().checked_sub(hops);
        Peer(place.and_then(|place| chain.get(place)).copied().unwrap_or(self.peer))
    }
}
