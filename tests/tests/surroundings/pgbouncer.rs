//! PgBouncer between the server and PostgreSQL: with sessions it works, without it is refused at the start.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use mobile_ffi::WalkUp;
use server::config::Secret;
use sqlx::Connection as _;
use tests::kills::place::Place;
use tests::process::{free_address, towline};

use crate::office::{Folder, Office, Wire};
use crate::tools::{Listening, program};

const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// PgBouncer before a fresh database.
struct Pooler {
    listening: Listening,
    place: Place,
    _folder: Folder,
}

impl Pooler {
    fn with(settings: &str) -> Option<Self> {
        let binary = program("pgbouncer")?;
        let postgres = std::env::var("TOWLINE_TEST_POSTGRES").unwrap_or_else(|_| POSTGRES.into());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = match Place::fresh(&runtime, Some(&postgres)) {
            Ok(place) => place,
            Err(error) => {
                let demanded = std::env::var("TOWLINE_REQUIRE_POSTGRES").is_ok_and(|it| it == "1");
                assert!(!demanded, "PostgreSQL is required and not reachable: {error}");
                eprintln!("SKIPPED: PgBouncer before PostgreSQL, which is not reachable: {error}");
                return None;
            }
        };
        let (folder, address) = (Folder::new(), free_address().unwrap());
        let config = folder.path().join("pgbouncer.ini");
        std::fs::write(&config, ini(&postgres, address, settings)).unwrap();
        let mut command = Command::new(binary);
        // It refuses to be root, and then must still be able to read its settings.
        if is_root() {
            readable(folder.path());
            readable(&config);
            command.args(["-u", "postgres"]);
        }
        command.arg(&config).stderr(Stdio::null());
        Some(Self { listening: Listening::start(command, address), place, _folder: folder })
    }

    /// The database through the pooler.
    fn url(&self) -> String {
        let (server, name) = self.place.url.rsplit_once('/').unwrap();
        let user = server.rsplit_once('@').map_or("postgres", |(user, _)| user);
        let user = user.rsplit_once("//").map_or(user, |(_, user)| user);
        format!("postgres://{user}@{}/{name}", self.listening.address)
    }

    /// What the program says to a command on this database; it must fail.
    fn refused(&self, command: &[&str]) -> String {
        let url = self.url();
        let database = ["--database", url.as_str()];
        let arguments: Vec<&OsStr> = command.iter().chain(&database).map(OsStr::new).collect();
        let output = towline(&arguments).unwrap();
        assert!(!output.status.success(), "{command:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

fn ini(postgres: &str, address: SocketAddr, settings: &str) -> String {
    let rest = postgres.split_once("://").map_or(postgres, |(_, rest)| rest);
    let (login, rest) = rest.rsplit_once('@').unwrap_or(("postgres", rest));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "5432"));
    let password =
        if password.is_empty() { String::new() } else { format!(" password={password}") };
    format!(
        "[databases]\n* = host={host} port={port} user={user}{password}\n[pgbouncer]\n\
         listen_addr = {}\nlisten_port = {}\nauth_type = any\nunix_socket_dir =\n{settings}\n",
        address.ip(),
        address.port()
    )
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

fn readable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

const IGNORED: &str = "ignore_startup_parameters = extra_float_digits";

#[test]
fn a_pooler_without_sessions_is_refused_at_the_start_and_left_clean() {
    let modes = [
        "pool_mode = transaction\ndefault_pool_size = 10",
        "pool_mode = transaction\ndefault_pool_size = 1",
        "pool_mode = transaction\ndefault_pool_size = 10\nserver_round_robin = 1",
        "pool_mode = statement\ndefault_pool_size = 10",
    ];
    for mode in modes {
        let Some(pooler) = Pooler::with(&format!("{mode}\n{IGNORED}")) else { return };
        let commands: [&[&str]; 3] = [
            &["serve", "--listen", "127.0.0.1:0"],
            &["admin", "tenant", "--slug", "acme", "--name", "Acme"],
            &["verify"],
        ];
        for command in commands {
            let said = pooler.refused(command);
            assert!(said.contains("pool_mode = session"), "{mode}, {command:?}: {said}");
            assert!(said.contains("database"), "{mode}: it names the setting: {said}");
        }
        // No setting of ours stays behind in a connection that another program gets.
        let left = Command::new("psql")
            .args([&pooler.url(), "-Atqc", "SHOW default_transaction_read_only"])
            .output();
        if let Ok(left) = left {
            assert_eq!(String::from_utf8_lossy(&left.stdout).trim(), "off", "{mode}");
        }
    }
}

#[test]
fn a_pooler_without_sessions_is_found_while_other_programs_use_it() {
    let mode = "pool_mode = transaction\ndefault_pool_size = 10";
    let Some(pooler) = Pooler::with(&format!("{mode}\n{IGNORED}")) else { return };
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = pooler.url();
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let url = url.clone();
            runtime.spawn(async move {
                let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
                loop {
                    sqlx::raw_sql("SELECT 1").execute(&mut connection).await.unwrap();
                }
            })
        })
        .collect();
    let said = pooler.refused(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("pool_mode = session"), "{said}");
    busy.iter().for_each(|task| task.abort());
}

#[test]
fn a_startup_parameter_that_the_pooler_refuses_is_named() {
    let Some(pooler) = Pooler::with("pool_mode = session\ndefault_pool_size = 20") else { return };
    let said = pooler.refused(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("ignore_startup_parameters = extra_float_digits"), "{said}");
}

#[test]
fn a_pooler_with_too_few_connections_is_named() {
    let settings = format!("pool_mode = session\ndefault_pool_size = 1\n{IGNORED}");
    let Some(pooler) = Pooler::with(&settings) else { return };
    let said = pooler.refused(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("default_pool_size"), "{said}");
}

#[test]
fn behind_a_pooler_with_sessions_desk_and_phones_work_and_hear_of_news() {
    let settings = format!("pool_mode = session\ndefault_pool_size = 20\n{IGNORED}");
    let Some(pooler) = Pooler::with(&settings) else { return };
    let url = Secret::new(pooler.url());
    let office = Office::with(move |config| config.database = url);
    let bo = office.technician("bo");
    let phone = office.phone(bo, Wire::WebSocket);
    let job = phone.engine.walk_up(WalkUp::default()).unwrap();
    phone.sync();
    assert!(office.desk.get(&format!("/v1/jobs/{job}")).is_ok());
    let heard = std::thread::scope(|scope| {
        let patience = std::time::Duration::from_secs(60);
        let listening = scope.spawn(move || phone.engine.wait_for_news(patience).unwrap());
        office.assign(office.job(), office.technician("li"));
        office.assign(office.job(), bo);
        listening.join().unwrap()
    });
    assert_eq!(heard, Some(true));
    let Office { runtime, server, .. } = office;
    runtime.block_on(server.shutdown());
}
