//! Rows of one tenant, by their key or from a place on: every such statement is made here.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use sync_core::id::{BranchId, TenantId};

use crate::sql::{Arg, Statement};

/// Which rows of a table of a tenant are meant.
pub(super) struct Rows {
    table: &'static str,
    statement: Statement,
    conditions: String,
}

impl Rows {
    /// All of the tenant's.
    pub fn of(table: &'static str, tenant: TenantId) -> Self {
        let mut statement = Statement::default();
        let conditions = format!("tenant = {}", statement.bind(tenant.as_bytes()));
        Self { table, statement, conditions }
    }

    /// Only those for which `compared` (such as `id >`) holds of a value.
    pub fn with(mut self, compared: &str, value: impl Into<Arg>) -> Self {
        let value = self.statement.bind(value);
        self.conditions.push_str(&format!(" AND {compared} {value}"));
        self
    }

    /// The same if there is a value.
    pub fn with_any(self, compared: &str, value: Option<impl Into<Arg>>) -> Self {
        match value {
            Some(value) => self.with(compared, value),
            None => self,
        }
    }

    /// Only people whom staff of `branch` see: its own, and those without one.
    pub fn people_of(mut self, branch: Option<BranchId>) -> Self {
        if let Some(branch) = branch {
            let branch = self.statement.bind(branch.as_bytes());
            self.conditions.push_str(&format!(" AND (branch IS NULL OR branch = {branch})"));
        }
        self
    }

    /// Only rows about people whom staff of `branch` see.
    pub fn about_people_of(mut self, branch: Option<BranchId>) -> Self {
        let seen = seen(self.table, branch, &mut self.statement);
        self.conditions.push_str(&seen);
        self
    }

    /// The statement that reads so many of them, in an order.
    pub fn page(mut self, columns: &str, order: &str, rows: i64) -> Statement {
        let rows = self.statement.bind(rows);
        let Self { table, mut statement, conditions } = self;
        statement.sql = format!(
            "SELECT {columns} FROM {table} WHERE {conditions} ORDER BY {order} LIMIT {rows}"
        );
        statement
    }

    /// Reads the one of them.
    pub async fn one<T>(
        self,
        connection: &mut AnyConnection,
        columns: &str,
        read: impl Fn(&AnyRow) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, sqlx::Error> {
        let Self { table, mut statement, conditions } = self;
        statement.sql = format!("SELECT {columns} FROM {table} WHERE {conditions}");
        statement.fetch(connection).await?.first().map(read).transpose()
    }
}

/// What staff see, in SQL: a condition on a table with `tenant` and `user_id`, that staff of
/// `branch` see the person; ` AND …`, or nothing to ask.
pub(super) fn seen(table: &str, branch: Option<BranchId>, statement: &mut Statement) -> String {
    let Some(branch) = branch else { return String::new() };
    let branch = statement.bind(branch.as_bytes());
    format!(
        " AND EXISTS (SELECT 1 FROM users WHERE users.tenant = {table}.tenant \
         AND users.id = {table}.user_id AND (users.branch IS NULL OR users.branch = {branch}))"
    )
}
