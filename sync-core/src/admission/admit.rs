//! Phones' work into the server's document: one verdict a change, none waits for another.

use std::collections::BTreeMap;

use super::{Verdict, Verified};
use crate::change::{Change, Entry, Run};
use crate::document::{Author, ChangeHash, Document, Rebuilt, Refusal};
use crate::id::{ActorId, DeviceId, FactId};
use crate::policy::{self, Caller};

/// Code of work whose writer id belongs to another phone: it has to be written anew.
pub const ACTOR_NOT_YOURS: &str = "actor_not_yours";

/// Code of work that has to wait until somebody's change has followed the heads that are there.
pub const MANY_HEADS: &str = "many_heads";

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
    if run.actor() == ActorId::GENESIS || (!relayed && !owner) {
        let verdict = Verdict::refused(
            ACTOR_NOT_YOURS,
            "This phone's writer id belongs to another phone; write it anew under a fresh one.",
        );
        admission.verdicts = vec![verdict; run.changes.len()];
        return admission;
    }
    let chain = match document.chain(&run) {
        Ok(chain) => chain,
        Err(refusal) => {
            admission.verdicts = vec![whole_run_verdict(refusal); run.changes.len()];
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
            Some(true) => {
                admission.verdicts.push(Verdict::Durable);
                continue;
            }
            Some(false) => {
                admission.verdicts.push(Verdict::Fork);
                blocked = Some(Verdict::Fork);
                continue;
            }
            None => {}
        }
        if let Some((code, sentence)) = refused_before.get(&hash.0) {
            admission.verdicts.push(Verdict::refused(code.clone(), sentence.clone()));
            blocked = Some(Verdict::Reauthor);
            continue;
        }
        let verdict = match allow(document, caller, relayed, &change) {
            Err(verdict) => verdict,
            Ok(()) if document.is_crowded_by(&built) => {
                Verdict::Later { code: MANY_HEADS.to_owned() }
            }
            Ok(()) => match check(document, &change, author) {
                Err(refusal) => change_verdict(refusal),
                Ok(()) => {
                    let seq = change.seq;
                    let first_seq = admission.admitted.map_or(seq, |admitted| admitted.first_seq);
                    admission.admitted = Some(Admitted {
                        actor: change.actor,
                        first_seq,
                        last_seq: seq,
                        last_hash: hash,
                        author,
                    });
                    document.apply(Rebuilt::checked(change, built), author);
                    admission.verdicts.push(Verdict::Durable);
                    continue;
                }
            },
        };
        match &verdict {
            Verdict::Refused { code, sentence } => {
                let (code, sentence) = (code.clone(), sentence.clone());
                admission.refused.push(RefusedChange { change, hash, code, sentence });
                blocked = Some(Verdict::Reauthor);
            }
            other => blocked = Some(other.clone()),
        }
        admission.verdicts.push(verdict);
    }
    admission
}

fn allow(
    document: &Document,
    caller: &Caller,
    relayed: bool,
    change: &Change,
) -> Result<(), Verdict> {
    if relayed { Ok(()) } else { deny(document, caller, change) }
}

/// What the policy says against a change, as a verdict.
pub(super) fn deny(document: &Document, caller: &Caller, change: &Change) -> Result<(), Verdict> {
    policy::decide_change(caller, document, &change.entries).map_err(|denied| {
        if denied.is_for_newer_version() {
            Verdict::Later { code: denied.code.to_owned() }
        } else {
            Verdict::refused(denied.code, denied.sentence)
        }
    })
}

/// A run that cannot be hashed has no change that could be judged alone.
fn whole_run_verdict(refusal: Refusal) -> Verdict {
    match refusal {
        Refusal::Missing(missing) => Verdict::Missing(missing),
        Refusal::UnknownSection(_) => Verdict::Later { code: policy::SECTION_UNKNOWN.to_owned() },
        other => Verdict::refused(other.code(), other.sentence()),
    }
}

pub(super) fn change_verdict(refusal: Refusal) -> Verdict {
    match refusal {
        Refusal::Missing(missing) => Verdict::Missing(missing),
        Refusal::Fork => Verdict::Fork,
        other => Verdict::refused(other.code(), other.sentence()),
    }
}

fn check(document: &Document, change: &Change, author: Author) -> Result<(), Refusal> {
    own_facts(document, change, author)?;
    document.may_join(change)
}

/// A change may not repeat somebody else's fact, word for word, as its own.
pub(super) fn own_facts(
    document: &Document,
    change: &Change,
    author: Author,
) -> Result<(), Refusal> {
    match takes_anothers_fact(document, change, author) {
        Some(id) => Err(Refusal::FactExists(id)),
        None => Ok(()),
    }
}

fn takes_anothers_fact(document: &Document, change: &Change, author: Author) -> Option<FactId> {
    change.entries.iter().find_map(|entry| match entry {
        Entry::Fact { section, id, .. } => {
            let known = document.fact(section, id)?;
            (known.author != author.user).then_some(*id)
        }
        Entry::Field { .. } | Entry::Section { .. } => None,
    })
}
