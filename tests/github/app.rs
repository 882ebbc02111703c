//! Signing in as a GitHub App.

use std::process::Command;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fix_adapters::pr_sink::github::{Commits, Credentials};
use fix_pipeline::{AdapterErrorKind, PrSink as _};
use ring::signature::{KeyPair as _, RsaKeyPair};
use serde_json::json;

use crate::forge::{World, told};

/// An App with the number 7, and its key.
pub struct App {
    pem: String,
    public: String,
}

impl App {
    /// Made once; `None`, visibly, where there is no openssl.
    pub fn get() -> Option<&'static Self> {
        static APP: OnceLock<Option<App>> = OnceLock::new();
        let app = APP.get_or_init(|| {
            let (pem, der) =
                (openssl(&["genrsa", "-traditional", "2048"], b"")?, &["rsa", "-traditional", "-outform", "DER"]);
            let der = openssl(der, &pem)?;
            let public = RsaKeyPair::from_der(&der).expect("an RSA key");
            let public = URL_SAFE_NO_PAD.encode(public.public_key().as_ref());
            Some(Self { pem: String::from_utf8(pem).expect("PEM"), public })
        });
        if app.is_none() {
            eprintln!("skipped: openssl, which makes the key of an App, is not there");
        }
        app.as_ref()
    }

    pub fn world(&self) -> World {
        World::with(&json!({"app_key": self.public}))
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::app(7, 42, &self.pem.clone().into()).unwrap()
    }
}

fn openssl(args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = Command::new("openssl");
    let mut child =
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    child.stdin.take()?.write_all(input).ok()?;
    let output = child.wait_with_output().ok()?;
    output.status.success().then_some(output.stdout)
}

#[tokio::test]
async fn a_token_is_made_for_one_repository_and_what_is_done_there() {
    let Some(app) = App::get() else { return };
    let world = app.world();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink_of(app.credentials());
    sink.options.commits = Commits::SignedByGitHub;
    sink.open(&run, &change).await.unwrap();
    world.assert_one(&change);

    let journal = world.journal();
    let first = journal.first().unwrap();
    assert_eq!(first["path"], "/app/installations/42/access_tokens");
    let permissions = json!({"contents": "write", "issues": "write", "pull_requests": "write"});
    assert_eq!(first["body"], json!({"repositories": ["app"], "permissions": permissions}));
    let jwt = &first["token"];
    for call in &journal[1..] {
        assert_ne!(call["path"], first["path"], "one token is enough");
        assert_ne!(&call["token"], jwt, "the App's own signature is for its token alone");
    }
    let commit = world.git(&["cat-file", "commit", &change.draft().branch]);
    assert!(commit.contains("gpgsig") && commit.contains("fix-app[bot]"), "{commit}");
}

#[tokio::test]
async fn the_key_of_another_app_is_refused() {
    let Some(app) = App::get() else { return };
    let world = app.world();
    let (run, change) = world.change("event-1").await;
    let pem = openssl(&["genrsa", "2048"], b"").unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let sink = world.sink_of(Credentials::app(7, 42, &pem.clone().into()).unwrap());
    let error = sink.open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused);
    let told = told(&error);
    assert!(told.starts_with("sign in to GitHub: octo/app: 401, the credentials are wrong"), "{told}");
    let shown = format!("{sink:?} {:?}", Credentials::app(7, 42, &pem.clone().into()));
    for line in pem.lines().filter(|line| !line.starts_with("--")) {
        assert!(!shown.contains(line) && !told.contains(line));
    }
    assert!(world.pulls().is_empty());
}

#[tokio::test]
async fn unsigned_commits_are_not_published_where_signed_ones_are_wanted() {
    let world = World::new();
    let (run, change) = world.change("event-1").await;
    let mut sink = world.sink();
    sink.options.commits = Commits::SignedByGitHub;
    let error = sink.open(&run, &change).await.unwrap_err();
    assert_eq!(error.kind(), AdapterErrorKind::Refused);
    assert!(told(&error).contains("has not signed the commit"), "{error}");
    assert!(world.pulls().is_empty() && world.repository.other_branches().is_empty());
}
