//! What must hold for any bytes: shared by the fuzz targets and by the stable runner in `tests`.
#![allow(dead_code, reason = "each target uses one of them")]

use fix_patch::{Allowance, Generated, MemoryTree, PatchError, PatchGenerator, PatchOptions};
use fix_plan::{FixPlan, ImportTarget, Log, Marker, PathProfile, Redactor, RepoPath, VersionSpec};
use serde_json::{Value, json};

/// A plan that is accepted is canonical after one round; one that is refused says why.
pub fn plan(bytes: &[u8]) {
    match FixPlan::parse(bytes) {
        Ok(plan) => {
            let again = FixPlan::parse(plan.to_json().as_bytes()).expect("canonical JSON is a plan");
            assert_eq!(plan, again);
            assert_eq!(plan.to_json(), again.to_json());
        }
        Err(error) => {
            assert!(!error.violations().is_empty());
            assert!(error.violations().len() <= fix_plan::limits::VIOLATIONS_MAX);
            assert!(error.violations().iter().all(|violation| violation.pointer.len() < 8 * 1024));
            assert!(!error.to_string().contains(|c: char| c.is_control()), "{error}");
        }
    }
}

/// A path that is accepted is kept as it is, and stays below whatever it is joined to.
pub fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for profile in [PathProfile::Portable, PathProfile::Unix] {
        let Ok(path) = RepoPath::parse(text, profile) else { continue };
        assert_eq!(path.as_str(), text);
        let components = std::path::Path::new(text).components();
        assert!(
            components.into_iter().all(|component| matches!(component, std::path::Component::Normal(_))),
            "{text:?}"
        );
        assert!(path.components().all(|component| !component.eq_ignore_ascii_case(".git")), "{text:?}");
        assert!(!text.contains(['\0', '\n', '\r']), "{text:?}");
        if profile == PathProfile::Portable {
            assert!(RepoPath::parse(text, PathProfile::Unix).is_ok(), "{text:?}: the portable profile only adds rules");
        }
    }
}

/// A diff that is read has files of one name or two, each changed once; its counts are those of its headers, and
/// a file that comes or goes has lines on one side only.
pub fn diff(bytes: &[u8]) {
    let Ok(diff) = fix_patch::diff::parse(bytes) else { return };
    let mut changed = std::collections::BTreeSet::new();
    for file in &diff.files {
        let path = file.path().expect("a file has a name");
        assert!(changed.insert(path.clone()), "{path} is changed twice");
        assert!(file.old_path != file.new_path || !file.copied, "{path} is a copy of itself");
        let (mut old_end, mut shift) = (0, 0);
        for hunk in &file.hunks {
            let count =
                |gone| u64::try_from(hunk.lines.iter().filter(|line| line.kind != gone).count()).expect("small");
            let (old, new) = (count(fix_patch::diff::LineKind::Added), count(fix_patch::diff::LineKind::Removed));
            assert_eq!((old, new), (hunk.old_lines, hunk.new_lines));
            let first = |start: u64, lines: u64| i128::from(start) + i128::from(lines == 0);
            let (old_first, new_first) = (first(hunk.old_start, old), first(hunk.new_start, new));
            assert!(old_first > old_end && new_first == old_first + shift, "{path}: hunks follow from each other");
            old_end = old_first + i128::from(old) - 1;
            shift += i128::from(new) - i128::from(old);
            assert!(file.old_path.is_some() || old == 0 && file.hunks.len() == 1);
            assert!(file.new_path.is_some() || new == 0 && file.hunks.len() == 1);
            assert!(hunk.lines_added() + hunk.lines_removed() > 0);
            assert!(hunk.lines.iter().all(|line| line.text.find('\n').is_none_or(|at| at + 1 == line.text.len())));
        }
        assert!(!file.binary || file.hunks.is_empty());
    }
}

/// A version specifier that is accepted has one spelling, on one line, without quotes.
pub fn spec(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = text.parse::<VersionSpec>() {
        assert_eq!(spec.as_str().parse(), Ok(spec.clone()), "{text:?}");
        assert_eq!(spec.as_str().replace([' ', ',', '|'], ""), text.replace([' ', ',', '|'], ""));
        assert!(!text.contains(['\n', '\r', '"', '\'', '\\', '#', ';', '@', ':', '/', '[', ']', '{', '}']), "{text:?}");
        assert!(spec.same_meaning(&spec));
    }
    if let Ok(marker) = text.parse::<Marker>() {
        assert_eq!(marker.as_str().parse(), Ok(marker.clone()), "{text:?}");
        assert!(marker.same_meaning(text), "{text:?}");
        assert!(!marker.as_str().contains(['\n', '\r', '\\', '#', ';', '@']), "{text:?}");
    }
}

