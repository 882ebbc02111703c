//! What single lines of dependency files say.
//!
//! A diff shows lines and not files, so this reads what a line could mean, and
//! where two readings are possible, the worse one counts.

/// What a dependency file is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Language {
    /// `pyproject.toml`
    Toml,
    /// What pip reads.
    Requirements,
}

/// A dependency that a line names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Entry {
    /// As it is written.
    pub(super) name: String,
    /// Whether a version follows.
    pub(super) pinned: bool,
    /// What follows the name, without blanks.
    rest: String,
}

/// The code and the name of what fetches from elsewhere than the index, or hides what it fetches.
pub(super) fn elsewhere(line: &str, language: Language) -> Option<(&'static str, &'static str)> {
    const OPTION: (&str, &str) = ("index_option", "an option of pip");
    const REFERENCE: (&str, &str) = ("direct_reference", "a URL, a path or a version control reference");
    const HIDDEN: (&str, &str) = ("dependency_hidden", "a continued line, an escape or a control character");
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.chars().any(is_line_break_to_someone) {
        return Some(HIDDEN);
    }
    let code = match language {
        Language::Requirements => {
            let code = line.split(" #").next().unwrap_or(line).trim();
            if line.trim_end().ends_with('\\') {
                return Some(HIDDEN);
            }
            if has_option(code) {
                return Some(OPTION);
            }
            code
        }
        Language::Toml => {
            // Inside of a string a `#` is no comment: nothing is taken off.
            let code = line.trim();
            if !code.starts_with('#') && ["\\u", "\\U", "\\x", "\\\\"].iter().any(|escape| code.contains(escape)) {
                return Some(HIDDEN);
            }
            code
        }
    };
    if code.starts_with('#') {
        return None;
    }
    let referring = code.contains("://") || code.contains("git+") || code.contains("${") || has_reference(code);
    let keyed = language == Language::Toml && KEYS_ELSEWHERE.iter().any(|key| has_key(code, key));
    let path_of_pip = language == Language::Requirements && is_local(code);
    (referring || keyed || path_of_pip).then_some(REFERENCE)
}

/// `-x` or `--x` at the beginning, or behind a blank.
fn has_option(code: &str) -> bool {
    let mut words = code.split([' ', '\t']).filter_map(|word| word.strip_prefix('-'));
    !code.starts_with('#') && words.any(|rest| rest.starts_with(|c: char| c == '-' || c.is_ascii_alphabetic()))
}

