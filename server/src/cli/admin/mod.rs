//! `towline admin`: works directly on the database, with or without a server running on it.

mod access;
mod args;
mod import;
mod output;
mod usage;

use std::error::Error;
use std::io::Read as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use server::Config;
use server::admin::{self, Contact, NewUser, NewVan};
use server::api::check;
use server::api::devices::code::{NO_URL, qr};
use server::auth::Role;
use server::clock::random;
use store::Store;
use store::rows::branches::{Branch, BranchKind};
use store::rows::parts::Part;
use store::rows::{tenants, users};
use sync_core::check::Unverified;
use sync_core::id::BranchId;
use sync_core::technician::Technician;

use super::copies::NewEpoch;
use super::settings::DatabaseArgs;
use args::{
    BranchArgs, CodeArgs, ListArgs, Nothing, PartArgs, PasswordArgs, RevokeArgs, TenantArgs,
    UsageArgs, UserArgs, VanArgs,
};
use output::Output;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Admin {
    /// Print one JSON object (or one a line, for lists) instead of sentences.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "\
Examples, in the order of a first day:
  towline admin tenant --slug acme --name 'Acme Motors'
  towline admin user --tenant acme --login mei --name 'Mei Lin' --role administrator
  towline admin branch --tenant acme --name 'Taipei North' --currency TWD --time-zone Asia/Taipei
  towline admin user --tenant acme --login bo --name 'Bo Chen' --role technician --phone '0912 345 678'
  towline admin part --tenant acme --part-no 12V60 --description 'Battery 60 Ah' --unit-price 320000 --currency TWD
  towline admin van --tenant acme --name 'Van 7' --plate ABC-1234 --technician bo
  towline admin code --tenant acme --login bo --public-url https://rescue.example.com
  towline admin link --tenant acme --login mei
  towline admin token create --tenant acme --name DMS --scope jobs:read
  towline admin import parts parts.csv --tenant acme --dry-run
  towline admin list --tenant acme --json
Values are checked as the REST API checks them.
Add --data DIR or --database URL when the database is not in ./towline-data.";

#[derive(Subcommand)]
enum What {
    /// Add a tenant: a dealership group, isolated from every other.
    #[command(after_help = "Example:\n  towline admin tenant --slug acme --name 'Acme Motors'")]
    Tenant(TenantArgs),
    /// Add a person; without --password-stdin staff get a password that is printed once.
    #[command(after_help = "\
Examples:
  towline admin user --tenant acme --login mei --name 'Mei Lin' --role administrator
  towline admin user --tenant acme --login bo --name 'Bo Chen' --role technician --phone '0912 345 678'
  pass show mei | towline admin user --tenant acme --login mei --name Mei --role manager --password-stdin")]
    User(UserArgs),
    /// Set a password; it is read from standard input, or made and printed once.
    #[command(after_help = "Example:\n  towline admin password --tenant acme --login mei")]
    Password(PasswordArgs),
    /// Add a branch of a tenant.
    #[command(after_help = "\
Example:
  towline admin branch --tenant acme --name 'Taipei North' --currency TWD --time-zone Asia/Taipei")]
    Branch(BranchArgs),
    /// Add a van; its stock is loaded over the API.
    #[command(after_help = "\
Example:
  towline admin van --tenant acme --name 'Van 7' --plate ABC-1234 --technician bo --equipment winch")]
    Van(VanArgs),
    /// Add a part to the catalogue, or write over the one with its number.
    #[command(after_help = "\
Example:
  towline admin part --tenant acme --part-no 12V60 --description 'Battery 60 Ah' --unit-price 320000 --currency TWD --tax-rate 500")]
    Part(PartArgs),
    /// Make a one-time code by which a technician's phone can be enrolled.
    #[command(after_help = "\
Example:
  towline admin code --tenant acme --login bo --public-url https://rescue.example.com
The last line is the text of the QR code: towline admin code … | tail -1 | qrencode -t ansiutf8")]
    Code(CodeArgs),
    /// Revoke a phone at once.
    #[command(after_help = "\
Example:
  towline admin revoke --tenant acme --device 0190b1c0-0000-7000-8000-000000000001
GET /v1/devices lists the phones.")]
    Revoke(RevokeArgs),
    /// Make a fresh key for signing tokens and retire the present one.
    #[command(after_help = "Example:\n  towline admin rotate-key")]
    RotateKey(Nothing),
    /// Show what a tenant's storage is filled with, and by whom; or allow someone's phones more.
    #[command(after_help = "\
Examples:
  towline admin usage --tenant acme
  towline admin usage --tenant acme --login bo --extra-mib 512")]
    Usage(UsageArgs),
    /// Make, list and revoke API tokens, by which other systems come in.
    Token(access::TokenArgs),
    /// Make a one-time link by which a person sets their password; you send it.
    Link(access::LinkArgs),
    /// Import technicians, vans, parts or users from a CSV file as spreadsheets write them.
    Import(import::ImportArgs),
    /// After a database came back by other means than `towline restore` (pg_restore): phones compare
    /// what they hold, sessions end, and numbers of jobs get a letter for the day.
    NewEpoch(NewEpoch),
    /// List tenants, or the people of one.
    #[command(after_help = "\
Examples:
  towline admin list
  towline admin list --tenant acme --json")]
    List(ListArgs),
}

impl Admin {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let out = Output { is_json: self.json };
        match self.what {
            What::Tenant(args) => tenant(out, args).await?,
            What::User(args) => user(out, args).await?,
            What::Password(args) => password(out, args).await?,
            What::Branch(args) => branch(out, args).await?,
            What::Van(args) => van(out, args).await?,
            What::Part(args) => part(out, args).await?,
            What::Code(args) => code(out, args).await?,
            What::Revoke(args) => {
                let (store, now, _) = open(&args.place).await?;
                let tenant = admin::find_tenant(&store, &args.tenant).await?;
                admin::revoke_device(&store, now, tenant.id, args.device).await?;
                let line = format!("Phone {} is revoked.", args.device);
                out.say(&json!({"device": args.device, "state": "revoked"}), &[line]);
            }
            What::RotateKey(args) => {
                let (store, now, _) = open(&args.place).await?;
                let kid = admin::rotate_key(&store, now).await?;
                let lines = [
                    format!("Tokens are signed by key {kid} from now on."),
                    "A running server takes it within a minute.".to_owned(),
                ];
                out.say(&json!({"kid": kid}), &lines);
            }
            What::Usage(args) => usage::run(out, args).await?,
            What::Token(args) => access::token(args).await?,
            What::Link(args) => access::link(args).await?,
            What::Import(args) => return import::import(args).await,
            What::NewEpoch(args) => args.run().await?,
            What::List(args) => list(out, args).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A store with something in it: at a wrong path nothing is to be made, least of all a key.
async fn open(place: &DatabaseArgs) -> Result<(Store, i64, u32), Box<dyn Error>> {
    opened(place.existing()?).await
}

async fn opened(config: Config) -> Result<(Store, i64, u32), Box<dyn Error>> {
    let store = Store::open(config.database.reveal()).await?;
    Ok((store, config.clock.now(), config.password_memory_kib))
}

async fn tenant(out: Output, args: TenantArgs) -> Result<(), Box<dyn Error>> {
    // The first thing that is said to a new database.
    let (store, now, _) = opened(args.place.config()?).await?;
    let billing = admin::checked_billing(args.currency.as_deref(), &args.tax_mode)?;
    let id = admin::create_tenant(&store, now, &args.slug, &args.name).await?;
    admin::set_billing(&store, now, id, billing).await?;
    let lines = [
        format!("Tenant {} is {id}.", args.slug),
        format!(
            "Next: towline admin user --tenant {} --login … --name … --role administrator",
            args.slug
        ),
    ];
    out.say(&json!({"id": id, "slug": args.slug, "name": args.name}), &lines);
    Ok(())
}

async fn user(out: Output, args: UserArgs) -> Result<(), Box<dyn Error>> {
    let region = Some(args.place.config()?.phone_region);
    let (store, now, memory) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let role = Role::from(args.role);
    let made = role != Role::Technician && !args.password_stdin;
    let password = match (args.password_stdin, made) {
        (true, _) => Some(read_password()?),
        (false, true) => Some(make_password()),
        (false, false) => None,
    };
    let new = NewUser {
        login: args.login.clone(),
        name: args.name,
        role,
        branch: args.branch,
        language: args.language,
    };
    let contact = Contact { phone: args.phone, region, provider: args.provider };
    let password_given = password.as_deref();
    let made_user =
        admin::create_person(&store, now, tenant.id, new, contact, password_given, memory);
    let id = made_user.await?;
    let mut lines = vec![format!("User {} is {id}.", args.login)];
    let mut object = json!({"id": id, "login": args.login, "role": role.as_str()});
    let record = store.document(tenant.id, id.into()).await?;
    let findings = record.map(|it| Technician::of(&it.document).findings);
    warn(&mut object, &findings.unwrap_or_default());
    match password.filter(|_| made) {
        Some(password) => {
            lines.push(format!("Password, shown this once: {password}"));
            object["password"] = password.into();
        }
        None if role == Role::Technician => lines.push(format!(
            "Next: towline admin code --tenant {} --login {}",
            args.tenant, args.login
        )),
        None => {}
    }
    out.say(&object, &lines);
    Ok(())
}

async fn password(out: Output, args: PasswordArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, memory) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let user = admin::find_user(&store, tenant.id, &args.login).await?;
    let password = if args.password_stdin { read_password()? } else { make_password() };
    admin::set_password(&store, now, tenant.id, user.id, &password, memory).await?;
    let mut object = json!({"id": user.id, "login": user.login});
    let line = if args.password_stdin {
        format!("The password of {} is set.", args.login)
    } else {
        object["password"] = password.as_str().into();
        format!("Password of {}, shown this once: {password}", args.login)
    };
    out.say(&object, &[line]);
    Ok(())
}

async fn branch(out: Output, args: BranchArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let branch = Branch {
        id: BranchId::new(now, random()),
        name: args.name,
        kind: BranchKind::from(args.kind),
        currency: args.currency,
        time_zone: args.time_zone,
        region: args.region,
        active: true,
        version: 1,
        created_at: now,
    };
    let (id, name) = (branch.id, branch.name.clone());
    admin::create_branch(&store, tenant.id, branch).await?;
    out.say(&json!({"id": id, "name": name}), &[format!("Branch {name} is {id}.")]);
    Ok(())
}

async fn van(out: Output, args: VanArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let technician = match &args.technician {
        Some(login) => Some(admin::find_user(&store, tenant.id, login).await?.id),
        None => None,
    };
    let (name, branch) = (args.name.clone(), args.branch);
    let (plate, equipment) = (args.plate, args.equipment);
    let new = NewVan { name, plate, branch, technician, equipment };
    let id = admin::add_van(&store, now, tenant.id, new).await?;
    let line = format!("Van {} is {id}.", args.name);
    let mut object = json!({"id": id, "name": args.name});
    let findings = store.van(tenant.id, id).await?.map(|(van, _)| van.findings);
    warn(&mut object, &findings.unwrap_or_default());
    out.say(&object, &[line]);
    Ok(())
}

/// Says which values are kept as they were said: to people as warnings, to programs as `findings`.
fn warn(object: &mut Value, findings: &[Unverified]) {
    object["findings"] = json!(findings);
    for Unverified { field, sentence, .. } in findings {
        complain!("Warning: {field}: {sentence}");
    }
}

async fn part(out: Output, args: PartArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let part = Part {
        part_no: args.part_no.clone(),
        description: args.description,
        unit: args.unit,
        unit_price: args.unit_price,
        currency: args.currency,
        tax_millipercent: check::tax(args.tax_millipercent, args.tax_rate)
            .map_err(|problem| problem.sentence())?
            .unwrap_or(0),
        active: true,
        version: 1,
        created_at: now,
    };
    admin::put_part(&store, tenant.id, part).await?;
    let line = format!("Part {} is in the catalogue.", args.part_no);
    out.say(&json!({"part_no": args.part_no}), &[line]);
    Ok(())
}

async fn code(out: Output, args: CodeArgs) -> Result<(), Box<dyn Error>> {
    let config = args.place.config()?;
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let user = admin::find_user(&store, tenant.id, &args.login).await?;
    if user.role != Role::Technician || !user.active {
        return Err(format!("{} is not an active technician", args.login).into());
    }
    let life = i64::try_from(config.code.as_millis()).unwrap_or(i64::MAX);
    let code = admin::create_code(&store, now, tenant.id, user.id, life).await?;
    let url = args.public_url.or(config.public_url);
    let url = url.as_deref().map(|url| url.trim_end_matches('/')).filter(|url| !url.is_empty());
    if url.is_none() {
        complain!("Warning: {NO_URL}");
    }
    let qr = qr(url, &code);
    let lines = [
        format!("Code for {}'s phone, good once and for {} minutes:", user.name, life / 60_000),
        format!("  {code}"),
        "Text of the QR code:".to_owned(),
        qr.clone(),
    ];
    let expires_at = now.saturating_add(life);
    out.say(&json!({"code": code, "qr": qr, "url": url, "expires_at": expires_at}), &lines);
    Ok(())
}

async fn list(out: Output, args: ListArgs) -> Result<(), Box<dyn Error>> {
    let (store, _, _) = open(&args.place).await?;
    let Some(slug) = args.tenant else {
        let mut connection = store.readers().acquire().await?;
        for tenant in tenants::list(&mut connection).await? {
            let line = format!("{}  {}  {}", tenant.id, tenant.slug, tenant.name);
            let object = json!({"id": tenant.id, "slug": tenant.slug, "name": tenant.name});
            out.say(&object, &[line]);
        }
        return Ok(());
    };
    let tenant = admin::find_tenant(&store, &slug).await?;
    let mut connection = store.readers().acquire().await?;
    for user in users::list(&mut connection, tenant.id, None, None, 10_000).await? {
        let active = if user.active { "" } else { "  (not active)" };
        let line = format!(
            "{}  {:13}  {}  {}{active}",
            user.id,
            user.role.as_str(),
            user.login,
            user.name
        );
        out.say(&serde_json::to_value(&user)?, &[line]);
    }
    Ok(())
}

fn read_password() -> Result<String, std::io::Error> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn make_password() -> String {
    // The alphabet of enrolment codes reads aloud well; sixteen of its symbols are 80 bits.
    let symbols = random::<16>().map(|b| sync_core::enrol::CODE_ALPHABET[usize::from(b & 31)]);
    let groups = symbols.chunks(4).map(|group| String::from_utf8_lossy(group).to_lowercase());
    groups.collect::<Vec<_>>().join("-")
}
