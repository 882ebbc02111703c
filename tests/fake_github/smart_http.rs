//! Repositories by git's smart HTTP: `git http-backend`, run as a web server runs it.

use std::path::Path;
use std::process::Stdio;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Answers a request for `path`, which begins with the slash behind `NAME.git`, out of the bare repository at
/// `directory`, to whoever shows one of `tokens`.
pub async fn serve(directory: &Path, tokens: &[String], path: &str, request: &Parts, body: Bytes) -> Response {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = |token: &String| header("authorization") == basic(token);
    if !tokens.iter().any(is_known) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Basic realm=\"fake\""));
        return response;
    }
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", directory)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("PATH_INFO", path)
        .env("REMOTE_USER", "x-access-token")
        .env("REQUEST_METHOD", request.method.as_str())
        .env("QUERY_STRING", request.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git");
    let mut stdin = backend.stdin.take().expect("a pipe");
    let write = async move {
        // It may have read enough.
        let _ = stdin.write_all(&body).await;
    };
    let (_, output) = tokio::join!(write, backend.wait_with_output());
    answer(&output.expect("an answer").stdout)
}

/// What git sends for a token.
fn basic(token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("x-access-token:{token}")))
}

/// Headers, an empty line, a body: what a CGI program prints.
fn answer(printed: &[u8]) -> Response {
    let end = printed.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
    let mut response = Response::new(Body::from(printed[end + 4..].to_vec()));
    for line in String::from_utf8_lossy(&printed[..end]).lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        if name == "Status" {
            *response.status_mut() = value[..3].parse().expect("a status");
        } else {
            let value = HeaderValue::from_str(value).expect("a value");
            response.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).expect("a name"), value);
        }
    }
    response
}
