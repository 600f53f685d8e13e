//! Marks in texts: each free text names its tenant and document, so a leak is seen in the value.

use sync_core::schema::DocId;

/// A text of a tenant's document.
pub fn text(tenant: u8, doc: DocId, text: impl std::fmt::Display) -> String {
    format!("#{}:{} {text}", letter(tenant), mark(doc))
}

/// A text that may stand in any document of a tenant.
pub fn anywhere(tenant: u8, text: impl std::fmt::Display) -> String {
    format!("#{}:---- {text}", letter(tenant))
}

/// Whether a text may stand in this document of this tenant, or in no particular one.
pub fn may_stand(tenant: u8, doc: Option<DocId>, text: &str) -> bool {
    text.split('#').skip(1).all(|rest| {
        let Some((owner, rest)) = rest.split_once(':') else { return true };
        if owner.len() != 1 {
            return true;
        }
        let of = rest.get(..4).unwrap_or_default();
        let here = of == "----" || doc.is_none_or(|doc| of == mark(doc));
        owner.eq_ignore_ascii_case(letter(tenant)) && here
    })
}

fn letter(tenant: u8) -> &'static str {
    if tenant == 0 { "a" } else { "b" }
}

fn mark(doc: DocId) -> String {
    let bytes = doc.as_bytes();
    format!("{:02x}{:02x}", bytes[14], bytes[15])
}
