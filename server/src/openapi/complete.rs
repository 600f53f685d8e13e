//! What each operation of a class has in common: authentication, headers, and problems.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use sync_core::id::UserId;
use utoipa::PartialSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    Content, ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};

use super::{API_TOKEN, BEARER, COOKIE, inline};
use crate::auth::{person, scope};
use crate::http::{Code, idempotency};
use crate::net::{Access, Class, Pool};

/// Media type of problems.
const PROBLEM: &str = "application/problem+json";
/// Schemas of what has a version: an answer with one of them carries an ETag.
const VERSIONED: [&str; 7] =
    ["Branch", "Created", "JobView", "Part", "TechnicianView", "User", "VanView"];

/// Completes every operation of a class.
pub fn operations(class: &Class, api: &mut OpenApi) {
    for (path, item) in &mut api.paths.paths {
        let methods = [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("PATCH", &mut item.patch),
            ("DELETE", &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                let route = Route { class, path, method };
                route.complete(operation);
            }
        }
    }
}

/// One operation's place in the API.
struct Route<'a> {
    class: &'a Class,
    path: &'a str,
    method: &'a str,
}

impl Route<'_> {
    fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// The scopes of which a token needs one.
    fn scopes(&self) -> Vec<&'static str> {
        let method = Method::from_bytes(self.method.as_bytes()).unwrap_or_default();
        let (before, after) = self.path.split_once("{kind}").unwrap_or((self.path, ""));
        let mut scopes: Vec<_> = ["technicians", "vans", "parts", "users"]
            .into_iter()
            .filter_map(|kind| match before == self.path {
                true => scope::asked(&method, self.path, self.path),
                false => scope::asked(&method, self.path, &format!("{before}{kind}{after}")),
            })
            .map(|(scope, _)| scope.as_str())
            .collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    fn complete(&self, operation: &mut Operation) {
        self.security(operation);
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.values_mut().for_each(leave_out_null);
        }
        if self.is_write() && self.class.idempotent {
            operation.parameters.get_or_insert_default().push(key().into());
        }
        if self.is_write() && self.class.access != Access::Public {
            operation.parameters.get_or_insert_default().push(person().into());
        }
        let mut problems: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
        for code in self.codes(operation) {
            problems.entry(code.status().as_u16()).or_default().insert(code.as_str());
        }
        let responses = &mut operation.responses.responses;
        for (status, response) in responses.iter_mut() {
            let RefOr::T(response) = response else { continue };
            match status.parse() {
                Ok(status) if status >= 400 => {
                    let own = std::mem::take(&mut response.description);
                    let codes = problems.remove(&status).unwrap_or_default();
                    *response = problem(status, &own, codes);
                }
                _ => self.success(status, response),
            }
        }
        for (status, codes) in problems {
            responses.insert(status.to_string(), problem(status, "", codes).into());
        }
        for response in responses.values_mut() {
            if let RefOr::T(response) = response {
                let about =
                    "The id under which the log has the request; the client's own if it sent one.";
                response.headers.insert("X-Request-Id".into(), text_header(about).into());
            }
        }
    }

    fn security(&self, operation: &mut Operation) {
        if operation.security.is_some() {
            return;
        }
        let one = |name| SecurityRequirement::new::<_, [&str; 0], &str>(name, []);
        operation.security = Some(match self.class.access {
            Access::Public => Vec::new(),
            Access::Authenticated | Access::Staff(_) => {
                let scopes = self.scopes().into_iter();
                let token = |scope| SecurityRequirement::new(API_TOKEN, [scope]);
                let mut ways = vec![one(BEARER), one(COOKIE)];
                ways.extend(scopes.map(token));
                // Who it is may be asked by whoever has it.
                ways.extend((self.path == scope::ME).then(|| one(API_TOKEN)));
                ways
            }
            Access::Phone | Access::RevokedPhone => vec![one(BEARER)],
        });
    }

    /// The problems that follow from the class and from what the handler reads.
    fn codes(&self, operation: &Operation) -> Vec<Code> {
        let mut codes = vec![Code::Internal];
        let class = self.class;
        if class.pool == Pool::None {
            // Answered before anything is read or looked up.
            codes.push(Code::BadQuery);
            return codes;
        }
        codes.extend([Code::BadQuery, Code::Overloaded, Code::Unavailable, Code::Slow]);
        codes.extend(
            matches!(class.pool, Pool::Desk | Pool::PhoneRequests | Pool::Streams)
                .then_some(Code::Crowded),
        );
        match class.access {
            Access::Public => {}
            Access::Authenticated => self.tokens(&mut codes),
            Access::Staff(_) => {
                self.tokens(&mut codes);
                codes.extend(self.is_write().then_some(Code::Denied));
            }
            Access::Phone | Access::RevokedPhone => {
                self.authenticated(&mut codes);
                codes.push(Code::Forbidden);
            }
        }
        let listed = |name: &str| {
            let mut parameters = operation.parameters.iter().flatten().filter_map(inline);
            parameters.find(|it| it.name.eq_ignore_ascii_case(name))
        };
        codes.extend(self.path.contains('{').then_some(Code::NotFound));
        codes.extend(listed("cursor").map(|_| Code::BadCursor));
        if let Some(seen) = listed("if-match") {
            codes.extend([Code::Changed, Code::BadHeader]);
            let is_needed = matches!(seen.required, Required::True);
            codes.extend(is_needed.then_some(Code::IfMatchMissing));
        }
        if self.is_write() && class.idempotent {
            codes.extend([Code::KeyBusy, Code::KeyReused, Code::BadHeader, Code::Timeout]);
            codes.push(Code::TooLarge);
        }
        if let Some(body) = operation.request_body.as_ref().and_then(inline) {
            codes.extend([Code::TooLarge, Code::Timeout, Code::WrongMediaType, Code::BadJson]);
            if body.content.contains_key("application/json") {
                codes.push(Code::Invalid);
            } else {
                codes.retain(|code| *code != Code::BadJson);
            }
        }
        codes
    }

    /// What API tokens are answered besides.
    fn tokens(&self, codes: &mut Vec<Code>) {
        self.authenticated(codes);
        codes.extend([Code::Forbidden, Code::TooMany]);
        codes.extend(self.is_write().then_some(Code::Quota));
    }

    fn authenticated(&self, codes: &mut Vec<Code>) {
        codes.extend([Code::NotLoggedIn, Code::BadToken, Code::TokenExpired, Code::DeviceRevoked]);
        if self.is_write() {
            codes.extend([Code::Csrf, Code::OtherPerson, Code::BadHeader]);
        }
    }

    fn success(&self, status: &str, response: &mut Response) {
        if response.description.is_empty() {
            response.description = match (status, self.is_write()) {
                ("200", false) => "What was asked for.",
                ("200", true) => "Done; the answer shows how it stands now.",
                ("201", _) => "It was made.",
                _ => "Done.",
            }
            .to_owned();
        }
        let schemas = response
            .content
            .values()
            .filter_map(inline)
            .filter_map(|content| content.schema.as_ref());
        let has_version = schemas.into_iter().any(|schema| match schema {
            RefOr::Ref(to) => {
                let name = to.ref_location.rsplit('/').next().unwrap_or_default();
                VERSIONED.contains(&name)
            }
            RefOr::T(_) => false,
        });
        if has_version {
            let about =
                "The version of what is answered; send it in If-Match with the next change.";
            response.headers.insert("ETag".to_owned(), text_header(about).into());
        }
        if has_version && status == "201" {
            let about = "The path of what was made.";
            response.headers.insert("Location".to_owned(), text_header(about).into());
        }
        if self.is_write() && self.class.idempotent {
            let about = "`true` on an answer that was given before, to the same Idempotency-Key.";
            response.headers.insert("Idempotency-Replayed".to_owned(), text_header(about).into());
        }
    }
}

