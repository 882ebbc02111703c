//! What secrets begin with, and where they end.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::Find;
use super::command::{self, Command};
use super::key::private_key;
use super::rules::{Alphabet, COMMANDS, SECRET_NAMES, SecretName, TOKENS, TokenRule};
use super::scan::Scan;
use super::setting::{is_plausible, is_reference, setting};

/// What a match of the automaton is the beginning of.
#[derive(Clone, Copy)]
enum Trigger {
    Token(&'static TokenRule),
    Name(&'static SecretName),
    Command(Command),
    Url,
    Authorization,
    Bearer,
    Cookies,
    SetCookie,
    Key,
    WebToken,
    BotToken,
    RegistryAuth,
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
        add(name.name, Trigger::Name(name));
    }
    for &(name, command) in COMMANDS {
        add(name, Trigger::Command(command));
    }
    add("://", Trigger::Url);
    add("authorization", Trigger::Authorization);
    add("bearer ", Trigger::Bearer);
    add("set-cookie", Trigger::SetCookie);
    add("cookie", Trigger::Cookies);
    add("-----BEGIN ", Trigger::Key);
    add("eyJ", Trigger::WebToken);
    add(":AA", Trigger::BotToken);
    add("\"auth", Trigger::RegistryAuth);
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns);
    automaton.ok().map(|automaton| Formats { automaton, triggers })
});

