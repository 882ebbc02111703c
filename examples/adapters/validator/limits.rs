//! What a check may use.

use std::time::Duration;

/// The bounds of one check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SandboxLimits {
    /// The longest that preparing, or checking, may take.
    pub wall_time: Duration,
    /// Processor time of one process, in seconds.
    pub cpu_s: u64,
    /// Memory, in bytes: with bubblewrap, the address space of one process; in a container, what all of
    /// them hold together.
    pub memory_bytes: u64,
    /// Processes and threads of the sandbox.
    pub processes: u64,
    /// What `/tmp` may hold, in bytes. In a container the work directory and the tree as well, each;
    /// with bubblewrap they are on the host's disk, and bounded only by `file_bytes` a file.
    pub tmp_bytes: u64,
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// The most that is read of what a command prints, in bytes.
    pub output_bytes: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(600),
            cpu_s: 600,
            memory_bytes: 4 << 30,
            processes: 256,
            tmp_bytes: 1 << 30,
            file_bytes: 1 << 30,
            open_files: 1_024,
            output_bytes: 10 << 20,
        }
    }
}
