//! What tools print when a module is missing or an import unused.
//!
//! Read are Python's tracebacks; ruff (full, concise, JSON and GitHub annotations), flake8 and
//! pyflakes; each behind the time stamps and names that a CI service puts before a line.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::Log;

/// A module that Python did not find.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MissingModule {
    /// Its dotted name.
    pub name: String,
    /// What the log says of it, without what the CI service put before.
    pub evidence: String,
    /// The line of the log, 1-based.
    pub log_line: usize,
}

/// An import that a linter calls unused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UnusedName {
    /// The file, as the linter prints it.
    pub path: String,
    /// The line of the file, 1-based.
    pub line: u32,
    /// The binding: `os`, `typing.List`, `numpy as np`.
    pub binding: String,
    /// What the log says of it, without what the CI service put before.
    pub evidence: String,
    /// The line of the log, 1-based; where a document spans lines, that of its first.
    pub log_line: usize,
}

/// An error of a tool that was understood.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// Python did not find a module.
    MissingModule(MissingModule),
    /// A linter calls an import unused.
    UnusedName(UnusedName),
}

impl Finding {
    /// The line of the log, 1-based.
    #[must_use]
    pub fn log_line(&self) -> usize {
        match self {
            Self::MissingModule(module) => module.log_line,
            Self::UnusedName(name) => name.log_line,
        }
    }
}

macro_rules! pattern {
    ($name:ident, $pattern:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($pattern).ok());
    };
}

pattern!(NO_MODULE, r"(?:ModuleNotFoundError|ImportError): No module named '?([A-Za-z_][A-Za-z0-9_.]*)'?(.*)$");
// A service's time stamp, the job and step names that `gh run view --log` puts before it, a compose
// service's name, and the mark that a runner makes of an annotation.
pattern!(
    PREFIX,
    r"^(?:[^\t]*\t[^\t]*\t)?\x{feff}?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)? ?)?(?:[A-Za-z][\w.-]* +\| )?(?:##\[(?:error|warning|notice)\])?"
);
pattern!(
    ON_ONE_LINE,
    r"^(?:::error [^:]*::)?(\S.*?):(\d+):(?:\d+): (?:F401 (?:\[\*\] )?)?[`'](.+?)[`'] imported but unused"
);
pattern!(HEADLINE, r"^F401 (?:\[\*\] )?[`'](.+?)[`'] imported but unused");
pattern!(ARROW, r"^\s*--> (.+?):(\d+):\d+$");
pattern!(
    ANNOTATION,
    r"^::(?:error|warning|notice) (.*?)::(?:.*: )?(?:F401 )?(?:\[\*\] )?[`'](.+?)[`'] imported but unused"
);
pattern!(MESSAGE, r"^[`'](.+?)[`'] imported but unused");

/// The modules that Python did not find, each once, in the order of the log.
pub(super) fn missing_modules(log: &Log) -> Vec<MissingModule> {
    let mut found: Vec<MissingModule> = Vec::new();
    let mut seen = BTreeSet::new();
    let Some(pattern) = NO_MODULE.as_ref() else { return found };
    for (index, line) in log.lines().enumerate() {
        let Some(captures) = pattern.captures(line) else { continue };
        let (Some(name), Some(rest)) = (captures.get(1), captures.get(2)) else { continue };
        let name = name.as_str().trim_end_matches('.');
        // `'a.b'; 'a' is not a package`: `a` is there, and is something else.
        if rest.as_str().contains("is not a package") || !seen.insert(name) {
            continue;
        }
        found.push(MissingModule {
            name: name.to_owned(),
            evidence: bare(line).trim().to_owned(),
            log_line: index + 1,
        });
    }
    found
}

/// The imports that a linter calls unused, in the order of the log.
pub(super) fn unused_names(log: &Log) -> Vec<UnusedName> {
    let mut found: Vec<UnusedName> = Vec::new();
    // The full format tells the name first and the place on the next line.
    let mut headline: Option<(String, String)> = None;
    for (index, line) in log.lines().map(bare).enumerate() {
        let log_line = index + 1;
        if let Some(((binding, evidence), (path, line))) = headline.take().zip(place(line)) {
            found.push(UnusedName { path, line, binding, evidence, log_line: index });
            continue;
        }
        if let Some(binding) = capture(&HEADLINE, line, 1) {
            headline = Some((binding, line.trim().to_owned()));
        } else if line.starts_with("::") {
            found.extend(annotation(line, log_line));
        } else if let Some(name) = on_one_line(line, log_line) {
            found.push(name);
        } else if line.trim_start().starts_with(['[', '{']) {
            found.extend(json(line, log_line));
        }
    }
    // JSON spread over lines: the document as a whole.
    if found.is_empty() {
        found.extend(json_document(log));
    }
    let mut seen = BTreeSet::new();
    found.retain(|name| seen.insert((name.path.clone(), name.line, name.binding.clone())));
    found
}

/// A line without what the CI service put before it.
pub(super) fn bare(line: &str) -> &str {
    let prefix = PREFIX.as_ref().and_then(|pattern| pattern.find(line));
    prefix.and_then(|prefix| line.get(prefix.end()..)).unwrap_or(line)
}

fn capture(pattern: &LazyLock<Option<Regex>>, line: &str, group: usize) -> Option<String> {
    Some(pattern.as_ref()?.captures(line)?.get(group)?.as_str().to_owned())
}

fn place(line: &str) -> Option<(String, u32)> {
    Some((capture(&ARROW, line, 1)?, capture(&ARROW, line, 2)?.parse().ok()?))
}

