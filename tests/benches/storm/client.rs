//! A device of the storm: its documents in memory, the real frames, a plain HTTP/1.1 connection.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ed25519_dalek::Signer as _;
use sync_core::admission::{push_message, replay};
use sync_core::change::Run;
use sync_core::document::Document;
use sync_core::enrol::{assertion, assertion_input};
use sync_core::schema::DocId;
use sync_core::sync::{Frame, Request, Response, Sent, decode_response, encode_request};
use tests::storm::{Phone, work};
use tokio::net::TcpStream;

use crate::http;

/// Media type of the frames.
pub const MEDIA_TYPE: &str = "application/vnd.towline.sync";

/// What went over the line, every exchange of it: those that were turned away too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Requests and answers.
    pub messages: u64,
    /// Bytes of the bodies of requests.
    pub up: usize,
    /// Bytes of the bodies of answers.
    pub down: usize,
}

impl Traffic {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            up: self.up + other.up,
            down: self.down + other.down,
        }
    }

    /// Bytes both ways.
    pub fn bytes(self) -> usize {
        self.up + self.down
    }

    /// One more exchange. A server that turns a device away need not have read all of the request;
    /// it counts whole, as the device sent it.
    fn count(&mut self, request: &[u8], answer: &[u8]) {
        *self = self.and(Self { messages: 2, up: request.len(), down: answer.len() });
    }
}

/// A logged-in device.
pub struct Device {
    address: SocketAddr,
    token: String,
    phone: Phone,
    documents: Vec<Document>,
    runs: Vec<Run>,
    epoch: u64,
    cursor: u64,
}

impl Device {
    /// Logs in by a signed assertion, as a phone does (RFC 7523).
    pub async fn log_in(address: SocketAddr, audience: &str, index: u64) -> Self {
        let phone = Phone::new(index);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let now = i64::try_from(now).expect("a sane clock");
        let mut jti = [0; 16];
        jti[..8].copy_from_slice(&index.to_be_bytes());
        let input = assertion_input(phone.device, audience, now, jti);
        let assertion = assertion(&input, &phone.key().sign(input.as_bytes()).to_bytes());
        let grant = sync_core::enrol::GRANT_TYPE.replace(':', "%3A");
        let body = format!("grant_type={grant}&assertion={assertion}");
        let form = "application/x-www-form-urlencoded";
        let answer = http::post(address, "/v1/token", form, None, body.as_bytes()).await;
        let answer = answer.expect("an answer").json();
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}"));
        let token = token.to_owned();
        let (documents, runs) = Default::default();
        Self { address, token, phone, documents, runs, epoch: 0, cursor: 0 }
    }

    /// Takes in the jobs the office had assigned before coverage was lost.
    pub async fn first_sync(&mut self) {
        loop {
            let request = self.request(Vec::new());
            let (_, response) = exchange(self.address, None, &self.token, &request).await;
            self.epoch = response.epoch;
            self.cursor = response.cursor;
            for attested in &response.runs {
                let doc = attested.run.doc;
                let document = document(&mut self.documents, doc);
                replay(document, &attested.run, attested.author).expect("the server's runs fit");
            }
            if !response.more {
                return;
            }
        }
    }

    /// Does the offline work on every job.
    pub fn work(&mut self) {
        for (seed, document) in (1..).zip(&mut self.documents) {
            self.runs.push(work(document, &self.phone, seed));
        }
    }

    /// Comes back: connects, sends everything, learns that all of it is durable.
    pub async fn reconnect(mut self) -> Traffic {
        let runs = std::mem::take(&mut self.runs);
        let changes: usize = runs.iter().map(|run| run.changes.len()).sum();
        // A device packs while others are on the line already, and so do these.
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let request = self.request(runs);
        let (traffic, response) = exchange(self.address, Some(stream), &self.token, &request).await;
        assert_eq!(response.verdicts.len(), changes, "a verdict for each change");
        assert!(response.verdicts.iter().all(|v| v.is_durable()), "all of it durable");
        traffic
    }

    /// What it will send when it comes back, with the token to send it with; the documents go.
    pub fn packed(mut self) -> (String, Vec<u8>, usize) {
        let runs = std::mem::take(&mut self.runs);
        let changes = runs.iter().map(|run| run.changes.len()).sum();
        let request = self.request(runs);
        (self.token, request, changes)
    }

    /// The token it logged in with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Comes back with nothing to say.
    pub async fn idle(&mut self) -> Traffic {
        let request = self.request(Vec::new());
        let (traffic, response) = exchange(self.address, None, &self.token, &request).await;
        let mine = self.documents.iter().map(Document::fingerprint).collect();
        assert_eq!(response.digest, mine, "both hold the same");
        assert!(response.runs.is_empty() && !response.more, "nothing is new");
        traffic
    }

    fn request(&self, runs: Vec<Run>) -> Vec<u8> {
        let message = push_message(self.phone.device, runs.iter());
        let signature = (!runs.is_empty()).then(|| self.phone.key().sign(&message).to_bytes());
        let runs = runs.into_iter().map(Sent::Signed).collect();
        let (epoch, cursor) = (self.epoch, self.cursor);
        encode_request(&Request { epoch, cursor, runs, signature, ..Request::default() })
    }
}

fn document(documents: &mut Vec<Document>, doc: DocId) -> &mut Document {
    let at = documents.iter().position(|document| document.id() == doc);
    let at = at.unwrap_or_else(|| {
        documents.push(Document::new(doc));
        documents.len() - 1
    });
    &mut documents[at]
}

/// One exchange that must succeed, tried again when the server says so, at first on a connection
/// that may be open already; all that went over the line, and the last answer.
async fn exchange(
    address: SocketAddr,
    mut open: Option<TcpStream>,
    token: &str,
    frame: &[u8],
) -> (Traffic, Response) {
    let mut traffic = Traffic::default();
    loop {
        let answer = match open.take() {
            Some(stream) => {
                http::send_on(stream, "POST", "/v1/sync", MEDIA_TYPE, Some(token), frame).await
            }
            None => http::post(address, "/v1/sync", MEDIA_TYPE, Some(token), frame).await,
        };
        let answer = answer.expect("an answer");
        traffic.count(frame, &answer.body);
        match answer.retry_after {
            Some(seconds) if answer.status == 503 => {
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            _ => return (traffic, read(&answer.body)),
        }
    }
}

fn read(body: &[u8]) -> Response {
    match decode_response(body) {
        Ok(Frame::Response(response)) => *response,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(body)),
    }
}
