//! One repository, and what GitHub knows about it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::objects;

/// A request.
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: String,
    pub token: Option<String>,
    pub agent: Option<String>,
    pub body: Value,
}

impl Call {
    /// The route without what differs from call to call: `git/ref`, `pulls`.
    pub fn route(&self) -> &'static str {
        let parts: Vec<&str> = self.path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["app", "installations", _, "access_tokens"] => "access_tokens",
            ["repos", _, _, "pulls"] => "pulls",
            ["repos", _, _, "git", "ref", "heads", ..] => "git/ref",
            ["repos", _, _, "git", "commits", _] => "git/commit",
            ["repos", _, _, "git", "commits"] => "git/commits",
            ["repos", _, _, "git", "blobs"] => "git/blobs",
            ["repos", _, _, "git", "trees"] => "git/trees",
            ["repos", _, _, "git", "refs"] => "git/refs",
            ["repos", _, _, "labels", _] => "label",
            ["repos", _, _, "labels"] => "labels",
            ["repos", _, _, "issues", _, "labels"] => "issue/labels",
            _ => "unknown",
        }
    }

    /// The part of the path behind `/repos/OWNER/NAME/`.
    fn rest(&self) -> String {
        decoded(self.path.splitn(5, '/').nth(4).unwrap_or_default())
    }

    fn asked(&self, key: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| Some(decoded(pair.strip_prefix(key)?.strip_prefix('=')?)))
    }
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        let headers =
            [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4987"), ("x-ratelimit-reset", "4102444800")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { status, headers, body }
    }

    pub fn error(status: u16, message: &str) -> Self {
        let mut answer =
            Self::new(status, json!({"message": message, "documentation_url": "https://docs.github.example"}));
        if status == 403 || status == 429 || status >= 500 {
            answer.headers.clear();
        }
        answer
    }

    fn invalid(resource: &str, field: &str, code: &str, message: &str) -> Self {
        let mut answer = Self::error(422, "Validation Failed");
        answer.body["errors"] = json!([{"resource": resource, "field": field, "code": code, "message": message}]);
        answer
    }
}

pub struct World {
    /// `owner/name`.
    name: String,
    directory: PathBuf,
    /// What is taken as a sign-in, besides what was made for the App.
    tokens: Vec<String>,
    /// The public key of the App, in base64.
    app_key: Option<String>,
    pulls: Vec<Value>,
    labels: BTreeMap<String, Value>,
    faults: Vec<(String, Fault)>,
    journal: Vec<Value>,
    violations: Vec<String>,
}

