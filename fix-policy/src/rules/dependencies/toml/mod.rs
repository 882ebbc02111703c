//! `pyproject.toml` and its like.
//!
//! A diff shows lines and not documents. What it shows of tables and lists is used where nothing
//! else can be meant; where it shows none, the worst reading counts.

mod place;
mod syntax;

use fix_patch::diff::{Hunk, LineKind};

use self::place::{Place, holds_dependencies, place};
use self::syntax::{Key, Line, Shape, Value};
use super::requirement::{Entry, Fact, Problem, Requirement, is_line_break_to_someone, refers};
use crate::rules::Origin;

/// What the lines of one kind say.
pub(super) fn facts(hunk: &Hunk, kind: LineKind, origin: Origin, facts: &mut Vec<Fact>) {
    let other = if kind == LineKind::Added { LineKind::Removed } else { LineKind::Added };
    // A generator has proved what comes of its change; of another's, what stands below must be looked at.
    let is_strict = origin == Origin::Outside && kind == LineKind::Added;
    let mut walk = Walk { facts, table: None, list: None, depth: 0 };
    // Whether lines that stay may belong to another table, or to another list, than before.
    let (mut moved_pairs, mut moved_items) = (false, false);
    for (index, line) in hunk.lines.iter().enumerate() {
        let text = line.text.strip_suffix('\n').unwrap_or(&line.text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let read = if text.chars().any(is_line_break_to_someone) { None } else { Line::read(text) };
        let changes = line.kind != LineKind::Context && is_strict;
        if changes {
            moved_pairs |= read.as_ref().is_some_and(|read| matches!(read.shape, Shape::Header(_)));
            moved_items |= read.as_ref().is_some_and(|read| read.opened != 0);
            if read.is_none() && !is_prose(text) {
                // The end of a string over several lines, perhaps: what was text may come to mean something.
                (moved_pairs, moved_items) = (true, true);
            }
        }
        if line.kind == other {
            continue;
        }
        let is_own = line.kind == kind;
        let Some(read) = read else {
            if is_own && !is_prose(text) {
                walk.problem(Problem::Hidden, text.trim().to_owned());
            }
            (walk.table, walk.list) = (None, None);
            continue;
        };
        let escapes = read.escapes;
        let mut is_inert = false;
        match read.shape {
            Shape::Blank => {}
            Shape::Header(key) => {
                if is_own {
                    let below =
                        hunk.lines.get(index + 1..).unwrap_or_default().iter().filter(|line| line.kind != other);
                    let table = below.take_while(|line| !line.text.trim_start().starts_with('['));
                    let has_version = table.into_iter().any(|line| line.text.trim_start().starts_with("version"));
                    walk.header(&key, text.contains(['"', '\'']), has_version);
                } else {
                    moved_pairs = false;
                }
                moved_items = false;
                (walk.table, walk.list) = (Some(key), None);
            }
            Shape::Pair(key, value) => {
                if walk.list.is_some() {
                    // There is no pair in a list.
                    (walk.table, walk.list) = (None, None);
                }
                let own = key.len();
                let key: Key<'_> = walk.table.iter().flatten().cloned().chain(key).collect();
                if is_own || moved_pairs {
                    is_inert = walk.pair(&key, own, &value);
                }
                moved_items &= is_own && read.opened != 0;
                (walk.list, walk.depth) = ((read.opened > 0).then_some(key), read.opened);
            }
            Shape::Items(items) => {
                if is_own || moved_pairs || moved_items {
                    is_inert = walk.items(&items);
                }
                walk.depth += read.opened;
                if walk.depth <= 0 {
                    walk.list = None;
                }
            }
        }
        if is_own && !is_inert {
            for escape in escapes {
                walk.problem(Problem::Hidden, escape.to_owned());
            }
        }
    }
    // Below the hunk, lines that are not shown may get another meaning.
    let goes_on = hunk.lines.last().is_some_and(|line| line.kind == LineKind::Context);
    if goes_on && (moved_pairs || moved_items && walk.list.is_some()) {
        walk.problem(Problem::Hidden, "what stands below the diff".to_owned());
    }
}

/// Keys that say where a distribution comes from.
const ELSEWHERE: [&str; 25] = [
    "branch",
    "bzr",
    "channels",
    "default-index",
    "editable",
    "extra-index-url",
    "extra-index-urls",
    "file",
    "find-links",
    "git",
    "hg",
    "index",
    "index-url",
    "index_url",
    "path",
    "pypi-options",
    "ref",
    "rev",
    "source",
    "sources",
    "svn",
    "tag",
    "url",
    "verify_ssl",
    "workspace",
];

/// Keys that change how distributions are found, trusted or built.
const OPTIONS: [&str; 10] = [
    "allow-direct-references",
    "allow-insecure-host",
    "backend-path",
    "build-backend",
    "index-strategy",
    "keyring-provider",
    "no-index",
    "pip-args",
    "require-hashes",
    "trusted-host",
];

/// Keys of a project that are no dependency, though a version may follow.
const OF_PROJECTS: [&str; 5] = ["python", "requires-python", "python_version", "target-version", "name"];

/// Keys of what is said of one dependency.
const OF_DEPENDENCIES: [&str; 8] =
    ["version", "extras", "markers", "optional", "python", "platform", "allow-prereleases", "sys_platform"];

/// Lists in which a dependency says no other.
const LISTS_OF_DEPENDENCIES: [&str; 4] = ["extras", "features", "groups", "platforms"];

struct Walk<'f, 'l> {
    facts: &'f mut Vec<Fact>,
    /// The table of the line, when the hunk shows it.
    table: Option<Key<'l>>,
    /// The whole key of the list of the line, when the hunk shows it.
    list: Option<Key<'l>>,
    /// How many lists are open, as far as the hunk shows.
    depth: isize,
}

impl<'l> Walk<'_, 'l> {
    fn problem(&mut self, problem: Problem, token: String) {
        self.facts.push(Fact::Problem(problem, token));
    }

    fn entry(&mut self, name: Option<&str>, pinned: bool, rest: String) {
        // What Python a project needs is no distribution.
        if name != Some("python") {
            self.facts.push(Fact::Dependency(Entry { name: name.map(str::to_owned), pinned, rest }));
        }
    }

    fn header(&mut self, key: &Key<'l>, is_quoted: bool, has_version: bool) {
        let parts: Vec<&str> = key.iter().map(AsRef::as_ref).collect();
        if is_quoted && parts.len() == 1 {
            // In a list of lists, the same is an item.
            parts.iter().for_each(|part| self.item_text(part));
        }
        // A pair tells what the table holds; one that it holds must not pass for a header.
        let place = place(&parts, true);
        if place == Place::Inert {
            return;
        }
        self.keys(&parts, &"a table");
        if let Place::Name(at) = place {
            self.entry(parts.get(at).copied(), has_version, String::new());
        }
    }

    /// Judges the parts of a key.
    fn keys(&mut self, parts: &[&str], value: &impl std::fmt::Debug) {
        for (known, problem) in [(&ELSEWHERE[..], Problem::Reference), (&OPTIONS[..], Problem::Option)] {
            if parts.iter().any(|part| known.contains(part)) {
                self.problem(problem, format!("{} = {value:?}", parts.join(".")));
            }
        }
    }

    /// Judges a pair by its whole key, of which the last `own` parts stand on the line. Whether there is nothing to judge.
    fn pair(&mut self, key: &Key<'l>, own: usize, value: &Value<'l>) -> bool {
        let parts: Vec<&str> = key.iter().map(AsRef::as_ref).collect();
        let is_inert = place(&parts, self.table.is_some()) == Place::Inert;
        if !is_inert {
            self.judge(&parts, own, value);
        }
        is_inert
    }

    fn judge(&mut self, parts: &[&str], own: usize, value: &Value<'l>) {
        let last = parts.last().copied();
        let place = place(parts, self.table.is_some());
        if !matches!(value, Value::Table(_) | Value::Word("false")) {
            self.keys(parts, value);
        }
        if let Value::Text(text) = value {
            let refers = refers(text) || last != Some("email") && is_reference(text);
            if refers {
                self.problem(Problem::Reference, format!("{} = {text:?}", parts.join(".")));
            }
        }
        // Whatever is said of a distribution names it; what a table or a list says comes below.
        let named = match place {
            Place::Name(at) if !is_group(value) => {
                let is_said_above = own + at < parts.len() && last != Some("version");
                parts.get(at).copied().filter(|_| !is_said_above).map(Some)
            }
            Place::Name(_) | Place::Inert => None,
            Place::Open => self.named_openly(parts, own, value),
        };
        let is_spec = named.is_some();
        if let Some(name) = named {
            self.entry(name, is_pinned(value), format!("{value:?}"));
        }
        match value {
            Value::Text(_) | Value::Word(_) => {}
            Value::Table(pairs) => {
                for (key, value) in pairs {
                    let key: Vec<&str> = parts.iter().copied().chain(key.iter().map(AsRef::as_ref)).collect();
                    let own = own + key.len() - parts.len();
                    if is_spec {
                        self.judge_spec(&key, value);
                    } else {
                        self.judge(&key, own, value);
                    }
                }
            }
            Value::List(items) => self.list(parts, own, items),
        }
    }

    /// What one dependency says of itself names no other.
    fn judge_spec(&mut self, key: &[&str], value: &Value<'l>) {
        self.keys(key, value);
        match value {
            Value::Text(text) if refers(text) || is_reference(text) => {
                self.problem(Problem::Reference, format!("{} = {text:?}", key.join(".")));
            }
            Value::List(items) if !key.last().is_some_and(|last| LISTS_OF_DEPENDENCIES.contains(last)) => {
                self.list(key, 1, items);
            }
            Value::Table(pairs) => {
                for (inner, value) in pairs {
                    let key: Vec<&str> = key.iter().copied().chain(inner.iter().map(AsRef::as_ref)).collect();
                    self.judge_spec(&key, value);
                }
            }
            _ => {}
        }
    }

    /// The name of a dependency where any table may be meant.
    #[expect(clippy::option_option, reason = "a dependency may be named above the diff")]
    fn named_openly<'p>(&self, parts: &[&'p str], own: usize, value: &Value<'l>) -> Option<Option<&'p str>> {
        let last = *parts.last()?;
        match value {
            Value::Text(_) if last == "version" && own > 1 => parts.get(parts.len() - 2).map(|name| Some(*name)),
            Value::Text(_) if last == "version" => self.table.is_none().then_some(None),
            Value::Text(text) => (is_constraint(text) && !OF_PROJECTS.contains(&last)).then_some(Some(last)),
            Value::Table(pairs) => (is_spec(pairs) && !holds_dependencies(last)).then_some(Some(last)),
            Value::List(_) => {
                (self.table.is_none() && !is_group(value) && !holds_dependencies(last)).then_some(Some(last))
            }
            Value::Word(_) => None,
        }
    }

    /// Judges items of the list that is open. Whether there is nothing to judge.
    fn items(&mut self, items: &[Value<'l>]) -> bool {
        let key = self.list.clone().unwrap_or_default();
        let parts: Vec<&str> = key.iter().map(AsRef::as_ref).collect();
        let is_inert = self.list.is_some() && place(&parts, self.table.is_some()) == Place::Inert;
        if !is_inert {
            if self.list.is_some() {
                self.keys(&parts, &items);
            }
            self.list(&parts, 1, items);
        }
        is_inert
    }

    fn list(&mut self, parts: &[&str], own: usize, items: &[Value<'l>]) {
        // `extras` of a dependency are parts of it.
        let is_of_dependency = matches!(place(parts, self.table.is_some()), Place::Name(at) if at + 1 < parts.len())
            && parts.last().is_some_and(|last| LISTS_OF_DEPENDENCIES.contains(last));
        if is_of_dependency {
            return;
        }
        for item in items {
            match item {
                Value::Text(text) => self.item_text(text),
                Value::List(items) => self.list(parts, own, items),
                Value::Word(_) => {}
                Value::Table(pairs) => {
                    let is_spec = is_spec(pairs);
                    if is_spec {
                        self.entry(parts.last().copied(), is_pinned(item), format!("{item:?}"));
                    }
                    for (key, value) in pairs {
                        let key: Vec<&str> = parts.iter().copied().chain(key.iter().map(AsRef::as_ref)).collect();
                        if is_spec {
                            self.judge_spec(&key, value);
                        } else {
                            self.judge(&key, own + key.len() - parts.len(), value);
                        }
                    }
                }
            }
        }
    }

    /// A string that may be a requirement.
    fn item_text(&mut self, text: &str) {
        let text = text.trim();
        if refers(text) || is_reference(text) || text.starts_with("-e") || text.starts_with("--editable") {
            self.problem(Problem::Reference, text.to_owned());
        }
        self.facts.extend(Requirement::read(text).map(|requirement| Fact::Dependency(requirement.entry())));
    }
}

/// Words alone stand in a string over several lines only, and declare nothing there.
fn is_prose(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " \t.,-_()".contains(c))
}

