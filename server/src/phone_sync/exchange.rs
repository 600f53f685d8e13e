//! One exchange: hands the frame to the machine of `sync-core` and carries out what it asks for.

use ed25519_dalek::VerifyingKey;
use sqlx::Row as _;
use sync_core::admission::{Verdict, push_message};
use sync_core::id::{DeviceId, JobId, TenantId};
use sync_core::limits;
use sync_core::policy;
use sync_core::sync::{Pulled, ServerEffect, ServerEvent, Session, Submitted};

use super::countersign::is_seal;
use crate::accounts::devices::Device;
use crate::accounts::sql::{self, Raw as _};
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Code, Problem};
use crate::store::StoreError;
use crate::telemetry::metrics::Case;
use crate::writer::{Evidence, PushRequest};

/// Encoded bytes of changes in one answer.
const BUDGET: usize = limits::PAGE_BYTES;
/// When a phone should come back if the store is in trouble, milliseconds.
const RETRY_MS: u64 = 5000;

/// A phone that may sync, with the key its changes are signed by.
#[derive(Debug, Clone)]
pub struct Phone {
    /// Its tenant.
    pub tenant: TenantId,
    /// The technician.
    pub caller: policy::Caller,
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
            caller: policy::Caller { user: device.user, role: policy::Role::Technician },
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
            .device
            .ok_or_else(|| Problem::new(Code::Forbidden).detail("Only enrolled phones sync."))?;
        let mut connection = app.read().await?;
        let rows = sqlx::query(
            "SELECT devices.public_key, others.id FROM devices \
             JOIN users ON users.tenant = devices.tenant AND users.id = devices.user_id \
             JOIN devices AS others ON others.tenant = devices.tenant \
             AND others.user_id = devices.user_id \
             WHERE devices.tenant = $1 AND devices.id = $2 AND devices.user_id = $3 \
             AND devices.state = 'active' AND users.active = 1 AND users.role = 'technician'",
        )
        .bind(caller.tenant.raw())
        .bind(device.raw())
        .bind(caller.user.raw())
        .fetch_all(&mut *connection)
        .await?;
        let devices = rows.iter().map(|row| sql::id(row, "id")).collect::<Result<_, _>>()?;
        let row = rows.first().ok_or_else(|| Problem::new(Code::DeviceRevoked))?;
        let key: Vec<u8> = row.try_get("public_key")?;
        let key = key.as_slice().try_into().ok().and_then(|k| VerifyingKey::from_bytes(k).ok());
        let key = key.ok_or_else(|| sql::broken("public_key"))?;
        let technician = policy::Caller { user: caller.user, role: policy::Role::Technician };
        Ok(Self { tenant: caller.tenant, caller: technician, device, devices, key })
    }
}

/// What came of an exchange.
#[derive(Debug)]
pub struct Outcome {
    /// The frame to send back.
    pub frame: Vec<u8>,
    /// Up to where in the log the phone has everything once it stored the frame, if it does.
    pub seen: Option<i64>,
}

/// Runs one exchange. Whatever happens there is a frame to send back.
pub async fn exchange(app: &App, phone: &Phone, frame: &[u8]) -> Outcome {
    let metrics = &app.metrics;
    metrics.frame_bytes.get_or_create(&Case::of("up")).inc_by(frame.len() as u64);
    let mut session = Session::new(phone.caller.user, phone.device, phone.key, app.store.epoch());
    let mut effect = session.handle(app.now(), ServerEvent::Frame(frame));
    let mut seen = None;
    let mut pushed = false;
    loop {
        let event = match effect {
            ServerEffect::Send(frame) => {
                let case = if pushed { "push" } else { "pull" };
                metrics.exchanges.get_or_create(&Case::of(case)).inc();
                metrics.frame_bytes.get_or_create(&Case::of("down")).inc_by(frame.len() as u64);
                return Outcome { frame, seen };
            }
            ServerEffect::Admit(runs) => {
                pushed = true;
                match admit(app, phone, runs, session.signature()).await {
                    Ok(verdicts) => ServerEvent::Admitted(verdicts),
                    Err(error) => unavailable(&error),
                }
            }
            ServerEffect::Pull(pull) => match app.store.pull(phone.tenant, &pull, BUDGET).await {
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
        Submitted::HandedIn(_) | Submitted::Relayed(_) | Submitted::Stranded(_) => None,
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
