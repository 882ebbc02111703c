//! The command line, run as a person runs it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "that is how a test says no")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

fn fix(args: &[&str], input: &str, directory: &Path) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fix"))
        .args(args)
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join("state"))
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .env("XDG_CONFIG_HOME", directory.join("config"))
        .env_remove("FIX_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that stops before it reads its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The one object on standard output.
fn object(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn plan(file: &str, kind: &str, category: &str, details: Value) -> Value {
    json!({"root_cause": "x", "category": category, "confidence": 0.9, "files": [file], "operations":
        [{"type": kind, "file": file, "details": details, "rationale": "r", "evidence": []}]})
}

fn removal() -> Value {
    plan("app.py", "remove_unused", "lint_format", json!({"import": "os"}))
}

fn project() -> TempDir {
    let project = tempfile::tempdir().unwrap();
    fs::write(project.path().join("app.py"), "import os\nimport sys\nprint(sys.path)   \n").unwrap();
    fs::write(project.path().join("requirements.txt"), "flask==2.0\n").unwrap();
    project
}

#[test]
fn schema_prints_the_committed_schema() {
    let project = project();
    let output = fix(&["schema"], "", project.path());
    assert_eq!(code(&output), 0);
    assert_eq!(object(&output)["title"], "FixPlan");
    let dialect = fix(&["schema", "--dialect", "openai-strict"], "", project.path());
    assert_eq!(object(&dialect)["additionalProperties"], false);
    assert_eq!(code(&fix(&["schema", "--dialect", "x"], "", project.path())), 2);
}

#[test]
fn check_tells_valid_from_invalid() {
    let project = project();
    let output = fix(&["check", "-", "--json"], &removal().to_string(), project.path());
    assert_eq!(code(&output), 0);
    let checked = object(&output);
    assert_eq!((&checked["valid"], &checked["violations"]), (&json!(true), &json!([])));
    assert_eq!(checked["plan"]["files"], json!(["app.py"]));
    assert_eq!(checked["digest"].as_str().unwrap().len(), 64);

    let output = fix(&["--json", "check", "-"], "{}", project.path());
    assert_eq!(code(&output), 1);
    let checked = object(&output);
    assert_eq!(checked["valid"], false);
    assert!(
        checked["violations"].as_array().unwrap().contains(
            &json!({"pointer": "/files", "code": "missing_field", "message": "is missing; it must be there"})
        )
    );

    assert_eq!(code(&fix(&["check", "absent.json"], "", project.path())), 2);
    assert_eq!(code(&fix(&["check"], "", project.path())), 2);
}

#[test]
fn patch_prints_a_diff_and_writes_nothing() {
    let project = project();
    let before = fs::read(project.path().join("app.py")).unwrap();
    let args = ["patch", "--repo", ".", "--plan", "-"];
    let output = fix(&args, &removal().to_string(), project.path());
    assert_eq!(code(&output), 0);
    let diff = String::from_utf8(output.stdout).unwrap();
    assert!(diff.contains("\n-import os\n") && diff.contains("\n+print(sys.path)\n"), "{diff}");
    assert!(!diff.contains('\u{1b}'), "no colour where there is no terminal");
    assert_eq!(fs::read(project.path().join("app.py")).unwrap(), before);

    let untidy =
        fix(&["patch", "--repo", ".", "--plan", "-", "--no-tidy", "--json"], &removal().to_string(), project.path());
    let patched = object(&untidy);
    assert_eq!((&patched["outcome"], &patched["stats"]["lines_removed"]), (&json!("patch"), &json!(1)));

    let used = plan("app.py", "remove_unused", "lint_format", json!({"import": "sys"}));
    let output = fix(&["patch", "--repo", ".", "--plan", "-", "--json"], &used.to_string(), project.path());
    assert_eq!((code(&output), object(&output)["code"].clone()), (1, json!("still_used")));

    let same = plan(
        "requirements.txt",
        "pin_dependency",
        "python_missing_dependency",
        json!({"name": "Flask", "spec": "==2.0"}),
    );
    let output = fix(&["patch", "--repo", ".", "--plan", "-", "--json"], &same.to_string(), project.path());
    assert_eq!((code(&output), object(&output)["outcome"].clone()), (0, json!("no_change")));

    assert_eq!(code(&fix(&["patch", "--repo", "nowhere", "--plan", "-"], "{}", project.path())), 2);
    assert_eq!(code(&fix(&["patch", "--repo", ".", "--plan", "-", "--allow", "star"], "{}", project.path())), 2);
}

#[test]
fn patch_never_leaves_the_directory() {
    let project = project();
    let outside = project.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let inside = project.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(outside.join("app.py"), "import os\n").unwrap();
    std::os::unix::fs::symlink("../outside", inside.join("link")).unwrap();
    std::os::unix::fs::symlink("../outside/app.py", inside.join("app.py")).unwrap();
    for file in ["link/app.py", "app.py"] {
        let plan = plan(file, "remove_unused", "lint_format", json!({"import": "os"}));
        let output = fix(&["patch", "--repo", "inside", "--plan", "-", "--json"], &plan.to_string(), project.path());
        assert_eq!((code(&output), object(&output)["code"].clone()), (1, json!("symlink")), "{file}");
    }
}

#[test]
fn batches_answer_line_by_line() {
    let project = project();
    let raw = removal().to_string();
    let input = format!(
        "{}\n{}\n{}\n",
        json!({"id": 1, "plan": removal()}),
        json!({"id": "b", "plan": raw}),
        json!({"id": 3, "plan": "```"})
    );
    let output = fix(&["check", "--batch"], &input, project.path());
    assert_eq!(code(&output), 0);
    let results = lines(&output);
    let valid: Vec<_> = results.iter().map(|result| (result["id"].clone(), result["valid"].clone())).collect();
    assert_eq!(valid, [(json!(1), json!(true)), (json!("b"), json!(true)), (json!(3), json!(false))]);
    // Keys that come twice are seen in a plan that is an object, too.
    let twice = format!("{{\"id\": 4, \"plan\": {}}}\n", raw.replacen("{\"", "{\"files\":[\"x\"],\"", 1));
    assert_eq!(lines(&fix(&["check", "--batch"], &twice, project.path()))[0]["violations"][0]["code"], "duplicate_key");

    let request =
        |id: u32, tidy: bool| json!({"id": id, "repo": project.path(), "plan": removal(), "tidy": tidy}).to_string();
    let input = format!(
        "{}\n{}\n{}\n",
        request(1, true),
        request(2, false),
        json!({"id": 3, "repo": "/nowhere", "plan": removal()})
    );
    let results = lines(&fix(&["patch", "--batch"], &input, project.path()));
    let outcomes: Vec<_> = results.iter().map(|result| (result["id"].clone(), result["outcome"].clone())).collect();
    assert_eq!(outcomes, [(json!(1), json!("patch")), (json!(2), json!("patch")), (json!(3), json!("error"))]);
    assert_ne!(results[0]["diff"], results[1]["diff"]);

    let output = fix(&["check", "--batch"], "nonsense\n", project.path());
    assert_eq!(code(&output), 2);
    assert!(lines(&output)[0]["error"].is_string());
    let unknown = fix(&["check", "--batch"], "{\"id\": 7, \"plam\": 1}\n", project.path());
    assert_eq!(
        (code(&unknown), lines(&unknown)[0]["id"].clone()),
        (2, json!(7)),
        "the id comes back when it can be read"
    );
    assert_eq!(code(&fix(&["check", "app.py", "--batch"], "", project.path())), 2);
}

#[test]
fn policy_judges_plans_and_diffs() {
    let project = project();
    let output = fix(&["policy", "--plan", "-", "--json"], &removal().to_string(), project.path());
    assert_eq!(code(&output), 0);
    let decision = object(&output);
    assert_eq!((&decision["allowed"], &decision["pr_label"]), (&json!(true), &json!("safe")));

    let diff =
        "diff --git a/.github/x.yml b/.github/x.yml\n--- a/.github/x.yml\n+++ b/.github/x.yml\n@@ -1 +1 @@\n-a\n+b\n";
    let output = fix(&["policy", "--diff", "-", "--json"], diff, project.path());
    assert_eq!((code(&output), object(&output)["violations"][0]["code"].clone()), (1, json!("path_forbidden")));

    fs::write(project.path().join("empty.toml"), "").unwrap();
    for policy in ["empty.toml", "absent.toml"] {
        let output =
            fix(&["policy", "--policy", policy, "--plan", "-", "--json"], &removal().to_string(), project.path());
        assert_eq!(
            (code(&output), object(&output)["violations"][0]["code"].clone()),
            (1, json!("policy_invalid")),
            "{policy}"
        );
    }
    assert_eq!(code(&fix(&["policy"], "", project.path())), 2);
}

#[test]
fn policy_is_explained_for_people() {
    let project = project();
    fs::write(project.path().join("policy.yaml"), "version: 1\npaths:\n  forbidden: ['app.py']\n").unwrap();
    let output =
        fix(&["policy", "explain", "--policy", "policy.yaml", "--plan", "-"], &removal().to_string(), project.path());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(code(&output), 1);
    for part in [
        "forbidden by the pattern \"app.py\" [path_forbidden]",
        "said by:          paths.forbidden",
        "would change it:",
        "The score is 10 of 100",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    fs::write(project.path().join("typo.toml"), "version = 1\n[paths]\nforbiden = []\n").unwrap();
    let output =
        fix(&["policy", "explain", "--policy", "typo.toml", "--plan", "-"], &removal().to_string(), project.path());
    assert!(String::from_utf8_lossy(&output.stdout).contains("did you mean `paths.forbidden`?"));
}

#[test]
fn policies_print_what_they_are_made_of() {
    let project = project();
    let output = fix(&["policy", "default"], "", project.path());
    fs::write(project.path().join("own.toml"), &output.stdout).unwrap();
    let output = fix(&["policy", "--policy", "own.toml", "--plan", "-"], &removal().to_string(), project.path());
    assert_eq!(code(&output), 0);
    assert_eq!(object(&fix(&["policy", "schema"], "", project.path()))["title"], "SafetyPolicy");
}

#[test]
fn plan_reads_a_log() {
    let project = project();
    let output =
        fix(&["plan", "--log", "-", "--json"], "ModuleNotFoundError: No module named 'yaml'\n", project.path());
    assert_eq!(code(&output), 0);
    let details = &object(&output)["operations"][0]["details"];
    assert_eq!(details["name"], "PyYAML");

    let output = fix(&["plan", "--log", "-", "--json"], "all is well\n", project.path());
    assert_eq!((code(&output), object(&output)["code"].clone()), (1, json!("no_plan")));
}

/// A reader that goes away, and a full disk, are no reason to panic.
#[test]
fn output_may_go_nowhere() {
    for args in [&["schema"][..], &["--help"], &["check", "-"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status =
            Command::new(env!("CARGO_BIN_EXE_fix")).args(args).stdin(Stdio::null()).stdout(full).status().unwrap();
        assert_ne!(status.code(), Some(101), "{args:?}");
    }
}

#[test]
fn arguments_that_are_none_are_told_as_json_too() {
    let output = fix(&["--json", "check"], "", Path::new("/"));
    assert_eq!(code(&output), 2);
    assert!(object(&output)["error"].is_string());
}

#[test]
fn runs_of_no_store_are_an_error() {
    let project = project();
    assert_eq!(code(&fix(&["runs", "--json"], "", project.path())), 2);
    assert_eq!(code(&fix(&["show", "x"], "", project.path())), 2);
    assert_eq!(code(&fix(&["run", "--repo", ".", "--log", "-"], "", project.path())), 2, "no git repository");
}

#[test]
fn a_repository_elsewhere_needs_somewhere_for_its_pull_request() {
    let project = project();
    let run = |repo: &str, more: &[&str]| {
        let output = fix(&[&["run", "--repo", repo, "--log", "-", "--json"], more].concat(), "", project.path());
        (code(&output), object(&output)["error"].as_str().unwrap().to_owned())
    };
    let (code, said) = run("https://example.org/a.git", &[]);
    assert!(code == 2 && said.contains("set pull_requests.kind"), "{said}");
    for url in ["git@example.org:a/b.git", "ssh://example.org/a", "ext::sh -c id", "https://me:pw@example.org/a"] {
        let (code, said) = run(url, &[]);
        assert!(code == 2 && said.contains("unsupported clone URL") && !said.contains("me:pw"), "{url}: {said}");
    }
    #[cfg(feature = "github")]
    {
        // Nobody listens there.
        let api = ["--github", "octo/app", "--set", "github.api_url=http://127.0.0.1:1"];
        fs::write(project.path().join("token"), "ghp_x").unwrap();
        let token = format!("github.token_file={}/token", project.path().display());
        let known = [&api[..], &["--set", &token]].concat();
        let (code, said) = run("http://127.0.0.1:1/octo/app.git", &known);
        assert!(code == 3 && said.contains("127.0.0.1") && !said.contains("ghp_x"), "{said}");
        let (code, said) = run("https://example.org/octo/app.git", &known);
        assert!(code == 2 && said.contains("is not octo/app on GitHub"), "{said}");
    }
}

/// git is at its work on the network, with credentials, when somebody stops the run.
#[cfg(feature = "github")]
#[test]
fn a_stopped_run_takes_git_with_it() {
    use std::io::Read as _;
    let project = project();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_fix"))
        .args(["run", "--repo", &format!("{url}/octo/app"), "--log", "app.py", "--github", "octo/app"])
        .args(["--set", &format!("github.api_url={url}")])
        .current_dir(project.path())
        .envs([
            ("XDG_STATE_HOME", project.path()),
            ("XDG_CACHE_HOME", project.path()),
            ("XDG_CONFIG_HOME", project.path()),
        ])
        .env("FIX_GITHUB_TOKEN", "ghp_x")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It has begun to ask, and hears nothing.
    let (mut asking, _) = server.accept().unwrap();
    let mut asked = [0; 4];
    asking.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"GET ");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    // Nobody holds the other end any more.
    assert!(asking.read_to_end(&mut Vec::new()).is_ok());
}

/// What is checked out is what is meant, unless another branch or commit is named.
#[test]
fn a_run_is_of_the_branch_and_the_commit_that_are_named() {
    let project = tempfile::tempdir().unwrap();
    let examined = object(&fix(&["doctor", "--json"], "", project.path()));
    if examined["ok"] != true {
        println!("skipped: {examined}");
        return;
    }
    let repo = project.path().join("repo");
    fs::create_dir(&repo).unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@localhost"];
        let output = Command::new("git").arg("-C").arg(&repo).args(identity).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "One"]);
    let first = git(&["rev-parse", "HEAD"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "Two"]);
    git(&["checkout", "--quiet", "-b", "release/1"]);
    git(&["commit", "--quiet", "--allow-empty", "--message", "Three"]);
    let run =
        |args: &[&str]| fix(&[&["run", "--repo", "repo", "--log", "-", "--json"], args].concat(), "", project.path());
    let of = |args: &[&str]| {
        let output = run(args);
        // Nothing in the log to mend: no plan, and no sandbox is asked.
        let id = object(&output)["run_id"].as_str().unwrap_or_else(|| panic!("{}", object(&output))).to_owned();
        let shown = fix(&["show", &id, "--json"], "", project.path());
        let text = String::from_utf8(shown.stdout).unwrap();
        [first.as_str(), &git(&["rev-parse", "main"]), &git(&["rev-parse", "release/1"])]
            .map(|commit| text.contains(commit))
    };
    assert_eq!(of(&[]), [false, false, true]);
    assert_eq!(of(&["--branch", "main"]), [false, true, false]);
    assert_eq!(of(&["--branch", "main", "--commit", &first]), [true, false, false]);
    git(&["branch", "same", "main"]);
    let id = |args: &[&str]| object(&run(args))["run_id"].clone();
    assert_ne!(id(&["--branch", "same"]), id(&["--branch", "main"]), "each branch has a run of its own");
    assert_eq!(code(&run(&["--branch", "none"])), 2);
    assert_eq!(code(&run(&["--commit", "none"])), 2);
    git(&["checkout", "--quiet", "--detach"]);
    let detached = run(&[]);
    assert!(code(&detached) == 2 && object(&detached)["error"].as_str().unwrap().contains("--branch"));
    assert_eq!(of(&["--branch", "release/1"]), [false, false, true]);
}

#[test]
fn a_model_that_cannot_be_had_is_unusable() {
    let project = project();
    let plan = |args: &[&str]| fix(&[&["plan", "--log", "-", "--json"], args].concat(), "log", project.path());
    let name = plan(&["--model", "gemini"]);
    assert_eq!(code(&name), 2);
    let expected = if cfg!(feature = "model") { "name one as API:MODEL" } else { "built without models" };
    assert!(object(&name)["error"].as_str().unwrap().contains(expected), "{}", object(&name));
    assert_eq!(code(&plan(&["--model-url", "http://127.0.0.1:1"])), 2, "a URL without a model");
    #[cfg(feature = "model")]
    {
        let url = plan(&["--model", "ollama:x", "--model-url", "http://me:secret@127.0.0.1"]);
        assert_eq!(code(&url), 2);
        assert!(!String::from_utf8(url.stderr).unwrap().contains("secret"));
        // Nobody listens there.
        assert_eq!(code(&plan(&["--model", "ollama:x", "--model-url", "http://127.0.0.1:1", "--model-total", "1"])), 3);
    }
}

#[test]
fn the_doctor_names_what_is_missing_and_what_to_do() {
    let project = project();
    let doctor = |args: &[&str]| {
        let output = fix(&[&["--json", "doctor"], args].concat(), "", project.path());
        (code(&output), object(&output))
    };
    let said = |examined: &Value, part: &str| {
        let finding = examined["findings"].as_array().unwrap().iter().find(|finding| finding["part"] == part).unwrap();
        (finding["ok"].as_bool().unwrap(), finding["message"].as_str().unwrap().to_owned())
    };
    let (_, usual) = doctor(&[]);
    assert_eq!(usual["configuration"], Value::Null);
    for part in ["git", "environment", "policy", "repositories", "model", "store", "pull requests"] {
        assert!(said(&usual, part).0, "{part}: {usual}");
    }
    assert_eq!(usual["ok"], json!(said(&usual, "sandbox").0));

    fs::write(project.path().join("fix.toml"), "[sandbox]\nkind = 'container'\n[store]\nkind = 'postgres'\n").unwrap();
    let (code, examined) = doctor(&["--config", "fix.toml", "--github", "octo/app", "--policy", "none.toml"]);
    assert_eq!((code, &examined["ok"], &examined["configuration"]), (1, &json!(false), &json!("fix.toml")));
    for (part, with, without) in [
        ("sandbox", "set container.image", "--features container"),
        ("store", "FIX_STORE_URL", "--features postgres"),
        ("pull requests", "FIX_GITHUB_TOKEN", "--features github"),
        ("policy", "none.toml", "none.toml"),
    ] {
        let (ok, message) = said(&examined, part);
        assert!(!ok && (message.contains(with) || message.contains(without)), "{part}: {message}");
    }
}

#[test]
fn the_doctor_finds_keys_that_are_misspelt() {
    let project = project();
    let output = Command::new(env!("CARGO_BIN_EXE_fix"))
        .args(["--json", "doctor"])
        .env("XDG_STATE_HOME", project.path())
        .env("XDG_CACHE_HOME", project.path())
        .env("FIX_SANDBOX_KIND", "container")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(code(&output) == 1 && told.contains("FIX_SANDBOX_KIND is not read; write FIX_SANDBOX__KIND"), "{told}");
}

/// A repository that is checked out has no say in how it is checked.
#[test]
fn the_directory_has_no_configuration() {
    let project = project();
    fs::write(project.path().join("fix.toml"), "[store]\nfile = '/nowhere/runs'\n").unwrap();
    let output = fix(&["--json", "doctor"], "", project.path());
    assert_eq!(object(&output)["configuration"], Value::Null);
    let named = fix(&["--json", "runs", "--config", "fix.toml"], "", project.path());
    assert!(object(&named)["error"].as_str().unwrap().contains("/nowhere/runs"));
}

#[test]
fn a_configuration_that_is_wrong_is_told_with_its_key() {
    let project = project();
    for (args, said) in [
        (["--set", "sandbox.kind=jail"], "bubblewrap, container"),
        (["--set", "sandbox"], "KEY=VALUE"),
        (["--set", "store.file=runs"], "store.file"),
        (["--config", "none.toml"], "none.toml"),
    ] {
        let output = fix(&[&["--json", "runs"][..], &args].concat(), "", project.path());
        let told = object(&output);
        assert!(code(&output) == 2 && told["error"].as_str().unwrap().contains(said), "{args:?}: {told}");
    }
    let output = fix(&["config"], "", project.path());
    assert!(String::from_utf8(output.stdout).unwrap().contains("[sandbox]"));
}