fn is_reference(text: &str) -> bool {
    Requirement::read(text).is_some_and(|requirement| requirement.is_reference)
}

/// Whether a string could be the version of a dependency.
fn is_constraint(text: &str) -> bool {
    let text = text.trim().trim_start_matches(['(', 'v', 'V', ' ']);
    text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit() || "^~=<>!*|".contains(c))
}

/// Whether a table says what is said of a dependency, and not of a project.
fn is_spec(pairs: &[(Key<'_>, Value<'_>)]) -> bool {
    let has = |name: &str| pairs.iter().any(|(key, _)| key.first().is_some_and(|part| part == name));
    !has("name")
        && !has("dependencies")
        && OF_DEPENDENCIES.iter().any(|key| has(key))
        && !pairs.iter().any(|(key, value)| {
            // A table of dependencies may hold one that is called `python`, or `version`.
            key.first().is_some_and(|part| part == "python") && !has("version") || matches!(value, Value::Table(_))
        })
}

/// Whether a value is a list of anything but versions of one distribution.
fn is_group(value: &Value<'_>) -> bool {
    let Value::List(items) = value else { return false };
    let is_version = |item: &Value<'_>| match item {
        Value::Text(text) => !text.trim().is_empty() && is_constraint(text),
        _ => false,
    };
    !items.iter().any(is_version)
}

fn is_pinned(value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => !matches!(text.trim(), "" | "*"),
        Value::Table(pairs) => {
            pairs.iter().any(|(key, value)| key.first().is_some_and(|part| part == "version") && is_pinned(value))
        }
        Value::Word(_) | Value::List(_) => true,
    }
}
