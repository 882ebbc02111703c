//! Credentials in added lines.

use fix_patch::diff::{Diff, LineKind};
use fix_plan::RepoPath;
use regex::RegexSet;

use crate::decision::Findings;
use crate::document::PolicyError;
use crate::engine::Compiled;

/// What credentials look like: a name, and a pattern.
const PATTERNS: [(&str, &str); 13] = [
    ("private_key", r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----"),
    ("aws_access_key", r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("github_token", r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})"),
    ("gitlab_token", r"\bgl(pat|cbt|ptt|rt|dt)-[A-Za-z0-9_-]{20,}"),
    ("slack_token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("slack_webhook", r"hooks\.slack\.com/(services|workflows)/[A-Za-z0-9/+]{40,}"),
    ("google_api_key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("stripe_key", r"\b[rs]k_(live|test|prod)_[A-Za-z0-9]{10,}"),
    ("npm_token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("pypi_token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    ("model_api_key", r"\bsk-(ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}"),
    ("json_web_token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("url_password", r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s:@$\{<]{3,}@"),
];

/// The patterns, compiled.
#[derive(Clone, Debug)]
pub(crate) struct SecretPatterns(RegexSet);

impl SecretPatterns {
    pub(crate) fn new() -> Result<Self, PolicyError> {
        let set = RegexSet::new(PATTERNS.iter().map(|(_, pattern)| pattern));
        set.map(Self).map_err(|error| PolicyError::Pattern {
            key: "secrets",
            pattern: String::new(),
            problem: error.to_string(),
        })
    }
}

pub(crate) fn diff(rules: &Compiled, diff: &Diff, findings: &mut Findings) {
    if !rules.policy.secrets.enabled {
        return;
    }
    for file in &diff.files {
        let path = file.path().map(RepoPath::as_str);
        let added = file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Added);
        for line in added {
            for index in rules.secrets.0.matches(&line.text) {
                let (name, _) = PATTERNS.get(index).copied().unwrap_or(("credential", ""));
                findings.block("secret_added", path, format!("an added line looks like a credential ({name})"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_recognised_and_prose_is_not() {
        let set = SecretPatterns::new().unwrap().0;
        for line in [
            "-----BEGIN RSA PRIVATE KEY-----",
            "key = 'AKIAIOSFODNN7EXAMPLE'",
            "https://user:hunter22@host/",
            &format!("ghp_{}", "a".repeat(36)),
        ] {
            assert!(set.is_match(line), "{line}");
        }
        for line in ["requests>=2.31", "https://example.com/a:b@c", "sk-short", "https://${USER}:${TOKEN}@host"] {
            assert!(!set.is_match(line), "{line}");
        }
    }
}
