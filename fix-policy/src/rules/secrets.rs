//! Credentials in added lines.

use std::borrow::Cow;

use fix_patch::diff::{Diff, FileDiff, LineKind};
use fix_plan::{Redactor, RepoPath};

use crate::decision::{Findings, PolicyViolation};
use crate::engine::Compiled;

/// Looks for what a log would be redacted of: one table of formats serves both. The value is never told.
pub(crate) fn diff(rules: &Compiled, diff: &Diff, findings: &mut Findings) {
    if !rules.policy.secrets.enabled {
        return;
    }
    let redactor = Redactor::default();
    for file in &diff.files {
        let added = added_text(file);
        if let Cow::Owned(redacted) = redactor.redact(&added) {
            let path = file.path().map_or("a file", RepoPath::as_str);
            let what = kind(&added, &redacted);
            findings.violation(
                PolicyViolation::block(
                    "secret_added",
                    format!("an added line of {path} looks like a credential ({what})"),
                )
                .in_file(path)
                .by("secrets.enabled")
                .remedy("a patch without it; and withdraw the credential, when it is one"),
            );
        }
    }
}

/// The added lines together, so that what spans lines is seen, too.
fn added_text(file: &FileDiff) -> String {
    let lines = || file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == LineKind::Added);
    let mut text = String::with_capacity(lines().map(|line| line.text.len()).sum());
    text.extend(lines().map(|line| line.text.as_str()));
    text
}

/// What was taken out first: `[redacted KIND]` stands where the two texts part.
fn kind<'r>(text: &str, redacted: &'r str) -> &'r str {
    let same = text.bytes().zip(redacted.bytes()).take_while(|(a, b)| a == b).count();
    // A secret that begins with a bracket has it in common with its mark.
    let mark = redacted.get(..same).and_then(|head| head.rfind("[redacted ")).unwrap_or(same);
    let rest = redacted.get(mark..).unwrap_or_default();
    rest.strip_prefix("[redacted ").and_then(|rest| rest.split(']').next()).unwrap_or("secret")
}

#[cfg(test)]
mod tests {
    fn found(added: &[&str]) -> Option<String> {
        let lines: String = added.iter().map(|line| format!("+{line}\n")).collect();
        let diff = format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,{} @@\n+a\n-b\n{lines}", added.len() + 1);
        let decision = crate::PolicyEngine::default().evaluate_patch(diff.as_bytes());
        let found = decision.violations.into_iter().find(|violation| violation.code == "secret_added");
        found.map(|violation| violation.message)
    }

    #[test]
    fn credentials_are_found_and_not_told() {
        let token = format!("ghp_{}", "a".repeat(36));
        for (added, kind) in [
            (vec!["key = 'AKIAIOSFODNN7EXAMPLE'"], "aws access key"),
            (vec!["https://user:hunter22@host/"], "password"),
            (vec!["a", &token, "b"], "github token"),
            (vec!["-----BEGIN RSA PRIVATE KEY-----", "MIIEow", "-----END RSA PRIVATE KEY-----"], "private key"),
        ] {
            let message = found(&added).unwrap_or_default();
            assert!(message.ends_with(&format!("looks like a credential ({kind})")), "{added:?}: {message}");
        }
        for line in [
            "requests>=2.31",
            "https://example.com/a:b@c",
            "sk-short",
            "https://${USER}:${TOKEN}@host",
            "token = get()",
        ] {
            assert_eq!(found(&[line]), None, "{line}");
        }
    }

    #[test]
    fn removed_and_surrounding_lines_are_not_looked_at() {
        let diff =
            "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n AKIAIOSFODNN7EXAMPLE\n-AKIAIOSFODNN7EXAMPLE\n";
        assert!(crate::PolicyEngine::default().evaluate_patch(diff.as_bytes()).allowed);
    }
}
