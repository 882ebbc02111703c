//! The pull request sink `github`, against a fake GitHub in another process.

mod forge;

use fix_pipeline::{PrSink as _, PrStatus};
use forge::World;

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
    assert_eq!(world.sink().open(&run, &change).await.unwrap(), opened);
    world.assert_one(&change);

    let steps: Vec<String> = world.journal().iter().map(|call| format!("{call}")).collect();
    eprintln!("{steps:#?}");
}
