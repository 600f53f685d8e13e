//! The server's answer for one change.

use crate::change::ChangeRef;
use crate::codes;

/// The result of a change. However often it is sent, what was durable stays so, and what was
/// refused stays refused, until its number stands for other, durable work (then it is a fork).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Committed and on disk. Never said before.
    Durable,
    /// Not taken, for a reason a person can read. The phone keeps it and shows it.
    Refused {
        /// Stable code, snake case.
        code: String,
        /// One plain sentence.
        sentence: String,
    },
    /// Nothing is wrong with it, but it follows a change that was refused: write the same
    /// entries as a new change.
    Reauthor,
    /// The actor is used by another copy of this installation: take a fresh actor and write the
    /// same entries as new changes.
    Fork,
    /// It follows changes the server does not have: send an inventory and what it lacks.
    Missing(Vec<ChangeRef>),
    /// The server cannot take it yet (an older version, a full queue): keep it and try later.
    Later {
        /// Stable code, snake case.
        code: String,
    },
}

impl Verdict {
    /// Refused with this code and sentence.
    pub fn refused(code: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), sentence: sentence.into() }
    }

    /// A stable code for metrics and logs.
    pub fn code(&self) -> &str {
        match self {
            Self::Durable => codes::DURABLE.word,
            Self::Refused { code, .. } | Self::Later { code } => code,
            Self::Reauthor => codes::REAUTHOR.word,
            Self::Fork => codes::ACTOR_FORK.word,
            Self::Missing(_) => codes::MISSING_DEPENDENCIES.word,
        }
    }

    /// Whether the server holds the change now.
    pub fn is_durable(&self) -> bool {
        *self == Self::Durable
    }
}
