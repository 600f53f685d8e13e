//! Runs that the server admitted, back into a document: on a phone, or from the server's log.
//!
//! Policy was asked when the run was admitted and is not asked again; the hash chain and every
//! check that keeps a document sound are.

use crate::change::Run;
use crate::document::{Author, Document, Rebuilt, Refusal};

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// This many changes were new.
    New(usize),
    /// Everything was here already.
    Known,
}

/// Takes a run into a document; changes that are here already are passed over.
///
/// A run that cannot be hashed on top of the document changes nothing. After any other error the
/// document may hold a part of the run: drop it and load it again.
pub fn replay(document: &mut Document, run: &Run, author: Author) -> Result<Replayed, Refusal> {
    let held = document.seq_of(&run.actor());
    if run.last_seq() <= held {
        let last = run.changes.last().ok_or(Refusal::HashMismatch)?;
        return match document.holds(last, &run.last_hash) {
            Some(true) => Ok(Replayed::Known),
            _ => Err(Refusal::Fork),
        };
    }
    let chain = document.chain(run)?;
    let mut new = 0;
    for (change, built) in run.changes.iter().zip(chain) {
        match document.holds(change, &built.hash()) {
            Some(true) => continue,
            Some(false) => return Err(Refusal::Fork),
            None => {}
        }
        document.may_join(change, true)?;
        document.apply(Rebuilt::checked(change.clone(), built), author);
        new += 1;
    }
    Ok(Replayed::New(new))
}
