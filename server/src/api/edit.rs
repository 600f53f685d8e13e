//! How a request becomes a change of a document: one path, with its audit row.

use std::sync::Arc;

use store::rows::audit::Note;
use store::writer::{EditError, EditRequest, Edited, Expect};
use sync_core::admission::RecordError;
use sync_core::change::Entry;
use sync_core::check::CheckError;
use sync_core::document::Document;
use sync_core::id::{BranchId, FactId};
use sync_core::schema::{DocId, DocKind, Key, Section, key, section};
use sync_core::value::{Record, Value};

use crate::app::App;
use crate::auth::Caller;
use crate::http::{Code, ETag, IfMatch, Operation, Problem};

/// Runs an edit in the writer, with its row in the audit list in the same transaction. An edit that
/// changes nothing, such as a repeat, leaves none. What the document belongs to, before and after, is
/// asked in the writer, where nothing can come in between.
///
/// # Errors
/// `not_found`, `forbidden` for a branch the caller does not reach, `conflict`, `changed_meanwhile`,
/// `denied`, whatever `work` says, and the store's.
pub async fn edit<F>(
    app: &App,
    caller: &Caller,
    doc: DocId,
    expect: Expect,
    note: Note,
    work: F,
) -> Result<Edited, Problem>
where
    F: FnOnce(&Document) -> Result<Vec<Entry>, Problem> + Clone + Send + 'static,
{
    let now = app.now();
    let (tenant, policy, note) = (caller.tenant(), caller.policy(), Some(note));
    let request = EditRequest { tenant, caller: policy, doc, expect, now, note };
    let reach = caller.reach();
    let work = move |document: &Document| {
        let from = branch_of(document);
        reach.moves(from, from)?;
        let entries = work(document)?;
        let to = entries.iter().filter_map(branch_set).next_back();
        reach.moves(from, to.unwrap_or(from))?;
        Ok::<_, Problem>(entries)
    };
    app.writer().edit(request, work).await?.map_err(Problem::from)
}

/// The fields that say which branch a job, a van or a technician belongs to.
const BRANCHES: [(Section, Key); 2] =
    [(section::INTAKE, key::BRANCH), (section::DETAILS, key::BRANCH)];

/// The branch a document belongs to.
fn branch_of(document: &Document) -> Option<BranchId> {
    let found = BRANCHES.iter().find_map(|(section, key)| document.field(section, key));
    found.and_then(branch)
}

/// The branch an entry puts its document into, if it does.
fn branch_set(entry: &Entry) -> Option<Option<BranchId>> {
    let Entry::Field { section, key, value, .. } = entry else { return None };
    let is_branch = BRANCHES.iter().any(|(s, k)| (s, k) == (section, key));
    is_branch.then(|| branch(value))
}

fn branch(value: &Value) -> Option<BranchId> {
    value.as_bytes().and_then(|bytes| BranchId::from_slice(bytes).ok())
}

/// The document as it is committed now.
///
/// # Errors
/// `not_found` when the tenant has none with this id.
pub async fn load(app: &App, caller: &Caller, doc: DocId) -> Result<(Document, i64), Problem> {
    let standing = app.store.document(caller.tenant(), doc).await?;
    let standing = standing.ok_or_else(Problem::not_found)?;
    Ok((standing.document, standing.pos))
}

/// The same, shared, as an edit gives it.
pub fn shared(app: &App, edited: Edited) -> (Arc<Document>, ETag) {
    let tag = app.tags().of_row(edited.pos);
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
    seen.check(&app.tags().of_row(pos))?;
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
    pairs: impl IntoIterator<Item = (Key, Value)>,
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

/// Why a value cannot be stored, as a problem.
pub fn checked(error: &CheckError) -> Problem {
    let code = match error.field.as_str() {
        "vin" => Code::BadVin,
        "phone" => Code::BadPhone,
        _ => Code::Invalid,
    };
    Problem::new(code).field(error.field.clone()).reason(error.code).detail(error.sentence.clone())
}

impl From<EditError<Problem>> for Problem {
    fn from(error: EditError<Self>) -> Self {
        problem(error)
    }
}

/// What is told of an edit that was not made.
pub fn problem(error: EditError<Problem>) -> Problem {
    match error {
        EditError::NotFound => Problem::not_found(),
        EditError::Exists => Problem::new(Code::Conflict),
        EditError::Changed { .. } => Problem::new(Code::Changed),
        EditError::Rejected(problem) => problem,
        EditError::Record(RecordError::Denied(denied)) => {
            let problem =
                Problem::new(Code::Denied).reason(denied.code).detail(denied.sentence.to_owned());
            match denied.field {
                Some(field) => problem.field(field),
                None => problem,
            }
        }
        EditError::Record(RecordError::Shape(it)) => {
            Problem::new(Code::Invalid).reason(it.code()).field(it.field()).detail(it.to_string())
        }
        EditError::Record(RecordError::Refusal(refusal)) => {
            Problem::new(Code::Invalid).reason(refusal.code()).detail(refusal.to_string())
        }
    }
}

/// What a document is about, for audit rows.
pub fn kind_word(kind: DocKind) -> &'static str {
    kind.as_str()
}
