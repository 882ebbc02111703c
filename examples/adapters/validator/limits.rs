//! What a check may use.

use std::time::Duration;

use fix_pipeline::{AdapterError, AdapterErrorKind};

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

impl SandboxLimits {
    /// Refuses what no sandbox can be made with, or no command can run in, by its name.
    pub(super) fn check(&self) -> Result<(), AdapterError> {
        let least = [
            ("wall_time in seconds", self.wall_time.as_secs(), 1),
            ("cpu_s", self.cpu_s, 1),
            ("cpu_millis", self.cpu_millis.into(), 10),
            ("memory_bytes", self.memory_bytes, 32 << 20),
            ("processes", self.processes, 8),
            ("disk_bytes", self.disk_bytes, 1 << 20),
            ("disk_files", self.disk_files, 16),
            ("file_bytes", self.file_bytes, 1 << 20),
            ("open_files", self.open_files, 32),
            ("output_bytes", u64::try_from(self.output_bytes).unwrap_or(u64::MAX), 1),
        ];
        match least.into_iter().find(|(_, value, least)| value < least) {
            None => Ok(()),
            Some((name, value, least)) => {
                let message = format!("the limit {name} is {value}, and has to be {least} at least");
                Err(AdapterError::new(AdapterErrorKind::Unsupported, "open a sandbox", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_nothing_can_keep_is_named() {
        let all = SandboxLimits::default();
        assert!(all.check().is_ok());
        for (name, limits) in [
            ("wall_time", SandboxLimits { wall_time: Duration::ZERO, ..all }),
            ("cpu_s", SandboxLimits { cpu_s: 0, ..all }),
            ("cpu_millis", SandboxLimits { cpu_millis: 0, ..all }),
            ("memory_bytes", SandboxLimits { memory_bytes: 0, ..all }),
            ("processes", SandboxLimits { processes: 0, ..all }),
            ("disk_bytes", SandboxLimits { disk_bytes: 0, ..all }),
            ("disk_files", SandboxLimits { disk_files: 0, ..all }),
            ("file_bytes", SandboxLimits { file_bytes: 0, ..all }),
            ("open_files", SandboxLimits { open_files: 1, ..all }),
            ("output_bytes", SandboxLimits { output_bytes: 0, ..all }),
        ] {
            let error = limits.check().unwrap_err();
            assert!(error.to_string().contains(&format!("limit {name} ")), "{error}");
        }
    }
}
