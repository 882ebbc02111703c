//! White space.
use crate::{EditSet, SourceFile};
pub(crate) fn handles(_: &fix_plan::RepoPath) -> bool {
    false
}
pub(crate) fn tidy(_: &SourceFile) -> Result<EditSet, String> {
    Ok(EditSet::default())
}
