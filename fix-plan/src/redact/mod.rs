//! Secrets out of logs, before a log is stored or leaves the process.

mod rules;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use self::rules::{PLACEHOLDERS, SECRET_NAMES, TOKENS, TokenRule};

/// How far from its name a value is looked for, in bytes: a bound on the work of one match.
const REACH_BYTES: usize = 4 * 1024;
/// Shortest exact secret that is masked: shorter ones would be found in innocent words.
const EXACT_BYTES_MIN: usize = 4;

/// Takes secrets out of text: known formats, values of settings with telling names,
/// passwords in URLs, authorization headers, cookies, private keys, and the very
/// secrets that the process itself holds.
///
/// The value goes, and the name stays. What is taken out is replaced by
/// `[redacted NAME]`; text without secrets comes back as it is. Runs in linear time.
///
/// ```
/// use fix_plan::Redactor;
/// let redactor = Redactor::new(["hunter2-of-ours"]);
/// assert_eq!(redactor.redact("PGPASSWORD=xK9fe2Pq psql"), "PGPASSWORD=[redacted password] psql");
/// assert_eq!(redactor.redact("sent hunter2-of-ours"), "sent [redacted secret]");
/// assert_eq!(redactor.redact("password=***"), "password=***");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    exact: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor that knows these values besides the formats: every secret that the
    /// process holds. Values of fewer than 4 bytes are left out.
    #[must_use]
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut values: Vec<String> = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            // A secret of several lines (a key file) is printed line by line.
            for line in secret.lines().chain([secret]) {
                let line = line.trim();
                if line.len() >= EXACT_BYTES_MIN {
                    values.push(line.to_owned());
                    values.push(percent_encoded(line));
                    values.push(line.replace('\\', "\\\\").replace('"', "\\\""));
                }
            }
        }
        values.sort();
        values.dedup();
        if values.is_empty() {
            return Self { exact: None };
        }
        let exact = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values);
        Self { exact: exact.ok() }
    }

    /// The text without its secrets.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.exact {
            None => redact_formats(text),
            Some(exact) => {
                let finds = exact.find_iter(text).map(|found| (found.range(), "secret"));
                match replaced(text, finds) {
                    Cow::Borrowed(text) => redact_formats(text),
                    Cow::Owned(text) => Cow::Owned(redact_formats(&text).into_owned()),
                }
            }
        }
    }
}

