//! One check's containers.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions, StartContainerOptions,
    UploadToContainerOptionsBuilder, WaitContainerOptions,
};
use bytes::{Bytes, BytesMut};
use fix_pipeline::{AdapterError, AdapterErrorKind, Phase};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::time::{Instant as Deadline, timeout_at};

use super::ContainerOptions;
use super::engine::{Engine, failed, no_sandbox};
use super::janitor::{Janitor, Lease, Object};
use super::packing::{self, PACK};
use super::spec::{self, Volumes, Words};
use crate::validator::archive;
use crate::validator::check::{Ended, Prepared, Room};
use crate::validator::environments::{Found, Kept, Making, PATIENCE};

/// Whether the work directory can be written, and the control groups have the limits: Podman passes them over without
/// a word where it can't set them, which is without root with version 1 of control groups.
const TRY_OUT: &str = r#"
held() {
    most=
    for file in "/sys/fs/cgroup/$2" "/sys/fs/cgroup/$3"; do
        test -r "$file" && read -r most rest < "$file" && break
    done
    { test "$most" -ge 1 && test "$most" -le "$1"; } 2>/dev/null || ! echo "the engine does not set the limit $2: '$most'"
}
test -w /work/tree && test -w /work/home && held "$memory" memory.max memory/memory.limit_in_bytes &&
held "$processes" pids.max pids/pids.max && held 1000000000000 cpu.max cpu/cpu.cfs_quota_us"#;

/// Volumes that live as long as this, and commands that run on them.
///
/// Fields are dropped in order: a volume can't be removed while a container uses it.
#[derive(Debug)]
pub(super) struct ContainerRoom<'r> {
    floor: Option<Floor<'r>>,
    work: Lease<'r>,
    engine: &'r Engine,
    janitor: &'r Janitor,
    options: &'r ContainerOptions,
    /// The files, packed, in a file without a name.
    files: File,
    kept: Option<Kept<'r>>,
    making: Option<Making>,
    /// What the names of everything begin with.
    name: String,
    /// How many names were given.
    named: u32,
}

/// A tree, laid out once.
#[derive(Debug)]
struct Floor<'r> {
    _life: LifeLine,
    /// Keeps the volumes.
    holder: Lease<'r>,
    tree: Lease<'r>,
}

/// The input of a container, which ends with it: with this process, at the latest. In a mutex, so that others may
/// share what holds it; nobody writes.
struct LifeLine(#[expect(dead_code, reason = "it is held")] Mutex<Input>);

impl fmt::Debug for LifeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LifeLine").finish_non_exhaustive()
    }
}

type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// What is printed in a container, by both streams.
type Printed = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A command, as `/bin/sh` reads it.
#[derive(Debug)]
struct Job<'j> {
    phase: Phase,
    command: &'j str,
    /// What it reads, from where that stands.
    input: Option<File>,
}

/// Most that unpacking may say, which nobody reads.
const TOLD_BYTES_MAX: u64 = 1 << 16;

