//! Prepared environments that are kept.

use fix_adapters::validator::{Environments, Recipes, SandboxLimits};
use fix_pipeline::{CheckStatus, Phase, Report};
use fix_tests::repository::TestRepository;

use super::{baseline, fixed, sandbox};

/// Says which preparing it was, in a place that the check sees. The system's settings of pip may hold a password.
const PREPARE: &str = "test ! -e /etc/pip.conf || exit 1; date +%s%N > ../home/made; echo \"print('from the environment')\" > $(python -c 'import site; print(site.getsitepackages()[0])')/kept.py";

fn was_kept(report: &Report) -> bool {
    assert!(report.commands.iter().filter(|command| command.phase == Phase::Prepare).count() > 1, "{report:?}");
    report.sandbox.ends_with("prepared by an earlier check")
}

#[tokio::test]
async fn the_same_tree_is_prepared_once_and_each_check_has_its_own_copy() {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    // It does what it can to the environment, and says what it found.
    let check = "cat ../home/made; python -c 'import kept'; test ! -e ../home/poison; \
                 echo poison > ../home/poison; rm -r /work/venv/lib; echo 'exit 0' > /work/venv/bin/python; false";
    let recipes = fixed(&[PREPARE], &[check]);
    let Some(validator) = sandbox(&repository, recipes, SandboxLimits::default()).await else { return };
    let first = baseline(&validator, &repository).await;
    assert!(!was_kept(&first), "{first:?}");
    assert_eq!(first.status, CheckStatus::Failed, "{first:?}");
    assert!(first.output_tail.contains("from the environment"), "{first:?}");
    for _ in 0..2 {
        let next = baseline(&validator, &repository).await;
        assert!(was_kept(&next));
        assert_eq!(next.output_tail, first.output_tail);
        assert_eq!(next.fingerprint(), first.fingerprint());
    }
    let validator = validator.with_environments(None);
    let anew = baseline(&validator, &repository).await;
    assert!(!was_kept(&anew));
    assert_ne!(anew.output_tail, first.output_tail);
    let folder = repository.home().join("mirrors/environments");
    let validator = validator.with_environments(Environments::new(&folder));
    assert!(was_kept(&baseline(&validator, &repository).await));
    // Cut short, by a full disk or a crash.
    for entry in std::fs::read_dir(&folder).unwrap().flatten().filter(|entry| entry.file_name().len() == 64) {
        let file = std::fs::File::options().write(true).open(entry.path()).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }
    let again = baseline(&validator, &repository).await;
    assert!(!was_kept(&again));
    assert_eq!(again.status, CheckStatus::Failed, "{again:?}");
}

/// What was prepared by a command that nobody knows may come from any file of the tree.
#[tokio::test]
async fn another_tree_is_prepared_by_itself() {
    let cache = tempfile::tempdir().unwrap();
    let check = async |text: &str| {
        let repository = TestRepository::new(&[("a.py", text)]);
        let validator =
            sandbox(&repository, fixed(&["cp a.py ../home/"], &["cat ../home/a.py; false"]), SandboxLimits::default());
        let validator = validator.await?.with_environments(Environments::new(cache.path()));
        Some(baseline(&validator, &repository).await)
    };
    let Some(one) = check("one\n").await else { return };
    let two = check("two\n").await.unwrap();
    assert_eq!((one.output_tail.as_str(), two.output_tail.as_str()), ("one\n", "two\n"));
    assert!(!was_kept(&two));
    assert!(was_kept(&check("one\n").await.unwrap()));
}

/// With plain requirements, the code of the tree is not read, and does not matter.
#[tokio::test]
async fn trees_with_the_same_requirements_share() {
    let cache = tempfile::tempdir().unwrap();
    let check = async |requirements: &str, test: &str| {
        let test =
            format!("import unittest\n\n\nclass Test(unittest.TestCase):\n    def test(self):\n        {test}\n");
        // Modules of these names would be taken for pip's, if the tree were on its path.
        let planted = "raise SystemExit('code of the tree was run')\n";
        let files = [
            ("requirements.txt", requirements),
            ("test_a.py", test.as_str()),
            ("pip.py", planted),
            ("json.py", planted),
        ];
        let repository = TestRepository::new(&files);
        let validator = sandbox(&repository, Recipes::Detect, SandboxLimits::default()).await?;
        Some(baseline(&validator.with_environments(Environments::new(cache.path())), &repository).await)
    };
    let none = "# nothing\n";
    let Some(red) = check(none, "self.fail()").await else { return };
    assert_eq!((red.commands.len(), red.commands[1].exit_code), (3, Some(0)), "{red:?}");
    assert!(!was_kept(&red));
    assert!(was_kept(&check(none, "pass").await.unwrap()));
    assert!(!was_kept(&check("# nothing more\n", "pass").await.unwrap()));
}

/// Others share what does not fit beside a large tree.
#[tokio::test]
async fn a_tree_that_leaves_no_room_takes_nothing_from_others() {
    let cache = tempfile::tempdir().unwrap();
    let mut limits = SandboxLimits::default();
    limits.disk_bytes = 40 << 20;
    let check = async |data: &str| {
        let files = [("requirements.txt", "# nothing\n"), ("data.txt", data)];
        let repository = TestRepository::new(&files);
        let recipes = Recipes::Check(vec!["false".to_owned()]);
        let validator = sandbox(&repository, recipes, limits).await?.with_environments(Environments::new(cache.path()));
        Some(baseline(&validator, &repository).await)
    };
    let Some(small) = check("small").await else { return };
    assert_eq!(small.status, CheckStatus::Failed, "{small:?}");
    let large = check(&"a".repeat(39 << 20)).await.unwrap();
    assert_eq!(large.status, CheckStatus::PrepareFailed, "{large:?}");
    assert!(large.output_tail.contains("no room"), "{large:?}");
    assert!(was_kept(&check("small again").await.unwrap()));
}
