//! The van: who drives it, and its stock as a fold over movements, job usages and counts.

mod closing;
mod drives;
mod opening;
pub mod period;
mod stock;

use serde::{Deserialize, Serialize};

pub use opening::{Carried, OPENING_BYTES, carry, lines_beyond};
pub use stock::{LateCount, Question, Stock, StockLine, Taken, Usage, stock_names, usages};

use crate::check::{self, Unverified};
use crate::document::Document;
use crate::id::{BranchId, UserId, VanId};
use crate::job::{Note, lines};
use crate::schema::{Key, key, section};
use crate::value::Value;

/// A vehicle with stock, as its document says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Van {
    /// Which van.
    pub id: VanId,
    /// Its name on the board.
    pub name: Option<String>,
    /// Its licence plate, or as said.
    pub plate: Option<String>,
    /// Values that are kept as they were said, because no rule knows them. The server's answers
    /// list them among findings that need more than the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub findings: Vec<Unverified>,
    /// The branch it belongs to.
    pub branch: Option<BranchId>,
    /// Who drives it now.
    pub technician: Option<UserId>,
    /// What it carries besides stock: winch, wheel lift, charger and the like.
    pub equipment: Vec<String>,
    /// Whether it is in use; a van nobody said otherwise about is.
    pub active: bool,
    /// Remarks.
    pub notes: Vec<Note>,
    /// What is in it.
    pub stock: Stock,
}

impl Van {
    /// The van a document describes, with the parts that jobs say were taken from it.
    pub fn of(document: &Document, usages: &[Usage]) -> Self {
        Self::with(document, Stock::of(document, usages))
    }

    /// The van a document describes, with this stock.
    pub fn with(document: &Document, stock: Stock) -> Self {
        let field = |key: Key| document.field(&section::DETAILS, &key);
        let text = |key: Key| field(key).and_then(Value::as_text).map(str::to_owned);
        let bytes = |key: Key| field(key).and_then(Value::as_bytes);
        let plate = text(key::PLATE);
        let finding = check::finding(plate.as_deref(), check::plate);
        Self {
            id: period::van(document).unwrap_or(VanId::new(0, [0; 10])),
            name: text(key::NAME),
            plate,
            findings: finding.into_iter().collect(),
            branch: bytes(key::BRANCH).and_then(|id| BranchId::from_slice(id).ok()),
            technician: bytes(key::TECHNICIAN).and_then(|id| UserId::from_slice(id).ok()),
            equipment: equipment(document),
            active: field(key::ACTIVE).and_then(Value::as_bool).unwrap_or(true),
            notes: crate::job::notes(document),
            stock,
        }
    }
}

/// What a van carries besides stock.
pub fn equipment(document: &Document) -> Vec<String> {
    lines(document.field(&section::DETAILS, &key::EQUIPMENT))
}
