//! The policy document: what an organisation writes down.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The text of the default policy, comments and all.
pub const DEFAULT_POLICY_TOML: &str = include_str!("../default-policy.toml");

/// A policy as data, version 1. A document need only hold what differs from
/// [`DEFAULT_POLICY_TOML`], which also says what each key means.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SafetyPolicy {
    /// The version of the language: 1.
    pub version: Version,
    /// Which files may change.
    pub paths: Paths,
    /// How large a patch may be.
    pub limits: PatchLimits,
    /// What a file of a diff may do besides changing lines.
    pub changes: Changes,
    /// Credentials in added lines.
    pub secrets: Secrets,
    /// Names of distributions.
    pub dependencies: Dependencies,
    /// How dangerous a change is.
    pub danger: Danger,
    /// What a generator exists for.
    pub support: Support,
}

impl SafetyPolicy {
    /// Reads a policy from TOML.
    ///
    /// ```
    /// let policy = fix_policy::SafetyPolicy::from_toml("version = 1\n[limits]\nfiles_max = 1\n")?;
    /// assert_eq!(policy.limits.files_max, 1);
    /// assert_eq!(policy.limits.lines_added_max, 200);
    /// assert!(fix_policy::SafetyPolicy::from_toml("").is_err(), "a policy says its version");
    /// # Ok::<(), fix_policy::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// Says where the text is no policy: syntax, an unknown key, a wrong type.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        Self::over_default(read_toml(text)?)
    }

    /// Reads a policy from JSON.
    ///
    /// # Errors
    /// As [`SafetyPolicy::from_toml`].
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        let document =
            serde_json::from_str(text).map_err(|error| PolicyError::Unreadable { problem: error.to_string() })?;
        Self::over_default(document)
    }

    /// What the document leaves out is as in the default policy; its version it must say itself.
    fn over_default(document: Value) -> Result<Self, PolicyError> {
        let unreadable = |problem: String| PolicyError::Unreadable { problem };
        if document.get("version").is_none() {
            return Err(unreadable("the key `version` is missing; write `version = 1`".to_owned()));
        }
        let merged = merge(read_toml(DEFAULT_POLICY_TOML)?, document);
        serde_json::from_value(merged).map_err(|error| unreadable(error.to_string()))
    }

    /// The SHA-256 of the policy's content, as 64 hexadecimal digits; comments and spelling don't count.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn read_toml(text: &str) -> Result<Value, PolicyError> {
    toml::from_str(text).map_err(|error| PolicyError::Unreadable { problem: error.to_string().trim_end().to_owned() })
}

/// Tables are merged key by key; anything else replaces what was there.
fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let merged = match base.remove(&key) {
                    Some(below) => merge(below, value),
                    None => value,
                };
                base.insert(key, merged);
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

/// Why a policy can't be used. Whoever meets one denies everything.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is no policy document.
    #[error("the policy can't be read: {problem}")]
    Unreadable {
        /// What is wrong, and where.
        problem: String,
    },
    /// A pattern is no glob.
    #[error("the policy has an invalid pattern {pattern:?} in {key}: {problem}")]
    Pattern {
        /// The key that holds the pattern.
        key: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "u32", into = "u32")]
#[non_exhaustive]
pub enum Version {
    /// Version 1.
    #[default]
    V1,
}

impl TryFrom<u32> for Version {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        match version {
            1 => Ok(Self::V1),
            other => Err(format!("version {other} is not known; this engine reads version 1")),
        }
    }
}

impl From<Version> for u32 {
    fn from(Version::V1: Version) -> Self {
        1
    }
}

/// Which files may change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Paths {
    /// Globs of which a path must match one.
    pub allowed: Vec<String>,
    /// Globs of which a path may match none.
    pub forbidden: Vec<String>,
}

/// How large a patch may be.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PatchLimits {
    /// Most files.
    pub files_max: u64,
    /// Most added lines.
    pub lines_added_max: u64,
    /// Most removed lines.
    pub lines_removed_max: u64,
    /// Longest diff, in bytes.
    pub diff_bytes_max: u64,
}

/// What a file of a diff may do besides changing lines.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Changes {
    /// Come into being.
    pub create: bool,
    /// Go.
    pub delete: bool,
    /// Be renamed or copied.
    pub rename: bool,
    /// Change its mode, as long as it stays a regular file.
    pub mode: bool,
    /// Have binary content.
    pub binary: bool,
}

/// Credentials in added lines.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Secrets {
    /// Whether they are looked for.
    pub enabled: bool,
}

/// Names of distributions.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dependencies {
    /// Globs of which a name must match one; empty: any name.
    pub allowed: Vec<String>,
    /// Globs of which a name may match none.
    pub denied: Vec<String>,
    /// What to say of a dependency without a version.
    pub unpinned: Unpinned,
}

/// How dangerous a change is, in points.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Danger {
    /// The highest score that is labelled `safe`.
    pub safe_max: u8,
    /// For each file.
    pub per_file: u32,
    /// For each started 50 changed lines.
    pub per_50_lines: u32,
    /// For each started 10 KiB of diff.
    pub per_10_kib: u32,
    /// For each `add_dependency`.
    pub add_dependency: u32,
    /// For each `pin_dependency`.
    pub pin_dependency: u32,
    /// For each `remove_unused`.
    pub remove_unused: u32,
    /// For each `update_config`.
    pub update_config: u32,
    /// For each `modify_code`.
    pub modify_code: u32,
    /// For a plan whose confidence is below `confidence_low`.
    pub low_confidence: u32,
    /// See `low_confidence`; 0 to 1.
    pub confidence_low: f64,
    /// For each lock file that becomes stale.
    pub lockfile_stale: u32,
    /// For each violation of severity `warn`.
    pub warning: u32,
    /// For each file on a risky path.
    pub risky_paths: Vec<RiskyPath>,
}

/// What a generator exists for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Support {
    /// Categories that may go on.
    pub categories: Vec<String>,
    /// Operations that may go on.
    pub operations: Vec<String>,
    /// The least confidence, from 0 to 1.
    pub confidence_min: f64,
    /// Globs of the files that dependencies are declared in.
    pub dependency_files: Vec<String>,
    /// Globs of the files that imports are removed from.
    pub python_files: Vec<String>,
}

/// A path on which a change is riskier.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RiskyPath {
    /// A glob, matched as `paths.forbidden` is.
    pub pattern: String,
    /// What it adds to the score.
    pub weight: u32,
}

/// What to say of a dependency without a version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "two answers are the contract")]
pub enum Unpinned {
    /// Nothing.
    Allow,
    /// A warning.
    Warn,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        u32::from(*self).fmt(f)
    }
}
