//! The client: one request, and the answer as it streams in.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::schema::Dialect;
use fix_plan::{Prompt, Redactor};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use serde_json::value::RawValue;

use super::api::{Api, EventError, Progress, Question, complaint, complaint_class};
use super::chat::{Answer, ChatModel, ModelError, Piece, Retry};
use super::endpoint::Endpoint;
use super::frames::{Frame, FrameError, Frames};
use crate::words::{retry_after, tellable};

/// Most that is read of the body of an error, in bytes, and how long that may take.
const ERROR_BYTES_MAX: usize = 16 * 1024;
/// Most that is read of a list of models, in bytes.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
const ERROR_TIME_MAX: Duration = Duration::from_secs(2);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

const ASK: &str = "ask the model";
const READ: &str = "read the model's answer";

/// A model behind HTTP.
///
/// Redirects are not followed, so that key and prompt go nowhere else; bodies are not decompressed;
/// proxies are taken from the environment (`HTTPS_PROXY`), but never to this machine.
#[derive(Clone)]
pub struct HttpModel {
    api: Api,
    model: String,
    name: String,
    endpoint: Endpoint,
    sampling: Sampling,
    headers: HeaderMap,
    client: reqwest::Client,
    /// Takes the key, and what looks like one, out of what a server says.
    redactor: Redactor,
}

/// How a model chooses its words.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sampling {
    /// 0 for the likeliest words, the same each time as far as the server can. Some models refuse any; `None` sends none.
    pub temperature: Option<f64>,
    /// Where chance begins, for servers that know it (all but Anthropic's).
    pub seed: Option<u32>,
    /// Longest answer, in tokens.
    pub output_tokens: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: Some(0.0), seed: Some(1), output_tokens: 4_096 }
    }
}

impl HttpModel {
    /// The model `model` of the server at `endpoint`.
    ///
    /// # Errors
    /// When the key can't stand in a header, or the system has no usable certificates.
    pub fn new(api: Api, model: impl Into<String>, endpoint: Endpoint) -> Result<Self, ModelError> {
        let model = model.into();
        // Another provider may be installed already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .user_agent(concat!("fix/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIME_MAX);
        if endpoint.is_loopback() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            ModelError::permanent("set up the HTTP client", "TLS or its certificates can't be used").with_source(error)
        })?;
        let redactor = Redactor::new(endpoint.key().map(|key| key.expose_secret()));
        let headers = headers(api, &endpoint)?;
        let name = format!("{api}:{model}");
        Ok(Self { api, model, name, endpoint, sampling: Sampling::default(), headers, client, redactor })
    }

    /// The same, choosing its words so.
    #[must_use]
    pub fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Asks for the list of models, which costs nothing: whether the server is there, takes the key, and has
    /// the model. Not every server has a list.
    ///
    /// # Errors
    /// When the server can't be reached, refuses the key, or lists other models only.
    pub async fn reach(&self) -> Result<String, AdapterError> {
        const REACH: &str = "reach the model";
        let failed = |message: String| AdapterError::new(AdapterErrorKind::Refused, REACH, message);
        let request = self.client.get(self.endpoint.join(self.api.list_path())).headers(self.headers.clone());
        let asked = async {
            let response = request.send().await.map_err(|error| {
                let message = format!("{} at {} can't be reached", self.name, self.endpoint.host());
                AdapterError::new(AdapterErrorKind::Unavailable, REACH, message).with_source(error.without_url())
            })?;
            match response.status() {
                StatusCode::OK => Ok(Some(json_body(response, LIST_BYTES_MAX).await)),
                // Some servers list nothing.
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
                _ => Err(self.refused(response).await.error),
            }
        };
        let Ok(list) = tokio::time::timeout(CONNECT_TIME_MAX, asked).await else {
            return Err(failed(format!("{} says nothing for {} s", self.name, CONNECT_TIME_MAX.as_secs())));
        };
        let list = list?.unwrap_or_default();
        let Some(listed) = self.api.listed(&list) else {
            return Ok(format!("{}; the server lists no models", self.name));
        };
        // Ollama's names have a tag, which is `latest` when none is given.
        let latest = format!("{}:latest", self.model);
        if listed.iter().any(|name| *name == self.model || *name == latest) {
            return Ok(self.name.clone());
        }
        let some: Vec<String> = listed.iter().take(10).map(|name| tellable(name, &self.redactor)).collect();
        Err(failed(format!("the server has no model {:?}; it has {}", self.model, some.join(", "))))
    }

    async fn refused(&self, response: Response) -> ModelError {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = tokio::time::timeout(ERROR_TIME_MAX, json_body(response, ERROR_BYTES_MAX)).await.unwrap_or_default();
        let said = match complaint(&body) {
            Some(words) => format!("; it says: {}", tellable(words, &self.redactor)),
            None => String::new(),
        };
        let name = &self.name;
        let permanent = |what: &str| ModelError::permanent(ASK, format!("{name}: {status}, {what}{said}"));
        match status.as_u16() {
            300..=399 => {
                let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
                let to = tellable(to, &self.redactor);
                permanent(&format!("a redirect to {to}, which is not followed; give the final URL"))
            }
            401 | 403 => permanent("the key is missing, wrong, or not allowed to use this model"),
            404 => permanent("there is no such model, or the URL is not the base of this API"),
            429 if complaint_class(&body) == Some("insufficient_quota") => permanent("the account is used up"),
            408 | 425 | 429 | 500 | 502..=504 | 520..=599 => {
                let retry = retry_after(&headers).map_or(Retry::Soon, Retry::After);
                let wait = match retry {
                    Retry::After(wait) => format!(", to be asked again in {} s", wait.as_secs()),
                    _ => String::new(),
                };
                ModelError::transient(ASK, format!("{name}: {status}{wait}{said}")).with_retry(retry)
            }
            _ => permanent("the server refuses the request"),
        }
    }
}

