//! A plan source that answers what it is told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{AdapterError, AdapterErrorKind};
use crate::port::{PlanRequest, PlanSource, RawPlan};

/// Gives its answers one after the other, and counts how often it was asked.
#[derive(Debug, Default)]
pub struct FakePlanSource {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Result<RawPlan, AdapterErrorKind>>,
    asked: usize,
    repairs: usize,
}

impl FakePlanSource {
    /// Answers with `answers`, first to last; then it has nothing to propose.
    #[must_use]
    pub fn answering<A: Into<String>>(answers: impl IntoIterator<Item = A>) -> Self {
        let fake = Self::default();
        for answer in answers {
            fake.then(Ok(RawPlan::new("fake", answer)));
        }
        fake
    }

    /// Adds an answer, or an error of this kind, behind the others.
    pub fn then(&self, answer: Result<RawPlan, AdapterErrorKind>) {
        self.state().answers.push_back(answer);
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// How many of the questions were about an answer before.
    #[must_use]
    pub fn repairs(&self) -> usize {
        self.state().repairs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlanSource for FakePlanSource {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        let mut state = self.state();
        state.asked += 1;
        state.repairs += usize::from(request.previous.is_some());
        let answer = state.answers.pop_front().unwrap_or(Err(AdapterErrorKind::NothingToPropose));
        answer.map_err(|kind| AdapterError::new(kind, "answer", "as the test says"))
    }
}
