//! Signing on the screen, for the face: the sheet that is shown, the pen, and the result.

use sync_core::seal::{Point, Seal, Signer, Stroke};

use super::{PhoneError, SignerRole};
use crate::SealPrompt;

/// What is shown to the customer; it stays as it is while they read and sign.
#[derive(uniffi::Object)]
pub struct SealSheet(pub(super) SealPrompt);

#[uniffi::export]
impl SealSheet {
    /// What is signed, as canonical JSON: render it, all of it.
    pub fn text(&self) -> Result<String, PhoneError> {
        Ok(self.0.text.clone())
    }
}

/// Who signs, and what they are told.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CustomerSigner {
    /// Name as given.
    pub name: String,
    /// In which role.
    pub role: SignerRole,
    /// Language of the screen, BCP 47.
    pub language: String,
    /// The sentence they sign.
    pub statement: String,
}

/// One point of the pen.
#[derive(Debug, Clone, Copy, uniffi::Record)]
pub struct PenPoint {
    /// Hundredths of a millimetre from the left.
    pub x: i32,
    /// Hundredths of a millimetre from the top.
    pub y: i32,
    /// Milliseconds since the first point.
    pub t: u32,
    /// Thousandths of the greatest pressure; 1000 where none is measured.
    #[uniffi(default = 1000)]
    pub pressure: u16,
}

/// The points between putting the pen down and lifting it.
#[derive(Debug, Clone, uniffi::Record)]
pub struct PenStroke {
    /// In order.
    pub points: Vec<PenPoint>,
}

/// One seal of a job.
#[derive(Debug, Clone, uniffi::Record)]
pub struct SealedBy {
    /// Id of the fact.
    pub id: String,
    /// Who signed.
    pub name: String,
    /// In which role.
    pub role: SignerRole,
    /// Whether the job still is as it was signed.
    pub stands: bool,
}

impl From<CustomerSigner> for Signer {
    fn from(signer: CustomerSigner) -> Self {
        let CustomerSigner { name, role, language, statement } = signer;
        Self { name, role: role.into(), language, statement }
    }
}

impl From<PenStroke> for Stroke {
    fn from(stroke: PenStroke) -> Self {
        let point = |it: PenPoint| Point { x: it.x, y: it.y, t: it.t, pressure: it.pressure };
        stroke.points.into_iter().map(point).collect()
    }
}

impl From<(Seal, bool)> for SealedBy {
    fn from((seal, stands): (Seal, bool)) -> Self {
        let Signer { name, role, .. } = seal.signer;
        Self { id: seal.fact.to_string(), name, role: role.as_str().into(), stands }
    }
}
