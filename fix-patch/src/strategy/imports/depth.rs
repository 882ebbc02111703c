//! How deeply a Python text can nest, before it is parsed.
//!
//! A syntax tree is walked, compared and freed by recursion. One pass over the
//! bytes bounds its depth from above, so that hostile text is refused before a
//! tree exists, and honest text gets a stack that is large enough.

/// Deepest nesting that is parsed. CPython itself compiles less than this.
pub(super) const DEPTH_MAX: usize = 4_000;

/// An upper bound of the depth of the syntax tree of `text`: indentation, open
/// brackets, and the operators that can stand in one chain.
pub(super) fn depth(text: &str) -> usize {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, frames: Vec::new(), total: 0, chain: 0, deepest: 0 };
    scanner.run();
    scanner.deepest
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    frames: Vec<Frame>,
    /// Brackets that are open, and the chains of all of them.
    total: usize,
    /// The chain outside of all brackets.
    chain: usize,
    deepest: usize,
}

/// What is open.
enum Frame {
    /// A bracket, with the operators since its last comma.
    Bracket { chain: usize },
    /// The braces of a formatted string; behind a colon comes text again.
    Field { chain: usize, in_format: bool },
    /// The text of a formatted string.
    Formatted { quote: u8, triple: bool },
}

impl Scanner<'_> {
    fn run(&mut self) {
        self.indentation();
        while let Some(byte) = self.peek(0) {
            match self.frames.last() {
                Some(&Frame::Formatted { quote, triple }) => self.text(byte, quote, triple),
                Some(Frame::Field { in_format: true, .. }) => self.format(byte),
                _ => self.code(byte),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Text of a formatted string.
    fn text(&mut self, byte: u8, quote: u8, triple: bool) {
        match byte {
            b'\\' if !matches!(self.peek(1), Some(b'{' | b'}')) => self.escape(),
            b'{' if self.peek(1) == Some(b'{') => self.at += 2,
            b'{' => self.open(Frame::Field { chain: 0, in_format: false }),
            b'\n' | b'\r' if !triple => self.close(),
            _ if byte == quote && (!triple || self.closes(quote)) => {
                self.at += if triple { 2 } else { 0 };
                self.close();
            }
            _ => self.at += 1,
        }
    }

    /// What stands behind the colon of a replacement field.
    fn format(&mut self, byte: u8) {
        match byte {
            b'{' => self.open(Frame::Field { chain: 0, in_format: false }),
            b'}' => self.close(),
            b'\'' | b'"' | b'\n' | b'\r' => {
                // The string may end here without its brace: leave the field, and let the text decide.
                let ends = self.frames.len().checked_sub(2).and_then(|below| self.frames.get(below)).is_some_and(|below| {
                    matches!(below, &Frame::Formatted { quote, triple } if if triple { byte == quote && self.closes(quote) } else { byte == quote || byte < b' ' })
                });
                if ends {
                    self.pop();
                } else {
                    self.at += 1;
                }
            }
            _ => self.at += 1,
        }
    }

    fn code(&mut self, byte: u8) {
        match byte {
            b'#' => self.skip(|b| !matches!(b, b'\n' | b'\r')),
            b'\'' | b'"' => self.string(byte, false),
            b'(' | b'[' | b'{' => {
                self.link();
                self.open(Frame::Bracket { chain: 0 });
            }
            b')' | b']' | b'}' => self.close(),
            b'\n' | b'\r' => {
                self.at += 1;
                if self.frames.is_empty() {
                    self.unlink();
                    self.indentation();
                }
            }
            b'\\' => self.escape(),
            b',' | b';' => {
                self.at += 1;
                self.unlink();
            }
            b':' if matches!(self.frames.last(), Some(Frame::Field { .. })) => {
                self.at += 1;
                if let Some(Frame::Field { in_format, .. }) = self.frames.last_mut() {
                    *in_format = true;
                }
            }
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>' | b'=' | b'!'
            | b':' => {
                self.at += 1;
                self.link();
            }
            b' ' => self.skip(|b| b == b' '),
            _ if is_word(byte) => self.word(),
            _ => self.at += 1,
        }
    }

    /// Goes past the bytes that are `wanted`.
    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn word(&mut self) {
        let start = self.at;
        self.skip(is_word);
        let word = self.bytes.get(start..self.at).unwrap_or_default();
        // A keyword may stand right behind a number: `1if x else 2`.
        let links = match word {
            [b'0'..=b'9', rest @ ..] => rest.iter().any(u8::is_ascii_alphabetic),
            _ => links(word),
        };
        if let Some(quote @ (b'\'' | b'"')) = self.peek(0) {
            let prefix = word.len() <= 3 && word.iter().all(|b| b"rRbBuUfFtT".contains(b));
            if prefix {
                let formatted = word.iter().any(|b| b"fFtT".contains(b));
                return self.string(quote, formatted);
            }
        }
        if links {
            self.link();
        }
    }

    /// Goes past a string, or into the text of a formatted one.
    fn string(&mut self, quote: u8, formatted: bool) {
        let triple = self.closes(quote);
        self.at += if triple { 3 } else { 1 };
        if formatted {
            self.at -= 1;
            self.open(Frame::Formatted { quote, triple });
            return;
        }
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.escape(),
                b'\n' | b'\r' if !triple => return,
                _ if byte == quote && !triple => {
                    self.at += 1;
                    return;
                }
                _ if byte == quote && self.closes(quote) => {
                    self.at += 3;
                    return;
                }
                _ => {
                    self.at += 1;
                    self.skip(|b| b != quote && !matches!(b, b'\\' | b'\n' | b'\r'));
                }
            }
        }
    }

    fn closes(&self, quote: u8) -> bool {
        self.peek(0) == Some(quote) && self.peek(1) == Some(quote) && self.peek(2) == Some(quote)
    }

    /// A backslash and what it hides: one byte, or a whole line ending.
    fn escape(&mut self) {
        self.at += if self.peek(1) == Some(b'\r') && self.peek(2) == Some(b'\n') { 3 } else { 2 };
    }

    fn indentation(&mut self) {
        let blanks = self.rest().iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\x0c')).count();
        self.at += blanks;
        if !matches!(self.peek(0), None | Some(b'\n' | b'\r' | b'#')) {
            // Every level of indentation is at least one byte.
            self.deepest = self.deepest.max(blanks);
        }
    }

    fn link(&mut self) {
        match self.frames.last_mut() {
            Some(Frame::Bracket { chain } | Frame::Field { chain, .. }) => *chain += 1,
            Some(Frame::Formatted { .. }) => {}
            None => self.chain += 1,
        }
        self.total += 1;
        self.deepest = self.deepest.max(self.total);
    }

    fn unlink(&mut self) {
        let chain = match self.frames.last_mut() {
            Some(Frame::Bracket { chain } | Frame::Field { chain, .. }) => chain,
            Some(Frame::Formatted { .. }) => return,
            None => &mut self.chain,
        };
        self.total -= std::mem::take(chain);
    }

    fn open(&mut self, frame: Frame) {
        self.at += 1;
        self.frames.push(frame);
        self.total += 1;
        self.deepest = self.deepest.max(self.total);
    }

    fn close(&mut self) {
        self.at += 1;
        self.pop();
    }

    fn pop(&mut self) {
        if let Some(frame) = self.frames.pop() {
            let chain = match frame {
                Frame::Bracket { chain } | Frame::Field { chain, .. } => chain,
                Frame::Formatted { .. } => 0,
            };
            self.total -= chain + 1;
        }
    }
}

