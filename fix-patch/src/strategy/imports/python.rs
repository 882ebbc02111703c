//! Parsing Python: the one door to the parser, bounded in depth.

use std::cell::OnceCell;

use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_ast::{ModModule, PythonVersion, Stmt};
use ruff_python_parser::{Mode, ParseOptions, Parsed};
use ruff_text_size::{Ranged, TextRange};

use super::depth::{DEPTH_MAX, depth};

/// A Python text that can't be parsed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {reason}")]
#[non_exhaustive]
pub struct SyntaxError {
    /// The 1-based line.
    pub line: u32,
    /// What the parser did not expect.
    pub reason: String,
}

/// A Python module: its text, tree, tokens and lines.
#[derive(Debug)]
pub(crate) struct Module<'t> {
    pub(crate) text: &'t str,
    lines: OnceCell<Lines>,
    /// There until the module is dropped.
    parsed: Option<Parsed<ModModule>>,
    depth: usize,
}

impl<'t> Module<'t> {
    pub(crate) fn parse(text: &'t str) -> Result<Self, SyntaxError> {
        let depth = depth(text);
        Self::parse_to_depth(text, depth)
    }

    /// Parses what is left of this module after something was taken out, which nests no deeper.
    pub(crate) fn parse_rest<'r>(&self, text: &'r str) -> Result<Module<'r>, SyntaxError> {
        Module::parse_to_depth(text, self.depth)
    }

    fn parse_to_depth(text: &'t str, depth: usize) -> Result<Self, SyntaxError> {
        if depth > DEPTH_MAX {
            let reason = format!("the code nests more than {DEPTH_MAX} levels deep");
            return Err(SyntaxError { line: 1, reason });
        }
        let parsed = on_stack(depth, || {
            let parsed = ruff_python_parser::parse_unchecked(text, options());
            let error = parsed.errors().first().map(|error| SyntaxError {
                line: Lines::new(text).line(error.location.start().to_usize()),
                reason: error.error.to_string(),
            });
            // What no released Python reads.
            let newer = parsed.unsupported_syntax_errors().first().map(|error| SyntaxError {
                line: Lines::new(text).line(error.range.start().to_usize()),
                reason: error.to_string(),
            });
            match (error.or(newer), parsed.try_into_module()) {
                (None, Some(module)) => Ok(module),
                (Some(error), _) => Err(error),
                (None, None) => Err(SyntaxError { line: 1, reason: "the text is no module".to_owned() }),
            }
        })?;
        Ok(Self { text, lines: OnceCell::new(), parsed: Some(parsed), depth })
    }

    /// Where the lines start, found when first asked for.
    pub(crate) fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| Lines::new(self.text))
    }

    /// The statements at the top.
    pub(crate) fn body(&self) -> &[Stmt] {
        self.parsed.as_ref().map(|parsed| &**parsed.suite()).unwrap_or_default()
    }

    /// Every token, comments and line ends included.
    pub(crate) fn tokens(&self) -> &[Token] {
        self.parsed.as_ref().map(|parsed| &**parsed.tokens()).unwrap_or_default()
    }

    pub(crate) fn comments(&self) -> impl Iterator<Item = TextRange> {
        self.tokens().iter().filter(|token| token.kind() == TokenKind::Comment).map(Ranged::range)
    }

    pub(crate) fn slice(&self, range: TextRange) -> &'t str {
        self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default()
    }

    /// The 1-based line of a node's start.
    pub(crate) fn line_of(&self, node: impl Ranged) -> u32 {
        self.lines().line(node.start().to_usize())
    }

    /// Runs `walk` on a stack that is large enough for a recursion over the tree.
    pub(crate) fn walk<R>(&self, walk: impl FnOnce() -> R) -> R {
        on_stack(self.depth, walk)
    }
}

/// Modules of the newest Python.
fn options() -> ParseOptions {
    ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY314)
}

impl Drop for Module<'_> {
    fn drop(&mut self) {
        let parsed = self.parsed.take();
        on_stack(self.depth, || drop(parsed));
    }
}

/// Runs `walk` where a recursion of `depth` levels fits on the stack.
fn on_stack<R>(depth: usize, walk: impl FnOnce() -> R) -> R {
    const BYTES_A_LEVEL: usize = 12 * 1024;
    const BYTES_BESIDES: usize = 128 * 1024;
    let needed = BYTES_BESIDES + BYTES_A_LEVEL * depth;
    stacker::maybe_grow(needed, needed + BYTES_BESIDES, walk)
}

/// Where the lines of a text start, by Python's reading: LF, CR LF and a lone CR end one.
#[derive(Debug)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let mut starts = vec![0];
        if !text.contains('\r') {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            starts.extend(ends.map(|(at, _)| at + 1));
            return Self { starts };
        }
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(at + 1);
            }
        }
        Self { starts }
    }

    /// The 1-based line that byte `offset` is on.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|&start| start <= offset)).unwrap_or(u32::MAX)
    }

    /// Where the line of byte `offset` starts.
    pub(crate) fn start(&self, offset: usize) -> usize {
        let line = self.starts.partition_point(|&start| start <= offset);
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Where the line after that of byte `offset` starts; the end of the text for the last one.
    pub(crate) fn end(&self, offset: usize, text: &str) -> usize {
        let line = self.starts.partition_point(|&start| start <= offset);
        self.starts.get(line).copied().unwrap_or(text.len())
    }

    /// Where the text of the line of byte `offset` ends, before its line ending.
    pub(crate) fn content_end(&self, offset: usize, text: &str) -> usize {
        let end = self.end(offset, text);
        let line = text.get(..end).unwrap_or_default();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let content = line.strip_suffix('\r').unwrap_or(line).len();
        content.max(self.start(offset))
    }
}

/// The range of a node in bytes.
pub(crate) fn bytes(node: impl Ranged) -> std::ops::Range<usize> {
    node.start().to_usize()..node.end().to_usize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_python_says() {
        let text = "a\r\nb\rc\n\u{c}d";
        let lines = Lines::new(text);
        assert_eq!([0, 3, 5, 7].map(|at| lines.line(at)), [1, 2, 3, 4]);
        assert_eq!((lines.start(4), lines.end(4, text), lines.content_end(4, text)), (3, 5, 4));
        assert_eq!((lines.start(8), lines.end(8, text)), (7, 9));
    }

    #[test]
    fn hostile_nesting_is_an_error() {
        for text in ["(", "[", "-", "not ", "a.", "f(", "{", "lambda: ", "1**", "1+", "f'{", "x[", "await "] {
            assert!(Module::parse(&text.repeat(100_000)).is_err(), "{text}");
        }
        let blocks: String = (0..6_000).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
        assert!(Module::parse(&blocks).is_err());
    }

    #[test]
    fn deep_code_has_room() {
        let text = format!("x = {}1{}\n", "[".repeat(1_900), "]".repeat(1_900));
        assert!(Module::parse(&text).is_ok());
        let text = format!("x = {}1\n", "1+".repeat(3_900));
        assert!(Module::parse(&text).is_ok());
    }

    #[test]
    fn errors_name_a_line() {
        let error = Module::parse("import os\nprint 'x'\n").unwrap_err();
        assert_eq!(error.line, 2);
    }
}
