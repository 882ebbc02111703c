//! One run that kills itself at a chosen point: `crash-child HOME POINT`.
//!
//! A point is `before:EVENT` or `after:EVENT` (storing its entry), `plan_source` (asked, not
//! answered), `sandbox` (a real one, with processes in it), `validator` (checking the patched tree),
//! `pushed` (the branch is there, the pull request is not), or `never`. Every call of a port but the
//! store's is a line in `HOME/calls`.
//!
//! The journal is kept in SQLite, or as `FIX_STORE__KIND` says. With `FIX_TEST_GITHUB`, the base of an API, the pull request is opened there, and `HOME/pid` says whom
//! the forge has to kill. The exit code is 0 for a pull request, 3 for an error that passes, 1 for all else.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use fix_adapters::config::{Config, ConfigError, ConfiguredStore};
use fix_adapters::plan_source::Rules;
use fix_adapters::pr_sink::LocalGit;
use fix_adapters::repository::{Location, Repository};
use fix_adapters::validator::{Bubblewrap, Recipe, Recipes, SandboxLimits};
use fix_pipeline::dynamic::{DynPrSink, DynValidator};
use fix_pipeline::{
    AdapterError, Announcement, Entry, Outcome, Pipeline, PipelineError, PlanRequest, PlanSource, PrSink, PullRequest,
    RawPlan, Report, RunContext, RunId, RunStore, Subject, Validated, Validator,
};
use fix_plan::{Failure, Log};
use fix_tests::adapters::Scripted;
use fix_tests::processes::{event_of, processes_with};

/// An adapter in whose hands the process dies at `point`.
struct Deadly<A> {
    inner: A,
    point: String,
    home: PathBuf,
}

impl<A> Deadly<A> {
    fn new(inner: A, point: &str, home: &Path) -> Self {
        Self { inner, point: point.to_owned(), home: home.to_owned() }
    }

    /// Leaves a trace that outlives the process.
    fn called(&self, what: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.home.join("calls"));
        file.and_then(|mut file| writeln!(file, "{what}")).expect("a line");
    }

    fn strike(&self, here: &str) {
        if self.point == here {
            die();
        }
    }
}

/// Dies as by `kill -9`: nothing is flushed, closed or dropped.
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

/// Dies as soon as some process has `word` as its last argument.
fn die_beside(word: String) {
    std::thread::spawn(move || {
        while processes_with(&word) == 0 {
            std::thread::yield_now();
        }
        die();
    });
}

impl RunStore for Deadly<ConfiguredStore> {
    async fn append(&self, run: RunId, entry: &Entry) -> Result<(), AdapterError> {
        self.strike(&format!("before:{}", entry.event().name()));
        self.inner.append(run, entry).await?;
        self.strike(&format!("after:{}", entry.event().name()));
        Ok(())
    }

    async fn load(&self, run: RunId) -> Result<Vec<Entry>, AdapterError> {
        self.inner.load(run).await
    }
}

impl PlanSource for Deadly<Rules> {
    async fn propose(&self, request: PlanRequest<'_>) -> Result<RawPlan, AdapterError> {
        self.called("plan_source");
        self.strike("plan_source");
        self.inner.propose(request).await
    }
}

impl Validator for Deadly<Arc<dyn DynValidator>> {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        match subject {
            Subject::Baseline => {
                self.called("baseline");
                if self.point == "sandbox" {
                    die_beside(self.home.to_string_lossy().into_owned());
                }
            }
            Subject::Patched(_) => {
                self.called("patched");
                self.strike("validator");
            }
        }
        self.inner.validate(run, subject).await
    }
}

impl PrSink for Deadly<Arc<dyn DynPrSink>> {
    async fn open(&self, run: &RunContext, change: &Validated) -> Result<PullRequest, AdapterError> {
        self.called("open");
        if self.point == "pushed" {
            // The repository itself kills this process, between its new branch and the pull request.
            let hook = self.home.join("origin.git/hooks/post-receive");
            let script = format!("#!/bin/sh\nrm -f \"$0\"\nkill -9 {}\n", std::process::id());
            std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
            std::fs::write(&hook, script).expect("a hook");
            std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a program");
        }
        self.inner.open(run, change).await
    }

