//! Which process made something, so that another one can tell that it is gone.

use std::fmt;
use std::fs;

/// A process, told apart from all others of this machine and its past.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Owner {
    /// The boot, and the process name space: in another one, numbers mean other processes.
    place: String,
    process: u32,
    /// When it started, in ticks since the boot: numbers come again.
    started: u64,
}

impl Owner {
    /// This process; `None` where the system does not say.
    pub(super) fn this() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let space = fs::read_link("/proc/self/ns/pid").ok()?;
        let process = std::process::id();
        Some(Self { place: format!("{} {}", boot.trim(), space.display()), process, started: started(process)? })
    }

    /// Whether the process that `label` names is known to be gone. Of one elsewhere, nothing is known.
    pub(super) fn is_gone(label: &str) -> bool {
        let Some(this) = Self::this() else { return false };
        let Some(rest) = label.strip_prefix(&this.place) else { return false };
        let mut numbers = rest.strip_prefix(' ').unwrap_or_default().split(' ');
        let (process, begun) = (numbers.next().map(str::parse::<u32>), numbers.next().map(str::parse::<u64>));
        let (Some(Ok(process)), Some(Ok(begun)), None) = (process, begun, numbers.next()) else { return false };
        started(process) != Some(begun)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.place, self.process, self.started)
    }
}

/// When a process started that has not ended.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything: the state, and 19 on the start.
    let mut words = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_dead = matches!(words.next()?, "Z" | "X");
    words.nth(18)?.parse().ok().filter(|_| !is_dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_place_is_known_to_be_gone() {
        let this = Owner::this().unwrap();
        assert!(!Owner::is_gone(&this.to_string()));
        let mut child = std::process::Command::new("sleep").arg("900").spawn().unwrap();
        let other = Owner { process: child.id(), started: started(child.id()).unwrap(), ..this.clone() };
        assert!(!Owner::is_gone(&other.to_string()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Owner::is_gone(&other.to_string()));
        // The number has come again.
        assert!(Owner::is_gone(&Owner { started: this.started + 1, ..this.clone() }.to_string()));
        assert!(!Owner::is_gone(&Owner { place: "elsewhere".to_owned(), ..other }.to_string()));
        for label in ["", &this.place, &format!("{} 1", this.place), &format!("{} 1 2 3", this.place)] {
            assert!(!Owner::is_gone(label), "{label}");
        }
    }
}
