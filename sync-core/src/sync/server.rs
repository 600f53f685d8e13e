//! The server's side of one exchange: take the frame, have the changes admitted, answer.

use ed25519_dalek::VerifyingKey;

use super::codec::{decode_request, encode_response};
use super::frame::{Fault, Frame, Inventory, Request, Response, Sent};
use crate::admission::{Attested, DeviceKey, PushError, Received, Verdict, Verified};
use crate::change::{ChangeRef, Run};
use crate::codes::{self, Code};
use crate::document::Digest;
use crate::id::{ActorId, DeviceId, UserId};
use crate::schema::DocId;

/// When a phone should come back whose work has no room on the server, milliseconds: a person has to
/// make some.
const QUOTA_RETRY_MS: u64 = 15 * 60 * 1000;

/// A run for the writer, in the order in which it has to be admitted.
#[derive(Debug, Clone)]
pub enum Submitted {
    /// Signed by the device; the signature is checked.
    Signed(Verified),
    /// Signed by a device that may not speak any more: its numbers are not to be used, the work is
    /// re-authored by [`crate::admission::reauthor`].
    ByRevoked(Verified),
    /// Brought back; the writer checks the receipt with its secret.
    Relayed(Attested),
    /// The same, to be re-authored by [`crate::admission::reauthor`], since its numbers do not fit.
    Orphaned(Attested),
}

impl Submitted {
    /// The run itself.
    pub fn run(&self) -> &Run {
        match self {
            Self::Signed(verified) | Self::ByRevoked(verified) => verified.run(),
            Self::Relayed(attested) | Self::Orphaned(attested) => &attested.run,
        }
    }
}

/// What the session wants from the store after the changes were admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// For whom.
    pub user: UserId,
    /// Everything after this position; 0 for everything in scope.
    pub cursor: u64,
    /// If present, answer this instead of the cursor, as [`Inventory::compare`] says.
    pub inventory: Option<Inventory>,
    /// Changes of its own that this very request brought durably, not to be sent back. What it
    /// brought back of others is sent: their document may be in its scope again, and the phone
    /// learns that from them.
    pub pushed: Vec<PushedRange>,
}

/// Consecutive changes a request brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRange {
    /// The document.
    pub doc: DocId,
    /// Who wrote them.
    pub actor: ActorId,
    /// First and last number.
    pub seqs: std::ops::RangeInclusive<u64>,
}

/// What the store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pulled {
    /// Where the phone stands once it has stored this.
    pub cursor: u64,
    /// Digest of the documents in scope at that position.
    pub digest: Digest,
    /// What is new, in the order of the log.
    pub runs: Vec<Attested>,
    /// Documents that `runs` holds completely.
    pub whole: Vec<DocId>,
    /// Documents that left the scope.
    pub released: Vec<DocId>,
    /// Documents of the inventory that are not here.
    pub unknown: Vec<DocId>,
    /// The page was full; there is more.
    pub more: bool,
}

/// What happens to a session.
#[derive(Debug)]
pub enum ServerEvent<'a> {
    /// A frame came in.
    Frame(&'a [u8]),
    /// The writer committed, with one list of verdicts a submitted run.
    Admitted(Vec<Vec<Verdict>>),
    /// The store has read.
    Pulled(Pulled),
    /// The store could not do its part; the phone should come back after so many milliseconds.
    Unavailable {
        /// Milliseconds.
        retry_after_ms: u64,
    },
    /// The phone used up what it may send for now; the request was not looked at.
    OverBudget {
        /// Milliseconds until there is room again.
        retry_after_ms: u64,
    },
}

/// What the driver must do next.
#[derive(Debug)]
pub enum ServerEffect {
    /// Have these runs admitted, in this order, and committed; then `Admitted`.
    Admit(Vec<Submitted>),
    /// Read this; then `Pulled`.
    Pull(Pull),
    /// Send this frame; the exchange is over.
    Send(Vec<u8>),
}

