//! `towline verify-seal`: what a customer signed, checked from a file alone.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use server::auth::Keys;
use server::store::Store;
use sync_core::seal::verify_bundle;

use super::settings::Place;

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
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  curl https://rescue.example.com/.well-known/jwks.json > keys.json
  towline verify-seal seal.json --keys keys.json
  towline verify-seal seal.json --data /srv/towline     beside the database it came from
Exit status 1 if the bundle does not prove what it says. Keep the keys with the bundle: whoever
checks must have them from somewhere they trust.";

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
                eprintln!("NOT VALID ({}): {error}", error.code());
                return Ok(ExitCode::FAILURE);
            }
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&evidence)?);
            return Ok(ExitCode::SUCCESS);
        }
        println!("VALID: signed by {} as {}", evidence.name, evidence.role);
        println!("  statement   {}", evidence.statement);
        println!("  signed at   {} (Unix milliseconds)", evidence.signed_at);
        println!("  received at {}", evidence.received_at);
        println!("  job         {}", evidence.job);
        println!("  seal        {}", evidence.seal);
        println!("  phone       {}, vouched for by key {}", evidence.device, evidence.kid);
        println!(
            "  rendering   {}",
            if evidence.rendering_matches {
                "follows from the facts"
            } else {
                "differs from what this version shows"
            }
        );
        match evidence.changed_since_signed.as_slice() {
            [] => println!("  since then  nothing was changed"),
            changes => println!("  since then  changed: {}", serde_json::to_string(changes)?),
        }
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
