//! Mocks, for tests whose claim is that something was never called.
//!
//! ```
//! use fix_pipeline::testing::mocks::MockPrSink;
//! let mut sink = MockPrSink::new();
//! sink.expect_open().never();
//! ```

use mockall::mock;

use crate::error::AdapterError;
use crate::journal::{Announcement, Entry};
use crate::port::{
    PlanRequest, PlanSource, PrSink, PullRequest, RawPlan, Report, RunStore, Signature, Signer, Subject, Validator,
};
use crate::run::{RunContext, RunId};
use crate::validated::Validated;

mock! {
    /// A plan source that is told what to expect.
    #[derive(Debug)]
    pub PlanSource {}

    impl PlanSource for PlanSource {
        fn propose<'r>(&self, request: PlanRequest<'r>) -> impl Future<Output = Result<RawPlan, AdapterError>> + Send;
    }
}

mock! {
    /// A validator that is told what to expect.
    #[derive(Debug)]
    pub Validator {}

    impl Validator for Validator {
        fn validate<'s>(&self, run: &RunContext, subject: Subject<'s>) -> impl Future<Output = Result<Report, AdapterError>> + Send;
    }
}

mock! {
    /// A sink that is told what to expect.
    #[derive(Debug)]
    pub PrSink {}

    impl PrSink for PrSink {
        fn open(&self, run: &RunContext, change: &Validated) -> impl Future<Output = Result<PullRequest, AdapterError>> + Send;
        fn find(&self, run: &RunContext, announced: &Announcement) -> impl Future<Output = Result<Option<PullRequest>, AdapterError>> + Send;
    }
}

mock! {
    /// A store that is told what to expect.
    #[derive(Debug)]
    pub RunStore {}

    impl RunStore for RunStore {
        fn append(&self, run: RunId, entry: &Entry) -> impl Future<Output = Result<(), AdapterError>> + Send;
        fn load(&self, run: RunId) -> impl Future<Output = Result<Vec<Entry>, AdapterError>> + Send;
    }
}

mock! {
    /// A signer that is told what to expect.
    #[derive(Debug)]
    pub Signer {}

    impl Signer for Signer {
        fn sign(&self, message: &[u8]) -> impl Future<Output = Result<Signature, AdapterError>> + Send;
    }
}
