//! Lock files that a changed manifest leaves behind.

use fix_plan::RepoPath;

use crate::patch::{Finding, FindingCode};
use crate::tree::{SourceTree, TreeError};

/// The lock files of Python's package managers.
const LOCK_FILES: [&str; 8] = [
    "Pipfile.lock",
    "pdm.lock",
    "pixi.lock",
    "poetry.lock",
    "pylock.toml",
    "requirements-dev.lock",
    "requirements.lock",
    "uv.lock",
];

/// A finding for each lock file that locks `manifest`: beside it, or above it, as in a workspace.
pub(crate) fn stale(manifest: &RepoPath, tree: &dyn SourceTree) -> Result<Vec<Finding>, TreeError> {
    let mut locks: Vec<RepoPath> = Vec::new();
    if manifest.file_name() == "pyproject.toml" {
        let mut directory = manifest.as_str();
        while let Some((above, _)) = directory.rsplit_once('/') {
            directory = above;
            locks.extend(LOCK_FILES.iter().filter_map(|name| format!("{directory}/{name}").parse().ok()));
        }
        locks.extend(LOCK_FILES.iter().filter_map(|name| name.parse().ok()));
        locks.extend(compiled(manifest, "requirements.txt", tree)?);
    }
    // `requirements.in` is compiled to `requirements.txt`, or to `requirements.lock`.
    if let Some(stem) = manifest.file_name().strip_suffix(".in") {
        locks.extend(["txt", "lock"].iter().filter_map(|end| manifest.sibling(&format!("{stem}.{end}")).ok()));
    }
    locks.sort();
    locks.dedup();
    let mut findings = Vec::new();
    for lock in locks {
        if tree.exists(&lock)? {
            findings.push(Finding {
                code: FindingCode::LockfileStale,
                message: format!("{lock} locks {manifest} and is stale now; run the package manager's lock command"),
                file: lock,
            });
        }
    }
    Ok(findings)
}

/// The file `name` beside `manifest` when it holds hashes, as those do that are compiled from it.
fn compiled(manifest: &RepoPath, name: &str, tree: &dyn SourceTree) -> Result<Option<RepoPath>, TreeError> {
    let Ok(path) = manifest.sibling(name) else { return Ok(None) };
    match tree.read(&path) {
        Ok(blob) => Ok(std::str::from_utf8(&blob.bytes).is_ok_and(|text| text.contains("--hash=")).then_some(path)),
        // It may be a directory, a link, or too large: no hashes that can be seen.
        Err(TreeError::Unreadable { path, source }) => Err(TreeError::Unreadable { path, source }),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;

    #[test]
    fn lock_files_beside_and_at_the_root_are_found() {
        let path = |text: &str| text.parse::<RepoPath>().unwrap();
        let tree = MemoryTree::from_iter([
            (path("uv.lock"), "".into()),
            (path("a/poetry.lock"), "".into()),
            (path("b/poetry.lock"), "".into()),
            (path("a/requirements.txt"), "b==1\n".into()),
            (path("a/b/requirements.txt"), "b==1 --hash=sha256:0\n".into()),
            (path("a/b/requirements.lock"), "".into()),
        ]);
        let stale = |manifest| {
            stale(&path(manifest), &tree).unwrap().into_iter().map(|f| f.file.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(stale("a/pyproject.toml"), ["a/poetry.lock", "uv.lock"]);
        assert_eq!(stale("a/requirements.in"), ["a/requirements.txt"]);
        assert_eq!(stale("a/b/requirements.in"), ["a/b/requirements.lock", "a/b/requirements.txt"]);
        assert_eq!(
            stale("a/b/pyproject.toml"),
            ["a/b/requirements.lock", "a/b/requirements.txt", "a/poetry.lock", "uv.lock"]
        );
        assert_eq!(stale("a/requirements.txt"), [""; 0]);
    }
}
