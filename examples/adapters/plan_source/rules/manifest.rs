//! Where a project declares its dependencies, and what is its own.

use fix_patch::SourceTree;
use fix_plan::{RepoPath, normalize_name};

/// The manifest to add a dependency to: the one that the project installs from.
/// Where there is none, the conventional name, which a generator will not find.
pub(super) fn find(tree: &dyn SourceTree) -> Option<RepoPath> {
    let candidates =
        ["pyproject.toml", "requirements.in", "requirements.txt", "requirements/base.in", "requirements/base.txt"];
    let mut paths = candidates.iter().filter_map(|name| name.parse::<RepoPath>().ok());
    let chosen = paths.find(|path| {
        let text = text(path, tree);
        text.is_some_and(|text| path.file_name() != "pyproject.toml" || declares_dependencies(&text))
    });
    chosen.or_else(|| "requirements.txt".parse().ok())
}

/// Whether a `pyproject.toml` lists dependencies itself, rather than leave that to a build step or to other files.
fn declares_dependencies(text: &str) -> bool {
    let Ok(document) = toml_edit::Document::parse(text) else { return false };
    let project = document.get("project");
    let dynamic = project.and_then(|project| project.get("dynamic")).and_then(|dynamic| dynamic.as_array());
    let is_dynamic = dynamic.is_some_and(|names| names.iter().any(|name| name.as_str() == Some("dependencies")));
    let poetry = document.get("tool").and_then(|tool| tool.get("poetry")).and_then(|poetry| poetry.get("dependencies"));
    poetry.is_some() || project.is_some_and(|project| project.get("name").is_some()) && !is_dynamic
}

/// Whether the module is the project's own: then it is not for an index to bring.
pub(super) fn is_first_party(module: &str, tree: &dyn SourceTree) -> bool {
    let top = module.split('.').next().unwrap_or(module);
    let folders = ["", "src/", "lib/", "python/", "app/", "backend/", "packages/", "tests/", "test/"];
    let places = folders.iter().flat_map(|folder| [format!("{folder}{top}.py"), format!("{folder}{top}")]);
    let is_there = places.filter_map(|place| place.parse().ok()).any(|path| tree.exists(&path).unwrap_or(false));
    is_there || project_name(tree).is_some_and(|name| normalize_name(&name) == normalize_name(top))
}

/// The name that the project gives itself.
fn project_name(tree: &dyn SourceTree) -> Option<String> {
    let text = text(&"pyproject.toml".parse().ok()?, tree)?;
    let document = toml_edit::Document::parse(text.as_str()).ok()?;
    let project = document.get("project").or_else(|| document.get("tool")?.get("poetry"))?;
    Some(project.get("name")?.as_str()?.to_owned())
}

/// The file of the tree that a tool printed: relative or absolute, below whatever directory it ran in.
pub(super) fn in_tree(printed: &str, tree: &dyn SourceTree) -> Option<RepoPath> {
    let printed = printed.trim().replace('\\', "/");
    let parts: Vec<&str> = printed.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let tails = (0..parts.len()).filter_map(|from| parts.get(from..)).map(|parts| parts.join("/"));
    tails.filter_map(|tail| tail.parse().ok()).find(|path| tree.exists(path).unwrap_or(false))
}

fn text(path: &RepoPath, tree: &dyn SourceTree) -> Option<String> {
    String::from_utf8(tree.read(path).ok()?.bytes).ok()
}

#[cfg(test)]
mod tests {
    use fix_patch::MemoryTree;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> MemoryTree {
        files.iter().map(|(path, text)| (path.parse().unwrap(), (*text).into())).collect()
    }

    #[test]
    fn the_manifest_is_the_one_that_is_installed_from() {
        let find = |files: &[(&str, &str)]| find(&tree(files)).unwrap().to_string();
        assert_eq!(find(&[("pyproject.toml", "[project]\nname = 'a'\n"), ("requirements.txt", "")]), "pyproject.toml");
        assert_eq!(find(&[("pyproject.toml", "[tool.ruff]\n"), ("requirements.txt", "")]), "requirements.txt");
        let dynamic = "[project]\nname = 'a'\ndynamic = ['dependencies']\n";
        assert_eq!(
            find(&[("pyproject.toml", dynamic), ("requirements.in", ""), ("requirements.txt", "")]),
            "requirements.in"
        );
        assert_eq!(find(&[]), "requirements.txt");
    }

    #[test]
    fn printed_paths_are_found_in_the_tree() {
        let tree = tree(&[("src/app.py", "")]);
        for printed in ["src/app.py", "./src/app.py", "/builds/team/x/src/app.py", "src\\app.py"] {
            assert_eq!(in_tree(printed, &tree).unwrap().as_str(), "src/app.py", "{printed}");
        }
        assert_eq!(in_tree("other.py", &tree), None);
    }
}
