//! The engine: a policy, compiled.

use std::sync::Arc;

use fix_patch::diff::{self, Diff};
use fix_patch::{FindingCode, Patch};
use fix_plan::{Category, Confidence, FixPlan, RepoPath};
use sha2::{Digest as _, Sha256};

use crate::approved::{Approved, Denied};
use crate::decision::{Decision, Findings, PolicyViolation};
use crate::document::{DEFAULT_POLICY_TOML, PolicyError, PolicyProblem, SafetyPolicy};
use crate::glob::{AllowGlobs, DenyGlobs, FileGlobs, NameGlobs};
use crate::rule::{Rule, Subject};
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
    policy: Result<Arc<Compiled>, PolicyError>,
    rules: Vec<Arc<dyn Rule>>,
    digest: String,
}

/// A policy with its patterns compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) policy: SafetyPolicy,
    pub(crate) allowed: AllowGlobs,
    pub(crate) forbidden: DenyGlobs,
    pub(crate) risky: Vec<(DenyGlobs, u32)>,
    pub(crate) names_allowed: NameGlobs,
    pub(crate) names_denied: NameGlobs,
    /// Where the rules on dependencies look.
    pub(crate) dependency_files: FileGlobs,
    /// Where operations on dependencies may act.
    pub(crate) dependency_targets: AllowGlobs,
    pub(crate) python_files: AllowGlobs,
}

