//! Versions of things: ETag on what is read, If-Match on what is changed.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponseParts, ResponseParts};

use serde::Serialize;
use store::Store;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::{Code, Problem};
use crate::app::App;

/// Makes the tags of one store. Versions only count, and a restored store counts again from where its backup
/// was: so each tag names the epoch too, and none that was given before a restore stands for anything after it.
#[derive(Debug, Clone, Copy)]
pub struct Tags {
    epoch: u64,
}

impl Tags {
    /// The tags of this store.
    pub fn of(store: &Store) -> Self {
        Self { epoch: store.epoch() }
    }

    /// Version of a row, or of a document: the position of its last change.
    pub fn of_row(self, version: i64) -> ETag {
        ETag(format!("\"v{version}-{:016x}\"", self.epoch))
    }

    /// Version of a technician: of their account, and of their document.
    pub fn of_technician(self, account: i64, document: i64) -> ETag {
        ETag(format!("\"v{account}-{document}-{:016x}\"", self.epoch))
    }
}

/// The version of a thing as the client sees it. Only [`Tags`] makes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ETag(String);

/// A row of a list, with the tag that its resource has by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tagged<T> {
    /// The row.
    #[serde(flatten)]
    pub row: T,
    /// Its ETag.
    #[schema(value_type = String)]
    pub etag: ETag,
}

impl ETag {
    /// The tag as it stands in the header, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IntoResponseParts for ETag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            parts.headers_mut().insert(header::ETAG, value);
        }
        Ok(parts)
    }
}

/// The version the client says it saw; `*` is any.
#[derive(Debug, Clone)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// Compares with the present version.
    ///
    /// # Errors
    /// `changed_meanwhile` when it is another.
    pub fn check(&self, present: &ETag) -> Result<(), Problem> {
        if self.0.iter().any(|tag| tag == "*" || uncompressed(tag) == present.as_str()) {
            return Ok(());
        }
        let now = format!("It is now {}.", present.as_str());
        Err(Problem::new(Code::Changed).detail(now))
    }
}

/// Codings whose name a proxy that compresses writes into a tag.
const CODINGS: [&str; 7] = ["x-gzip", "gzip", "deflate", "br", "zstd", "dcb", "dcz"];

/// A tag as the server wrote it, whatever a proxy that compresses made of it.
///
/// nginx and Varnish make it weak (`W/"v1"`); Apache, Caddy and Jetty write the coding into it (`"v1-gzip"`,
/// `"v1--gzip"`, `"v1;gzip"`). RFC 9110, 13.1.1 asks for a strong comparison because a weak tag may stand
/// for several versions. Ours stands for one, however it was sent. No tag of ours ends like a coding.
fn uncompressed(tag: &str) -> String {
    let strong = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return strong.to_owned() };
    let coded = CODINGS.iter().find_map(|coding| inner.strip_suffix(coding));
    let bare = coded.map(|rest| rest.trim_end_matches(['-', ';', ':', '+', '_', '.']));
    // A coding without a mark before it is part of the tag.
    let bare = bare.filter(|bare| coded.is_some_and(|coded| coded.len() > bare.len()));
    format!("\"{}\"", bare.unwrap_or(inner))
}

/// The header as a parameter of a change that needs it.
impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![header(Required::True, "The ETag that was seen; `*` for whatever there is.")]
    }
}

/// The header as a parameter of a change that goes without it.
#[derive(Debug)]
pub struct MaybeIfMatch;

impl IntoParams for MaybeIfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about =
            "The ETag that was seen. When sent, the change is made only if it still stands.";
        vec![header(Required::False, about)]
    }
}

fn header(required: Required, about: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(about))
        .schema(Some(text.examples(["\"v42-1f0c9a7d53b2e684\""])))
        .build()
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let value = parts.headers.get(header::IF_MATCH);
        let value = value.ok_or_else(|| Problem::new(Code::IfMatchMissing))?;
        let text = value.to_str().ok().filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| Problem::new(Code::BadHeader).field("If-Match"))?;
        Ok(Self(text.split(',').map(|tag| tag.trim().to_owned()).collect()))
    }
}

impl OptionalFromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(None);
        }
        <Self as FromRequestParts<App>>::from_request_parts(parts, app).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: Tags = Tags { epoch: 0x00ab_0000_0000_0dcb };

    fn seen(tag: &str) -> IfMatch {
        IfMatch(vec![tag.to_owned()])
    }

    #[test]
    fn only_the_version_that_was_seen_may_be_changed() {
        let three = TAGS.of_row(3);
        assert!(seen(three.as_str()).check(&TAGS.of_row(3)).is_ok());
        assert!(seen(three.as_str()).check(&TAGS.of_row(4)).is_err());
        assert!(seen("*").check(&TAGS.of_row(4)).is_ok());
        let restored = Tags { epoch: TAGS.epoch + 1 };
        assert!(seen(three.as_str()).check(&restored.of_row(3)).is_err());
        let technician = TAGS.of_technician(3, 12);
        assert!(seen(technician.as_str()).check(&restored.of_technician(3, 12)).is_err());
    }

    #[test]
    fn a_tag_that_a_compressing_proxy_rewrote_is_the_version_that_was_seen() {
        let present = TAGS.of_technician(3, 12);
        let tag = present.as_str().trim_matches('"');
        let coded = ["-gzip", "--gzip", ";gzip", "-br", "-zstd", ":x-gzip"];
        let mut forms = vec![format!("W/\"{tag}\""), format!("W/\"{tag}-gzip\"")];
        forms.extend(coded.map(|coding| format!("\"{tag}{coding}\"")));
        for form in forms {
            assert!(seen(&form).check(&present).is_ok(), "{form}");
        }
        let others = [
            r#"W/"v3-11-00ab000000000dcb""#.to_owned(),
            r#""v3-12""#.to_owned(),
            r#""v3-12-gzip""#.to_owned(),
            format!("\"{tag}gzip\""),
            format!("\"{tag}-12\""),
            tag.to_owned(),
        ];
        for other in others {
            assert!(seen(&other).check(&present).is_err(), "{other}");
        }
    }
}