/// Whether a keyword makes the tree deeper.
fn links(word: &[u8]) -> bool {
    (2..=6).contains(&word.len())
        && matches!(
            word,
            b"not"
                | b"await"
                | b"async"
                | b"lambda"
                | b"if"
                | b"else"
                | b"yield"
                | b"for"
                | b"in"
                | b"is"
                | b"or"
                | b"and"
                | b"from"
        )
}

/// Whether a byte can stand in a name, a keyword or a number.
fn is_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_chains_and_indentation_count() {
        assert_eq!(depth("x = 1\n"), 1);
        assert!(depth(&"(".repeat(10_000)) >= 10_000);
        assert!(depth(&"-".repeat(10_000)) >= 10_000);
        assert!(depth(&format!("x = {}1", "a.".repeat(10_000))) >= 10_000);
        assert!(depth(&"not ".repeat(10_000)) >= 10_000);
        assert!(depth(&"1if 0x1else ".repeat(10_000)) >= 10_000);
        assert!(depth(&format!("{}x", " ".repeat(10_000))) >= 10_000);
        assert!(depth(&format!("f'{}'", "{f\"".repeat(5_000))) >= 10_000);
    }

    #[test]
    fn lists_strings_and_comments_do_not() {
        assert!(depth(&format!("x = [{}]", "(1, 2), ".repeat(10_000))) < 10);
        assert!(depth(&format!("x = '{}' # {}\n", "(".repeat(10_000), "(".repeat(10_000))) < 10);
        assert!(depth(&"x = f'{a!r:>{width}} {{' + f\"\"\"{b['c']}\n\"\"\"\n".repeat(1_000)) < 20);
        assert!(depth(&"x = '''\n((((\n'''\n".repeat(1_000)) < 10);
        assert!(depth(&"x = 'a\\\r\n(' + \"\\\"(\"\n".repeat(1_000)) < 10);
    }

    #[test]
    fn brackets_and_operators_are_levels() {
        for (text, wanted) in [
            ("x", 0),
            ("(x)", 2),
            ("((x))", 4),
            ("() ()", 3),
            ("x.y.z", 2),
            ("x.y, z.w", 1),
            ("x.y; z.w", 1),
            ("x.y\nz.w", 1),
            ("f(x.y.z)", 4),
            ("f(x.y, z)", 3),
            ("f(x.y) + z", 3),
            ("[x, -y, --z]", 4),
            ("not x", 1),
            ("nothing", 0),
            ("x if y else z", 2),
            ("1if x else 2", 2),
            ("0x1for", 1),
            ("12", 0),
            ("x[y:z]", 3),
            ("{x: y}", 3),
            ("lambda: x", 2),
            (")))", 0),
        ] {
            assert_eq!(depth(text), wanted, "{text}");
        }
    }

    #[test]
    fn text_is_no_level() {
        for (text, wanted) in [
            ("x 'a.b(c'", 0),
            ("x \"a.b(c\"", 0),
            ("'a\\'(' b", 0),
            ("'''a\n(('(.''' (x)", 2),
            ("'a' '' \"\"\"(\"\"\" ((x))", 4),
            ("'a\n(x)", 2),
            ("# ((((", 0),
            ("x  # ((\n(x)", 2),
            ("rb'{(('", 0),
            ("xf'(('", 0),
            ("abcd'(('", 0),
            ("\\\n((x))", 4),
            ("x \\\r\n((x))", 4),
            ("x.y\r(z)", 2),
        ] {
            assert_eq!(depth(text), wanted, "{text}");
        }
    }

    #[test]
    fn fields_of_formatted_strings_are_levels() {
        for (text, wanted) in [
            ("f'{x}'", 2),
            ("Rf'{x}'", 2),
            ("t'{x}'", 2),
            ("f'{x.y}'", 3),
            ("f'{{x.y}}'", 1),
            ("f'{x:{y}}'", 3),
            ("f'{x:>{y.z}}' w.v", 4),
            ("f'a.b'", 1),
            ("f'\\'{x}'", 2),
            ("f'''{x\n+y}''' (z)", 3),
            ("f\"{x['a']}\"", 4),
            ("f'{x:a\n((y))", 4),
            ("f'{x:a' ((y))", 4),
            ("f'\\{x}'", 2),
            ("f'a\n((x))", 4),
            ("f'''a'b{x}''' y", 2),
            ("f'{x:\"\"}' (y)", 2),
            ("f'''{x:'}''' ((y))", 4),
            ("f'}}' (x)", 2),
            ("f'{x}' f'{y}'", 2),
            ("f'{x!r:{y}}'", 4),
            ("f'{f'{x}'}'", 4),
            ("f'{(x:=1)}'", 6),
            ("f'{x,y.z}'", 3),
        ] {
            assert_eq!(depth(text), wanted, "{text}");
        }
    }

    #[test]
    fn blanks_before_a_line_are_levels() {
        for (text, wanted) in
            [("    x", 4), ("\tx", 1), ("  # x\n", 0), ("if x:\n        y\n  z", 8), ("(\n        x)", 2)]
        {
            assert_eq!(depth(text), wanted, "{text}");
        }
    }
}
