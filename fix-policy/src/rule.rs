//! Rules that an embedder adds.

use std::fmt::Debug;

use fix_patch::diff::Diff;
use fix_plan::FixPlan;

use crate::decision::Findings;

/// A rule of an embedder's own, judged after the policy's.
///
/// # Contract
/// - Pure: the same subject gives the same findings. A run that resumes judges again,
///   and ends when the decision differs.
/// - It only adds findings, so that it can deny what the policy allows, and never the other way round.
/// - The codes of its violations are stable, and its [`name`](Rule::name) changes when what it says changes.
///
/// ```
/// use fix_policy::{Findings, PolicyEngine, PolicyViolation, Rule, Subject};
///
/// #[derive(Debug)]
/// struct NoMigrations;
///
/// impl Rule for NoMigrations {
///     fn name(&self) -> &str {
///         "no_migrations"
///     }
///
///     fn judge(&self, subject: &Subject<'_>, findings: &mut Findings) {
///         for path in subject.paths().filter(|path| path.components().any(|part| part == "migrations")) {
///             let violation = PolicyViolation::block("migration_touched", format!("{path} is a migration"));
///             findings.violation(violation.in_file(path.as_str()).by("no_migrations"));
///         }
///     }
/// }
///
/// let engine = PolicyEngine::default().with_rule(NoMigrations);
/// let diff = b"diff --git a/app/migrations/1.py b/app/migrations/1.py\n\
///     --- a/app/migrations/1.py\n+++ b/app/migrations/1.py\n@@ -1 +0,0 @@\n-import os\n";
/// let decision = engine.evaluate_patch(diff);
/// assert_eq!(decision.violations[0].code, "migration_touched");
/// assert!(PolicyEngine::default().evaluate_patch(diff).allowed);
/// ```
pub trait Rule: Debug + Send + Sync {
    /// What the rule is called, stable, `snake_case`; with a version when it has several. It is part of the
    /// [digest](crate::PolicyEngine::digest) of the engine.
    fn name(&self) -> &str;

    /// Adds what is wrong with the subject, and how dangerous it is.
    fn judge(&self, subject: &Subject<'_>, findings: &mut Findings);
}

/// What a [`Rule`] judges.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Subject<'s> {
    /// A plan, before a patch is made.
    Plan(&'s FixPlan),
    /// A patch.
    #[non_exhaustive]
    Patch {
        /// What it changes.
        diff: &'s Diff,
        /// The plan that it carries out; absent for a diff of unknown origin.
        plan: Option<&'s FixPlan>,
    },
}

impl<'s> Subject<'s> {
    /// Every path that the plan lists, or that the patch changes, old names included.
    pub fn paths(&self) -> impl Iterator<Item = &'s fix_plan::RepoPath> + use<'s> {
        let (plan, diff) = match self {
            Self::Plan(plan) => (Some(*plan), None),
            Self::Patch { diff, .. } => (None, Some(*diff)),
        };
        let listed = plan.into_iter().flat_map(FixPlan::files);
        let files = diff.into_iter().flat_map(|diff| &diff.files);
        listed.chain(files.flat_map(|file| [&file.old_path, &file.new_path].into_iter().flatten()))
    }
}
