//! Environment markers.

use std::fmt;
use std::str::FromStr;

use pep508_rs::MarkerTree;

use super::ValueError;
use crate::limits::{MARKER_BYTES_MAX, MARKER_COMPARISONS_MAX};

/// An environment marker (PEP 508): `python_version < '3.11'`.
///
/// White space and quotes are canonical: one blank between words, single quotes. The
/// order of the comparisons is kept, because it is what a file will say. `extra`
/// belongs to the metadata of built packages and is refused, and so is a marker of
/// more than 8 comparisons: what one means can take room that doubles with each.
///
/// ```
/// use fix_plan::Marker;
/// assert_eq!("python_version<\"3.11\"".parse::<Marker>()?.as_str(), "python_version < '3.11'");
/// assert!("python_version < '3.11'\nevil".parse::<Marker>().is_err());
/// assert!("extra == 'test'".parse::<Marker>().is_err());
/// # Ok::<(), fix_plan::ValueError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Marker(String);

impl Marker {
    /// The marker.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is true in the same environments, whatever its spelling. Of a marker that
    /// [would be refused](FromStr), only the spelling is compared.
    #[must_use]
    pub fn same_meaning(&self, other: &str) -> bool {
        let Ok(other) = other.trim().parse::<Self>() else { return self.0 == other };
        self == &other || matches!((tree(&self.0), tree(&other.0)), (Some(a), Some(b)) if a == b)
    }
}

impl FromStr for Marker {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |problem: &str| Err(ValueError::new("marker", text, problem));
        if text.trim().is_empty() {
            return refuse("is empty; leave the field out instead");
        }
        if text.len() > MARKER_BYTES_MAX {
            return refuse("is longer than 256 bytes");
        }
        if !text.bytes().all(|b| b == b' ' || (b.is_ascii_graphic() && !b";#\\`$@{}&".contains(&b))) {
            return refuse("holds a character that no marker needs");
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return refuse("has blanks around it; leave them out");
        }
        let Some(tokens) = tokens(text) else {
            return refuse("has a quote that is not closed");
        };
        if tokens.contains(&Token::Word("extra")) {
            return refuse("asks for an extra; extras have a field of their own");
        }
        // Before the crate sees it: the tree that it keeps, for ever, can double with each comparison.
        let joints = tokens.iter().filter(|token| matches!(token, Token::Word("and" | "or"))).count();
        if joints >= MARKER_COMPARISONS_MAX {
            return refuse("has more than 8 comparisons; write a simpler one");
        }
        let canonical = canonical(&tokens);
        if tree(text).is_none() || tree(&canonical).is_none() {
            return refuse("is no PEP 508 marker; write for example `python_version < '3.11'`");
        }
        Ok(Self(canonical))
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a marker means, as the crate sees it; the text has been found simple before.
fn tree(text: &str) -> Option<MarkerTree> {
    MarkerTree::from_str(text).ok()
}

#[derive(PartialEq)]
enum Token<'m> {
    Word(&'m str),
    Operator(&'m str),
    /// The text between the quotes.
    Quoted(&'m str),
    Opens,
    Closes,
}

/// The parts of a marker; `None` when a quote is not closed.
fn tokens(mut text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_start();
        let Some(first) = text.chars().next() else { return Some(tokens) };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let (token, rest) = match first {
            '(' => (Token::Opens, text.get(1..)?),
            ')' => (Token::Closes, text.get(1..)?),
            '\'' | '"' => {
                let (quoted, rest) = text.get(1..)?.split_once(first)?;
                (Token::Quoted(quoted), rest)
            }
            c if is_word(c) => {
                let (word, rest) = text.split_at_checked(text.find(|c| !is_word(c)).unwrap_or(text.len()))?;
                (Token::Word(word), rest)
            }
            _ => {
                let ends = |c: char| is_word(c) || " '\"()".contains(c);
                let (operator, rest) = text.split_at_checked(text.find(ends).unwrap_or(text.len()))?;
                (Token::Operator(operator), rest)
            }
        };
        tokens.push(token);
        text = rest;
    }
}

fn canonical(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    for token in tokens {
        if !text.is_empty() && !text.ends_with('(') && *token != Token::Closes {
            text.push(' ');
        }
        match token {
            Token::Word(part) | Token::Operator(part) => text.push_str(part),
            Token::Opens => text.push('('),
            Token::Closes => text.push(')'),
            Token::Quoted(value) => {
                let quote = if value.contains('\'') { '"' } else { '\'' };
                text.extend([quote]);
                text.push_str(value);
                text.extend([quote]);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_hold_one_marker() {
        for bad in [
            "",
            " ",
            "python_version",
            "os_name == 'a'; x",
            "a == 'b' # c",
            "os_name == 'a'\n",
            "os_name == 'a",
            "python_version < '3' --x",
        ] {
            assert!(bad.parse::<Marker>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spelling_is_canonical() {
        for (text, canonical) in [
            ("python_version<\"3.8\"", "python_version < '3.8'"),
            (
                "( os_name=='nt'   or os_name == 'posix' ) and python_version>='3'",
                "(os_name == 'nt' or os_name == 'posix') and python_version >= '3'",
            ),
            ("'linux' in sys_platform", "'linux' in sys_platform"),
            ("platform_version == \"it's\"", "platform_version == \"it's\""),
        ] {
            let marker: Marker = text.parse().unwrap();
            assert_eq!(marker.as_str(), canonical);
            assert_eq!(canonical.parse::<Marker>().unwrap(), marker);
        }
    }

    #[test]
    fn meaning_ignores_spelling() {
        let marker: Marker = "python_version<'3.8'".parse().unwrap();
        assert!(marker.same_meaning("python_version < \"3.8\"") && marker.same_meaning("'3.8' > python_version"));
        assert!(!marker.same_meaning("python_version < '3.9'") && !marker.same_meaning("extra == 'a'"));
    }

    /// What the crate keeps of such a marker doubles with each pair.
    #[test]
    fn what_could_double_is_refused() {
        let pairs = |count: usize| {
            let pairs: Vec<String> = (0..count).map(|n| format!("extra=='a{n}'and extra=='b{n}'")).collect();
            pairs.join(" or ")
        };
        assert!(pairs(1).parse::<Marker>().is_err());
        let comparisons = |count: usize| vec!["os_name=='a'"; count].join(" or ");
        assert!(comparisons(MARKER_COMPARISONS_MAX).parse::<Marker>().is_ok());
        assert!(comparisons(MARKER_COMPARISONS_MAX + 1).parse::<Marker>().is_err());
        let marker: Marker = "os_name == 'nt'".parse().unwrap();
        assert!(!marker.same_meaning(&pairs(30)), "a file holds what it likes");
    }
}
