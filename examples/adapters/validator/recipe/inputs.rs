//! What preparing reads of a tree: two trees with the same may share what it makes.

use std::collections::BTreeMap;

use fix_patch::SourceTree as _;
use fix_plan::{PathProfile, RepoPath};

use super::detect::{
    TOOLS, install_dependencies, install_project, install_requirements, install_tool, requirement_files,
};
use super::requirements;
use crate::repository::Snapshot;

/// All that the result of `prepare` on `tree` depends on, as far as the tree goes. `base` is the commit that `tree`
/// is made of, or that commit itself.
///
/// Commands that were found out, and install from requirements files, read those and run no code of the tree. A
/// project that is installed in place runs its own code, so that another commit must not share its environment:
/// but a patch that changes nothing but Python modules may share that of its base. Of anything else nothing is known.
pub(in crate::validator) fn of(prepare: &[String], base: &Snapshot, tree: &Snapshot) -> Vec<String> {
    let all = |of: &Snapshot| vec!["tree".to_owned(), of.tree_id().to_owned()];
    let text = |path: &str| tree.files().any(|file| file == path).then(|| tree.text(path));
    if misleads_pip(tree) {
        return all(tree);
    }
    let mut read = BTreeMap::new();
    let mut is_built = false;
    let files = requirement_files(base);
    for command in prepare {
        let known = if TOOLS.iter().any(|tool| *command == install_tool(tool)) {
            Some(())
        } else if let Some(file) = files.iter().find(|file| *command == install_requirements(file)) {
            follow(file, &text, &mut read)
        } else if *command == install_dependencies() {
            dependencies(&text, &mut read)
        } else if *command == install_project() {
            is_built = true;
            is_alone(&text)
        } else {
            None
        };
        if known.is_none() {
            return all(tree);
        }
    }
    if is_built {
        return all(if differs_in_modules_only(base, tree) { base } else { tree });
    }
    let mut parts = vec!["files".to_owned()];
    parts.extend(read.into_iter().flat_map(|(path, text)| [path, text]));
    parts
}

/// Reads a requirements file, and those it names; `None` when it reaches for more than the package index.
fn follow(path: &str, text: &impl Fn(&str) -> Option<String>, read: &mut BTreeMap<String, String>) -> Option<()> {
    if read.contains_key(path) {
        return Some(());
    }
    // Empty is also what can't be read.
    let content = text(path).filter(|text| !text.is_empty())?;
    let files = requirements::files(&content)?;
    read.insert(path.to_owned(), content);
    files.iter().try_for_each(|named| follow(&beside(path, named)?, text, read))
}

/// The path that `named` means in the file at `path`; `None` when it leaves the tree. Below a folder that it names
/// first, which may be a link, nobody but the kernel knows what `..` is.
fn beside(path: &str, named: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    let mut is_down = false;
    for part in named.split('/') {
        match part {
            "" => return None,
            "." => {}
            ".." if is_down => return None,
            ".." => drop(parts.pop()?),
            part => {
                is_down = true;
                parts.push(part);
            }
        }
    }
    Some(parts.join("/"))
}

/// Reads the dependencies of a project as its requirements file, which is what they become.
fn dependencies(text: &impl Fn(&str) -> Option<String>, read: &mut BTreeMap<String, String>) -> Option<()> {
    let content = text("pyproject.toml").filter(|text| !text.contains('\u{fffd}'))?;
    let document: toml::Table = content.parse().ok()?;
    let list = document
        .get("project")?
        .as_table()?
        .get("dependencies")
        .map_or(Some(&[][..]), |list| Some(list.as_array()?))?;
    let lines = list.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>()?;
    if !requirements::files(&lines.join("\n"))?.is_empty() {
        return None;
    }
    read.insert("pyproject.toml".to_owned(), content);
    Some(())
}

/// Whether pip may take a folder of the tree for the package index, whose address it looks for as a path first;
/// or, with an old Python, install elsewhere.
fn misleads_pip(tree: &Snapshot) -> bool {
    let is_there =
        |name| RepoPath::parse(name, PathProfile::Unix).map_or(true, |path| tree.exists(&path).unwrap_or(true));
    is_there("https:") || is_there("http:") || tree.text("setup.cfg").contains("[install")
}

/// Whether the project brings no other one along, which would be copied and not read in place.
fn is_alone(text: &impl Fn(&str) -> Option<String>) -> Option<()> {
    let names = ["pyproject.toml", "setup.cfg", "setup.py"];
    let reaches = |text: String| text.contains("file:") || text.contains("path =") || text.contains("path=");
    (!names.into_iter().filter_map(text).any(reaches)).then_some(())
}

