//! Sync over HTTP: one frame up, one frame down.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use sync_core::limits;

use super::exchange::{Phone, exchange};
use super::hand_in;
use crate::app::App;
use crate::auth::Caller;
use crate::http::{Problem, ProblemBody, body};

/// One exchange of a phone: everything it has up, everything new down.
///
/// The frames are described in docs/protocol.md. A frame that cannot be read is answered by a
/// fault frame with status 200, as over the WebSocket.
#[utoipa::path(
    post, path = "/v1/sync", tag = "sync",
    request_body(content = Vec<u8>, content_type = "application/vnd.towline.sync"),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/vnd.towline.sync"),
        (status = 401, description = "device_revoked", body = ProblemBody),
        (status = 413, body = ProblemBody),
        (status = 503, description = "overloaded; see Retry-After", body = ProblemBody),
    )
)]
pub async fn sync(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    body::expect_media(request.headers(), super::MEDIA_TYPE)?;
    let deadline = app.config.net.sync_body_timeout;
    let frame = body::read(request.into_body(), limits::FRAME_BYTES, deadline).await?;
    if caller.revoked {
        return Err(hand_in::take(&app, &caller, &frame).await);
    }
    let phone = Phone::of(&app, &caller).await?;
    let answer = exchange(&app, &phone, &frame).await.frame;
    let media = HeaderValue::from_static(super::MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, media)], answer).into_response())
}
