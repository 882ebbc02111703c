//! Control groups: bounds of a sandbox as a whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::workspace::PREFIX;
use crate::validator::left;
use crate::validator::limits::SandboxLimits;

/// The controllers that bound a sandbox.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// And one that does where it is there: systemd gives it to fewer.
const PROCESSORS: &str = "cpu";

/// Where groups are made: below the group of this process, so that its own bounds hold, too; or beside it. Then those of
/// the group above hold, which is this process's own service where systemd has put it into a subgroup.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    version: Version,
    /// The folders for a new group: one for all controllers, or one for each.
    parents: Vec<PathBuf>,
    /// Whether processors are bounded.
    processors: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Version {
    One,
    Two,
}

impl Groups {
    /// Finds where this process may make groups that keep `limits`, by making one; else says why not.
    pub(super) fn find(limits: &SandboxLimits) -> Result<Self, String> {
        let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        let mounts = mounts(&read("/proc/self/mountinfo")?);
        let own = read("/proc/self/cgroup")?;
        let mut why = Vec::new();
        for groups in Self::candidates(&mounts, &own) {
            groups.sweep();
            match groups.make(limits) {
                Ok(group) => return Ok(Self { processors: group.processors().is_some(), ..groups }),
                Err(error) => why.push(error.to_string()),
            }
        }
        Err(if why.is_empty() { "there are none".to_owned() } else { why.join("; ") })
    }

    fn candidates(mounts: &[Mount], own: &str) -> Vec<Self> {
        let place = |kind: &str, controller: &str| {
            let has = |list: &str| list.split(',').any(|name| name == controller);
            let mount = mounts.iter().find(|mount| mount.kind == kind && (kind == "cgroup2" || has(&mount.options)))?;
            let group = own.lines().find_map(|line| {
                let (list, group) = line.split_once(':')?.1.split_once(':')?;
                (list == controller || kind == "cgroup" && has(list)).then_some(group)
            })?;
            // Where only a part of the hierarchy is to be seen, the mount names that part.
            let below = if mount.root == "/" { group } else { group.strip_prefix(&mount.root).unwrap_or("/") };
            let below = below.trim_matches('/');
            let own = if below.is_empty() { mount.point.clone() } else { mount.point.join(below) };
            Some((own, &mount.point))
        };
        let mut found = Vec::new();
        if let Some((own, root)) = place("cgroup2", "") {
            // A group that has processes can't have groups with bounds, unless it is the root; one beside it can.
            let beside = own.parent().filter(|_| own != *root).map(Path::to_owned);
            found.extend(std::iter::once(own).chain(beside).map(|parent| Self {
                version: Version::Two,
                parents: vec![parent],
                processors: false,
            }));
        }
        let parent = |name: &str| place("cgroup", name).map(|(own, _)| own);
        if let Some(mut parents) = CONTROLLERS.map(parent).into_iter().collect::<Option<Vec<_>>>() {
            parents.extend(parent(PROCESSORS));
            parents.sort();
            parents.dedup();
            found.push(Self { version: Version::One, parents, processors: false });
        }
        found
    }

    /// A new group that is gone when dropped.
    pub(super) fn make(&self, limits: &SandboxLimits) -> io::Result<Group> {
        let mut group = Group { version: self.version, dirs: Vec::new() };
        for parent in &self.parents {
            if self.version == Version::Two {
                enable(parent)?;
                // Who joins a group has to be let out of the one above.
                let file = parent.join("cgroup.procs");
                let may_join = File::options().write(true).open(&file);
                may_join.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
            }
            group.dirs.push(Dir::make(parent)?);
        }
        group.bound(limits)?;
        Ok(group)
    }

    /// Removes what killed processes left.
    pub(super) fn sweep(&self) {
        for parent in &self.parents {
            left::sweep(parent, PREFIX, |path| {
                end(path);
                fs::remove_dir(path)
            });
        }
    }