/// Whether `tree` is `base` but for the content of Python modules that build nothing.
fn differs_in_modules_only(base: &Snapshot, tree: &Snapshot) -> bool {
    let changed = tree.changed_since(base);
    changed.into_iter().all(|path| path.ends_with(".py") && path.rsplit('/').next() != Some("setup.py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A commit with these files, in `folder`.
    fn snapshot(folder: &tempfile::TempDir, files: &[(&str, &str)]) -> Snapshot {
        for (path, content) in files {
            std::fs::create_dir_all(folder.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(path), content).unwrap();
        }
        let git = |words: &[&str]| {
            let name = ["-c", "user.name=a", "-c", "user.email=a@example.invalid"];
            let run = std::process::Command::new("git").current_dir(folder.path()).args(name).args(words).output();
            assert!(run.unwrap().status.success());
        };
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "Begin"]);
        Snapshot::of_local(folder.path(), "HEAD").unwrap()
    }

    /// Whether red and green share, and whether two commits do that differ in the same way.
    fn shared(prepare: &[String], before: &[(&str, &str)], after: &[(&str, &str)]) -> (bool, bool) {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (base, patched) = (snapshot(&folders[0], before), snapshot(&folders[1], after));
        let red = of(prepare, &base, &base);
        (red == of(prepare, &base, &patched), red == of(prepare, &patched, &patched))
    }

    #[test]
    fn trees_share_what_no_difference_between_them_can_reach() {
        let requirements = [install_requirements("requirements.txt"), install_tool("pytest")];
        let project = [install_project()];
        let dependencies = [install_dependencies()];
        let custom = ["make".to_owned()];
        let files = |code: &'static str, manifest: &'static str| {
            let project = if manifest == "a" { "[project]\n# a" } else { "[project]\n# b" };
            [("a.py", code), ("requirements.txt", manifest), ("pyproject.toml", project), ("setup.py", manifest)]
        };
        let base = files("1", "a");
        for prepare in [&requirements[..], &dependencies, &[]] {
            assert_eq!(shared(prepare, &base, &files("2", "a")), (true, true), "{prepare:?}");
        }
        for prepare in [&requirements[..], &dependencies, &project, &custom] {
            assert_eq!(shared(prepare, &base, &files("1", "b")), (false, false), "{prepare:?}");
            assert_eq!(shared(prepare, &base, &base), (true, true), "{prepare:?}");
        }
        // Code of the tree runs: another commit's must not have made it.
        assert_eq!(shared(&project, &base, &files("2", "a")), (true, false));
        assert_eq!(shared(&project, &[("setup.py", "1")], &[("setup.py", "2")]), (false, false));
        assert_eq!(shared(&project, &[("a.py", "1")], &[("b.py", "1"), ("data.txt", "")]), (false, false));
        let beside = |code| [("other/a.py", code), ("pyproject.toml", "other = { path = 'other' }")];
        assert_eq!(shared(&project, &beside("1"), &beside("2")), (false, false));
        assert_eq!(shared(&custom, &base, &files("2", "a")), (false, false));
        let local = |code| [("other/a.py", code), ("requirements.txt", "./other")];
        assert_eq!(shared(&requirements, &local("1"), &local("2")), (false, false));
    }

    fn followed(files: &[(&str, &str)]) -> Option<Vec<String>> {
        let text = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, content)| (*content).to_owned());
        let mut read = BTreeMap::new();
        follow("requirements/dev.txt", &text, &mut read)?;
        Some(read.into_keys().collect())
    }

    #[test]
    fn requirements_are_followed_through_the_tree() {
        let plain = "-r base.txt\n-c ../constraints.txt\npytest\n";
        let files = [
            ("requirements/dev.txt", plain),
            ("requirements/base.txt", "a\n"),
            ("constraints.txt", "b<2\n-r base.txt"),
            ("base.txt", "c"),
        ];
        let all = ["base.txt", "constraints.txt", "requirements/base.txt", "requirements/dev.txt"];
        assert_eq!(followed(&files).unwrap(), all);
    }

    #[test]
    fn what_reaches_further_is_not_known() {
        for line in [
            "-e .",
            "--pre --find-links ./wheels",
            "-r missing.txt",
            "-r ../../outside.txt",
            "-r /etc/passwd",
            "-r folder/../dev.txt",
            "",
        ] {
            assert_eq!(followed(&[("requirements/dev.txt", line)]), None, "{line}");
        }
    }

    #[test]
    fn what_misleads_pip_is_not_shared() {
        let requirements = [install_requirements("requirements.txt"), install_tool("pytest")];
        let plain = ("requirements.txt", "six\n");
        for (name, one, two) in [
            ("https:/index.invalid/simple/six/index.html", "1", "2"),
            ("setup.cfg", "[install]\nprefix=/1", "[install]\nprefix=/2"),
        ] {
            assert_eq!(shared(&requirements, &[plain, (name, one)], &[plain, (name, two)]), (false, false), "{name}");
        }
        let linked = |target: &str| {
            let folder = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(target, folder.path().join("https:")).unwrap();
            let tree = snapshot(&folder, &[plain]);
            of(&requirements, &tree, &tree)
        };
        assert_ne!(linked("one"), linked("two"));
    }

    #[test]
    fn dependencies_of_a_project_are_read_as_requirements() {
        let dependencies = [install_dependencies()];
        let project = |list: &str| format!("[project]\ndependencies = {list}\n");
        for (list, is_shared) in [
            ("['six>=1', 'flask[async]']", true),
            ("[]", true),
            ("['./dep']", false),
            ("['dep @ file:dep']", false),
            ("[\"six\\n-e ./dep\"]", false),
            ("['-r more.txt']", false),
            ("'six'", false),
        ] {
            let manifest = project(list);
            let with = |code| [("pyproject.toml", manifest.as_str()), ("dep/a.py", code)];
            let wanted = (is_shared, is_shared);
            assert_eq!(shared(&dependencies, &with("1"), &with("2")), wanted, "{list}");
        }
    }
}