impl World {
    pub fn new(wish: &Value) -> Self {
        let text = |key: &str| wish[key].as_str().map(ToOwned::to_owned);
        Self {
            name: text("name").expect("a name"),
            directory: text("directory").expect("a directory").into(),
            tokens: text("token").into_iter().collect(),
            app_key: text("app_key"),
            pulls: Vec::new(),
            labels: BTreeMap::new(),
            faults: Vec::new(),
            journal: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// The repository that `path` is in, who may fetch from it, and the path in it; where it is one for git.
    pub fn repository(&self, path: &str) -> Option<(PathBuf, Vec<String>, String)> {
        let rest = path.strip_prefix(&self.name)?;
        let rest = rest.strip_prefix(".git").unwrap_or(rest);
        Some((self.directory.clone(), self.tokens.clone(), rest.to_owned()))
    }

    /// Notes a request of git, and gives what goes wrong with it. Its steps are `GET git-receive-pack`, which asks what
    /// is there, and `POST git-receive-pack`; and the same of `git-upload-pack`.
    pub fn begin_git(&mut self, request: &axum::http::request::Parts, path: &str) -> Option<Fault> {
        let (method, query) = (request.method.as_str(), request.uri.query().unwrap_or_default());
        self.journal.push(json!({"method": method, "git": path, "query": query}));
        let service = query.strip_prefix("service=").unwrap_or(path.trim_start_matches('/'));
        self.take_fault(&format!("{method} {service}"))
    }

    /// What a test does behind the sink's back.
    pub fn command(&mut self, command: &str, wish: &Value) -> Value {
        match command {
            "look" => {
                return json!({"pulls": self.pulls, "labels": self.labels.keys().collect::<Vec<_>>(),
                    "journal": self.journal, "violations": self.violations,
                    "faults": self.faults.iter().map(|(step, _)| step).collect::<Vec<_>>()});
            }
            "fault" => {
                let fault = serde_json::from_value(wish["fault"].clone()).expect("a fault");
                self.faults.push((wish["step"].as_str().expect("a step").to_owned(), fault));
            }
            "decide" => {
                let branch = &wish["branch"];
                let pull = self.pulls.iter_mut().find(|pull| pull["head"]["ref"] == *branch).expect("a pull request");
                for (key, value) in wish["set"].as_object().expect("fields") {
                    pull[key] = value.clone();
                }
            }
            "seed" => {
                let mut pull = self.pull(wish);
                pull["created_at"] = wish["created_at"].clone();
                self.pulls.push(pull);
            }
            _ => panic!("unknown command {command}"),
        }
        Value::Null
    }

    pub fn log(&mut self, call: &Call) {
        self.journal.push(json!({"method": call.method, "path": call.path, "query": call.query, "body": call.body,
            "token": call.token, "agent": call.agent}));
    }

    pub fn violate(&mut self, problem: String) {
        self.violations.push(problem);
    }

    pub fn take_fault(&mut self, step: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(at, _)| at == step || at == "any")?;
        Some(self.faults.remove(at).1)
    }

    pub fn git(&self, args: &[&str]) -> String {
        objects::git(&self.directory, args, b"", &[]).unwrap_or_else(|problem| panic!("git {args:?}: {problem}"))
    }

    pub fn handle(&mut self, call: &Call) -> Answer {
        let route = call.route();
        if route == "access_tokens" {
            return self.make_token(call);
        }
        if !call.token.as_ref().is_some_and(|token| self.tokens.contains(token)) {
            return Answer::error(401, "Bad credentials");
        }
        if !call.path.starts_with(&format!("/repos/{}/", self.name)) {
            return Answer::error(404, "Not Found");
        }
        let rest = call.rest();
        let last = rest.rsplit('/').next().unwrap_or_default();
        let text = |key: &str| call.body[key].as_str().unwrap_or_default();
        let made = |sha: Result<String, String>| match sha {
            Ok(sha) => Answer::new(201, json!({"sha": sha})),
            Err(problem) => Answer::error(422, &problem),
        };
        match (call.method.as_str(), route) {
            ("GET", "pulls") => self.list(call),
            ("POST", "pulls") => self.open(call),
            ("GET", "git/ref") => match self.head(rest.trim_start_matches("git/ref/heads/")) {
                Some(sha) => Answer::new(200, reference(rest.trim_start_matches("git/ref/"), &sha)),
                None => Answer::error(404, "Not Found"),
            },
            ("POST", "git/refs") => self.make_reference(text("ref"), text("sha")),
            ("GET", "git/commit") => match objects::show(&self.directory, last) {
                Ok(commit) => Answer::new(200, commit),
                Err(_) => Answer::error(404, "Not Found"),
            },
            ("POST", "git/commits") => {
                let bot = if self.app_key.is_some() { "fix-app[bot]" } else { "somebody" };
                let commit = objects::commit(&self.directory, &call.body, bot, self.app_key.is_some());
                match commit.and_then(|sha| objects::show(&self.directory, &sha)) {
                    Ok(commit) => Answer::new(201, commit),
                    Err(problem) => Answer::error(422, &problem),
                }
            }
            ("POST", "git/blobs") => {
                assert_eq!(text("encoding"), "utf-8");
                let sha = objects::id(&self.directory, &["hash-object", "-w", "--stdin"], text("content").as_bytes());
                made(sha)
            }
            ("POST", "git/trees") => {
                made(objects::tree(&self.directory, call.body["base_tree"].as_str(), &call.body["tree"]))
            }
            ("GET", "label") => match self.labels.get(&last.to_lowercase()) {
                Some(label) => Answer::new(200, label.clone()),
                None => Answer::error(404, "Not Found"),
            },
            ("POST", "labels") => {
                let label = json!({"name": text("name"), "color": text("color"), "description": text("description")});
                match self.labels.insert(text("name").to_lowercase(), label.clone()) {
                    None => Answer::new(201, label),
                    Some(_) => Answer::invalid("Label", "name", "already_exists", ""),
                }
            }
            ("POST", "issue/labels") => self.label(rest.split('/').nth(1).unwrap_or_default(), &call.body["labels"]),
            (method, _) => {
                self.violate(format!("{method} {} is nothing that the sink does", call.path));
                Answer::error(404, "Not Found")
            }
        }
    }

    fn head(&self, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}");
        objects::id(&self.directory, &["rev-parse", "--verify", "--quiet", &reference], b"").ok()
    }

    fn make_reference(&mut self, name: &str, sha: &str) -> Answer {
        if self.head(name.trim_start_matches("refs/heads/")).is_some() {
            return Answer::error(422, "Reference already exists");
        }
        match objects::id(&self.directory, &["update-ref", name, sha, ""], b"") {
            Ok(_) => Answer::new(201, reference(name.trim_start_matches("refs/"), sha)),
            Err(_) => Answer::error(422, "Object does not exist"),
        }
    }

