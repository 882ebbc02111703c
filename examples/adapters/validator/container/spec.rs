//! What is asked of the engine.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountType,
    MountVolumeOptions, ResourcesUlimits, VolumeCreateRequest,
};
use fix_pipeline::Phase;

use super::ContainerOptions;
use super::owner::Owner;
use crate::validator::SandboxLimits;
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
/// Nothing inside can kill it.
const INIT: &str = r#"
import os, select, signal, sys, time
command, seconds = sys.argv[1:]
try:
    # No other process traces or stops this one then (PR_SET_DUMPABLE); what is started is as usual again.
    import ctypes
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
except (ImportError, OSError):
    pass
end = time.monotonic() + float(seconds)
signal.signal(signal.SIGINT, signal.SIG_DFL)
woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
signal.signal(signal.SIGCHLD, lambda *_: None)
child = os.fork()
if child == 0:
    for number in signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD:
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.execv("/bin/sh", ["/bin/sh", "-c", command])
while True:
    ready, _, _ = select.select([0, woken], [], [], max(0, end - time.monotonic()))
    if not ready or 0 in ready and not os.read(0, 4096):
        os._exit(137)
    if woken in ready:
        os.read(woken, 4096)
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == 0:
                break
            if ended == child:
                os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"#;

/// The volumes of a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Volumes<'v> {
    pub(super) work: &'v str,
    pub(super) tree: &'v str,
}

/// A container that runs `command`.
pub(super) fn command(
    options: &ContainerOptions,
    image: &str,
    volumes: Volumes<'_>,
    phase: Phase,
    command: &str,
) -> ContainerCreateBody {
    let mut body = container(options, image, volumes);
    let seconds = (options.limits.wall_time + Duration::from_secs(60)).as_secs().to_string();
    body.entrypoint = Some(["/bin/sh", "-c", SHELL, INIT, command, &seconds].map(str::to_owned).to_vec());
    // Closed when whoever attached goes, however it goes.
    body.attach_stdin = Some(true);
    body.open_stdin = Some(true);
    body.stdin_once = Some(true);
    body.attach_stdout = Some(true);
    body.attach_stderr = Some(true);
    if phase == Phase::Prepare {
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
    let mut body = container(options, image, volumes);
    body.entrypoint = Some(vec!["sleep".to_owned(), lifetime(options).as_secs().to_string()]);
    body
}

/// A work directory in memory, which is the one storage that every engine can bound.
pub(super) fn volume(options: &ContainerOptions, name: &str) -> VolumeCreateRequest {
    let SandboxLimits { disk_bytes, disk_files, .. } = options.limits;
    let mount = format!("size={disk_bytes},nr_inodes={disk_files},uid={NOBODY},gid={NOBODY},mode=0700,nosuid,nodev");
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

fn container(options: &ContainerOptions, image: &str, volumes: Volumes<'_>) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
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
    let tmp = format!("rw,exec,nosuid,nodev,mode=1777,size={},nr_inodes={}", limits.disk_bytes, limits.disk_files);
    let ulimits = [("cpu", limits.cpu_s), ("fsize", limits.file_bytes), ("nofile", limits.open_files), ("core", 0)];
    let ulimits = ulimits.map(|(name, most)| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(signed(most)),
        hard: Some(signed(most)),
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
        ulimits: Some(ulimits.to_vec()),
        shm_size: Some(64 << 20),
        tmpfs: Some(owned([("/tmp", &tmp)])),
        mounts: Some(vec![mount(volumes.work, "/work"), mount(volumes.tree, "/work/tree")]),
        // What is printed is read here, and must not fill the engine's disk.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    }
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