/// What some readers end a line at, and others do not.
fn is_line_break_to_someone(c: char) -> bool {
    c != '\t' && c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Keys of a TOML file that say where a distribution comes from.
const KEYS_ELSEWHERE: [&str; 12] = [
    "git",
    "url",
    "path",
    "file",
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "source",
    "sources",
    "workspace",
    "editable",
];

/// `name @ anything`, and `name@scheme:`.
fn has_reference(code: &str) -> bool {
    code.match_indices('@').any(|(at, _)| {
        let (before, after) = code.split_at(at);
        let after = after.get(1..).unwrap_or_default();
        let blanks = before.ends_with([' ', '\t']) || after.starts_with([' ', '\t']);
        let scheme = after.trim_start().split(|c: char| !(c.is_ascii_alphanumeric() || "+.-".contains(c))).next();
        let colon = scheme.is_some_and(|scheme| {
            !scheme.is_empty() && after.trim_start().get(scheme.len()..).is_some_and(|rest| rest.starts_with(':'))
        });
        blanks && !before.trim_end().is_empty() || colon
    })
}

/// `./x`, `../x`, `x/y`, `x.whl`: what pip installs from the disk.
fn is_local(code: &str) -> bool {
    let name = code.split([';', '[', ' ', '\t']).next().unwrap_or(code);
    let lower = name.to_ascii_lowercase();
    name.starts_with('.')
        || name.contains(['/', '\\'])
        || [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2"].iter().any(|ending| lower.ends_with(ending))
}

/// Whether `key =`, `key.x =`, `"key" =` or `[x.key]` stands in the line.
fn has_key(code: &str, key: &str) -> bool {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    code.match_indices(key).any(|(at, _)| {
        let (before, after) = code.split_at(at);
        let after = after.get(key.len()..).unwrap_or_default();
        if before.ends_with(is_of_key) || after.starts_with(is_of_key) {
            return false;
        }
        let after = after.trim_start_matches(['"', '\'']).trim_start();
        let assigned = after.starts_with('=') && !after.starts_with("==") || after.starts_with('.');
        let header = code.starts_with('[') && before.ends_with(['.', '[']) && after.starts_with([']', '.']);
        assigned || header
    })
}

/// The dependencies that a line names.
pub(super) fn entries(line: &str, language: Language) -> Vec<Entry> {
    match language {
        Language::Requirements => requirement(line.split('#').next().unwrap_or(line)).into_iter().collect(),
        Language::Toml => toml_entries(line),
    }
}

/// `name[extra] >= 1 ; marker`
fn requirement(text: &str) -> Option<Entry> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let of_name = |c: char| c.is_ascii_alphanumeric();
    if !name.starts_with(of_name) || !name.ends_with(of_name) {
        return None;
    }
    let rest: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
    let behind_extras = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1,
        None => &rest,
    };
    let version = behind_extras.split(';').next().unwrap_or_default();
    let is_one = version.is_empty() || version.starts_with(['=', '<', '>', '!', '~', '(', '@', '^', '*']);
    is_one.then(|| Entry { name: name.to_owned(), pinned: !matches!(version, "" | "*"), rest: rest.clone() })
}

/// Keys of a project that are no dependency, though a version may follow.
const KEYS_OF_PROJECTS: [&str; 6] =
    ["version", "python", "requires-python", "python_version", "target-version", "name"];

/// `name = "^1"`, `name = {version = "^1"}`, `[x.dependencies.name]`, and strings that are requirements.
fn toml_entries(line: &str) -> Vec<Entry> {
    let line = line.trim();
    if line.starts_with('#') {
        return Vec::new();
    }
    if let Some(header) = line.strip_prefix('[').filter(|_| line.contains("dependencies.")) {
        let name = header.split(']').next().and_then(|header| header.rsplit('.').next()).unwrap_or_default();
        return requirement(name.trim_matches(['"', '\'', ' '])).into_iter().collect();
    }
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "._-\"' \t".contains(c);
    if let Some((key, value)) = line.split_once('=').filter(|(key, _)| key.chars().all(is_of_key)) {
        let key = key.trim();
        let key =
            key.strip_suffix(".version").unwrap_or(key).rsplit('.').next().unwrap_or(key).trim_matches(['"', '\'']);
        let value = value.trim();
        let constraint = value.trim_start_matches(['"', '\'']);
        let is_table = value.starts_with('{') && has_key(value, "version");
        let is_constraint = constraint.len() < value.len()
            && constraint.starts_with(|c: char| c.is_ascii_digit() || "^~=<>!*".contains(c));
        if !KEYS_OF_PROJECTS.contains(&key) && (is_table || is_constraint) {
            let pinned = !constraint.starts_with('*');
            return vec![Entry { name: key.to_owned(), pinned, rest: value.to_owned() }];
        }
        if !value.starts_with('[') {
            return Vec::new();
        }
    }
    strings(line).filter_map(requirement).collect()
}