    async fn find(&self, run: &RunContext, announced: &Announcement) -> Result<Option<PullRequest>, AdapterError> {
        self.called("find");
        self.inner.find(run, announced).await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let passes = error.downcast_ref::<PipelineError>().is_some_and(PipelineError::is_transient)
                || error.downcast_ref::<AdapterError>().is_some_and(AdapterError::is_transient)
                || error.downcast_ref().and_then(ConfigError::adapter).is_some_and(AdapterError::is_transient);
            eprintln!("{error}");
            if passes { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}

async fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, home, point] = arguments.as_slice() else {
        return Err("usage: crash-child HOME POINT".into());
    };
    let home = Path::new(home);
    let origin = home.join("origin.git");
    let repository = Repository::open(&home.join("mirrors"), Location::Local(origin.clone()))?;
    let commit = repository.resolve("main").await?;
    let snapshot = repository.snapshot(&commit).await?;
    let file = snapshot.files().find(|file| file.ends_with("app.py")).ok_or("no app.py")?;
    let log = Log::from(format!("{file}:1:1: F401 'os' imported but unused\n").as_str());
    let failure = Failure::new(
        event_of(home).parse()?,
        origin.to_string_lossy(),
        commit.clone(),
        "main".parse()?,
        1_772_442_000,
        log,
    );
    let file = home.join("store/runs.sqlite3").to_string_lossy().into_owned();
    let usual = vec![("store.file".to_owned(), vec![file])];
    let store = Config::load(None, std::env::vars(), usual)?.store().await?;
    let validator: Arc<dyn DynValidator> = match point.as_str() {
        "sandbox" => Arc::new(sandbox(&repository, home).await?),
        _ => Arc::new(Scripted::mended(repository.clone())),
    };
    let pipeline = Pipeline::new(
        Deadly::new(Rules, point, home),
        Deadly::new(validator, point, home),
        Deadly::new(sink(&repository, home)?, point, home),
        Deadly::new(store, point, home),
    );
    let finished = pipeline.run(&failure, &snapshot).await?;
    Ok(matches!(finished.outcome, Outcome::Opened(_)))
}

/// A sandbox whose check starts a process that leaves its session, and never ends.
async fn sandbox(repository: &Repository, home: &Path) -> Result<Bubblewrap, AdapterError> {
    let wait = format!("python3 -c 'import time; time.sleep(86400)' '{}'", home.display());
    let check = vec![format!("setsid {wait} & {wait}")];
    let recipe = Recipe { prepare: Vec::new(), check };
    Bubblewrap::new(repository.clone(), Recipes::Fixed(recipe), SandboxLimits::default()).await
}

#[cfg(feature = "github")]
fn sink(repository: &Repository, home: &Path) -> Result<Arc<dyn DynPrSink>, Box<dyn std::error::Error>> {
    use fix_adapters::pr_sink::GitHub;
    use fix_adapters::pr_sink::github::Credentials;
    let Ok(url) = std::env::var("FIX_TEST_GITHUB") else { return Ok(Arc::new(local(repository, home))) };
    std::fs::write(home.join("pid"), std::process::id().to_string())?;
    let token = std::env::var("FIX_TEST_TOKEN")?;
    Ok(Arc::new(GitHub::at(url.parse()?, "octo/app".parse()?, Credentials::token(token.into())?)?))
}

#[cfg(not(feature = "github"))]
fn sink(repository: &Repository, home: &Path) -> Result<Arc<dyn DynPrSink>, Box<dyn std::error::Error>> {
    Ok(Arc::new(local(repository, home)))
}

fn local(repository: &Repository, home: &Path) -> LocalGit {
    LocalGit::new(repository.clone(), home.join("pull-requests"))
}
