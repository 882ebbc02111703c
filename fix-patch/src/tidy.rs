//! White space in Python files that a plan changes anyway: trailing blanks and the final newline.

use std::ops::Range;

use fix_plan::RepoPath;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::{Ranged, TextRange};

use crate::edit::{Edit, EditSet};
use crate::source::SourceFile;
use crate::strategy::imports::is_python;
use crate::strategy::imports::python::{Lines, Module, bytes};

/// Whether the file is Python.
pub(crate) fn handles(path: &RepoPath) -> bool {
    is_python(path)
}

/// The edits that take trailing blanks away and end the file with a newline, proven to change no token.
pub(crate) fn tidy(source: &SourceFile) -> Result<EditSet, String> {
    let text = source.text();
    let module = Module::parse(text).map_err(|error| error.to_string())?;
    let edits = edits(&module, &EditSet::default(), text)?;
    if !edits.is_empty() {
        let after = edits.apply(text);
        let after = module.parse_rest(&after).map_err(|error| format!("the result does not parse: {error}"))?;
        if !tokens(&module).eq(tokens(&after)) {
            return Err("white space that means something changed".to_owned());
        }
    }
    Ok(edits)
}

/// The edits that tidy `text`, which is what `before` makes of the module and which keeps its strings.
pub(crate) fn edits(module: &Module<'_>, before: &EditSet, text: &str) -> Result<EditSet, String> {
    if is_tidy(text) {
        return Ok(EditSet::default());
    }
    let mut strings = strings(module)
        .into_iter()
        .map(|string| before.offset_after(string.start)..before.offset_after(string.end))
        .peekable();
    // Of the comments that are left.
    let is_left = |end: &usize| !before.iter().any(|edit| (edit.range().start + 1..=edit.range().end).contains(end));
    let comment_ends = module.comments().map(|range| comment_end(module, range)).filter(is_left);
    let comment_ends: Vec<usize> = comment_ends.map(|end| before.offset_after(end)).collect();
    let is_comment = |end: usize| comment_ends.binary_search(&end).is_ok();
    let lines = Lines::new(text);
    let mut edits = Vec::new();
    let mut at = 0;
    let mut continued = false;
    let mut ends_clean = true;
    while at < text.len() {
        let content_end = lines.content_end(at, text);
        let line = text.get(at..content_end).unwrap_or_default();
        let trimmed = line.trim_end_matches([' ', '\t']);
        while strings.next_if(|string| string.end <= content_end).is_some() {}
        let in_string = strings.peek().is_some_and(|string| string.start < content_end);
        // A blank line behind a backslash ends the statement; it stays as it is.
        // One in a comment continues nothing.
        let continues = trimmed.ends_with('\\') && !(trimmed.contains('#') && is_comment(at + trimmed.len()));
        let needed = in_string || continues || continued && trimmed.is_empty();
        if !needed && trimmed.len() < line.len() {
            edits.push(Edit::deletion(at + trimmed.len()..content_end));
        }
        continued = !in_string && continues && line.ends_with('\\');
        let end = lines.end(at, text);
        ends_clean = end > content_end || !needed && trimmed.is_empty();
        at = end;
    }
    let is_bom_only = text == "\u{feff}";
    if !ends_clean && !continued && !is_bom_only {
        let last = lines.start(text.len());
        let newline = match text.get(..last).unwrap_or_default() {
            lines if lines.ends_with("\r\n") => "\r\n",
            lines if lines.ends_with('\r') => "\r",
            _ => "\n",
        };
        // Blanks at the end of the last line make way for it.
        match edits.pop() {
            Some(last) if last.range().end == text.len() => {
                edits.push(Edit::replacement(last.range(), newline));
            }
            last => {
                edits.extend(last);
                edits.push(Edit::insertion(text.len(), newline));
            }
        }
    }
    EditSet::new(text, edits).map_err(|error| error.to_string())
}

/// Where a comment ends, the blanks at its end aside.
fn comment_end(module: &Module<'_>, comment: TextRange) -> usize {
    comment.start().to_usize() + trimmed(module.slice(comment)).len()
}

/// Whether no line ends in blanks, and the last one ends. Most files are so.
fn is_tidy(text: &str) -> bool {
    let ends = text.is_empty() || text.ends_with(['\n', '\r']);
    ends && ![" \n", "\t\n", " \r", "\t\r"].iter().any(|untidy| text.contains(untidy))
}

/// The bytes of strings over several lines, the formatted ones from their start to their end; sorted.
fn strings(module: &Module<'_>) -> Vec<Range<usize>> {
    let mut strings = Vec::new();
    let mut open = 0_usize;
    let mut start = 0;
    for token in module.tokens() {
        match token.kind() {
            TokenKind::String if open == 0 => strings.push(bytes(token)),
            TokenKind::FStringStart | TokenKind::TStringStart => {
                if open == 0 {
                    start = token.start().to_usize();
                }
                open += 1;
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                open = open.saturating_sub(1);
                if open == 0 {
                    strings.push(start..token.end().to_usize());
                }
            }
            _ => {}
        }
    }
    strings
}

/// Kind and text of every token that means something, and of the comments.
fn tokens<'m>(module: &'m Module<'_>) -> impl Iterator<Item = (TokenKind, &'m str)> {
    let means_something = |token: &&Token| !matches!(token.kind(), TokenKind::NonLogicalNewline);
    module.tokens().iter().filter(means_something).map(|token| {
        let text = match token.kind() {
            TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent | TokenKind::EndOfFile => "",
            TokenKind::Comment => trimmed(module.slice(token.range())),
            _ => module.slice(token.range()),
        };
        (token.kind(), text)
    })
}

/// A comment as tidying leaves it.
pub(crate) fn trimmed(comment: &str) -> &str {
    comment.trim_end_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(text: &str) -> String {
        let source = SourceFile::new("a.py".parse().unwrap(), text.as_bytes().to_vec()).unwrap();
        tidy(&source).unwrap().apply(text)
    }

    #[test]
    fn trailing_blanks_go_and_a_newline_comes() {
        assert_eq!(tidied("x = 1  \n# c \t\n  \ny = 2"), "x = 1\n# c\n\ny = 2\n");
        assert_eq!(tidied("x = 1 \r\ny = 2 "), "x = 1\r\ny = 2\r\n");
        assert_eq!(tidied("x = 1\n   "), "x = 1\n");
        assert_eq!(tidied("x = 1\ry = 2"), "x = 1\ry = 2\r");
        assert_eq!(tidied("x = 1 # c\\  \ny = 2 # c\\"), "x = 1 # c\\\ny = 2 # c\\\n");
        assert_eq!(tidied("x = '#' \\\n  # c \n"), "x = '#' \\\n  # c\n");
        for same in ["", "\u{feff}", "x = 1\n", "x = 1\n\x0c\ny = 2\n", "x = 1\n\n"] {
            assert_eq!(tidied(same), same);
        }
    }

    #[test]
    fn strings_and_continuations_stay() {
        for same in [
            "'''a  \nb  \n'''\n",
            "f'''a  \n{x  \n}  \n'''\n",
            "t'''a  \n'''\n",
            "def f():\n    \"\"\"doc  \n\n    \"\"\"\n",
            "x = 'a  \\\n  '\n",
            "x = 1 + \\\n    2\n",
        ] {
            assert_eq!(tidied(same), same, "{same:?}");
        }
        assert_eq!(tidied("x = '''a  \n'''  \n"), "x = '''a  \n'''\n");
        assert_eq!(tidied("x = (1,  \n  2)\n"), "x = (1,\n  2)\n");
    }
}
