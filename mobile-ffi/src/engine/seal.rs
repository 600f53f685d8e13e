//! The customer's signature: shown first, then bound to exactly what was shown.

use ed25519_dalek::Signer as _;
use sync_core::document::ChangeHash;
use sync_core::id::{FactId, JobId};
use sync_core::job::Job;
use sync_core::schema::section;
use sync_core::seal::{Draft, Seal, SealError, Shown, Signer, Stroke};

use super::Engine;
use super::input::{self, Place};
use super::save::Work;
use crate::error::EngineError;

/// What the screen shows while the customer signs. What arrives meanwhile does not change it.
#[derive(Debug, Clone)]
pub struct SealPrompt {
    /// The job.
    pub job: JobId,
    /// The canonical rendering (RFC 8785 JSON): work, parts, charges, totals, signer, statement.
    pub text: String,
    shown: Shown,
    heads: Vec<ChangeHash>,
}

impl Engine {
    /// What a signer is to see of a job as it stands now. One that is more than a customer can sign for
    /// is refused here, before anybody reads it.
    pub fn seal_prompt(&self, job: JobId, signer: Signer) -> Result<SealPrompt, EngineError> {
        let fields = [
            (&signer.name, "name", "Who signs gives a name."),
            (&signer.role, "role", "Who signs does so in a role."),
            (&signer.statement, "statement", "There is a sentence to be signed."),
            (&signer.language, "language", "The sentence is in some language."),
        ];
        for (text, field, sentence) in fields {
            if text.trim().is_empty() {
                return Err(EngineError::invalid("missing", field, sentence));
            }
        }
        let mut state = self.state();
        let document = state.document(job.into())?;
        let shown = Shown::of(&Job::of(document), signer);
        shown.fits().map_err(refused)?;
        Ok(SealPrompt { job, text: shown.canonical(), heads: document.heads(), shown })
    }

    /// Seals what was shown with the pen's strokes, signed by this device; saved when it returns.
    pub fn seal(
        &self,
        prompt: SealPrompt,
        strokes: Vec<Stroke>,
        place: Option<Place>,
    ) -> Result<FactId, EngineError> {
        if strokes.iter().all(Vec::is_empty) {
            let sentence = "Nothing was signed; for a reason why not, complete without.";
            return Err(EngineError::invalid("strokes_missing", "strokes", sentence));
        }
        let place = place.map(input::pin).transpose()?;
        self.record(|state, maker| {
            let key = state.secret.as_ref().and_then(|secret| secret.key()).cloned();
            let key = key.ok_or(EngineError::NotEnrolled)?;
            let device = state.identity.as_ref().ok_or(EngineError::NotEnrolled)?.device;
            let SealPrompt { job, shown, heads, .. } = prompt;
            let fact = maker.id(state)?;
            let stamp = maker.stamp(state);
            let draft = Draft { job, fact, device, shown, heads, strokes, place, stamp };
            let entry = draft.sign(|message| key.sign(message).to_bytes()).map_err(refused)?;
            Ok((fact, vec![Work { doc: job.into(), entries: vec![entry] }]))
        })
    }

    /// The seals of a job, oldest first, each with whether the job still is as it was signed.
    pub fn seals(&self, job: JobId) -> Result<Vec<(Seal, bool)>, EngineError> {
        let mut state = self.state();
        let document = state.document(job.into())?;
        let views = Job::of(document).seals;
        let seals = views.iter().filter(|view| view.sound).filter_map(|view| {
            let fact = document.fact(&section::SIGNATURES, &view.id)?;
            Some((Seal::of(job, fact).ok()?, view.changes == 0))
        });
        Ok(seals.collect())
    }
}

fn refused(error: SealError) -> EngineError {
    EngineError::invalid(error.code(), "", format!("This cannot be sealed: {error}."))
}
