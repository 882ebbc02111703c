//! `name = value`: settings with telling names.

use std::ops::Range;

use super::rules::{Alphabet, NAME_TAILS, PLACEHOLDERS, SecretName};
use super::scan::Scan;

/// How a value is set, and so how sure it is that it is one.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// `NAME=value`, as a shell or an environment has it.
    Constant,
    /// `"value"` or `'value'`.
    Quoted,
    /// `name=value`, `name := value`.
    Assigned,
    /// `name = value`, `name: value`.
    Spaced,
    /// `--name value`.
    Flag,
    /// `<name>value</name>`.
    Element,
    /// `login user password value`.
    Netrc,
}

/// The value of the setting whose name ends with `start..end`, when it looks like a secret.
pub(super) fn setting(scan: &mut Scan<'_>, name: &SecretName, start: usize, end: usize) -> Option<Range<usize>> {
    let bytes = scan.bytes;
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let before = bytes.get(..start)?.iter().rev().take(64).take_while(|byte| is_of_name(byte)).count();
    let begins = start - before;
    let end = end + tail(scan, end);
    let own = bytes.get(begins..end)?;
    let is_constant = own.iter().all(|byte| !byte.is_ascii_lowercase());

    let after_quote = scan.skip(end, b"\"'\\`");
    let after_blank = scan.skip(after_quote, b" \t");
    let (mut at, mut place) = match bytes.get(after_blank)? {
        b'>' if after_blank == end && begins.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'<') => {
            (end + 1, Place::Element)
        }
        b'=' => {
            let at = scan.skip(after_blank, b"=>");
            match (after_blank > after_quote, is_constant) {
                (true, _) => (at, Place::Spaced),
                (false, true) => (at, Place::Constant),
                (false, false) => (at, Place::Assigned),
            }
        }
        b':' => match bytes.get(after_blank + 1) {
            Some(b'=') => (after_blank + 2, Place::Assigned),
            Some(b':') => return None,
            _ => (after_blank + 1, Place::Spaced),
        },
        _ if after_blank == end || after_quote > end => return None,
        _ if own.starts_with(b"--") => (after_blank, Place::Flag),
        _ if name.name == "password" && is_netrc(scan, begins) => (after_blank, Place::Netrc),
        _ => return None,
    };
    at = scan.skip(at, b" \t");
    let value = match quoted(scan, at) {
        Some(value) => {
            place = if place == Place::Element { place } else { Place::Quoted };
            value
        }
        None => {
            let from = scan.skip(at, b"\"'\\`");
            let alphabet = match place {
                Place::Constant => Alphabet::Constant,
                Place::Element => Alphabet::Element,
                _ => Alphabet::Value,
            };
            from..scan.run(from, alphabet)
        }
    };
    let text = scan.peek(&value);
    let is_secret = match place {
        Place::Constant => is_constant_value(name, text, value.len()),
        Place::Quoted => is_quoted_value(name, text, value.len(), is_constant),
        Place::Element => {
            // Parsers say `expected <token> but got <word>`: only what is closed is an element.
            bytes.get(value.end..).is_some_and(|rest| rest.starts_with(b"</")) && !is_reference(text)
        }
        Place::Netrc => value.len() >= 3 && !is_reference(text),
        Place::Assigned | Place::Spaced | Place::Flag => {
            !is_code(scan, &value, begins, place) && is_bare_value(name, text, place)
        }
    };
    is_secret.then(|| until_escape(scan, value, place))
}

/// The length of what may stand behind a name, when it ends there.
fn tail(scan: &Scan<'_>, end: usize) -> usize {
    let rest = scan.bytes.get(end..).unwrap_or_default();
    let ends = |length: usize| {
        rest.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_'))
    };
    let fits = |tail: &&str| {
        rest.get(..tail.len()).is_some_and(|own| own.eq_ignore_ascii_case(tail.as_bytes())) && ends(tail.len())
    };
    NAME_TAILS.iter().find(|tail| fits(tail)).map_or(0, |tail| tail.len())
}

/// What stands between quotes, on one line; in code that is quoted itself, the quotes have a backslash.
fn quoted(scan: &Scan<'_>, at: usize) -> Option<Range<usize>> {
    let prefixed = match scan.bytes.get(at..)? {
        [b'b' | b'r' | b'u', b'"' | b'\'', ..] => at + 1,
        _ => at,
    };
    let opens = scan.skip(prefixed, b"\\");
    let quote = scan.bytes.get(opens).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let is_escaped = opens > prefixed;
    let start = opens + 1;
    let mut escape = false;
    for (index, &byte) in scan.bytes.get(start..)?.iter().enumerate() {
        match byte {
            b'\n' => return None,
            byte if byte == quote && escape == is_escaped => {
                let end = start + index - usize::from(escape);
                return (end > start).then_some(start..end);
            }
            b'\\' => escape = !escape,
            _ => escape = false,
        }
    }
    None
}