/// One phone's connection to the server.
#[derive(Debug)]
pub struct Session<K = VerifyingKey> {
    user: UserId,
    device: DeviceId,
    key: K,
    epoch: u64,
    exchange: Option<Exchange>,
}

/// What one exchange remembers between its steps.
#[derive(Debug)]
struct Exchange {
    cursor: u64,
    inventory: Option<Inventory>,
    /// For each submitted run: document, the changes it holds, and whether they are its own.
    submitted: Vec<(DocId, Vec<ChangeRef>, bool)>,
    signature: Option<[u8; 64]>,
    verdicts: Vec<Verdict>,
}

impl<K: DeviceKey> Session<K> {
    /// A session of an authenticated device. `epoch` is that of the server's log.
    pub fn new(user: UserId, device: DeviceId, key: K, epoch: u64) -> Self {
        Self { user, device, key, epoch, exchange: None }
    }

    /// The device's signature over what is being admitted; kept beside it as evidence.
    pub fn signature(&self) -> Option<[u8; 64]> {
        self.exchange.as_ref().and_then(|exchange| exchange.signature)
    }

    /// One step. `now` is the server's wall clock in Unix milliseconds and goes into the answer.
    pub fn handle(&mut self, now: i64, event: ServerEvent<'_>) -> ServerEffect {
        match event {
            ServerEvent::Frame(bytes) => self.frame(now, bytes),
            ServerEvent::Admitted(verdicts) => self.admitted(verdicts),
            ServerEvent::Pulled(pulled) => self.pulled(now, pulled),
            ServerEvent::Unavailable { retry_after_ms } => {
                self.exchange = None;
                fault(codes::UNAVAILABLE, None, retry_after_ms)
            }
            ServerEvent::OverBudget { retry_after_ms } => {
                self.exchange = None;
                let sentence = "This phone has sent more than it may in an hour; nothing was lost, \
                                the phone tries again by itself.";
                fault(codes::QUOTA, Some(sentence.to_owned()), retry_after_ms)
            }
        }
    }

    fn frame(&mut self, now: i64, bytes: &[u8]) -> ServerEffect {
        let request = match decode_request(bytes) {
            Ok(request) => request,
            Err(error) => {
                return fault(codes::FRAME_MALFORMED, Some(format!("The message: {error}.")), 0);
            }
        };
        let known_epoch = request.epoch == self.epoch;
        let first_contact = request.epoch == 0 && request.runs.is_empty();
        if !known_epoch && !first_contact {
            return self.resync(now, &request);
        }
        let submitted = request.runs.iter().map(|sent| {
            let run = sent.run();
            let refs = run.changes.iter().map(|c| ChangeRef { actor: c.actor, seq: c.seq });
            (run.doc, refs.collect(), matches!(sent, Sent::Signed(_)))
        });
        self.exchange = Some(Exchange {
            cursor: if known_epoch { request.cursor } else { 0 },
            inventory: request.inventory.clone(),
            submitted: submitted.collect(),
            signature: request.signature,
            verdicts: Vec::new(),
        });
        if request.runs.is_empty() {
            return self.admitted(Vec::new());
        }
        match self.verify(request) {
            Ok(submitted) => ServerEffect::Admit(submitted),
            Err(effect) => {
                self.exchange = None;
                effect
            }
        }
    }

    /// This server was restored since the phone last spoke to it, or they never spoke. Nothing is admitted: under the
    /// old numbers two copies of one installation could write different work into one gap.
    fn resync(&self, now: i64, request: &Request) -> ServerEffect {
        let changes: usize = request.runs.iter().map(|sent| sent.run().changes.len()).sum();
        let later = Verdict::Later { code: codes::RESYNC_FIRST.word.to_owned() };
        let response = Response {
            epoch: self.epoch,
            server_time: now,
            verdicts: vec![later; changes],
            resync: true,
            ..Response::default()
        };
        ServerEffect::Send(encode_response(&Frame::Response(Box::new(response))))
    }

