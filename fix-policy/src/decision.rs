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
        let warnings = violations.iter().filter(|violation| violation.severity == Severity::Warn).count();
        if warnings > 0 && warning_points > 0 {
            let points = warning_points.saturating_mul(u32::try_from(warnings).unwrap_or(u32::MAX));
            reasons.push(DangerReason {
                code: "warnings".to_owned(),
                points,
                message: format!("{warnings} finding(s) of severity warn"),
            });
        }
        reasons.retain(|reason| reason.points > 0);
        let sum = reasons.iter().fold(0_u32, |sum, reason| sum.saturating_add(reason.points)).min(100);
        let danger_score = u8::try_from(sum).unwrap_or(100);
        let allowed = violations.iter().all(|violation| violation.severity != Severity::Block);
        let pr_label = if allowed && danger_score <= safe_max { PrLabel::Safe } else { PrLabel::NeedsReview };
        Self { allowed, danger_score, danger_reasons: reasons, violations, pr_label }
    }
}

/// What rules found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    violations: Vec<PolicyViolation>,
    reasons: Vec<DangerReason>,
}

impl Findings {
    pub(crate) fn violation(&mut self, severity: Severity, code: &str, file: Option<&str>, message: impl Into<String>) {
        self.violations.push(PolicyViolation {
            severity,
            code: code.to_owned(),
            file: file.map(ToOwned::to_owned),
            message: message.into(),
        });
    }

    pub(crate) fn block(&mut self, code: &str, file: Option<&str>, message: impl Into<String>) {
        self.violation(Severity::Block, code, file, message);
    }

    pub(crate) fn danger(&mut self, code: &str, points: u32, message: impl Into<String>) {
        self.reasons.push(DangerReason { code: code.to_owned(), points, message: message.into() });
    }
}

/// One broken rule.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PolicyViolation {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule, stable, `snake_case`.
    pub code: String,
    /// The file, when it is about one.
    pub file: Option<String>,
    /// What is wrong, and what would change the decision.
    pub message: String,
}

/// How bad a violation is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "three severities are the contract")]
pub enum Severity {
    /// It must not go on.
    Block,
    /// A person should look.
    Warn,
    /// Good to know.
    Info,
}

/// One part of the danger score.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DangerReason {
    /// Which rule, stable, `snake_case`.
    pub code: String,
    /// What it adds.
    pub points: u32,
    /// Why.
    pub message: String,
}

/// The label of a pull request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "two labels are the contract")]
pub enum PrLabel {
    /// Allowed, and at most as dangerous as the policy calls safe.
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
