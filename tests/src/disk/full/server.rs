//! The server on a disk that fails: the real `towline serve` on SQLite, a new database for every
//! point, phones and a dispatcher that see what it answers.

use std::path::Path;
use std::sync::Arc;

use mobile_ffi::{EngineError, NetError};
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _};
use sync_core::id::JobId;
use sync_core::schema::DocId;

use super::super::shim::{Failure, Watched};
use super::{Failures, Points};
use crate::folder::Folder;
use crate::kills::log_tail::LogTail;
use crate::kills::place::{PASSWORD, Place, TENANT};
use crate::kills::server::load::{Load, PHONES};
use crate::kills::{Trouble, broken};
use crate::process::{Launch, ServerProcess, towline};
use crate::random::Random;
use crate::rest::{Answer, Rest, RestError};

/// Things done after which the failure must have come.
const ROUNDS: usize = 120;
/// Tries on a disk that stays full, and on one that is well again.
const AGAIN: usize = 3;

/// Lets the disk of a server fail at these points.
///
/// # Errors
/// A promise was broken at one of them, or the run could not be made.
pub fn run(points: &Points) -> Result<Failures, Trouble> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build()?;
    let mut failures = Failures::default();
    for n in &points.at {
        let folder = Folder::in_memory("full")?;
        let watched = Watched::new(&folder.path().join("data"), &folder.path().join("watch"))?;
        let place = Place::within(watched.folder());
        let people = runtime.block_on(place.hire(PHONES))?;
        let tail = LogTail::new(people.tenant);
        let load = Arc::new(Load::new(people));
        let mut point =
            Point { watched, failure: points.failure, load, tail, writes: Vec::new(), met: None };
        let played = point.play(*n, folder.path());
        let looked = played.and_then(|()| runtime.block_on(point.look(&place.url)));
        let looked = looked.map_err(|error| {
            let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
            format!("{error} [call {n}, {:?}]\n{log}", points.failure)
        });
        failures.looked_for += looked?;
        failures.met(point.met.as_deref().unwrap_or("nothing"));
    }
    Ok(failures)
}

struct Point {
    watched: Watched,
    failure: Failure,
    load: Arc<Load>,
    tail: LogTail,
    /// What the desk was told is done.
    writes: Vec<(i64, DocId)>,
    /// During what the disk failed.
    met: Option<String>,
}

impl Point {
    fn play(&mut self, n: u64, beside: &Path) -> Result<(), Trouble> {
        let mut launch =
            Launch::on(self.watched.folder()).complains_into(beside.join("server.log"));
        for (name, value) in self.watched.environment(false)? {
            launch = launch.variable(name, value);
        }
        self.watched.fail(n, self.failure)?;
        let mut server = self.started(&launch, &beside.join("server.log"))?;
        self.load.server.set(server.listens()?);
        let url = server.url();
        let mut random = Random::new(n);
        let desk = self.at_last(|| Ok(Rest::log_in(&url, TENANT, "desk", PASSWORD)?))?;
        let load = Arc::clone(&self.load);
        let mut phones = self.at_last(|| load.phones(&mut random))?;
        for round in 0..ROUNDS {
            self.desk_writes(&desk, round)?;
            let phone = round % phones.len();
            // What it answers is judged by what phone and log hold afterwards.
            if phones[phone].save_and_try()? {
                self.met.get_or_insert_with(|| "a push".to_owned());
            }
            if self.met.is_some() {
                break;
            }
        }
        if self.met.is_some() {
            self.stays_full(&desk, &mut server)?;
        }
        self.watched.mend()?;
        self.well_again(&desk)?;
        phones.iter_mut().try_for_each(|phone| phone.come_to_rest())?;
        if !server.runs()? {
            return broken("the server did not stay up");
        }
        server.stop()?;
        Ok(())
    }

    /// Started; if the disk fails meanwhile, it says so and starts once the disk is well.
    fn started(&mut self, launch: &Launch, log: &Path) -> Result<ServerProcess, Trouble> {
        if let Ok(server) = launch.start() {
            return Ok(server);
        }
        self.met = Some("starting".to_owned());
        let said = std::fs::read_to_string(log)?;
        let clear = ["space", "disk", "database is not reachable"];
        if said.contains("panicked") || !clear.iter().any(|word| said.contains(word)) {
            return broken(format!("it does not start, and says: {said}"));
        }
        self.watched.mend()?;
        match launch.start() {
            Ok(server) => Ok(server),
            Err(error) => broken(format!("it does not start on a disk that is well: {error}")),
        }
    }

