//! GitHub's limits: when it wants to be left alone, and for how long.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::words::retry_after;

/// The pause after a limit that names none; it doubles with each that follows.
const PAUSE: Duration = Duration::from_secs(60);
/// No pause is longer; a number in a header can't stop the sink for good.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Remembers, for all requests of a sink, until when GitHub wants to be left alone.
///
/// Asking all the same is what GitHub bans integrations for.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    /// Limits without a pause of their own, since the last answer.
    unnamed: u32,
}

impl Pace {
    /// How long nothing may be sent.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let left = self.state().until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Takes notice of an answer. `Some` is the pause of one that was refused for a limit.
    pub(super) fn notice(
        &self,
        now: Instant,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Duration> {
        let mut state = self.state();
        let (pause, is_hit) = match limit(status, headers, body) {
            Limit::None => {
                state.unnamed = 0;
                return None;
            }
            Limit::Ahead(pause) => (pause, false),
            Limit::Hit(Some(pause)) => (pause, true),
            Limit::Hit(None) => {
                state.unnamed = (state.unnamed + 1).min(8);
                (PAUSE * 2_u32.pow(state.unnamed - 1), true)
            }
        };
        let pause = pause.min(PAUSE_MAX);
        state.until = Some(now + pause).max(state.until);
        is_hit.then_some(pause)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Limit {
    None,
    /// The next request would be refused; this one was not, or nobody knows.
    Ahead(Duration),
    /// The request was refused, and nothing was done.
    Hit(Option<Duration>),
}

/// `retry-after`, then the reset of the budget, then nothing: as GitHub's documentation has it.
fn limit(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Limit {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let reset = || {
        let at = UNIX_EPOCH + Duration::from_secs(number("x-ratelimit-reset")?.min(u64::from(u32::MAX)));
        Some(at.duration_since(SystemTime::now()).unwrap_or_default())
    };
    let used_up = number("x-ratelimit-remaining") == Some(0);
    if status.is_success() {
        return if used_up { reset().map_or(Limit::None, Limit::Ahead) } else { Limit::None };
    }
    let pause = retry_after(headers);
    match status.as_u16() {
        429 => Limit::Hit(pause.or_else(|| reset().filter(|_| used_up))),
        403 if pause.is_some() => Limit::Hit(pause),
        403 if used_up => Limit::Hit(reset()),
        // What is called the secondary limit has no headers at times.
        403 if String::from_utf8_lossy(body).to_lowercase().contains("rate limit") => Limit::Hit(None),
        500..=599 => pause.map_or(Limit::None, Limit::Ahead),
        _ => Limit::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn of(status: u16, pairs: &[(&'static str, &str)], body: &str) -> Limit {
        limit(StatusCode::from_u16(status).unwrap(), &headers(pairs), body.as_bytes())
    }

    #[test]
    fn a_limit_is_told_from_a_refusal() {
        let seconds = |count| Some(Duration::from_secs(count));
        assert_eq!(of(403, &[], r#"{"message": "Resource not accessible by integration"}"#), Limit::None);
        assert_eq!(of(403, &[], "You have exceeded a secondary rate limit"), Limit::Hit(None));
        assert_eq!(of(403, &[("retry-after", "7")], ""), Limit::Hit(seconds(7)));
        assert_eq!(of(429, &[("retry-after", "7"), ("x-ratelimit-remaining", "0")], ""), Limit::Hit(seconds(7)));
        assert_eq!(of(429, &[], ""), Limit::Hit(None));
        assert_eq!(of(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], ""), Limit::Hit(seconds(0)));
        assert_eq!(of(503, &[("retry-after", "7")], ""), Limit::Ahead(Duration::from_secs(7)));
        assert_eq!(of(500, &[], ""), Limit::None);
        assert_eq!(of(200, &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "9999999999")], ""), Limit::None);
        let far = of(200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9999999999")], "");
        assert!(matches!(far, Limit::Ahead(pause) if pause > PAUSE_MAX), "{far:?}");
    }

    #[test]
    fn pauses_double_end_and_are_never_longer_than_an_hour() {
        let pace = Pace::default();
        let now = Instant::now();
        let hit = |headers: &HeaderMap| pace.notice(now, StatusCode::TOO_MANY_REQUESTS, headers, b"");
        assert_eq!(pace.pause(now), None);
        assert_eq!(hit(&headers(&[])), Some(PAUSE));
        assert_eq!(hit(&headers(&[])), Some(2 * PAUSE));
        assert_eq!(pace.pause(now), Some(2 * PAUSE));
        assert_eq!(pace.pause(now + 2 * PAUSE), None);
        assert_eq!(pace.notice(now, StatusCode::OK, &headers(&[]), b""), None);
        assert_eq!(hit(&headers(&[])), Some(PAUSE));
        // A shorter pause does not end a longer one.
        assert_eq!(pace.pause(now), Some(2 * PAUSE));
        assert_eq!(hit(&headers(&[("retry-after", "99999999999999999")])), Some(PAUSE_MAX));
        assert_eq!(pace.pause(now), Some(PAUSE_MAX));
    }

    #[test]
    fn what_is_no_refusal_is_only_waited_for() {
        // A server in trouble may have done it all the same.
        let trouble = (StatusCode::SERVICE_UNAVAILABLE, headers(&[("retry-after", "7")]));
        // The budget is spent with a good answer.
        let spent = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9999999999")]);
        for ((status, headers), pause) in [(trouble, Duration::from_secs(7)), ((StatusCode::OK, spent), PAUSE_MAX)] {
            let (pace, now) = (Pace::default(), Instant::now());
            assert_eq!(pace.notice(now, status, &headers, b""), None);
            assert_eq!(pace.pause(now), Some(pause));
        }
    }
}
