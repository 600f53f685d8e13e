//! Phones' work into the server's document: one verdict a change, none waits for another.

use std::collections::BTreeMap;

use super::allow::{Allowed, NotAllowed};
use super::{Verdict, Verified};
use crate::change::{Change, ChangeRef, Run};
use crate::document::{Author, ChangeHash, Document, Refusal};
use crate::id::{ActorId, DeviceId};
use crate::limits;
use crate::policy::Caller;

/// Code of work whose writer id belongs to another phone: it has to be written anew.
pub const ACTOR_NOT_YOURS: &str = "actor_not_yours";

/// What came of admitting a run.
#[derive(Debug, Clone)]
pub struct Admission {
    /// One verdict for each change of the run, in order.
    pub verdicts: Vec<Verdict>,
    /// The changes that were new and are now in the document, to be written to the log.
    pub admitted: Option<Admitted>,
    /// The changes that were refused now, to be kept with their reason.
    pub refused: Vec<RefusedChange>,
}

/// Consecutive changes that joined a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The actor of all of them.
    pub actor: ActorId,
    /// Number of the first.
    pub first_seq: u64,
    /// Number of the last.
    pub last_seq: u64,
    /// Hash of the last.
    pub last_hash: ChangeHash,
    /// Who made them.
    pub author: Author,
}

impl Admitted {
    /// How many changes there are.
    pub fn count(&self) -> usize {
        usize::try_from(self.last_seq - self.first_seq + 1).unwrap_or(usize::MAX)
    }

    /// The changes as a run of their own. `document` is the one they joined just now.
    pub fn run(&self, document: &Document) -> Run {
        let changes = document.changes();
        let joined = changes.get(changes.len().saturating_sub(self.count())..);
        Run {
            doc: document.id(),
            changes: joined.unwrap_or_default().iter().map(|(change, _)| change.clone()).collect(),
            last_hash: self.last_hash,
        }
    }
}

/// A change that was refused, with what is needed to give the same verdict again.
#[derive(Debug, Clone)]
pub struct RefusedChange {
    /// The change as it was sent.
    pub change: Change,
    /// Its hash.
    pub hash: ChangeHash,
    /// Stable code.
    pub code: String,
    /// One plain sentence.
    pub sentence: String,
}

/// Verdicts given before, by the hash of the change.
pub type RefusedBefore = BTreeMap<[u8; 32], (String, String)>;

/// Takes a run into a document.
///
/// `caller` is the author with the role the server knows now; `lease` is the device the run's
/// actor belongs to, absent while nobody has used it. Verdicts of [`RefusedBefore`] are repeated.
pub fn admit(
    document: &mut Document,
    verified: Verified,
    caller: &Caller,
    lease: Option<DeviceId>,
    refused_before: &RefusedBefore,
) -> Admission {
    let (run, author, relayed) = verified.into_parts();
    let mut admission = Admission { verdicts: Vec::new(), admitted: None, refused: Vec::new() };
    let owner = lease.is_none_or(|device| Some(device) == author.device);
    let stranger = !relayed && (!owner || run.actor() == ActorId::GENESIS);
    let chain = match document.chain(&run) {
        Ok(chain) => chain,
        Err(refusal) => {
            // A run that cannot be hashed has no change that could be judged alone.
            let verdict = match refusal {
                _ if stranger => not_yours(),
                Refusal::HashMismatch => mismatched(&run),
                other => other.into(),
            };
            admission.verdicts = vec![verdict; run.changes.len()];
            return admission;
        }
    };
    let mut blocked: Option<Verdict> = None;
    for (change, built) in run.changes.into_iter().zip(chain) {
        let hash = built.hash();
        if let Some(verdict) = &blocked {
            admission.verdicts.push(verdict.clone());
            continue;
        }
        match document.holds(&change, &hash) {
            // Also of a stranger: somebody else may have brought it back before its author came.
            Some(true) => {
                admission.verdicts.push(Verdict::Durable);
                continue;
            }
            Some(false) | None if stranger => {
                admission.verdicts.push(not_yours());
                blocked = Some(not_yours());
                continue;
            }
            Some(false) => {
                admission.verdicts.push(Verdict::Fork);
                blocked = Some(Verdict::Fork);
                continue;
            }
            None => {}
        }
        // What carries a receipt was admitted once; it is on the list only if it was stranded then.
        if let Some((code, sentence)) = refused_before.get(&hash.0).filter(|_| !relayed) {
            admission.verdicts.push(Verdict::refused(code.clone(), sentence.clone()));
            blocked = Some(Verdict::Reauthor);
            continue;
        }
        let (actor, seq) = (change.actor, change.seq);
        let allowed = if relayed {
            Allowed::by_receipt(document, change, author)
        } else {
            Allowed::by_policy(document, caller, change, author)
        };
        match allowed.and_then(|allowed| allowed.join(document, built)) {
            Ok(()) => {
                let first_seq = admission.admitted.map_or(seq, |admitted| admitted.first_seq);
                admission.admitted =
                    Some(Admitted { actor, first_seq, last_seq: seq, last_hash: hash, author });
                admission.verdicts.push(Verdict::Durable);
            }
            Err(not) => {
                let NotAllowed { change, why } = *not;
                let verdict = Verdict::from(why);
                blocked = Some(match &verdict {
                    Verdict::Refused { code, sentence } => {
                        let (code, sentence) = (code.clone(), sentence.clone());
                        admission.refused.push(RefusedChange { change, hash, code, sentence });
                        Verdict::Reauthor
                    }
                    other => other.clone(),
                });
                admission.verdicts.push(verdict);
            }
        }
    }
    admission
}

/// A run whose hash is another here. Where it follows other changes, these are not here as its phone
/// has them: on a restored server somebody may have written something else under their numbers. The
/// phone has to look what is here before anything is said of its work. What follows nothing but
/// the genesis has no excuse.
fn mismatched(run: &Run) -> Verdict {
    let (actor, first) = (run.actor(), run.first_seq());
    let before = ChangeRef { actor, seq: first.saturating_sub(1) };
    let own = |it: &ChangeRef| it.actor == actor && it.seq >= first;
    let after = run.changes.iter().flat_map(|change| change.after.iter().copied());
    let after = after.chain((before.seq > 0).then_some(before));
    let mut follows: Vec<ChangeRef> =
        after.filter(|it| it.actor != ActorId::GENESIS && !own(it)).collect();
    follows.sort();
    follows.dedup();
    follows.truncate(limits::CHANGE_DEPS + 1);
    if follows.is_empty() { Refusal::HashMismatch.into() } else { Verdict::Missing(follows) }
}

fn not_yours() -> Verdict {
    let sentence =
        "This phone's writer id belongs to another phone; write it anew under a fresh one.";
    Verdict::refused(ACTOR_NOT_YOURS, sentence)
}
