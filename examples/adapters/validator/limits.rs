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
    /// Processors that the sandbox may use at once, in thousandths. With bubblewrap, only where it has a
    /// control group.
    pub cpu_millis: u32,
    /// Memory, in bytes, that all processes hold together, files in memory included. With bubblewrap, where
    /// it has no control group, the address space of one process.
    pub memory_bytes: u64,
    /// Processes and threads of the sandbox.
    pub processes: u64,
    /// What is written, in bytes: with bubblewrap, the work directory, `/tmp` and shared memory together; in a
    /// container, the work directory, the tree and `/tmp` each. The prepared environment counts.
    pub disk_bytes: u64,
    /// How many files and folders, in the same places.
    pub disk_files: u64,
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
            cpu_millis: 2_000,
            memory_bytes: 4 << 30,
            processes: 256,
            disk_bytes: 1 << 30,
            disk_files: 1 << 18,
            file_bytes: 1 << 30,
            open_files: 1_024,
            output_bytes: 10 << 20,
        }
    }
}
