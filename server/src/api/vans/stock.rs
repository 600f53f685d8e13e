//! Stock of a van over REST: moved, and counted.

use axum::extract::State;
use serde::Deserialize;
use store::rows::audit::Note;
use store::rows::parts;
use store::writer::Expect;
use sync_core::id::VanId;
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{VanView, period, record, view, written};
use crate::api::{check, edit};
use crate::app::App;
use crate::auth::{Caller, Role, Staff};
use crate::http::{Code, ETag, Id, Json, Operation, Problem};

/// Most lines in one request.
const LINES: usize = 100;
/// Largest quantity of one line, thousandths of a unit.
const MOST: i64 = 1_000_000_000;

/// How stock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Into the van.
    Load,
    /// Out of the van, back to the branch.
    Unload,
    /// From one bin to another.
    Transfer,
}

/// One movement of stock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Movement {
    /// How it moves.
    pub kind: MovementKind,
    /// Part number.
    #[schema(min_length = 1, max_length = 60)]
    pub part_no: String,
    /// Thousandths of a unit.
    #[schema(minimum = 1, maximum = 1000000000)]
    pub quantity: i64,
    /// Bin, for loading and unloading.
    pub bin: Option<String>,
    /// Bin it leaves, for a transfer.
    pub from: Option<String>,
    /// Bin it comes to, for a transfer.
    pub to: Option<String>,
}

/// Movements of stock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"movements": [{"kind": "load", "part_no": "12V60", "quantity": 2000, "bin": "A1"}]}))]
pub struct Movements {
    /// 1 to 100 lines.
    #[schema(min_items = 1, max_items = 100)]
    pub movements: Vec<Movement>,
}

/// Moves stock into, out of, or within a van. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/vans/{id}/movements", tag = "vans", operation_id = "move_stock",
    request_body = Movements,
    params(("id" = inline(VanId), Path, description = "The van.")),
    responses((status = 200, body = VanView)),
)]
pub async fn move_stock(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<VanId>,
    operation: Operation,
    Json(request): Json<Movements>,
) -> Result<(ETag, Json<VanView>), Problem> {
    view(&app, &caller, id).await?;
    let lines = request.movements.iter().enumerate().map(|(index, line)| movement(index, line));
    let lines = bounded("movements", lines)?;
    // Who may not load is told so first, by the policy.
    if caller.role() >= Role::Manager {
        check_parts(&app, &caller, &request.movements).await?;
    }
    let note = caller.note("van.movements", id).shown_at("vans");
    add(&app, &caller, id, &operation, section::MOVEMENTS, lines, note).await
}

/// What was counted of one part.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Part number.
    #[schema(min_length = 1, max_length = 60)]
    pub part_no: String,
    /// Thousandths of a unit.
    #[schema(minimum = 0, maximum = 1000000000)]
    pub quantity: i64,
    /// Bin.
    pub bin: Option<String>,
}

/// What was counted in a van.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StockCount)]
pub struct Count {
    /// 1 to 100 lines.
    #[schema(min_items = 1, max_items = 100)]
    pub counts: Vec<Counted>,
}

/// Sets the stock of parts and bins to what was counted. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/vans/{id}/counts", tag = "vans", operation_id = "count_stock",
    request_body = Count,
    params(("id" = inline(VanId), Path, description = "The van.")),
    responses((status = 200, body = VanView)),
)]
pub async fn count(
    State(app): State<App>,
    caller: Staff,
    Id(id): Id<VanId>,
    operation: Operation,
    Json(request): Json<Count>,
) -> Result<(ETag, Json<VanView>), Problem> {
    view(&app, &caller, id).await?;
    let lines = request.counts.iter().enumerate().map(|(index, line)| {
        let field = |name: &str| format!("counts[{index}].{name}");
        let bin = line.bin.as_deref().map(|name| bin(&field("bin"), name)).transpose()?;
        Ok(vec![
            (key::PART_NO, check::text(&field("part_no"), &line.part_no, 60)?.into()),
            (key::QUANTITY, check::range(&field("quantity"), line.quantity, 0..=MOST)?.into()),
            (key::BIN, bin.into()),
        ])
    });
    let lines = bounded("counts", lines)?;
    let note = caller.note("van.counts", id).shown_at("vans");
    add(&app, &caller, id, &operation, section::COUNTS, lines, note).await
}

/// Checks that the catalogue has the parts that are loaded. What is in a van already may leave it or
/// be counted, whatever the catalogue says of it now.
async fn check_parts(app: &App, caller: &Caller, lines: &[Movement]) -> Result<(), Problem> {
    let mut connection = app.read().await?;
    for (index, line) in lines.iter().enumerate() {
        let part_no = line.part_no.trim();
        if line.kind == MovementKind::Load
            && parts::get(&mut connection, caller.tenant(), part_no).await?.is_none()
        {
            let problem = Problem::new(Code::UnknownReference);
            let detail = "The catalogue has no part with this number. Add it first.";
            return Err(problem.field(format!("movements[{index}].part_no")).detail(detail));
        }
    }
    Ok(())
}

type Line = Vec<(Key, Value)>;

fn movement(index: usize, line: &Movement) -> Result<Line, Problem> {
    let field = |name: &str| format!("movements[{index}].{name}");
    let kind = match line.kind {
        MovementKind::Load => "load",
        MovementKind::Unload => "unload",
        MovementKind::Transfer => "transfer",
    };
    let part_no = check::text(&field("part_no"), &line.part_no, 60)?;
    let quantity = check::range(&field("quantity"), line.quantity, 1..=MOST)?;
    if line.kind == MovementKind::Transfer && line.from.as_deref() == line.to.as_deref() {
        return Err(Problem::invalid(field("to"), "A transfer goes to another bin."));
    }
    let mut pairs = vec![
        (key::KIND, kind.into()),
        (key::PART_NO, part_no.into()),
        (key::QUANTITY, quantity.into()),
    ];
    let bins = match line.kind {
        MovementKind::Transfer => vec![("from", key::FROM, &line.from), ("to", key::TO, &line.to)],
        MovementKind::Load | MovementKind::Unload => vec![("bin", key::BIN, &line.bin)],
    };
    for (name, key, given) in bins {
        if let Some(given) = given {
            pairs.push((key, bin(&field(name), given)?.into()));
        }
    }
    Ok(pairs)
}

fn bin(field: &str, name: &str) -> Result<String, Problem> {
    check::text(field, name, 40)
}

fn bounded(
    field: &str,
    lines: impl ExactSizeIterator<Item = Result<Line, Problem>>,
) -> Result<Vec<Line>, Problem> {
    if lines.len() == 0 || lines.len() > LINES {
        return Err(Problem::invalid(field, format!("1 to {LINES} lines.")));
    }
    lines.collect()
}

async fn add(
    app: &App,
    caller: &Caller,
    id: VanId,
    operation: &Operation,
    section: Section,
    lines: Vec<Line>,
    note: Note,
) -> Result<(ETag, Json<VanView>), Problem> {
    let now = app.now();
    let record = record(app, caller, id, None).await?;
    if period::has_done(&app.store, caller.tenant(), record, operation, &section).await? {
        return view(app, caller, id).await;
    }
    let operation = *operation;
    edit::edit(app, caller, record.into(), Expect::Existing, note, move |document| {
        let numbered = (0..=u8::MAX).zip(lines);
        let facts = numbered.filter_map(|(n, pairs)| {
            edit::fact(document, &operation, n, section.clone(), now, pairs)
        });
        Ok(facts.collect())
    })
    .await?;
    written(app, caller, id).await
}
