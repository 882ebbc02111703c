//! Removes what was made, whatever happens to who made it.

use std::thread::JoinHandle;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{InspectContainerOptions, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder};
use fix_pipeline::{AdapterError, AdapterErrorKind};
use tokio::sync::{mpsc, oneshot};

use super::engine::failed;

/// A thread that removes, one after another. A future that is dropped can't wait for the engine, and its
/// runtime may be about to end; this thread can.
#[derive(Debug)]
pub(super) struct Janitor {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// Something of the engine's that is to be removed, by its name.
#[derive(Clone, Debug)]
pub(super) enum Object {
    Container(String),
    Volume(String),
}

/// The right to something that was made. It is removed with [`Lease::end`], or when this is dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Lease<'j> {
    object: Object,
    /// The engine has said that it is there.
    made: bool,
    /// `None` when it was told already.
    janitor: Option<&'j Janitor>,
}

#[derive(Debug)]
struct Job {
    object: Object,
    made: bool,
    done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Janitor {
    pub(super) fn start(docker: Docker) -> Result<Self, AdapterError> {
        let no_thread = |error: std::io::Error| {
            AdapterError::new(AdapterErrorKind::Unavailable, "open a sandbox", "no thread can be started")
                .with_source(error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let (jobs, mut orders) = mpsc::unbounded_channel::<Job>();
        let work = async move {
            while let Some(job) = orders.recv().await {
                let removed = remove(&docker, &job.object, job.made).await;
                // Nobody waits for what was dropped.
                let _ = job.done.map(|done| done.send(removed));
            }
        };
        let thread = std::thread::Builder::new().name("fix-janitor".to_owned());
        let thread = thread.spawn(move || runtime.block_on(work)).map_err(no_thread)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// To be called before the engine is asked to make it, so that nothing can come between.
    pub(super) fn lease(&self, object: Object) -> Lease<'_> {
        Lease { object, made: false, janitor: Some(self) }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        self.jobs = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Lease<'_> {
    /// The engine has said that it is there.
    pub(super) fn made(&mut self) {
        self.made = true;
    }

    pub(super) fn name(&self) -> &str {
        match &self.object {
            Object::Container(name) | Object::Volume(name) => name,
        }
    }

    /// Removes it, and waits until it is gone.
    pub(super) async fn end(mut self) -> Result<(), AdapterError> {
        let (done, gone) = oneshot::channel();
        self.order(Some(done));
        match gone.await {
            Ok(removed) => removed.map_err(|error| failed("remove a container", error)),
            Err(_) => Err(AdapterError::new(AdapterErrorKind::Unavailable, "remove a container", "it was interrupted")),
        }
    }

    fn order(&mut self, done: Option<oneshot::Sender<Result<(), Error>>>) {
        if let Some(jobs) = self.janitor.take().and_then(|janitor| janitor.jobs.as_ref()) {
            // The thread ends after this side only.
            let _ = jobs.send(Job { object: self.object.clone(), made: self.made, done });
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.order(None);
    }
}

/// Removes, and tries again while the engine is busy with it: still making it, or still ending it.
async fn remove(docker: &Docker, object: &Object, mut made: bool) -> Result<(), Error> {
    const ATTEMPTS: u32 = 20;
    let mut attempt = 1;
    loop {
        // An engine may say that it has removed what is not there yet.
        made = made || is_there(docker, object).await;
        if made {
            match remove_now(docker, object).await {
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(()),
                Err(Error::DockerResponseServerError { .. }) if attempt < ATTEMPTS => {}
                removed => return removed,
            }
        } else if attempt == ATTEMPTS {
            return Ok(());
        }
        attempt += 1;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn remove_now(docker: &Docker, object: &Object) -> Result<(), Error> {
    match object {
        Object::Container(name) => {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            docker.remove_container(name, Some(options)).await
        }
        Object::Volume(name) => {
            docker.remove_volume(name, Some(RemoveVolumeOptionsBuilder::new().force(true).build())).await
        }
    }
}

/// Unless the engine says that it is not.
async fn is_there(docker: &Docker, object: &Object) -> bool {
    let missing = match object {
        Object::Container(name) => docker.inspect_container(name, None::<InspectContainerOptions>).await.err(),
        Object::Volume(name) => docker.inspect_volume(name).await.err(),
    };
    !matches!(missing, Some(Error::DockerResponseServerError { status_code: 404, .. }))
}

#[cfg(test)]
mod tests {
    use bollard::API_DEFAULT_VERSION;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    /// How many answers of these an engine gives until a container counts as removed.
    async fn answers(made: bool, answers: &[&str]) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let given = std::cell::Cell::new(0);
        let engine = async {
            for answer in answers {
                let (mut client, _) = listener.accept().await.unwrap();
                let _ = client.read(&mut [0; 4096]).await.unwrap();
                let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                client.write_all(head.as_bytes()).await.unwrap();
                given.set(given.get() + 1);
            }
            std::future::pending::<()>().await;
        };
        let docker = Docker::connect_with_unix(&socket.to_string_lossy(), 10, API_DEFAULT_VERSION).unwrap();
        let janitor = Janitor::start(docker).unwrap();
        let mut lease = janitor.lease(Object::Container("one".to_owned()));
        if made {
            lease.made();
        }
        tokio::select! {
            () = engine => {}
            removed = lease.end() => removed.unwrap(),
        }
        given.get()
    }

    /// Its maker gave up while the engine was still at it: not there yet is not gone.
    #[tokio::test]
    async fn what_is_still_being_made_is_waited_for() {
        let asked = ["404 Not Found", "404 Not Found", "200 OK"];
        let removed = ["409 Conflict", "204 No Content"];
        assert_eq!(answers(false, &[asked.as_slice(), &removed].concat()).await, 5);
    }

    #[tokio::test]
    async fn what_was_made_and_is_not_there_is_gone() {
        assert_eq!(answers(true, &["409 Conflict", "404 Not Found"]).await, 2);
    }
}
