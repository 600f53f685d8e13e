//! `towline serve`, killed while phones push over HTTP and WebSocket and dispatchers write over
//! REST; while it starts; and while it closes.
//!
//! Everybody pauses from the kill until the restarted server was looked at: nothing that is
//! missing could have been sent again.

pub(crate) mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection as _};
use tokio::runtime::Runtime;

use super::log_tail::LogTail;
use super::place::Place;
use super::{Length, Tally, Trouble, broken};
use crate::process::{Launch, ServerProcess, towline};
use crate::random::Random;
use crate::reckoning::Reckoning;
use crate::server_log::ServerLog;
use load::Load;

/// Kills of one database.
const LIFE: u64 = 150;
/// Kills before the database is there, at the beginning of each life.
const BIRTHS: u64 = 3;
/// Kills after which everything is looked at.
const VERIFY: u64 = 50;
/// Longest a server works before it is killed, microseconds.
const WORKS_US: u64 = 60_000;
/// Longest a server may take to close before it is killed, microseconds.
const CLOSES_US: u64 = 25_000;

/// Times a look at everything may fail for want of an answer.
const TRIES: usize = 5;
/// What takes longer is told.
const SLOW: Duration = Duration::from_secs(3);

/// Kills servers until the length is reached, on PostgreSQL if its address is given; `told` hears
/// of every kill.
///
/// # Errors
/// Something that was acknowledged is missing, or the run itself cannot go on.
pub fn run(
    postgres: Option<&str>,
    length: Length,
    seed: u64,
    told: &mut dyn FnMut(&Tally),
) -> Result<Tally, Trouble> {
    let began = Instant::now();
    let mut tally = Tally::default();
    let random = Random::new(seed).fork(if postgres.is_some() { "postgres" } else { "sqlite" });
    while length.goes_on(&tally) {
        let random = random.fork(&format!("life {}", tally.lives));
        let mut life = Life::begin(postgres, random, &length, &mut tally, told)?;
        if let Err(error) = life.live(&length, &mut tally, told) {
            let at = format!("seed {seed}, life {}, point {}", tally.lives, tally.points);
            let kept = life.place.folder.path().display().to_string();
            life.place.folder.keep();
            return Err(format!("{error}\n  at {at}; the files are kept in {kept}").into());
        }
        tally.lives += 1;
    }
    tally.took = began.elapsed();
    Ok(tally)
}

/// Whether PostgreSQL answers at this address.
///
/// # Errors
/// Why it does not.
pub fn reach(postgres: &str) -> Result<(), Trouble> {
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(AnyConnection::connect(postgres).await?.close().await?) })
}

struct Life {
    random: Random,
    runtime: Runtime,
    place: Place,
    launch: Launch,
    load: Arc<Load>,
    tail: LogTail,
    /// How long a server takes until it listens.
    starts_in: Duration,
}