/// What a match of the automaton is the beginning of.
#[derive(Clone, Copy)]
enum Trigger {
    Token(&'static TokenRule),
    Name(&'static str),
    Url,
    Authorization,
    Bearer,
    Cookie,
    Key,
    WebToken,
    BotToken,
    DockerLogin,
}

struct Formats {
    automaton: AhoCorasick,
    triggers: Vec<Trigger>,
}

/// One automaton for all beginnings; what follows is looked at where one is found.
static FORMATS: LazyLock<Option<Formats>> = LazyLock::new(|| {
    let mut patterns: Vec<&str> = Vec::new();
    let mut triggers = Vec::new();
    let mut add = |pattern, trigger| {
        patterns.push(pattern);
        triggers.push(trigger);
    };
    for rule in TOKENS {
        add(rule.prefix, Trigger::Token(rule));
    }
    for name in SECRET_NAMES {
        add(name, Trigger::Name(name));
    }
    add("://", Trigger::Url);
    add("authorization:", Trigger::Authorization);
    add("bearer ", Trigger::Bearer);
    add("set-cookie:", Trigger::Cookie);
    add("cookie:", Trigger::Cookie);
    add("-----BEGIN ", Trigger::Key);
    add("eyJ", Trigger::WebToken);
    add(":AA", Trigger::BotToken);
    add("docker login", Trigger::DockerLogin);
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns);
    automaton.ok().map(|automaton| Formats { automaton, triggers })
});

fn redact_formats(text: &str) -> Cow<'_, str> {
    let Some(formats) = FORMATS.as_ref() else {
        // Without patterns nothing can be told apart: nothing is let through.
        return Cow::Owned("[redacted text]".to_owned());
    };
    let mut found: Vec<(Range<usize>, &'static str)> = Vec::new();
    let mut at = 0;
    while let Some(hit) = formats.automaton.find(aho_corasick::Input::new(text).range(at..)) {
        let trigger = formats.triggers.get(hit.pattern().as_usize()).copied();
        let secret = trigger.and_then(|trigger| secret(text, hit.range(), trigger));
        at = match &secret {
            Some((range, _)) => range.end.max(hit.end()),
            // The next beginning may lie inside of this one.
            None => {
                hit.start() + text.get(hit.start()..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            }
        };
        found.extend(secret.filter(|(range, _)| found.last().is_none_or(|(last, _)| last.end <= range.start)));
    }
    replaced(text, found.into_iter())
}

/// The bytes that are secret, and what they are called.
fn secret(text: &str, hit: Range<usize>, trigger: Trigger) -> Option<(Range<usize>, &'static str)> {
    let Range { start, end } = hit;
    match trigger {
        Trigger::Token(rule) => token(text, start, end, rule),
        Trigger::Name(name) => Some((setting(text, start, end)?, name)),
        Trigger::Url => Some((url_password(text, end)?, "password")),
        Trigger::Authorization => Some((authorization(text, end)?, "authorization")),
        Trigger::Bearer => Some((word(text, end, 20)?, "token")),
        Trigger::Cookie => Some((cookie(text, end)?, "cookie")),
        Trigger::Key => Some((private_key(text, end)?, "private key")),
        Trigger::WebToken => web_token(text, start),
        Trigger::BotToken => bot_token(text, start, end),
        Trigger::DockerLogin => {
            let line = reach(text, end, REACH_BYTES).split('\n').next()?;
            let flag = line.find(" -p ").map(|at| at + 4).or_else(|| line.find(" --password ").map(|at| at + 12))?;
            Some((word(text, end + flag, 6)?, "password"))
        }
    }
}

fn token(text: &str, start: usize, end: usize, rule: &TokenRule) -> Option<(Range<usize>, &'static str)> {
    let bytes = text.as_bytes();
    if bytes.get(start..end)? != rule.prefix.as_bytes() || rule.bounded && follows_word(bytes, start) {
        return None;
    }
    let run = run(bytes, end, |byte| rule.alphabet.holds(byte));
    let enough = if rule.alphabet.is_exact() {
        run == rule.least && !precedes_word(bytes, end + run)
    } else {
        run >= rule.least
    };
    enough.then_some((start..end + run, rule.name))
}

/// `name = value`, `"name": "value"`, `--name value`: the value, where it looks like one.
fn setting(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let skip = |at: usize, of: &[u8]| at + run(bytes, at, |byte| of.contains(&byte));
    let after_quote = skip(end, b"\"'\\`");
    let after_blank = skip(after_quote, b" \t");
    let separator = bytes.get(after_blank)?;
    let (mut at, strict) = match separator {
        b'=' => (skip(after_blank, b"=>"), after_blank > after_quote),
        b':' => (after_blank + 1, true),
        _ if after_blank > end && after_quote == end && is_flag(bytes, start) => (after_blank, false),
        _ => return None,
    };
    at = skip(skip(at, b" \t"), b"\"'\\`");
    let value = at..at + run(bytes, at, |byte| !byte.is_ascii_whitespace() && !b"\"'`\\,;&<>()[]{}|".contains(&byte));
    // A call, an index or a place holder is code about a secret, and none.
    if bytes.get(value.end).is_some_and(|byte| b"([{<".contains(byte)) {
        return None;
    }
    is_value(text.get(value.clone())?, strict).then_some(value)
}

/// Whether `--name` stands there, so that a blank separates the value.
fn is_flag(bytes: &[u8], end: usize) -> bool {
    let name = bytes
        .get(..end)
        .unwrap_or_default()
        .iter()
        .rev()
        .take(64)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let name: Vec<&u8> = name.collect();
    name.ends_with(&[&b'-', &b'-'])
}

fn is_value(value: &str, strict: bool) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < if strict { 8 } else { 6 } || bytes.first().is_some_and(|byte| b"*$%.#/@:".contains(byte)) {
        return false;
    }
    if PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.contains("***")
        || value.contains("://")
        || value.contains("${")
    {
        return false;
    }
    // A word of prose or a name of code has letters only; a secret has more than that.
    let has = |of: fn(&u8) -> bool| bytes.iter().any(of);
    let letters_differ = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_name = bytes.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.' | b'-'));
    if is_name && (!letters_differ || strict && bytes.len() < 16 || value.contains(['_', '.'])) {
        return false;
    }
    has(u8::is_ascii_digit) || letters_differ || !is_name
}

/// `//user:password@host`: the password. `//token@host`: a long user name.
fn url_password(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let end = start + run(bytes, start, |byte| !byte.is_ascii_whitespace() && !b"/\"'<>\\`".contains(&byte));
    let at = bytes.get(start..end)?.iter().rposition(|&byte| byte == b'@')?;
    let user_info = bytes.get(start..start + at)?;
    let value = match user_info.iter().position(|&byte| byte == b':') {
        Some(colon) => start + colon + 1..start + at,
        None if user_info.len() >= 20 => start..start + at,
        None => return None,
    };
    let text = text.get(value.clone())?;
    (text.len() >= 3 && !text.starts_with(['$', '*', '{', '[']) && !text.contains("***")).then_some(value)
}

/// `Authorization: Scheme value`: the value.
fn authorization(text: &str, end: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let start = end + run(bytes, end, |byte| matches!(byte, b' ' | b'"' | b'\''));
    let first = start + run(bytes, start, is_of_word);
    let scheme = text.get(start..first)?;
    let schemes = ["basic", "bearer", "token", "digest", "apikey", "negotiate", "aws4-hmac-sha256"];
    if schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let value = first + run(bytes, first, |byte| byte == b' ');
        return word(text, value, 6);
    }
    word(text, start, 8)
}

