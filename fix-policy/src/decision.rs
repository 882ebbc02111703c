//! What the engine answers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A decision about a plan or a patch, and everything it rests on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Decision {
    /// Whether it may go on: no violation blocks.
    pub allowed: bool,
    /// How dangerous it is, 0 to 100.
    pub danger_score: u8,
    /// What the score is made of.
    pub danger_reasons: Vec<DangerReason>,
    /// The rules it breaks.
    pub violations: Vec<PolicyViolation>,
    /// The label that a pull request gets.
    pub pr_label: PrLabel,
}

impl Decision {
    pub(crate) fn new(findings: Findings, warning_points: u32, safe_max: u8) -> Self {
        let Findings { mut violations, mut reasons } = findings;
        violations.sort();
        violations.dedup();
        let count = |severity| violations.iter().filter(|violation| violation.severity == severity).count();
        let (blocks, warnings) = (count(Severity::Block), count(Severity::Warn));
        if warnings > 0 {
            let points = warning_points.saturating_mul(u32::try_from(warnings).unwrap_or(u32::MAX));
            reasons.push(DangerReason::new("warnings", points, format!("{warnings} finding(s) of severity warn")));
        }
        reasons.retain(|reason| reason.points > 0);
        let sum = reasons.iter().fold(0_u32, |sum, reason| sum.saturating_add(reason.points)).min(100);
        let danger_score = u8::try_from(sum).unwrap_or(100);
        let allowed = blocks == 0;
        let safe = allowed && warnings == 0 && danger_score <= safe_max;
        let pr_label = if safe { PrLabel::Safe } else { PrLabel::NeedsReview };
        Self { allowed, danger_score, danger_reasons: reasons, violations, pr_label }
    }
}

/// What rules found so far. A rule adds to it; nothing takes away from it, so that no rule can allow what another denies.
#[derive(Debug, Default)]
pub struct Findings {
    violations: Vec<PolicyViolation>,
    reasons: Vec<DangerReason>,
}

impl Findings {
    /// Adds a broken rule.
    pub fn violation(&mut self, violation: PolicyViolation) {
        self.violations.push(violation);
    }

    /// Adds to the danger score. No points are no reason.
    pub fn danger(&mut self, reason: DangerReason) {
        self.reasons.push(reason);
    }
}

/// One broken rule.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyViolation {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, stable, `snake_case`.
    pub code: String,
    /// The file, when it is about one.
    pub file: Option<String>,
    /// The key of the policy that says so, such as `paths.forbidden`, or the name of an embedder's
    /// [`Rule`](crate::Rule); absent for what no policy can allow.
    pub rule: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would change the decision.
    pub remedy: Option<String>,
}

impl PolicyViolation {
    /// A violation that must not go on.
    #[must_use]
    pub fn block(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Block, code.into(), message.into())
    }

    /// A violation that a person should look at.
    #[must_use]
    pub fn warn(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warn, code.into(), message.into())
    }

    /// Something that is good to know.
    #[must_use]
    pub fn info(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code.into(), message.into())
    }

    fn new(severity: Severity, code: String, message: String) -> Self {
        Self { severity, code, file: None, rule: None, message, remedy: None }
    }

    /// The same, about a file.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The same, and which rule says so.
    #[must_use]
    pub fn by(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// The same, and what would change the decision.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// How bad a violation is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "three severities are the contract")]
pub enum Severity {
    /// It must not go on.
    Block,
    /// A person must look: the label is `needs-review`, whatever the score.
    Warn,
    /// Good to know.
    Info,
}

/// One part of the danger score.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DangerReason {
    /// What it is for, stable, `snake_case`.
    pub code: String,
    /// What it adds.
    pub points: u32,
    /// Why.
    pub message: String,
}

impl DangerReason {
    /// So many points, and why.
    #[must_use]
    pub fn new(code: impl Into<String>, points: u32, message: impl Into<String>) -> Self {
        Self { code: code.into(), points, message: message.into() }
    }
}

/// The label of a pull request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "two labels are the contract")]
pub enum PrLabel {
    /// Allowed without a warning, and at most as dangerous as the policy calls safe.
    Safe,
    /// A person must look closely.
    NeedsReview,
}

impl PrLabel {
    /// The name on the forge.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::NeedsReview => "needs-review",
        }
    }
}

impl fmt::Display for PrLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