/// What stands in quotes.
fn strings(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let open = rest.find(['"', '\''])?;
        let quote = rest.get(open..=open)?;
        let inner = rest.get(open + 1..)?;
        let close = inner.find(quote).unwrap_or(inner.len());
        rest = inner.get(close + 1..).unwrap_or_default();
        inner.get(..close)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str, language: Language) -> Option<&'static str> {
        elsewhere(line, language).map(|(code, _)| code)
    }

    #[test]
    fn requirements_that_fetch_from_elsewhere_are_told() {
        let code = |line| code(line, Language::Requirements);
        for line in ["--index-url x", "-e .", "-r other.txt", "a --hash=sha256:1", "a\t--config-settings=x", " -i x"] {
            assert_eq!(code(line), Some("index_option"), "{line}");
        }
        for line in [
            "a @ https://x/y.whl",
            "a@git+ssh:x",
            "git+ssh://x",
            "a[b]@file:x",
            "./local",
            "../local",
            "dir/pkg",
            "x.whl",
            "${URL}",
            "a @ local",
            "svn+ssh://x",
        ] {
            assert_eq!(code(line), Some("direct_reference"), "{line}");
        }
        for line in ["a @ ht\\", "# x\u{c}--index-url y", "# x\u{85}evil", "a\u{2028}b", "a\rb", "a\0"] {
            assert_eq!(code(line), Some("dependency_hidden"), "{line}");
        }
        for line in [
            "requests>=2\r\n",
            "# see https://x",
            "a  # from https://x",
            "path==1.0",
            "a; os_name == 'nt'",
            "a-b==1-2",
            "",
        ] {
            assert_eq!(code(line), None, "{line}");
        }
    }

    #[test]
    fn tables_that_fetch_from_elsewhere_are_told() {
        let code = |line| code(line, Language::Toml);
        for line in [
            "a = { git = \"x\" }",
            "url = \"x\"",
            "a = {path=\"../x\"}",
            "\"git\" = \"x\"",
            "a.git = \"x\"",
            "[tool.uv.sources]",
            "[[tool.uv.index]]",
            "[tool.poetry.source]",
            "a = { workspace = true }",
            "deps = [\"a #\", \"b @ https://x\"]",
            "\"a@file:x\",",
            "git.url = \"x\"",
        ] {
            assert_eq!(code(line), Some("direct_reference"), "{line}");
        }
        for line in ["\"evil@https:\\u002f\\u002fx\"", "\"\\x40\""] {
            assert_eq!(code(line), Some("dependency_hidden"), "{line}");
        }
        for line in [
            "  \"gitpython==3.1\",",
            "path-like = \"^1\"",
            "# url = 1",
            "authors = [{email = \"a@b.org\"}]",
            "indexes = []",
        ] {
            assert_eq!(code(line), None, "{line}");
        }
    }

    #[test]
    fn names_are_read_out_of_lines() {
        let names = |line, language| entries(line, language).into_iter().map(|entry| entry.name).collect::<Vec<_>>();
        for (line, expected) in [
            ("requests[socks]>=2.31,<3 ; x # y", vec!["requests"]),
            ("Foo.Bar", vec!["Foo.Bar"]),
            ("a@https://x", vec!["a"]),
            ("# a", vec![]),
            ("some prose here", vec![]),
            ("-e x", vec![]),
        ] {
            assert_eq!(names(line, Language::Requirements), expected, "{line}");
        }
        for (line, expected) in [
            ("    \"rich>=13\", # why", vec!["rich"]),
            ("dependencies = [\"a\", 'b==1']", vec!["a", "b"]),
            ("flask = \"^3\"", vec!["flask"]),
            ("flask = { version = \"^3\", extras = [\"x\"] }", vec!["flask"]),
            ("tool.poetry.dependencies.flask = \"*\"", vec!["flask"]),
            ("flask.version = \"1\"", vec!["flask"]),
            ("[tool.poetry.dependencies.flask]", vec!["flask"]),
            ("version = \"1.0\"", vec![]),
            ("name = \"shop\"", vec![]),
            ("description = \"a shop\"", vec![]),
            ("\"Programming Language :: Python\",", vec![]),
        ] {
            assert_eq!(names(line, Language::Toml), expected, "{line}");
        }
    }
}
