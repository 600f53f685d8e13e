//! Which rule of the table an entry falls under, for a role: nothing else decides it.

use super::Role;
use crate::change::Entry;
use crate::codes::{self, Code};
use crate::schema::{DocKind, FactKind, KindSpec, May, Writers, find_kind, find_section};

/// A rule, and the kind of fact it is about where this version knows it.
pub(super) struct Rule {
    pub may: May,
    pub kind: Option<&'static KindSpec>,
}

/// The rule of an entry; a code where it has no place in a document of this kind.
pub(super) fn rule(role: Role, document: DocKind, entry: &Entry) -> Result<Rule, Code> {
    let (section, record) = match entry {
        Entry::Section { .. } => return Err(codes::RESERVED),
        Entry::Fact { section, record, .. } => (section, Some(record)),
        Entry::Field { section, .. } => (section, None),
    };
    let spec = find_section(document, section).ok_or(codes::SECTION_UNKNOWN)?;
    let kind = match (record, spec.holds_fields()) {
        (Some(_), true) => return Err(codes::FIELDS_ONLY),
        (None, false) => return Err(codes::FACTS_ONLY),
        (None, true) => None,
        (Some(record), false) => match find_kind(spec, record) {
            FactKind::Known(kind) => Some(kind),
            FactKind::Newer => None,
            // A step that does not say which is no newer version's.
            FactKind::Untold if of_role(role, &spec.writers) == May::Never(codes::KIND_UNKNOWN) => {
                return Err(codes::KIND_MISSING);
            }
            FactKind::Untold => None,
        },
    };
    let writers = kind.and_then(|kind| kind.writers.as_ref()).unwrap_or(&spec.writers);
    Ok(Rule { may: of_role(role, writers), kind })
}

fn of_role(role: Role, writers: &Writers) -> May {
    match role {
        Role::Technician => writers.technician,
        Role::Dispatcher => writers.dispatcher,
        Role::Manager | Role::Administrator => writers.manager,
        Role::System => writers.system,
    }
}
