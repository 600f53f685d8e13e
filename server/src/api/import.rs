//! Import of tables over REST.

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::auth::{Role, Staff};
use crate::http::body::Csv;
use crate::http::{Code, Id, Json, Problem, Query};
use crate::import::{Import, Kind, Report, Who};

/// Time for the answer itself, of what a request may take.
const REST: Duration = Duration::from_secs(5);
/// How long an import waits for its turn.
const WAIT: Duration = Duration::from_secs(10);

/// How a file is imported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// Whether only to say what would be done.
    pub dry_run: Option<bool>,
    /// The encoding of the file: `utf-8`, `utf-16le`, `utf-16be`, `big5`, `gb18030` or `windows-1252`.
    /// It is found out if not given.
    #[param(example = "big5")]
    pub encoding: Option<String>,
}

/// Imports technicians, vans, parts or users from a CSV file as spreadsheets write them.
///
/// Rows are found again by login, plate (or name) and part number, so the same file twice changes
/// nothing the second time. An empty cell leaves a value as it is. A row that is refused stops no other.
/// At most 10,000 rows and 4 MiB. Vans and parts are for managers and administrators of all branches,
/// technicians and users for administrators.
#[utoipa::path(
    post, path = "/v1/import/{kind}", tag = "import", operation_id = "import_table",
    params(("kind" = inline(Kind), Path, description = "What the file is about: `technicians`, `vans`, `parts` or `users`."), How),
    request_body(content = String, content_type = "text/csv", description = "The file, its header in the first row that is not blank."),
    responses((status = 200, description = "The result of each row.", body = Report), (status = 422, description = "invalid")),
)]
pub async fn import(
    State(app): State<App>,
    caller: Staff,
    Id(kind): Id<Kind>,
    Query(how): Query<How>,
    Csv(bytes): Csv,
) -> Result<Json<Report>, Problem> {
    caller.at_least(match kind {
        Kind::Vans | Kind::Parts => Role::Manager,
        Kind::Technicians | Kind::Users => Role::Administrator,
    })?;
    if caller.branch().is_some() {
        let detail = "An import reaches all branches. Ask someone who works for all of them.";
        return Err(Problem::new(Code::Forbidden).detail(detail));
    }
    let deadline = Instant::now() + app.config.net.request_timeout.saturating_sub(REST);
    // One of a tenant at a time; those of several come in turn.
    let turn = async {
        let share = app.importers.enter(caller.tenant()).await.ok()?;
        Some((share, app.imports.acquire().await.ok()?))
    };
    let busy = || Problem::new(Code::Overloaded).retry_after(10);
    let turn = timeout(WAIT.min(app.config.net.request_timeout / 3), turn).await.ok().flatten();
    let _turn = turn.ok_or_else(busy)?;
    let who = Who {
        tenant: caller.tenant(),
        policy: caller.policy(),
        is_token: caller.token().is_some(),
        note: caller.note("import.run", kind.as_str()),
    };
    let region = app.config.phone_region;
    let mut import = Import::new(app.store.clone(), kind, who, region, app.now()).await?;
    import.dry_run = how.dry_run.unwrap_or(false);
    import.deadline = Some(deadline);
    import.run(bytes, how.encoding).await.map(Json)
}
