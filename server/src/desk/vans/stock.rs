//! Stock of a van over REST: moved, and counted.

use axum::extract::State;
use serde::Deserialize;
use sync_core::id::VanId;
use sync_core::schema::{Key, Section, key, section};
use sync_core::value::Value;
use utoipa::ToSchema;

use super::{VanView, view};
use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::{Caller, Staff};
use crate::desk::{check, edit};
use crate::http::{ETag, Id, Json, Operation, Problem, ProblemBody};
use crate::writer::Expect;

/// Most lines in one request.
const LINES: usize = 100;
/// Largest quantity of one line, thousandths of a unit.
const MOST: i64 = 1_000_000_000;

/// How stock moves.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
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
    pub part_no: String,
    /// Thousandths of a unit.
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
pub struct Movements {
    /// At most 100.
    pub movements: Vec<Movement>,
}

/// Moves stock into, out of, or within a van. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/vans/{id}/movements", tag = "vans", request_body = Movements,
    params(("id" = String, Path)),
    responses((status = 200, body = VanView), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn move_stock(
    State(app): State<App>,
    Staff(caller): Staff,
    Id(id): Id<VanId>,
    operation: Operation,
    Json(request): Json<Movements>,
) -> Result<(ETag, Json<VanView>), Problem> {
    view(&app, &caller, id).await?;
    let lines = request.movements.iter().enumerate().map(|(index, line)| movement(index, line));
    let lines = bounded("movements", lines)?;
    let note = Note::by(&caller, "van.movements", id);
    add(&app, &caller, id, &operation, section::MOVEMENTS, lines, note).await
}

/// What was counted of one part.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Part number.
    pub part_no: String,
    /// Thousandths of a unit.
    pub quantity: i64,
    /// Bin.
    pub bin: Option<String>,
}

/// What was counted in a van.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// At most 100.
    pub counts: Vec<Counted>,
}

/// Sets the stock of parts and bins to what was counted. For managers and administrators.
#[utoipa::path(
    post, path = "/v1/vans/{id}/counts", tag = "vans", request_body = Count,
    params(("id" = String, Path)),
    responses((status = 200, body = VanView), (status = 404, body = ProblemBody), (status = 422, body = ProblemBody))
)]
pub async fn count(
    State(app): State<App>,
    Staff(caller): Staff,
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
    let note = Note::by(&caller, "van.counts", id);
    add(&app, &caller, id, &operation, section::COUNTS, lines, note).await
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
    let (operation, now) = (*operation, app.now());
    edit::edit(app, caller, id.into(), Expect::Existing, note, move |document| {
        let numbered = (0..=u8::MAX).zip(lines);
        let facts = numbered.filter_map(|(n, pairs)| {
            edit::fact(document, &operation, n, section.clone(), now, pairs)
        });
        Ok(facts.collect())
    })
    .await?;
    view(app, caller, id).await
}
