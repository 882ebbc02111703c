//! A corpus of real and hostile input, kept outside of this repository.

use std::fs;
use std::path::PathBuf;

/// The folder that `FIX_CORPUS_DIR` names. Without it the caller's test is skipped, visibly.
#[must_use]
pub fn folder(name: &str) -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("FIX_CORPUS_DIR") else {
        eprintln!("skipped: FIX_CORPUS_DIR is not set, so there is no corpus {name:?}");
        return None;
    };
    Some(PathBuf::from(corpus).join(name))
}

/// The lines of a file of the corpus, without empty ones and `#` comments.
///
/// # Panics
/// When the file can't be read.
#[must_use]
pub fn lines(folder: &std::path::Path, file: &str) -> Vec<String> {
    let path = folder.join(file);
    let Ok(text) = fs::read_to_string(&path) else { panic!("{} can't be read", path.display()) };
    text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(ToOwned::to_owned).collect()
}
