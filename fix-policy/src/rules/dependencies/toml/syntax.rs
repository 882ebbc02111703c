//! One line of a TOML document, read wholly or not at all.

use std::borrow::Cow;

/// How deep lists and tables may lie in each other on one line.
const DEPTH_MAX: usize = 16;

/// Parts of a dotted key.
pub(super) type Key<'l> = Vec<Cow<'l, str>>;

/// What stands on a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Shape<'l> {
    /// Nothing, or a comment.
    Blank,
    /// `[key]` or `[[key]]`.
    Header(Key<'l>),
    /// `key = value`.
    Pair(Key<'l>, Value<'l>),
    /// Items of a list that was begun above, and the end of it.
    Items(Vec<Value<'l>>),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value<'l> {
    Text(Cow<'l, str>),
    /// A number, a date, `true`.
    Word(&'l str),
    List(Vec<Self>),
    Table(Vec<(Key<'l>, Self)>),
}

/// A line, and what about its spelling could hide something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Line<'l> {
    pub(super) shape: Shape<'l>,
    /// Lists that it begins, less those that it ends.
    pub(super) opened: isize,
    /// Escapes in its strings, but for `\"` and `\\`, and the quotes of strings that may span lines.
    pub(super) escapes: Vec<&'l str>,
}

impl<'l> Line<'l> {
    /// Reads a line without its ending.
    pub(super) fn read(text: &'l str) -> Option<Self> {
        let mut reader = Reader { rest: text, opened: 0, escapes: Vec::new() };
        let shape = reader.shape()?;
        Some(Self { shape, opened: reader.opened, escapes: reader.escapes })
    }
}

struct Reader<'l> {
    rest: &'l str,
    opened: isize,
    escapes: Vec<&'l str>,
}

impl<'l> Reader<'l> {
    fn shape(&mut self) -> Option<Shape<'l>> {
        if self.is_at_end() {
            return Some(Shape::Blank);
        }
        let start = self.rest;
        if let Some(key) = self.header() {
            return Some(Shape::Header(key));
        }
        self.rest = start;
        self.escapes.clear();
        if let Some(key) = self.key().filter(|_| self.eats('=')) {
            let value = self.value(0)?;
            return self.is_at_end().then_some(Shape::Pair(key, value));
        }
        self.rest = start;
        self.escapes.clear();
        self.items()
    }

    fn header(&mut self) -> Option<Key<'l>> {
        if !self.eats('[') {
            return None;
        }
        let is_list = self.rest.starts_with('[') && self.eats('[');
        let key = self.key()?;
        let is_closed = self.eats(']') && (!is_list || self.rest.starts_with(']') && self.eats(']'));
        (is_closed && self.is_at_end()).then_some(key)
    }

    /// Values, commas, and the ends of lists.
    fn items(&mut self) -> Option<Shape<'l>> {
        let mut items = Vec::new();
        let mut is_apart = true;
        while !self.is_at_end() {
            if self.eats(',') {
                is_apart = true;
            } else if self.eats(']') {
                self.opened -= 1;
                is_apart = false;
            } else if is_apart {
                items.push(self.value(0)?);
                is_apart = false;
            } else {
                return None;
            }
        }
        Some(Shape::Items(items))
    }

    fn value(&mut self, depth: usize) -> Option<Value<'l>> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_blanks();
        match self.rest.bytes().next()? {
            b'"' | b'\'' => self.string(true).map(Value::Text),
            b'[' => self.list(depth),
            b'{' => self.table(depth),
            _ => {
                let word = self.word(|c| c.is_ascii_alphanumeric() || "_+-.:".contains(c))?;
                let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
                (is_number || matches!(word, "true" | "false" | "inf" | "nan")).then_some(Value::Word(word))
            }
        }
    }

    /// A list, of which the line may hold the beginning only.
    fn list(&mut self, depth: usize) -> Option<Value<'l>> {
        let mut items = Vec::new();
        self.eats('[');
        loop {
            if self.is_at_end() {
                self.opened += 1;
                return Some(Value::List(items));
            }
            if self.eats(']') {
                return Some(Value::List(items));
            }
            items.push(self.value(depth + 1)?);
            let is_apart = self.eats(',');
            if !is_apart && !self.rest.starts_with(']') && !self.is_at_end() {
                return None;
            }
        }
    }

    /// An inline table, which ends on its line.
    fn table(&mut self, depth: usize) -> Option<Value<'l>> {
        let mut pairs = Vec::new();
        self.eats('{');
        if self.eats('}') {
            return Some(Value::Table(pairs));
        }
        let opened = self.opened;
        loop {
            let key = self.key().filter(|_| self.eats('='))?;
            pairs.push((key, self.value(depth + 1)?));
            if self.opened != opened {
                return None;
            }
            if self.eats('}') {
                return Some(Value::Table(pairs));
            }
            if !self.eats(',') {
                return None;
            }
        }
    }

    fn key(&mut self) -> Option<Key<'l>> {
        let mut key = Vec::new();
        loop {
            self.skip_blanks();
            key.push(match self.rest.bytes().next()? {
                b'"' | b'\'' => self.string(false)?,
                _ => self.word(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-').map(Cow::Borrowed)?,
            });
            if !self.eats('.') {
                return Some(key);
            }
        }
    }

    fn word(&mut self, holds: impl Fn(char) -> bool) -> Option<&'l str> {
        let (word, rest) = self.rest.split_at(self.rest.find(|c| !holds(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// A string that ends on its line.
    fn string(&mut self, may_span_lines: bool) -> Option<Cow<'l, str>> {
        let quote = self.rest.chars().next()?;
        let tripled = if quote == '"' { "\"\"\"" } else { "'''" };
        let delimiter = if self.rest.starts_with(tripled) { tripled } else { tripled.get(..1)? };
        if delimiter.len() == 3 {
            if !may_span_lines {
                return None;
            }
            self.escapes.push(delimiter);
        }
        let text = self.rest.get(delimiter.len()..)?;
        if quote == '\'' {
            let (inner, rest) = text.split_once(delimiter)?;
            self.rest = rest;
            return (!rest.starts_with(quote)).then_some(Cow::Borrowed(inner));
        }
        let mut decoded: Option<String> = None;
        let mut at = 0;
        loop {
            let plain = text.get(at..)?;
            let stop = plain.find(['"', '\\'])?;
            if let Some(decoded) = &mut decoded {
                decoded.push_str(plain.get(..stop)?);
            }
            at += stop;
            let rest = text.get(at..)?;
            if let Some(behind) = rest.strip_prefix(delimiter) {
                self.rest = behind;
                // Of a fourth quote, readers could believe different things.
                let is_clear = !behind.starts_with(quote);
                return is_clear.then(|| decoded.map_or(Cow::Borrowed(text.get(..at).unwrap_or_default()), Cow::Owned));
            }
            let head = text.get(..at)?;
            let decoded = decoded.get_or_insert_with(|| head.to_owned());
            if rest.starts_with('"') {
                decoded.push('"');
                at += 1;
            } else {
                let (length, c) = escape(rest)?;
                if !matches!(c, '"' | '\\') || length > 2 {
                    self.escapes.push(rest.get(..length)?);
                }
                decoded.push(c);
                at += length;
            }
        }
    }

    fn eats(&mut self, sign: char) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

/// The length of an escape, and what it means.
fn escape(text: &str) -> Option<(usize, char)> {
    let digits = match text.as_bytes().get(1)? {
        b'"' => return Some((2, '"')),
        b'\\' => return Some((2, '\\')),
        b'b' => return Some((2, '\u{8}')),
        b't' => return Some((2, '\t')),
        b'n' => return Some((2, '\n')),
        b'f' => return Some((2, '\u{c}')),
        b'r' => return Some((2, '\r')),
        b'e' => return Some((2, '\u{1b}')),
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    let number = text.get(2..2 + digits).filter(|number| number.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((2 + digits, char::from_u32(u32::from_str_radix(number, 16).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    fn read(text: &str) -> Option<(Shape<'_>, isize)> {
        Line::read(text).map(|line| (line.shape, line.opened))
    }

    #[test]
    fn lines_are_read_whole() {
        let key = |parts: &[&'static str]| parts.iter().map(|part| (*part).into()).collect::<Key<'_>>();
        for (line, shape, opened) in [
            ("", Shape::Blank, 0),
            ("  # a = \"b\"", Shape::Blank, 0),
            ("[tool . \"poetry\".x] # y", Shape::Header(key(&["tool", "poetry", "x"])), 0),
            ("[[a.b]]", Shape::Header(key(&["a", "b"])), 0),
            ("a.'b c' = \"d\\u0041\\\"\\\\\"", Shape::Pair(key(&["a", "b c"]), text("dA\"\\")), 0),
            ("a = [ \"x\", # y", Shape::Pair(key(&["a"]), Value::List(vec![text("x")])), 1),
            (
                "a = [[\"x\"], [",
                Shape::Pair(key(&["a"]), Value::List(vec![Value::List(vec![text("x")]), Value::List(vec![])])),
                2,
            ),
            ("a = 1979-05-27T07:32:00", Shape::Pair(key(&["a"]), Value::Word("1979-05-27T07:32:00")), 0),
            (
                "a = {b.c = 1, d = []}",
                Shape::Pair(
                    key(&["a"]),
                    Value::Table(vec![(key(&["b", "c"]), Value::Word("1")), (key(&["d"]), Value::List(vec![]))]),
                ),
                0,
            ),
            (", 'a', \"\"\"b\"\"\"],", Shape::Items(vec![text("a"), text("b")]), -1),
            ("]", Shape::Items(vec![]), -1),
            ("[\"a\", \"b\"],", Shape::Items(vec![Value::List(vec![text("a"), text("b")])]), 0),
        ] {
            assert_eq!(read(line), Some((shape, opened)), "{line}");
        }
    }

    #[test]
    fn what_is_not_clear_is_not_read() {
        let deep = "[".repeat(DEPTH_MAX + 2);
        for line in [
            "a",
            "a = ",
            "a = b c",
            "\"a",
            "'a",
            "\"\"\"a",
            "\"\"\"a\"\"\"\"",
            "'''a''''",
            "a = \"\\q\"",
            "\"\\ud800\"",
            "a = {b = 1",
            "a = {b = [}",
            "a = {b = [\n",
            "}",
            "a = \"b\",",
            "\"a\" \"b\"",
            "[a",
            "[a]]x",
            "[a] b",
            "\"a\\",
            "a = {b = 1,}",
            "\"\"\"a\"\"\" = 1",
            &deep,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn escapes_are_told() {
        let escapes = |line| Line::read(line).unwrap().escapes;
        assert_eq!(escapes("a = \"\\t\\\\.\\\"\\x41\""), ["\\t", "\\x41"]);
        assert_eq!(escapes("a = '''x'''"), ["'''"]);
        assert_eq!(escapes("a = '\\t'"), [] as [&str; 0]);
    }
}
