//! Answers of a bounded size, and folds of large documents away from the threads that serve.
//!
//! A document can hold many thousand facts. What can be many is cut in an answer, and `more` says
//! how many there are and where to go on. What is cut off is never what counts now: a list is either in the order
//! of what counts ([`ListBudget::first`]), or in that of time and keeps its latest rows ([`ListBudget::latest`]).

use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

use serde::Serialize;
use sync_core::document::Document;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use crate::http::cursor::{Page, PageQuery};
use crate::http::{Cursor, List, Problem};

/// Rows of one list in an answer.
const ROWS: usize = 200;
/// Bytes of JSON of one list in an answer; its first row is there however long it is.
const LIST_BYTES: usize = 128 * 1024;
/// Bytes of JSON of all lists in an answer.
const ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// Documents with fewer values are folded where they are: that takes less than to hand them over.
const SMALL: usize = 2_000;
/// Large documents folded at a time.
static FOLDS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// A list that was cut.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct More {
    /// How many rows there are.
    pub count: usize,
    /// Cursor of the rows that are not shown.
    pub next: String,
}

/// Which lists of an answer were cut, by name.
pub type Cut = BTreeMap<&'static str, More>;

/// How much room an answer has left for lists.
#[derive(Debug)]
pub struct ListBudget {
    bytes: usize,
    cut: Cut,
}

impl Default for ListBudget {
    fn default() -> Self {
        Self { bytes: ANSWER_BYTES, cut: Cut::new() }
    }
}

impl ListBudget {
    /// The room of one thing in an answer about so many: an equal share, whatever stands before it.
    pub fn share(things: usize) -> Self {
        Self { bytes: ANSWER_BYTES / things.max(1), cut: Cut::new() }
    }

    /// Cuts a list that is in the order of what counts: the first rows stay.
    pub fn first<T: Serialize>(&mut self, name: &'static str, items: &mut Vec<T>) {
        let kept = self.fitting(ROWS, items.iter());
        self.note(name, items.len(), kept);
        items.truncate(kept);
    }

    /// Cuts a list that is in the order of time: the latest rows stay, still in that order.
    pub fn latest<T: Serialize>(&mut self, name: &'static str, items: &mut Vec<T>) {
        let count = items.len();
        let kept = self.fitting(ROWS, items.iter().rev());
        if kept < count {
            self.cut.insert(name, More { count, next: cursor(count - kept) });
        }
        items.drain(..count - kept);
    }

    /// Cuts a map to what there is room for.
    pub fn map<T: Serialize>(&mut self, name: &'static str, items: &mut BTreeMap<String, T>) {
        let kept = self.fitting(ROWS, items.iter());
        self.note(name, items.len(), kept);
        if let Some(first) = items.keys().nth(kept).cloned() {
            items.split_off(&first);
        }
    }

    /// What was cut since the last time.
    pub fn take_cut(&mut self) -> Cut {
        std::mem::take(&mut self.cut)
    }

    fn note(&mut self, name: &'static str, count: usize, kept: usize) {
        if kept < count {
            self.cut.insert(name, More { count, next: cursor(kept) });
        }
    }

