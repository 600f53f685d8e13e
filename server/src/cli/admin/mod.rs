//! `towline admin`: works directly on the database, with or without a server running on it.

mod args;

use std::error::Error;
use std::io::Read as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use server::Config;
use server::accounts::branches::{Branch, BranchKind};
use server::accounts::parts::Part;
use server::accounts::{tenants, users};
use server::admin::{self, NewUser};
use server::auth::Role;
use server::clock::random;
use server::store::Store;
use sync_core::id::BranchId;

use super::settings::Place;
use args::{
    BranchArgs, CodeArgs, ListArgs, Nothing, PartArgs, PasswordArgs, RevokeArgs, TenantArgs,
    UserArgs, VanArgs,
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Admin {
    #[command(subcommand)]
    what: What,
}

const EXAMPLES: &str = "\
Examples, in the order of a first day:
  towline admin tenant --slug acme --name 'Acme Motors'
  towline admin user --tenant acme --login mei --name 'Mei Lin' --role administrator
  towline admin branch --tenant acme --name 'Taipei North' --currency TWD --time-zone Asia/Taipei
  towline admin user --tenant acme --login bo --name 'Bo Chen' --role technician
  towline admin part --tenant acme --part-no 12V60 --description 'Battery 60 Ah' --unit-price 320000 --currency TWD
  towline admin van --tenant acme --name 'Van 7' --technician bo
  towline admin code --tenant acme --login bo
Add --data DIR or --database URL when the database is not in ./towline-data.";

#[derive(Subcommand)]
enum What {
    /// Add a tenant: a dealership group, isolated from every other.
    Tenant(TenantArgs),
    /// Add a person; without --password-stdin staff get a password that is printed once.
    User(UserArgs),
    /// Set a password; it is read from standard input, or made and printed once.
    Password(PasswordArgs),
    /// Add a branch of a tenant.
    Branch(BranchArgs),
    /// Add a van; its stock is loaded over the API.
    Van(VanArgs),
    /// Add a part to the catalogue, or write over the one with its number.
    Part(PartArgs),
    /// Make a one-time code by which a technician's phone can be enrolled.
    Code(CodeArgs),
    /// Revoke a phone at once.
    Revoke(RevokeArgs),
    /// Make a fresh key for signing tokens and retire the present one.
    RotateKey(Nothing),
    /// List tenants, or the people of one.
    List(ListArgs),
}

impl Admin {
    pub async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.what {
            What::Tenant(args) => tenant(args).await?,
            What::User(args) => user(args).await?,
            What::Password(args) => password(args).await?,
            What::Branch(args) => branch(args).await?,
            What::Van(args) => van(args).await?,
            What::Part(args) => part(args).await?,
            What::Code(args) => code(args).await?,
            What::Revoke(args) => {
                let (store, now, _) = open(&args.place).await?;
                let tenant = admin::find_tenant(&store, &args.tenant).await?;
                admin::revoke_device(&store, now, tenant.id, args.device).await?;
                println!("Phone {} is revoked.", args.device);
            }
            What::RotateKey(args) => {
                let (store, now, _) = open(&args.place).await?;
                println!(
                    "Tokens are signed by key {} from now on.",
                    admin::rotate_key(&store, now).await?
                );
                println!("A running server takes it within a minute.");
            }
            What::List(args) => list(args).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A store with something in it: at a wrong path nothing is to be made, least of all a key.
async fn open(place: &Place) -> Result<(Store, i64, u32), Box<dyn Error>> {
    opened(place.existing()?).await
}

async fn opened(config: Config) -> Result<(Store, i64, u32), Box<dyn Error>> {
    let store = Store::open(config.database.reveal()).await?;
    Ok((store, config.clock.now(), config.password_memory_kib))
}

async fn tenant(args: TenantArgs) -> Result<(), Box<dyn Error>> {
    // The first thing that is said to a new database.
    let (store, now, _) = opened(args.place.config()?).await?;
    let id = admin::create_tenant(&store, now, &args.slug, &args.name).await?;
    println!("Tenant {} is {id}.", args.slug);
    println!(
        "Next: towline admin user --tenant {} --login … --name … --role administrator",
        args.slug
    );
    Ok(())
}

async fn user(args: UserArgs) -> Result<(), Box<dyn Error>> {
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
    let id = admin::create_user(&store, now, tenant.id, new, password.as_deref(), memory).await?;
    println!("User {} is {id}.", args.login);
    match password.filter(|_| made) {
        Some(password) => println!("Password, shown this once: {password}"),
        None if role == Role::Technician => {
            println!("Next: towline admin code --tenant {} --login {}", args.tenant, args.login);
        }
        None => {}
    }
    Ok(())
}

async fn password(args: PasswordArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, memory) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let user = admin::find_user(&store, tenant.id, &args.login).await?;
    let password = if args.password_stdin { read_password()? } else { make_password() };
    admin::set_password(&store, now, tenant.id, user.id, &password, memory).await?;
    if args.password_stdin {
        println!("The password of {} is set.", args.login);
    } else {
        println!("Password of {}, shown this once: {password}", args.login);
    }
    Ok(())
}

async fn branch(args: BranchArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let branch = Branch {
        id: BranchId::new(now, random()),
        name: args.name,
        kind: BranchKind::parse(&args.kind).ok_or("--kind is owned, franchised or provider")?,
        currency: args.currency,
        time_zone: args.time_zone,
        active: true,
        version: 1,
        created_at: now,
    };
    let (id, name) = (branch.id, branch.name.clone());
    admin::create_branch(&store, tenant.id, branch).await?;
    println!("Branch {name} is {id}.");
    Ok(())
}

async fn van(args: VanArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let technician = match &args.technician {
        Some(login) => Some(admin::find_user(&store, tenant.id, login).await?.id),
        None => None,
    };
    let made = admin::create_van(&store, now, tenant.id, &args.name, args.branch, technician);
    println!("Van {} is {}.", args.name, made.await?);
    Ok(())
}

async fn part(args: PartArgs) -> Result<(), Box<dyn Error>> {
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let part = Part {
        part_no: args.part_no.clone(),
        description: args.description,
        unit: args.unit,
        unit_price: args.unit_price,
        currency: args.currency,
        tax_rate: args.tax_rate,
        active: true,
        version: 1,
        created_at: now,
    };
    admin::put_part(&store, tenant.id, part).await?;
    println!("Part {} is in the catalogue.", args.part_no);
    Ok(())
}

async fn code(args: CodeArgs) -> Result<(), Box<dyn Error>> {
    let config = args.place.config()?;
    let (store, now, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    let user = admin::find_user(&store, tenant.id, &args.login).await?;
    if user.role != Role::Technician || !user.active {
        return Err(format!("{} is not an active technician", args.login).into());
    }
    let life = i64::try_from(config.code.as_millis()).unwrap_or(i64::MAX);
    let code = admin::create_code(&store, now, tenant.id, user.id, life).await?;
    println!("Code for {}'s phone, good once and for {} minutes:", user.name, life / 60_000);
    println!("  {code}");
    Ok(())
}

async fn list(args: ListArgs) -> Result<(), Box<dyn Error>> {
    let (store, _, _) = open(&args.place).await?;
    let Some(slug) = args.tenant else {
        let mut connection = store.readers().acquire().await?;
        for tenant in tenants::list(&mut connection).await? {
            println!("{}  {}  {}", tenant.id, tenant.slug, tenant.name);
        }
        return Ok(());
    };
    let tenant = admin::find_tenant(&store, &slug).await?;
    let mut connection = store.readers().acquire().await?;
    for user in users::list(&mut connection, tenant.id, None, None, 10_000).await? {
        let active = if user.active { "" } else { "  (not active)" };
        println!("{}  {:13}  {}  {}{active}", user.id, user.role.as_str(), user.login, user.name);
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
