//! What planning starts from: one failure of a CI job, and what its log says.

mod ids;

pub use ids::{BranchName, CommitId, EventId};

use crate::log::{Finding, Log};
use crate::redact::Redactor;

/// One failure of a CI job, on one commit of one repository.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// Identifies the failure: two deliveries of one failure carry the same identifier.
    pub event_id: EventId,
    /// Where the repository is: a URL or a path that the embedder's adapters understand.
    pub repository: String,
    /// The commit that failed.
    pub commit: CommitId,
    /// The branch that a pull request goes to.
    pub branch: BranchName,
    /// When the job failed, in seconds since 1970-01-01T00:00:00Z. The commit of a
    /// fix carries this time, so that a retry gives the same commit.
    pub failed_at_s: i64,
    /// The name of the job, when it is known.
    pub job: Option<String>,
    /// What the job printed.
    pub log: Log,
}

impl Failure {
    /// A failure from its parts.
    #[must_use]
    pub fn new(
        event_id: EventId,
        repository: impl Into<String>,
        commit: CommitId,
        branch: BranchName,
        failed_at_s: i64,
        log: Log,
    ) -> Self {
        Self { event_id, repository: repository.into(), commit, branch, failed_at_s, job: None, log }
    }

    /// The same, of the job `name`.
    #[must_use]
    pub fn with_job(mut self, name: Option<String>) -> Self {
        self.job = name;
        self
    }

    /// The same without secrets, for a model or a journal: log, job, branch, and the repository with
    /// its password. The event and the commit are identifiers, and stay.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        Self {
            event_id: self.event_id.clone(),
            repository: redactor.redact(&self.repository).into_owned(),
            commit: self.commit.clone(),
            branch: self.branch.redacted(redactor),
            failed_at_s: self.failed_at_s,
            job: self.job.as_deref().map(|job| redactor.redact(job).into_owned()),
            log: self.log.redacted(redactor),
        }
    }

    /// The errors that the parsers of this crate know, in the order of the log.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let missing = self.log.missing_modules().into_iter().map(Finding::MissingModule);
        let unused = self.log.unused_names().into_iter().map(Finding::UnusedName);
        let mut findings: Vec<Finding> = missing.chain(unused).collect();
        findings.sort_by_key(Finding::log_line);
        findings
    }

    /// The lines of the log that [findings](Failure::findings) rest on, each with its number
    /// (1-based), once, in the order of the log.
    #[must_use]
    pub fn evidence(&self) -> Vec<(usize, &str)> {
        let mut numbers: Vec<usize> = self.findings().iter().map(Finding::log_line).collect();
        numbers.dedup();
        let mut numbers = numbers.into_iter().peekable();
        let lines = self.log.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(number, _)| numbers.next_if_eq(number).is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(repository: &str, branch: &str, log: &str) -> Failure {
        let commit = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        Failure::new("e".parse().unwrap(), repository, commit, branch.parse().unwrap(), 0, Log::from(log))
    }

    #[test]
    fn every_text_is_redacted() {
        let redactor = Redactor::new(["our-own-secret"]);
        let log = "sent our-own-secret\nok\n";
        let failure = failure("https://ci:s3cr3t@example.org/a.git", "fix/our-own-secret", log)
            .with_job(Some("deploy our-own-secret".to_owned()));
        let redacted = failure.redacted(&redactor);
        assert_eq!(redacted.repository, "https://ci:[redacted password]@example.org/a.git");
        assert_eq!(redacted.branch.as_str(), "fix/redacted-secret");
        assert_eq!(redacted.job.as_deref(), Some("deploy [redacted secret]"));
        assert_eq!(redacted.log.as_str(), "sent [redacted secret]\nok\n");
        assert_eq!(redacted.redacted(&redactor), redacted);
    }

    #[test]
    fn findings_and_evidence_have_their_places() {
        let log = "setup\na.py:1:8: F401 `os` imported but unused\nE   ModuleNotFoundError: No module named 'yaml'\n\
                   a.py:2:8: F401 `re` imported but unused\n";
        let failure = failure("/r", "main", log);
        assert_eq!(failure.findings().iter().map(Finding::log_line).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(matches!(&failure.findings()[1], Finding::MissingModule(module) if module.name == "yaml"));
        assert_eq!(failure.evidence()[1], (3, "E   ModuleNotFoundError: No module named 'yaml'"));
        assert_eq!(failure.evidence().len(), 3);
    }
}
