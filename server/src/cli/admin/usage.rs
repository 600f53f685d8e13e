//! `towline admin usage`: what fills a tenant's storage, by whom, and who may have more.

use std::error::Error;

use serde_json::json;
use server::admin;
use store::rows::shares;

use super::args::UsageArgs;
use super::open;
use super::output::Output;

/// Technicians that are listed, those who stored most first.
const ROWS: i64 = 50;
const MIB: f64 = 1024.0 * 1024.0;

/// Shows it, or allows someone more.
pub(super) async fn run(out: Output, args: UsageArgs) -> Result<(), Box<dyn Error>> {
    let bounds = args.place.config()?.bounds;
    let (store, _, _) = open(&args.place).await?;
    let tenant = admin::find_tenant(&store, &args.tenant).await?;
    if let (Some(login), Some(mib)) = (&args.login, args.extra_mib) {
        let user = admin::find_user(&store, tenant.id, login).await?;
        admin::allow_storage(&store, tenant.id, user.id, i64::from(mib) << 20).await?;
        let line = format!("The phones of {login} may store {mib} MiB on top, a day and in all.");
        out.say(&json!({"login": login, "extra_mib": mib}), &[line]);
        return Ok(());
    }
    let mib = |bytes: i64| format!("{:.1} MiB", bytes as f64 / MIB);
    let mut lines = vec![format!("Of {} (tenant_storage_gib):", mib(bounds.storage_bytes))];
    let mut kinds = Vec::new();
    for taken in store.taken_up().await?.into_iter().filter(|it| it.tenant == tenant.id) {
        if taken.bytes > 0 {
            let (bytes, rows) = (taken.bytes, taken.items);
            lines.push(format!("  {:12} {:>14}  {rows} rows", taken.kind, mib(bytes)));
            kinds.push(json!({"kind": taken.kind, "bytes": bytes, "rows": rows}));
        }
    }
    let day_bytes = bounds.technician_day_bytes;
    lines.push(format!("By technician; a day's bound is {}:", mib(day_bytes)));
    let mut technicians = Vec::new();
    let mut connection = store.readers().acquire().await?;
    for stored in shares::most(&mut connection, tenant.id, ROWS).await? {
        let login = stored.login.unwrap_or_else(|| stored.user.to_string());
        let (all, day) = (mib(stored.bytes), mib(stored.day_bytes));
        let extra = match stored.extra {
            0 => String::new(),
            extra => format!(", {} on top", mib(extra)),
        };
        lines.push(format!("  {login:12} {all:>14}  {day} on the last day{extra}"));
        technicians.push(json!({
            "login": login, "bytes": stored.bytes, "day_bytes": stored.day_bytes,
            "extra": stored.extra,
        }));
    }
    let of_tenant = json!({
        "storage_bytes": bounds.storage_bytes, "technician_day_bytes": day_bytes,
        "kinds": kinds, "technicians": technicians,
    });
    out.say(&of_tenant, &lines);
    Ok(())
}
