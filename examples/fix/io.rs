//! Reading input, writing answers.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fix_adapters::repository::{Location, UnsupportedLocation};
use fix_adapters::terminal::with_causes;
use fix_plan::limits::PLAN_BYTES_MAX;
use fix_policy::{PolicyEngine, PolicyError, SafetyPolicy};
use serde::Serialize;

/// Longest input that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// What a command answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// The answer is told, and it is that some input can't be used.
    Unusable,
    /// The answer is told, and it is that a component failed.
    Failed,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct CliError {
    usable: bool,
    message: String,
}

impl CliError {
    /// The arguments or the input can't be used: exit code 2.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self { usable: false, message: message.into() }
    }

    /// A component failed: exit code 3.
    pub(crate) fn failed(message: &str, error: &dyn Error) -> Self {
        Self { usable: true, message: format!("{message}\n  because: {}", with_causes(error)) }
    }

    /// Somebody stopped it: exit code 3.
    pub(crate) fn interrupted(message: &str) -> Self {
        Self { usable: true, message: message.to_owned() }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn report(&self, json: bool) {
        fix_adapters::tell!("error: {}", self.message);
        if json {
            print_json(&serde_json::json!({"error": self.message}));
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usable { 3 } else { 2 })
    }
}

/// Reads a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = read_at_most(path, INPUT_BYTES_MAX + 1)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > INPUT_BYTES_MAX) {
        return Err(CliError::unusable(format!("{} is larger than {INPUT_BYTES_MAX} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a plan, and no more of it than the parser needs to refuse one that is too large:
/// the source may be endless.
pub(crate) fn read_plan(path: &Path) -> Result<Vec<u8>, CliError> {
    read_at_most(path, u64::try_from(PLAN_BYTES_MAX).map_or(u64::MAX, |bytes| bytes + 1))
}

fn read_at_most(path: &Path, bytes_max: u64) -> Result<Vec<u8>, CliError> {
    let unreadable = |error: std::io::Error| CliError::unusable(format!("{} can't be read: {error}", path.display()));
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    source.take(bytes_max).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Prints one object on one line.
pub(crate) fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string(value).unwrap_or_default();
    // A reader that went away wants no more.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A directory, as an absolute path.
pub(crate) fn directory(path: &Path) -> Result<PathBuf, CliError> {
    if path.to_string_lossy().contains("://") {
        return Err(CliError::unusable("a URL is no directory; clone it, and give the directory"));
    }
    match path.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(path) => Err(CliError::unusable(format!("{} is no directory", path.display()))),
        Err(error) => Err(CliError::unusable(format!("{} can't be opened: {error}", path.display()))),
    }
}

/// A repository: a directory, or a URL.
pub(crate) fn location(place: &Path) -> Result<Location, CliError> {
    let text = place.to_string_lossy();
    // What stands before an `@` may be a password.
    let shown = text.rsplit('@').next().unwrap_or_default();
    let unusable = |error: UnsupportedLocation| CliError::unusable(format!("{shown}: {error}"));
    if place.is_dir() || !text.contains(':') {
        directory(place).map(Location::Local)
    } else {
        text.parse().map_err(unusable)
    }
}

/// The engine of a policy file. One that can't be read denies everything.
pub(crate) fn policy(file: &Path) -> PolicyEngine {
    PolicyEngine::from_policy_or_deny(load(file))
}

fn load(file: &Path) -> Result<SafetyPolicy, PolicyError> {
    let content = read(file).map_err(|error| PolicyError::Unreadable { problem: error.message })?;
    SafetyPolicy::from_file(&file.display().to_string(), &content)
}
