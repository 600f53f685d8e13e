//! Every route on one page, with the OpenAPI document made from the handlers themselves.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::{code, enrol, login, token};
use crate::app::App;
use crate::auth::gate;
use crate::desk::{
    audit, branches, devices, handed_in, jobs, parts, positions, technicians, users, vans,
};
use crate::http::{Code, Json, Problem, headers, request_id};
use crate::net::shed;
use crate::phone_sync;
use crate::telemetry::health;

/// The whole API, ready to serve.
pub fn router(app: &App) -> Router {
    let (open, open_api) = open().split_for_parts();
    let (gated, mut api) = gated().split_for_parts();
    api.merge(open_api);
    let api = describe(api);
    let gated = gated
        .route_layer(from_fn_with_state(app.clone(), gate::once))
        .route_layer(from_fn_with_state(app.clone(), gate::layer));
    let open = open.route_layer(from_fn_with_state(app.clone(), shed::open));
    open.merge(gated)
        .route("/v1/openapi.json", get(move || std::future::ready(Json(api.clone()))))
        .fallback(|| std::future::ready(Problem::not_found()))
        .method_not_allowed_fallback(|| std::future::ready(Problem::new(Code::NoSuchMethod)))
        .layer(from_fn_with_state(app.clone(), shed::observe))
        .layer(from_fn(headers::layer))
        .layer(from_fn(request_id::layer))
        .with_state(app.clone())
}

/// The OpenAPI 3.1 document of [`router`].
pub fn openapi() -> OpenApi {
    let (_, open_api) = open().split_for_parts();
    let (_, mut api) = gated().split_for_parts();
    api.merge(open_api);
    describe(api)
}

/// Routes for those who are not known yet.
fn open() -> OpenApiRouter<App> {
    let none = OpenApiRouter::default();
    none.routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(token::jwks))
        .routes(routes!(token::give_token))
        .routes(routes!(login::log_in))
        .routes(routes!(enrol::enrol_device))
}

/// Routes that need a login.
fn gated() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(login::log_out))
        .routes(routes!(login::me))
        .routes(routes!(login::change_password))
        .routes(routes!(code::make_code))
        .routes(routes!(enrol::confirm))
        .routes(routes!(devices::list))
        .routes(routes!(devices::get))
        .routes(routes!(devices::revoke))
        .routes(routes!(handed_in::list))
        .routes(routes!(handed_in::accept))
        .routes(routes!(handed_in::discard))
        .routes(routes!(branches::list, branches::create))
        .routes(routes!(branches::get, branches::update))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::update))
        .routes(routes!(parts::list))
        .routes(routes!(parts::get, parts::put))
        .routes(routes!(positions::list, positions::add))
        .routes(routes!(audit::list))
        .routes(routes!(technicians::list))
        .routes(routes!(technicians::get, technicians::update))
        .routes(routes!(technicians::add_certificate))
        .routes(routes!(technicians::add_shift))
        .routes(routes!(vans::list, vans::create))
        .routes(routes!(vans::get, vans::update))
        .routes(routes!(vans::stock::move_stock))
        .routes(routes!(vans::stock::count))
        .routes(routes!(jobs::list::list, jobs::create::create))
        .routes(routes!(jobs::one::get, jobs::one::update))
        .routes(routes!(jobs::assign::assign))
        .routes(routes!(jobs::assign::recall))
        .routes(routes!(jobs::end::cancel))
        .routes(routes!(jobs::end::reopen))
        .routes(routes!(jobs::follow_up::follow_up))
        .routes(routes!(jobs::decide::decide))
        .routes(routes!(jobs::extra::add_note))
        .routes(routes!(jobs::extra::add_charge))
        .routes(routes!(jobs::seals::evidence))
        .routes(routes!(phone_sync::sync))
        .routes(routes!(phone_sync::watch))
}

fn describe(mut api: OpenApi) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Towline")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Times are Unix milliseconds, places 1e-7 degrees, amounts minor units of their \
             currency, quantities thousandths. Writes take Idempotency-Key; problems are \
             RFC 9457 with a stable `code`.",
        ))
        .build();
    let frame = OpenApiBuilder::new().info(info).build();
    api.info = frame.info;
    let components = api.components.get_or_insert_with(Components::new);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("bearer", bearer);
    api.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    api
}
