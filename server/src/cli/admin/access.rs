//! `towline admin token` and `towline admin link`.

use std::error::Error;

use clap::{Args, Subcommand};
use server::admin;
use server::api::tokens::{MOST, NewToken};
use server::auth::Scope;
use sync_core::id::{BranchId, UserId};

use super::open;
use crate::cli::settings::DatabaseArgs;

/// Tokens listed at most.
const LISTED: i64 = 10 * MOST;
const DAY_MS: i64 = 24 * 3600 * 1000;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct TokenArgs {
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "\
Examples:
  towline admin token create --tenant acme --name DMS --scope jobs:read --scope masters:write
  towline admin token create --tenant acme --name Board --scope jobs:read --days 90
  towline admin token list --tenant acme
  towline admin token revoke --tenant acme --id 019a8c6e-5b1d-7c0e-8000-2f6d1a9b3c4e
Scopes: jobs:read, jobs:write, masters:read, masters:write, positions:read, audit:read, users:read, users:write.";

#[derive(Subcommand)]
enum What {
    /// Make a token for another system; it is printed once.
    Create(CreateArgs),
    /// List tokens, with what each may do and when it was last used.
    List(OfTenant),
    /// Revoke a token at once.
    Revoke(RevokeArgs),
}

#[derive(Args)]
struct CreateArgs {
    /// Short name of the tenant.
    #[arg(long)]
    tenant: String,
    /// The system that uses it.
    #[arg(long)]
    name: String,
    /// What it may do; may be given several times.
    #[arg(long = "scope", required = true, value_parser = scope)]
    scopes: Vec<Scope>,
    /// Id of the one branch it works for; all if not given.
    #[arg(long)]
    branch: Option<BranchId>,
    /// Days for which it is good; until it is revoked if not given.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_525))]
    days: Option<i64>,
    #[command(flatten)]
    place: DatabaseArgs,
}

#[derive(Args)]
struct OfTenant {
    /// Short name of the tenant.
    #[arg(long)]
    tenant: String,
    #[command(flatten)]
    place: DatabaseArgs,
}

#[derive(Args)]
struct RevokeArgs {
    /// Short name of the tenant.
    #[arg(long)]
    tenant: String,
    /// Id of the token, as the list shows it.
    #[arg(long)]
    id: UserId,
    #[command(flatten)]
    place: DatabaseArgs,
}

#[derive(Args)]
pub struct LinkArgs {
    /// Short name of the tenant.
    #[arg(long)]
    tenant: String,
    /// Name at login.
    #[arg(long)]
    login: String,
    #[command(flatten)]
    place: DatabaseArgs,
}

fn scope(word: &str) -> Result<Scope, String> {
    let known = || Scope::ALL.map(Scope::as_str).join(", ");
    Scope::parse(word).ok_or_else(|| format!("there is no such scope; there are {}", known()))
}

pub async fn token(args: TokenArgs) -> Result<(), Box<dyn Error>> {
    match args.what {
        What::Create(args) => {
            let (store, now, _) = open(&args.place).await?;
            let tenant = admin::find_tenant(&store, &args.tenant).await?;
            let expires_at = args.days.map(|days| now + days * DAY_MS);
            let (name, scopes, branch) = (args.name, args.scopes, args.branch);
            let new = NewToken { name, scopes, branch, expires_at };
            let (id, text) = admin::create_token(&store, now, tenant.id, &new).await?;
            say!("Token {} is {id}.", new.name);
            say!("For Authorization: Bearer, shown this once: {text}");
        }
        What::List(args) => {
            let (store, now, _) = open(&args.place).await?;
            let tenant = admin::find_tenant(&store, &args.tenant).await?;
            for token in admin::list_tokens(&store, tenant.id, LISTED).await? {
                let ended = match (token.revoked_at, token.expires_at) {
                    (Some(_), _) => "  (revoked)",
                    (None, Some(at)) if at <= now => "  (expired)",
                    _ => "",
                };
                let used = token.last_used_at.map_or_else(
                    || "never used".to_owned(),
                    |at| format!("last used {} minutes ago", (now - at).max(0) / 60_000),
                );
                say!("{}  {}  {}  {used}{ended}", token.id, token.name, token.scopes);
            }
        }
        What::Revoke(args) => {
            let (store, now, _) = open(&args.place).await?;
            let tenant = admin::find_tenant(&store, &args.tenant).await?;
            admin::revoke_token(&store, now, tenant.id, args.id).await?;
            say!("Token {} is revoked.", args.id);
        }
    }
    Ok(())
}

pub async fn link(args: LinkArgs) -> Result<(), Box<dyn Error>> {
    let config = args.place.config()?;
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let user = admin::find_user(&store, tenant.id, &args.login).await?;
    let (url, end) = admin::create_link(&store, &config, tenant.id, user.id).await?;
    say!("Link for {}, good once and for {} minutes:", user.name, (end - now) / 60_000);
    say!("  {url}");
    if config.public_url.is_none() {
        say!("Put the server's address before it, or set public_url.");
    }
    Ok(())
}
