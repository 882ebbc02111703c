//! Reports of tests, honest and not.

use fix_adapters::validator::{Environments, Recipes, SandboxLimits};
use fix_pipeline::CheckStatus;
use fix_tests::repository::TestRepository;

use super::{baseline, fixed, sandbox};

/// What is written by the code that is checked counts its tests, and never makes a pass.
#[tokio::test]
async fn a_report_makes_no_pass_and_leads_nowhere() {
    let repository = TestRepository::new(&[("a.txt", "a\n")]);
    let two = "<testsuite><testcase name=\"a\"/><testcase name=\"b\"/></testsuite>";
    let failed = "<testsuite><testcase name=\"a\"/><testcase name=\"b\"><failure/></testcase></testsuite>";
    let write = |report: &str, end: &str| {
        format!("report=${{PYTEST_ADDOPTS#--junitxml=}}; {report}; echo '2 passed in 0.01s'; {end}")
    };
    for (report, end, expected) in [
        (format!("echo '{two}' > $report"), "true", (CheckStatus::Passed, 2)),
        (format!("echo '{two}' > $report"), "exit 1", (CheckStatus::Failed, 2)),
        (format!("echo '{failed}' > $report"), "true", (CheckStatus::Failed, 0)),
        (format!("echo '{failed}' > $report"), "exit 1", (CheckStatus::Failed, 2)),
        (format!("echo '{two}' > $report"), "echo '3 passed in 0.01s'", (CheckStatus::Failed, 0)),
        ("echo 'no report' > $report".to_owned(), "true", (CheckStatus::Failed, 0)),
        // What is not read counts for nothing.
        (format!("echo '{failed}' > other; ln -s $PWD/other $report"), "true", (CheckStatus::Passed, 2)),
        ("ln -s /dev/zero $report".to_owned(), "true", (CheckStatus::Passed, 2)),
        ("mkfifo $report".to_owned(), "true", (CheckStatus::Passed, 2)),
        ("mkdir $report".to_owned(), "true", (CheckStatus::Passed, 2)),
        ("head -c 9M /dev/zero > $report".to_owned(), "true", (CheckStatus::Passed, 2)),
        (format!("echo '{failed}' > $report; chmod 0 $report"), "true", (CheckStatus::Passed, 2)),
    ] {
        let command = write(&report, end);
        let validator = sandbox(&repository, fixed(&[], &[&command]), SandboxLimits::default());
        let Some(validator) = validator.await else { return };
        let checked = baseline(&validator, &repository).await;
        assert_eq!((checked.status, checked.tests_run), expected, "{command}: {checked:?}");
        assert_eq!(checked.commands.last().unwrap().command, command, "as it was asked for");
    }
}

/// pytest itself writes what is read.
#[tokio::test]
async fn pytest_reports_what_it_did() {
    let tests = "import pytest\n\n\n@pytest.mark.parametrize('n', range(4))\ndef test_n(n):\n    assert n != 2\n\n\n\
                 @pytest.mark.xfail\ndef test_expected():\n    assert False\n\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n";
    let environments = tempfile::tempdir().unwrap();
    let green = tests.replace("!= 2", "!= 9");
    for (tests, expected) in [(tests, (CheckStatus::Failed, 5, 1)), (green.as_str(), (CheckStatus::Passed, 5, 0))] {
        let repository = TestRepository::new(&[("test_a.py", tests)]);
        let Some(validator) = sandbox(&repository, Recipes::Detect, SandboxLimits::default()).await else { return };
        let validator = validator.with_environments(Environments::new(environments.path()));
        let report = baseline(&validator, &repository).await;
        if report.status == CheckStatus::PrepareFailed {
            return println!("skipped: pytest can't be installed: {}", report.output_tail);
        }
        assert_eq!((report.status, report.tests_run, report.tests_failed), expected, "{report:?}");
        let failing = if report.tests_failed > 0 { vec!["test_a::test_n[2]"] } else { Vec::new() };
        assert_eq!(report.tests_failing, failing);
        assert!(report.output_tail.contains("generated xml file: /work/.tests-0.xml"), "{}", report.output_tail);
    }
}