/// Whether `login user` stands before, on the same line or the one above.
fn is_netrc(scan: &Scan<'_>, begins: usize) -> bool {
    let from = (begins.saturating_sub(256)..=begins).find(|&from| scan.text.is_char_boundary(from)).unwrap_or(begins);
    let before = scan.text.get(from..begins).unwrap_or_default();
    let mut words = before.split_ascii_whitespace().rev();
    let _user = words.next();
    words.next() == Some("login")
}

/// Whether it is code about a secret, and none: a call, an index, an annotation, or the name of a test.
fn is_code(scan: &Scan<'_>, value: &Range<usize>, begins: usize, place: Place) -> bool {
    let after = scan.bytes.get(value.end);
    if after.is_some_and(|byte| b"([{<".contains(byte)) {
        return true;
    }
    let line = scan.line_before(begins, 256);
    let is_test_name =
        line.strip_suffix('[').is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric()));
    let is_signature = || ["def ", "fn ", "func ", "function ", "lambda "].iter().any(|word| line.contains(word));
    is_test_name || place == Place::Spaced && is_signature()
}

/// A constant is set to its value: what is no reference and no path is the secret, up to the blank.
fn is_constant_value(name: &SecretName, text: &str, length: usize) -> bool {
    let is_path = text.starts_with(['/', '~'])
        && (name.name == "pwd" || text.split('/').filter(|part| !part.is_empty()).count() > 1);
    let is_drive = name.name == "pwd" && text.as_bytes().get(1) == Some(&b':');
    let is_count = !name.strong && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = text.contains("://") && name.name != "webhook_url" && name.name != "connection_string";
    length >= 4 && !is_reference(text) && !is_path && !is_drive && !is_count && !is_address
}

fn is_quoted_value(name: &SecretName, text: &str, length: usize, is_constant: bool) -> bool {
    if text.contains(' ') && !is_constant && !(name.strong && text.bytes().any(|byte| byte.is_ascii_digit())) {
        // A sentence about the secret.
        return false;
    }
    match name.strong || is_constant {
        true => is_constant_value(name, text, length),
        false => is_plausible(text, 6, false),
    }
}

fn is_bare_value(name: &SecretName, text: &str, place: Place) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    match (name.strong, place) {
        (true, Place::Spaced) => is_plausible(text, 6, true) && (has_digit || text.len() >= 8) && !is_version(text),
        (false, Place::Spaced) => is_plausible(text, 8, true) && !is_version(text),
        (true, _) => is_plausible(text, 5, false) || place == Place::Flag && text.len() >= 12 && !is_reference(text),
        (false, _) => is_plausible(text, 6, false) && !is_snake_case(text),
    }
}

/// Whether a value has more than one kind of character, as a secret has and a word has not.
pub(super) fn is_plausible(value: &str, least: usize, strict: bool) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < least || bytes.first().is_some_and(|byte| b"*$%.#/@:".contains(byte)) {
        return false;
    }
    if is_reference(value) || value.contains("://") {
        return false;
    }
    let has = |of: fn(&u8) -> bool| bytes.iter().any(of);
    let letters_differ = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_name = bytes.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.' | b'-'));
    if is_name && (!letters_differ || strict && bytes.len() < 16 || value.contains(['_', '.'])) {
        return false;
    }
    has(u8::is_ascii_digit) || letters_differ || !is_name
}

/// Whether a value only says where the secret comes from, or that it is not shown.
pub(super) fn is_reference(value: &str) -> bool {
    let is_name = |name: &str| {
        let is_constant = !name.bytes().any(|byte| byte.is_ascii_lowercase());
        let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic() || is_constant && byte.is_ascii_digit();
        !name.is_empty() && name.bytes().all(is_part)
    };
    let is_variable = match value.split_at_checked(1) {
        Some(("$", rest)) => rest.starts_with(['{', '(', '$']) || is_name(rest),
        Some(("%", rest)) => rest.starts_with('(') || rest == "s" || rest.strip_suffix('%').is_some_and(is_name),
        Some(("{" | "<", _)) => true,
        _ => false,
    };
    is_variable
        || !value.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80)
        || value.contains("***")
        || value.contains("${")
        || value.contains("{{")
        || value.contains("[redacted")
        || PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `v1.2.3-rc1`
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts = text.split(['.', '-', '+']);
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_number(parts.next()) && is_number(parts.next()) && parts.all(|part| part.len() <= 8)
}

/// `test_that_it_works1`
fn is_snake_case(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().all(|byte| byte.is_ascii_lowercase())
    };
    text.split('_').count() > 2 && text.split('_').all(is_word)
}

/// A constant inside of quoted text ends with the line there: `"NAME=value\nNEXT=…"`.
fn until_escape(scan: &Scan<'_>, value: Range<usize>, place: Place) -> Range<usize> {
    let text = scan.text.get(value.clone()).unwrap_or_default();
    let text = match place {
        Place::Constant => text.split("\\n").next().unwrap_or(text).trim_end_matches('\\'),
        _ => text,
    };
    value.start..value.start + text.len()
}
