//! The policy document: what an organisation writes down.

mod error;
mod read;
#[cfg(feature = "schema")]
pub(crate) mod schema;
mod tree;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use error::{PolicyError, PolicyProblem};

/// The text of the default policy, comments and all.
pub const DEFAULT_POLICY_TOML: &str = include_str!("../../default-policy.toml");

/// A policy as data, version 1. A document need only hold what differs from
/// [`DEFAULT_POLICY_TOML`], which also says what each key means.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// use fix_policy::SafetyPolicy;
    /// let policy = SafetyPolicy::from_toml("version = 1\n[limits]\nfiles_max = 1\n")?;
    /// assert_eq!(policy.limits.files_max, 1);
    /// assert_eq!(policy.limits.lines_added_max, 200, "as in the default policy");
    ///
    /// let error = SafetyPolicy::from_toml("version = 1\n[limits]\nfile_max = 1\n").unwrap_err();
    /// assert!(error.to_string().contains("did you mean `limits.files_max`?"));
    /// # Ok::<(), fix_policy::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// Says what is wrong with the text, every unknown key and wrong type at once.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        read::toml(text).and_then(read::over_default)
    }

    /// Reads a policy from JSON. A key that stands twice is refused.
    ///
    /// # Errors
    /// As [`SafetyPolicy::from_toml`].
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        read::json(text).and_then(read::over_default)
    }

    /// Reads a policy from YAML 1.2. A key that stands twice is refused.
    ///
    /// # Errors
    /// As [`SafetyPolicy::from_toml`].
    #[cfg(feature = "yaml")]
    pub fn from_yaml(text: &str) -> Result<Self, PolicyError> {
        read::yaml(text).and_then(read::over_default)
    }

    /// Reads the content of a policy file; the ending of its name says the language:
    /// `.toml`, `.json`, `.yaml` or `.yml`.
    ///
    /// ```
    /// use fix_policy::SafetyPolicy;
    /// let policy = SafetyPolicy::from_file("fix-policy.json", br#"{"version": 1}"#)?;
    /// assert_eq!(policy, SafetyPolicy::from_toml(fix_policy::DEFAULT_POLICY_TOML)?);
    /// assert!(SafetyPolicy::from_file("policy.ini", b"version = 1").is_err());
    /// # Ok::<(), fix_policy::PolicyError>(())
    /// ```
    ///
    /// # Errors
    /// As [`SafetyPolicy::from_toml`]; and [`PolicyError::Unreadable`] for another ending,
    /// for bytes that are not UTF-8, and for a file that is too large.
    pub fn from_file(name: &str, content: &[u8]) -> Result<Self, PolicyError> {
        read::file(name, content).and_then(read::over_default)
    }

    /// The SHA-256 of the policy's content, as 64 hexadecimal digits; comments and spelling don't count.
    #[must_use]
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }
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

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        u32::from(*self).fmt(f)
    }
}

/// Which files may change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Paths {
    /// Globs of which a path must match one. Each means what it says; a trailing `/` means all below.
    pub allowed: Vec<String>,
    /// Globs of which a path may match none. Case does not matter; one without `/` matches at any depth;
    /// what names a directory covers all below.
    pub forbidden: Vec<String>,
}

/// How large a patch may be.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Changes {
    /// Come into being.
    pub create: bool,
    /// Go.
    pub delete: bool,
    /// Be renamed or copied.
    pub rename: bool,
    /// Change its mode, or come into being executable, as long as it is a regular file.
    pub mode: bool,
    /// Have binary content.
    pub binary: bool,
}

/// Credentials in added lines.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Secrets {
    /// Whether they are looked for.
    pub enabled: bool,
}

/// Names of distributions, in their PEP 503 form.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dependencies {
    /// Globs of the files that the rules look at. Case does not matter; one without `/` matches at any depth.
    pub files: Vec<String>,
    /// Globs of which a name must match one.
    pub allowed: Vec<String>,
    /// Globs of which a name may match none.
    pub denied: Vec<String>,
    /// What to say of a dependency without a version.
    pub unpinned: Answer,
    /// What to say of a new name that looks like a well-known one, or that is what another project is imported as.
    pub suspicious: Answer,
}

/// How dangerous a change is, in points.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Danger {
    /// The highest score that is labelled `safe`; at most 100.
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
    /// For each violation of severity `warn`.
    pub warning: u32,
    /// For each file on a risky path.
    pub risky_paths: Vec<RiskyPath>,
}

/// A path on which a change is riskier.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RiskyPath {
    /// A glob, matched as `paths.forbidden` is.
    pub pattern: String,
    /// What it adds to the score; of several that match, the largest counts.
    pub weight: u32,
}

/// What a generator exists for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Support {
    /// Categories of plans that may go on.
    pub categories: Vec<String>,
    /// Operations that may go on.
    pub operations: Vec<OperationKind>,
    /// The least confidence, from 0 to 1.
    pub confidence_min: f64,
    /// Globs of the files that operations declare dependencies in.
    pub dependency_files: Vec<String>,
    /// Globs of the files that imports are removed from.
    pub python_files: Vec<String>,
}

/// An operation of a plan, as a document names it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a new operation must be handled everywhere")]
pub enum OperationKind {
    /// Declare a dependency.
    AddDependency,
    /// Change the version of a dependency.
    PinDependency,
    /// Remove an unused import.
    RemoveUnused,
    /// Change a configuration file.
    UpdateConfig,
    /// Change code.
    ModifyCode,
}

impl From<fix_plan::ActionKind> for OperationKind {
    fn from(kind: fix_plan::ActionKind) -> Self {
        match kind {
            fix_plan::ActionKind::AddDependency => Self::AddDependency,
            fix_plan::ActionKind::PinDependency => Self::PinDependency,
            fix_plan::ActionKind::RemoveUnused => Self::RemoveUnused,
            fix_plan::ActionKind::UpdateConfig => Self::UpdateConfig,
            fix_plan::ActionKind::ModifyCode => Self::ModifyCode,
        }
    }
}

/// What to say of something that is not wrong by itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "three answers are the contract")]
pub enum Answer {
    /// Nothing.
    Allow,
    /// A warning: a person must look.
    Warn,
    /// No.
    Block,
}