    /// Logs in or enrols: refused clearly if the disk fails meanwhile, and done once it is well.
    fn at_last<T>(&mut self, mut work: impl FnMut() -> Result<T, Trouble>) -> Result<T, Trouble> {
        match work() {
            Ok(done) => Ok(done),
            Err(error) => {
                self.met.get_or_insert_with(|| "logging in and enrolling".to_owned());
                refused_as(&error)?;
                self.watched.mend()?;
                work().map_err(|error| format!("BROKEN: on a disk that is well: {error}").into())
            }
        }
    }

    fn desk_writes(&mut self, desk: &Rest, round: usize) -> Result<(), Trouble> {
        let call = json!({"problem": "flat_tyre", "address": format!("Harbour Road {round}")});
        let answer = desk.try_post("/v1/jobs", &call, None)?;
        if answer.status == 201 {
            self.writes.push(written(&answer)?);
            return Ok(());
        }
        self.met.get_or_insert_with(|| "a write of the desk".to_owned());
        refused(&answer)
    }

    /// On a disk that stays as it is: writes are refused clearly, reading goes on.
    fn stays_full(&mut self, desk: &Rest, server: &mut ServerProcess) -> Result<(), Trouble> {
        for n in 0..AGAIN {
            self.desk_writes(desk, n)?;
        }
        let listed = desk.get("/v1/jobs")?;
        if listed.status != 200 || !server.runs()? {
            return broken("the server does not go on reading");
        }
        if let Some((_, doc)) = self.writes.last()
            && let Some(job) = doc.job()
        {
            desk.get(&format!("/v1/jobs/{job}"))?;
        }
        Ok(())
    }

    /// Once there is room the next thing succeeds; nobody starts anything again.
    fn well_again(&mut self, desk: &Rest) -> Result<(), Trouble> {
        let call = json!({"problem": "battery", "address": "Harbour Road 1"});
        let mut said = String::new();
        for _ in 0..AGAIN {
            let answer = desk.try_post("/v1/jobs", &call, None)?;
            if answer.status == 201 {
                self.writes.push(written(&answer)?);
                return Ok(());
            }
            said = format!("{}: {}", answer.status, answer.body);
        }
        broken(format!("the disk is well again, and the server answers {said}"))
    }

    /// Everything acknowledged is in the log, and the log is sound; how much.
    async fn look(&mut self, url: &str) -> Result<u64, Trouble> {
        let mut db = AnyConnection::connect(url).await?;
        let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut db).await?;
        if sound != "ok" {
            return broken(format!("the database is not sound: {sound}"));
        }
        self.tail.read(&mut db).await?;
        db.close().await?;
        let (facts, _) = self.load.heard.take();
        for (key, hash) in &facts {
            if self.tail.facts.get(key) != Some(hash) {
                return broken(format!("{key:?} was called durable and is not in the log"));
            }
        }
        for (pos, doc) in &self.writes {
            if self.tail.positions.get(pos) != Some(doc) {
                return broken(format!("a write to {doc:?} was answered at {pos}, is not there"));
            }
        }
        let verified = towline(&["verify".as_ref(), "--database".as_ref(), url.as_ref()])?;
        if !verified.status.success() {
            return broken(String::from_utf8_lossy(&verified.stdout));
        }
        Ok((facts.len() + self.writes.len()) as u64)
    }
}

/// A refusal that a client can act on.
fn refused(answer: &Answer) -> Result<(), Trouble> {
    let clear = answer.status == 503
        && answer.media_type == "application/problem+json"
        && answer.code() == "unavailable"
        && answer.retry_after.is_some();
    if clear {
        return Ok(());
    }
    let Answer { status, media_type, retry_after, body, .. } = answer;
    broken(format!("{status} {media_type}, Retry-After {retry_after:?}: {body}"))
}

/// The same of what a client made of the answer: the engine's error, or the desk's, which says
/// status and body.
fn refused_as(error: &Trouble) -> Result<(), Trouble> {
    let clear = match (error.downcast_ref::<EngineError>(), error.downcast_ref::<RestError>()) {
        (Some(EngineError::Net(NetError::Busy { retry_after_s })), _) => retry_after_s.is_some(),
        (_, Some(said)) => {
            said.to_string().split_once(" answered 503: ").is_some_and(|(_, body)| {
                serde_json::from_str::<Value>(body).is_ok_and(|body| body["code"] == "unavailable")
            })
        }
        _ => false,
    };
    if clear { Ok(()) } else { broken(format!("logging in and enrolling: {error}")) }
}

fn written(answer: &Answer) -> Result<(i64, DocId), Trouble> {
    let job: JobId = answer.text("id")?.parse()?;
    let tag = answer.etag.as_deref().unwrap_or_default();
    let pos = crate::kills::desk::position(tag).ok_or("the ETag names no position")?;
    Ok((pos, job.into()))
}
