//! Who may write what of a job.

use crate::codes;
use crate::schema::table::{May, Writers};

const fn everywhere(may: May) -> Writers {
    Writers { technician: may, dispatcher: may, manager: may, system: may }
}

pub(super) const OFFICE: Writers =
    Writers { technician: May::Never(codes::OFFICE_ONLY), ..everywhere(May::Write) };
pub(super) const ANYBODY: Writers =
    Writers { technician: May::OnTheirJob, ..everywhere(May::Write) };
pub(super) const ON_SITE: Writers =
    Writers { technician: May::OnTheirJob, ..everywhere(May::Never(codes::ON_SITE_ONLY)) };
pub(super) const SIGNS: Writers = Writers { system: May::Write, ..ON_SITE };
pub(super) const COUNTERSIGNS: Writers =
    Writers { technician: May::Never(codes::SERVER_ONLY), system: May::Write, ..ON_SITE };
pub(super) const SERVER: Writers =
    Writers { system: May::Write, ..everywhere(May::Never(codes::SERVER_ONLY)) };
pub(super) const WALK_UP: Writers = Writers { technician: May::OpenAJob, ..ON_SITE };
pub(super) const STEP: Writers =
    Writers { technician: May::TakeTheirStep, ..everywhere(May::WriteAStep) };
pub(super) const OFFICE_STEP: Writers =
    Writers { technician: May::Never(codes::OFFICE_ONLY), ..everywhere(May::WriteAStep) };
/// Steps this version does not know wait for one that does.
pub(super) const NOBODY_YET: Writers = everywhere(May::Never(codes::KIND_UNKNOWN));
