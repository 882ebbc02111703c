//! One run that kills itself at a chosen point: `crash-child HOME POINT`.
//!
//! A point is `before:EVENT` or `after:EVENT` (storing its entry), `plan_source` (asked, not
//! answered), `validator` (checking the patched tree), `pushed` (the branch is there, the pull
//! request is not), or `never`. Every call of a port but the store's is a line in `HOME/calls`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use fix_adapters::plan_source::Rules;
use fix_adapters::pr_sink::LocalGit;
use fix_adapters::repository::{Location, Repository};
use fix_adapters::run_store::Sqlite;
use fix_pipeline::{
    AdapterError, Announcement, Entry, Outcome, Pipeline, PlanRequest, PlanSource, PrSink, PullRequest, RawPlan,
    Report, RunContext, RunId, RunStore, Subject, Validated, Validator,
};
use fix_plan::{Failure, Log};
use fix_tests::adapters::Scripted;

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

    /// Dies as by `kill -9`: nothing is flushed, closed or dropped.
    fn strike(&self, here: &str) {
        if self.point == here {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

impl RunStore for Deadly<Sqlite> {
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

impl Validator for Deadly<Scripted> {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        match subject {
            Subject::Baseline => self.called("baseline"),
            Subject::Patched(_) => {
                self.called("patched");
                self.strike("validator");
            }
        }
        self.inner.validate(run, subject).await
    }
}

impl PrSink for Deadly<LocalGit> {
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
            eprintln!("{error}");
            ExitCode::from(3)
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
    let commit = repository.resolve("main")?;
    let log = Log::from("app.py:1:1: F401 'os' imported but unused\n");
    let failure =
        Failure::new("event-1".parse()?, origin.to_string_lossy(), commit.clone(), "main".parse()?, 1_772_442_000, log);
    let store = Sqlite::open(&home.join("runs.sqlite3")).await?;
    let sink = LocalGit::new(repository.clone(), home.join("pull-requests"));
    let pipeline = Pipeline::new(
        Deadly::new(Rules, point, home),
        Deadly::new(Scripted::mended(repository.clone()), point, home),
        Deadly::new(sink, point, home),
        Deadly::new(store, point, home),
    );
    let finished = pipeline.run(&failure, &repository.snapshot(&commit).await?).await?;
    Ok(matches!(finished.outcome, Outcome::Opened(_)))
}
