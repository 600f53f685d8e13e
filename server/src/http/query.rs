//! The parameters after the question mark: read strictly, and no others than the document lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn};

use super::{Code, Problem, plain};
use crate::openapi;

/// The parameters after the question mark.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        plain::texts(pairs(parts.uri.query())?)
            .map(Self)
            .map_err(|wrong| Problem::new(Code::BadQuery).field(wrong.field).detail(wrong.sentence))
    }
}

/// Latest time a query may name, Unix milliseconds: the end of the year 9999.
pub const LATEST: i64 = 253_402_300_799_999;

/// A time of a query, Unix milliseconds.
///
/// # Errors
/// `bad_query` for a time before 1970 or after 9999.
pub fn time(name: &str, at: Option<i64>) -> Result<Option<i64>, Problem> {
    match at {
        Some(at) if !(0..=LATEST).contains(&at) => {
            let detail = format!("Send Unix milliseconds from 0 to {LATEST}.");
            Err(Problem::new(Code::BadQuery).field(name).detail(detail))
        }
        at => Ok(at),
    }
}

/// The names of parameters that each route of a document knows.
#[derive(Debug, Clone)]
pub struct Names(Arc<BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>>);

impl Names {
    /// Those that a document lists.
    pub fn of(api: &OpenApi) -> Self {
        let names = |operation: &Operation| {
            let listed = operation.parameters.iter().flatten().filter_map(openapi::inline);
            let listed = listed.filter(|it| matches!(it.parameter_in, ParameterIn::Query));
            listed.map(|it| it.name.clone()).collect()
        };
        let routes = api.paths.paths.iter().map(|(path, item)| {
            let methods = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            let methods = methods.into_iter();
            let known = methods.filter_map(|(name, op)| Some((name, names(op.as_ref()?))));
            (path.clone(), known.collect())
        });
        Self(Arc::new(routes.collect()))
    }

    fn known(&self, path: &str, method: &Method) -> Option<&BTreeSet<String>> {
        // What answers GET answers HEAD.
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        self.0.get(path)?.get(method)
    }
}

/// Refuses a request with a parameter that its route does not know: a misspelt filter would
/// otherwise answer with everything.
pub async fn strict(State(names): State<Names>, request: Request, next: Next) -> Response {
    match check(&names, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(names: &Names, request: &Request) -> Result<(), Problem> {
    if request.uri().query().is_none() {
        return Ok(());
    }
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let Some(known) = names.known(path, request.method()) else { return Ok(()) };
    let given = pairs(request.uri().query())?;
    let Some((name, _)) = given.into_iter().find(|(name, _)| !known.contains(name)) else {
        return Ok(());
    };
    let detail = if known.is_empty() {
        "This route takes no query parameters.".to_owned()
    } else {
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        format!("There is no such query parameter. There are: {}.", known.join(", "))
    };
    Err(Problem::new(Code::BadQuery).field(name).detail(detail))
}

fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    serde_urlencoded::from_str(query.unwrap_or(""))
        .map_err(|_| Problem::new(Code::BadQuery).detail("It is not UTF-8."))
}