/// Adds the secrets of `text`; false when there are no patterns to find them with.
pub(super) fn find(text: &str, finds: &mut Vec<Find>) -> bool {
    let Some(formats) = FORMATS.as_ref() else { return false };
    let mut scan = Scan::new(text);
    let mut at = 0;
    while let Some(hit) = formats.automaton.find(Input::new(text).range(at..)) {
        let Some(&trigger) = formats.triggers.get(hit.pattern().as_usize()) else { return false };
        let found = finds.len();
        let secret = secret(&mut scan, hit.range(), trigger, finds);
        finds.extend(secret.clone());
        at = match secret {
            Some((range, _)) => range.end.max(hit.end()),
            None if finds.len() > found => hit.end(),
            // The next beginning may lie inside of this one.
            None => {
                hit.start() + text.get(hit.start()..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            }
        };
    }
    true
}

/// The secret behind a beginning. Those that have others between them and their beginning are
/// added to `finds`.
fn secret(scan: &mut Scan<'_>, hit: Range<usize>, trigger: Trigger, finds: &mut Vec<Find>) -> Option<Find> {
    let Range { start, end } = hit;
    match trigger {
        Trigger::Token(rule) => token(scan, start, end, rule),
        Trigger::Name(name) => Some((setting(scan, name, start, end)?, name.name)),
        Trigger::Command(command) => {
            command::passwords(scan, command, start, end, finds);
            None
        }
        Trigger::Url => Some((url_password(scan, end)?, "password")),
        Trigger::Authorization => Some((authorization(scan, end)?, "authorization")),
        Trigger::Bearer => Some((credential(scan, end, 20)?, "token")),
        Trigger::Cookies => Some((cookies(scan, end, usize::MAX, finds)?, "cookie")),
        Trigger::SetCookie => Some((cookies(scan, end, 1, finds)?, "cookie")),
        Trigger::Key => Some((private_key(scan, end)?, "private key")),
        Trigger::WebToken => web_token(scan, start),
        Trigger::BotToken => bot_token(scan, start, end),
        Trigger::RegistryAuth => Some((registry_auth(scan, end)?, "auth")),
    }
}

fn token(scan: &mut Scan<'_>, start: usize, end: usize, rule: &TokenRule) -> Option<Find> {
    if scan.bytes.get(start..end)? != rule.prefix.as_bytes() || rule.bounded && scan.follows_word(start) {
        return None;
    }
    let last = scan.run(end, rule.alphabet);
    let enough = if rule.alphabet.is_exact() {
        last - end == rule.least && !scan.bytes.get(last).is_some_and(u8::is_ascii_alphanumeric)
    } else {
        last - end >= rule.least
    };
    enough.then_some((start..last, rule.name))
}

/// `//user:password@host`: the password. `//token@host`: a long user name.
fn url_password(scan: &mut Scan<'_>, start: usize) -> Option<Range<usize>> {
    let end = scan.run(start, Alphabet::Authority);
    let at = scan.bytes.get(start..end)?.iter().rposition(|&byte| byte == b'@')?;
    let user_info = scan.bytes.get(start..start + at)?;
    let value = match user_info.iter().position(|&byte| byte == b':') {
        Some(colon) => start + colon + 1..start + at,
        None if user_info.len() >= 20 => start..start + at,
        None => return None,
    };
    let text = scan.text.get(value.clone())?;
    (text.len() >= 3 && !text.starts_with(['$', '*', '{', '[']) && !text.contains("***")).then_some(value)
}

/// `Authorization: Scheme value`, `"Authorization": "value"`: the value.
fn authorization(scan: &mut Scan<'_>, end: usize) -> Option<Range<usize>> {
    let after_quote = scan.skip(end, b"\"'\\");
    let after_blank = scan.skip(after_quote, b" \t");
    match scan.bytes.get(after_blank)? {
        b':' | b'=' => {}
        b',' if after_quote > end => {}
        _ => return None,
    }
    let start = scan.skip(scan.skip(after_blank + 1, b" \t"), b"\"'\\");
    let first = scan.run(start, Alphabet::Word);
    let scheme = scan.peek(&(start..first)).to_ascii_lowercase();
    match scheme.as_str() {
        "digest" | "aws4-hmac-sha256" => {
            let value = scan.skip(first, b" ");
            Some(value..scan.run(value, Alphabet::Line)).filter(|value| value.len() >= 8)
        }
        "basic" | "bearer" | "token" | "apikey" | "negotiate" | "ntlm" => {
            let value = scan.skip(first, b" ");
            credential(scan, value, 4)
        }
        _ => credential(scan, start, 8),
    }
}

/// The word at `start`, when it has at least so many bytes, more than one kind of them, and is no
/// place holder.
fn credential(scan: &mut Scan<'_>, start: usize, least: usize) -> Option<Range<usize>> {
    let value = start..scan.run(start, Alphabet::Word);
    let text = scan.peek(&value);
    let has = |of: fn(&u8) -> bool| text.bytes().any(|byte| of(&byte));
    let is_word = !has(u8::is_ascii_digit) && !text.contains(['=', '+', '/']) && {
        !(has(u8::is_ascii_lowercase) && text.bytes().skip(1).any(|byte| byte.is_ascii_uppercase()))
    };
    (value.len() >= least && !is_reference(text) && (!is_word || text.len() >= 20)).then_some(value)
}

/// `Cookie: name=value; …`: every value, or of `Set-Cookie` the first, behind which stand attributes.
fn cookies(scan: &mut Scan<'_>, end: usize, most: usize, finds: &mut Vec<Find>) -> Option<Range<usize>> {
    let after_quote = scan.skip(end, b"\"'\\");
    let colon = scan.skip(after_quote, b" \t");
    if scan.bytes.get(colon) != Some(&b':') {
        return None;
    }
    let mut at = scan.skip(colon + 1, b" \t\"'\\");
    let mut last: Option<Range<usize>> = None;
    for _ in 0..most {
        let equals = scan.run(at, Alphabet::Url);
        if equals == at || scan.bytes.get(equals) != Some(&b'=') {
            break;
        }
        let value = equals + 1..scan.run(equals + 1, Alphabet::Cookie);
        at = scan.skip(value.end, b"; ");
        if !value.is_empty() && !is_reference(scan.peek(&value)) {
            finds.extend(last.replace(value).map(|value| (value, "cookie")));
        }
        if scan.bytes.get(at - 1).is_none_or(|&byte| byte != b' ' && byte != b';') {
            break;
        }
    }
    last
}

/// A JSON web token: two dots, and an object at each end of the first.
fn web_token(scan: &mut Scan<'_>, start: usize) -> Option<Find> {
    let header = scan.run(start, Alphabet::Url);
    if header - start < 16 || scan.bytes.get(header) != Some(&b'.') {
        return None;
    }
    let payload = scan.run(header + 1, Alphabet::Url);
    let signature = match scan.bytes.get(payload) {
        Some(b'.') => scan.run(payload + 1, Alphabet::Url),
        _ => payload,
    };
    (payload - header > 8).then_some((start..signature, "json web token"))
}

/// A Telegram bot: its number, a colon, and 35 characters that begin with `AA`.
fn bot_token(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Find> {
    let before = scan.bytes.get(..start)?.iter().rev();
    let digits = before.take(16).take_while(|byte| byte.is_ascii_digit()).count();
    let last = scan.run(end, Alphabet::Url);
    ((6..=12).contains(&digits) && (30..=40).contains(&(last - end))).then_some((start - digits..last, "bot token"))
}

/// `"auth": "base64"` in the settings of docker.
fn registry_auth(scan: &mut Scan<'_>, end: usize) -> Option<Range<usize>> {
    let after_quote = scan.skip(end, b"\"\\");
    let colon = scan.skip(after_quote, b" \t");
    if after_quote == end || scan.bytes.get(colon) != Some(&b':') {
        return None;
    }
    let start = scan.skip(colon + 1, b" \t\"\\");
    let value = start..scan.run(start, Alphabet::Base64);
    (value.len() >= 8 && is_plausible(scan.peek(&value), 8, false)).then_some(value)
}
