//! Every route on one page, each under its class, with the OpenAPI document made from the handlers.

use std::sync::LazyLock;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::devices::{code, enrol, submissions};
use crate::api::session::{login, token};
use crate::api::{
    audit, billing, branches, devices, events, import, jobs, links, parts, positions, proposal,
    technicians, timeline, tokens, users, vans,
};
use crate::app::App;
use crate::auth::gate;
use crate::console;
use crate::http::{Code, Json, Problem, headers, query, request_id};
use crate::net::{Access, Class, shed};
use crate::openapi;
use crate::sync;
use crate::telemetry::health;

/// The whole API, ready to serve.
pub fn router(app: &App) -> Router {
    let mut all = Router::new();
    for (class, routes) in routes_by_class() {
        let (routes, api) = routes.split_for_parts();
        let routes = routes.route_layer(from_fn_with_state(query::Names::of(&api), query::strict));
        let routes = match class.access {
            Access::Public => routes.route_layer(from_fn_with_state(app.clone(), shed::open)),
            _ if class.idempotent => routes
                .route_layer(from_fn_with_state(app.clone(), gate::once))
                .route_layer(from_fn_with_state(app.clone(), gate::layer)),
            _ => routes.route_layer(from_fn_with_state(app.clone(), gate::layer)),
        };
        let routes = routes
            .route_layer(from_fn(shed::reads))
            .route_layer(from_fn_with_state(app.clone(), shed::in_time))
            .route_layer(Extension(class));
        all = all.merge(routes);
    }
    all = all.merge(console::routes().route_layer(Extension(Class::PROBE)));
    all.fallback(|| std::future::ready(Problem::not_found()))
        .method_not_allowed_fallback(|| std::future::ready(Problem::new(Code::NoSuchMethod)))
        .layer(from_fn_with_state(app.clone(), shed::observe))
        .layer(from_fn_with_state(app.clone(), headers::layer))
        .layer(from_fn(request_id::layer))
        .with_state(app.clone())
}

/// The OpenAPI 3.1 document of [`router`].
pub fn openapi() -> OpenApi {
    let documented = routes_by_class().into_iter().map(|(class, routes)| {
        let (_, api) = routes.split_for_parts();
        (class, api)
    });
    openapi::document(documented)
}

/// Each class with its routes. A route stands in exactly one.
fn routes_by_class() -> [(Class, OpenApiRouter<App>); 13] {
    let none = OpenApiRouter::<App>::default;
    let probe = none()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(describe));
    let public = none()
        .routes(routes!(health::metrics))
        .routes(routes!(token::jwks))
        .routes(routes!(login::log_in))
        .routes(routes!(enrol::enrol_device))
        .routes(routes!(links::redeem));
    let signed = none().routes(routes!(token::give_token));
    let own = none()
        .routes(routes!(login::log_out))
        .routes(routes!(login::me))
        .routes(routes!(login::change_password));
    let authenticated = none()
        .routes(routes!(billing::get))
        .routes(routes!(branches::list))
        .routes(routes!(branches::get))
        .routes(routes!(parts::list))
        .routes(routes!(parts::get));
    let desk = none()
        .routes(routes!(code::make_code))
        .routes(routes!(enrol::confirm))
        .routes(routes!(devices::list))
        .routes(routes!(devices::get))
        .routes(routes!(devices::revoke))
        .routes(routes!(submissions::list))
        .routes(routes!(submissions::accept))
        .routes(routes!(submissions::discard))
        .routes(routes!(users::list))
        .routes(routes!(users::get))
        .routes(routes!(positions::list))
        .routes(routes!(technicians::list))
        .routes(routes!(technicians::get, technicians::update))
        .routes(routes!(technicians::view::part))
        .routes(routes!(technicians::add_certificate))
        .routes(routes!(technicians::add_shift))
        .routes(routes!(technicians::desk::add_note))
        .routes(routes!(technicians::desk::take_back))
        .routes(routes!(technicians::desk::restore))
        .routes(routes!(jobs::walk_ups::cancel_walk_ups))
        .routes(routes!(vans::list, vans::create))
        .routes(routes!(vans::get, vans::update))
        .routes(routes!(vans::part))
        .routes(routes!(vans::desk::add_note))
        .routes(routes!(vans::desk::take_back))
        .routes(routes!(vans::desk::restore))
        .routes(routes!(vans::stock::move_stock))
        .routes(routes!(vans::stock::count))
        .routes(routes!(jobs::list::list, jobs::create::create))
        .routes(routes!(jobs::changes::list))
        .routes(routes!(jobs::similar::similar))
        .routes(routes!(jobs::candidates::candidates))
        .routes(routes!(proposal::propose))
        .routes(routes!(timeline::timeline))
        .routes(routes!(jobs::one::get, jobs::one::update))
        .routes(routes!(jobs::one::list))
        .routes(routes!(jobs::assign::assign))
        .routes(routes!(jobs::assign::recall))
        .routes(routes!(jobs::end::cancel))
        .routes(routes!(jobs::end::reopen))
        .routes(routes!(jobs::follow_up::follow_up))
        .routes(routes!(jobs::decide::decide))
        .routes(routes!(jobs::steps::enter))
        .routes(routes!(jobs::take_back::take_back))
        .routes(routes!(jobs::take_back::restore))
        .routes(routes!(jobs::extra::add_note))
        .routes(routes!(jobs::extra::add_charge))
        .routes(routes!(jobs::seals::evidence));
    let manager = none().routes(routes!(audit::list)).routes(routes!(parts::put));
    let administrator = none()
        .routes(routes!(billing::update))
        .routes(routes!(branches::create))
        .routes(routes!(branches::update))
        .routes(routes!(devices::release))
        .routes(routes!(users::create))
        .routes(routes!(users::update))
        .routes(routes!(links::create))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::get))
        .routes(routes!(tokens::revoke));
    [
        (Class::PROBE, probe),
        (Class::PUBLIC, public),
        (Class::TOKEN, signed),
        (Class::OWN, own),
        (Class::AUTHENTICATED, authenticated),
        (Class::DESK, desk),
        (Class::STREAM, none().routes(routes!(events::follow))),
        (Class::MANAGER, manager),
        (Class::ADMINISTRATOR, administrator),
        (Class::IMPORT, none().routes(routes!(import::import))),
        (Class::PHONE, none().routes(routes!(positions::add))),
        (Class::SYNC, none().routes(routes!(sync::sync))),
        (Class::SOCKET, none().routes(routes!(sync::watch))),
    ]
}

/// This document: the API as OpenAPI 3.1.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "health", operation_id = "get_openapi",
    responses((status = 200, description = "The document.", body = Object))
)]
async fn describe() -> Json<&'static OpenApi> {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(openapi);
    Json(&DOCUMENT)
}
