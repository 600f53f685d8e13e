//! The cells of one row as values, with what is wrong of each noted under its column.

use super::cell::{Cell, Wrong};
use super::report::Issue;
use super::table::{Row, Table, short};
use crate::http::Problem;

/// A row that is being read. A cell that is empty or whose column is missing says nothing.
pub struct Fields<'a> {
    table: &'a Table,
    row: &'a Row,
    issues: Vec<Issue>,
}

impl<'a> Fields<'a> {
    /// Begins to read a row.
    pub fn of(table: &'a Table, row: &'a Row) -> Self {
        let mut fields = Self { table, row, issues: Vec::new() };
        if row.is_longer {
            let detail = "The row has more cells than the header has columns. A value with a separator \
                in it stands in quotes.";
            fields.refuse(None, "row_length", detail);
        }
        fields
    }

    /// What a cell says, as text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.with(key, |cell| Ok(cell.text.clone()))
    }

    /// What a cell says, where every character counts.
    pub fn code(&mut self, key: &'static str) -> Option<String> {
        self.with(key, |cell| cell.code().map(str::to_owned))
    }

    /// What a cell says, read in some way.
    pub fn with<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Cell) -> Result<T, Wrong>,
    ) -> Option<T> {
        let raw = self.row.cells.get(key)?;
        match Cell::read(raw).and_then(|cell| cell.as_ref().map(read).transpose()) {
            Ok(value) => value,
            Err(Wrong { code, detail }) => {
                self.refuse(Some(key), code, detail);
                None
            }
        }
    }

    /// What a check of REST says to a value; noted if it does not pass.
    pub fn passed<T>(&mut self, key: &'static str, checked: Result<T, Problem>) -> Option<T> {
        checked
            .map_err(|problem| {
                let key = problem.field_name().and_then(|name| self.key(name)).unwrap_or(key);
                self.refuse(Some(key), problem.reason_code(), problem.text());
            })
            .ok()
    }

    /// Notes something wrong.
    pub fn refuse(&mut self, key: Option<&'static str>, code: &str, detail: impl Into<String>) {
        let column = key.map(|key| {
            let named = self.table.columns.iter().find(|(column, _)| column.key == key);
            named.map_or_else(|| key.to_owned(), |(_, header)| header.clone())
        });
        let value = key.and_then(|key| self.row.cells.get(key)).filter(|it| !it.trim().is_empty());
        let value = value.filter(|_| key != Some("password")).map(|value| short(value));
        self.issues.push(Issue { column, value, code: code.to_owned(), detail: detail.into() });
    }

    /// What was found wrong; empty if nothing was.
    pub fn issues(self) -> Vec<Issue> {
        self.issues
    }

    /// Whether nothing is wrong yet.
    pub fn is_fine(&self) -> bool {
        self.issues.is_empty()
    }

    /// The column of this file that a check means by the name of a field.
    fn key(&self, name: &str) -> Option<&'static str> {
        self.table.columns.iter().map(|(column, _)| column.key).find(|key| *key == name)
    }
}
