//! Finds commands out from the files of a commit.

use fix_plan::Log;

use crate::repository::Snapshot;

/// The linter, when it is what failed; then the tests.
pub(super) fn detect(base: &Snapshot, log: &Log) -> Vec<String> {
    let mut check = Vec::new();
    if log.lines().any(|line| line.contains("F401") || line.contains("imported but unused")) {
        let setting = |file: &str, section: &str| base.text(file).contains(section);
        let flake8 = base.files().any(|file| file == ".flake8") || setting("setup.cfg", "[flake8]");
        let ruff = base.files().any(|file| file == "ruff.toml" || file == ".ruff.toml")
            || setting("pyproject.toml", "[tool.ruff");
        if ruff || !flake8 && log.as_str().contains("ruff") {
            check.push("python -m ruff check .".to_owned());
        } else {
            check.push("python -m flake8 --extend-exclude .venv .".to_owned());
        }
    }
    check.extend(tests(base));
    check
}

fn tests(base: &Snapshot) -> Option<String> {
    let is_test = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.ends_with(".py") && (name.starts_with("test") || name.ends_with("_test.py"))
    };
    let tests: Vec<&str> = base.files().filter(is_test).collect();
    if tests.is_empty() {
        return None;
    }
    let configured = base.files().any(|path| path == "pytest.ini" || path.ends_with("conftest.py"))
        || base.text("pyproject.toml").contains("[tool.pytest")
        || base.text("setup.cfg").contains("[tool:pytest]")
        || requirement_files(base).iter().any(|file| base.text(file).contains("pytest"));
    // unittest finds classes only; a plain `def test_…` is pytest's.
    let unittest = || tests.iter().all(|path| base.text(path).contains("unittest"));
    if configured || !unittest() {
        return Some("python -m pytest --verbosity=0".to_owned());
    }
    let folder = tests.iter().filter_map(|path| path.split_once('/')).map(|(folder, _)| folder).next();
    match folder {
        Some(folder) if !base.files().any(|path| path == format!("{folder}/__init__.py")) => {
            Some(format!("python -m unittest discover -s {} -t {}", quoted(folder), quoted(folder)))
        }
        _ => Some("python -m unittest discover".to_owned()),
    }
}

pub(super) fn prepare(base: &Snapshot, check: &[String]) -> Vec<String> {
    let mut prepare = Vec::new();
    for file in requirement_files(base) {
        prepare.push(install_requirements(&file));
    }
    let pyproject = base.text("pyproject.toml");
    if pyproject.contains("[build-system]") {
        prepare.push(install_project());
    } else if pyproject.contains("[project]") {
        prepare.push(install_dependencies());
    }
    for tool in TOOLS {
        if check.iter().any(|command| command.split_whitespace().any(|word| word == tool)) {
            prepare.push(install_tool(tool));
        }
    }
    prepare
}

/// Isolated, so that no module of the tree is taken for one of pip's: what is installed depends on no code of
/// the tree, but where the project itself is built.
const INSTALL: &str = "python -I -m pip install --quiet --disable-pip-version-check --no-input";

/// What checks need, and projects do not always name.
pub(super) const TOOLS: [&str; 3] = ["pytest", "ruff", "flake8"];

pub(super) fn install_requirements(file: &str) -> String {
    format!("{INSTALL} -r {}", quoted(file))
}

pub(super) fn install_project() -> String {
    format!("{INSTALL} -e .")
}

pub(super) fn install_dependencies() -> String {
    format!("python -I -c {} > ../dependencies.txt && {INSTALL} -r ../dependencies.txt", quoted(LIST_DEPENDENCIES))
}

pub(super) fn install_tool(tool: &str) -> String {
    format!("python -I -c 'import {tool}' 2>/dev/null || {INSTALL} {tool}")
}

/// Prints `[project] dependencies` of a project that can't be built, one a line.
const LIST_DEPENDENCIES: &str = "\
try: import tomllib as toml
except ImportError: import pip._vendor.tomli as toml
print(*toml.load(open(\"pyproject.toml\", \"rb\"))[\"project\"].get(\"dependencies\", []), sep=\"\\n\")";

/// The requirements files that a developer would install, the main one first.
pub(super) fn requirement_files(base: &Snapshot) -> Vec<String> {
    let known = [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-test.txt",
        "requirements_dev.txt",
        "requirements_test.txt",
        "dev-requirements.txt",
        "test-requirements.txt",
        "requirements/base.txt",
        "requirements/dev.txt",
        "requirements/test.txt",
        "requirements/tests.txt",
        // The sources of compiled files, last: what was added there is not compiled yet.
        "requirements.in",
        "requirements-dev.in",
        "requirements/base.in",
        "requirements/dev.in",
        "requirements/test.in",
    ];
    known.into_iter().filter(|name| base.files().any(|path| path == *name)).map(ToOwned::to_owned).collect()
}

/// One word for `/bin/sh`.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
