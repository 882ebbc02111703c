//! The engine: a policy, compiled.

use fix_patch::Patch;
use fix_patch::diff::{self, Diff};
use fix_plan::FixPlan;

use crate::approved::{Approved, Denied};
use crate::decision::{Decision, Findings};
use crate::document::{DEFAULT_POLICY_TOML, PolicyError, SafetyPolicy};
use crate::glob::{AllowGlobs, DenyGlobs};
use crate::rules;

/// Decides whether plans and patches may go on.
///
/// Pure: the same policy and the same input give the same decision.
///
/// ```
/// use fix_policy::{PolicyEngine, PrLabel};
/// let diff = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +0,0 @@\n-import os\n";
/// let decision = PolicyEngine::default().evaluate_patch(diff.as_bytes());
/// assert!(decision.allowed);
/// assert_eq!(decision.pr_label, PrLabel::Safe);
/// ```
#[derive(Clone, Debug)]
pub struct PolicyEngine {
    rules: Result<Compiled, PolicyError>,
    digest: String,
}

/// A policy with its patterns compiled.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) policy: SafetyPolicy,
    pub(crate) allowed: AllowGlobs,
    pub(crate) forbidden: DenyGlobs,
    pub(crate) risky: Vec<(DenyGlobs, u32)>,
    pub(crate) names_allowed: AllowGlobs,
    pub(crate) names_denied: AllowGlobs,
    pub(crate) dependency_files: AllowGlobs,
    pub(crate) python_files: AllowGlobs,
    pub(crate) secrets: rules::SecretPatterns,
}

impl Default for PolicyEngine {
    /// The engine of [`DEFAULT_POLICY_TOML`].
    fn default() -> Self {
        Self::from_policy_or_deny(SafetyPolicy::from_toml(DEFAULT_POLICY_TOML))
    }
}

impl PolicyEngine {
    /// Compiles a policy.
    ///
    /// # Errors
    /// [`PolicyError::Pattern`] names a pattern that is no glob.
    pub fn new(policy: SafetyPolicy) -> Result<Self, PolicyError> {
        let digest = policy.digest();
        Ok(Self { rules: Ok(Compiled::new(policy)?), digest })
    }

    /// Compiles a policy that may have failed to load; then the engine denies everything and says why.
    #[must_use]
    pub fn from_policy_or_deny(policy: Result<SafetyPolicy, PolicyError>) -> Self {
        match policy.and_then(Self::new) {
            Ok(engine) => engine,
            Err(error) => Self { digest: format!("unreadable: {error}"), rules: Err(error) },
        }
    }

    /// The SHA-256 of the policy's content.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Decides about a plan, before any patch is made.
    #[must_use]
    pub fn evaluate_plan(&self, plan: &FixPlan) -> Decision {
        self.decide(|rules, findings| rules::plan(rules, plan, findings))
    }

    /// Decides about a text that should be a plan. One that is none is denied.
    #[must_use]
    pub fn evaluate_plan_text(&self, text: &[u8]) -> Decision {
        self.decide(|rules, findings| match FixPlan::parse(text) {
            Ok(plan) => rules::plan(rules, &plan, findings),
            Err(error) => findings.block("plan_invalid", None, error.to_string()),
        })
    }

    /// Decides about a diff of unknown origin. A diff that git could not have written is denied.
    #[must_use]
    pub fn evaluate_patch(&self, diff_text: &[u8]) -> Decision {
        self.decide(|rules, findings| match diff::parse(diff_text) {
            Ok(diff) => rules::diff(rules, &diff, diff_text.len(), findings),
            Err(error) => findings.block("diff_unreadable", None, format!("the diff can't be read safely: {error}")),
        })
    }

    /// Allows a plan to become a patch.
    ///
    /// # Errors
    /// [`Denied`] with the decision.
    pub fn review_plan(&self, plan: FixPlan) -> Result<Approved<FixPlan>, Denied> {
        let decision = self.evaluate_plan(&plan);
        approve(plan, decision)
    }

    /// Allows the patch of an allowed plan to be validated and published. What is judged is the
    /// text of the diff, as an outsider would read it, and whether it keeps to the plan.
    ///
    /// # Errors
    /// [`Denied`] with the decision.
    pub fn review_patch(&self, plan: &Approved<FixPlan>, patch: Patch) -> Result<Approved<Patch>, Denied> {
        let text = patch.diff().as_bytes();
        let decision = self.decide(|rules, findings| match diff::parse(text) {
            Ok(diff) => {
                rules::diff(rules, &diff, text.len(), findings);
                rules::scope(plan.get(), &diff, findings);
                rules::operations(rules, plan.get(), findings);
                rules::patch_findings(rules, &patch, findings);
            }
            Err(error) => findings.block("diff_unreadable", None, format!("the diff can't be read safely: {error}")),
        });
        approve(patch, decision)
    }

    fn decide(&self, judge: impl FnOnce(&Compiled, &mut Findings)) -> Decision {
        let mut findings = Findings::default();
        match &self.rules {
            Ok(rules) => {
                judge(rules, &mut findings);
                Decision::new(findings, rules.policy.danger.warning, rules.policy.danger.safe_max)
            }
            Err(error) => {
                findings.block("policy_invalid", None, format!("nothing is allowed without a valid policy: {error}"));
                Decision::new(findings, 0, 0)
            }
        }
    }
}

fn approve<T>(value: T, decision: Decision) -> Result<Approved<T>, Denied> {
    if decision.allowed { Ok(Approved::new(value, decision)) } else { Err(Denied { decision: Box::new(decision) }) }
}

impl Compiled {
    fn new(policy: SafetyPolicy) -> Result<Self, PolicyError> {
        let risky = policy.danger.risky_paths.iter().map(|path| {
            let globs = DenyGlobs::new("danger.risky_paths", std::slice::from_ref(&path.pattern))?;
            Ok((globs, path.weight))
        });
        Ok(Self {
            allowed: AllowGlobs::new("paths.allowed", &policy.paths.allowed)?,
            forbidden: DenyGlobs::new("paths.forbidden", &policy.paths.forbidden)?,
            risky: risky.collect::<Result<_, PolicyError>>()?,
            names_allowed: AllowGlobs::new("dependencies.allowed", &policy.dependencies.allowed)?,
            names_denied: AllowGlobs::new("dependencies.denied", &policy.dependencies.denied)?,
            dependency_files: AllowGlobs::new("support.dependency_files", &policy.support.dependency_files)?,
            python_files: AllowGlobs::new("support.python_files", &policy.support.python_files)?,
            secrets: rules::SecretPatterns::new()?,
            policy,
        })
    }

    /// Whether a diff of `diff` is about dependency files; see the rules.
    pub(crate) fn declares_dependencies(&self, diff: &Diff, index: usize) -> bool {
        let file = diff.files.get(index).and_then(diff::FileDiff::path);
        file.is_some_and(|path| self.dependency_files.matches(path.as_str()))
    }
}
