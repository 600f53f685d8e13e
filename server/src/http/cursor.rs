//! Cursors of lists: where the next page begins, in a form clients only hand back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use store::rows::columns::Raw;
use utoipa::ToSchema;

use super::{Code, Problem};

/// Largest and default number of rows in a page.
pub const PAGE_MAX: i64 = 200;
const PAGE_DEFAULT: i64 = 50;

/// A list that gives cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum List {
    /// The audit list.
    Audit = 1,
    /// Phones.
    Devices = 2,
    /// Submissions of revoked phones.
    Submissions = 3,
    /// Jobs, those the server took in last first.
    Jobs = 4,
    /// Parts.
    Parts = 5,
    /// Technicians.
    Technicians = 6,
    /// Users.
    Users = 7,
    /// Vans.
    Vans = 8,
    /// Rows of one list of a document.
    Rows = 9,
    /// API tokens.
    Tokens = 10,
    /// Points of one technician.
    Positions = 11,
    /// Jobs as they change.
    JobChanges = 12,
    /// Jobs, the last changed first.
    ChangedJobs = 13,
}

/// Place of the last row of a page: what the list is sorted by, and the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by.
    pub key: i64,
    /// Id that tells rows with the same key apart.
    pub id: Vec<u8>,
}

impl Cursor {
    /// The text the client hands back.
    pub fn encode(&self, list: List) -> String {
        let mut bytes = vec![list as u8];
        bytes.extend(self.key.to_be_bytes());
        bytes.extend(&self.id);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what the client handed back.
    ///
    /// # Errors
    /// `bad_cursor` for anything this list did not give.
    pub fn decode(list: List, text: &str) -> Result<Self, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Self::bad())?;
        let bytes = bytes.strip_prefix(&[list as u8]).ok_or_else(Self::bad)?;
        let (key, id) = bytes.split_first_chunk::<8>().ok_or_else(Self::bad)?;
        if id.len() > 256 {
            return Err(Self::bad());
        }
        Ok(Self { key: i64::from_be_bytes(*key), id: id.to_vec() })
    }

    /// The problem of a cursor that this list did not give.
    pub fn bad() -> Problem {
        Problem::new(Code::BadCursor).field("cursor")
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows in a page, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

impl PageQuery {
    /// Place after which the page begins.
    ///
    /// # Errors
    /// `bad_cursor`.
    pub fn after(&self, list: List) -> Result<Option<Cursor>, Problem> {
        self.cursor.as_deref().map(|text| Cursor::decode(list, text)).transpose()
    }

    /// Id after which the page begins, of the kind this list is about.
    ///
    /// # Errors
    /// `bad_cursor`, also for a cursor that another list gave.
    pub fn after_id<T: Raw>(&self, list: List) -> Result<Option<T>, Problem> {
        let id = |cursor: Cursor| T::from_raw(&cursor.id).ok_or_else(Cursor::bad);
        self.after(list)?.map(id).transpose()
    }

    /// Rows wanted.
    ///
    /// # Errors
    /// `bad_query` for a limit that is not from 1 to [`PAGE_MAX`].
    pub fn rows(&self) -> Result<i64, Problem> {
        let rows = self.limit.unwrap_or(PAGE_DEFAULT);
        if (1..=PAGE_MAX).contains(&rows) {
            return Ok(rows);
        }
        let detail = format!("Send a limit from 1 to {PAGE_MAX}.");
        Err(Problem::new(Code::BadQuery).field("limit").detail(detail))
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page from one row more than was wanted, which only shows that more follow.
    pub fn cut(list: List, mut items: Vec<T>, rows: i64, place: impl Fn(&T) -> Cursor) -> Self {
        let rows = usize::try_from(rows).unwrap_or(0);
        let more = items.len() > rows;
        items.truncate(rows);
        let next = if more { items.last().map(|last| place(last).encode(list)) } else { None };
        Self { items, next }
    }

    /// The same page with each row made into another.
    pub fn map<U>(self, row: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(row).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given_and_nothing_else_is_one() {
        let cursor = Cursor { key: -7, id: vec![1; 16] };
        assert!(
            matches!(Cursor::decode(List::Jobs, &cursor.encode(List::Jobs)), Ok(back) if back == cursor)
        );
        assert!(Cursor::decode(List::Jobs, "%%%").is_err());
        assert!(Cursor::decode(List::Jobs, "AAAA").is_err());
        assert!(Cursor::decode(List::Vans, &cursor.encode(List::Jobs)).is_err());
    }
}
