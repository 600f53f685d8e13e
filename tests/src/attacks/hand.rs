//! A phone in the hand of someone who knows the protocol and keeps to nothing of it.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value as Json, json};
use server::clock::random;
use sync_core::admission::{Attested, push_message, replay};
use sync_core::change::{Change, Entry, Run};
use sync_core::document::{Author, ChangeHash, Document};
use sync_core::enrol;
use sync_core::id::{ActorId, DeviceId, FactId, JobId, UserId};
use sync_core::schema::{DocId, Key, Section, key, section};
use sync_core::sync::{Frame, Request, Sent, decode_response, encode_request};
use sync_core::value::Value;

use super::town::Client;

/// Media type of frames.
pub const MEDIA: &str = "application/vnd.towline.sync";

/// A phone.
#[derive(Debug)]
pub struct Hand {
    pub user: UserId,
    pub device: DeviceId,
    pub key: SigningKey,
    pub audience: String,
    pub digits: String,
    /// Jobs it opened to attack something in them: those are its right.
    pub opened: AtomicI64,
    /// Its access to the server; without a token until it logs in.
    pub client: Client,
    /// Epoch of the server.
    pub epoch: u64,
}

impl Hand {
    /// Enrols with a code; the digits still have to be compared.
    pub fn enrol(to: SocketAddr, code: &str) -> Result<Self, String> {
        let (key, nonce) = (SigningKey::from_bytes(&random()), random());
        let client = Client::anybody(to);
        let reply = client.post("/v1/devices/enrol", &enrolment(code, &key, &nonce));
        let told = reply.json();
        let text = |name: &str| told[name].as_str().map(str::to_owned).ok_or_else(|| reply.told());
        let theirs = URL_SAFE_NO_PAD.decode(text("nonce")?).map_err(|e| e.to_string())?;
        let theirs: [u8; 16] = theirs.try_into().map_err(|_| "a nonce")?;
        let public = key.verifying_key();
        Ok(Self {
            digits: enrol::digits(&enrol::CodeSecret::of(code), public.as_bytes(), &nonce, &theirs),
            user: text("user")?.parse().map_err(|_| "a user")?,
            device: text("device")?.parse().map_err(|_| "a device")?,
            audience: text("audience")?,
            opened: AtomicI64::new(0),
            epoch: 0,
            key,
            client,
        })
    }

    /// Gets an access token and hears the epoch of the server.
    pub fn log_in(&mut self) -> Result<(), String> {
        let reply = self.token(&self.assertion());
        let token = reply.json()["access_token"].as_str().map(str::to_owned);
        self.client.token = token.ok_or_else(|| reply.told())?;
        if let Some(Frame::Response(first)) = self.exchange(&Request::default()) {
            self.epoch = first.epoch;
        }
        Ok(())
    }

    /// Asks for an access token.
    pub fn token(&self, assertion: &str) -> super::wire::Reply {
        let anybody = Client::anybody(self.client.to);
        let body =
            format!("grant_type={}&assertion={assertion}", enrol::GRANT_TYPE.replace(':', "%3A"));
        let form = [("content-type", "application/x-www-form-urlencoded")];
        anybody.send("POST", "/v1/token", &form, body.as_bytes())
    }

    /// A good assertion.
    pub fn assertion(&self) -> String {
        let input = enrol::assertion_input(self.device, &self.audience, now() / 1000, random());
        enrol::assertion(&input, &self.key.sign(input.as_bytes()).to_bytes())
    }

    /// Header and claims of a good assertion.
    pub fn claims(&self) -> (Json, Json) {
        let (id, now) = (self.device.to_string(), now() / 1000);
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": id});
        let claims = json!({"iss": id, "sub": id, "aud": self.audience, "iat": now, "nbf": now,
            "exp": now + 120, "jti": URL_SAFE_NO_PAD.encode(random::<16>())});
        (header, claims)
    }

    /// Sends bytes as a frame.
    pub fn frame(&self, bytes: &[u8]) -> String {
        let reply = self.client.send("POST", "/v1/sync", &[("content-type", MEDIA)], bytes);
        if reply.status == 200 { said(&reply.body) } else { reply.told() }
    }

    /// One exchange; nothing if it was not answered by a frame.
    pub fn exchange(&self, request: &Request) -> Option<Frame> {
        let bytes = encode_request(request);
        let reply = self.client.send("POST", "/v1/sync", &[("content-type", MEDIA)], &bytes);
        decode_response(&reply.body).ok()
    }

    /// Signs runs as this phone and sends them.
    pub fn push(&self, runs: Vec<Run>) -> String {
        self.frame(&encode_request(&self.request(runs)))
    }

    /// A request with signed runs.
    pub fn request(&self, runs: Vec<Run>) -> Request {
        let message = push_message(self.device, runs.iter());
        let signature = Some(self.key.sign(&message).to_bytes());
        let runs = runs.into_iter().map(Sent::Signed).collect();
        Request { epoch: self.epoch, cursor: 0, runs, signature, ..Request::default() }
    }

    /// Sends runs as if they had been here before.
    pub fn relay(&self, runs: Vec<Attested>) -> String {
        let runs = runs.into_iter().map(Sent::Relayed).collect();
        self.frame(&encode_request(&Request { epoch: self.epoch, runs, ..Request::default() }))
    }

