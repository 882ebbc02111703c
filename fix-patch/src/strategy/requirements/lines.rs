//! The logical lines of a requirements file, as pip reads them.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use crate::source::SourceFile;
use crate::strategy::requirement::{Requirement, is_spelling_of, name_at_start};

/// A requirements file, and its logical lines that are not empty.
#[derive(Debug)]
pub(super) struct File {
    source: SourceFile,
    entries: Vec<Entry>,
}

/// What is known of one logical line.
#[derive(Debug)]
struct Entry {
    /// Its bytes, from the start of the first physical line to the end of the last, line ending included.
    range: Range<usize>,
    content: Content,
}

/// The text of a logical line: comment and blanks around it gone.
#[derive(Debug)]
enum Content {
    /// The bytes of the file.
    Plain(Range<usize>),
    /// Physical lines joined. Few are, so that the others need not have the room.
    Joined(Box<Joined>),
}

#[derive(Debug)]
struct Joined {
    text: String,
    /// Where pieces of the text come from.
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

/// One logical line of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'f> {
    file: &'f File,
    entry: &'f Entry,
}

impl<'f> Line<'f> {
    /// Its bytes in the file.
    pub(super) fn range(&self) -> &'f Range<usize> {
        &self.entry.range
    }

    /// What the line is, by its text alone: lines of the same text are of the same kind.
    pub(super) fn kind(&self) -> Kind {
        kind_of(self.text())
    }

    pub(super) fn is_option(&self) -> bool {
        self.text().starts_with('-')
    }

    pub(super) fn text(&self) -> &'f str {
        match &self.entry.content {
            Content::Plain(range) => self.file.source.text().get(range.clone()).unwrap_or_default(),
            Content::Joined(joined) => &joined.text,
        }
    }

    /// The requirement; none on other lines.
    pub(super) fn requirement(&self) -> Option<Requirement<'f>> {
        match self.kind() {
            Kind::Requirement { options } => Requirement::parse(body(self.text(), options)),
            _ => None,
        }
    }

    /// What follows the requirement on its line.
    pub(super) fn options(&self) -> &'f str {
        match self.kind() {
            Kind::Requirement { options } => self.text().get(options..).unwrap_or_default(),
            _ => "",
        }
    }

    /// The bytes of the file that a range of the text comes from, with the line ends inside it.
    pub(super) fn source_of(&self, range: &Range<usize>) -> Range<usize> {
        let pieces = match &self.entry.content {
            Content::Plain(content) => return content.start + range.start..content.start + range.end,
            Content::Joined(joined) => &joined.pieces,
        };
        // Where two lines meet, a text starts on the second and ends on the first; no text stays on the first.
        let on = |at: usize, fits: &dyn Fn(usize) -> bool| {
            let piece = pieces.iter().find(|piece| fits(piece.text + piece.length));
            piece.map_or(0, |piece| piece.source + at - piece.text)
        };
        let start = on(range.start, &|end| range.start < end || range.is_empty() && range.start == end);
        start..on(range.end, &|end| range.end <= end)
    }

    /// Whether the line is about the package of this normalised name.
    pub(super) fn names(&self, normalized: &str) -> bool {
        let text = self.text();
        let is_meant = |name: &str| is_spelling_of(name, normalized);
        let (starts, located) = (is_meant(name_at_start(text)), located_name(text).is_some_and(is_meant));
        // What the line is takes longer to tell, and few lines need it.
        (starts || located)
            && match self.kind() {
                Kind::Requirement { .. } => starts,
                // A version from the environment: `name==${VERSION}`.
                Kind::Location => located || text.contains("${"),
                Kind::Option => located,
                Kind::Unknown => false,
            }
    }
}

/// The name that what is located has: `#egg=name`, or that of a wheel's file.
fn located_name(text: &str) -> Option<&str> {
    if let Some(at) = memchr(b'#', text.as_bytes()) {
        let fragment = text.get(at..)?;
        if let Some(at) = fragment.find("#egg=").or_else(|| fragment.find("&egg=")) {
            return Some(name_at_start(fragment.get(at + "#egg=".len()..)?));
        }
    }
    // `w` is rarer than the dot before it.
    let mut ends = memchr_iter(b'w', text.as_bytes()).filter_map(|at| text.split_at_checked(at.checked_sub(1)?));
    let (wheel, _) = ends.find(|(_, end)| end.starts_with(".whl"))?;
    wheel.rsplit(['/', '\\']).next()?.split('-').next()
}

