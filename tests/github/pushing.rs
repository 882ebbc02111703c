//! Commits that git makes and pushes, over its smart HTTP.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fix_adapters::config::Config;
use fix_adapters::pr_sink::github::Commits;
use fix_adapters::repository::{GitCredentials, Location, Repository, RepositoryOptions};
use fix_pipeline::{AdapterErrorKind, PrSink as _};
use serde_json::json;

use crate::app::App;
use crate::forge::{REPOSITORY, TOKEN, World, told};

/// Pushed from a clone of the world, by the usual author.
pub fn pushed(world: &World) -> Commits {
    let mut options = RepositoryOptions::default();
    options.credentials = Some(GitCredentials::new("x-access-token", TOKEN.into()).unwrap());
    options.fetch_time = Duration::from_secs(2);
    let mirror = Repository::open_with(&world.repository.home().join("clones"), location(world), options).unwrap();
    pushed_from(mirror)
}

fn pushed_from(mirror: Repository) -> Commits {
    Commits::Pushed { name: "Fix".to_owned(), email: "fix@localhost".to_owned(), mirror: Box::new(mirror) }
}

fn location(world: &World) -> Location {
    format!("{}/{REPOSITORY}.git", world.url()).parse().unwrap()
}

/// Whatever it is made by, and from whatever clone.
#[tokio::test]
async fn the_commit_is_the_one_that_requests_make() {
    let mut commits = Vec::new();
    for way in 0..3 {
        let world = World::new();
        let (run, change) = world.change("event-1").await;
        let mut sink = world.sink();
        match way {
            0 => {}
            1 => sink.options.commits = pushed(&world),
            _ => sink.options.commits = pushed_from(world.repository.mirror()),
        }
        commits.push(sink.open(&run, &change).await.unwrap().commit);
        world.assert_one(&change);
        let made = |call: &serde_json::Value| {
            call["method"] == "POST" && call["path"].as_str().is_some_and(|path| path.contains("/git/"))
        };
        assert_eq!(world.journal().iter().any(made), way == 0, "git makes what it pushes");
    }
    assert!(commits[0].is_some() && commits.iter().all(|commit| *commit == commits[0]), "{commits:?}");
}

/// A branch of somebody else's is not moved, whether git could move it or not.
#[tokio::test]
async fn a_branch_that_somebody_else_makes_meanwhile_is_left_alone() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink();
    sink.options.commits = pushed(&world);
    let reference = format!("refs/heads/{}", change.draft().branch);
    // Ours would be its next commit.
    for step in ["GET git-receive-pack", "POST git-receive-pack"] {
        world.fault(step, json!({"kind": "before", "run": ["update-ref", reference, "main"]}));
        let error = sink.open(&run, &change).await.unwrap_err();
        assert_eq!(error.kind(), AdapterErrorKind::Refused);
        assert!(told(&error).contains("is left alone"), "{step}: {}", told(&error));
        assert_eq!(world.git(&["rev-parse", &reference]), world.git(&["rev-parse", "main"]));
        assert!(world.pulls().is_empty());
        world.git(&["update-ref", "-d", &reference]);
    }
}

#[tokio::test]
async fn what_the_server_does_not_take_is_refused_with_its_words() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink();
    sink.options.commits = pushed(&world);
    let hook = world.repository.origin().join("hooks/pre-receive");
    fs::write(&hook, format!("#!/bin/sh\necho 'no such branches here, {TOKEN}' >&2\nexit 1\n")).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let error = sink.open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused);
    assert!(told(&error).contains("no such branches here, [redacted secret]"), "{}", told(&error));
    fs::remove_file(hook).unwrap();
    world.fault("GET git-receive-pack", json!({"kind": "status", "status": 403, "message": "no"}));
    let error = sink.open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused, "{}", told(&error));
    assert!(world.repository.other_branches().is_empty());
    // It was the server's decision, and nothing is left of it.
    sink.open(&run, &change).await.unwrap();
    world.assert_one(&change);
}

#[tokio::test]
async fn an_author_without_a_name_is_refused() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink();
    sink.options.commits =
        Commits::Pushed { name: " ".to_owned(), email: "a@b".to_owned(), mirror: Box::new(world.repository.mirror()) };
    let error = sink.open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused, "{}", told(&error));
    assert!(world.repository.other_branches().is_empty());
}

/// From nothing but a URL, a name and the key of an App: cloned, patched, pushed.
#[tokio::test]
async fn a_configured_app_clones_and_pushes() {
    let Some(app) = App::get() else { return };
    let world = app.world();
    let home = world.repository.home();
    fs::write(home.join("app.pem"), app.pem()).unwrap();
    let text = format!(
        "[pull_requests]\nkind = 'github'\n[github]\nrepository = '{REPOSITORY}'\napi_url = '{}'\ncommits = 'pushed'\n\
         app_id = 7\ninstallation_id = 42\nprivate_key_file = '{home}/app.pem'\n[repositories]\ncache = '{home}/cache'\n",
        world.url(),
        home = home.display(),
    );
    fs::write(home.join("fix.toml"), text).unwrap();
    let config = Config::load(Some(&home.join("fix.toml")), [], Vec::new()).unwrap();
    let repository = config.repository(location(&world)).await.unwrap();
    let branch = repository.head_branch().await.unwrap();
    assert_eq!(branch, "main");
    assert_eq!(repository.resolve(&branch).await.unwrap(), *world.repository.commit());
    let missing = repository.resolve("none").await.unwrap_err();
    assert_eq!(missing.kind(), AdapterErrorKind::Refused, "{}", told(&missing));
    let (run, change) = world.change("event-1").await;
    config.pr_sink(repository).unwrap().open(&run, &change).await.unwrap();
    world.assert_one(&change);

    // Elsewhere, nobody is told who we are.
    let elsewhere: Location = format!("{}/octo/other.git", world.url()).parse().unwrap();
    let other = config.repository(elsewhere).await.unwrap();
    assert!(!format!("{other:?}").contains("x-access-token"), "{other:?}");
    let error = config.pr_sink(other).err().unwrap().to_string();
    assert!(error.contains("is not octo/app on GitHub"), "{error}");
}

/// A password is for the host that is named, and for no other.
#[tokio::test]
async fn a_host_is_told_its_own_password_alone() {
    let world = World::new();
    let home = world.repository.home();
    fs::write(home.join("password"), format!("{TOKEN}\n")).unwrap();
    let host = world.url().split('/').nth(2).unwrap().to_owned();
    let fetch = async |host: &str| {
        let text = format!(
            "[repositories]\ncache = '{home}/cache'\nhost = '{host}'\npassword_file = '{home}/password'\n",
            home = home.display()
        );
        fs::write(home.join("fix.toml"), text).unwrap();
        let config = Config::load(Some(&home.join("fix.toml")), [], Vec::new()).unwrap();
        let repository = config.repository(location(&world)).await.unwrap();
        repository.snapshot(world.repository.commit()).await.map(drop)
    };
    // For no host it is a mistake.
    fs::write(home.join("fix.toml"), format!("[repositories]\npassword_file = '{}/password'\n", home.display()))
        .unwrap();
    let config = Config::load(Some(&home.join("fix.toml")), [], Vec::new()).unwrap();
    let error = config.repository(location(&world)).await.unwrap_err().to_string();
    assert!(error.contains("set repositories.host"), "{error}");
    let error = fetch("git.example.org").await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{}", told(&error));
    fetch(&host).await.unwrap();
}