    fn make_token(&mut self, call: &Call) -> Answer {
        let jwt = call.token.clone().unwrap_or_default();
        let Some((signed, signature)) = jwt.rsplit_once('.') else {
            return Answer::error(401, "A JSON web token could not be decoded");
        };
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let key = decode(self.app_key.as_deref().unwrap_or_default());
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        let claims = signed.split_once('.').map(|(_, claims)| decode(claims)).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let time = |key: &str| claims[key].as_u64().unwrap_or_default();
        let lives = time("exp").saturating_sub(time("iat"));
        if key.verify(signed.as_bytes(), &decode(signature)).is_err() || claims["iss"] != "7" || lives > 600 {
            return Answer::error(401, "A JSON web token could not be decoded");
        }
        let token = format!("ghs_of_the_installation_{}", self.tokens.len());
        self.tokens.push(token.clone());
        let permissions = call.body["permissions"].clone();
        Answer::new(201, json!({"token": token, "expires_at": "2100-01-01T00:00:00Z", "permissions": permissions}))
    }

    fn list(&mut self, call: &Call) -> Answer {
        for pull in self.pulls.iter_mut().filter(|pull| pull["state"] == "open") {
            // A pull request is of a branch, wherever that goes.
            let reference = format!("refs/heads/{}", pull["head"]["ref"].as_str().unwrap_or_default());
            if let Ok(sha) = objects::id(&self.directory, &["rev-parse", "--verify", "--quiet", &reference], b"") {
                pull["head"]["sha"] = json!(sha);
            }
        }
        let mut pulls: Vec<&Value> = self.pulls.iter().collect();
        match call.asked("state").as_deref() {
            Some("all") => {}
            state => pulls.retain(|pull| pull["state"] == state.unwrap_or("open")),
        }
        if let Some(head) = call.asked("head") {
            pulls.retain(|pull| pull["head"]["label"] == head);
        }
        pulls.sort_by_key(|pull| std::cmp::Reverse(pull["created_at"].as_str().unwrap_or_default().to_owned()));
        let number =
            |key: &str, default: usize| call.asked(key).map_or(default, |text| text.parse().expect("a number"));
        let (size, page) = (number("per_page", 30), number("page", 1));
        Answer::new(200, pulls.into_iter().skip(size * (page - 1)).take(size).cloned().collect())
    }

    fn open(&mut self, call: &Call) -> Answer {
        let text = |key: &str| call.body[key].as_str().unwrap_or_default().to_owned();
        let (head, base) = (self.head(&text("head")), self.head(&text("base")));
        let (Some(head), Some(_)) = (head, base) else {
            return Answer::invalid("PullRequest", "head", "invalid", "");
        };
        if self.git(&["rev-list", "--count", &format!("{}..{head}", text("base"))]).trim() == "0" {
            return Answer::invalid("PullRequest", "", "custom", "No commits between the branches");
        }
        let same = |pull: &&Value| pull["state"] == "open" && pull["head"]["ref"] == text("head");
        if self.pulls.iter().any(|pull| same(&pull)) {
            let message = format!("A pull request already exists for {}.", self.label_of(&text("head")));
            return Answer::invalid("PullRequest", "", "custom", &message);
        }
        let pull = self.pull(&call.body);
        self.pulls.push(pull.clone());
        Answer::new(201, pull)
    }

    /// A pull request that is open, and was made now.
    fn pull(&self, wish: &Value) -> Value {
        let branch = wish["head"].as_str().unwrap_or_default();
        let number = self.pulls.len() + 1;
        let now = std::process::Command::new("date").args(["-u", "+%FT%TZ"]).output().expect("a date").stdout;
        let now = String::from_utf8_lossy(&now).trim().to_owned();
        json!({
            "number": number, "state": "open", "draft": wish["draft"].as_bool().unwrap_or(false),
            "title": wish["title"], "body": wish["body"], "labels": [], "merged_at": null, "closed_at": null, "requested_teams": [],
            "html_url": format!("https://github.example/{}/pull/{number}", self.name), "created_at": now,
            "head": {"ref": branch, "label": self.label_of(branch), "sha": self.head(branch).unwrap_or_default(),
                "repo": {"full_name": self.name}},
            "base": {"ref": wish["base"], "repo": {"full_name": self.name}},
        })
    }

    fn label(&mut self, number: &str, names: &Value) -> Answer {
        let mut labels = Vec::new();
        for name in names.as_array().into_iter().flatten() {
            match self.labels.get(&name.as_str().unwrap_or_default().to_lowercase()) {
                Some(label) => labels.push(label.clone()),
                None => return Answer::invalid("Label", "name", "invalid", ""),
            }
        }
        let pull = self.pulls.iter_mut().find(|pull| pull["number"].as_u64() == number.parse().ok());
        let Some(pull) = pull else { return Answer::error(404, "Not Found") };
        let all = pull["labels"].as_array_mut().expect("a list");
        for label in labels {
            if !all.contains(&label) {
                all.push(label);
            }
        }
        Answer::new(200, pull["labels"].clone())
    }

    fn label_of(&self, branch: &str) -> String {
        format!("{}:{branch}", self.name.split('/').next().unwrap_or_default())
    }
}

fn reference(name: &str, sha: &str) -> Value {
    json!({"ref": format!("refs/{name}"), "object": {"type": "commit", "sha": sha}})
}

/// Without the escapes of a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escape.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
