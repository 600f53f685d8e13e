//! The desk's side of the REST API: a logged-in client that sends JSON and understands problems.

use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

/// Why a request was not answered as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RestError(String);

impl From<ureq::Error> for RestError {
    fn from(error: ureq::Error) -> Self {
        Self(error.to_string())
    }
}

/// A staff session.
pub struct Rest {
    agent: Agent,
    url: String,
    token: String,
}

/// An answer of the server.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The ETag, if it has one.
    pub etag: Option<String>,
    /// Its media type; empty if none was given.
    pub media_type: String,
    /// Seconds after which to try again, if the server says so.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Value,
}

impl Rest {
    /// Logs in with a password.
    pub fn log_in(url: &str, tenant: &str, login: &str, password: &str) -> Result<Self, RestError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(30)))
            .build();
        let mut rest = Self { agent: config.into(), url: url.to_owned(), token: String::new() };
        let body = serde_json::json!({"tenant": tenant, "login": login, "password": password});
        rest.token = rest.post("/v1/session", &body)?.text("token")?;
        Ok(rest)
    }

    /// The same session at another address of the same server.
    pub fn at(&self, url: &str) -> Self {
        Self { agent: self.agent.clone(), url: url.to_owned(), token: self.token.clone() }
    }

    /// The token of the session.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Reads something.
    pub fn get(&self, path: &str) -> Result<Answer, RestError> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        answer(path, request.call()?)?.good(path)
    }

    /// Writes something; a problem is an error.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, RestError> {
        self.try_post(path, body, None)?.good(path)
    }

    /// Changes something, whatever it is by now; a problem is an error.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Answer, RestError> {
        let request = self.agent.patch(format!("{}{path}", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        answer(path, request.header("If-Match", "*").send_json(body)?)?.good(path)
    }

    /// Puts something where nothing is yet; a problem is an error.
    pub fn put(&self, path: &str, body: &Value) -> Result<Answer, RestError> {
        let request = self.agent.put(format!("{}{path}", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        answer(path, request.send_json(body)?)?.good(path)
    }

    /// Writes something, if it still stands at this ETag; a problem is an answer.
    pub fn try_post(
        &self,
        path: &str,
        body: &Value,
        etag: Option<&str>,
    ) -> Result<Answer, RestError> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.token));
            let mut key = [0u8; 16];
            getrandom::fill(&mut key).map_err(|e| RestError(e.to_string()))?;
            let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            request = request.header("Idempotency-Key", key);
        }
        if let Some(etag) = etag {
            request = request.header("If-Match", etag);
        }
        answer(path, request.send_json(body)?)
    }
}

impl Answer {
    /// A text of the body.
    pub fn text(&self, name: &str) -> Result<String, RestError> {
        let text = self.body.get(name).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| RestError(format!("the server's answer has no `{name}`")))
    }

    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// The answer, unless it is a problem.
    fn good(self, path: &str) -> Result<Self, RestError> {
        if self.status < 400 {
            return Ok(self);
        }
        Err(RestError(format!("{path} answered {}: {}", self.status, self.body)))
    }
}

fn answer(path: &str, mut response: Response<ureq::Body>) -> Result<Answer, RestError> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|it| it.to_str().ok());
    let etag = header("etag").map(str::to_owned);
    let media_type = header("content-type").unwrap_or_default().to_owned();
    let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
    let text = response.body_mut().read_to_string()?;
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text)
            .map_err(|e| RestError(format!("{path} answered no JSON: {e}")))?,
    };
    Ok(Answer { status, etag, media_type, retry_after, body })
}