/// `Cookie: name=value; …`: everything that is long enough to be a session.
fn cookie(text: &str, end: usize) -> Option<Range<usize>> {
    let line = reach(text, end, REACH_BYTES).split('\n').next()?;
    let mut at = end;
    for part in line.split(';') {
        let value = part.find('=').map(|equals| at + equals + 1..at + part.len());
        if let Some(value) = value.filter(|value| value.len() >= 16) {
            let value = value.start
                ..value.start + run(text.as_bytes(), value.start, |byte| !matches!(byte, b';' | b' ' | b'"' | b'\n'));
            return Some(value).filter(|value| value.len() >= 16);
        }
        at += part.len() + 1;
    }
    None
}

/// The body of a key between its armour lines, whatever stands at the start of each line.
fn private_key(text: &str, end: usize) -> Option<Range<usize>> {
    let header = reach(text, end, REACH_BYTES).split("-----").next()?;
    if header.len() > 64 || !header.ends_with("PRIVATE KEY") && !header.ends_with("PRIVATE KEY BLOCK") {
        return None;
    }
    let start = end + header.len() + "-----".len();
    // No key is longer; and many beginnings without an end must not cost a scan of the text each.
    let rest = reach(text, start, 4 * REACH_BYTES);
    let body = match rest.find("-----END ") {
        Some(armour) => rest.get(..armour)?,
        // Cut short: as far as lines look like a key.
        None => rest,
    };
    let mut length = 0;
    for line in body.split_inclusive('\n') {
        let of_key = line
            .trim_end()
            .rsplit(' ')
            .next()
            .is_some_and(|word| word.bytes().all(|byte| rules::Alphabet::Base64.holds(byte) || byte == b'\\'));
        if !of_key && !line.contains(':') {
            break;
        }
        length += line.len();
    }
    let body = rest.get(..length)?.trim_end();
    (!body.trim().is_empty()).then(|| start..start + body.len())
}

/// A JSON web token: two dots, and an object at each end of the first.
fn web_token(text: &str, start: usize) -> Option<(Range<usize>, &'static str)> {
    let length = run(text.as_bytes(), start, |byte| rules::Alphabet::UrlDotted.holds(byte));
    let token = text.get(start..start + length)?.trim_end_matches('.');
    let mut parts = token.split('.');
    let header = parts.next()?;
    let payload = parts.next()?;
    (header.len() >= 16 && payload.len() >= 8).then(|| (start..start + token.len(), "json web token"))
}

/// A Telegram bot: its number, a colon, and 35 characters that begin with `AA`.
fn bot_token(text: &str, start: usize, end: usize) -> Option<(Range<usize>, &'static str)> {
    let bytes = text.as_bytes();
    let digits = bytes.get(..start)?.iter().rev().take(16).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = run(bytes, end, |byte| rules::Alphabet::Url.holds(byte));
    ((6..=12).contains(&digits) && (30..=40).contains(&rest)).then(|| (start - digits..end + rest, "bot token"))
}

