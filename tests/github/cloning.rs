//! Commits fetched by git's smart HTTP, into a cache that several processes share.

use std::fs;
use std::path::Path;
use std::process::Command;

use fix_adapters::repository::{GitCredentials, Location, Repository, RepositoryOptions};
use fix_pipeline::{AdapterError, AdapterErrorKind};
use fix_plan::CommitId;

use crate::forge::{REPOSITORY, SOURCE, TOKEN, World, told};

fn location(world: &World) -> Location {
    format!("{}/{REPOSITORY}.git", world.url()).parse().unwrap()
}

fn open(world: &World, cache: &Path, token: &str) -> Repository {
    let mut options = RepositoryOptions::default();
    options.credentials = Some(GitCredentials::new("x-access-token", token.into()).unwrap());
    Repository::open_with(cache, location(world), options).unwrap()
}

async fn text(repository: &Repository, commit: &CommitId) -> Result<String, AdapterError> {
    Ok(repository.snapshot(commit).await?.text("src/app.py"))
}

/// How often commits were asked for.
fn fetches(world: &World) -> usize {
    world.journal().iter().filter(|call| call["method"] == "POST" && call["git"] == "/git-upload-pack").count()
}

#[tokio::test]
async fn a_commit_is_fetched_alone_and_once() {
    let world = World::new();
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        world.commit_on("main");
    }
    let tip: CommitId = world.git(&["rev-parse", "main"]).parse().unwrap();
    let repository = open(&world, cache.path(), TOKEN);
    assert_eq!(repository.resolve("main").await.unwrap(), tip);
    assert_eq!(text(&repository, &tip).await.unwrap(), SOURCE);
    let before = fetches(&world);
    assert_eq!(text(&open(&world, cache.path(), TOKEN), &tip).await.unwrap(), SOURCE);
    assert_eq!(fetches(&world), before, "it is in the cache");
    let mirror = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
    let mirror = mirror.into_iter().find(|path| path.extension().is_some_and(|name| name == "git")).unwrap();
    let count = |arguments: &[&str]| {
        let output = Command::new("git").arg("--git-dir").arg(&mirror).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    assert_eq!(count(&["rev-list", tip.as_str()]), 1, "without its history");
    // What no branch points to is had by its id as well.
    let gone = world.git(&["commit-tree", "-p", "main", "-m", "Gone", "main^{tree}"]).parse().unwrap();
    assert_eq!(text(&repository, &gone).await.unwrap(), SOURCE);
}

/// Whoever may push any branch has no say in what another one is.
#[tokio::test]
async fn a_branch_is_the_one_of_that_name() {
    let world = World::new();
    let cache = tempfile::tempdir().unwrap();
    let commit = world.repository.commit();
    let other = world.git(&["commit-tree", "-p", "main", "-m", "Other", "main^{tree}"]);
    world.git(&["update-ref", "refs/heads/a/refs/heads/main", &other]);
    let repository = open(&world, cache.path(), TOKEN);
    assert_eq!(repository.resolve("main").await.unwrap(), *commit);
    assert_eq!(repository.resolve("refs/heads/main").await.unwrap(), *commit);
    assert_eq!(repository.head_branch().await.unwrap(), "main");
    world.git(&["update-ref", "refs/heads/a/refs/heads/gone", &other]);
    assert_eq!(repository.resolve("gone").await.unwrap_err().kind(), AdapterErrorKind::Refused);
}

#[tokio::test]
async fn credentials_are_needed_and_told_to_nobody() {
    let world = World::new();
    let cache = tempfile::tempdir().unwrap();
    let commit = world.repository.commit().clone();
    for refused in
        [Repository::open(cache.path(), location(&world)).unwrap(), open(&world, cache.path(), "ghp_wrongQ7x")]
    {
        let error = refused.snapshot(&commit).await.unwrap_err();
        let said = told(&error);
        assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{said}");
        assert!(!said.contains("ghp_wrongQ7x") && !format!("{refused:?}").contains("ghp_wrongQ7x"), "{said}");
    }
    assert_eq!(text(&open(&world, cache.path(), TOKEN), &commit).await.unwrap(), SOURCE);
    // Nothing of them is left in the cache.
    let grep = Command::new("grep").args(["-r", TOKEN]).arg(cache.path()).output().unwrap();
    assert_eq!(grep.status.code(), Some(1), "{}", String::from_utf8_lossy(&grep.stdout));
    assert!(GitCredentials::new("x", "a\nhost=evil.example".into()).is_err());
}

