//! The engine, and the image that is used.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerSummary, ImageInspect, SystemInfo};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use fix_pipeline::{AdapterError, AdapterErrorKind};
use futures_util::TryStreamExt as _;

use super::owner::Owner;
use super::spec::{EXPIRES, OWNER, now_s};
use super::{ContainerOptions, Pull};
use crate::validator::calls::{self, Nested};

/// The longest that the engine may think about a request, in seconds.
const ANSWER_S: u64 = 60;

/// An engine that keeps the limits, and has the image.
#[derive(Debug)]
pub(super) struct Engine {
    docker: Docker,
    /// The digest of the image: a name may come to mean another one.
    image: String,
    /// Its name and version.
    version: String,
}

impl Engine {
    pub(super) async fn connect(options: &ContainerOptions) -> Result<Self, AdapterError> {
        let no_engine = |error: Error| {
            let socket = options.socket.display();
            let message =
                format!("no container engine answers at {socket}; start Docker or Podman, or name its socket");
            no_sandbox(message).with_source(error)
        };
        let socket = options.socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&socket, ANSWER_S, API_DEFAULT_VERSION).map_err(no_engine)?;
        let docker = docker.negotiate_version().await.map_err(no_engine)?;
        let info = docker.info().await.map_err(no_engine)?;
        if let Some(lack) = lack(&info) {
            return Err(no_sandbox(format!("the container engine can't {lack}")));
        }
        if calls::filter(Nested::Here).is_none() {
            return Err(no_sandbox("no filter of system calls is known for this processor"));
        }
        let image = image(&docker, options).await?;
        if image.config.as_ref().is_some_and(|config| config.volumes.as_ref().is_some_and(|list| !list.is_empty())) {
            // Each would be a folder on the engine's disk, without any limit.
            return Err(no_sandbox(format!("the image {} declares volumes; take one without", options.image)));
        }
        let Some(image) = image.id else {
            return Err(no_sandbox(format!("the image {} has no digest", options.image)));
        };
        let version = info.server_version.unwrap_or_default();
        Ok(Self { docker, image, version })
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// What holds the commands, for the report.
    pub(super) fn describe(&self, options: &ContainerOptions) -> String {
        let limits = &options.limits;
        format!(
            "container engine {}, image {} ({}): a container for each command, read-only, user nobody, no capabilities, \
             no new privileges, seccomp, system calls filtered; check without network, prepare on {}; {} MiB of memory, {} processes, \
             {} thousandths of a processor; {} MiB of /work, tree and /tmp each, in memory; per process {} s of processor \
             time, {} open files, files of {} MiB; {} s in all, {} MiB of output",
            self.version,
            options.image,
            self.image,
            options.prepare_network.as_ref().map_or("no network".to_owned(), |name| format!("the network {name}")),
            limits.memory_bytes >> 20,
            limits.processes,
            limits.cpu_millis,
            limits.disk_bytes >> 20,
            limits.cpu_s,
            limits.open_files,
            limits.file_bytes >> 20,
            limits.wall_time.as_secs(),
            limits.output_bytes >> 20,
        )
    }

    /// Removes what processes left that were killed. What another worker still uses is not over, and stays; and what
    /// can't be told now is told by the next check.
    pub(super) async fn sweep(&self) {
        let labelled = HashMap::from([("label", vec![EXPIRES])]);
        for container in self.list_containers(&labelled).await {
            if let (Some(id), true) = (container.id, is_over(container.labels.as_ref())) {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                // Another worker may be at it.
                let _ = self.docker.remove_container(&id, Some(options)).await;
            }
        }
        let list = ListVolumesOptionsBuilder::new().filters(&labelled).build();
        let listed = self.docker.list_volumes(Some(list)).await;
        for volume in listed.ok().and_then(|list| list.volumes).unwrap_or_default() {
            if is_over(Some(&volume.labels)) {
                let _ = self.docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
            }
        }
    }