impl Life {
    fn begin(
        postgres: Option<&str>,
        mut random: Random,
        length: &Length,
        tally: &mut Tally,
        told: &mut dyn FnMut(&Tally),
    ) -> Result<Self, Trouble> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let place = Place::fresh(&runtime, postgres)?;
        let launch = place.launch();
        for _ in 0..BIRTHS {
            if length.goes_on(tally) {
                let server = launch.spawn()?;
                pause(&mut random, Duration::from_millis(80));
                server.kill()?;
                tally.point("at its first start");
                told(tally);
            }
        }
        // Opens whatever the kills left behind.
        let people = runtime.block_on(place.hire(load::PHONES))?;
        let tail = LogTail::new(people.tenant);
        let load = Arc::new(Load::new(people));
        let starts_in = Duration::from_millis(80);
        Ok(Self { random, runtime, place, launch, load, tail, starts_in })
    }

    fn live(
        &mut self,
        length: &Length,
        tally: &mut Tally,
        told: &mut dyn FnMut(&Tally),
    ) -> Result<(), Trouble> {
        let mut server = self.launch.start()?;
        self.load.server.set(server.listens()?);
        let phones = self.load.phones(&mut self.random)?;
        let desks = self.load.desks(&mut self.random)?;
        let load = Arc::clone(&self.load);
        let log = std::thread::scope(|scope| {
            let working: Vec<_> =
                phones.into_iter().map(|phone| scope.spawn(|| load.work(phone))).collect();
            let writing: Vec<_> =
                desks.into_iter().map(|desk| scope.spawn(|| load.write(desk))).collect();
            let killed = self.kill_on(server, length, tally, told);
            // Whoever works stops, whatever happened.
            load.stop();
            let mut wrote = Ok(());
            for writing in writing {
                wrote = wrote.and(writing.join().map_err(|_| "a dispatcher panicked")?);
            }
            let mut phones = Vec::new();
            for working in working {
                phones.push(working.join().map_err(|_| "a phone panicked")?);
            }
            server = killed?;
            wrote?;
            let phones = phones.into_iter().collect::<Result<Vec<_>, _>>()?;
            phones.iter().try_for_each(load::LoadPhone::come_to_rest)?;
            server.stop()?;
            self.look(tally)?;
            self.verify(tally)?;
            let log = ServerLog::open(&self.place.url, self.tail.tenant());
            let log = self.runtime.block_on(log)?;
            let ledgers = phones.iter().map(|phone| &phone.ledger);
            Ok::<_, Trouble>(Reckoning::of(ledgers, &log))
        })?;
        if !log.is_whole() || log.refused > 0 {
            return broken(format!("the phones' accounts do not agree with the log: {log:?}"));
        }
        Ok(())
    }

    /// Kills a life long; gives back a server that runs.
    fn kill_on(
        &mut self,
        mut server: ServerProcess,
        length: &Length,
        tally: &mut Tally,
        told: &mut dyn FnMut(&Tally),
    ) -> Result<ServerProcess, Trouble> {
        let load = Arc::clone(&self.load);
        for n in 1..=LIFE {
            if !length.goes_on(tally) || load.is_broken() {
                break;
            }
            let moment = self.killed(server)?;
            let began = Instant::now();
            let held = load.pause();
            slow("everybody notices that the server is gone", began);
            let began = Instant::now();
            server = self.launch.start()?;
            self.starts_in = (self.starts_in * 7 + began.elapsed()) / 8;
            slow("the server starts", began);
            load.server.set(server.listens()?);
            let began = Instant::now();
            self.look(tally)?;
            slow("looking for what was acknowledged", began);
            if n % VERIFY == 0 {
                self.verify(tally)?;
            }
            drop(held);
            tally.point(moment);
            told(tally);
        }
        Ok(server)
    }

    /// Kills a server at a random moment; at which.
    fn killed(&mut self, server: ServerProcess) -> Result<&'static str, Trouble> {
        let works = Duration::from_micros(WORKS_US);
        match self.random.below(7) {
            0 => {
                pause(&mut self.random, works / 4);
                server.kill()?;
                let starting = self.launch.spawn()?;
                pause(&mut self.random, self.starts_in * 5 / 4);
                starting.kill()?;
                Ok("while starting")
            }
            1 => {
                pause(&mut self.random, works / 2);
                server.ask_to_stop()?;
                pause(&mut self.random, Duration::from_micros(CLOSES_US));
                server.kill()?;
                Ok("while closing")
            }
            _ => {
                pause(&mut self.random, works);
                server.kill()?;
                Ok("under load")
            }
        }
    }

    /// The database is sound as far as a quick look tells, and holds all that was acknowledged.
    fn look(&mut self, tally: &mut Tally) -> Result<(), Trouble> {
        let (facts, writes) = self.load.heard.take();
        let (url, sqlite) = (self.place.url.clone(), self.place.is_sqlite());
        let tail = &mut self.tail;
        self.runtime.block_on(async {
            let mut db = AnyConnection::connect(&url).await?;
            if sqlite {
                check(&mut db, "PRAGMA quick_check(1)").await?;
            }
            tail.read(&mut db).await?;
            Ok::<_, Trouble>(db.close().await?)
        })?;
        for (key, hash) in &facts {
            if tail.facts.get(key) != Some(hash) {
                return broken(format!("{key:?} was called durable and is not in the log"));
            }
        }
        for (pos, doc) in &writes {
            if tail.positions.get(pos) != Some(doc) {
                return broken(format!(
                    "a write to {doc:?} was answered at {pos} and is not there"
                ));
            }
        }
        tally.kept("durable facts", facts.len());
        tally.kept("desk writes", writes.len());
        Ok(())
    }

    /// Everything there is, by the database's own check and by ours.
    fn verify(&mut self, tally: &mut Tally) -> Result<(), Trouble> {
        if self.place.is_sqlite() {
            let url = self.place.url.clone();
            self.runtime.block_on(async {
                let mut db = AnyConnection::connect(&url).await?;
                check(&mut db, "PRAGMA integrity_check").await?;
                Ok::<_, Trouble>(db.close().await?)
            })?;
        }
        let url = self.place.url.as_ref();
        let mut refused = String::new();
        for _ in 0..TRIES {
            let verified = towline(&["verify".as_ref(), "--database".as_ref(), url])?;
            if verified.status.success() {
                tally.verified += 1;
                return Ok(());
            }
            if !verified.stdout.is_empty() {
                let said = String::from_utf8_lossy(&verified.stdout).into_owned();
                return broken(format!("towline verify: {said}"));
            }
            // A database that others keep busy too may be too slow to be looked at.
            refused = String::from_utf8_lossy(&verified.stderr).into_owned();
            eprintln!("towline verify could not look: {refused}");
        }
        Err(format!("towline verify could not look: {refused}").into())
    }
}

async fn check(db: &mut AnyConnection, pragma: &'static str) -> Result<(), Trouble> {
    let verdict: String = sqlx::query_scalar(pragma).fetch_one(db).await?;
    if verdict == "ok" { Ok(()) } else { broken(format!("{pragma}: {verdict}")) }
}

/// Says what took longer than it should.
fn slow(what: &str, since: Instant) {
    let took = since.elapsed();
    if took > SLOW {
        eprintln!("{what}: {took:.1?}");
    }
}

/// A random moment.
fn pause(random: &mut Random, most: Duration) {
    let us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
    std::thread::sleep(Duration::from_micros(random.below(us)));
}