    /// What they bound, for the report.
    pub(super) fn describe(&self, limits: &SandboxLimits) -> String {
        let groups = match self.version {
            Version::One => "control groups (version 1)",
            Version::Two => "a control group (version 2)",
        };
        let processors = match self.processors {
            true => format!("{} thousandths of a processor", limits.cpu_millis),
            false => "processors without a bound, for want of the controller cpu".to_owned(),
        };
        format!("{groups} {} MiB of memory, {processors}", limits.memory_bytes >> 20)
    }
}

/// The bounds of one sandbox.
#[derive(Debug)]
pub(super) struct Group {
    version: Version,
    dirs: Vec<Dir>,
}

#[derive(Debug)]
struct Dir {
    path: PathBuf,
    /// Held, so that nobody sweeps it.
    _claim: File,
}

impl Dir {
    fn make(parent: &Path) -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
            // Without its own name, which is another each time.
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", parent.display()));
            match fs::create_dir(&path) {
                // Left by a process of the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(named)?,
            }
            // Until it is claimed, somebody may sweep it.
            if let Some(claim) = left::claim(&path).map_err(named)? {
                return Ok(Self { path, _claim: claim });
            }
        }
    }
}

impl Group {
    /// The folders that a process has to join.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(|dir| dir.path.as_path())
    }

    /// How many processes the kernel has ended because memory ran out.
    pub(super) fn out_of_memory(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = self.file(file).and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
    }

    fn bound(&self, limits: &SandboxLimits) -> io::Result<()> {
        let memory = limits.memory_bytes.to_string();
        // The monitor of the sandbox, and its first process, are in it, too.
        let processes = limits.processes.saturating_add(2).to_string();
        let quota = u64::from(limits.cpu_millis).saturating_mul(100).max(1_000);
        match self.version {
            Version::One => {
                self.write("memory.limit_in_bytes", &memory)?;
                // Together with swap: so there is none.
                self.write_where_known("memory.memsw.limit_in_bytes", &memory)?;
                self.write("pids.max", &processes)?;
                self.write_where_known("cpu.cfs_period_us", "100000")?;
                self.write_where_known("cpu.cfs_quota_us", &quota.to_string())
            }
            Version::Two => {
                self.write("memory.max", &memory)?;
                self.write_where_known("memory.swap.max", "0")?;
                self.write("pids.max", &processes)?;
                self.write_where_known("cpu.max", &format!("{quota} 100000"))
            }
        }
    }

    /// What bounds processors, where it is there.
    fn processors(&self) -> Option<PathBuf> {
        self.file(match self.version {
            Version::One => "cpu.cfs_quota_us",
            Version::Two => "cpu.max",
        })
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        self.dirs.iter().map(|dir| dir.path.join(name)).find(|path| path.exists())
    }

    fn write(&self, name: &str, value: &str) -> io::Result<()> {
        let path = self.file(name).ok_or_else(|| io::Error::other(format!("there is no {name}")))?;
        fs::write(&path, value).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    fn write_where_known(&self, name: &str, value: &str) -> io::Result<()> {
        if self.file(name).is_some() { self.write(name, value) } else { Ok(()) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for dir in &self.dirs {
            end(&dir.path);
            // What stays is swept the next time.
            let _ = fs::remove_dir(&dir.path);
        }
    }
}

/// Ends every process in a group, and waits until none is left: soon, for nothing can refuse.
fn end(group: &Path) {
    const ATTEMPTS: u32 = 500;
    // All at once, where the kernel can: nothing is born meanwhile.
    let _ = File::options().write(true).open(group.join("cgroup.kill")).and_then(|mut file| file.write_all(b"1"));
    for _ in 0..ATTEMPTS {
        let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        if processes.trim().is_empty() {
            return;
        }
        for process in processes.lines().filter_map(|line| line.parse().ok()).filter_map(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Lets groups below `parent` have bounds.
fn enable(parent: &Path) -> io::Result<()> {
    let read = |name: &str| {
        let file = parent.join(name);
        fs::read_to_string(&file).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
    };
    let (given, enabled) = (read("cgroup.controllers")?, read("cgroup.subtree_control")?);
    let has = |list: &str, name: &str| list.split_whitespace().any(|each| each == name);
    if let Some(name) = CONTROLLERS.iter().find(|name| !has(&given, name)) {
        return Err(io::Error::other(format!("{} has no controller {name}", parent.display())));
    }
    let wanted = CONTROLLERS.iter().chain([&PROCESSORS]).filter(|name| has(&given, name) && !has(&enabled, name));
    let wanted: Vec<String> = wanted.map(|name| format!("+{name}")).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    fs::write(parent.join("cgroup.subtree_control"), wanted.join(" ")).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::ResourceBusy => {
                ", for it has processes in it; systemd puts them into one below with DelegateSubgroup="
            }
            _ => "",
        };
        io::Error::new(error.kind(), format!("{} can't have groups with bounds{hint}: {error}", parent.display()))
    })
}

/// A mounted hierarchy of control groups.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mount {
    kind: String,
    /// The group at the mount point.
    root: String,
    point: PathBuf,
    options: String,
}

