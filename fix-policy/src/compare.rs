//! What another policy would have decided.

use crate::decision::{Decision, PolicyViolation};

/// Two decisions about one thing that differ.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The decision of the old policy.
    pub old: Decision,
    /// The decision of the new policy.
    pub new: Decision,
    /// The violations that only the old policy finds.
    pub gone: Vec<PolicyViolation>,
    /// The violations that only the new policy finds.
    pub came: Vec<PolicyViolation>,
}

/// How two decisions about one thing differ; `None` when verdict, score, label and violations are the same.
///
/// ```
/// use fix_policy::{PolicyEngine, SafetyPolicy, compare};
/// let diff = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +0,0 @@\n-import os\n";
/// let strict = PolicyEngine::new(SafetyPolicy::from_toml("version = 1\npaths.forbidden = [\"*.py\"]")?)?;
/// let (old, new) = (PolicyEngine::default().evaluate_patch(diff), strict.evaluate_patch(diff));
/// let difference = compare(old.clone(), new).expect("the new policy forbids the file");
/// assert_eq!(difference.came[0].code, "path_forbidden");
/// assert_eq!(compare(old.clone(), old), None);
/// # Ok::<(), fix_policy::PolicyError>(())
/// ```
#[must_use]
pub fn compare(old: Decision, new: Decision) -> Option<Difference> {
    let same = old.allowed == new.allowed
        && old.danger_score == new.danger_score
        && old.pr_label == new.pr_label
        && old.violations == new.violations;
    if same {
        return None;
    }
    let only = |here: &Decision, there: &Decision| {
        here.violations.iter().filter(|violation| !there.violations.contains(violation)).cloned().collect()
    };
    Some(Difference { gone: only(&old, &new), came: only(&new, &old), old, new })
}
