//! What bubblewrap is told.

use std::ffi::OsString;
use std::fs;

use super::sandbox::{Job, Network, PYTHON, Sandbox};
use super::workspace::Workspace;
use super::{index, outlet};
use crate::validator::check::{ENVIRONMENT, NOBODY, PREPARE_ENVIRONMENT};

impl Sandbox {
    /// The program that becomes `job`, and its arguments. `bounded` means that a control group bounds the whole.
    pub(super) fn arguments(&self, workspace: &Workspace, holder: u32, job: &Job<'_>, bounded: bool) -> Vec<OsString> {
        let limits = self.limits();
        let mut arguments: Vec<OsString> = self.drop_root().iter().map(OsString::from).collect();
        let mut push = |texts: &[&str]| arguments.extend(texts.iter().map(OsString::from));
        // To where the work directory is to be seen, with the rights of its holder, which the next program loses.
        let nsenter = self.nsenter().to_string_lossy();
        push(&[&nsenter, "--target", &holder.to_string(), "--user", "--mount", "--preserve-credentials", "--"]);
        let prlimit = self.prlimit().to_string_lossy();
        push(&[&prlimit]);
        if !bounded {
            push(&[&format!("--as={}", limits.memory_bytes)]);
        }
        push(&[
            &format!("--cpu={}", limits.cpu_s),
            &format!("--fsize={}", job.file_bytes.unwrap_or(limits.file_bytes)),
            &format!("--nofile={}", limits.open_files),
            "--core=0",
            "--",
            &self.bwrap().to_string_lossy(),
            "--unshare-all",
            "--unshare-user",
            "--uid",
            &NOBODY.to_string(),
            "--gid",
            &NOBODY.to_string(),
            "--hostname",
            "sandbox",
            "--cap-drop",
            "ALL",
            "--new-session",
            "--die-with-parent",
            "--json-status-fd",
            "3",
            "--clearenv",
        ]);
        if self.filters_calls() {
            push(&["--seccomp", "4"]);
        }
        if self.disables_userns() {
            push(&["--disable-userns"]);
        }
        if job.network == Network::Outlet {
            for name in outlet::VARIABLES {
                push(&["--setenv", name, outlet::PROXY]);
            }
            if !self.routes().leads_to_loopback() {
                push(&["--setenv", "NO_PROXY", outlet::WITHOUT, "--setenv", "no_proxy", outlet::WITHOUT]);
            }
            for (name, value) in PREPARE_ENVIRONMENT {
                push(&["--setenv", name, value]);
            }
            for (name, value) in index::settings() {
                push(&["--setenv", name, &value]);
            }
        }
        for (name, value) in ENVIRONMENT {
            push(&["--setenv", name, value]);
        }
        for folder in
            ["/usr", "/etc/ssl", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"]
        {
            push(&["--ro-bind-try", folder, folder]);
        }
        for folder in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"] {
            match fs::read_link(folder) {
                Ok(target) => push(&["--symlink", &target.to_string_lossy(), folder]),
                Err(_) => push(&["--ro-bind-try", folder, folder]),
            }
        }
        push(&["--ro-bind", &workspace.users().to_string_lossy(), "/etc/passwd", "--proc", "/proc", "--dev", "/dev"]);
        for (inside, folder) in [("work", "/work"), ("tmp", "/tmp"), ("shm", "/dev/shm")] {
            push(&["--bind", &workspace.inside(inside).to_string_lossy(), folder]);
        }
        if job.network == Network::Outlet {
            push(&["--ro-bind", &workspace.outlet().to_string_lossy(), outlet::SOCKET]);
        }
        // bubblewrap makes these in memory, without bounds.
        push(&["--remount-ro", "/dev", "--remount-ro", "/"]);
        // Inside: there the kernel counts the processes of this sandbox, not those of the host's user.
        let processes = format!("--nproc={}", limits.processes);
        push(&["--chdir", job.folder, "--", &prlimit, &processes, "--"]);
        match (job.network, outlet::PROXY.rsplit_once(':')) {
            (Network::Outlet, Some((_, port))) => {
                push(&[PYTHON, "-I", "-S", "-c", outlet::FORWARD, port, outlet::SOCKET, job.command]);
            }
            _ => push(&["/bin/sh", "-c", job.command]),
        }
        arguments
    }
}
