//! Who else is running, and how often it is killed.

use std::fs;
use std::path::Path;

/// How many processes have `word` as their last argument. Those of every process name space below ours count,
/// and none that has ended.
#[must_use]
pub fn processes_with(word: &str) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let is_it = |process: fs::DirEntry| {
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        arguments
            .strip_suffix(b"\0")
            .is_some_and(|arguments| arguments.split(|&byte| byte == 0).next_back() == Some(word.as_bytes()))
    };
    processes.filter_map(Result::ok).filter_map(|process| is_it(process).then_some(())).count()
}

/// How often a process is killed at each point of a run: 5 times, or as `FIX_CRASH_ROUNDS` says.
///
/// # Panics
/// When that is no number.
#[must_use]
pub fn crash_rounds() -> u32 {
    std::env::var("FIX_CRASH_ROUNDS").ok().map_or(5, |rounds| rounds.parse().expect("a number"))
}

/// The event of the run in a folder: many runs can share a store.
#[must_use]
pub fn event_of(home: &Path) -> String {
    let name = home.file_name().unwrap_or_default().to_string_lossy();
    format!("event-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), ""))
}
