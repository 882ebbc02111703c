//! Unused Python imports.
use super::{PatchOptions, Proposal, Strategy};
use crate::refusal::Refusal;
use crate::source::SourceFile;
use fix_plan::{ActionKind, Operation, RepoPath};
#[derive(Debug)]
pub(crate) struct Imports;
impl Strategy for Imports {
    fn name(&self) -> &'static str {
        "imports"
    }
    fn handles(&self, _: &RepoPath, _: ActionKind) -> bool {
        false
    }
    fn propose<'s>(&self, _: &'s SourceFile, _: &[&'s Operation], _: &PatchOptions) -> Result<Proposal<'s>, Refusal> {
        todo!()
    }
}