    /// Podman fails to list while one of them is being removed, or names a state that Docker has not.
    async fn list_containers(&self, filters: &HashMap<&str, Vec<&str>>) -> Vec<ContainerSummary> {
        const ATTEMPTS: u32 = 20;
        let list = ListContainersOptionsBuilder::new().all(true).filters(filters).build();
        for _ in 0..ATTEMPTS {
            match self.docker.list_containers(Some(list.clone())).await {
                Err(Error::DockerResponseServerError { .. } | Error::JsonDataError { .. }) => {}
                listed => return listed.unwrap_or_default(),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Vec::new()
    }
}

/// What went wrong at the engine, which may be well the next time.
pub(super) fn failed(operation: &'static str, error: Error) -> AdapterError {
    let message = match &error {
        Error::DockerResponseServerError { status_code, message } => {
            let told: String =
                message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD_CHARS_MAX).collect();
            format!("the container engine answered {status_code}: {told}")
        }
        Error::RequestTimeoutError => format!("the container engine did not answer for {ANSWER_S} s"),
        _ => "the container engine can't be reached".to_owned(),
    };
    AdapterError::new(AdapterErrorKind::Unavailable, operation, message).with_source(error)
}

/// Most that is told of what the engine says, in characters.
const TOLD_CHARS_MAX: usize = 300;

pub(super) fn no_sandbox(problem: impl std::fmt::Display) -> AdapterError {
    AdapterError::new(
        AdapterErrorKind::Unsupported,
        "open a sandbox",
        format!("{problem}. Nothing was run: tests never run unprotected"),
    )
}

/// What the engine would leave out in silence.
fn lack(info: &SystemInfo) -> Option<&'static str> {
    let filters_calls = info
        .security_options
        .iter()
        .flatten()
        .any(|option| option.starts_with("name=seccomp") && !option.contains("unconfined"));
    if info.os_type.as_deref() != Some("linux") {
        Some("run Linux containers")
    } else if info.memory_limit != Some(true) {
        Some("limit memory: give it the memory controller of control groups")
    } else if info.pids_limit != Some(true) {
        Some("limit processes: give it the pids controller of control groups")
    } else if info.cpu_cfs_quota != Some(true) {
        Some("limit processor time: give it the cpu controller of control groups")
    } else if !filters_calls {
        Some("filter system calls: start it with seccomp")
    } else {
        None
    }
}

async fn image(docker: &Docker, options: &ContainerOptions) -> Result<ImageInspect, AdapterError> {
    let name = &options.image;
    match (docker.inspect_image(name).await, options.pull) {
        (Ok(image), _) => return Ok(image),
        (Err(Error::DockerResponseServerError { status_code: 404, .. }), Pull::WhenMissing) => {}
        (Err(Error::DockerResponseServerError { status_code: 404, .. }), Pull::Never) => {
            return Err(no_sandbox(format!("the image {name} is missing; pull it, or set ContainerOptions::pull")));
        }
        (Err(error), _) => return Err(failed("look for the image", error)),
    }
    // Without a tag, every one of them would be pulled.
    let is_tagged = name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let pull = CreateImageOptionsBuilder::new().from_image(name);
    let pull = if is_tagged { pull } else { pull.tag("latest") };
    let pulled = docker.create_image(Some(pull.build()), None, None).try_for_each(|_| async { Ok(()) }).await;
    pulled.map_err(|error| {
        no_sandbox(format!("the image {name} can't be pulled")).with_source(failed("pull the image", error))
    })?;
    docker.inspect_image(name).await.map_err(|error| failed("look for the image", error))
}

/// Whether nobody uses it any more: its time is over, or the process that made it is gone.
fn is_over(labels: Option<&HashMap<String, String>>) -> bool {
    let label = |name| labels.and_then(|labels| labels.get(name));
    let expires = label(EXPIRES).and_then(|expires| expires.parse::<u64>().ok());
    expires.is_some_and(|expires| expires < now_s()) || label(OWNER).is_some_and(|owner| Owner::is_gone(owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_can_not_keep_a_limit_is_found_out() {
        let able = SystemInfo {
            os_type: Some("linux".to_owned()),
            memory_limit: Some(true),
            pids_limit: Some(true),
            cpu_cfs_quota: Some(true),
            security_options: Some(vec!["name=apparmor".to_owned(), "name=seccomp,profile=default".to_owned()]),
            ..SystemInfo::default()
        };
        assert_eq!(lack(&able), None);
        for unable in [
            SystemInfo { os_type: Some("windows".to_owned()), ..able.clone() },
            SystemInfo { memory_limit: Some(false), ..able.clone() },
            SystemInfo { pids_limit: None, ..able.clone() },
            SystemInfo { cpu_cfs_quota: Some(false), ..able.clone() },
            SystemInfo { security_options: None, ..able.clone() },
            SystemInfo { security_options: Some(vec!["name=seccomp,profile=unconfined".to_owned()]), ..able },
        ] {
            assert!(lack(&unable).is_some(), "{unable:?}");
        }
    }
}
