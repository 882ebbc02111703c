//! What is asked of the engine.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, ResourcesUlimits, VolumeCreateRequest,
};
use fix_pipeline::Phase;
use rustix::process::{Resource, getrlimit};

use super::ContainerOptions;
use super::owner::Owner;
use crate::validator::SandboxLimits;
use crate::validator::calls::{self, Nested};
use crate::validator::check::{ENVIRONMENT, NOBODY, PREPARE_ENVIRONMENT};

/// On everything that is made: when whoever made it can't need it any more, in seconds since 1970.
pub(super) const EXPIRES: &str = "dev.fix.expires";

/// And who did: see [`Owner`](super::owner::Owner).
pub(super) const OWNER: &str = "dev.fix.owner";

/// Python of the image, and none that preparing may have put first on the path, becomes PID 1.
const SHELL: &str =
    "python=$(PATH=/usr/local/bin:/usr/bin:/bin; command -v python3) && exec \"$python\" -I -S -c \"$0\" \"$@\"";

/// PID 1 outlives a command that is killed, and says so by its exit code, as a shell does. It ends, and all others
/// with it, when its input ends, which whoever waits for the command holds open; and when the time is over anyway.
/// Nothing inside can kill it. Without a command, it waits for that alone. A command of ours may read the input.
///
/// It refuses the calls that the engine's own filter may let through, such as Podman's does for user name spaces and
/// keys. And it looks whether the kernel ended something for its memory: not every engine tells.
const INIT: &str = include_str!("init.py");

/// The exit code for what the kernel ended for its memory. Above those of all signals; a command's own becomes another
/// one of them.
pub(super) const OUT_OF_MEMORY: i32 = 255;

/// The volumes of a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volumes<'v> {
    pub(super) work: &'v str,
    pub(super) tree: &'v str,
    /// That of a command, and of nothing else.
    pub(super) tmp: Option<&'v str>,
}

/// What a container runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'w> {
    pub(super) phase: Phase,
    /// As `/bin/sh` reads it; nothing runs when it is empty.
    pub(super) command: &'w str,
    /// Whether it reads the input of the container.
    pub(super) reads: bool,
}

/// A container that runs a command.
pub(super) fn command(
    options: &ContainerOptions,
    image: &str,
    volumes: Volumes<'_>,
    words: Words<'_>,
) -> ContainerCreateBody {
    let mut body = container(options, image, volumes, words, options.limits.wall_time + Duration::from_secs(60));
    body.attach_stdout = Some(true);
    body.attach_stderr = Some(true);
    if words.phase == Phase::Prepare {
        if let Some(host) = &mut body.host_config {
            host.network_mode = Some(options.prepare_network.clone().unwrap_or_else(|| "none".to_owned()));
        }
        let env = body.env.get_or_insert_default();
        env.extend(PREPARE_ENVIRONMENT.map(|(name, value)| format!("{name}={value}")));
        env.extend(options.prepare_environment.iter().map(|(name, value)| format!("{name}={value}")));
    }
    body
}

/// A container that does nothing but keep volumes in memory that would else be gone with the last who uses them.
pub(super) fn holder(options: &ContainerOptions, image: &str, volumes: Volumes<'_>) -> ContainerCreateBody {
    let nothing = Words { phase: Phase::Check, command: "", reads: false };
    container(options, image, volumes, nothing, lifetime(options))
}

/// A folder in memory, which is the one storage that every engine can bound.
pub(super) fn volume(options: &ContainerOptions, name: &str) -> VolumeCreateRequest {
    let SandboxLimits { disk_bytes, disk_files, .. } = options.limits;
    // In pages: of a size in bytes, Podman says that the engine's disk can't keep it, where no disk has to.
    let pages = disk_bytes.div_ceil(u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX));
    let mount = format!("nr_blocks={pages},nr_inodes={disk_files},uid={NOBODY},gid={NOBODY},mode=0700,nosuid,nodev");
    let driver = [("type", "tmpfs"), ("device", "tmpfs"), ("o", &mount)];
    VolumeCreateRequest {
        name: Some(name.to_owned()),
        driver: Some("local".to_owned()),
        driver_opts: Some(owned(driver)),
        labels: Some(labels(options)),
        ..VolumeCreateRequest::default()
    }
}