impl File {
    /// Splits a file into its logical lines.
    pub(super) fn new(source: &SourceFile) -> Self {
        let text = source.text();
        let mut entries = Vec::with_capacity(memchr_iter(b'\n', text.as_bytes()).count() + 1);
        let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut open: Option<Open> = None;
        let mut physical = physical_lines(text, bom).peekable();
        while let Some((content, whole)) = physical.next() {
            let line = text.get(content.clone()).unwrap_or_default();
            let continues = line.ends_with('\\') && !is_comment(line) && physical.peek().is_some();
            let Some(mut logical) = open.take() else {
                if continues {
                    open = Some(Open::new(text, whole, content.start..content.end - 1));
                } else {
                    entries.extend(plain(text, content, whole));
                }
                continue;
            };
            if is_comment(line) {
                // pip puts a blank before it, so that it reads as a comment.
                logical.text.push(' ');
            }
            let ends_with_backslash = line.ends_with('\\') && !is_comment(line);
            let kept = content.start..content.end - usize::from(ends_with_backslash);
            logical.push(text, kept);
            logical.range.end = whole.end;
            if continues {
                open = Some(logical);
            } else {
                entries.extend(logical.close());
            }
        }
        Self { source: source.clone(), entries }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.entries.iter().map(|entry| Line { file: self, entry })
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// A logical line of one physical line, when there is more than a comment.
fn plain(text: &str, content: Range<usize>, whole: Range<usize>) -> Option<Entry> {
    let line = text.get(content.clone())?;
    // At the end of the file a backslash continues nothing.
    let line = line.strip_suffix('\\').filter(|_| !is_comment(line)).unwrap_or(line);
    let uncommented = line.get(..comment_start(line))?;
    let trimmed = uncommented.trim();
    if trimmed.is_empty() {
        return None;
    }
    let start = content.start + (uncommented.len() - uncommented.trim_start().len());
    let content = Content::Plain(start..start + trimmed.len());
    Some(Entry { range: whole, content })
}

/// Physical lines that go on.
struct Open {
    range: Range<usize>,
    text: String,
    pieces: Vec<Piece>,
}

impl Open {
    fn new(text: &str, range: Range<usize>, first: Range<usize>) -> Self {
        let mut open = Self { range, text: String::new(), pieces: Vec::new() };
        open.push(text, first);
        open
    }

    fn push(&mut self, text: &str, range: Range<usize>) {
        self.pieces.push(Piece { text: self.text.len(), source: range.start, length: range.len() });
        self.text.push_str(text.get(range).unwrap_or_default());
    }

    /// The line, when there is more than a comment.
    fn close(self) -> Option<Entry> {
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
        Some(Entry { range: self.range, content: Content::Joined(Box::new(Joined { text: text.to_owned(), pieces })) })
    }
}

fn kind_of(text: &str) -> Kind {
    if text.starts_with('-') {
        return Kind::Option;
    }
    let options = options_start(text);
    let body = body(text, options);
    let located = body.split_once(';').map_or(body, |(located, _)| located).trim_end();
    let is_named = located.split_once('@').is_some_and(|(name, _)| !name.contains(['/', '\\', '.']));
    // A wheel's name can be read as a package's; pip takes it for the file.
    let is_wheel = located.ends_with(".whl") && !is_named;
    if !is_wheel && Requirement::parse(body).is_some() {
        return Kind::Requirement { options };
    }
    let is_archive = !is_named && ARCHIVES.iter().any(|end| located.ends_with(end));
    let is_location = is_archive
        || body.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
        || body.starts_with(['.', '/', '~'])
        // A variable of the environment can stand for anything.
        || body.contains("${")
        || (body.contains(['/', '\\']) && !body.contains(char::is_whitespace));
    if is_location { Kind::Location } else { Kind::Unknown }
}

/// What stands before the options; pip reads no marker behind a `;` as none.
fn body(text: &str, options: usize) -> &str {
    let body = text.get(..options).unwrap_or_default().trim_end();
    body.strip_suffix(';').map_or(body, str::trim_end)
}

/// The endings of files that pip installs.
const ARCHIVES: [&str; 12] =
    [".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma"];

/// The schemes that pip reads: those of files on the net, and a version control system's with its transport.
fn is_scheme(scheme: &str) -> bool {
    let of_versions = |system: &str| matches!(system, "git" | "hg" | "svn" | "bzr");
    matches!(scheme, "http" | "https" | "ftp" | "file")
        || scheme.split_once('+').is_some_and(|(system, transport)| of_versions(system) && !transport.is_empty())
}

/// Where options such as `--hash` start: behind a blank.
fn options_start(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_start =
        |at: usize| at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|b| matches!(b, b' ' | b'\t'));
    memchr_iter(b'-', bytes).find(|at| is_start(*at)).unwrap_or(text.len())
}

/// Where the comment starts: a `#` at the start or behind a blank.
fn comment_start(text: &str) -> usize {
    let is_start = |at: usize| at == 0 || text.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace));
    memchr_iter(b'#', text.as_bytes()).find(|at| is_start(*at)).unwrap_or(text.len())
}

