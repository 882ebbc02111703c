//! What went wrong with one request.

use std::error::Error;

use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::Redactor;
use octocrab::GitHubError;
use serde_json::Value;

use super::gate::GateError;
use crate::words::tellable;

/// A request that failed, and what that means for the next.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) error: AdapterError,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// Nothing was done, or nobody knows: look before asking again.
    Unknown,
    /// Nothing was done, and nothing may be asked for so long.
    Limited(std::time::Duration),
    /// 404.
    NotFound,
    /// 422, or 409: it is there already, or can't be.
    InTheWay,
    /// It stays so.
    Refused,
}

impl Failure {
    /// What `operation` on `repository` failed with.
    pub(super) fn new(operation: &'static str, repository: &str, error: &octocrab::Error, redactor: &Redactor) -> Self {
        match error {
            octocrab::Error::GitHub { source, .. } => of_status(operation, repository, source, redactor),
            octocrab::Error::Service { source, .. } => match gate_error(&**source) {
                Some(error) => of_gate(operation, repository, error, redactor),
                None => unknown(operation, format!("{repository}: the client broke off")),
            },
            // A good status, and no answer to it.
            octocrab::Error::Json { .. } | octocrab::Error::Serde { .. } => {
                unknown(operation, format!("{repository}: the answer is cut, or is none of GitHub's API"))
            }
            _ => {
                let message = format!("{repository}: the request can't be made");
                Self { class: Class::Refused, error: AdapterError::new(AdapterErrorKind::Refused, operation, message) }
            }
        }
    }
}

fn unknown(operation: &'static str, message: String) -> Failure {
    Failure { class: Class::Unknown, error: AdapterError::new(AdapterErrorKind::Unavailable, operation, message) }
}

/// The gate's own error, below what the layers above it wrap it in.
fn gate_error<'e>(error: &'e (dyn Error + Send + Sync + 'static)) -> Option<&'e GateError> {
    let mut error: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = error {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        error = current.source();
    }
    None
}

fn of_gate(operation: &'static str, repository: &str, error: &GateError, redactor: &Redactor) -> Failure {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    let (class, kind) = match error {
        GateError::Forbidden { .. } => (Class::Refused, AdapterErrorKind::Refused),
        GateError::Limited { pause } => (Class::Limited(*pause), AdapterErrorKind::Unavailable),
        _ => (Class::Unknown, AdapterErrorKind::Unavailable),
    };
    let message = format!("{repository}: {}", tellable(&told, redactor));
    Failure { class, error: AdapterError::new(kind, operation, message) }
}

fn of_status(operation: &'static str, repository: &str, answer: &GitHubError, redactor: &Redactor) -> Failure {
    use AdapterErrorKind::{Refused, Unavailable};
    let status = answer.status_code;
    let is_empty = answer.message.contains("Repository is empty");
    let (class, kind, what) = match status.as_u16() {
        300..=399 => (Class::Refused, Refused, "it has moved, and is not followed; give its new name"),
        401 => (Class::Refused, Refused, "the credentials are wrong, or not valid any more"),
        403 => (Class::Refused, Refused, "the credentials may not do this; see which permissions they need"),
        404 => (Class::NotFound, Refused, "there is none, or the credentials may not see it"),
        409 if is_empty => (Class::Refused, Refused, "it has no commit yet"),
        409 => (Class::InTheWay, Unavailable, "another change is being made"),
        422 => (Class::InTheWay, Refused, "GitHub takes no such thing"),
        408 | 500..=599 => (Class::Unknown, Unavailable, "GitHub has trouble"),
        _ => (Class::Refused, Refused, "GitHub refuses it"),
    };
    let mut said = vec![answer.message.as_str()];
    // What is wrong stands below, in fields or in a text.
    for error in answer.errors.iter().flatten() {
        said.extend(["message", "resource", "field", "code"].iter().filter_map(|key| error.get(key)?.as_str()));
        said.extend(Value::as_str(error));
    }
    let said = tellable(&said.join(" "), redactor);
    let message = format!("{repository}: {}, {what}; it says: {said}", status.as_u16());
    Failure { class, error: AdapterError::new(kind, operation, message) }
}