/// The word at `start`, when it has at least `least` bytes and is no place holder.
fn word(text: &str, start: usize, least: usize) -> Option<Range<usize>> {
    let end = start + run(text.as_bytes(), start, is_of_word);
    let value = text.get(start..end)?;
    (value.len() >= least && !value.starts_with(['*', '$', '[', '<', '{']) && !value.contains("***"))
        .then_some(start..end)
}

fn is_of_word(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"\"'`,;\\".contains(&byte)
}

/// How many bytes from `at` on are `of` a kind, within reach.
fn run(bytes: &[u8], at: usize, of: impl Fn(u8) -> bool) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take(REACH_BYTES).take_while(|&&byte| of(byte)).count()
}

/// At most so many bytes of the text, from `at` on.
fn reach(text: &str, at: usize, bytes: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let end = (0..=bytes.min(rest.len())).rev().find(|&end| rest.is_char_boundary(end));
    rest.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Whether a letter or digit stands before `at` that is not the end of an escape: `\n`, or a colour.
fn follows_word(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    match before {
        [.., b'\\', b'n' | b'r' | b't'] => false,
        [head @ .., b'm'] => {
            let mut code = head.iter().rev().take(16).skip_while(|byte| byte.is_ascii_digit() || **byte == b';');
            code.next() != Some(&b'[')
        }
        [.., last] => last.is_ascii_alphanumeric(),
        [] => false,
    }
}

fn precedes_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `text` with each range replaced by what it is called; the ranges ascend.
fn replaced<'t>(text: &'t str, finds: impl Iterator<Item = (Range<usize>, &'static str)>) -> Cow<'t, str> {
    let mut result = String::new();
    let mut at = 0;
    for (range, name) in finds {
        result.push_str(text.get(at..range.start).unwrap_or_default());
        result.push_str("[redacted ");
        result.push_str(name);
        result.push(']');
        at = range.end;
    }
    if at == 0 {
        return Cow::Borrowed(text);
    }
    result.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str) -> String {
        Redactor::default().redact(text).into_owned()
    }

    #[test]
    fn values_go_and_names_stay() {
        for (text, expected) in [
            ("api_key = \"a1b2c3d4e5f6\"", "api_key = \"[redacted api_key]\""),
            ("{\\\"password\\\": \\\"p4ssw0rd!x\\\"}", "{\\\"password\\\": \\\"[redacted password]\\\"}"),
            ("https://ci:s3cr3t@host/x", "https://ci:[redacted password]@host/x"),
            ("Authorization: Basic Y2k6cE1M", "Authorization: Basic [redacted authorization]"),
            ("tool --token abc123def456 run", "tool --token [redacted token] run"),
            ("docker login -u ci -p 1EOPUjeP reg", "docker login -u ci -p [redacted password] reg"),
        ] {
            assert_eq!(redact(text), expected);
        }
        let key = "x -----BEGIN RSA PRIVATE KEY-----\nMIIEow\nQUJD\n-----END RSA PRIVATE KEY----- y";
        assert_eq!(
            redact(key),
            "x -----BEGIN RSA PRIVATE KEY-----[redacted private key]\n-----END RSA PRIVATE KEY----- y"
        );
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "password=***",
            "PASSWORD=$PASSWORD",
            "token: ${{ secrets.TOKEN }}",
            "password = os.environ[\"X\"]",
            "def login(user, password=None, token=token):",
            "tests/test_password_reset.py::test_reset PASSED",
            "the token: expected an identifier",
            "https://example.org/a:b@c",
            "git@github.com:o/r.git",
            "sha256:27a4b320db93753a9aaf4554181d1d7dfb254b23b1f0a27f7ea01813467285ef",
            "sk-test-placeholder",
            "SKIPPED [1] tests/test_a.py",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn redacting_twice_changes_nothing() {
        for text in ["PASSWORD=abc123def", "Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "https://a:bcd1@h"] {
            let once = redact(text);
            assert_eq!(redact(&once), once);
        }
    }

    #[test]
    fn our_own_secrets_go_in_every_spelling() {
        let redactor = Redactor::new(["p@ss word/1", "ab"]);
        for text in ["x p@ss word/1 y", "x p%40ss%20word%2F1 y"] {
            assert_eq!(redactor.redact(text), "x [redacted secret] y");
        }
        assert_eq!(redactor.redact("abc"), "abc", "too short to be told from a word");
    }
}