/// The content and the whole of each physical line.
fn physical_lines(text: &str, start: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    // The first bytes of what ends a line, but for `\n`: most files have none of them.
    let bytes = text.as_bytes();
    let has_rare = memchr3(b'\r', 0x0b, 0x0c, bytes).is_some()
        || memchr3(0x1c, 0x1d, 0x1e, bytes).is_some()
        || memchr2(0xc2, 0xe2, bytes).is_some();
    let mut at = start;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = if has_rare { rest.find(ENDS) } else { memchr(b'\n', rest.as_bytes()) }.unwrap_or(rest.len());
        let ending = rest.get(end..).unwrap_or_default();
        let length = match ending.chars().next() {
            Some('\r') if ending.starts_with("\r\n") => 2,
            first => first.map_or(0, char::len_utf8),
        };
        let line = (at..at + end, at..at + end + length);
        at += end + length;
        Some(line)
    })
}

/// What ends a line for pip, which splits as Python's `str.splitlines` does.
const ENDS: [char; 10] = ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::new(&SourceFile::new("requirements.txt".parse().unwrap(), text.as_bytes().to_vec()).unwrap())
    }

    fn texts(text: &str) -> Vec<String> {
        file(text).lines().map(|line| line.text().to_owned()).collect()
    }

    #[test]
    fn lines_are_read_as_pip_reads_them() {
        assert_eq!(texts("a\r\nb # c\n# d\n\n  e==1  \n"), ["a", "b", "e==1"]);
        assert_eq!(texts("a \\\n  ==1 \\\n # c\nb#x\n"), ["a   ==1", "b#x"]);
        assert_eq!(texts("# c \\\na\n"), ["a"]);
        assert_eq!(texts("\u{feff}a"), ["a"]);
        assert_eq!(texts("# c\u{c}a\rb\u{2028}c\u{85}d é\r\n# e\u{1c}f"), ["a", "b", "c", "d é", "f"]);
    }

    #[test]
    fn pieces_know_where_they_come_from() {
        let text = "x\n  foo == 1.0 \\\n  --hash=sha256:1\n";
        let file = file(text);
        let line = file.lines().nth(1).unwrap();
        let requirement = line.requirement().unwrap();
        let range = line.source_of(&requirement.spec_range());
        assert_eq!(text.get(range), Some("== 1.0"));
        assert_eq!(line.options(), "--hash=sha256:1");
    }

    #[test]
    fn a_specifier_may_span_lines() {
        let spec = |text: &str| {
            let file = file(text);
            let line = file.lines().next().unwrap();
            let range = line.source_of(&line.requirement().unwrap().spec_range());
            text.get(range).unwrap().to_owned()
        };
        assert_eq!(spec("a >=1, \\\n   <2 \\\n   # why\n"), ">=1, \\\n   <2");
        assert_eq!(spec("a\\\r\n>=1\\\r\n,<2\\\r\n; os_name == 'nt'\r\n"), ">=1\\\r\n,<2");
        assert_eq!(spec("a\\\n; os_name == 'nt'\n"), "");
    }

    #[test]
    fn names_are_found_where_pip_finds_them() {
        let lines = "a==1\na[x]>=${B}\n./d/a-1.0-py3-none-any.whl\na-1-py3-none-any.whl\nhttps://x/A-1-py3-none-any.whl#sha256=0\n\
            git+https://x/y#egg=a\n-e ./y#subdirectory=z&egg=a\na ;\n";
        assert!(file(lines).lines().all(|line| line.names("a")));
        let others = "b==1\n${a}\n./a\nab-1-py3-none-any.whl\nb @ https://x/b#a\n-r a\n";
        assert!(file(others).lines().all(|line| !line.names("a")));
    }

    #[test]
    fn kinds_are_told_apart() {
        let kinds = |text: &str| file(text).lines().map(|line| line.kind()).collect::<Vec<_>>();
        assert_eq!(
            kinds("-r x\nhttps://a/b\n./a\na.zip\n{{ x }}\nsome words here\n")[..4],
            [Kind::Option, Kind::Location, Kind::Location, Kind::Requirement { options: 5 },]
        );
        let all = |text: &str, kind| assert!(kinds(text).iter().all(|found| *found == kind), "{text}");
        all("{{ x }}\nsome words here\n1a: b\nwords, words: or\nthis or/that\na b\\c\n", Kind::Unknown);
        all("git+https://x/y\nfile:a.b\n./a.whl ; os_name == 'nt'\na-1-py3-none-any.whl\na==${B}\n", Kind::Location);
        all("Note: a b\nnumpy: 1\nUser-agent: *\ngit+: a\n", Kind::Unknown);
        all("~/a\n/a b\n../a b\ngit+ssh://h/a b\nx y.tar.gz\na b.zip\n${A} b\na/b,c\na\\b,c\n", Kind::Location);
    }
}
