//! Workloads of the server: the real `towline serve`, watched, with a phone and a dispatcher.

use std::path::Path;
use std::sync::OnceLock;

use sqlx::{AnyConnection, Connection as _};
use store::Store;
use store::verify::verify;
use sync_core::id::{DeviceId, TenantId};
use sync_core::schema::{DocId, DocKind};
use tokio::runtime::Runtime;

use super::super::image::Disk;
use super::super::shim::Watched;
use super::{BEGIN, Done, Workload};
use crate::kills::child::{hex, line, saved, unhex};
use crate::kills::log_tail::LogTail;
use crate::kills::place::Place;
use crate::kills::server::load::{Load, LoadPhone};
use crate::kills::{Child, Trouble, broken};
use crate::process::{Launch, ServerProcess};
use crate::random::Random;

pub const WORKLOADS: [&str; 4] = [
    "server: first start, and another",
    "server: pushes of phones",
    "server: the desk writes",
    "server: snapshots, closed and opened again",
];

/// A workload by its name.
pub struct Server {
    name: &'static str,
    /// The tenant, once there is one.
    tenant: OnceLock<TenantId>,
    runtime: Runtime,
}

impl Server {
    pub fn new(name: &'static str) -> std::io::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build()?;
        Ok(Self { name, tenant: OnceLock::new(), runtime })
    }

    fn work(&self, launch: &Launch, load: &Load, watched: &Watched) -> Result<(), Trouble> {
        let mut random = Random::new(21);
        let mut server = launch.start()?;
        load.server.set(server.listens()?);
        let mut phones = load.phones(&mut random)?;
        for phone in &phones {
            watched.said(&format!("device {}", hex(phone.device().as_bytes())))?;
        }
        let mut desks = load.desks(&mut random)?;
        watched.said(BEGIN)?;
        match WORKLOADS.iter().position(|name| *name == self.name) {
            Some(1) => {
                for n in 0..12 {
                    let phone = n % phones.len();
                    phones[phone].round()?;
                    tell(load, watched)?;
                }
            }
            Some(2) => {
                for n in 0..20 {
                    let desk = n % desks.len();
                    desks[desk].write(&load.server.url(), &load.heard)?;
                    tell(load, watched)?;
                }
            }
            _ => {
                many(&mut phones[0], load, watched)?;
                server = again(server, launch, load)?;
                many(&mut phones[0], load, watched)?;
            }
        }
        Ok(server.stop()?)
    }
}

/// Enough runs on one document that it gets a snapshot.
fn many(phone: &mut LoadPhone, load: &Load, watched: &Watched) -> Result<(), Trouble> {
    for _ in 0..20 {
        phone.save_one_and_sync()?;
        tell(load, watched)?;
    }
    Ok(())
}

fn again(server: ServerProcess, launch: &Launch, load: &Load) -> Result<ServerProcess, Trouble> {
    server.stop()?;
    let mut server = launch.start()?;
    load.server.set(server.listens()?);
    Ok(server)
}

/// Notes what the server acknowledged meanwhile.
fn tell(load: &Load, watched: &Watched) -> Result<(), Trouble> {
    let (facts, writes) = load.heard.take();
    for (key, hash) in &facts {
        watched.said(&line(key, hash))?;
    }
    for (pos, doc) in writes {
        watched.said(&format!("wrote {pos} {} {}", doc.kind.code(), hex(doc.as_bytes())))?;
    }
    Ok(())
}

impl Workload for Server {
    fn name(&self) -> &'static str {
        self.name
    }

    fn record(&self, _: &Child, watched: &dyn Fn() -> Result<Watched, Trouble>) -> Done {
        let watched = watched()?;
        let data = watched.folder();
        let mut launch = Launch::on(data);
        for (name, value) in watched.environment(true)? {
            launch = launch.variable(name, value);
        }
        if self.name == WORKLOADS[0] {
            let disk = Disk::of(data)?;
            for _ in 0..2 {
                launch.start()?.stop()?;
            }
            return Ok((disk, watched));
        }
        let place = Place::within(data);
        let people = self.runtime.block_on(place.hire(crate::kills::server::load::PHONES))?;
        self.tenant.get_or_init(|| people.tenant);
        let disk = Disk::of(data)?;
        self.work(&launch, &Load::new(people), &watched)?;
        Ok((disk, watched))
    }

    fn look(&self, folder: &Path, said: &[String], whole: bool) -> Result<(), Trouble> {
        let url = format!("sqlite://{}", folder.join("towline.db").display());
        self.runtime.block_on(async {
            let store = match Store::open(&url).await {
                Ok(store) => store,
                Err(error) => return broken(format!("the store does not open: {error}")),
            };
            let mut db = AnyConnection::connect(&url).await?;
            let sound: String =
                sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut db).await?;
            if sound != "ok" {
                return broken(format!("the database is not sound: {sound}"));
            }
            if let Some(tenant) = self.tenant.get() {
                acknowledged(&mut db, *tenant, said).await?;
            }
            db.close().await?;
            let report = if whole { Some(verify(&store).await?) } else { None };
            store.close().await;
            match report {
                Some(report) if !report.is_clean() => broken(format!("verify: {report}")),
                _ => Ok(()),
            }
        })
    }
}

async fn acknowledged(
    db: &mut AnyConnection,
    tenant: TenantId,
    said: &[String],
) -> Result<(), Trouble> {
    let mut log = LogTail::new(tenant);
    log.read(db).await?;
    for line in said {
        if let Some((key, hash)) = saved(line) {
            if log.facts.get(&key) != Some(&hash) {
                return broken(format!("{key:?} was called durable and is not in the log"));
            }
        } else if let Some(device) = line.strip_prefix("device ").and_then(unhex::<16>) {
            let device = DeviceId::from_bytes(device)?;
            const ACTIVE: &str = "SELECT COUNT(*) FROM devices WHERE id = $1 AND state = 'active'";
            let id = device.as_bytes().to_vec();
            let there: i64 = sqlx::query_scalar(ACTIVE).bind(id).fetch_one(&mut *db).await?;
            if there != 1 {
                return broken(format!("the phone {device} was confirmed and is not there"));
            }
        } else if let Some((pos, doc)) = line.strip_prefix("wrote ").and_then(written)
            && log.positions.get(&pos) != Some(&doc)
        {
            return broken(format!("a write to {doc:?} was answered at {pos} and is not there"));
        }
    }
    Ok(())
}

fn written(text: &str) -> Option<(i64, DocId)> {
    let mut words = text.split(' ');
    let pos = words.next()?.parse().ok()?;
    let kind = DocKind::from_code(words.next()?.parse().ok()?);
    Some((pos, DocId::new(kind, unhex(words.next()?)?).ok()?))
}
