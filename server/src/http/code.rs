//! The list of stable problem codes, each with its status and a sentence.

use axum::http::StatusCode;

macro_rules! codes {
    ($($name:ident = $text:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, in one stable word that programs may match on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The HTTP status it is sent with.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            /// One plain sentence, the same each time.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let lines = Self::ALL.iter().map(|code| {
            format!("- `{}` ({}): {}", code.as_str(), code.status().as_u16(), code.title())
        });
        let about = "What went wrong, in one stable word. Later versions may have more of them.";
        let about = format!("{about}\n\n{}", lines.collect::<Vec<_>>().join("\n"));
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some(about))
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

impl utoipa::ToSchema for Code {}

codes! {
    BadJson = "bad_json", BAD_REQUEST, "The body is not the JSON that is expected here.";
    BadForm = "bad_form", BAD_REQUEST, "The body is not the form that is expected here.";
    BadFrame = "bad_frame", BAD_REQUEST, "The body is not a sync frame.";
    BadQuery = "bad_query", BAD_REQUEST, "A query parameter cannot be read.";
    BadCursor = "bad_cursor", BAD_REQUEST, "The cursor is not one this list gave.";
    BadHeader = "bad_header", BAD_REQUEST, "A header cannot be read.";
    WrongMediaType = "wrong_media_type", UNSUPPORTED_MEDIA_TYPE, "The body has another media type than is expected here.";
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "A value breaks a rule.";
    BadVin = "bad_vin", UNPROCESSABLE_ENTITY, "The vehicle identification number cannot be kept.";
    BadPhone = "bad_phone", UNPROCESSABLE_ENTITY, "The phone number cannot be kept.";
    BadPlace = "bad_place", UNPROCESSABLE_ENTITY, "The position is not on Earth.";
    Unconfirmed = "needs_confirmation", UNPROCESSABLE_ENTITY, "A value is unlikely. Correct it, or name its field in as_said.";
    UnknownReference = "unknown_reference", UNPROCESSABLE_ENTITY, "A value names something that does not exist.";
    BadGrant = "bad_grant", BAD_REQUEST, "The grant type is not supported.";
    BadAssertion = "bad_assertion", UNAUTHORIZED, "The login of the device is not valid.";
    BadCode = "bad_code", UNAUTHORIZED, "The enrolment code is wrong, used or expired.";
    BadProof = "bad_proof", UNAUTHORIZED, "The device did not prove that it holds its key.";
    WrongDigits = "wrong_digits", UNPROCESSABLE_ENTITY, "The six digits are not those of the device.";
    BadCredentials = "bad_credentials", UNAUTHORIZED, "Tenant, login or password is wrong.";
    BadLink = "bad_link", UNAUTHORIZED, "The link is wrong, used or expired; ask an administrator for another one.";
    WeakPassword = "weak_password", UNPROCESSABLE_ENTITY, "The password is too short or too long.";
    NotLoggedIn = "not_logged_in", UNAUTHORIZED, "This needs a login.";
    BadToken = "bad_token", UNAUTHORIZED, "The token is not valid.";
    TokenExpired = "token_expired", UNAUTHORIZED, "The token has expired; log in again.";
    DeviceRevoked = "device_revoked", UNAUTHORIZED, "The device was revoked.";
    DevicePending = "device_pending", FORBIDDEN, "The device waits until its digits are compared.";
    Forbidden = "forbidden", FORBIDDEN, "This role may not do that.";
    Csrf = "cross_site", FORBIDDEN, "A browser sent this from another site.";
    NotFound = "not_found", NOT_FOUND, "Not found.";
    NoSuchMethod = "method_not_allowed", METHOD_NOT_ALLOWED, "This address does not take that method.";
    Conflict = "conflict", CONFLICT, "That already exists.";
    WrongState = "wrong_state", CONFLICT, "That is not possible in the present state.";
    Ineligible = "technician_ineligible", CONFLICT, "The technician does not meet the job's requirements.";
    Denied = "denied", FORBIDDEN, "The policy does not allow that.";
    IfMatchMissing = "if_match_required", PRECONDITION_REQUIRED, "Send the ETag you saw in If-Match.";
    OtherPerson = "other_person", CONFLICT, "It was made for another person than the one who is logged in now; nothing was done.";
    Changed = "changed_meanwhile", PRECONDITION_FAILED, "It was changed since you saw it.";
    KeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request.";
    KeyBusy = "idempotency_key_busy", CONFLICT, "The first request with this Idempotency-Key is still under way.";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The body is larger than is taken here.";
    TooMany = "too_many_attempts", TOO_MANY_REQUESTS, "Too many attempts; wait before the next.";
    Crowded = "too_many_at_once", TOO_MANY_REQUESTS, "Too many of your requests are under way; send the next when one is answered.";
    Quota = "quota", TOO_MANY_REQUESTS, "The hour's budget or the storage is used up; nothing was taken, try again later.";
    Timeout = "timeout", REQUEST_TIMEOUT, "The request took too long to arrive.";
    Slow = "took_too_long", SERVICE_UNAVAILABLE, "The request took too long to answer.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server is busy; try again shortly.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The store does not answer; try again shortly.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error; the server's log has it under the request id.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_another_word() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