    /// How many of the first items fit.
    fn fitting<T: Serialize>(&mut self, rows: usize, items: impl Iterator<Item = T>) -> usize {
        let (mut kept, mut bytes) = (0, 0);
        for item in items.take(rows) {
            let size = size_of_json(&item);
            let first = kept == 0 && self.bytes > 0;
            if !first && bytes + size > LIST_BYTES.min(self.bytes) {
                break;
            }
            bytes += size;
            kept += 1;
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        kept
    }
}

/// Which list of a document is wanted, and which page of it.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Its name, as in `more`. Without one nothing is said of a document the caller may not see.
    #[serde(default)]
    #[param(required = true, min_length = 1)]
    pub of: String,
    /// `next` of the page before; without it the first page.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

/// A page of a list that [`ListBudget::first`] cuts: each page has the rows after those of the page before. Facts
/// that come later, and time, can shift them.
///
/// # Errors
/// `bad_cursor`.
pub fn page_on<T: Serialize>(
    items: Vec<T>,
    query: &ListQuery,
) -> Result<Page<serde_json::Value>, Problem> {
    let (from, rows) = (place(query)?.unwrap_or(0), rows(query)?);
    let rest = items.get(from..).unwrap_or_default();
    let kept = ListBudget::default().fitting(rows, rest.iter());
    let next = (from + kept < items.len()).then(|| cursor(from + kept));
    shown(rest.iter().take(kept), next)
}

/// A page of a list that [`ListBudget::latest`] cuts: each page has the rows before those of the page before, in
/// the order of time.
///
/// # Errors
/// `bad_cursor`.
pub fn page_back<T: Serialize>(
    items: Vec<T>,
    query: &ListQuery,
) -> Result<Page<serde_json::Value>, Problem> {
    let (end, rows) = (place(query)?.unwrap_or(items.len()), rows(query)?);
    let before = &items[..end.min(items.len())];
    let from = before.len() - ListBudget::default().fitting(rows, before.iter().rev());
    shown(before.iter().skip(from), (from > 0).then(|| cursor(from)))
}

/// The place that the cursor names, if there is one.
fn place(query: &ListQuery) -> Result<Option<usize>, Problem> {
    let place = query.cursor.as_deref().map(|text| Cursor::decode(List::Rows, text)).transpose()?;
    place.map(|place| usize::try_from(place.key).map_err(|_| Cursor::bad())).transpose()
}

fn rows(query: &ListQuery) -> Result<usize, Problem> {
    let rows = PageQuery { cursor: None, limit: query.limit.or(Some(200)) }.rows()?;
    Ok(usize::try_from(rows).unwrap_or(1))
}

fn shown<T: Serialize>(
    rows: impl Iterator<Item = T>,
    next: Option<String>,
) -> Result<Page<serde_json::Value>, Problem> {
    let items = rows.map(serde_json::to_value).collect::<Result<_, _>>();
    Ok(Page { items: items.map_err(Problem::internal)?, next })
}

fn cursor(place: usize) -> String {
    Cursor { key: i64::try_from(place).unwrap_or(i64::MAX), id: Vec::new() }.encode(List::Rows)
}

/// Folds a document: at once if it is small, and if not where no request waits for it.
///
/// # Errors
/// `internal` if the fold panics.
pub async fn fold<D, T>(
    document: D,
    fold: impl FnOnce(&Document) -> T + Send + 'static,
) -> Result<T, Problem>
where
    D: std::ops::Deref<Target = Document> + Send + 'static,
    T: Send + 'static,
{
    if document.values() < SMALL {
        return Ok(fold(&document));
    }
    let permit = FOLDS.acquire().await.map_err(Problem::internal)?;
    let folded = tokio::task::spawn_blocking(move || {
        let folded = fold(&document);
        drop(permit);
        folded
    });
    folded.await.map_err(Problem::internal)
}

fn size_of_json(item: &impl Serialize) -> usize {
    struct Size(usize);
    impl io::Write for Size {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut size = Size(0);
    // A sink takes everything, and what the answer is made of has no way to fail.
    let _ = serde_json::to_writer(&mut size, item);
    size.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(cursor: Option<String>) -> ListQuery {
        ListQuery { of: String::new(), cursor, limit: None }
    }

    #[test]
    fn pages_of_a_list_that_was_cut_give_every_row_once() {
        let all: Vec<String> = (0..1_000).map(|n| format!("{n} {}", "x".repeat(n * 3))).collect();
        let mut shown = all.clone();
        let mut room = ListBudget::default();
        room.first("notes", &mut shown);
        let cut = room.take_cut();
        let mut next = cut.get("notes").map(|more| more.next.clone());
        assert!(size_of_json(&shown) <= LIST_BYTES + shown.len() + 2 && next.is_some());
        assert_eq!(cut["notes"].count, all.len());
        while let Some(cursor) = next {
            let page = page_on(all.clone(), &query(Some(cursor))).expect("a page");
            shown.extend(page.items.iter().filter_map(|row| row.as_str()).map(str::to_owned));
            next = page.next;
        }
        assert_eq!(shown, all);
    }

    #[test]
    fn a_list_in_the_order_of_time_keeps_its_latest_rows_and_pages_go_back_from_them() {
        let all: Vec<usize> = (0..1_000).collect();
        let (mut shown, mut room) = (all.clone(), ListBudget::default());
        room.latest("notes", &mut shown);
        assert_eq!(shown, all[all.len() - ROWS..]);
        let mut next = room.take_cut().get("notes").map(|more| more.next.clone());
        while let Some(cursor) = next {
            let page = page_back(all.clone(), &query(Some(cursor))).expect("a page");
            let rows = page.items.iter().filter_map(serde_json::Value::as_u64);
            shown.splice(..0, rows.map(|row| row as usize));
            next = page.next;
        }
        assert_eq!(shown, all);
        let first = page_back(all, &query(None)).expect("a page");
        assert_eq!(first.items.last(), Some(&serde_json::json!(999)));
    }

    #[test]
    fn what_fits_is_not_cut_and_all_lists_of_an_answer_share_its_room() {
        let mut room = ListBudget::default();
        let mut few = vec!["note"; ROWS];
        room.latest("few", &mut few);
        assert_eq!((few.len(), room.take_cut()), (ROWS, Cut::new()));
        let long = "x".repeat(LIST_BYTES);
        let kept = (0..100).map(|_| {
            let mut list = vec![long.clone(); 2];
            room.first("long", &mut list);
            list.len()
        });
        let kept: usize = kept.sum();
        assert!((10..=ANSWER_BYTES / LIST_BYTES + 1).contains(&kept), "{kept}");
    }
}
