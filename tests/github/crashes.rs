//! A process killed when its request is done and not answered, at each request: one pull request in the end.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use fix_tests::processes::crash_rounds;
use serde_json::json;

use crate::faults::STEPS;
use crate::forge::{TOKEN, World};

const SEEN: [&str; 2] = ["POST git/refs", "POST pulls"];

fn child(world: &World) -> ExitStatus {
    Command::new(env!("CARGO_BIN_EXE_crash-child"))
        .args([world.repository.home().as_os_str(), "never".as_ref()])
        .envs([("FIX_TEST_GITHUB", world.url().as_str()), ("FIX_TEST_TOKEN", TOKEN)])
        .status()
        .unwrap()
}

#[test]
fn killed_before_each_answer() {
    // The branch and the pull request, which others see; and every other request at least once.
    let rounds =
        (0..crash_rounds()).flat_map(|round| STEPS.iter().filter(move |step| round == 0 || SEEN.contains(step)));
    for step in rounds.copied() {
        let world = World::new();
        world.fault(step, json!({"kind": "kill", "pid_file": world.repository.home().join("pid")}));
        assert_eq!(child(&world).signal(), Some(9), "{step}: the child dies");
        let pulls = world.pulls().len();
        assert_eq!(pulls, usize::from(["POST pulls", "POST issue/labels"].contains(&step)), "{step}: done");
        assert!(child(&world).success(), "{step}: the next one ends the run");
        assert!(child(&world).success(), "{step}: a third finds it ended");
        let pulls = world.pulls();
        assert_eq!(pulls.len(), 1, "{step}: one pull request, {pulls:#?}");
        assert_eq!(pulls[0]["state"], "open");
        assert_eq!(world.repository.other_branches().len(), 1, "{step}: one branch");
    }
}
