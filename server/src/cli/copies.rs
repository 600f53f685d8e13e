//! `towline backup` and `towline restore`: copies of a SQLite database that are known to be sound.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use store::rows::devices::{self, Device, DeviceState};
use store::rows::tokens::{self, Token};
use store::rows::{tenants, users};
use store::{Inspected, Renewal, Renewed, Store, backup};

use super::settings::DatabaseArgs;
use super::verify::advice;

#[derive(Args)]
#[command(after_help = "\
Example:
  towline backup /backup/towline-monday.db --data /srv/towline
The database is only read, whatever its version. Exit status 1 if its log is damaged: then there is no
copy. Rows computed from the log that differ from it are a warning.")]
pub struct Backup {
    /// File that is to hold the copy; it must not exist.
    to: PathBuf,
    #[command(flatten)]
    place: DatabaseArgs,
}

impl Backup {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.existing()?;
        let database = Inspected::open(config.database.reveal()).await?;
        let report = backup::backup_inspected(&database, &self.to).await?;
        database.close().await;
        say!("{} holds a sound copy: {report}", self.to.display());
        if report.stale() > 0 {
            complain!("Warning: {}", advice(&report));
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
#[command(after_help = "Example:\n  towline restore /backup/towline-monday.db --data /srv/towline")]
pub struct Restore {
    /// The backup.
    from: PathBuf,
    #[command(flatten)]
    hold: Hold,
    #[command(flatten)]
    place: DatabaseArgs,
}

impl Restore {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.place.config()?;
        let renewal = self.hold.renewal(config.clock.now());
        let (report, renewed) =
            backup::restore(&self.from, config.database.reveal(), renewal).await?;
        say!("Restored: {report}");
        let store = Store::open(config.database.reveal()).await?;
        let told = tell(&store, renewed).await;
        store.close().await;
        told?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
pub struct Hold {
    /// Have every phone wait until an administrator lets it sync again (POST /v1/devices/{id}/release).
    /// Phones keep their work meanwhile.
    #[arg(long)]
    hold_phones: bool,
    /// Revoke every API token. Otherwise those that the backup knows as good let their systems in again,
    /// and they are listed.
    #[arg(long)]
    revoke_tokens: bool,
}

impl Hold {
    fn renewal(&self, now: i64) -> Renewal {
        Renewal { now, hold_phones: self.hold_phones, revoke_tokens: self.revoke_tokens }
    }
}

#[derive(Args)]
#[command(after_help = "\
Example, for PostgreSQL, with every server stopped:
  pg_restore --dbname towline towline-monday.dump
  towline admin new-epoch --database postgres://towline@db/towline
Without it phones would not notice that the server has lost something, and would not bring it back.")]
pub struct NewEpoch {
    #[command(flatten)]
    hold: Hold,
    #[command(flatten)]
    place: DatabaseArgs,
}

impl NewEpoch {
    pub async fn run(self) -> Result<(), Box<dyn Error>> {
        let config = self.place.existing()?;
        let store = Store::open(config.database.reveal()).await?;
        let renewed = store.renew(self.hold.renewal(config.clock.now())).await?;
        say!("The database has a new epoch. A server that runs on it must be started again.");
        let told = tell(&store, renewed).await;
        store.close().await;
        told
    }
}

/// Rows of a list that are printed.
const PRINTED: i64 = 50;

/// Says what a renewal ended, and who may come in again by what the backup knows.
async fn tell(store: &Store, renewed: Renewed) -> Result<(), Box<dyn Error>> {
    let Renewed { sessions, codes, links, tokens, held } = renewed;
    say!(
        "Ended: {sessions} sessions, {codes} enrolment codes, {links} invite and reset links, {tokens} \
         API tokens. Phones that wait: {held}."
    );
    say!("Phones compare what they hold when they come back, and bring what is missing.");
    say!();
    say!(
        "Check these: whoever was dismissed, and whatever phone or API token was revoked, after the"
    );
    say!("backup was made is active again, and roles, branches and passwords are those of then.");
    let mut connection = store.readers().acquire().await?;
    for tenant in tenants::list(&mut connection).await? {
        say!("{}", tenant.name);
        let people = users::list(&mut connection, tenant.id, None, None, PRINTED + 1).await?;
        for user in people.iter().take(PRINTED as usize).filter(|user| user.active) {
            say!("  {:13}  {}  {}", user.role.as_str(), user.login, user.name);
        }
        let phones = devices::list(&mut connection, tenant.id, None, None, None, PRINTED + 1);
        let phones = phones.await?;
        let active = |phone: &&Device| phone.state == DeviceState::Active;
        for phone in phones.iter().take(PRINTED as usize).filter(active) {
            let of = people.iter().find(|user| user.id == phone.user).map(|user| &*user.login);
            say!("  phone          {}  {} of {}", phone.id, phone.name, of.unwrap_or("another"));
        }
        let tokens = tokens::list(&mut connection, tenant.id, None, PRINTED + 1).await?;
        let good = |token: &&Token| token.revoked_at.is_none();
        for token in tokens.iter().take(PRINTED as usize).filter(good) {
            say!("  API token      {}  {}: {}", token.id, token.name, token.scopes);
        }
        if people.len().max(phones.len()).max(tokens.len()) > PRINTED as usize {
            say!("  and more: see GET /v1/users, GET /v1/devices and GET /v1/tokens");
        }
    }
    say!("Revoke a phone: towline admin revoke. Set a password: towline admin password.");
    say!("Revoke an API token: POST /v1/tokens/{{id}}/revoke, or all with --revoke-tokens.");
    Ok(())
}