/// A patch as an outsider sees it: a diff, and what else is known of it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller fills it in")]
pub struct PatchText<'p> {
    /// The unified diff, as git writes it.
    pub diff: &'p [u8],
    /// The plan that it carries out: then it may touch no other file.
    pub plan: Option<&'p FixPlan>,
    /// Lock files that it leaves behind.
    pub stale_lock_files: &'p [RepoPath],
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
    /// [`PolicyError::Invalid`] with every pattern that is no glob, and every number out of its range.
    pub fn new(policy: SafetyPolicy) -> Result<Self, PolicyError> {
        let digest = policy.digest();
        Ok(Self { policy: Ok(Arc::new(Compiled::new(policy)?)), rules: Vec::new(), digest })
    }

    /// Compiles a policy that may have failed to load; then the engine denies everything and says why.
    ///
    /// ```
    /// use fix_policy::{PolicyEngine, PolicyError, SafetyPolicy};
    /// let engine = PolicyEngine::from_policy_or_deny(SafetyPolicy::from_file("policy.toml", b""));
    /// let decision = engine.evaluate_patch(b"");
    /// assert_eq!(decision.violations[0].code, "policy_invalid");
    /// ```
    #[must_use]
    pub fn from_policy_or_deny(policy: Result<SafetyPolicy, PolicyError>) -> Self {
        match policy.and_then(Self::new) {
            Ok(engine) => engine,
            Err(error) => {
                let digest = format!("unusable: {error}");
                Self { policy: Err(error), rules: Vec::new(), digest }
            }
        }
    }

    /// The same engine with another rule, judged after the policy's own.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Rule + 'static) -> Self {
        // Lengths first, so that no two lists of names share a text.
        let text = format!("{}+{}:{}", self.digest, rule.name().len(), rule.name());
        self.digest = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        self.rules.push(Arc::new(rule));
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// Why there is none, and everything is denied.
    pub fn policy(&self) -> Result<&SafetyPolicy, &PolicyError> {
        self.policy.as_ref().map(|compiled| &compiled.policy)
    }

    /// The SHA-256 of the policy's content and of the names of the added rules, as 64 hexadecimal digits.
    ///
    /// Of a policy that can't be used it is `unusable: ` and why, until a rule is added: two that fail for
    /// one reason decide alike.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Decides about a plan, before any patch is made.
    #[must_use]
    pub fn evaluate_plan(&self, plan: &FixPlan) -> Decision {
        self.decide(|policy, findings| {
            rules::plan(policy, plan, findings);
            self.added_rules(&Subject::Plan(plan), findings);
        })
    }

    /// Decides about a text that should be a plan. One that is none is denied.
    #[must_use]
    pub fn evaluate_plan_text(&self, text: &[u8]) -> Decision {
        match FixPlan::parse(text) {
            Ok(plan) => self.evaluate_plan(&plan),
            Err(error) => self.decide(|_, findings| {
                let violation = PolicyViolation::block("plan_invalid", error.to_string());
                findings.violation(violation.remedy("a plan that the parser accepts"));
            }),
        }
    }

    /// Decides about a diff of unknown origin. A diff that git could not have written is denied.
    #[must_use]
    pub fn evaluate_patch(&self, diff: &[u8]) -> Decision {
        self.evaluate_patch_text(PatchText { diff, plan: None, stale_lock_files: &[] })
    }

    /// Decides about a patch of which more is known than its diff.
    #[must_use]
    pub fn evaluate_patch_text(&self, patch: PatchText<'_>) -> Decision {
        let PatchText { diff: text, plan, stale_lock_files } = patch;
        self.decide(|policy, findings| match diff::parse(text) {
            Ok(diff) => self.judge_patch(policy, &diff, text.len(), plan, stale_lock_files, findings),
            Err(error) => {
                let message = format!("the diff can't be read safely: {error}");
                findings.violation(
                    PolicyViolation::block("diff_unreadable", message)
                        .remedy("the diff as `git diff` writes it by default"),
                );
            }
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
        let stale = patch.findings().iter().filter(|finding| finding.code == FindingCode::LockfileStale);
        let stale: Vec<RepoPath> = stale.map(|finding| finding.file.clone()).collect();
        let decision = self.evaluate_patch_text(PatchText {
            diff: patch.diff().as_bytes(),
            plan: Some(plan.get()),
            stale_lock_files: &stale,
        });
        approve(patch, decision)
    }

    fn judge_patch(
        &self,
        policy: &Compiled,
        diff: &Diff,
        bytes: usize,
        plan: Option<&FixPlan>,
        stale_lock_files: &[RepoPath],
        findings: &mut Findings,
    ) {
        rules::diff(policy, diff, bytes, plan, findings);
        rules::lock_files(stale_lock_files, findings);
        self.added_rules(&Subject::Patch { diff, plan }, findings);
    }

    fn added_rules(&self, subject: &Subject<'_>, findings: &mut Findings) {
        for rule in &self.rules {
            rule.judge(subject, findings);
        }
    }

    fn decide(&self, judge: impl FnOnce(&Compiled, &mut Findings)) -> Decision {
        let mut findings = Findings::default();
        match &self.policy {
            Ok(compiled) => {
                judge(compiled, &mut findings);
                let danger = &compiled.policy.danger;
                Decision::new(findings, danger.warning, danger.safe_max)
            }
            Err(error) => {
                let message = format!("nothing is allowed without a usable policy: {error}");
                findings
                    .violation(PolicyViolation::block("policy_invalid", message).remedy("a policy that can be read"));
                Decision::new(findings, 0, 0)
            }
        }
    }
}

fn approve<T>(value: T, decision: Decision) -> Result<Approved<T>, Denied> {
    if decision.allowed { Ok(Approved::new(value, decision)) } else { Err(Denied { decision: Box::new(decision) }) }
}

/// A category may be one that only an embedder knows, but not one that is hardly misspelt.
fn category_problem(category: &str) -> Option<PolicyProblem> {
    let problem = |message: String| Some(PolicyProblem::new("support.categories", message));
    match category.parse::<Category>() {
        Err(error) => problem(format!("{category:?}: {error}")),
        Ok(Category::Other(_)) => {
            let known = [Category::PythonMissingDependency, Category::LintFormat];
            let meant = known.iter().map(Category::as_str).find(|known| strsim::osa_distance(category, known) <= 3)?;
            problem(format!("{category:?} is no category of a generator; did you mean `{meant}`?"))
        }
        Ok(_) => None,
    }
}

impl Compiled {
    pub(crate) fn new(policy: SafetyPolicy) -> Result<Self, PolicyError> {
        let mut problems = Vec::new();
        let SafetyPolicy { paths, dependencies, danger, support, .. } = &policy;
        for (key, confidence) in
            [("danger.confidence_low", danger.confidence_low), ("support.confidence_min", support.confidence_min)]
        {
            // A number that is none would be below nothing and above nothing.
            if Confidence::new(confidence).is_none() {
                problems.push(PolicyProblem::new(key, format!("must be between 0 and 1, and is {confidence}")));
            }
        }
        if danger.safe_max > 100 {
            problems.push(PolicyProblem::new("danger.safe_max", "must be at most 100, the highest score"));
        }
        problems.extend(support.categories.iter().filter_map(|category| category_problem(category)));
        let risky = danger.risky_paths.iter().map(|path| {
            (DenyGlobs::new("danger.risky_paths", std::slice::from_ref(&path.pattern), &mut problems), path.weight)
        });
        let risky = risky.collect();
        let mut allow = |key, patterns| AllowGlobs::new(key, patterns, &mut problems);
        let allowed = allow("paths.allowed", &paths.allowed);
        let dependency_targets = allow("support.dependency_files", &support.dependency_files);
        let python_files = allow("support.python_files", &support.python_files);
        let mut names = |key, patterns| NameGlobs::new(key, patterns, &mut problems);
        let names_allowed = names("dependencies.allowed", &dependencies.allowed);
        let names_denied = names("dependencies.denied", &dependencies.denied);
        let dependency_files = FileGlobs::new("dependencies.files", &dependencies.files, &mut problems);
        let forbidden = DenyGlobs::new("paths.forbidden", &paths.forbidden, &mut problems);
        if !problems.is_empty() {
            return Err(PolicyError::Invalid { problems });
        }
        Ok(Self {
            allowed,
            forbidden,
            risky,
            names_allowed,
            names_denied,
            dependency_files,
            dependency_targets,
            python_files,
            policy,
        })
    }
}
