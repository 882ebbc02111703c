//! What a run tells about itself while it works: stable names, and no untrusted text.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fix_pipeline::testing::{Case, FakeForge, FakePlanSource, FakeValidator, ForgeFault};
use fix_pipeline::{AdapterError, Entry, MemoryRunStore, Observer, OutcomeCode, Pipeline, Port, RunId, Stage};

/// Everything that was written, together.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn stage_started(&self, _: RunId, stage: Stage) {
        self.0.lock().unwrap().push(format!("stage {}", stage.as_str()));
    }

    fn recorded(&self, _: RunId, entry: &Entry) {
        self.0.lock().unwrap().push(format!("recorded {}", entry.event().name()));
    }

    fn adapter_failed(&self, _: RunId, port: Port, error: &AdapterError) {
        self.0.lock().unwrap().push(format!("failed {} {}", port.as_str(), error.kind().as_str()));
    }

    fn adapter_called(&self, _: RunId, port: Port, _: std::time::Duration) {
        self.0.lock().unwrap().push(format!("called {}", port.as_str()));
    }

    fn finished(&self, _: RunId, outcome: OutcomeCode) {
        self.0.lock().unwrap().push(format!("finished {outcome}"));
    }
}

#[tokio::test]
async fn spans_and_events_have_stable_names_and_tell_no_untrusted_text() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let told = Arc::new(Told::default());
    let mut case = Case::missing_dependency();
    case.failure.log = fix_plan::Log::from("MARK-LOG\nE   ModuleNotFoundError: No module named 'requests'\n");
    case.plan = case.plan.replace("declare it", "MARK-PLAN");
    let forge = FakeForge::default();
    forge.then(ForgeFault::LoseAnswer);
    let source = FakePlanSource::answering([case.plan.clone()]);
    let mut pipeline = Pipeline::new(source, FakeValidator::red_then_green(), forge, MemoryRunStore::default());
    pipeline.observer = told.clone();
    {
        let _guard = tracing::subscriber::set_default(subscriber);
        assert!(pipeline.run(&case.failure, &case.tree).await.is_err());
        pipeline.run(&case.failure, &case.tree).await.unwrap();
    }
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let run = RunId::of(&case.failure.event_id);
    for expected in [
        &format!("INFO fix.run{{run={run}}}:fix.stage{{stage=\"baseline\"}}: fix_pipeline: stage stage=\"baseline\""),
        "fix.stage{stage=\"validate\"}:fix.port{port=\"validator\"}: fix_pipeline: called took_ms=",
        "DEBUG fix.run",
        "adapter error error=\"open a pull request: the answer was lost\"",
        "fix_pipeline: recorded sequence=0 event=\"started\"",
        "WARN fix.run",
        "adapter failed port=\"pr_sink\" kind=\"unavailable\"",
        "fix_pipeline: finished outcome=\"opened\"",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert!(!text.contains("MARK-") && !text.contains("requirements"), "{text}");
    // What adapters say in words is for debugging alone.
    for line in text.lines().filter(|line| line.contains("was lost")) {
        assert!(line.trim_start().starts_with("DEBUG"), "{line}");
    }

    let told = told.0.lock().unwrap();
    assert_eq!(told.iter().filter(|line| line.starts_with("finished")).collect::<Vec<_>>(), ["finished opened"]);
    assert!(told.contains(&"failed pr_sink unavailable".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("stage")).count(), 5 + 1, "{told:?}");
    let called = |port: &str| told.iter().filter(|line| **line == format!("called {port}")).count();
    assert_eq!((called("plan_source"), called("validator"), called("pr_sink")), (1, 2, 2), "{told:?}");
}
