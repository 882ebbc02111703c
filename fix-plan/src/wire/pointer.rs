//! Where in a document: a JSON pointer that costs nothing until it is shown.

use std::fmt;

/// Longest key in a pointer, in characters; of a longer one, the beginning is shown.
const KEY_CHARS_MAX: usize = 64;

/// A place, as a chain up to the root; [`fmt::Display`] writes it as RFC 6901 says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'p> {
    Root,
    Key(&'p Self, &'p str),
    Index(&'p Self, usize),
}

impl<'p> At<'p> {
    pub(crate) fn key(&'p self, key: &'p str) -> Self {
        Self::Key(self, key)
    }

    pub(crate) fn index(&'p self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// Whether it is the details of an operation.
    pub(crate) fn is_details(&self) -> bool {
        matches!(self, Self::Key(_, "details"))
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
            Self::Key(parent, key) => {
                write!(f, "{parent}/")?;
                let mut characters = key.chars();
                for c in characters.by_ref().take(KEY_CHARS_MAX) {
                    match c {
                        '~' => f.write_str("~0")?,
                        '/' => f.write_str("~1")?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str(if characters.next().is_some() { "…" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_json_pointers() {
        let files = At::Root.key("a/b~c");
        let first = files.index(0);
        assert_eq!(first.key("x\n").to_string(), "/a~1b~0c/0/x\n");
        assert_eq!(At::Root.to_string(), "");
    }

    #[test]
    fn a_long_key_is_cut() {
        assert_eq!(At::Root.key(&"ü".repeat(64)).to_string(), format!("/{}", "ü".repeat(64)));
        assert_eq!(At::Root.key(&"ü".repeat(65)).to_string(), format!("/{}…", "ü".repeat(64)));
    }
}
