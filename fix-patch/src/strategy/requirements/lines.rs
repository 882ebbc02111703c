//! The logical lines of a requirements file, as pip reads them.

use std::ops::Range;

use crate::strategy::requirement::Requirement;

/// One logical line that is not empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Line {
    /// Its bytes, from the start of the first physical line to the end of the last, line ending included.
    pub(super) range: Range<usize>,
    /// Its text: physical lines joined, comment and blanks around it gone.
    pub(super) text: String,
    pub(super) kind: Kind,
    /// Where pieces of `text` come from.
    pieces: Vec<Piece>,
}

/// What a line is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A requirement; its options, such as `--hash`, start at this byte of the text.
    Requirement { options: usize },
    /// `-r other.txt`, `--index-url …`.
    Option,
    /// A URL or a path.
    Location,
    /// What pip would not read.
    Unknown,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Piece {
    text: usize,
    source: usize,
    length: usize,
}

impl Line {
    /// The requirement; none on other lines.
    pub(super) fn requirement(&self) -> Option<Requirement<'_>> {
        match self.kind {
            Kind::Requirement { options } => Requirement::parse(self.text.get(..options)?.trim_end()),
            _ => None,
        }
    }

    /// What follows the requirement on its line.
    pub(super) fn options(&self) -> &str {
        match self.kind {
            Kind::Requirement { options } => self.text.get(options..).unwrap_or_default(),
            _ => "",
        }
    }

    /// The bytes of the file that a range of the text comes from; none when it spans physical lines.
    pub(super) fn source_of(&self, range: &Range<usize>) -> Option<Range<usize>> {
        self.pieces.iter().find_map(|piece| {
            let inside = piece.text <= range.start && range.end <= piece.text + piece.length;
            inside.then(|| piece.source + range.start - piece.text..piece.source + range.end - piece.text)
        })
    }

    /// The name that the line gives to what it locates: `name @ url`, `#egg=name`.
    pub(super) fn located_name(&self) -> Option<&str> {
        if let Some(at) = self.text.find("#egg=").or_else(|| self.text.find("&egg=")) {
            let name = self.text.get(at + "#egg=".len()..)?;
            return name.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).next();
        }
        None
    }
}

/// Splits a file into its logical lines.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut open: Option<Open> = None;
    let mut physical = physical_lines(text, bom).peekable();
    while let Some((content, whole)) = physical.next() {
        let line = text.get(content.clone()).unwrap_or_default();
        let is_comment = line.trim_start().starts_with('#');
        let continues = line.ends_with('\\') && !is_comment;
        let logical = open.get_or_insert_with(|| Open::at(whole.start));
        if is_comment && !logical.pieces.is_empty() {
            // pip puts a blank before it, so that it reads as a comment.
            logical.text.push(' ');
        }
        let kept = if continues { content.start..content.end - 1 } else { content };
        logical.push(text, kept);
        logical.end = whole.end;
        if continues && physical.peek().is_some() {
            continue;
        }
        lines.extend(open.take().and_then(Open::close));
    }
    lines
}

struct Open {
    start: usize,
    end: usize,
    text: String,
    pieces: Vec<Piece>,
}

impl Open {
    fn at(start: usize) -> Self {
        Self { start, end: start, text: String::new(), pieces: Vec::new() }
    }

    fn push(&mut self, text: &str, range: Range<usize>) {
        self.pieces.push(Piece { text: self.text.len(), source: range.start, length: range.len() });
        self.text.push_str(text.get(range).unwrap_or_default());
    }

    /// The line, when there is more than a comment.
    fn close(self) -> Option<Line> {
        let uncommented = self.text.get(..comment_start(&self.text)).unwrap_or_default();
        let text = uncommented.trim();
        if text.is_empty() {
            return None;
        }
        let shift = uncommented.len() - uncommented.trim_start().len();
        let pieces = self
            .pieces
            .into_iter()
            .filter_map(|piece| {
                let end = piece.text + piece.length;
                let start = piece.text.max(shift);
                (end >= start).then(|| Piece {
                    text: start - shift,
                    source: piece.source + (start - piece.text),
                    length: end - start,
                })
            })
            .collect();
        Some(Line { range: self.start..self.end, kind: kind_of(text), text: text.to_owned(), pieces })
    }
}

fn kind_of(text: &str) -> Kind {
    if text.starts_with('-') {
        return Kind::Option;
    }
    let options = options_start(text);
    let body = text.get(..options).unwrap_or_default().trim_end();
    if Requirement::parse(body).is_some() {
        return Kind::Requirement { options };
    }
    let scheme = body.split_once(':').map_or("", |(scheme, _)| scheme);
    let has_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    let is_location = has_scheme
        || body.starts_with(['.', '/', '~'])
        // A variable of the environment can stand for anything.
        || body.contains("${")
        || [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2"].iter().any(|end| body.ends_with(end))
        || (body.contains(['/', '\\']) && !body.contains(char::is_whitespace));
    if is_location { Kind::Location } else { Kind::Unknown }
}

/// Where options such as `--hash` start: behind a blank.
fn options_start(text: &str) -> usize {
    let bytes = text.as_bytes();
    bytes.windows(2).position(|pair| matches!(pair, [b' ' | b'\t', b'-'])).map_or(text.len(), |at| at + 1)
}

/// Where the comment starts: a `#` at the start or behind a blank.
fn comment_start(text: &str) -> usize {
    let mut blank = true;
    for (at, c) in text.char_indices() {
        if c == '#' && blank {
            return at;
        }
        blank = c.is_whitespace();
    }
    text.len()
}

/// The content and the whole of each physical line.
fn physical_lines(text: &str, start: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = start;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let ending = rest.get(end..).unwrap_or_default();
        let length = if ending.starts_with("\r\n") { 2 } else { usize::from(!ending.is_empty()) };
        let line = (at..at + end, at..at + end + length);
        at += end + length;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        lines(text).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_read_as_pip_reads_them() {
        assert_eq!(texts("a\r\nb # c\n# d\n\n  e==1  \n"), ["a", "b", "e==1"]);
        assert_eq!(texts("a \\\n  ==1 \\\n # c\nb#x\n"), ["a   ==1", "b#x"]);
        assert_eq!(texts("# c \\\na\n"), ["a"]);
        assert_eq!(texts("\u{feff}a"), ["a"]);
    }

    #[test]
    fn pieces_know_where_they_come_from() {
        let text = "x\n  foo == 1.0 \\\n  --hash=sha256:1\n";
        let line = &lines(text)[1];
        let requirement = line.requirement().unwrap();
        let range = line.source_of(&requirement.spec_range()).unwrap();
        assert_eq!(text.get(range), Some("== 1.0"));
        assert_eq!(line.options(), "--hash=sha256:1");
    }

    #[test]
    fn kinds_are_told_apart() {
        let kinds = |text| lines(text).into_iter().map(|line| line.kind).collect::<Vec<_>>();
        assert_eq!(
            kinds("-r x\nhttps://a/b\n./a\na.whl\n{{ x }}\nsome words here\n")[..4],
            [Kind::Option, Kind::Location, Kind::Location, Kind::Requirement { options: 5 },]
        );
        assert_eq!(kinds("{{ x }}\nsome words here\n"), [Kind::Unknown, Kind::Unknown]);
    }
}
