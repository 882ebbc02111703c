//! Reading a TOML document for the places of its parts.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// A document and its text, without the byte order mark.
pub(super) struct Toml {
    document: Document<String>,
}

/// A key of a table that stands in the table's own body.
pub(super) struct Entry<'d> {
    pub(super) name: &'d str,
    /// The bytes of the key itself.
    pub(super) key: Range<usize>,
    /// The end of its value; of the last one for dotted keys.
    pub(super) end: usize,
    pub(super) item: &'d Item,
}

impl Toml {
    pub(super) fn parse(text: &str) -> Result<Self, (usize, String)> {
        match Document::parse(text.to_owned()) {
            Ok(document) => Ok(Self { document }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                Err((at, error.message().lines().next().unwrap_or("invalid").to_owned()))
            }
        }
    }

    pub(super) fn text(&self) -> &str {
        self.document.raw()
    }

    pub(super) fn root(&self) -> &Item {
        self.document.as_item()
    }

    /// The item at a path of keys.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.document.as_item(), |item, key| item.as_table_like()?.get(key))
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        self.text().get(range).unwrap_or_default()
    }

    /// Where the line of byte `at` starts.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line after that of byte `at` starts; the end of the text for the last one.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.slice(at..self.text().len()).find('\n').map_or(self.text().len(), |end| at + end + 1)
    }

    /// The blanks that the line of byte `at` starts with.
    pub(super) fn indentation(&self, at: usize) -> &str {
        let line = self.slice(self.line_start(at)..at);
        line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
    }

    /// Whether bytes `a` and `b` are on one line.
    pub(super) fn same_line(&self, a: usize, b: usize) -> bool {
        !self.slice(a.min(b)..a.max(b)).contains('\n')
    }
}

/// The keys in the own body of `table`, in the order of the text; what has a header of its own is left out.
pub(super) fn entries(table: &dyn TableLike) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = table
        .iter()
        .filter_map(|(name, item)| {
            let key = table.key(name)?.span()?;
            let end = match item {
                Item::Table(inner) if inner.is_dotted() => end_of(item)?,
                Item::Value(_) => end_of(item)?,
                _ => return None,
            };
            Some(Entry { name, key, end, item })
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.start);
    entries
}

/// Where the last thing in `item` ends: a value, or a header with nothing below it.
pub(super) fn end_of(item: &Item) -> Option<usize> {
    let mut end = None;
    let mut items = vec![item];
    while let Some(item) = items.pop() {
        match item {
            Item::Table(table) => {
                items.extend(table.iter().map(|(_, item)| item));
                end = end.max(table.span().map(|span| span.end));
            }
            Item::ArrayOfTables(tables) => {
                for table in tables {
                    items.extend(table.iter().map(|(_, item)| item));
                    end = end.max(table.span().map(|span| span.end));
                }
            }
            Item::Value(Value::InlineTable(table)) if table.is_dotted() => {
                items.extend(TableLike::iter(table).map(|(_, item)| item));
            }
            other => end = end.max(other.span().map(|span| span.end)),
        }
    }
    end
}

/// The key as it has to be written.
pub(super) fn key_text(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}

/// `text` as a TOML string in the given quotes, or in others where these would not do.
pub(super) fn quoted(text: &str, quote: char) -> String {
    if quote == '\'' && !text.contains('\'') {
        return format!("'{text}'");
    }
    if text.contains('"') && !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The quote that most of these raw strings use.
pub(super) fn quote_of<'s>(raw: impl Iterator<Item = &'s str>) -> char {
    let (mut literal, mut basic) = (0, 0);
    for text in raw {
        if text.starts_with('\'') {
            literal += 1;
        } else {
            basic += 1;
        }
    }
    if literal > basic { '\'' } else { '"' }
}

/// The bytes between the quotes of a raw string that starts at `start`.
pub(super) fn inner(raw: &str, start: usize) -> Range<usize> {
    let triple = raw.starts_with("\"\"\"") || raw.starts_with("'''");
    let length = if triple { 3 } else { 1 };
    start + length..(start + raw.len()).saturating_sub(length)
}
