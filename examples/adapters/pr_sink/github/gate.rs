//! The one door to GitHub. What is not on the list is never sent, whoever asks for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use octocrab::OctoBody;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Method, Url};

use super::rate::Pace;
use super::repository::{ApiUrl, RepositoryName};

/// All that the sink does in its repository: it reads, and it makes new things.
///
/// Nothing here changes, moves, deletes or merges anything, and no method but these two exists. `*` is one
/// component, `**` the rest.
const ALLOWED: [(Method, &str); 11] = [
    (Method::GET, "pulls"),
    (Method::POST, "pulls"),
    (Method::GET, "git/ref/heads/**"),
    (Method::GET, "git/commits/*"),
    (Method::POST, "git/blobs"),
    (Method::POST, "git/trees"),
    (Method::POST, "git/commits"),
    (Method::POST, "git/refs"),
    (Method::GET, "labels/*"),
    (Method::POST, "labels"),
    (Method::POST, "issues/*/labels"),
];

/// Sends what is allowed, within the limits, and gives the answer whole.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) client: reqwest::Client,
    pub(super) url: ApiUrl,
    pub(super) repository: RepositoryName,
    /// The installation whose tokens may be asked for, with an App.
    pub(super) installation: Option<u64>,
    pub(super) pace: Arc<Pace>,
    pub(super) request_time: Duration,
    pub(super) answer_bytes: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum GateError {
    #[error("{method} {route} is not on the list of what may be sent")]
    Forbidden { method: Method, route: String },
    #[error("GitHub wants to be left alone for {} s", pause.as_millis().div_ceil(1000))]
    Limited { pause: Duration },
    #[error("GitHub can't be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the connection broke off")]
    BrokenOff(#[source] reqwest::Error),
    #[error("there was no answer within {limit:?}")]
    TooSlow { limit: Duration },
    #[error("the answer is longer than {limit} bytes")]
    TooLong { limit: usize },
}

impl Gate {
    /// Whether a request may be sent: by its URL as it would be sent, after all escapes and dots.
    fn allows(&self, method: &Method, url: &Url) -> bool {
        let Some(route) = self.url.route(url) else { return false };
        let escaped = route.to_ascii_lowercase();
        // A server may read these as `/`, `.` and `\`.
        if ["%2f", "%2e", "%5c"].iter().any(|escape| escaped.contains(escape)) {
            return false;
        }
        let token = |installation| format!("/app/installations/{installation}/access_tokens");
        if method == Method::POST && self.installation.is_some_and(|installation| route == token(installation)) {
            return url.query().is_none();
        }
        let Some(rest) = route.strip_prefix(&format!("/repos/{}/", self.repository)) else { return false };
        // Only lists are asked questions.
        let query_fits = url.query().is_none() || method == Method::GET && rest == "pulls";
        query_fits && ALLOWED.iter().any(|(allowed, template)| allowed == method && fits(template, rest))
    }

    async fn send(self, request: http::Request<OctoBody>) -> Result<http::Response<OctoBody>, GateError> {
        let (parts, body) = request.into_parts();
        let route = parts.uri.path_and_query().map_or("", |route| route.as_str());
        let url = self.url.join(route);
        if parts.uri.authority().is_some() || !self.allows(&parts.method, &url) {
            return Err(GateError::Forbidden { method: parts.method, route: parts.uri.path().to_owned() });
        }
        if let Some(pause) = self.pace.pause(Instant::now()) {
            return Err(GateError::Limited { pause });
        }
        // Made by octocrab from a string; it does not fail.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let request = self.client.request(parts.method, url).headers(with_defaults(parts.headers)).body(body);
        let exchange = tokio::time::timeout(self.request_time, exchange(request, self.answer_bytes)).await;
        let (status, headers, body) = exchange.map_err(|_| GateError::TooSlow { limit: self.request_time })??;
        if let Some(pause) = self.pace.notice(Instant::now(), status, &headers, &body) {
            return Err(GateError::Limited { pause });
        }
        let mut response = http::Response::new(OctoBody::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl tower_service::Service<http::Request<OctoBody>> for Gate {
    type Response = http::Response<OctoBody>;
    type Error = GateError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, GateError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GateError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<OctoBody>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

/// Sends, and reads the answer up to its limit.
async fn exchange(
    request: reqwest::RequestBuilder,
    bytes_max: usize,
) -> Result<(reqwest::StatusCode, HeaderMap, Vec<u8>), GateError> {
    let sent = request.send().await.map_err(reqwest::Error::without_url);
    let mut response = sent.map_err(|error| match error.is_connect() || error.is_builder() {
        true => GateError::Unreachable(error),
        false => GateError::BrokenOff(error),
    })?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| GateError::BrokenOff(error.without_url()))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(GateError::TooLong { limit: bytes_max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), std::mem::take(response.headers_mut()), body))
}

fn with_defaults(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("fix/", env!("CARGO_PKG_VERSION"))));
    headers
}

fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for wanted in template.split('/') {
        let fits = match (wanted, parts.next()) {
            (_, None | Some("")) => false,
            ("**", Some(_)) => return parts.all(|part| !part.is_empty()),
            ("*", Some(_)) => true,
            (wanted, Some(part)) => wanted == part,
        };
        if !fits {
            return false;
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use tower_service::Service as _;

    use super::*;

    fn gate(url: &str) -> Gate {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Gate {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: url.parse().unwrap(),
            repository: "octo/app".parse().unwrap(),
            installation: Some(42),
            pace: Arc::default(),
            request_time: Duration::from_secs(5),
            answer_bytes: 1_000,
        }
    }

    fn allows(method: &str, route: &str) -> bool {
        let gate = gate("http://127.0.0.1:1/api/v3");
        gate.allows(&method.parse().unwrap(), &gate.url.join(route))
    }

    #[test]
    fn only_what_the_sink_does_is_let_through() {
        for (method, route) in [
            ("GET", "/repos/octo/app/pulls?state=all&head=octo%3Afix"),
            ("POST", "/repos/octo/app/pulls"),
            ("GET", "/repos/octo/app/git/ref/heads/release/1.x"),
            ("GET", "/repos/octo/app/git/ref/heads/a%23b%25"),
            ("POST", "/repos/octo/app/git/refs"),
            ("POST", "/repos/octo/app/issues/7/labels"),
            ("POST", "/app/installations/42/access_tokens"),
        ] {
            assert!(allows(method, route), "{method} {route}");
        }
        for (method, route) in [
            // What merges, moves, changes, deletes.
            ("PUT", "/repos/octo/app/pulls/1/merge"),
            ("POST", "/repos/octo/app/merges"),
            ("POST", "/repos/octo/app/merge-upstream"),
            ("PUT", "/repos/octo/app/pulls/1/update-branch"),
            ("POST", "/repos/octo/app/pulls/1/reviews"),
            ("PATCH", "/repos/octo/app/pulls/1"),
            ("PATCH", "/repos/octo/app/git/refs/heads/main"),
            ("DELETE", "/repos/octo/app/git/refs/heads/main"),
            ("PUT", "/repos/octo/app/contents/a.py"),
            ("DELETE", "/repos/octo/app"),
            ("PUT", "/repos/octo/app/issues/7/labels"),
            ("POST", "/graphql"),
            ("HEAD", "/repos/octo/app/pulls"),
            // Elsewhere.
            ("POST", "/repos/octo/other/pulls"),
            ("POST", "/repos/octo/app2/pulls"),
            ("GET", "/user"),
            ("POST", "/app/installations/43/access_tokens"),
            ("GET", "/app/installations/42/access_tokens"),
            // The same by another name.
            ("POST", "/repos/octo/app/git/../merges"),
            ("POST", "/repos/octo/app/issues/7/../../../other/issues/7/labels"),
            ("POST", "/repos/octo/app/issues/7%2f..%2f..%2fmerges%3f/labels"),
            ("POST", "/repos/octo/app/labels/%2e%2e/merges"),
            ("POST", "/repos/octo/app/issues/7%5C8/labels"),
            ("GET", "/repos/octo/app/git/ref/heads/../../../merges"),
            ("GET", "/repos/octo/app/git/ref/heads/a//b"),
            ("GET", "/repos/octo/app/git/ref/heads/"),
            ("GET", "/repos/octo/app/git/ref/tags/v1"),
            ("POST", "/repos/octo/app/pulls?x=y"),
            ("GET", "/repos/octo/app/labels/x?y"),
            ("POST", "/repos/octo/app/pulls/"),
            ("POST", "//repos/octo/app/pulls"),
        ] {
            assert!(!allows(method, route), "{method} {route}");
        }
    }

    /// Of all that GitHub describes, this and no more.
    #[test]
    fn the_list_is_this_part_of_the_api() {
        let Some(corpus) = std::env::var_os("FIX_CORPUS_DIR") else {
            eprintln!("skipped: FIX_CORPUS_DIR is not set, so there is no description of GitHub's API");
            return;
        };
        let text = std::fs::read(std::path::Path::new(&corpus).join("github/openapi-subset.json")).unwrap();
        let api: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let mut allowed = Vec::new();
        for (path, operations) in api["rest"]["paths"].as_object().unwrap() {
            let route = path.replace("{owner}", "octo").replace("{repo}", "app").replace("{installation_id}", "42");
            let route = route.replace("{ref}", "heads/main").replace(['{', '}'], "");
            for method in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                if allows(&method.to_uppercase(), &route) {
                    allowed.push(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        assert_eq!(allowed.len(), ALLOWED.len() + 1, "{allowed:#?}");
        assert!(!allowed.iter().any(|operation| operation.contains("merge")));
    }

    /// Where octocrab asks for it: nobody listens there, so that sending would be another error.
    #[tokio::test]
    async fn what_is_not_let_through_is_not_sent() {
        let mut gate = gate("http://127.0.0.1:1");
        for (method, uri) in [
            ("PUT", "/repos/octo/app/pulls/1/merge"),
            // An absolute one would go elsewhere, credentials and all.
            ("GET", "http://127.0.0.1:1/repos/octo/app/pulls"),
            ("GET", "https://elsewhere.example/repos/octo/app/pulls"),
        ] {
            let request = http::Request::builder().method(method).uri(uri).body(OctoBody::empty()).unwrap();
            let error = gate.call(request).await.unwrap_err();
            assert!(matches!(error, GateError::Forbidden { .. }), "{error}");
        }
        let request = http::Request::builder().uri("/repos/octo/app/pulls").body(OctoBody::empty()).unwrap();
        assert!(matches!(gate.call(request).await.unwrap_err(), GateError::Unreachable(_)));
    }
}
