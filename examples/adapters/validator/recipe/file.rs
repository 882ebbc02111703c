//! The recipe that a project gives itself, in `.fix.toml`.

use fix_patch::{SourceTree as _, TreeError};
use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::RepoPath;
use serde::Deserialize;

use super::Recipe;
use super::detect::prepare;
use crate::repository::Snapshot;

const FILE: &str = ".fix.toml";

/// More is no list of commands.
const BYTES_MAX: usize = 64 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    check: Option<Check>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    prepare: Option<Vec<String>>,
    commands: Vec<String>,
}

/// What the file in the root of `base` says; `None` when there is no such file, or it names no check.
pub(super) fn recipe(base: &Snapshot) -> Result<Option<Recipe>, AdapterError> {
    let path: RepoPath = FILE.parse().map_err(|error| wrong("is no path").with_source(error))?;
    let blob = match base.read(&path) {
        Ok(blob) => blob,
        Err(TreeError::NotFound { .. }) => return Ok(None),
        Err(error @ TreeError::Unreadable { .. }) => {
            let unavailable = AdapterError::new(AdapterErrorKind::Unavailable, "read .fix.toml", "git failed");
            return Err(unavailable.with_source(error));
        }
        Err(error) => return Err(wrong("must be a file of its own").with_source(error)),
    };
    if blob.bytes.len() > BYTES_MAX {
        return Err(wrong("is larger than 64 KiB"));
    }
    let text = std::str::from_utf8(&blob.bytes).map_err(|error| wrong("is not UTF-8").with_source(error))?;
    let Some(check) = parse(text).map_err(wrong)?.check else { return Ok(None) };
    let prepare = check.prepare.unwrap_or_else(|| prepare(base, &check.commands));
    Ok(Some(Recipe { prepare, check: check.commands }))
}

fn parse(text: &str) -> Result<Document, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
    if let Some(check) = &document.check {
        let mut commands = check.prepare.iter().flatten().chain(&check.commands);
        if check.commands.is_empty() || commands.any(|command| command.trim().is_empty() || command.contains('\0')) {
            return Err("needs at least one command in `check.commands`, and none that is empty".to_owned());
        }
    }
    Ok(document)
}

fn wrong(problem: impl std::fmt::Display) -> AdapterError {
    let message = format!("{FILE} of the failing commit: {problem}");
    AdapterError::new(AdapterErrorKind::Unsupported, "read .fix.toml", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let text = "[check]\nprepare = [\"make venv\"]\ncommands = [\"make test\", \"make lint\"]\n";
        let check = parse(text).unwrap().check.unwrap();
        assert_eq!(check.prepare.unwrap(), ["make venv"]);
        assert_eq!(check.commands, ["make test", "make lint"]);
        let check = parse("[check]\ncommands = ['pytest']").unwrap().check.unwrap();
        assert_eq!((check.prepare, check.commands), (None, vec!["pytest".to_owned()]));
        assert!(parse("# nothing yet\n").unwrap().check.is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, says) in [
            ("[check]\ncommands = ['true']\nnetwork = true\n", "line 3"),
            ("\n[checks]\ncommands = ['true']\n", "line 2"),
            ("[check]\ncommands = 'true'\n", "line 2"),
            ("[check]\nprepare = []\n", "commands"),
            ("[check]\ncommands = []\n", "at least one"),
            ("[check]\ncommands = [' ']\n", "none that is empty"),
            ("[check\n", "line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
