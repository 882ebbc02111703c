//! The pull request sink `github`, against a fake GitHub in another process.

mod app;
mod cloning;
mod conformance;
mod crashes;
mod faults;
mod forge;
mod limits;
mod pushing;

use fix_adapters::config::Config;
use fix_adapters::pr_sink::github::Commits;
use fix_pipeline::testing::Case;
use fix_pipeline::{AdapterError, AdapterErrorKind, PrSink as _, PrStatus, Report, RunContext, Subject, Validator};
use fix_plan::{Failure, Log};
use forge::{TOKEN, World, told};
use serde_json::json;

#[tokio::test]
async fn a_change_becomes_a_pull_request() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let opened = world.sink().open(&run, &change).await.unwrap();
    let pull = world.assert_one(&change);
    assert_eq!(opened.status, PrStatus::Open);
    assert_eq!(opened.branch, change.draft().branch);
    assert_eq!(opened.labels, change.draft().labels);
    assert_eq!(opened.url.as_deref(), pull["html_url"].as_str());
    assert_eq!(opened.commit.as_deref(), pull["head"]["sha"].as_str());
    assert_eq!(world.git(&["diff", "--name-only", "main", &opened.branch]), "src/app.py");

    // The second time, it looks, and that is all.
    let before = world.journal().len();
    assert_eq!(world.sink().open(&run, &change).await.unwrap(), opened);
    assert!(world.journal()[before..].iter().all(|call| call["method"] == "GET"));
}

/// As a configuration chooses it.
#[tokio::test]
async fn a_configured_sink_opens_it_and_is_examined() {
    let world = World::new();
    let secret = world.repository.home().join("token");
    std::fs::write(&secret, format!("{TOKEN}\n")).unwrap();
    let file = world.repository.home().join("fix.toml");
    let configured = |url: String| {
        let text = "[pull_requests]\nkind = 'github'\n[github]\nrepository = 'octo/app'\ndraft = true\n";
        let text = format!("{text}api_url = '{url}'\ntoken_file = '{}'\n", secret.display());
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), [], Vec::new()).unwrap()
    };
    let config = configured(world.url());
    let look = async |config: &Config| config.examine().await.into_iter().find(|found| found.part == "pull requests");
    assert!(look(&config).await.unwrap().ok);
    let (run, change) = world.change("event-1").await;
    let opened = config.github(&world.repository.mirror()).unwrap().open(&run, &change).await.unwrap();
    assert_eq!(opened.status, PrStatus::Draft);
    world.assert_one(&change);

    std::fs::write(&secret, "ghp_wrong").unwrap();
    let found = look(&config).await.unwrap();
    assert!(!found.ok && found.message.contains("401") && !found.message.contains("ghp_wrong"), "{found:?}");
}

/// So a retry, on another machine or years later, gives the same commit.
#[tokio::test]
async fn the_commit_is_a_function_of_the_run() {
    let mut commits = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        let (run, change) = world.change("event-1").await;
        commits.push(world.sink().open(&run, &change).await.unwrap().commit.unwrap());
        let commit = world.git(&["cat-file", "commit", &commits[0]]);
        assert!(commit.contains("author Fix <fix@localhost> 1772442000 +0000\ncommitter Fix"), "{commit}");
        assert!(commit.contains("\nFix-Run: "), "{commit}");
    }
    assert_eq!(commits[0], commits[1]);

    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink();
    sink.options.commits = Commits::By { name: "Ada".to_owned(), email: "ada@example.org".to_owned() };
    assert_ne!(sink.open(&run, &change).await.unwrap().commit.unwrap(), commits[0]);
}

/// The credentials are in one header of each request, and nowhere else; and each request goes where it may.
#[tokio::test]
async fn the_token_is_in_its_header_alone() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let sink = world.sink();
    sink.open(&run, &change).await.unwrap();
    for mut call in world.journal() {
        assert_eq!(call["token"].take(), TOKEN);
        assert!(!call.to_string().contains(TOKEN), "{call}");
        assert!(call["path"].as_str().unwrap().starts_with("/repos/octo/app/"), "{call}");
        assert!(call["agent"].as_str().unwrap().starts_with("fix/"), "{call}");
    }
    assert!(!format!("{sink:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_draft_is_one_when_it_is_wanted() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink();
    sink.options.draft = true;
    assert_eq!(sink.open(&run, &change).await.unwrap().status, PrStatus::Draft);
    assert_eq!(world.assert_one(&change)["draft"], true);
}

#[tokio::test]
async fn what_people_made_of_a_pull_request_stays() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let branch = &change.draft().branch;
    world.sink().open(&run, &change).await.unwrap();
    let label = json!({"id": 1, "node_id": "x", "url": "https://a.example", "name": "theirs", "color": "ffffff",
        "default": false, "description": ""});
    world.decide(branch, json!({"title": "Theirs", "labels": [label]}));
    let again = world.sink().open(&run, &change).await.unwrap();
    assert_eq!(again.labels, ["theirs"]);
    assert_eq!(world.pulls()[0]["title"], "Theirs");

    // Somebody goes on where the run ended: what is there was never validated.
    let checkout = world.repository.home().join("checkout");
    fix_tests::repository::git(&checkout, &["pull", "--quiet", "--no-rebase", "../origin.git", branch]);
    world.commit_on(branch);
    let error = world.sink().open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused);
    assert!(told(&error).contains("holds another commit than ours"), "{error}");
}

