//! Prepared environments that are kept.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fix_adapters::validator::{Container, Environments, Recipes};
use fix_pipeline::{CheckStatus, Phase, Report, RunContext, Subject, Validator as _};
use fix_tests::engine::TestEngine;
use fix_tests::repository::TestRepository;

use super::fixed;

/// Says which preparing it was, in a place that the check sees; a link out of the work directory is kept as one.
const PREPARE: &str = "python3 -c 'import os; print(os.urandom(9).hex()); os.symlink(\"/etc\", \"../home/link\")' > ../home/made; \
                       echo \"print('from the environment')\" > $(python -c 'import site; print(site.getsitepackages()[0])')/kept.py";

/// It does what it can to the environment, and says what it found.
const CHECK: &str = "cat ../home/made; python -c 'import kept'; test -L ../home/link || echo no link; test ! -e ../home/poison || echo poisoned; \
                     echo poison > ../home/poison; rm -r /work/venv/lib; echo 'exit 0' > /work/venv/bin/python; false";

async fn baseline(validator: &Container, repository: &TestRepository) -> Report {
    let run = RunContext::new(repository.failure("event-1", "log"));
    validator.validate(&run, Subject::Baseline).await.unwrap()
}

fn was_kept(report: &Report) -> bool {
    assert!(report.commands.iter().any(|command| command.phase == Phase::Prepare), "{report:?}");
    report.sandbox.ends_with("prepared by an earlier check")
}

/// The archives in a folder.
fn archives(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.filter(|entry| entry.file_name().len() == 64).map(|entry| entry.path()).collect()
}

pub async fn the_same_tree_is_prepared_once_and_each_check_has_its_own_copy(engine: &TestEngine) {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let validator = Container::new(repository.mirror(), fixed(&[PREPARE], &[CHECK]), engine.options()).await.unwrap();
    let first = baseline(&validator, &repository).await;
    assert!(!was_kept(&first), "{first:?}");
    assert_eq!(first.status, CheckStatus::Failed, "{first:?}");
    assert!(first.output_tail.contains("from the environment"), "{first:?}");
    assert!(!first.output_tail.contains("no link") && !first.output_tail.contains("poisoned"), "{first:?}");
    for _ in 0..2 {
        let next = baseline(&validator, &repository).await;
        assert!(was_kept(&next), "{next:?}");
        assert_eq!(next.output_tail, first.output_tail);
        assert_eq!(next.fingerprint(), first.fingerprint());
    }
    // Another image is another environment, whatever it is called.
    engine.client(&["run", "--name", "other", fix_tests::engine::IMAGE, "mkdir", "/other"]);
    engine.client(&["commit", "other", "localhost/other"]);
    engine.client(&["rm", "other"]);
    let mut options = engine.options();
    options.image = "localhost/other".to_owned();
    let other = Container::new(repository.mirror(), fixed(&[PREPARE], &[CHECK]), options).await.unwrap();
    assert!(!was_kept(&baseline(&other, &repository).await));
    let validator = validator.with_environments(None);
    assert!(!was_kept(&baseline(&validator, &repository).await));
    let folder = repository.home().join("mirrors/environments");
    let validator = validator.with_environments(Environments::new(&folder));
    assert!(was_kept(&baseline(&validator, &repository).await));
    // Cut short, by a full disk or a crash.
    for path in archives(&folder) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }
    let again = baseline(&validator, &repository).await;
    assert!(!was_kept(&again));
    assert_eq!(again.status, CheckStatus::Failed, "{again:?}");
    drop((validator, other));
    engine.assert_empty();
}

/// What was prepared by a command that nobody knows may come from any file of the tree; and what failed is not kept.
pub async fn another_tree_is_prepared_by_itself(engine: &TestEngine) {
    let cache = tempfile::tempdir().unwrap();
    let check = async |text: &str, prepare: &str| {
        let repository = TestRepository::new(&[("a.py", text)]);
        let recipes = fixed(&[prepare], &["cat ../home/a.py; false"]);
        let validator = Container::new(repository.mirror(), recipes, engine.options()).await.unwrap();
        baseline(&validator.with_environments(Environments::new(cache.path())), &repository).await
    };
    let failed = check("one\n", "cat a.py > ../home/a.py; false").await;
    assert_eq!(failed.status, CheckStatus::PrepareFailed, "{failed:?}");
    assert_eq!(archives(cache.path()), Vec::<std::path::PathBuf>::new());
    let copy = "cat a.py > ../home/a.py";
    let (one, two) = (check("one\n", copy).await, check("two\n", copy).await);
    assert_eq!((one.output_tail.as_str(), two.output_tail.as_str()), ("one\n", "two\n"));
    assert!(!was_kept(&two));
    assert!(was_kept(&check("one\n", copy).await));
    engine.assert_empty();
}

