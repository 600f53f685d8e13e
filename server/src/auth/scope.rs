//! What a token of an integration may be allowed, and which routes each of that opens.
//!
//! A token has no role. On a route it has the role that its scope has there, so a token that may
//! write parts decides no job as a manager would. What no line below names is closed to every token.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Role;

/// Something a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Read jobs.
    #[serde(rename = "jobs:read")]
    JobsRead,
    /// Take in, change, assign, end and decide jobs, as a dispatcher.
    #[serde(rename = "jobs:write")]
    JobsWrite,
    /// Read branches, technicians, vans and parts.
    #[serde(rename = "masters:read")]
    MastersRead,
    /// Write branches, technicians' records, vans with their stock, and parts.
    #[serde(rename = "masters:write")]
    MastersWrite,
    /// Read where technicians are.
    #[serde(rename = "positions:read")]
    PositionsRead,
    /// Read the audit list.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Read people's accounts.
    #[serde(rename = "users:read")]
    UsersRead,
    /// Add and change people, but for administrators.
    #[serde(rename = "users:write")]
    UsersWrite,
}

use Scope::{
    AuditRead, JobsRead, JobsWrite, MastersRead, MastersWrite, PositionsRead, UsersRead, UsersWrite,
};

/// What a scope opens: everything of a resource, or what it has below a path.
struct Door {
    path: &'static str,
    read: Option<(Scope, Role)>,
    write: Option<(Scope, Role)>,
}

const fn door(
    path: &'static str,
    read: Option<(Scope, Role)>,
    write: Option<(Scope, Role)>,
) -> Door {
    Door { path, read, write }
}

/// Every door, with the role behind it.
const DOORS: &[Door] = &[
    door("jobs", Some((JobsRead, Role::Dispatcher)), Some((JobsWrite, Role::Dispatcher))),
    door("proposal", Some((JobsRead, Role::Dispatcher)), None),
    door("timeline", Some((JobsRead, Role::Dispatcher)), None),
    door(
        "branches",
        Some((MastersRead, Role::Dispatcher)),
        Some((MastersWrite, Role::Administrator)),
    ),
    door("technicians", Some((MastersRead, Role::Dispatcher)), Some((MastersWrite, Role::Manager))),
    door("vans", Some((MastersRead, Role::Dispatcher)), Some((MastersWrite, Role::Manager))),
    door("parts", Some((MastersRead, Role::Dispatcher)), Some((MastersWrite, Role::Manager))),
    door("positions", Some((PositionsRead, Role::Dispatcher)), None),
    door("audit", Some((AuditRead, Role::Manager)), None),
    door("users", Some((UsersRead, Role::Dispatcher)), Some((UsersWrite, Role::Administrator))),
    door("import/parts", None, Some((MastersWrite, Role::Manager))),
    door("import/vans", None, Some((MastersWrite, Role::Manager))),
    door("import/technicians", None, Some((UsersWrite, Role::Administrator))),
    door("import/users", None, Some((UsersWrite, Role::Administrator))),
];

/// The route that tells a token what it is, whatever its scopes.
pub const ME: &str = "/v1/me";
/// Below an open door, and closed all the same: it gives a way in that is not the token's.
const CLOSED: &[&str] = &["/v1/users/{id}/password-link"];

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 8] = [
        JobsRead,
        JobsWrite,
        MastersRead,
        MastersWrite,
        PositionsRead,
        AuditRead,
        UsersRead,
        UsersWrite,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            JobsRead => "jobs:read",
            JobsWrite => "jobs:write",
            MastersRead => "masters:read",
            MastersWrite => "masters:write",
            PositionsRead => "positions:read",
            AuditRead => "audit:read",
            UsersRead => "users:read",
            UsersWrite => "users:write",
        }
    }

    /// The scope with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Scopes as they are stored: what this version does not know opens nothing.
    pub fn list(stored: &str) -> Vec<Self> {
        stored.split(' ').filter_map(Self::parse).collect()
    }

    /// The words of scopes, each once and in one order, as they are stored.
    pub fn stored(scopes: &[Self]) -> String {
        let mut sorted = scopes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// The scope that a route asks of a token, and the role the token has there. `template` is the path
/// as the router has it, `path` as it was asked for.
pub fn asked(method: &Method, template: &str, path: &str) -> Option<(Scope, Role)> {
    if CLOSED.contains(&template) {
        return None;
    }
    // Where the router has a word in braces, what was sent stands for itself or opens nothing.
    let path = if template.starts_with("/v1/import/") { path } else { template };
    let rest = path.strip_prefix("/v1/")?;
    let door = DOORS.iter().find(|door| {
        rest.strip_prefix(door.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })?;
    if matches!(*method, Method::GET | Method::HEAD) { door.read } else { door.write }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(method: Method, template: &str, path: &str) -> Option<&'static str> {
        asked(&method, template, path).map(|(scope, _)| scope.as_str())
    }

    #[test]
    fn a_route_asks_for_the_scope_of_its_resource_and_unknown_ones_for_none() {
        let same = |method, path| scope(method, path, path);
        assert_eq!(same(Method::GET, "/v1/jobs"), Some("jobs:read"));
        assert_eq!(same(Method::POST, "/v1/jobs/{id}/assign"), Some("jobs:write"));
        assert_eq!(same(Method::HEAD, "/v1/parts/{id}"), Some("masters:read"));
        for closed in ["/v1/jobsx", "/v1/tokens", "/v1/devices", "/v1/me/password", "/metrics", ""]
        {
            assert_eq!(same(Method::GET, closed), None, "{closed}");
            assert_eq!(same(Method::POST, closed), None, "{closed}");
        }
        assert_eq!(same(Method::POST, "/v1/users/{id}/password-link"), None);
    }

    #[test]
    fn an_import_asks_for_the_scope_of_what_is_imported() {
        let import =
            |kind: &str| scope(Method::POST, "/v1/import/{kind}", &format!("/v1/import/{kind}"));
        assert_eq!(import("parts"), Some("masters:write"));
        assert_eq!(import("users"), Some("users:write"));
        assert_eq!(import("u%73ers"), None, "another spelling opens nothing");
    }

    #[test]
    fn scopes_are_stored_once_each_and_unknown_ones_open_nothing() {
        assert_eq!(Scope::stored(&[JobsWrite, JobsRead, JobsWrite]), "jobs:read jobs:write");
        assert_eq!(Scope::list("jobs:read moon:write"), [JobsRead]);
        assert!(Scope::ALL.iter().all(|scope| Scope::parse(scope.as_str()) == Some(*scope)));
    }
}
