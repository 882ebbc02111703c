//! git's objects, by git itself.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Runs git in the bare repository at `directory`; the error is what it says.
pub fn git(directory: &Path, args: &[&str], input: &[u8], environment: &[(&str, &str)]) -> Result<String, String> {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Somebody")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "somebody@localhost")))
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git");
    child.stdin.take().expect("a pipe").write_all(input).expect("git reads");
    let output = child.wait_with_output().expect("git ends");
    if output.status.success() {
        // As it is: a message may end in blank lines.
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// The id that a command prints.
pub fn id(directory: &Path, args: &[&str], input: &[u8]) -> Result<String, String> {
    Ok(git(directory, args, input, &[])?.trim().to_owned())
}

/// A tree on top of another, through an index of its own.
pub fn tree(directory: &Path, base: Option<&str>, entries: &Value) -> Result<String, String> {
    let index = tempfile::tempdir().expect("a folder").path().join("index");
    let index = index.to_string_lossy().into_owned();
    std::fs::create_dir_all(Path::new(&index).parent().expect("a folder")).expect("a folder");
    let run = |args: &[&str]| git(directory, args, b"", &[("GIT_INDEX_FILE", &index)]);
    if let Some(base) = base {
        run(&["read-tree", base])?;
    }
    for entry in entries.as_array().into_iter().flatten() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        run(&["cat-file", "-e", &text("sha")])?;
        let info = format!("{},{},{}", text("mode"), text("sha"), text("path"));
        run(&["update-index", "--add", "--cacheinfo", &info])?;
    }
    Ok(run(&["write-tree"])?.trim().to_owned())
}

/// A commit, written byte for byte, as GitHub does. Without an author it is `bot`'s, and of now.
pub fn commit(directory: &Path, wish: &Value, bot: &str, signs: bool) -> Result<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    id(directory, &["cat-file", "-e", &format!("{}^{{tree}}", text(&wish["tree"]))], b"")?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let who = |person: &Value| match person["name"].as_str() {
        Some(name) => format!("{name} <{}> {} +0000", text(&person["email"]), epoch(&text(&person["date"]))),
        // Never twice the same, so that a test sees another commit.
        None => format!("{bot} <{bot}@localhost> {} +{:04}", now.as_secs(), now.subsec_micros() % 1000),
    };
    let mut object = format!("tree {}\n", text(&wish["tree"]));
    for parent in wish["parents"].as_array().into_iter().flatten() {
        id(directory, &["cat-file", "-e", &text(parent)], b"")?;
        object.push_str(&format!("parent {}\n", text(parent)));
    }
    let committer = if wish["committer"].is_null() { &wish["author"] } else { &wish["committer"] };
    object.push_str(&format!("author {}\ncommitter {}\n", who(&wish["author"]), who(committer)));
    if signs && wish["author"].is_null() {
        object.push_str("gpgsig -----BEGIN PGP SIGNATURE-----\n \n of GitHub\n -----END PGP SIGNATURE-----\n");
    }
    object.push_str(&format!("\n{}", text(&wish["message"])));
    id(directory, &["hash-object", "-t", "commit", "-w", "--stdin"], object.as_bytes())
}

/// A commit as the API shows it.
pub fn show(directory: &Path, sha: &str) -> Result<Value, String> {
    let object = git(directory, &["cat-file", "commit", sha], b"", &[])?;
    let (head, message) = object.split_once("\n\n").unwrap_or((&object, ""));
    // A signature holds a line with a blank, never an empty one.
    let field = |name: &'static str| head.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '));
    let person = |name: &'static str| {
        let line = field(name).next().unwrap_or_default();
        let (name, rest) = line.split_once(" <").unwrap_or_default();
        let (email, _) = rest.split_once('>').unwrap_or_default();
        json!({"name": name, "email": email, "date": "2026-03-02T09:00:00Z"})
    };
    let signed = field("gpgsig").next().is_some();
    let reason = if signed { "valid" } else { "unsigned" };
    let signature = if signed { json!("of GitHub") } else { Value::Null };
    let parents: Vec<Value> = field("parent").map(|sha| json!({"sha": sha})).collect();
    Ok(json!({
        "sha": sha, "message": message, "tree": {"sha": field("tree").next()}, "parents": parents,
        "author": person("author"), "committer": person("committer"),
        "verification": {"verified": signed, "reason": reason, "signature": signature, "payload": signature, "verified_at": null},
    }))
}

/// Seconds since 1970 of a date as RFC 3339 writes it in UTC.
fn epoch(date: &str) -> i64 {
    let number =
        |range: std::ops::Range<usize>| date.get(range).and_then(|part| part.parse::<i64>().ok()).expect("a date");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Years begin in March, so that leap days are last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    assert!(date.ends_with('Z'), "{date}");
    days * 86_400 + number(11..13) * 3600 + number(14..16) * 60 + number(17..19)
}