/// Isolated, so that no module of the tree is taken for one of Python's own.
pub(super) fn make_environment(options: &ContainerOptions, pip: bool) -> String {
    let pip = if pip { "" } else { "--without-pip " };
    let packages = if options.image_packages { "--system-site-packages " } else { "" };
    format!("python3 -I -m venv {pip}{packages}../venv")
}

/// How many seconds since 1970 it is.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A container that lives for `time` at most, and no longer than whoever attached to it.
fn container(
    options: &ContainerOptions,
    image: &str,
    volumes: Volumes<'_>,
    words: Words<'_>,
    time: Duration,
) -> ContainerCreateBody {
    let calls = calls::filter(Nested::Here).unwrap_or_default();
    let (seconds, out_of_memory) = (time.as_secs().to_string(), OUT_OF_MEMORY.to_string());
    let reads = if words.reads { "reads" } else { "" };
    let words = ["/bin/sh", "-c", SHELL, INIT, words.command, &seconds, &calls, &out_of_memory, reads];
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(words.map(str::to_owned).to_vec()),
        // Closed when whoever attached goes, however it goes.
        attach_stdin: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        hostname: Some("sandbox".to_owned()),
        user: Some(format!("{NOBODY}:{NOBODY}")),
        working_dir: Some("/work/tree".to_owned()),
        env: Some(ENVIRONMENT.map(|(name, value)| format!("{name}={value}")).to_vec()),
        // An image may bring one, which would run beside the check.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        labels: Some(labels(options)),
        host_config: Some(host(options, volumes)),
        ..ContainerCreateBody::default()
    }
}

fn host(options: &ContainerOptions, volumes: Volumes<'_>) -> HostConfig {
    let limits = &options.limits;
    let memory = signed(limits.memory_bytes);
    let mounts = [(Some(volumes.work), "/work"), (Some(volumes.tree), "/work/tree"), (volumes.tmp, "/tmp")];
    // Where nothing else is mounted, Podman makes these writable, without a bound.
    let sealed = "ro,noexec,nosuid,nodev,mode=0755,size=16m";
    let ulimits = [("cpu", limits.cpu_s), ("fsize", limits.file_bytes), ("nofile", limits.open_files), ("core", 0)];
    let ulimits = ulimits.into_iter().chain(most_processes().map(|most| ("nproc", most))).map(|(name, most)| {
        ResourcesUlimits { name: Some(name.to_owned()), soft: Some(signed(most)), hard: Some(signed(most)) }
    });
    HostConfig {
        network_mode: Some("none".to_owned()),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        memory: Some(memory),
        // Together with swap: so there is none.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(limits.cpu_millis) * 1_000_000),
        pids_limit: Some(signed(limits.processes)),
        ulimits: Some(ulimits.collect()),
        shm_size: Some(64 << 20),
        tmpfs: Some(owned([("/run", sealed), ("/var/tmp", sealed)])),
        mounts: Some(mounts.into_iter().filter_map(|(volume, target)| Some(mount(volume?, target))).collect()),
        // What is printed is read here, and must not fill the engine's disk.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    }
}

/// How many processes nobody may have on the machine, which is no limit of ours: as many as there can be, and this
/// process may have. Podman would ask for more, and where it has no right to raise limits, start nothing.
fn most_processes() -> Option<u64> {
    let there_can_be = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok()?.trim().parse().ok()?;
    Some(getrlimit(Resource::Nproc).maximum.map_or(there_can_be, |most| most.min(there_can_be)))
}

fn mount(volume: &str, target: &str) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(target.to_owned()),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

fn labels(options: &ContainerOptions) -> HashMap<String, String> {
    let expires = (now_s() + lifetime(options).as_secs()).to_string();
    let mut labels = owned([(EXPIRES, &expires)]);
    labels.extend(Owner::this().map(|owner| (OWNER.to_owned(), owner.to_string())));
    labels
}

/// The longest that a check can take: preparing, checking, and what the engine needs around them.
fn lifetime(options: &ContainerOptions) -> Duration {
    options.limits.wall_time * 2 + Duration::from_secs(600)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> HashMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
