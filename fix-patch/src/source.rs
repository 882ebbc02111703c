//! One file as text, with its habits.

use std::sync::Arc;

use fix_plan::RepoPath;

use crate::refusal::{Refusal, RefusalCode};

const BOM: char = '\u{feff}';

/// A text file of the snapshot: UTF-8 without NUL, its bytes as they are.
///
/// Lines end at LF and nowhere else; a CR before it belongs to the line's end. A
/// byte order mark stays part of the text, so that every offset is an offset into
/// the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    path: RepoPath,
    /// Shared: whoever reads the file keeps it.
    text: Arc<String>,
}

impl SourceFile {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// A [`Refusal`] with code `encoding` when they are no UTF-8 text.
    pub fn new(path: RepoPath, bytes: Vec<u8>) -> Result<Self, Refusal> {
        let refuse = |message: String| Err(Refusal::new(&path, RefusalCode::Encoding, message));
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                return refuse(format!("the file is not UTF-8 from byte {at}; convert it first"));
            }
        };
        if let Some(at) = text.find('\0') {
            return refuse(format!("the file holds a NUL at byte {at}; it is no text"));
        }
        Ok(Self { path, text: Arc::new(text) })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &RepoPath {
        &self.path
    }

    /// The whole text, byte order mark included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text behind the byte order mark, and the length of that mark in bytes (0 or 3).
    #[must_use]
    pub fn body(&self) -> (&str, usize) {
        match self.text.strip_prefix(BOM) {
            Some(body) => (body, BOM.len_utf8()),
            None => (&self.text, 0),
        }
    }

    /// The line ending to use for a line inserted at byte `offset`: that of the line
    /// before it, else of the line at it, else LF.
    #[must_use]
    pub fn newline_at(&self, offset: usize) -> &'static str {
        let (before, after) = self.text.split_at_checked(offset).unwrap_or((&self.text, ""));
        let ending =
            |text: &str, at: usize| if text.get(..at).is_some_and(|line| line.ends_with('\r')) { "\r\n" } else { "\n" };
        match (before.rfind('\n'), after.find('\n')) {
            (Some(at), _) => ending(before, at),
            (None, Some(at)) => ending(after, at),
            (None, None) => "\n",
        }
    }

    /// The 1-based line that byte `offset` is on.
    #[must_use]
    pub fn line_at(&self, offset: usize) -> u32 {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let ends = before.iter().filter(|&&byte| byte == b'\n').count();
        u32::try_from(ends).unwrap_or(u32::MAX - 1) + 1
    }

    /// The same file with another text.
    #[must_use]
    pub fn with_text(&self, text: String) -> Self {
        Self { path: self.path.clone(), text: Arc::new(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("a.txt".parse().unwrap(), text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_new_line_ends_as_its_neighbour() {
        assert_eq!(file("a\r\nb\n").newline_at(3), "\r\n");
        assert_eq!(file("a\r\nb\n").newline_at(5), "\n");
        assert_eq!(file("a\r\n").newline_at(0), "\r\n");
        assert_eq!(file("a").newline_at(1), "\n");
    }

    #[test]
    fn lines_end_at_line_feeds_only() {
        assert_eq!(file("a\u{2028}b\u{c}c\rd\ne").line_at(10), 2);
        assert_eq!(file("a\nb").line_at(0), 1);
    }

    #[test]
    fn binary_files_are_refused() {
        let path: RepoPath = "a".parse().unwrap();
        for bytes in [&b"\xff\xfea"[..], b"a\0b"] {
            assert_eq!(SourceFile::new(path.clone(), bytes.to_vec()).unwrap_err().code, RefusalCode::Encoding);
        }
    }
}