/// What has our branch's name is not ours yet: tree, parent and run must be.
#[tokio::test]
async fn a_branch_is_ours_by_its_commit() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let draft = change.draft();
    world.sink().open(&run, &change).await.unwrap();
    let other_run = draft.commit_message.replace("Fix-Run: ", "Fix-Run: 0");
    let elsewhere = world.git(&["commit-tree", "-p", "main", "-m", "Theirs", "main^{tree}"]);
    for (tree, parent, message, ours) in [
        (change.tree(), draft.base_commit.as_str(), draft.commit_message.as_str(), true),
        (change.tree(), draft.base_commit.as_str(), other_run.as_str(), false),
        (change.tree(), elsewhere.as_str(), draft.commit_message.as_str(), false),
        ("main^{tree}", draft.base_commit.as_str(), draft.commit_message.as_str(), false),
    ] {
        let commit = world.git(&["commit-tree", "-p", parent, "-m", message, tree]);
        world.git(&["update-ref", &format!("refs/heads/{}", draft.branch), &commit]);
        let answer = world.sink().open(&run, &change).await;
        assert_eq!(answer.is_ok(), ours, "{tree} {parent} {message}: {answer:?}");
        assert_eq!(world.git(&["rev-parse", &draft.branch]), commit, "it is left alone");
    }
}

#[tokio::test]
async fn a_base_that_moves_while_it_is_opened_is_stale() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let other = world.git(&["commit-tree", "-p", "main", "-m", "Theirs", "main^{tree}"]);
    world.fault("GET git/ref", json!({"kind": "before", "run": ["update-ref", "refs/heads/main", other]}));
    let error = world.sink().open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::StaleBase);
    assert!(world.pulls().is_empty() && world.repository.other_branches().is_empty());
}

/// Says that it checked another tree than the patch makes.
struct Liar(World);

impl Validator for &Liar {
    async fn validate(&self, run: &RunContext, subject: Subject<'_>) -> Result<Report, AdapterError> {
        let honest = fix_tests::adapters::Scripted::mended(self.0.repository.mirror());
        let mut report = honest.validate(run, subject).await?;
        if matches!(subject, Subject::Patched(_)) {
            report.tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned();
        }
        Ok(report)
    }
}

#[tokio::test]
async fn another_tree_than_the_validated_one_is_never_published() {
    let liar = Liar(World::new());
    let case = Case {
        failure: liar.0.repository.failure("event-1", "log"),
        tree: [("src/app.py".parse().unwrap(), forge::SOURCE.into())].into_iter().collect(),
        plan: forge::PLAN.to_owned(),
    };
    let (run, change) = case.validated(&liar).await.unwrap();
    let error = liar.0.sink().open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused);
    assert!(told(&error).contains("and 4b825dc642cb6eb9a060e54bf8d69288fbee4904 was validated"), "{error}");
    assert!(liar.0.pulls().is_empty() && liar.0.repository.other_branches().is_empty());
}

/// Names that git takes and URLs give a meaning to.
#[tokio::test]
async fn a_branch_is_whatever_git_calls_one() {
    for branch in ["release/1.x", "a#b", "a%2e%2e", "a&state=open", "é+ü"] {
        let world = World::new();
        world.git(&["update-ref", &format!("refs/heads/{branch}"), "main"]);
        let plain = world.repository.failure("event-1", "log");
        let failure = Failure::new(
            plain.event_id.clone(),
            plain.repository.clone(),
            plain.commit.clone(),
            branch.parse().unwrap(),
            plain.failed_at_s,
            Log::from("log"),
        );
        let case = Case {
            failure,
            tree: [("src/app.py".parse().unwrap(), forge::SOURCE.into())].into_iter().collect(),
            plan: forge::PLAN.to_owned(),
        };
        let validator = fix_tests::adapters::Scripted::mended(world.repository.mirror());
        let (run, change) = case.validated(validator).await.unwrap();
        let opened = world.sink().open(&run, &change).await;
        assert!(opened.is_ok(), "{branch}: {opened:?}");
        assert_eq!(world.pulls()[0]["base"]["ref"], branch);
    }
}

#[tokio::test]
async fn a_failure_in_another_repository_is_not_attempted() {
    let world = World::new();
    let (mut run, change) = world.change("event-1").await;
    run.failure.repository = "https://gitlab.example/octo/app".to_owned();
    let error = world.sink().open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unsupported);
    assert!(told(&error).contains("unsupported clone URL"), "{error}");
    assert!(world.journal().is_empty());
}

/// Two processes, as far as each can tell.
#[tokio::test]
async fn two_workers_open_one() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let (one, other) = (world.sink(), world.sink());
    let (one, other) = tokio::join!(one.open(&run, &change), other.open(&run, &change));
    for answer in [one, other] {
        assert!(answer.as_ref().err().is_none_or(AdapterError::is_transient), "{answer:?}");
    }
    world.sink().open(&run, &change).await.unwrap();
    world.assert_one(&change);
}
