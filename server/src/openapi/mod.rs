//! The OpenAPI document: what the handlers say of themselves, completed with what holds for every
//! route of their class.
//!
//! A handler declares its parameters, its body, what it answers, and the problems that are its own.
//! What follows from the class and from those declarations is added here once: authentication,
//! headers, and the problems of the gate, the limits and the readers of requests.

mod complete;
mod meanings;
mod schemas;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::auth::session;
use crate::http::ProblemBody;
use crate::net::Class;

/// Scheme of sessions and access tokens in the header.
const BEARER: &str = "bearer";
/// Scheme of sessions in a browser.
const COOKIE: &str = "cookie";
/// Scheme of API tokens; its requirements name the scope.
const API_TOKEN: &str = "api_token";
/// Scheme of the counters, where a token for them is set.
const METRICS: &str = "metrics";

const ABOUT: &str = "Roadside rescues without coverage: the REST API of one Towline server.\n\n\
    Times are Unix milliseconds, in fields that are named `at` or end in `_at`, and in `eta` and \
    `eta_by`. Places are degrees (WGS 84). Amounts are minor units of their currency, quantities \
    thousandths of a unit, tax rates hundredths of a percent.\n\n\
    In a PATCH a field that is left out stays, and `null` clears a field that may be empty. Problems \
    are RFC 9457 with a stable `code`.";

const TAGS: [(&str, &str); 15] = [
    ("session", "Logging in and out, and who is logged in."),
    ("jobs", "Rescues: taken in, assigned, ended, decided about."),
    ("events", "What changes, as a stream."),
    ("technicians", "Technicians: their account, skills and shifts."),
    ("vans", "Vans and their stock."),
    ("parts", "The catalogue of parts."),
    ("branches", "The stores of the tenant."),
    ("users", "People with an account."),
    ("import", "Technicians, vans, parts and users from CSV files."),
    ("tokens", "API tokens: how other systems come in."),
    ("devices", "Phones: enrolled, confirmed, revoked, and what revoked ones submitted."),
    ("positions", "Where technicians are and were."),
    ("audit", "What the office did."),
    ("sync", "The frames of phones, as docs/protocol.md has them."),
    ("health", "Whether the server runs, its counters, and this document."),
];

/// Completes the documents of all classes and puts them into one.
pub fn document(classes: impl IntoIterator<Item = (Class, OpenApi)>) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Towline")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .build();
    let tags =
        TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let server = ServerBuilder::new().url("/").description(Some("This server.")).build();
    let mut all = OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .servers(Some([server]))
        .components(Some(components()))
        .build();
    for (class, mut api) in classes {
        complete::operations(&class, &mut api);
        all.merge(api);
    }
    schemas::complete(&mut all);
    all
}

fn components() -> Components {
    let mut components = Components::new();
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "The `token` of a session (staff), or the access token that `POST /v1/token` gives a phone.",
    ));
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An API token (`twl_…`) that an administrator made with `POST /v1/tokens`. Each operation \
         names the scope it asks for; one that names none is closed to API tokens. They need no \
         CSRF header.",
    ));
    components.add_security_scheme(API_TOKEN, SecurityScheme::Http(token.build()));
    let about = "The session in a browser, as `POST /v1/session` sets it; with https its name \
        begins with `__Host-`. A write must come from our own origin, or carry the header \
        `X-Towline-Csrf` with any value.";
    let cookie = ApiKeyValue::with_description(session::COOKIE, about);
    components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let metrics = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The setting `metrics_token`, where it is set."));
    components.add_security_scheme(METRICS, SecurityScheme::Http(metrics.build()));
    components
}

/// What stands in the document itself; nothing of ours is a reference but schemas.
pub fn inline<T>(value: &RefOr<T>) -> Option<&T> {
    match value {
        RefOr::T(value) => Some(value),
        RefOr::Ref(_) => None,
    }
}
