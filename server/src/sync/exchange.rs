//! One exchange: hands the frame to the machine of `sync-core` and carries out what it asks for.

use ed25519_dalek::VerifyingKey;
use store::StoreError;
use store::rows::devices::{self, Device};
use store::writer::{Evidence, PushRequest};
use sync_core::admission::{Verdict, push_message};
use sync_core::change::Change;
use sync_core::id::{DeviceId, JobId, TenantId};
use sync_core::limits;
use sync_core::policy;
use sync_core::sync::{Pull, Pulled, ServerEffect, ServerEvent, Session, Submitted};

use super::budget::{ROW_BYTES, Turn, UsedUp};
use super::countersign::is_seal;
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Code, Problem};
use crate::telemetry::metrics::Case;

/// Encoded bytes of changes in one answer.
const BUDGET: usize = limits::PAGE_BYTES;
/// When a phone should come back if the store is in trouble, milliseconds.
const RETRY_MS: u64 = 5000;
/// The same if it has two exchanges under way already.
const BUSY_MS: u64 = 1000;

/// A phone that may sync, with the key its changes are signed by.
#[derive(Debug, Clone)]
pub struct Phone {
    /// Its tenant.
    pub tenant: TenantId,
    /// The technician.
    pub caller: policy::Principal,
    /// The phone.
    pub device: DeviceId,
    /// Every phone this technician ever had, this one among them.
    devices: Vec<DeviceId>,
    pub(super) key: VerifyingKey,
}

impl Phone {
    /// A phone as its row says, whether it may sync or not.
    pub fn recorded(device: &Device) -> Option<Self> {
        let key = device.public_key.as_slice().try_into().ok()?;
        Some(Self {
            tenant: device.tenant,
            caller: policy::Principal { user: device.user, role: policy::Role::Technician },
            device: device.id,
            devices: vec![device.id],
            key: VerifyingKey::from_bytes(key).ok()?,
        })
    }

    /// The phone of a caller, as its row says now.
    ///
    /// # Errors
    /// `forbidden` for callers without a phone, `device_revoked`.
    pub async fn of(app: &App, caller: &Caller) -> Result<Self, Problem> {
        let device = caller
            .device()
            .ok_or_else(|| Problem::new(Code::Forbidden).detail("Only enrolled phones sync."))?;
        let mut connection = app.read().await?;
        let found =
            devices::syncing(&mut connection, caller.tenant(), device, caller.user()).await?;
        let found = found.ok_or_else(|| Problem::new(Code::DeviceRevoked))?;
        let devices::Syncing { public_key, devices, held } = found;
        if held {
            return Err(Problem::held());
        }
        let key = public_key.as_slice().try_into().ok();
        let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok());
        let key = key.ok_or_else(|| Problem::internal("a stored device key is no key"))?;
        let technician = policy::Principal { user: caller.user(), role: policy::Role::Technician };
        Ok(Self { tenant: caller.tenant(), caller: technician, device, devices, key })
    }
}

/// The result of an exchange.
#[derive(Debug)]
pub struct Exchanged {
    /// The frame to send back.
    pub frame: Vec<u8>,
    /// Up to where in the log the phone has everything once it stored the frame, if it does.
    pub seen: Option<i64>,
}

/// Runs one exchange in its turn among those of the phone; without one the phone is told to come
/// later. Whatever happens there is a frame to send back.
pub async fn exchange(app: &App, phone: &Phone, frame: &[u8], turn: Option<&Turn>) -> Exchanged {
    let metrics = &app.metrics;
    metrics.frame_bytes.get_or_create(&Case::of("up")).inc_by(frame.len() as u64);
    let mut session = Session::new(phone.caller.user, phone.device, phone.key, app.store.epoch());
    let mut working = None;
    let mut effect = match spare(app, phone.tenant, phone.device, frame.len()) {
        Ok(()) if turn.is_none() => {
            session.handle(app.now(), ServerEvent::Unavailable { retry_after_ms: BUSY_MS })
        }
        Ok(()) => session.handle(app.now(), ServerEvent::Frame(frame)),
        Err(used_up) => {
            let retry_after_ms = used_up.retry_after_ms;
            session.handle(app.now(), ServerEvent::OverBudget { retry_after_ms })
        }
    };
    let mut seen = None;
    let mut pushed = false;
    loop {
        if let (Some(turn), None) = (turn, &working)
            && !matches!(effect, ServerEffect::Send(_))
        {
            working = Some(turn.begin().await);
        }
        let event = match effect {
            ServerEffect::Send(frame) => {
                let case = if pushed { "push" } else { "pull" };
                metrics.exchanges.get_or_create(&Case::of(case)).inc();
                metrics.frame_bytes.get_or_create(&Case::of("down")).inc_by(frame.len() as u64);
                app.budgets.charge(phone.device, app.now(), frame.len(), 0);
                return Exchanged { frame, seen };
            }
            ServerEffect::Admit(runs) => {
                pushed = true;
                let changes = runs.iter().map(|run| run.run().changes.len()).sum();
                // What is stored is what the frame inflates to.
                let bytes = weight(&runs).saturating_sub(frame.len());
                app.budgets.charge(phone.device, app.now(), bytes, changes);
                match admit(app, phone, runs, session.signature()).await {
                    Ok(verdicts) => ServerEvent::Admitted(verdicts),
                    Err(error) => unavailable(&error),
                }
            }
            ServerEffect::Pull(pull) => match pulled(app, phone, &pull).await {
                Ok(pulled) => {
                    seen = position(&pulled);
                    if pull.inventory.is_none() {
                        let lag = pulled.cursor.saturating_sub(pull.cursor);
                        metrics.sync_lag.observe(lag as f64);
                    }
                    ServerEvent::Pulled(pulled)
                }
                Err(error) => unavailable(&error),
            },
        };
        effect = session.handle(app.now(), event);
    }
}

