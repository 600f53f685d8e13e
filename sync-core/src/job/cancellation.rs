//! How a job was called off, as the board shows it.

use serde::{Deserialize, Serialize};

use super::access::text;
use super::parts::owned;
use super::times::corrected;
use crate::document::Fact;
use crate::id::{FactId, UserId};
use crate::schema::key;

/// The cancellation that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cancellation {
    /// The fact.
    pub id: FactId,
    /// Why, by its word.
    pub reason: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// The state in which the job was, by its word.
    pub stage: Option<String>,
    /// Who called it off.
    pub by: Option<UserId>,
    /// When, Unix milliseconds.
    pub at: i64,
}

impl Cancellation {
    pub(super) fn of(fact: &Fact) -> Self {
        Self {
            id: fact.id,
            reason: owned(fact, &key::REASON),
            note: text(fact, &key::NOTE).map(str::to_owned),
            stage: owned(fact, &key::STAGE),
            by: fact.author,
            at: corrected(fact).at,
        }
    }
}
