//! From text to a policy: read a tree, compare its keys with the default policy's, fill up, decode.

use std::sync::LazyLock;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::tree::Tree;
use super::{DEFAULT_POLICY_TOML, PolicyError, PolicyProblem, SafetyPolicy};
use crate::engine::Compiled;

/// Longest policy that is read, in bytes.
const POLICY_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn toml(text: &str) -> Result<Value, PolicyError> {
    tree(text, |text| toml::from_str(text).map_err(|error| error.to_string()))
}

pub(super) fn json(text: &str) -> Result<Value, PolicyError> {
    tree(text, |text| serde_json::from_str(text).map_err(|error| error.to_string()))
}

#[cfg(feature = "yaml")]
pub(super) fn yaml(text: &str) -> Result<Value, PolicyError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        // `1_0` is a number to some readers only.
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
    };
    let tree = tree(text, |text| {
        // A tag makes another value of what is written: `!!binary Kio=` would be `**`.
        if text.contains("!!") || text.contains("!<") || text.lines().any(|line| line.starts_with('%')) {
            return Err("it has a tag or a directive of YAML, which a policy does not need".to_owned());
        }
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
    })?;
    if tree.is_null() { Err(PolicyError::Empty) } else { Ok(tree) }
}

pub(super) fn file(name: &str, content: &[u8]) -> Result<Value, PolicyError> {
    let unreadable = |problem: String| Err(PolicyError::Unreadable { problem });
    let Ok(text) = std::str::from_utf8(content) else {
        return unreadable(format!("{name} is not UTF-8"));
    };
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "toml" => toml(text),
        "json" => json(text),
        #[cfg(feature = "yaml")]
        "yaml" | "yml" => yaml(text),
        #[cfg(not(feature = "yaml"))]
        "yaml" | "yml" => unreadable(format!("{name}: this program is built without YAML; write TOML or JSON")),
        _ => unreadable(format!("{name}: the ending says no language; use .toml, .json, .yaml or .yml")),
    }
}

fn tree(text: &str, parse: impl FnOnce(&str) -> Result<Tree, String>) -> Result<Value, PolicyError> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(PolicyError::Unreadable { problem: format!("it is longer than {POLICY_BYTES_MAX} bytes") });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(PolicyError::Empty);
    }
    let Tree(tree) =
        parse(text).map_err(|problem| PolicyError::Unreadable { problem: problem.trim_end().to_owned() })?;
    Ok(tree)
}

/// The default policy, as a tree: the keys that there are, and their defaults.
static DEFAULT: LazyLock<Result<Value, PolicyError>> = LazyLock::new(|| toml(DEFAULT_POLICY_TOML));

pub(super) fn default_tree() -> Result<&'static Value, PolicyError> {
    DEFAULT.as_ref().map_err(PolicyError::clone)
}

/// What the document leaves out is as in the default policy; its version it must say itself.
pub(super) fn over_default(document: Value) -> Result<SafetyPolicy, PolicyError> {
    let Value::Object(document) = document else {
        return Err(PolicyError::Unreadable { problem: "it is no table of keys".to_owned() });
    };
    if document.is_empty() {
        return Err(PolicyError::Empty);
    }
    let default = default_tree()?;
    let mut problems = Vec::new();
    if !document.contains_key("version") {
        problems.push(PolicyProblem::new("version", "is missing; write `version = 1`"));
    }
    let Value::Object(known) = default else { return Err(PolicyError::Empty) };
    let known = known_keys("", document, known, &mut problems);
    if problems.is_empty() {
        if let Ok(policy) = decode(merge(default.clone(), Value::Object(known.clone()))) {
            return Ok(policy);
        }
    }
    Err(PolicyError::Invalid { problems: all_problems(default, known, problems) })
}

/// Decoding ends at the first problem. So each value is decoded alone, and those that can be are judged together.
fn all_problems(default: &Value, document: Map<String, Value>, mut problems: Vec<PolicyProblem>) -> Vec<PolicyProblem> {
    let mut usable = default.clone();
    for (table, value) in document {
        let pairs = match value {
            Value::Object(pairs) => pairs.into_iter().map(|(key, value)| (Some(key), value)).collect(),
            value => vec![(None, value)],
        };
        for (key, value) in pairs {
            let over = |value: Value| match &key {
                Some(key) => Value::from_iter([(table.clone(), Value::from_iter([(key.clone(), value)]))]),
                None => Value::from_iter([(table.clone(), value)]),
            };
            // Of a list, each item alone.
            let (is_list, items) = match &value {
                Value::Array(items) => (true, items.iter().map(|item| Value::Array(vec![item.clone()])).collect()),
                value => (false, vec![value.clone()]),
            };
            let before = problems.len();
            for (index, item) in items.into_iter().enumerate() {
                if let Err(mut problem) = decode(merge(default.clone(), over(item))) {
                    if is_list {
                        problem.key = problem.key.replacen("[0]", &format!("[{index}]"), 1);
                    }
                    problems.push(problem);
                }
            }
            if problems.len() == before {
                usable = merge(usable, over(value));
            }
        }
    }
    let compiled =
        decode(usable).map_err(|problem| PolicyError::Invalid { problems: vec![problem] }).and_then(Compiled::new);
    if let Err(PolicyError::Invalid { problems: more }) = compiled {
        problems.extend(more);
    }
    problems
}

