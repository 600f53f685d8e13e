//! `towline verify-seal`: what a customer signed, checked from a file alone.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use server::auth::Keys;
use store::Store;
use sync_core::bundle::{Evidence, verify_bundle};
use sync_core::seal::Completeness;

use super::settings::DatabaseArgs;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifySeal {
    /// The evidence bundle, as `/v1/jobs/{id}/seals/{seal}` gives it.
    file: PathBuf,
    /// Keys of the server that are trusted: its `/.well-known/jwks.json`, saved. Without it the
    /// keys of the database given by --data or --database are.
    #[arg(long)]
    keys: Option<PathBuf>,
    /// Print what is proven as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: DatabaseArgs,
}

const EXAMPLES: &str = "\
Examples:
  curl https://rescue.example.com/.well-known/jwks.json > keys.json
  towline verify-seal seal.json --keys keys.json
  towline verify-seal seal.json --data /srv/towline     beside the database it came from
Exit status 1 if the bundle does not prove what it says, or if changes were cut off. A bundle of an
old version has no statement of the whole: it is valid, and said to be not proven complete. Keep the
keys with the bundle: whoever checks must have them from somewhere they trust.";

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<PublicKey>,
}

#[derive(Deserialize)]
struct PublicKey {
    kid: String,
    x: String,
}

impl VerifySeal {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let trusted = match &self.keys {
            Some(file) => keys_of_file(file)?,
            None => self.keys_of_database().await?,
        };
        let bytes = std::fs::read(&self.file)?;
        let evidence = match verify_bundle(&bytes, &trusted) {
            Ok(evidence) => evidence,
            Err(error) => {
                complain!("NOT VALID ({}): {error}", error.code());
                return Ok(ExitCode::FAILURE);
            }
        };
        if self.json {
            say!("{}", serde_json::to_string_pretty(&evidence)?);
            return Ok(ExitCode::SUCCESS);
        }
        say!("{}", report(&evidence).trim_end());
        Ok(ExitCode::SUCCESS)
    }

    async fn keys_of_database(&self) -> Result<Vec<(String, VerifyingKey)>, Box<dyn Error>> {
        let config = self.place.existing().map_err(|error| {
            format!("say whose keys are trusted: --keys FILE, or --data of a database; {error}")
        })?;
        let store = Store::open(config.database.reveal()).await?;
        let keys = Keys::default();
        keys.load(&mut *store.readers().acquire().await?, config.clock.now()).await?;
        Ok(keys.ever())
    }
}

/// What is proven and what is not, for people.
fn report(evidence: &Evidence) -> String {
    let Evidence { name, role, kid, .. } = evidence;
    let complete = match &evidence.completeness {
        Completeness::Proven { at, kid } => {
            format!("proven: all that the server had at {at}, by its key {kid}")
        }
        Completeness::KeyUnknown { kid } => {
            format!("NOT PROVEN: key {kid}, which states the whole, is not among the trusted keys")
        }
        Completeness::NotStated => "NOT PROVEN: the bundle has no statement of the server; later \
            changes may have been cut off"
            .to_owned(),
    };
    let rendering = if evidence.rendering_matches {
        "follows from the facts of the job"
    } else {
        "differs from what this version shows"
    };
    let listed = evidence.changed_since_signed.len();
    let mut since = match (evidence.places_changed, &evidence.completeness) {
        (0, Completeness::Proven { .. }) => "nothing was changed".to_owned(),
        (0, _) => "nothing in this bundle was changed".to_owned(),
        (places, _) => format!("changed in {places} places"),
    };
    for change in &evidence.changed_since_signed {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "(nothing)".to_owned());
        let (signed, now) = (text(&change.signed), text(&change.now));
        let _ = write!(since, "\n              {}: {signed} -> {now}", change.what);
    }
    if evidence.places_changed > listed {
        let _ = write!(since, "\n              and {} more", evidence.places_changed - listed);
    }
    let uncertainty = match evidence.uncertainty {
        Some(ms) => format!("within {ms} ms"),
        None => "by the phone's clock alone".to_owned(),
    };
    format!(
        "VALID: signed by {name} as {role}
proven
  statement   {statement}
  signed at   {signed_at} (Unix milliseconds, {uncertainty})
  received at {received_at}
  job         {job}
  seal        {seal}
  phone       {device}: its key signed what was shown, {points} points of the pen, place and time
  vouched by  server key {kid}: that key was the phone's when the seal came in
  rendering   {rendering}
  since then  {since}
  complete    {complete}
not proven
  who held the pen: the name and the role are as they were typed on the phone
  that key {kid} is the server's: compare it with one you got from the server by another way
",
        statement = evidence.statement,
        signed_at = evidence.signed_at,
        received_at = evidence.received_at,
        job = evidence.job,
        seal = evidence.seal,
        device = evidence.device,
        points = evidence.points,
    )
}

fn keys_of_file(file: &Path) -> Result<Vec<(String, VerifyingKey)>, Box<dyn Error>> {
    let set: KeySet = serde_json::from_slice(&std::fs::read(file)?)?;
    set.keys
        .into_iter()
        .map(|key| {
            let bytes = URL_SAFE_NO_PAD.decode(&key.x)?;
            let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| "a key has 32 bytes")?;
            Ok((key.kid, VerifyingKey::from_bytes(&bytes)?))
        })
        .collect()
}
