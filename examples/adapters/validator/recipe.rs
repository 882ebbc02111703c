//! Which commands prepare and check a project.

use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::Log;

use crate::repository::Snapshot;

/// The commands of a check, as `/bin/sh` reads them. They run in the root of the
/// repository; in `check`, without network.
///
/// Preparing works on a copy of the files, which the check does not see: it sees the
/// commit, and what was installed. `python` on the path is that of a virtual environment, empty at first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two lists of commands")]
pub struct Recipe {
    /// Install what the check needs; the package index can be reached.
    pub prepare: Vec<String>,
    /// Check. Every command runs, even when one before it failed.
    pub check: Vec<String>,
}

/// Where a recipe comes from. Always from configuration or the failing commit,
/// never from a patch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "given, half given, or found out")]
pub enum Recipes {
    /// Found out from the files of the commit.
    #[default]
    Detect,
    /// These check commands; how to prepare is found out.
    Check(Vec<String>),
    /// This recipe.
    Fixed(Recipe),
}

impl Recipes {
    /// The recipe for a commit whose CI printed `log`.
    ///
    /// # Errors
    /// [`AdapterErrorKind::Unsupported`] when no check is known for the project.
    pub fn recipe(&self, base: &Snapshot, log: &Log) -> Result<Recipe, AdapterError> {
        match self {
            Self::Fixed(recipe) => Ok(recipe.clone()),
            Self::Check(check) => Ok(Recipe { prepare: prepare(base, check), check: check.clone() }),
            Self::Detect => {
                let check = detect(base, log);
                if check.is_empty() {
                    let message = "no tests and no linter are known for this project; name the check command";
                    return Err(AdapterError::new(AdapterErrorKind::Unsupported, "choose the checks", message));
                }
                Ok(Recipe { prepare: prepare(base, &check), check })
            }
        }
    }
}

/// The linter, when it is what failed; then the tests.
fn detect(base: &Snapshot, log: &Log) -> Vec<String> {
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

fn prepare(base: &Snapshot, check: &[String]) -> Vec<String> {
    const INSTALL: &str = "python -m pip install --quiet --disable-pip-version-check --no-input";
    let mut prepare = Vec::new();
    for file in requirement_files(base) {
        prepare.push(format!("{INSTALL} -r {}", quoted(&file)));
    }
    let pyproject = base.text("pyproject.toml");
    if pyproject.contains("[build-system]") {
        prepare.push(format!("{INSTALL} -e ."));
    } else if pyproject.contains("[project]") {
        prepare.push(format!(
            "python -c {} > ../dependencies.txt && {INSTALL} -r ../dependencies.txt",
            quoted(LIST_DEPENDENCIES)
        ));
    }
    for tool in ["pytest", "ruff", "flake8"] {
        if check.iter().any(|command| command.split_whitespace().any(|word| word == tool)) {
            prepare.push(format!("python -c 'import {tool}' 2>/dev/null || {INSTALL} {tool}"));
        }
    }
    prepare
}

/// Prints `[project] dependencies` of a project that can't be built, one a line.
const LIST_DEPENDENCIES: &str = "\
try: import tomllib as toml
except ImportError: import pip._vendor.tomli as toml
print(*toml.load(open(\"pyproject.toml\", \"rb\"))[\"project\"].get(\"dependencies\", []), sep=\"\\n\")";

/// The requirements files that a developer would install, the main one first.
fn requirement_files(base: &Snapshot) -> Vec<String> {
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