fn decode(tree: Value) -> Result<SafetyPolicy, PolicyProblem> {
    let mut track = serde_path_to_error::Track::new();
    let decoder = serde_path_to_error::Deserializer::new(tree, &mut track);
    SafetyPolicy::deserialize(decoder).map_err(|error| PolicyProblem::new(track.path().to_string(), error.to_string()))
}

/// Tables are merged key by key; anything else replaces what was there.
fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let merged = match base.remove(&key) {
                    Some(below) => merge(below, value),
                    None => value,
                };
                base.insert(key, merged);
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

/// What is left when every key that is none, and every value of another kind, is a problem.
fn known_keys(
    at: &str,
    found: Map<String, Value>,
    known: &Map<String, Value>,
    problems: &mut Vec<PolicyProblem>,
) -> Map<String, Value> {
    let mut left = Map::new();
    for (key, value) in found {
        let path = joined(at, &key);
        match (known.get(&key), value) {
            (Some(Value::Object(known)), Value::Object(found)) => {
                left.insert(key, Value::Object(known_keys(&path, found, known, problems)));
            }
            (Some(Value::Object(_)), other) => problems.push(wrong_kind(path, "a table", &other)),
            (Some(Value::Array(known)), Value::Array(found)) => {
                let known = known.first().and_then(Value::as_object);
                let items = found.into_iter().enumerate().map(|(index, item)| match (known, item) {
                    (Some(known), Value::Object(found)) => {
                        Value::Object(known_keys(&format!("{path}[{index}]"), found, known, problems))
                    }
                    (_, item) => item,
                });
                let items = items.collect();
                left.insert(key, Value::Array(items));
            }
            (Some(expected), value) if kind(expected) != kind(&value) => {
                problems.push(wrong_kind(path, kind(expected), &value));
            }
            (Some(_), value) => drop(left.insert(key, value)),
            (None, _) => {
                let message = match suggestion(at, &key, known) {
                    Some(meant) => format!("is no key of a policy; did you mean `{meant}`?"),
                    None => format!("is no key of a policy; known here: {}", names(known)),
                };
                problems.push(PolicyProblem::new(path, message));
            }
        }
    }
    left
}