    /// Everything the server shows this phone.
    pub fn pull(&self) -> (HashMap<DocId, Document>, Vec<Attested>) {
        let (mut documents, mut all) = (HashMap::new(), Vec::new());
        let mut request = Request { epoch: self.epoch, ..Request::default() };
        while let Some(Frame::Response(page)) = self.exchange(&request) {
            for attested in &page.runs {
                let run = &attested.run;
                let document = documents.entry(run.doc).or_insert_with(|| Document::new(run.doc));
                let replayed = replay(document, run, attested.author);
                assert!(replayed.is_ok());
            }
            all.extend(page.runs);
            request.cursor = page.cursor;
            if !page.more {
                break;
            }
        }
        (documents, all)
    }

    /// The author its work is attested to.
    pub fn author(&self) -> Author {
        Author::phone(self.user, self.device)
    }
}

/// A job of its own that an attack can do with what it likes.
pub struct Play {
    pub document: Document,
    pub actor: ActorId,
}

impl Play {
    /// Opens a walk-up job under a fresh actor; the server has it when this returns.
    pub fn open(hand: &Hand) -> Self {
        let document = Document::new(JobId::new(now(), random()).into());
        let mut play = Self { document, actor: ActorId::new(now(), random()) };
        let run = play.run(vec![walk_up()]);
        let answer = hand.push(vec![run.clone()]);
        assert_eq!(answer, "durable", "a walk-up is anybody's right");
        hand.opened.fetch_add(1, Ordering::Relaxed);
        play.take(hand, &run);
        play
    }

    /// The next change with these entries, hashed as it would have to be.
    pub fn run(&self, entries: Vec<Entry>) -> Run {
        run_of(&self.document, vec![self.change(entries)])
    }

    /// The next change with these entries.
    pub fn change(&self, entries: Vec<Entry>) -> Change {
        let seq = self.document.seq_of(&self.actor) + 1;
        Change { actor: self.actor, seq, after: Vec::new(), time: now(), entries }
    }

    /// Takes in what the server took.
    pub fn take(&mut self, hand: &Hand, run: &Run) {
        let replayed = replay(&mut self.document, run, hand.author());
        assert!(replayed.is_ok());
    }

    /// What the desk is told when it looks at the job.
    pub fn seen(&self, desk: &Client) -> String {
        let id = self.document.id().job().map(|id| id.to_string()).unwrap_or_default();
        desk.get(&format!("/v1/jobs/{id}")).told()
    }
}

/// A run with the hash it would have to have, or none where there can be none.
pub fn run_of(document: &Document, changes: Vec<Change>) -> Run {
    let unhashed = Run { doc: document.id(), changes, last_hash: ChangeHash([0; 32]) };
    document.run(unhashed.changes.clone()).unwrap_or(unhashed)
}

/// A fact under a fresh id.
pub fn fact(section: Section, record: &[(Key, Value)]) -> Entry {
    let id = FactId::new(now(), random());
    Entry::Fact { section, id, record: record.iter().cloned().collect() }
}

/// A remark.
pub fn note(text: &str) -> Entry {
    fact(section::NOTES, &[(key::TEXT, text.into())])
}

/// The fact that opens a job.
pub fn walk_up() -> Entry {
    fact(section::STATUS, &[(key::KIND, "walk_up".into()), (key::EPOCH, 0.into())])
}

/// What a frame of the server says: verdicts, a fault, or neither.
pub fn said(bytes: &[u8]) -> String {
    match decode_response(bytes) {
        Ok(Frame::Response(response)) if !response.verdicts.is_empty() => {
            let codes: Vec<&str> = response.verdicts.iter().map(|verdict| verdict.code()).collect();
            let groups = codes.chunk_by(|a, b| a == b).map(|group| match group.len() {
                1 => group[0].to_owned(),
                count => format!("{}*{count}", group[0]),
            });
            groups.collect::<Vec<_>>().join(", ")
        }
        Ok(Frame::Response(response)) if response.resync => "resync".to_owned(),
        Ok(Frame::Response(response)) => {
            let unknown = response.unknown.len();
            let runs = response.runs.len();
            format!("{runs} runs, {unknown} unknown")
        }
        Ok(Frame::Fault(fault)) => format!("fault {}", fault.code),
        Ok(Frame::Notification) => "notification".to_owned(),
        Err(error) => format!("no frame: {error}"),
    }
}

/// Several answers as the set of different ones.
pub fn set(answers: impl IntoIterator<Item = String>) -> String {
    let set: BTreeSet<String> = answers.into_iter().collect();
    set.into_iter().collect::<Vec<_>>().join(" / ")
}

/// What a phone posts to be enrolled.
pub fn enrolment(code: &str, key: &SigningKey, nonce: &[u8; 16]) -> Json {
    let public = *key.verifying_key().as_bytes();
    let secret = enrol::CodeSecret::of(code);
    let proof = key.sign(&enrol::proof_message(&secret, &public, nonce)).to_bytes();
    json!({
        "code_name": URL_SAFE_NO_PAD.encode(secret.name()),
        "public_key": URL_SAFE_NO_PAD.encode(public),
        "nonce": URL_SAFE_NO_PAD.encode(nonce),
        "proof": URL_SAFE_NO_PAD.encode(proof),
        "name": "phone",
    })
}

/// Unix milliseconds.
pub fn now() -> i64 {
    server::clock::Clock::system().now()
}
