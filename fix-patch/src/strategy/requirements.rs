//! Unused Python requirements.
use super::{PatchOptions, Proposal, Strategy};
use crate::refusal::Refusal;
use crate::source::SourceFile;
use fix_plan::{ActionKind, Operation, RepoPath};
#[derive(Debug)]
pub(crate) struct Requirements;
impl Strategy for Requirements {
    fn name(&self) -> &'static str {
        "requirements"
    }
    fn handles(&self, _: &RepoPath, _: ActionKind) -> bool {
        false
    }
    fn propose<'s>(&self, _: &'s SourceFile, _: &[&'s Operation], _: &PatchOptions) -> Result<Proposal<'s>, Refusal> {
        todo!()
    }
}