/// The same commit, wanted by many at once: it comes once, and everybody gets it.
#[tokio::test]
async fn one_fetches_at_a_time() {
    let world = World::new();
    let cache = tempfile::tempdir().unwrap();
    let commit = world.repository.commit().clone();
    let workers: Vec<Repository> = (0..8).map(|_| open(&world, cache.path(), TOKEN)).collect();
    let mut fetching = tokio::task::JoinSet::new();
    for worker in workers {
        let commit = commit.clone();
        fetching.spawn(async move { text(&worker, &commit).await.unwrap() });
    }
    assert!(fetching.join_all().await.iter().all(|text| text == SOURCE));
    let first = fetches(&world);
    let alone = World::new();
    let cache = tempfile::tempdir().unwrap();
    text(&open(&alone, cache.path(), TOKEN), alone.repository.commit()).await.unwrap();
    assert_eq!(first, fetches(&alone), "as often as for one");
}

#[tokio::test]
async fn a_repository_that_is_too_large_is_not_fetched() {
    let world = World::new();
    let cache = tempfile::tempdir().unwrap();
    let checkout = world.repository.home().join("checkout");
    // What does not compress.
    let noise: Vec<u8> =
        (0_u64..1 << 17).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17).to_le_bytes()).collect();
    fs::write(checkout.join("noise"), &noise).unwrap();
    fix_tests::repository::git(&checkout, &["add", "noise"]);
    world.commit_on("main");
    let commit = world.git(&["rev-parse", "main"]).parse().unwrap();
    let open = |fetch_bytes| {
        let mut options = RepositoryOptions::default();
        options.credentials = Some(GitCredentials::new("x-access-token", TOKEN.into()).unwrap());
        options.fetch_bytes = fetch_bytes;
        Repository::open_with(cache.path(), location(&world), options).unwrap()
    };
    let error = open(64 << 10).snapshot(&commit).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{}", told(&error));
    assert!(open(64 << 20).snapshot(&commit).await.is_ok());
}

/// A mirror that grew beyond what the cache may hold goes when the next commit of another comes.
#[tokio::test]
async fn the_cache_is_bounded() {
    let cache = tempfile::tempdir().unwrap();
    let fetch = async |world: &World, cache_bytes| {
        let mut options = RepositoryOptions::default();
        options.credentials = Some(GitCredentials::new("x-access-token", TOKEN.into()).unwrap());
        options.cache_bytes = cache_bytes;
        let repository = Repository::open_with(cache.path(), location(world), options).unwrap();
        text(&repository, world.repository.commit()).await.unwrap();
    };
    let (one, other) = (World::new(), World::new());
    let mirrors = || {
        fs::read_dir(cache.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|name| name == "git"))
            .count()
    };
    fetch(&one, u64::MAX).await;
    fetch(&other, u64::MAX).await;
    assert_eq!(mirrors(), 2);
    let third = World::new();
    fetch(&third, 1).await;
    assert_eq!(mirrors(), 1, "the one in use");
    fetch(&one, u64::MAX).await;
    assert_eq!(mirrors(), 2, "what was removed is fetched again");
}

/// A redirect may lead anywhere, and a repository that was renamed is another one.
#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new();
    let cache = tempfile::tempdir().unwrap();
    let elsewhere: Location = format!("{}/moved/app.git", world.url()).parse().unwrap();
    let mut options = RepositoryOptions::default();
    options.credentials = Some(GitCredentials::new("x-access-token", TOKEN.into()).unwrap());
    let moved = Repository::open_with(cache.path(), elsewhere, options).unwrap();
    let error = moved.snapshot(world.repository.commit()).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Unavailable, "{}", told(&error));
    assert!(told(&error).contains("301"), "{}", told(&error));
    assert_eq!(fetches(&world), 0);
}
