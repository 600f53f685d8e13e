//! What was rescued as frames that the phone's key signed, and the way of those to the office.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sync_core::id::DeviceId;
use sync_core::limits;
use sync_core::sync::{Frame, Request, Sent, StoredRun, decode_response, encode_request, join};

use super::Rescued;
use crate::engine::device_key;
use crate::net::{self, NetError, REVOKED, Transport};
use crate::platform::{self, Clock, Random};
use crate::store::runs;

/// Version of the file.
const VERSION: u32 = 1;

/// A file of frames, for whoever brings them to the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Submission {
    /// Version of this form.
    towline_submission: u32,
    /// The phone that signed.
    pub device: DeviceId,
    /// Audience of its logins.
    pub audience: String,
    /// Address of the server it was enrolled at.
    pub server_url: String,
    /// Frames of the sync protocol (part 5), base64url.
    frames: Vec<String>,
}

/// Why there is nothing to hand in, or it was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// The secret is no secret of a phone's.
    #[error(
        "the secret cannot be read; it is the file phone.db.secret beside the store, with the phone's key"
    )]
    NoKey,
    /// The store does not say any more who the phone is.
    #[error(
        "the store does not say any more which phone it is of, so nothing can be signed for it"
    )]
    NoIdentity,
    /// The key is not that of the phone.
    #[error("the secret is of another phone than the store")]
    OtherKey,
    /// The file is no submission of this version.
    #[error("this is no submission of a phone: {0}")]
    NotASubmission(String),
    /// The server was not reached or did not answer as it should.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No randomness.
    #[error("no random numbers: {0}")]
    Random(#[from] std::io::Error),
}

/// The result of what was submitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submitted {
    /// Frames that are with the office, which looks at them.
    pub with_office: u64,
    /// Frames that the office has decided about before: `accepted` or `discarded`.
    pub decided: BTreeMap<String, u64>,
    /// Changes by the verdict of a server at which this phone may still sync: `durable`, or why not.
    pub verdicts: BTreeMap<String, u64>,
}

impl Submitted {
    /// Whether there is something that only the office can take, from a phone that is revoked: what it
    /// follows is lost, or the server was restored since.
    pub fn needs_the_office(&self) -> bool {
        let left = |code: &&String| {
            ["missing_dependencies", "resync_first", "reauthor", "actor_fork"]
                .contains(&code.as_str())
        };
        self.verdicts.keys().any(|code| left(&code))
    }
}

impl Rescued {
    /// What the office does not have, signed with the key in `secret`, the bytes of the phone's secret.
    /// `with_unchecked` adds what follows work that could not be read: nobody can tell whether damage
    /// changed it, so it stands in frames of its own.
    ///
    /// # Errors
    /// [`SubmissionError::NoKey`], [`SubmissionError::NoIdentity`], [`SubmissionError::OtherKey`].
    pub fn submission(
        &self,
        secret: &[u8],
        with_unchecked: bool,
    ) -> Result<Submission, SubmissionError> {
        let identity = self.identity.as_ref().ok_or(SubmissionError::NoIdentity)?;
        let key = device_key(secret, Some(identity)).ok_or(SubmissionError::NoKey)?;
        let public = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        if identity.public_key.as_ref().is_some_and(|known| *known != public) {
            return Err(SubmissionError::OtherKey);
        }
        let unchecked: &[StoredRun] = if with_unchecked { &self.unchecked } else { &[] };
        let pages: Vec<&[StoredRun]> =
            cut(&self.checked).into_iter().chain(cut(unchecked)).collect();
        let last = pages.len().saturating_sub(1);
        let frame = |(index, page): (usize, &&[StoredRun])| {
            let runs = join(page.to_vec());
            let signature = Sent::sign(&runs, identity.device, &key);
            let (epoch, cursor) = (self.position.epoch, self.position.cursor);
            let more = index < last;
            let request = Request { epoch, cursor, runs, signature, inventory: None, more };
            URL_SAFE_NO_PAD.encode(encode_request(&request))
        };
        Ok(Submission {
            towline_submission: VERSION,
            device: identity.device,
            audience: identity.audience.clone(),
            server_url: identity.server_url.clone(),
            frames: pages.iter().enumerate().map(frame).collect(),
        })
    }
}

impl Submission {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SubmissionError::NotASubmission`].
    pub fn read(path: &Path) -> Result<Self, SubmissionError> {
        let not =
            |error: &dyn std::fmt::Display| SubmissionError::NotASubmission(error.to_string());
        let bytes = std::fs::read(path).map_err(|error| not(&error))?;
        let read: Self = serde_json::from_slice(&bytes).map_err(|error| not(&error))?;
        if read.towline_submission != VERSION {
            return Err(not(&format!("it has version {}", read.towline_submission)));
        }
        Ok(read)
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.frames.len()
    }
}

/// Logs in as the phone and sends each frame. A repeat changes nothing.
///
/// # Errors
/// [`SubmissionError`]; what was taken before stays taken.
pub fn submit(
    submission: &Submission,
    secret: &[u8],
    transport: &dyn Transport,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<Submitted, SubmissionError> {
    let key: SigningKey = device_key(secret, None).ok_or(SubmissionError::NoKey)?;
    let mut submitted = Submitted::default();
    let mut token = None;
    for frame in &submission.frames {
        let not = |what: &str| SubmissionError::NotASubmission(what.to_owned());
        let frame = URL_SAFE_NO_PAD.decode(frame).map_err(|_| not("a frame is no base64url"))?;
        // Of a phone that is revoked a token is good for one frame at least; each has its own.
        let bearer = match token.take() {
            Some(bearer) => bearer,
            None => {
                let jtis = [platform::bytes(random)?, platform::bytes(random)?];
                let now_s = clock.wall_ms().div_euclid(1000);
                let (device, audience) = (submission.device, submission.audience.as_str());
                net::token(transport, &key, device, audience, now_s, jtis)?.access_token
            }
        };
        match transport.sync(&bearer, &frame) {
            Ok(answer) => {
                submitted.count(&answer)?;
                token = Some(bearer);
            }
            Err(NetError::Login { code, reason, .. }) if code == REVOKED => match reason {
                Some(decided) => *submitted.decided.entry(decided).or_default() += 1,
                None => submitted.with_office += 1,
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok(submitted)
}

impl Submitted {
    fn count(&mut self, answer: &[u8]) -> Result<(), SubmissionError> {
        match decode_response(answer) {
            Ok(Frame::Response(response)) => {
                for verdict in &response.verdicts {
                    *self.verdicts.entry(verdict.code().to_owned()).or_default() += 1;
                }
                Ok(())
            }
            Ok(Frame::Fault(fault)) => {
                let (status, code, sentence) = (200, fault.code, fault.sentence);
                Err(NetError::Refused { status, code, sentence }.into())
            }
            _ => Err(NetError::Garbled("not a sync frame".to_owned()).into()),
        }
    }
}

/// Pages as a phone cuts them.
fn cut(rows: &[StoredRun]) -> Vec<&[StoredRun]> {
    let mut pages = Vec::new();
    let (mut from, mut size) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        let bytes = runs::encode(&row.run).len();
        if index > from && size + bytes > limits::PAGE_BYTES {
            pages.push(&rows[from..index]);
            (from, size) = (index, 0);
        }
        size += bytes;
    }
    if from < rows.len() {
        pages.push(&rows[from..]);
    }
    pages
}
