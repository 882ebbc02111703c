//! What a server says besides its answer.

use std::time::{Duration, SystemTime};

use fix_plan::Redactor;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Most that is told of a complaint, in characters.
const COMPLAINT_CHARS_MAX: usize = 300;

/// What a stranger says, on one line: no secrets, no control characters, no end.
pub(crate) fn tellable(text: &str, redactor: &Redactor) -> String {
    let text = redactor.redact(text);
    let mut told: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(COMPLAINT_CHARS_MAX).collect();
    if text.chars().nth(COMPLAINT_CHARS_MAX).is_some() {
        told.push('…');
    }
    told
}

/// How long the server wants to be left alone: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
