//! The fake GitHub, in a process of its own, and a world in it for each test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use fix_adapters::pr_sink::GitHub;
use fix_adapters::pr_sink::github::Credentials;
use fix_pipeline::testing::Case;
use fix_pipeline::{AdapterError, RunContext, Validated};
use fix_tests::adapters::Scripted;
use fix_tests::repository::{TestRepository, git};
use serde_json::{Value, json};

pub const TOKEN: &str = "ghp_Xk29fPqLr83vTz";
pub const REPOSITORY: &str = "octo/app";
pub const SOURCE: &str = "import os\nimport sys\n\nprint(sys.path)\n";
pub const PLAN: &str = r#"{"root_cause": "unused", "category": "lint_format", "confidence": 0.9, "files": ["src/app.py"], "operations":
    [{"type": "remove_unused", "file": "src/app.py", "details": {"import": "os"}, "rationale": "unused", "evidence": []}]}"#;

/// A repository on the fake GitHub.
pub struct World {
    pub repository: TestRepository,
    id: u64,
}

impl World {
    /// A world where `TOKEN` is good.
    pub fn new() -> Self {
        Self::with(&json!({"token": TOKEN}))
    }

    /// A world with these ways to sign in.
    pub fn with(sign_in: &Value) -> Self {
        let repository = TestRepository::new(&[("src/app.py", SOURCE), ("README.md", "# App\n")]);
        let mut wish = json!({"name": REPOSITORY, "directory": repository.origin()});
        wish.as_object_mut().unwrap().extend(sign_in.as_object().unwrap().clone());
        let made = request("/_fake/worlds", &wish);
        Self { repository, id: made["id"].as_u64().unwrap() }
    }

    /// The base of its API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/w/{}", port(), self.id)
    }

    /// A sink for it, by the token and with short pauses.
    pub fn sink(&self) -> GitHub {
        self.sink_of(Credentials::token(TOKEN.into()).unwrap())
    }

    pub fn sink_of(&self, credentials: Credentials) -> GitHub {
        let mut sink = GitHub::at(self.url().parse().unwrap(), REPOSITORY.parse().unwrap(), credentials).unwrap();
        sink.options.patience.backoff = Duration::from_millis(1);
        sink
    }

    /// A change that mends the repository, of a run of its own.
    pub async fn change(&self, event: &str) -> (RunContext, Validated) {
        let case = Case {
            failure: self.repository.failure(event, "src/app.py:1:8: F401 `os` imported but unused"),
            tree: [("src/app.py", SOURCE), ("README.md", "# App\n")]
                .into_iter()
                .map(|(path, text)| (path.parse().unwrap(), text.into()))
                .collect(),
            plan: PLAN.to_owned(),
        };
        case.validated(Scripted::mended(self.repository.mirror())).await.unwrap()
    }

    pub fn command(&self, command: &str, wish: &Value) -> Value {
        request(&format!("/w/{}/_fake/{command}", self.id), wish)
    }

    /// The next request of `step` goes wrong so.
    pub fn fault(&self, step: &str, fault: Value) {
        self.command("fault", &json!({"step": step, "fault": fault}));
    }

    /// A person does this to the pull request of `branch`.
    pub fn decide(&self, branch: &str, set: Value) {
        self.command("decide", &json!({"branch": branch, "set": set}));
    }

    pub fn pulls(&self) -> Vec<Value> {
        self.command("look", &Value::Null)["pulls"].as_array().unwrap().clone()
    }

    /// Each request since the world began, as `METHOD /path`.
    pub fn journal(&self) -> Vec<Value> {
        self.command("look", &Value::Null)["journal"].as_array().unwrap().clone()
    }

    /// The steps at which something is still to go wrong.
    pub fn faults(&self) -> Vec<Value> {
        self.command("look", &Value::Null)["faults"].as_array().unwrap().clone()
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.repository.git(args)
    }

    /// Somebody pushes a commit of theirs.
    pub fn commit_on(&self, branch: &str) {
        let checkout = self.repository.home().join("checkout");
        git(&checkout, &["commit", "--quiet", "--allow-empty", "--message", "Theirs"]);
        let refspec = format!("HEAD:refs/heads/{branch}");
        git(&checkout, &["push", "--quiet", &self.repository.origin().to_string_lossy(), &refspec]);
    }

    /// The one pull request: open, of the validated tree on the validated commit, labelled; and the
    /// base stands where it stood.
    pub fn assert_one(&self, change: &Validated) -> Value {
        let pulls = self.pulls();
        let [pull] = pulls.as_slice() else { panic!("{} pull requests: {pulls:#?}", pulls.len()) };
        let draft = change.draft();
        assert_eq!(pull["state"], "open");
        assert_eq!(pull["head"]["ref"], draft.branch.as_str());
        assert_eq!((&pull["title"], &pull["body"]), (&json!(draft.title), &json!(draft.body)));
        let labels: Vec<&str> = pull["labels"].as_array().unwrap().iter().filter_map(|l| l["name"].as_str()).collect();
        assert_eq!(labels, draft.labels);
        assert_eq!(self.git(&["rev-parse", &format!("{}^{{tree}}", draft.branch)]), change.tree());
        assert_eq!(self.git(&["rev-parse", &format!("{}^", draft.branch)]), draft.base_commit);
        assert_eq!(self.git(&["rev-parse", "main"]), draft.base_commit);
        pull.clone()
    }
}

/// What does not fit GitHub's description of its API fails the test that asked for it.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = self.command("look", &Value::Null)["violations"].take();
            assert_eq!(violations, json!([]), "{violations:#}");
        }
    }
}

/// An error and what caused it; never with the token, never with a control character.
pub fn told(error: &AdapterError) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    assert!(!told.contains(TOKEN) && !format!("{error:?}").contains(TOKEN), "{told}");
    assert!(!told.contains(char::is_control), "{told:?}");
    told
}

/// Where the process listens. It ends with this one, whose end closes its standard input.
fn port() -> u16 {
    static FORGE: OnceLock<(u16, std::sync::Mutex<Child>)> = OnceLock::new();
    let (port, _) = FORGE.get_or_init(|| {
        if std::env::var_os("FIX_CORPUS_DIR").is_none() {
            eprintln!("skipped: FIX_CORPUS_DIR is not set, so nothing is checked against GitHub's description");
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_fake-github"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fake GitHub");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (line.trim().parse().expect("a port"), std::sync::Mutex::new(child))
    });
    *port
}

fn request(path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port())).unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer:?}"));
    assert!(head.starts_with("HTTP/1.1 20"), "{path}: {answer}");
    serde_json::from_str(body).unwrap()
}