/// `src/a.py:1:8: F401 [*] …`
fn on_one_line(line: &str, log_line: usize) -> Option<UnusedName> {
    let captures = ON_ONE_LINE.as_ref()?.captures(line)?;
    Some(UnusedName {
        path: captures.get(1)?.as_str().to_owned(),
        line: captures.get(2)?.as_str().parse().ok()?,
        binding: captures.get(3)?.as_str().to_owned(),
        evidence: line.trim().to_owned(),
        log_line,
    })
}

/// `::error title=…,file=src/a.py,line=1,col=8::…`
fn annotation(line: &str, log_line: usize) -> Option<UnusedName> {
    let captures = ANNOTATION.as_ref()?.captures(line)?;
    let property = |name: &str| {
        let found =
            captures.get(1)?.as_str().split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.map(|value| value.replace("%2C", ",").replace("%3A", ":").replace("%25", "%"))
    };
    Some(UnusedName {
        path: property("file")?,
        line: property("line")?.parse().ok()?,
        binding: captures.get(2)?.as_str().to_owned(),
        evidence: line.trim().to_owned(),
        log_line,
    })
}

/// A finding in the JSON of ruff, or of its JSON lines.
#[derive(Deserialize)]
struct RuffFinding {
    code: Option<String>,
    filename: String,
    location: RuffLocation,
    message: String,
}

#[derive(Deserialize)]
struct RuffLocation {
    row: u32,
}

fn json(text: &str, log_line: usize) -> Vec<UnusedName> {
    let findings = serde_json::from_str::<Vec<RuffFinding>>(text)
        .or_else(|_| serde_json::from_str::<RuffFinding>(text).map(|finding| vec![finding]))
        .unwrap_or_default();
    let unused = findings.into_iter().filter(|finding| finding.code.as_deref() == Some("F401"));
    let name = |finding: RuffFinding| {
        let binding = capture(&MESSAGE, &finding.message, 1)?;
        Some(UnusedName {
            path: finding.filename,
            line: finding.location.row,
            binding,
            evidence: finding.message,
            log_line,
        })
    };
    unused.filter_map(name).collect()
}

/// An array that begins and ends on lines of its own, whatever stands around it.
fn json_document(log: &Log) -> Vec<UnusedName> {
    let lines: Vec<&str> = log.lines().map(bare).collect();
    let begins = lines.iter().position(|line| line.trim() == "[");
    let ends = lines.iter().rposition(|line| line.trim() == "]");
    let document = begins.zip(ends).and_then(|(begins, ends)| lines.get(begins..=ends));
    document.map(|lines| json(&lines.join("\n"), begins.unwrap_or(0) + 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unused(log: &str) -> Vec<(String, u32, String)> {
        unused_names(&Log::from(log)).into_iter().map(|name| (name.path, name.line, name.binding)).collect()
    }

    #[test]
    fn missing_modules_are_found_in_any_log() {
        let log = "2026-01-02T03:04:05.1234567Z E   ModuleNotFoundError: No module named 'yaml'\n\
                   ImportError: No module named requests.adapters\n\
                   ModuleNotFoundError: No module named 'yaml'\n\
                   ModuleNotFoundError: No module named 'a.b'; 'a' is not a package\n";
        let names: Vec<_> =
            missing_modules(&Log::from(log)).into_iter().map(|module| (module.name, module.evidence)).collect();
        assert_eq!(names[0], ("yaml".to_owned(), "E   ModuleNotFoundError: No module named 'yaml'".to_owned()));
        assert_eq!(names[1].0, "requests.adapters");
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn each_is_found_once() {
        let log = "a.py:1:8: F401 `os` imported but unused\nModuleNotFoundError: No module named 'yaml'\n".repeat(3)
            + "a.py:2:8: F401 `os` imported but unused\n";
        assert_eq!(unused(&log), [("a.py".to_owned(), 1, "os".to_owned()), ("a.py".to_owned(), 2, "os".to_owned())]);
        assert_eq!(missing_modules(&Log::from(log.as_str())).len(), 1);
    }

    #[test]
    fn every_format_of_a_finding_is_read() {
        let expected = [("src/app.py".to_owned(), 3, "typing.List".to_owned())];
        for log in [
            "src/app.py:3:20: F401 [*] `typing.List` imported but unused",
            "src/app.py:3:20: F401 'typing.List' imported but unused",
            "src/app.py:3:1: 'typing.List' imported but unused",
            "F401 [*] `typing.List` imported but unused\n --> src/app.py:3:20\n  |\n3 | from typing import List\n",
            "::error title=Ruff (F401),file=src/app.py,line=3,col=20,endLine=3,endColumn=24::src/app.py:3:20: F401 `typing.List` imported but unused",
            "::error file=src/app.py,line=3,col=20::F401 `typing.List` imported but unused",
            "2026-01-02T03:04:05Z ##[error]src/app.py:3:20: F401 `typing.List` imported but unused",
            "##[error]src/app.py:3:1: F401 'typing.List' imported but unused",
            "lint-1  | src/app.py:3:20: F401 [*] `typing.List` imported but unused",
            "build\tlint\t2026-01-02T03:04:05.1Z src/app.py:3:20: F401 `typing.List` imported but unused",
            r#"[{"cell":null,"code":"F401","filename":"src/app.py","location":{"column":20,"row":3},"message":"`typing.List` imported but unused"}]"#,
            "[\n  {\n \"code\": \"F401\", \"filename\": \"src/app.py\", \"location\": {\"row\": 3}, \"message\": \"`typing.List` imported but unused\"\n }\n]\n",
        ] {
            assert_eq!(unused(log), expected, "{log}");
        }
        assert_eq!(unused("src/a.py:1:1: E501 line too long\n"), []);
    }
}
