//! Sync over HTTP: one frame up, one frame down.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use sync_core::limits;

use super::budget::Turn;
use super::exchange::{Phone, exchange};
use super::revoked;
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Problem, body};

/// One frame of the sync protocol, as docs/protocol.md has it.
#[derive(Debug, utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Frame(pub Vec<u8>);

/// One exchange of a phone: everything it has up, everything new down.
///
/// The frames are described in docs/protocol.md. A frame that cannot be read is answered by a
/// fault frame with status 200, as over the WebSocket.
#[utoipa::path(
    post, path = "/v1/sync", tag = "sync", operation_id = "sync",
    request_body(content = inline(Frame), content_type = "application/vnd.towline.sync"),
    responses((status = 400, description = "bad_frame"), (status = 200, body = inline(Frame), content_type = "application/vnd.towline.sync")),
)]
pub async fn sync(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    body::expect_media(request.headers(), super::MEDIA_TYPE)?;
    let turn = request.extensions().get::<Arc<Turn>>().cloned();
    let deadline = app.config.net.sync_body_timeout;
    let frame = body::read(request.into_body(), limits::FRAME_BYTES, deadline).await?;
    if caller.is_revoked() {
        return Err(revoked::take(&app, &caller, &frame).await);
    }
    let phone = Phone::of(&app, &caller).await?;
    let answer = exchange(&app, &phone, &frame, turn.as_deref()).await.frame;
    let media = HeaderValue::from_static(super::MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, media)], answer).into_response())
}
