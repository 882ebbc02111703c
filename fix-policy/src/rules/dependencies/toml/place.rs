//! What a table of a `pyproject.toml` is for.

/// What is known of where a pair stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Nothing there says what is installed, or from where.
    Inert,
    /// The part of the key with this number is the name of a distribution.
    Name(usize),
    /// Anything may be meant.
    Open,
}

/// Tools that install nothing.
const TOOLS: [&str; 19] = [
    "basedpyright",
    "black",
    "bumpversion",
    "check-manifest",
    "codespell",
    "coverage",
    "flake8",
    "interrogate",
    "isort",
    "mypy",
    "pydocstyle",
    "pylint",
    "pyrefly",
    "pyright",
    "pytest",
    "ruff",
    "towncrier",
    "ty",
    "vulture",
];

/// Keys of `[project]` that have nothing to do with dependencies.
const OF_PROJECT: [&str; 15] = [
    "authors",
    "classifiers",
    "description",
    "dynamic",
    "entry-points",
    "gui-scripts",
    "keywords",
    "license",
    "license-files",
    "maintainers",
    "name",
    "readme",
    "requires-python",
    "scripts",
    "urls",
];

/// Keys of `[tool.poetry]` that have nothing to do with dependencies.
const OF_POETRY: [&str; 16] = [
    "authors",
    "classifiers",
    "description",
    "documentation",
    "exclude",
    "homepage",
    "include",
    "keywords",
    "license",
    "maintainers",
    "name",
    "packages",
    "readme",
    "repository",
    "scripts",
    "urls",
];

/// Where a pair stands, by its whole key when the table is known, else by what stands on its line.
pub(super) fn place(key: &[&str], table_is_known: bool) -> Place {
    if table_is_known && is_inert(key) {
        return Place::Inert;
    }
    // In `optional-dependencies` the next part is a group.
    match key
        .iter()
        .position(|part| holds_dependencies(part) && !matches!(*part, "dependency-groups" | "optional-dependencies"))
    {
        Some(at) if at + 1 < key.len() => Place::Name(at + 1),
        _ => Place::Open,
    }
}

/// Whether what is in a table of this name is dependencies, or groups of them.
pub(super) fn holds_dependencies(name: &str) -> bool {
    matches!(name, "packages" | "dev-packages" | "dependency-groups") || name.ends_with("dependencies")
}

fn is_inert(key: &[&str]) -> bool {
    match key {
        ["project", "version"] | ["tool", "poetry", "version"] => true,
        ["project", key, ..] => OF_PROJECT.contains(key),
        ["tool", "poetry", key, ..] => OF_POETRY.contains(key),
        ["tool", "hatch", "version", ..] => true,
        ["tool", "setuptools", key, ..] => {
            matches!(
                *key,
                "include-package-data" | "package-data" | "package-dir" | "packages" | "py-modules" | "zip-safe"
            )
        }
        ["tool", "setuptools_scm" | "setuptools-scm", ..] => true,
        ["tool", tool, ..] => TOOLS.contains(tool),
        _ => false,
    }
}