impl<'r> ContainerRoom<'r> {
    /// A work directory with `files` in its tree. `kept` is where what preparing makes is kept, if anywhere.
    pub(super) async fn open(
        engine: &'r Engine,
        janitor: &'r Janitor,
        options: &'r ContainerOptions,
        files: File,
        kept: Option<Kept<'r>>,
    ) -> Result<Self, AdapterError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| no_sandbox("there are no random numbers").with_source(error))?;
        let name = format!("fix-{:016x}", u64::from_le_bytes(random));
        let work = volume(engine, janitor, options, format!("{name}-work")).await?;
        let (floor, making) = (None, None);
        let mut room = Self { floor, work, engine, janitor, options, files, kept, making, name, named: 0 };
        let floor = room.lay_out().await?;
        let home = archive::folder("home").map_err(|error| no_sandbox("no archive can be made").with_source(error))?;
        room.upload(&floor, "/work", futures_util::stream::once(std::future::ready(Ok(home.into())))).await?;
        room.floor = Some(floor);
        Ok(room)
    }

    /// What a command says that needs all that a check needs, when it does not succeed.
    pub(super) async fn try_out(&mut self) -> Result<Option<String>, AdapterError> {
        let limits = &self.options.limits;
        let (memory, processes) = (limits.memory_bytes, limits.processes);
        let environment = self.make_environment(false);
        let command = format!("memory={memory} processes={processes}; {environment} && {{ {TRY_OUT}; }}");
        let (ended, printed) = self.run(Phase::Check, &command, Instant::now() + Duration::from_secs(60)).await?;
        let said: String = String::from_utf8_lossy(&printed).trim().chars().take(500).collect();
        Ok((ended != Ended::Exit(0)).then(|| format!("{ended:?}: {said}")))
    }

    /// Removes everything, and waits until it is gone.
    pub(super) async fn close(mut self) -> Result<(), AdapterError> {
        if let Some(floor) = self.floor.take() {
            floor.close().await?;
        }
        self.work.end().await
    }

    /// Makes a new tree.
    async fn lay_out(&mut self) -> Result<Floor<'r>, AdapterError> {
        let tree = volume(self.engine, self.janitor, self.options, self.new_name("tree")).await?;
        let volumes = Volumes { work: self.work.name(), tree: tree.name(), tmp: None };
        let body = spec::holder(self.options, self.engine.image(), volumes);
        let name = self.new_name("holder");
        let holder = self.create(name, body).await?;
        let (input, _) = self.start(&holder).await?;
        let floor = Floor { _life: LifeLine(Mutex::new(input)), holder, tree };
        let files = self.files.try_clone().and_then(|mut files| files.seek(SeekFrom::Start(0)).map(|_| files));
        let files = files.map_err(archive::disk)?;
        self.upload(&floor, "/work/tree", pieces(files)).await?;
        Ok(floor)
    }

    async fn upload(
        &self,
        floor: &Floor<'_>,
        path: &str,
        files: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<(), AdapterError> {
        let options = UploadToContainerOptionsBuilder::new().path(path).build();
        let files = bollard::body_try_stream(files);
        let uploaded = self.engine.docker().upload_to_container(floor.holder.name(), Some(options), files);
        uploaded.await.map_err(|error| failed("lay out the files of a commit", error))
    }

    async fn create(&self, name: String, body: ContainerCreateBody) -> Result<Lease<'r>, AdapterError> {
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let mut lease = self.janitor.lease(Object::Container(name));
        let created = self.engine.docker().create_container(Some(options), body).await;
        created.map_err(|error| failed("create a container", error))?;
        lease.made();
        Ok(lease)
    }

    /// Starts a container. It ends when its input does.
    async fn start(&self, container: &Lease<'_>) -> Result<(Input, Printed), AdapterError> {
        let docker = self.engine.docker();
        let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
        let attached = docker.attach_container(container.name(), Some(options)).await;
        let AttachContainerResults { output, input } =
            attached.map_err(|error| failed("read from a container", error))?;
        let started = docker.start_container(container.name(), None::<StartContainerOptions>).await;
        started.map_err(|error| failed("start a container", error))?;
        Ok((input, output))
    }

    /// Runs a command in a container of its own, and gives how it ended. What it prints goes to `output`, up to
    /// `most` bytes.
    async fn execute(
        &mut self,
        job: Job<'_>,
        output: &mut (impl AsyncWrite + Send + Unpin),
        most: u64,
        deadline: Instant,
    ) -> Result<Ended, AdapterError> {
        let tmp = self.new_name("tmp");
        let tmp = volume(self.engine, self.janitor, self.options, tmp).await?;
        let name = self.new_name("command");
        let tree = self.floor.as_ref().map(|floor| floor.tree.name()).unwrap_or_default();
        let volumes = Volumes { work: self.work.name(), tree, tmp: Some(tmp.name()) };
        let words = Words { phase: job.phase, command: job.command, reads: job.input.is_some() };
        let body = spec::command(self.options, self.engine.image(), volumes, words);
        let container = self.create(name, body).await?;
        let watched = self.watch(&container, job.input, output, most, Deadline::from_std(deadline)).await;
        // Whatever still runs in it ends with it.
        container.end().await?;
        tmp.end().await?;
        watched
    }

    async fn watch(
        &self,
        container: &Lease<'_>,
        input: Option<File>,
        to: &mut (impl AsyncWrite + Send + Unpin),
        most: u64,
        deadline: Deadline,
    ) -> Result<Ended, AdapterError> {
        let docker = self.engine.docker();
        // The input is held until the end, whether something is read from it or not.
        let (mut life, mut output) = self.start(container).await?;
        let reads = input.is_some();
        let feeding = async {
            if let Some(input) = input {
                let mut input = BufReader::with_capacity(1 << 18, tokio::fs::File::from_std(input));
                // Who does not read to the end has ended, and how is told below.
                let _ = tokio::io::copy_buf(&mut input, &mut life).await;
            }
            std::future::pending::<Infallible>().await
        };
        let read = tokio::select! {
            read = timeout_at(deadline, read(&mut output, most, to)) => read,
            never = feeding => match never {},
        };
        match read {
            Err(_) => return Ok(Ended::TimedOut),
            // Podman resets the connection of a command that has ended without reading everything.
            Ok(Err(Error::IOError { .. })) if reads => {}
            Ok(Err(error)) => return Err(failed("read from a container", error)),
            Ok(Ok(true)) => return Ok(Ended::OutputCut),
            Ok(Ok(false)) => {}
        }
        let mut waiting = Box::pin(docker.wait_container(container.name(), None::<WaitContainerOptions>));
        match timeout_at(deadline, waiting.next()).await {
            Err(_) => return Ok(Ended::TimedOut),
            // That is how an exit code other than 0 is told.
            Ok(None | Some(Ok(_) | Err(Error::DockerContainerWaitError { .. }))) => {}
            Ok(Some(Err(error))) => return Err(failed("wait for a container", error)),
        }
        let inspected = docker.inspect_container(container.name(), None::<InspectContainerOptions>).await;
        let state = inspected.map_err(|error| failed("ask how a container ended", error))?.state.unwrap_or_default();
        let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
        let ended = match (state.running, code) {
            (Some(false), Some(code)) if state.oom_killed != Some(true) => {
                match code {
                    spec::OUT_OF_MEMORY => Ended::OutOfMemory,
                    // A shell reports a signal so.
                    129.. => Ended::Signal,
                    code => Ended::Exit(code),
                }
            }
            (Some(false), Some(_)) => Ended::OutOfMemory,
            _ => {
                let message = format!("the container engine does not say how it ended: {state:?}");
                return Err(AdapterError::new(AdapterErrorKind::Unavailable, "ask how a container ended", message));
            }
        };
        Ok(ended)
    }

    fn new_name(&mut self, what: &str) -> String {
        self.named += 1;
        format!("{}-{what}-{}", self.name, self.named)
    }
}

