//! The secrets that the process itself holds, in every spelling that a log may give them.

use std::fmt::Write as _;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::Find;

/// Shortest secret that is masked: shorter ones would be found in innocent words.
const BYTES_MIN: usize = 4;
/// Shortest line that is masked for itself, and shortest secret that is looked for in base64.
const PART_BYTES_MIN: usize = 8;

#[derive(Clone, Default)]
pub(super) enum Exact {
    #[default]
    None,
    Known {
        automaton: Arc<AhoCorasick>,
        secrets: usize,
    },
    /// More, or longer, than an automaton can hold.
    TooMany,
}

impl Exact {
    pub(super) fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut values: Vec<String> = Vec::new();
        let mut count = 0;
        for secret in secrets {
            let secret = secret.as_ref().trim();
            if secret.len() < BYTES_MIN {
                continue;
            }
            count += 1;
            // A secret of several lines (a key file) is printed line by line.
            let lines = secret.lines().map(str::trim).filter(|line| line.len() >= PART_BYTES_MIN && *line != secret);
            lines.chain([secret]).for_each(|value| spell(value, &mut values));
        }
        values.retain(|value| value.len() >= BYTES_MIN);
        values.sort();
        values.dedup();
        if values.is_empty() {
            return Self::None;
        }
        match AhoCorasick::builder().match_kind(MatchKind::Standard).build(values) {
            Ok(automaton) => Self::Known { automaton: Arc::new(automaton), secrets: count },
            Err(_) => Self::TooMany,
        }
    }

    /// How many there are.
    pub(super) fn secrets(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Known { secrets, .. } => *secrets,
            Self::TooMany => usize::MAX,
        }
    }

    /// Adds every place of a secret, overlapping ones too; false when they can't be searched for.
    pub(super) fn find(&self, text: &str, finds: &mut Vec<Find>) -> bool {
        match self {
            Self::None => {}
            Self::TooMany => return false,
            Self::Known { automaton, .. } => {
                for found in automaton.find_overlapping_iter(text) {
                    // They come in the order of their ends: what lies together becomes one at once.
                    match finds.last_mut() {
                        Some((last, _)) if found.start() <= last.end => {
                            last.start = last.start.min(found.start());
                            last.end = found.end();
                        }
                        _ => finds.push((found.range(), "secret")),
                    }
                }
            }
        }
        true
    }
}

/// Adds `value` as it is, and as others write it.
fn spell(value: &str, spellings: &mut Vec<String>) {
    spellings.push(value.to_owned());
    for kept in ["", "/", "!'()*"] {
        let upper = percent_encoded(value, kept);
        spellings.push(upper.replace("%20", "+"));
        let lower = lower_escapes(&upper);
        spellings.push(lower.replace("%20", "+"));
        spellings.extend([upper, lower]);
    }
    for (slash, ascii, html) in
        [(false, false, false), (true, false, false), (false, true, false), (true, true, false), (false, true, true)]
    {
        spellings.push(json_escaped(value, slash, ascii, html));
    }
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    spellings.extend(["&#39;", "&#x27;", "&apos;"].map(|quote| html.replace('\'', quote)));
    spellings.extend(["'\\''", "'\"'\"'", "\\'"].map(|quote| value.replace('\'', quote)));
    if value.len() >= PART_BYTES_MIN {
        let hex = |upper: bool| {
            value.bytes().fold(String::new(), |mut hex, byte| {
                // Writing to a string can't fail.
                let _ = if upper { write!(hex, "{byte:02X}") } else { write!(hex, "{byte:02x}") };
                hex
            })
        };
        spellings.extend([hex(false), hex(true)]);
        for offset in 0..3 {
            spellings.extend([base64_at(value, offset, &STANDARD), base64_at(value, offset, &URL_SAFE)]);
        }
    }
}

/// The digits of base64 that depend on `value` alone, when `offset` bytes (of each three) stand before it.
fn base64_at(value: &str, offset: usize, engine: &base64::engine::GeneralPurpose) -> String {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value.as_bytes());
    let encoded = engine.encode(&bytes);
    encoded.get((offset * 8).div_ceil(6)..bytes.len() * 8 / 6).unwrap_or_default().to_owned()
}

fn percent_encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The same with the digits of its `%XX` in lower case.
fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

fn json_escaped(text: &str, slash: bool, ascii: bool, html: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '/' if slash => escaped.push_str("\\/"),
            c if ascii && !c.is_ascii() || html && matches!(c, '<' | '>' | '&') => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}
