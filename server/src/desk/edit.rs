//! How a request becomes a change of a document: one path, with its audit row.

use std::sync::Arc;

use sync_core::admission::RecordError;
use sync_core::change::Entry;
use sync_core::check::CheckError;
use sync_core::document::Document;
use sync_core::id::FactId;
use sync_core::schema::{DocId, DocKind, Section, key};
use sync_core::value::{Record, Value};

use crate::accounts::audit::Note;
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Code, ETag, IfMatch, Operation, Problem};
use crate::writer::{EditError, EditRequest, Edited, Expect};

/// Runs an edit in the writer, with its row in the audit list in the same transaction. An edit that
/// changes nothing, such as a repeat, leaves none.
///
/// # Errors
/// `not_found`, `conflict`, `changed_meanwhile`, `denied`, whatever `work` says, and the store's.
pub async fn edit<F>(
    app: &App,
    caller: &Caller,
    doc: DocId,
    expect: Expect,
    note: Note,
    work: F,
) -> Result<Edited, Problem>
where
    F: FnOnce(&Document) -> Result<Vec<Entry>, Problem> + Send + 'static,
{
    let now = app.now();
    let (tenant, policy, note) = (caller.tenant, caller.policy(), Some(note));
    let request = EditRequest { tenant, caller: policy, doc, expect, now, note };
    app.writer().edit(request, work).await?.map_err(problem)
}

/// The document as it is committed now.
///
/// # Errors
/// `not_found` when the tenant has none with this id.
pub async fn load(app: &App, caller: &Caller, doc: DocId) -> Result<(Document, i64), Problem> {
    let standing = app.store.document(caller.tenant, doc).await?;
    let standing = standing.ok_or_else(Problem::not_found)?;
    Ok((standing.document, standing.pos))
}

/// The same, shared, as an edit gives it.
pub fn shared(edited: Edited) -> (Arc<Document>, ETag) {
    let tag = ETag::of_row(edited.pos);
    (edited.document, tag)
}

/// What an edit expects of a document the client may have seen: its `If-Match`, if it sent one.
///
/// # Errors
/// `changed_meanwhile`.
pub async fn expectation(
    app: &App,
    caller: &Caller,
    doc: DocId,
    seen: Option<&IfMatch>,
) -> Result<Expect, Problem> {
    let Some(seen) = seen else { return Ok(Expect::Existing) };
    let (_, pos) = load(app, caller, doc).await?;
    seen.check(&ETag::of_row(pos))?;
    // Checked again by the writer, so that nothing can come in between.
    Ok(Expect::At(pos))
}

/// Whether an earlier attempt of this operation has added its `n`th fact. Then it succeeded,
/// whatever the state has become since, and only its answer was lost.
pub fn done(document: &Document, operation: &Operation, n: u8, section: &Section) -> bool {
    let (ms, random) = operation.seed(n);
    document.fact(section, &FactId::new(ms, random)).is_some()
}

/// A fact of this operation, dated now; none if an earlier attempt has added it already.
pub fn fact(
    document: &Document,
    operation: &Operation,
    n: u8,
    section: Section,
    now: i64,
    pairs: impl IntoIterator<Item = (sync_core::schema::Key, Value)>,
) -> Option<Entry> {
    if done(document, operation, n, &section) {
        return None;
    }
    let (ms, random) = operation.seed(n);
    let id = FactId::new(ms, random);
    let mut record: Record = pairs.into_iter().filter(|(_, v)| *v != Value::Null).collect();
    record.insert(key::AT, Value::Int(now));
    Some(Entry::Fact { section, id, record })
}

/// The bytes of an id as a value.
pub fn raw(bytes: &[u8; 16]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// What the checks of VINs, phone numbers and plates say, as a problem.
pub fn checked(error: &CheckError) -> Problem {
    let code = match error.field {
        "vin" => Code::BadVin,
        "phone" => Code::BadPhone,
        _ => Code::Invalid,
    };
    Problem::new(code).field(error.field).reason(error.code).detail(error.sentence.clone())
}

fn problem(error: EditError<Problem>) -> Problem {
    match error {
        EditError::NotFound => Problem::not_found(),
        EditError::Exists => Problem::new(Code::Conflict),
        EditError::Changed { pos } => {
            let now = format!("It is now {}.", ETag::of_row(pos).as_str());
            Problem::new(Code::Changed).detail(now)
        }
        EditError::Rejected(problem) => problem,
        EditError::Record(RecordError::Denied(denied)) => {
            let problem =
                Problem::new(Code::Denied).reason(denied.code).detail(denied.sentence.to_owned());
            match denied.field {
                Some(field) => problem.field(field),
                None => problem,
            }
        }
        EditError::Record(RecordError::Refusal(refusal)) => {
            Problem::new(Code::Invalid).reason(refusal.code()).detail(refusal.to_string())
        }
    }
}

/// What a document is about, for audit rows.
pub fn kind_word(kind: DocKind) -> &'static str {
    match kind {
        DocKind::Job => "job",
        DocKind::Van => "van",
        DocKind::Technician => "technician",
        DocKind::Other(_) => "document",
    }
}
