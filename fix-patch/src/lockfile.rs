//! Lock files that a changed manifest leaves behind.

use fix_plan::RepoPath;

use crate::patch::{Finding, FindingCode};
use crate::tree::{SourceTree, TreeError};

/// The lock files of Python's package managers.
const LOCK_FILES: [&str; 5] = ["poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"];

/// A finding for each lock file that locks `manifest`: beside it, or at the root of a workspace.
pub(crate) fn stale(manifest: &RepoPath, tree: &dyn SourceTree) -> Result<Vec<Finding>, TreeError> {
    let mut locks = Vec::new();
    if manifest.file_name() == "pyproject.toml" {
        for name in LOCK_FILES {
            locks.extend(manifest.sibling(name).ok());
            locks.extend(name.parse().ok());
        }
    }
    // `requirements.in` is compiled to `requirements.txt`.
    if let Some(stem) = manifest.file_name().strip_suffix(".in") {
        locks.extend(manifest.sibling(&format!("{stem}.txt")).ok());
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
            (path("a/requirements.txt"), "".into()),
        ]);
        let stale = |manifest| {
            stale(&path(manifest), &tree).unwrap().into_iter().map(|f| f.file.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(stale("a/pyproject.toml"), ["a/poetry.lock", "uv.lock"]);
        assert_eq!(stale("a/requirements.in"), ["a/requirements.txt"]);
        assert_eq!(stale("a/requirements.txt"), [""; 0]);
    }
}
