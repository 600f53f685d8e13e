//! `towline-phone`: what a service desk does with a phone whose store is damaged.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use mobile_ffi::rescue::{Rescued, Submission, Submitted, submit};
use mobile_ffi::{Connector as _, HttpConnector, SystemClock, SystemRandom, Transport};
use sync_core::schema::DocKind;

/// Brings work to the office that was saved on a phone whose store is damaged.
#[derive(Parser)]
#[command(name = "towline-phone", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct TowlinePhone {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  towline-phone rescue phone.db                                  says what can be read; writes nothing
  towline-phone rescue phone.db --out lin.json                   and writes what the office lacks, signed
  towline-phone rescue phone.db --server https://rescue.example  and hands it in
  towline-phone submit lin.json --secret phone.db.secret
Copy phone.db, phone.db-wal and phone.db.secret from the phone first, together. The file is only read.
Revoke the phone before handing in where a part of its work is lost: the office then takes the rest.";

#[derive(Subcommand)]
enum Command {
    /// Read what is left of a damaged store, check it, and keep or submit what the office lacks.
    Rescue {
        /// The store, such as phone.db; the log phone.db-wal is read too if it is there.
        file: PathBuf,
        /// The phone's key [default: FILE.secret].
        #[arg(long)]
        secret: Option<PathBuf>,
        /// Write the signed frames to this new file.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Hand in at this server.
        #[arg(long, value_name = "URL")]
        server: Option<String>,
        /// Also what follows work that could not be read. Nobody can tell whether the damage changed it:
        /// the office should look at it closely.
        #[arg(long)]
        unchecked: bool,
    },
    /// Hand in what `rescue --out` wrote.
    Submit {
        /// The file.
        file: PathBuf,
        /// The phone's key.
        #[arg(long)]
        secret: PathBuf,
        /// The server [default: the one the phone was enrolled at].
        #[arg(long, value_name = "URL")]
        server: Option<String>,
    },
}

fn main() -> ExitCode {
    let done = match TowlinePhone::parse().command {
        Command::Rescue { file, secret, out, server, unchecked } => {
            let secret = secret.unwrap_or_else(|| beside(&file, ".secret"));
            rescue(&file, &secret, out.as_deref(), server.as_deref(), unchecked)
        }
        Command::Submit { file, secret, server } => Submission::read(&file)
            .map_err(Into::into)
            .and_then(|submission| send(&submission, &secret, server.as_deref())),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("towline-phone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn rescue(
    file: &Path,
    secret: &Path,
    out: Option<&Path>,
    server: Option<&str>,
    unchecked: bool,
) -> Result<ExitCode, Box<dyn Error>> {
    let rescued = Rescued::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    tell(&rescued);
    if rescued.is_empty() {
        println!("Nothing was found that the office does not have.");
        return Ok(ExitCode::SUCCESS);
    }
    if out.is_none() && server.is_none() {
        println!("Keep it with --out FILE, or hand it in with --server URL.");
        return Ok(ExitCode::SUCCESS);
    }
    let key = std::fs::read(secret).map_err(|error| format!("{}: {error}", secret.display()))?;
    let submission = rescued.submission(&key, unchecked)?;
    if let Some(out) = out {
        keep(out, &submission)?;
        println!("{} frames are in {}.", submission.frames(), out.display());
    }
    match server {
        Some(server) => send(&submission, secret, Some(server)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// A new file for its owner alone: it says what customers said.
fn keep(out: &Path, submission: &Submission) -> Result<(), Box<dyn Error>> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let mut file = file;
    file.write_all(submission.to_json().as_bytes())?;
    Ok(file.sync_all()?)
}

fn send(
    submission: &Submission,
    secret: &Path,
    server: Option<&str>,
) -> Result<ExitCode, Box<dyn Error>> {
    let key = std::fs::read(secret).map_err(|error| format!("{}: {error}", secret.display()))?;
    let server = server.unwrap_or(&submission.server_url);
    let transport: Arc<dyn Transport> = HttpConnector.connect(server)?;
    let done = submit(submission, &key, transport.as_ref(), &SystemClock, &SystemRandom)?;
    told(&done);
    Ok(if done.needs_the_office() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn told(done: &Submitted) {
    if done.with_office > 0 {
        println!(
            "{} frames are with the office, which looks at them (submitted work).",
            done.with_office
        );
    }
    for (decided, frames) in &done.decided {
        println!("{frames} frames were {decided} before.");
    }
    for (code, changes) in &done.verdicts {
        println!("{changes} changes: {code}");
    }
    if done.needs_the_office() {
        println!(
            "The server cannot take all of it from a phone that may sync. Revoke this phone, then submit \
             again: the office then takes what stands by itself."
        );
    }
}

fn tell(rescued: &Rescued) {
    let pages = &rescued.damaged_pages;
    if pages.is_empty() {
        println!("No page of the store is damaged.");
    } else {
        let first: Vec<String> = pages.iter().take(20).map(u32::to_string).collect();
        let more = if pages.len() > first.len() { ", …" } else { "" };
        println!("{} damaged pages: {}{more}", pages.len(), first.join(", "));
    }
    for (doc, found) in &rescued.documents {
        let kind = match doc.kind {
            DocKind::Job => "job",
            DocKind::Van => "van",
            DocKind::Technician => "technician",
            DocKind::Other(_) => "document",
        };
        let id = uuid::Uuid::from_bytes(*doc.as_bytes());
        let mut parts = vec![format!("{} saved", found.saved)];
        let others = [
            (found.unchecked, "cannot be checked"),
            (found.damaged, "damaged"),
            (found.missing, "missing"),
        ];
        parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        if found.saved + found.settled + found.unchecked == 0 {
            parts = vec!["nothing of it could be read".to_owned()];
        }
        println!("{kind} {id}: {} (the office has {} more)", parts.join(", "), found.settled);
    }
    for (doc, sentence) in &rescued.refused {
        let id = uuid::Uuid::from_bytes(*doc.as_bytes());
        println!("{id}: refused before: {sentence}");
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