impl Room for ContainerRoom<'_> {
    fn make_environment(&self, pip: bool) -> String {
        spec::make_environment(self.options, pip)
    }

    async fn run(&mut self, phase: Phase, command: &str, deadline: Instant) -> Result<(Ended, Vec<u8>), AdapterError> {
        let most = u64::try_from(self.options.limits.output_bytes).unwrap_or(u64::MAX);
        let mut printed = Vec::new();
        let ended = self.execute(Job { phase, command, input: None }, &mut printed, most, deadline).await?;
        Ok((ended, printed))
    }

    async fn fetch_prepared(&mut self) -> Result<Prepared, AdapterError> {
        let Some(kept) = self.kept.clone() else { return Ok(Prepared::Missing) };
        // Without the right to keep it, this check makes it for itself.
        let Some(found) = kept.fetch(PATIENCE).await else { return Ok(Prepared::Missing) };
        let archive = match found {
            Found::Ready(archive) => archive,
            Found::Missing(making) => {
                self.making = Some(making);
                return Ok(Prepared::Missing);
            }
        };
        let unpack = packing::unpack(left_of(&archive).map_err(|error| {
            AdapterError::new(AdapterErrorKind::Unavailable, "lay out a prepared environment", "the disk failed")
                .with_source(error)
        })?);
        let job = Job { phase: Phase::Check, command: &unpack, input: Some(archive) };
        let deadline = Instant::now() + self.options.limits.wall_time;
        let ended = self.execute(job, &mut tokio::io::sink(), TOLD_BYTES_MAX, deadline).await?;
        kept.unpacked(ended).await
    }

    async fn keep_prepared(&mut self) {
        let (Some(kept), Some(making)) = (self.kept.clone(), self.making.take()) else { return };
        let Ok(output) = making.output() else { return };
        let job = Job { phase: Phase::Check, command: PACK, input: None };
        let (most, deadline) = (kept.bytes_max(&self.options.limits), Instant::now() + self.options.limits.wall_time);
        let packed = self.execute(job, &mut tokio::fs::File::from_std(output), most, deadline).await;
        if packed.is_ok_and(|ended| ended == Ended::Exit(0)) {
            kept.put(making).await;
        }
    }

    async fn restore(&mut self) -> Result<bool, AdapterError> {
        let floor = self.lay_out().await?;
        if let Some(before) = self.floor.replace(floor) {
            before.close().await?;
        }
        Ok(true)
    }
}

/// What a file holds, piece by piece: no more of it is in memory.
fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    const PIECE_BYTES: usize = 1 << 18;
    futures_util::stream::try_unfold(tokio::fs::File::from_std(file), async |mut file| {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let length = file.read_buf(&mut piece).await?;
        Ok((length > 0).then(|| (piece.freeze(), file)))
    })
}

impl Floor<'_> {
    async fn close(self) -> Result<(), AdapterError> {
        self.holder.end().await?;
        self.tree.end().await
    }
}

async fn volume<'j>(
    engine: &Engine,
    janitor: &'j Janitor,
    options: &ContainerOptions,
    name: String,
) -> Result<Lease<'j>, AdapterError> {
    let request = spec::volume(options, &name);
    let mut lease = janitor.lease(Object::Volume(name));
    engine.docker().create_volume(request).await.map_err(|error| failed("create a volume", error))?;
    lease.made();
    Ok(lease)
}

/// How many bytes of a file come after where it stands.
fn left_of(file: &File) -> io::Result<u64> {
    let at = (&mut &*file).stream_position()?;
    Ok(file.metadata()?.len().saturating_sub(at))
}

/// Reads both streams until they end, or `most` bytes are there and more come; that is `true`.
async fn read(output: &mut Printed, most: u64, to: &mut (impl AsyncWrite + Unpin)) -> Result<bool, Error> {
    let mut left = most;
    while let Some(piece) = output.try_next().await? {
        let piece = piece.into_bytes();
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let fits = usize::try_from(left.min(length)).unwrap_or(usize::MAX);
        to.write_all(piece.get(..fits).unwrap_or_default()).await?;
        if length > left {
            return Ok(true);
        }
        left -= length;
    }
    to.flush().await?;
    Ok(false)
}