/// Cleaning and redacting are done once and for all, and leave nothing that a terminal acts on.
pub fn log(bytes: &[u8]) {
    let log = Log::from_bytes(bytes);
    assert_eq!(Log::from(log.as_str()), log, "cleaning again changes nothing");
    assert!(!log.as_str().contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
    let redactor = Redactor::default();
    let once = redactor.redact(log.as_str()).into_owned();
    assert_eq!(redactor.redact(&once), once, "redacting again changes nothing");
    assert_eq!(Log::from_bytes_redacted(bytes, &redactor).as_str(), once);
    assert!(redactor.redact(&String::from_utf8_lossy(bytes)).len() <= bytes.len() * 16);
    let evidence = log.missing_modules().into_iter().map(|module| module.evidence);
    let evidence = evidence.chain(log.unused_names().into_iter().map(|name| name.evidence));
    for line in evidence.filter(|line| line.len() > 20) {
        assert!(log.quotes(&line) || log.as_str().contains(['[', '{']), "{line:?}");
    }
}

/// Whatever the file and the details: an import goes and nothing else does, or there is a reason.
///
/// The first line holds the details, the rest is the module.
pub fn imports(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (head, module) = text.split_once('\n').unwrap_or((text, text));
    let (name, from) = head.split_once(' ').unwrap_or((head, "m"));
    patch("m.py", module, "remove_unused", json!({"import": name}));
    patch("m.py", module, "remove_unused", json!({"from": from, "name": name, "line_contains": name}));
    let Ok(imported) = fix_patch::imports::imports_in(module) else { return };
    for found in imported.iter().take(4) {
        let mut details = match &found.target {
            ImportTarget::Import { module, alias } => {
                json!({"import": module.as_str(), "alias": alias.as_ref().map(ToString::to_string)})
            }
            ImportTarget::From { module, name, alias } => {
                json!({"from": module.to_string(), "name": name.as_str(), "alias": alias.as_ref().map(ToString::to_string)})
            }
        };
        details["line"] = found.line.into();
        let Some(after) = patch("m.py", module, "remove_unused", details) else { continue };
        let left = fix_patch::imports::imports_in(&after).expect("the result parses");
        let targets = |names: &[fix_patch::imports::ImportedName]| {
            let mut targets: Vec<String> = names.iter().map(|name| name.target.to_string()).collect();
            targets.sort();
            targets
        };
        let mut wanted = targets(&imported);
        let gone = wanted.iter().position(|target| *target == found.target.to_string());
        wanted.remove(gone.expect("it was there"));
        assert_eq!(targets(&left), wanted, "{module:?}");
        let line_ends = |text: &str| text.matches(['\n', '\r']).count();
        assert!(line_ends(&after) <= line_ends(module) + 1, "a line came: {module:?}");
    }
}

/// Whatever the file and the details: a dependency is added or pinned once and for all, or there is a reason.
///
/// The first line holds the details, the rest is the file.
pub fn dependencies(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (head, file) = text.split_once('\n').unwrap_or(("rich >=1", text));
    let mut parts = head.split(' ');
    let mut next = || parts.next().unwrap_or_default();
    let (name, spec, section, extra) = (next(), next(), next(), next());
    let extras: Vec<&str> = Some(extra).filter(|extra| !extra.is_empty()).into_iter().collect();
    let section = Some(section).filter(|section| !section.is_empty());
    for path in ["requirements.txt", "pyproject.toml"] {
        for kind in ["add_dependency", "pin_dependency"] {
            let details = json!({"name": name, "spec": spec, "section": section, "extras": extras});
            if let Some(after) = patch(path, file, kind, details.clone()) {
                assert_eq!(patch(path, &after, kind, details), None, "asked again, it is done already:\n{after}");
            }
        }
    }
}

/// The text after one operation; none when it is refused, or done already. A proof never fails, and
/// the diff is one that we read ourselves.
fn patch(path: &str, text: &str, kind: &str, details: Value) -> Option<String> {
    let category = if kind == "remove_unused" { "lint_format" } else { "python_missing_dependency" };
    let operation = json!({"type": kind, "file": path, "details": details, "rationale": "r", "evidence": []});
    let plan =
        json!({"root_cause": "r", "category": category, "confidence": 1, "files": [path], "operations": [operation]});
    let plan = FixPlan::parse(plan.to_string().as_bytes()).ok()?;
    let tree = MemoryTree::from_iter([(path.parse().expect("a path"), text.into())]);
    let mut options = PatchOptions::default();
    options.allow.extend(Allowance::ALL);
    match PatchGenerator::default().generate(&plan, &tree, &options) {
        Ok(Generated::Patch(patch)) => {
            let read = fix_patch::diff::parse(patch.diff().as_bytes()).expect("a diff that we read");
            assert_eq!(read.files.len(), 1);
            Some(patch.files().first()?.after().to_owned())
        }
        Ok(Generated::NoChange(reasons)) => {
            assert!(!reasons.is_empty());
            None
        }
        Err(PatchError::Refused(refusal)) => {
            assert!(!refusal.message.is_empty());
            None
        }
        Err(error) => panic!("{error}: {text:?}"),
    }
}