/// `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`
fn mounts(info: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (place, system) = line.split_once(" - ")?;
        let (mut place, mut system) = (place.split(' ').skip(3), system.split(' '));
        let kind = system.next().filter(|kind| matches!(*kind, "cgroup" | "cgroup2"))?.to_owned();
        Some(Mount {
            kind,
            root: place.next()?.to_owned(),
            point: PathBuf::from(place.next()?),
            options: system.nth(1)?.to_owned(),
        })
    };
    info.lines().filter_map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "\
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
37 31 0:34 /docker/ab /sys/fs/cgroup/pids rw,relatime shared:3 - cgroup cgroup rw,pids
38 31 0:35 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw";

    fn parents(info: &str, own: &str) -> Vec<Vec<String>> {
        let found = Groups::candidates(&mounts(info), own);
        found.iter().map(|groups| groups.parents.iter().map(|path| path.display().to_string()).collect()).collect()
    }

    #[test]
    fn the_own_group_is_found_in_every_hierarchy() {
        let own = "9:memory:/worker\n8:cpu,cpuacct:/\n7:pids:/docker/ab/worker\n0::/init\n";
        assert_eq!(
            parents(ONE, own),
            [
                vec!["/sys/fs/cgroup/unified/init"],
                vec!["/sys/fs/cgroup/unified"],
                vec!["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory/worker", "/sys/fs/cgroup/pids/worker"]
            ]
        );
        let two = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(
            parents(two, "0::/a.slice/b.scope\n"),
            [["/sys/fs/cgroup/a.slice/b.scope"], ["/sys/fs/cgroup/a.slice"]]
        );
        // Above the mount point there is none.
        assert_eq!(parents(two, "0::/\n"), [["/sys/fs/cgroup"]]);
        assert_eq!(parents("", "0::/\n"), Vec::<Vec<String>>::new());
    }

    /// A folder takes what a hierarchy of version 2 is told.
    #[test]
    fn version_two_is_told_all_bounds() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cgroup.subtree_control"), "cpu io").unwrap();
        fs::write(folder.path().join("cgroup.controllers"), "cpu io memory").unwrap();
        assert!(enable(folder.path()).unwrap_err().to_string().ends_with("has no controller pids"));
        fs::write(folder.path().join("cgroup.controllers"), "cpu io memory pids").unwrap();
        enable(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("cgroup.subtree_control")).unwrap(), "+memory +pids");
        for file in ["memory.max", "memory.swap.max", "pids.max", "cpu.max"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        fs::write(folder.path().join("memory.events"), "low 0\noom 3\noom_kill 2\noom_group_kill 0\n").unwrap();
        let dir = Dir { path: folder.path().to_owned(), _claim: File::open(folder.path()).unwrap() };
        let group = Group { version: Version::Two, dirs: vec![dir] };
        group.bound(&SandboxLimits::default()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            ["memory.max", "memory.swap.max", "pids.max", "cpu.max"].map(read),
            ["4294967296", "0", "258", "200000 100000"]
        );
        assert_eq!(group.out_of_memory(), 2);
    }
}