/// Bytes of changes that runs have when they are not deflated.
fn weight(runs: &[Submitted]) -> usize {
    let changes = runs.iter().flat_map(|run| &run.run().changes);
    changes.map(Change::weight).fold(0, usize::saturating_add)
}

/// Reads what a phone lacks, and charges what it took to find that.
async fn pulled(app: &App, phone: &Phone, pull: &Pull) -> Result<Pulled, StoreError> {
    let (pulled, looked_at) = app.store.pull_counted(phone.tenant, pull, BUDGET).await?;
    app.budgets.charge(phone.device, app.now(), looked_at * ROW_BYTES, 0);
    Ok(pulled)
}

/// Whether a phone has something left of what it may send and fetch in an hour, and charges the
/// bytes of its frame. To be asked before anything of the frame is read.
///
/// # Errors
/// [`UsedUp`]; the log has it once, the counters each time.
pub(super) fn spare(
    app: &App,
    tenant: TenantId,
    device: DeviceId,
    bytes: usize,
) -> Result<(), UsedUp> {
    app.budgets.ask(device, app.now(), bytes).inspect_err(|used_up| {
        app.metrics.over_budget.inc();
        if used_up.first {
            let wait_ms = used_up.retry_after_ms;
            tracing::warn!(%tenant, %device, wait_ms, "a phone used up what it may send in an hour");
        }
    })
}

/// Has runs of a phone admitted, with what it signed kept beside them.
///
/// # Errors
/// When the store cannot do it.
pub async fn admit(
    app: &App,
    phone: &Phone,
    runs: Vec<Submitted>,
    signature: Option<[u8; 64]>,
) -> Result<Vec<Vec<Verdict>>, StoreError> {
    let signed = runs.iter().filter_map(|run| match run {
        Submitted::Signed(verified) => Some(verified.run()),
        Submitted::ByRevoked(_) | Submitted::Relayed(_) | Submitted::Orphaned(_) => None,
    });
    let message = push_message(phone.device, signed);
    let evidence = signature.map(|signature| Evidence { message, signature });
    let (tenant, caller, device, now) = (phone.tenant, phone.caller, phone.device, app.now());
    let sealed = sealed(&runs);
    let devices = phone.devices.clone();
    let push = PushRequest { tenant, caller, device, devices, runs, evidence, now };
    let verdicts = app.writer().push(push).await?;
    for (run, change, job) in sealed {
        let verdict = verdicts.get(run).and_then(|of_run| of_run.get(change));
        if verdict.is_some_and(Verdict::is_durable) {
            app.countersigner.take(tenant, job);
        }
    }
    for verdict in verdicts.iter().flatten() {
        app.metrics.verdicts.get_or_create(&Case::of(verdict.code())).inc();
    }
    Ok(verdicts)
}

/// The changes in which a customer signed: which run, which change of it, and of which job.
fn sealed(runs: &[Submitted]) -> Vec<(usize, usize, JobId)> {
    let mut found = Vec::new();
    for (index, submitted) in runs.iter().enumerate() {
        let run = submitted.run();
        let Some(job) = run.doc.job() else { continue };
        for (change, it) in run.changes.iter().enumerate() {
            if it.entries.iter().any(is_seal) {
                found.push((index, change, job));
            }
        }
    }
    found
}

fn position(pulled: &Pulled) -> Option<i64> {
    if pulled.more { None } else { i64::try_from(pulled.cursor).ok() }
}

fn unavailable(error: &StoreError) -> ServerEvent<'static> {
    if error.is_retryable() {
        tracing::warn!(%error, "an exchange has to wait");
    } else {
        tracing::error!(%error, "an exchange failed");
    }
    ServerEvent::Unavailable { retry_after_ms: RETRY_MS }
}