/// A body that may be left out is left out, not `null`.
fn leave_out_null(content: &mut RefOr<Content>) {
    let RefOr::T(content) = content else { return };
    if let Some(RefOr::T(Schema::OneOf(one))) = &content.schema {
        let named = one.items.iter().find(|item| matches!(item, RefOr::Ref(_)));
        content.schema = named.cloned().or_else(|| content.schema.clone());
    }
}

/// The answer for one status: what the handler says of it, and the codes that can come with it.
fn problem<'a>(status: u16, own: &'a str, mut codes: BTreeSet<&'a str>) -> Response {
    let named: Vec<&str> = own.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let known = |word: &str| Code::ALL.iter().find(|code| code.as_str() == word);
    // A handler that only names codes leaves their sentences to us.
    let own = if named.iter().all(|word| known(word).is_some()) {
        codes.extend(named);
        ""
    } else {
        own
    };
    let mut lines: Vec<String> =
        own.is_empty().then(Vec::new).unwrap_or_else(|| vec![own.to_owned()]);
    let sentence = |word: &&str| known(word).map(|code| format!("`{word}`: {}", code.title()));
    lines.extend(codes.iter().filter_map(sentence));
    let body = Ref::from_schema_name("ProblemBody");
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n\n"))
        .content(PROBLEM, ContentBuilder::new().schema(Some(body)).build());
    if matches!(status, 409 | 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let header = HeaderBuilder::new().schema(Some(seconds));
        let header = header.description(Some("Seconds after which to try again."));
        response = response.header("Retry-After", header.build());
    }
    if status == 401 {
        response = response.header("WWW-Authenticate", text_header("`Bearer`."));
    }
    response.build()
}

fn text_header(about: &str) -> utoipa::openapi::Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(text)).description(Some(about)).build()
}

fn person() -> Parameter {
    let about =
        "The id of the person for whom this is. When sent, it is done only if they are the caller.";
    ParameterBuilder::new()
        .name(person::HEADER.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(<UserId as PartialSchema>::schema()))
        .build()
}

fn key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some(r"^[\x21-\x7e]+$"))
        .examples(["5b1d7c0e-rescue-42"]);
    let about = "A name the client makes for this write. A second request with it gets the first \
        one's answer, for 48 hours, also when that answer was lost.";
    ParameterBuilder::new()
        .name(idempotency::HEADER.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(text))
        .build()
}