/// With plain requirements, the code of the tree is not read, and does not matter. The package index is asked once.
pub async fn trees_with_the_same_requirements_share(engine: &TestEngine) {
    let cache = tempfile::tempdir().unwrap();
    let (index, asked) = package_index();
    let mut options = engine.options();
    options.prepare_environment = vec![("PIP_INDEX_URL".to_owned(), index)];
    let check = async |requirements: &str, test: &str| {
        let test =
            format!("import unittest, made\n\n\nclass Test(unittest.TestCase):\n    def test(self):\n        {test}\n");
        // A module of this name would be taken for pip's, if the tree were on its path.
        let planted = "raise SystemExit('code of the tree was run')\n";
        let files = [("requirements.txt", requirements), ("test_a.py", test.as_str()), ("pip.py", planted)];
        let repository = TestRepository::new(&files);
        let recipes = Recipes::Check(vec!["python -m unittest".to_owned()]);
        let validator = Container::new(repository.mirror(), recipes, options.clone()).await.unwrap();
        let started = std::time::Instant::now();
        let report = baseline(&validator.with_environments(Environments::new(cache.path())), &repository).await;
        println!("{:?}: a check in {:?}, kept: {}", engine.kind(), started.elapsed(), was_kept(&report));
        report
    };
    let red = check("made==1\n", "self.fail()").await;
    assert_eq!((red.status, was_kept(&red)), (CheckStatus::Failed, false), "{red:?}");
    let requests = asked.load(Ordering::Relaxed);
    assert!(requests > 0, "{red:?}");
    let green = check("made==1\n", "self.assertEqual(made.VALUE, 1)").await;
    assert_eq!((green.status, was_kept(&green)), (CheckStatus::Passed, true), "{green:?}");
    assert_eq!(asked.load(Ordering::Relaxed), requests);
    assert!(!was_kept(&check("made==1  # again\n", "pass").await));
    engine.assert_empty();
}

/// Others share what does not fit beside a large tree: here, into the same work directory.
pub async fn what_does_not_fit_takes_nothing_from_others(engine: &TestEngine) {
    let cache = tempfile::tempdir().unwrap();
    let repository = TestRepository::new(&[("requirements.txt", "# nothing\n")]);
    let check = async |disk_bytes: u64| {
        let mut options = engine.options();
        options.limits.disk_bytes = disk_bytes;
        let recipes = Recipes::Check(vec!["false".to_owned()]);
        let validator = Container::new(repository.mirror(), recipes, options).await.unwrap();
        baseline(&validator.with_environments(Environments::new(cache.path())), &repository).await
    };
    let large = check(64 << 20).await;
    assert_eq!(large.status, CheckStatus::Failed, "{large:?}");
    let small = check(4 << 20).await;
    assert_eq!(small.status, CheckStatus::PrepareFailed, "{small:?}");
    assert!(small.output_tail.contains("no room"), "{small:?}");
    assert!(was_kept(&check(64 << 20).await));
    engine.assert_empty();
}

/// Makes a wheel.
const WHEEL: &str = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("made.py", "VALUE = 1\n")
    wheel.writestr("made-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: made\nVersion: 1\n")
    wheel.writestr("made-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("made-1.dist-info/RECORD", "made.py,,\nmade-1.dist-info/METADATA,,\nmade-1.dist-info/WHEEL,,\nmade-1.dist-info/RECORD,,\n")
"#;

/// A package index on loopback with one package, and how often it was asked.
fn package_index() -> (String, Arc<AtomicUsize>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made-1-py3-none-any.whl");
    assert!(Command::new("python3").args(["-c", WHEEL]).arg(&path).status().unwrap().success());
    let wheel = std::fs::read(path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/simple", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let mut request = [0; 4096];
            let length = client.read(&mut request).unwrap_or(0);
            count.fetch_add(1, Ordering::Relaxed);
            let page = b"<a href=\"/made-1-py3-none-any.whl\">made-1-py3-none-any.whl</a>".as_slice();
            let (kind, body) = match &request[..length] {
                request if request.starts_with(b"GET /made-1") => ("application/octet-stream", wheel.as_slice()),
                _ => ("text/html", page),
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = client.write_all(head.as_bytes()).and_then(|()| client.write_all(body));
        }
    });
    (address, asked)
}