/// Without the redactor, whose automaton spells the key.
impl fmt::Debug for HttpModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpModel")
            .field("name", &self.name)
            .field("endpoint", &self.endpoint)
            .field("sampling", &self.sampling)
            .finish_non_exhaustive()
    }
}

impl ChatModel for HttpModel {
    type Answer = HttpAnswer;

    fn name(&self) -> &str {
        &self.name
    }

    fn dialect(&self) -> Dialect {
        self.api.dialect()
    }

    async fn ask(&self, prompt: &Prompt, schema: &RawValue) -> Result<HttpAnswer, ModelError> {
        let is_openai = self.endpoint.host() == "api.openai.com";
        let question = Question { model: &self.model, prompt, schema, sampling: &self.sampling, is_openai };
        let request = self.client.post(self.endpoint.join(self.api.path())).headers(self.headers.clone());
        let sent = request.body(self.api.body(&question)).send().await;
        let response = sent.map_err(|error| {
            let problem = if error.is_connect() { "can't be reached" } else { "broke the connection off" };
            let message = format!("{} at {} {problem}", self.name, self.endpoint.host());
            let failed = if error.is_builder() { ModelError::permanent } else { ModelError::transient };
            failed(ASK, message).with_source(error.without_url())
        })?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(response).await);
        }
        let expected = self.api.framing().media_type();
        let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
        if !found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected) {
            let message = format!(
                "{} answers with the media type {:?} instead of {expected}; is the URL the base of an API like that of {}?",
                self.name,
                tellable(found, &self.redactor),
                self.api
            );
            return Err(ModelError::permanent(ASK, message));
        }
        Ok(HttpAnswer {
            api: self.api,
            name: self.name.clone(),
            response: Some(response),
            frames: Frames::new(self.api.framing()),
            pieces: VecDeque::new(),
            redactor: self.redactor.clone(),
        })
    }
}

/// An answer that is streaming in.
pub struct HttpAnswer {
    api: Api,
    name: String,
    /// Gone when the last event is read: what a server sends behind it is nobody's business.
    response: Option<Response>,
    frames: Frames,
    pieces: VecDeque<Piece>,
    redactor: Redactor,
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Answer for HttpAnswer {
    async fn next(&mut self) -> Result<Option<Piece>, ModelError> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            let Some(response) = &mut self.response else { return Ok(None) };
            match self.frames.next().map_err(|error| no_stream(&self.name, error))? {
                Some(Frame::Comment) => return Ok(Some(Piece::Alive)),
                Some(Frame::Data(event)) => self.read(&event)?,
                None => match response.chunk().await {
                    Ok(Some(bytes)) => self.frames.push(&bytes).map_err(|error| no_stream(&self.name, error))?,
                    Ok(None) => self.response = None,
                    Err(error) => {
                        let message = format!("{} broke the connection off", self.name);
                        return Err(ModelError::transient(READ, message).with_source(error.without_url()));
                    }
                },
            }
        }
    }
}

impl HttpAnswer {
    fn read(&mut self, event: &str) -> Result<(), ModelError> {
        let mut pieces = Vec::new();
        let progress = self.api.read(event, &mut pieces).map_err(|error| match error {
            EventError::Protocol(problem) => {
                let problem = tellable(&problem, &self.redactor);
                ModelError::permanent(
                    READ,
                    format!("{} does not speak the protocol of {}: {problem}", self.name, self.api),
                )
            }
            EventError::Server { message, is_transient } => {
                let failed = if is_transient { ModelError::transient } else { ModelError::permanent };
                failed(READ, format!("{} gave up; it says: {}", self.name, tellable(&message, &self.redactor)))
            }
        })?;
        self.pieces.extend(pieces);
        if progress == Progress::Last {
            self.response = None;
        }
        Ok(())
    }
}

fn no_stream(name: &str, error: FrameError) -> ModelError {
    ModelError::permanent(READ, format!("what {name} sends is no answer")).with_source(error)
}

fn headers(api: Api, endpoint: &Endpoint) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static(api.framing().media_type()));
    for (name, value) in api.headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(key) = endpoint.key() {
        let (name, before) = api.key_header();
        let value = HeaderValue::from_str(&format!("{before}{}", key.expose_secret()));
        // The error of the header must not be told: it may show the value.
        let mut value =
            value.map_err(|_| ModelError::permanent(ASK, "the key holds characters that can't stand in a header"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The first part of an error's body, as JSON or as a string.
async fn json_body(mut response: Response, bytes_max: usize) -> Value {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() > bytes_max {
            return Value::Null;
        }
    }
    serde_json::from_slice(&body).unwrap_or_default()
}
