//! A small failure, whole.

use fix_patch::MemoryTree;
use fix_plan::{Failure, Log};

use super::{FakeForge, FakePlanSource};
use crate::error::PipelineError;
use crate::outcome::OutcomeCode;
use crate::pipeline::Pipeline;
use crate::port::{MemoryRunStore, Validator};
use crate::run::RunContext;
use crate::validated::Validated;
use crate::worker::{End, Worker};

/// A failure, the files of its commit, and the plan that mends it.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests change what they need to")]
pub struct Case {
    /// The failure.
    pub failure: Failure,
    /// The files of the commit.
    pub tree: MemoryTree,
    /// The text of a valid plan.
    pub plan: String,
}

impl Case {
    /// Tests that import `requests`, which `requirements.txt` does not list.
    #[must_use]
    pub fn missing_dependency() -> Self {
        let plan = r#"{"root_cause": "tests import requests, which is not declared", "category": "python_missing_dependency",
"confidence": 0.9, "files": ["requirements.txt"], "operations": [{"type": "add_dependency", "file": "requirements.txt",
"details": {"name": "requests", "spec": ">=2.31,<3"}, "rationale": "declare it",
"evidence": ["ModuleNotFoundError: No module named 'requests'"]}]}"#;
        Self::new(
            "event-1",
            &[("requirements.txt", "flask==3.0.0\n"), ("test_app.py", "import requests\n")],
            "E   ModuleNotFoundError: No module named 'requests'\n",
            plan,
        )
    }

    /// The failure of `event` with this log, in a commit of these files.
    ///
    /// # Panics
    /// When `event` is no event id, or a path no path.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test's own constants")]
    pub fn new(event: &str, files: &[(&str, &str)], log: &str, plan: impl Into<String>) -> Self {
        let failure = Failure::new(
            event.parse().expect("an event id"),
            "/srv/repository.git",
            "0123456789abcdef0123456789abcdef01234567".parse().expect("a commit"),
            "main".parse().expect("a branch"),
            1_772_442_000,
            Log::from(log),
        );
        let files = files.iter().map(|(path, text)| (path.parse().expect("a path"), (*text).into()));
        Self { failure, tree: files.collect(), plan: plan.into() }
    }

    /// Takes the case through every stage but the last, with `validator` as the judge: the one way
    /// to a [`Validated`] outside of a run.
    ///
    /// # Errors
    /// When the run ends before: the check is not red and then green, say.
    pub async fn validated(&self, validator: impl Validator) -> Result<(RunContext, Validated), MintError> {
        let source = FakePlanSource::answering([self.plan.clone()]);
        let pipeline = Pipeline::new(source, validator, FakeForge::default(), MemoryRunStore::default());
        let mut worker = Worker::open(&pipeline, &self.failure).await?;
        match worker.prepare(&self.tree).await {
            Ok(change) => Ok((worker.context().clone(), change)),
            Err(End::Stop { code, message }) => Err(MintError::Stopped { code, message }),
            Err(End::Error(error)) => Err(error.into()),
        }
    }
}

/// Why a case did not get as far as a validated change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The run ended before.
    #[error("the run ended as {code}: {message}")]
    Stopped {
        /// How.
        code: OutcomeCode,
        /// Why.
        message: String,
    },
    /// The run could not go on.
    #[error("the run could not go on")]
    Pipeline(#[from] PipelineError),
}
