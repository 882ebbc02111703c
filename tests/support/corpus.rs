//! A corpus of real and hostile input, kept outside of this repository.

use std::collections::BTreeMap;
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

/// How many rows of each class came out right. Shown when it is asked for its misses.
#[derive(Debug)]
pub struct Tally {
    name: &'static str,
    classes: BTreeMap<String, (usize, usize)>,
    misses: Vec<String>,
}

impl Tally {
    /// An empty one, for the rows that `name` names.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, classes: BTreeMap::new(), misses: Vec::new() }
    }

    /// Counts one row of `class`; `row` says what it was when it is `right` no more.
    pub fn count(&mut self, class: &str, right: bool, row: impl FnOnce() -> String) {
        let (rights, rows) = self.classes.entry(class.to_owned()).or_default();
        *rows += 1;
        if right {
            *rights += 1;
        } else {
            self.misses.push(format!("{class}: {}", row()));
        }
    }

    /// Prints a count a class and the sum.
    ///
    /// # Panics
    /// When a row was wrong, and when there was none.
    pub fn assert_all_right(self) {
        for (class, (rights, rows)) in &self.classes {
            eprintln!("{}: {class}: {rights} of {rows}", self.name);
        }
        let rows: usize = self.classes.values().map(|(_, rows)| rows).sum();
        eprintln!("{}: {} of {rows} right", self.name, rows - self.misses.len());
        assert!(rows > 0, "{}: no rows", self.name);
        assert!(self.misses.is_empty(), "{}: {:#?}", self.name, self.misses);
    }
}