fn wrong_kind(path: String, expected: &str, found: &Value) -> PolicyProblem {
    PolicyProblem::new(path, format!("must be {expected}, and is {}", kind(found)))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn names(known: &Map<String, Value>) -> String {
    known.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// The key that was meant: a similar one beside it, or the same one in another table.
fn suggestion(at: &str, key: &str, known: &Map<String, Value>) -> Option<String> {
    let spelling = key.to_ascii_lowercase().replace('-', "_");
    let similar = known
        .keys()
        .map(|other| (strsim::osa_distance(&spelling, other), other))
        .filter(|(distance, other)| *distance <= 1 + other.len() / 5)
        .min();
    if let Some((_, other)) = similar {
        return Some(joined(at, other));
    }
    let Ok(Value::Object(tables)) = default_tree() else { return None };
    let elsewhere = tables.iter().find(|(_, table)| table.get(&spelling).is_some());
    elsewhere.map(|(table, _)| joined(table, &spelling))
}

fn joined(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match SafetyPolicy::from_toml(text).unwrap_err() {
            PolicyError::Invalid { problems } => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        }
    }

    #[test]
    fn the_default_is_a_policy_and_says_every_key() {
        let default = SafetyPolicy::from_toml(DEFAULT_POLICY_TOML).unwrap();
        assert_eq!(SafetyPolicy::from_toml("version = 1").unwrap(), default);
        assert_eq!(&serde_json::to_value(default).unwrap(), default_tree().unwrap());
    }

    #[test]
    fn every_unknown_key_is_told_with_what_was_meant() {
        for (text, meant) in [
            ("version = 1\n[limits]\nfile_max = 1", "limits.files_max"),
            ("version = 1\n[limit]\nfiles_max = 1", "limits"),
            ("version = 1\n[paths]\nforbiden = []", "paths.forbidden"),
            ("version = 1\n[danger]\nsafe-max = 1", "danger.safe_max"),
            ("version = 1\nfiles_max = 1", "limits.files_max"),
            ("version = 1\n[paths]\ndenied = []", "dependencies.denied"),
            ("version = 1\n[[danger.risky_paths]]\npatern = \"x\"\nweight = 1", "danger.risky_paths[0].pattern"),
        ] {
            let told = problems(text);
            assert!(!told.is_empty() && told[0].contains(&format!("did you mean `{meant}`?")), "{text}: {told:?}");
        }
        let told = problems("[limits]\nfile_max = 1\n[secrets]\nenabled = 1\n[xyzzy]");
        assert_eq!(told.len(), 4, "{told:?}");
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let told = problems(
            "version = 1
            limits.file_max = 1
            limits.diff_bytes_max = -1
            dependencies = { unpinned = \"no\", suspicious = \"maybe\", denied = [\"a b\", \"c\", \"d/e\"] }
            support.operations = [\"add_dependency\", \"add\", \"pin\"]
            paths.forbidden = [\"a[\", \"b\", \"/c\"]",
        );
        let keys: Vec<&str> = told.iter().map(|problem| problem.split('`').nth(1).unwrap()).collect();
        let mut expected =
            vec!["limits.file_max", "limits.diff_bytes_max", "dependencies.unpinned", "dependencies.suspicious"];
        expected.extend([
            "support.operations[1]",
            "support.operations[2]",
            "dependencies.denied",
            "dependencies.denied",
        ]);
        expected.extend(["paths.forbidden", "paths.forbidden"]);
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>(), expected.iter().collect());
        assert_eq!(told.len(), expected.len(), "{told:?}");
    }

    #[test]
    fn a_byte_order_mark_says_nothing() {
        assert!(SafetyPolicy::from_toml("\u{feff}version = 1").is_ok());
        assert!(SafetyPolicy::from_json("\u{feff}{\"version\": 1}").is_ok());
        #[cfg(feature = "yaml")]
        assert!(SafetyPolicy::from_yaml("\u{feff}version: 1").is_ok());
    }

    #[test]
    fn values_must_be_of_their_kind() {
        for (text, key) in [
            ("version = 2", "version"),
            ("version = \"1\"", "version"),
            ("version = 1\nlimits = 3", "limits"),
            ("version = 1\n[limits]\nfiles_max = -1", "limits.files_max"),
            ("version = 1\n[limits]\nfiles_max = 1.5", "limits.files_max"),
            ("version = 1\n[danger]\nsafe_max = 300", "danger.safe_max"),
            ("version = 1\n[dependencies]\nunpinned = \"deny\"", "dependencies.unpinned"),
            ("version = 1\n[support]\noperations = [\"add\"]", "support.operations[0]"),
            ("version = 1\n[paths]\nallowed = [1]", "paths.allowed[0]"),
            ("version = 1\n[paths]\nallowed = 2026-01-01", "paths.allowed"),
            ("version = 1\n[[danger.risky_paths]]\npattern = \"x\"", "danger.risky_paths[0]"),
        ] {
            let told = problems(text);
            assert!(told[0].starts_with(&format!("`{key}")), "{text}: {told:?}");
        }
        assert!(problems("version = 1\n[danger]\nconfidence_low = nan")[0].contains("not finite"));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", " \n\t"] {
            assert_eq!(SafetyPolicy::from_toml(text), Err(PolicyError::Empty));
            assert_eq!(SafetyPolicy::from_json(text), Err(PolicyError::Empty));
        }
        assert_eq!(SafetyPolicy::from_toml("# only a comment"), Err(PolicyError::Empty));
        assert_eq!(SafetyPolicy::from_json("{}"), Err(PolicyError::Empty));
        for text in [
            "[]",
            "null",
            "{",
            r#"{"version":1,"version":1}"#,
            r#"{"version":1,"paths":{"allowed":[],"allowed":["**"]}}"#,
        ] {
            assert!(matches!(SafetyPolicy::from_json(text), Err(PolicyError::Unreadable { .. })), "{text}");
        }
        for (name, content) in [("p.toml", &b"\xff"[..]), ("p", b"version = 1"), ("p.xml", b"version = 1")] {
            assert!(matches!(SafetyPolicy::from_file(name, content), Err(PolicyError::Unreadable { .. })), "{name}");
        }
        let long = " ".repeat(POLICY_BYTES_MAX) + "x";
        assert!(matches!(SafetyPolicy::from_toml(&long), Err(PolicyError::Unreadable { .. })));
    }

    #[cfg(feature = "yaml")]
    #[test]
    fn yaml_is_read_as_strictly() {
        let policy = SafetyPolicy::from_file("p.yml", b"version: 1\npaths:\n  allowed: ['src/**']\n").unwrap();
        assert_eq!(policy.paths.allowed, ["src/**"]);
        for text in [
            "version: 1\nversion: 1\n",
            "version: 1\npaths: &p\n  allowed: []\nsecrets:\n  <<: *p\n",
            "version: 1\nsecrets:\n  enabled: no\n",
            "version: 1\npaths:\n  allowed:\n",
            "version: 1\n---\nversion: 1\n",
            "version: !custom 1",
            "version: !!int 1",
            "version: 1\npaths:\n  allowed: [!!binary Kio=]",
            "version: 1\npaths:\n  allowed: [!<tag:yaml.org,2002:binary> Kio=]",
            "%TAG !y! tag:yaml.org,2002:\n---\nversion: 1\npaths:\n  allowed: [!y!binary Kio=]",
            "version: 1\nlimits:\n  files_max: 1_0",
            "- 1\n",
        ] {
            assert!(SafetyPolicy::from_yaml(text).is_err(), "{text}");
        }
        assert_eq!(SafetyPolicy::from_yaml("# nothing\n"), Err(PolicyError::Empty));
        let bomb = (1..9).fold("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            format!("{text}a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))
        });
        assert!(SafetyPolicy::from_yaml(&bomb).is_err());
    }
}