    fn verify(&self, request: Request) -> Result<Vec<Submitted>, ServerEffect> {
        // A signed run leaves its place empty, to come back to it verified.
        let mut signed = Vec::new();
        let mut places = Vec::with_capacity(request.runs.len());
        for sent in request.runs {
            places.push(match sent {
                Sent::Signed(run) => {
                    signed.push(Received(run));
                    None
                }
                Sent::Relayed(attested) => Some(Submitted::Relayed(attested)),
                Sent::Orphaned(attested) => Some(Submitted::Orphaned(attested)),
            });
        }
        let mut verified = match (signed.is_empty(), request.signature) {
            (true, _) => Vec::new(),
            (false, Some(signature)) => {
                Received::verify(signed, &signature, &self.key, self.user, self.device)
                    .map_err(|PushError::BadSignature| fault(codes::BAD_SIGNATURE, None, 0))?
            }
            (false, None) => {
                return Err(fault(codes::SIGNATURE_MISSING, None, 0));
            }
        }
        .into_iter();
        let submitted = places.into_iter();
        let submitted =
            submitted.map(|place| place.or_else(|| verified.next().map(Submitted::Signed)));
        Ok(submitted.flatten().collect())
    }

    fn admitted(&mut self, verdicts: Vec<Vec<Verdict>>) -> ServerEffect {
        let Some(exchange) = &mut self.exchange else { return out_of_step() };
        let mut pushed = Vec::new();
        for ((doc, changes, own), verdicts) in exchange.submitted.iter().zip(&verdicts) {
            if !own {
                continue;
            }
            let durable = verdicts.iter().take_while(|verdict| verdict.is_durable()).count();
            if let (Some(first), Some(last)) = (changes.first(), changes[..durable].last()) {
                let seqs = first.seq..=last.seq;
                pushed.push(PushedRange { doc: *doc, actor: first.actor, seqs });
            }
        }
        exchange.verdicts = verdicts.into_iter().flatten().collect();
        ServerEffect::Pull(Pull {
            user: self.user,
            cursor: exchange.cursor,
            inventory: exchange.inventory.take(),
            pushed,
        })
    }

    fn pulled(&mut self, now: i64, pulled: Pulled) -> ServerEffect {
        let Some(exchange) = self.exchange.take() else { return out_of_step() };
        // A cursor ahead of the log: someone put back an old file without saying so.
        let resync = exchange.cursor > pulled.cursor;
        let mut response = Response {
            epoch: self.epoch,
            cursor: pulled.cursor,
            digest: pulled.digest,
            server_time: now,
            verdicts: exchange.verdicts,
            resync,
            ..Response::default()
        };
        if resync {
            // What follows an inventory starts again; sending from here would only repeat it.
            response.cursor = 0;
        } else {
            response.runs = pulled.runs;
            response.whole = pulled.whole;
            response.released = pulled.released;
            response.unknown = pulled.unknown;
            response.more = pulled.more;
            // What is new for the phone comes first; then it need not ask again soon.
            if !pulled.more && response.verdicts.iter().any(over_quota) {
                response.retry_after_ms = QUOTA_RETRY_MS;
            }
        }
        ServerEffect::Send(encode_response(&Frame::Response(Box::new(response))))
    }
}

fn over_quota(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Later { code } if code == codes::QUOTA.word)
}

/// A fault; `exactly` is said instead of the sentence of the code.
fn fault(code: Code, exactly: Option<String>, retry_after_ms: u64) -> ServerEffect {
    let sentence = exactly.unwrap_or_else(|| code.sentence.to_owned());
    let code = code.word.to_owned();
    ServerEffect::Send(encode_response(&Frame::Fault(Fault { code, sentence, retry_after_ms })))
}

fn out_of_step() -> ServerEffect {
    fault(codes::UNAVAILABLE, None, 1000)
}
