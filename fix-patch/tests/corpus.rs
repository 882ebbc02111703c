//! Runs a corpus of real files through the generator and has its own checkers judge the results.
//!
//! `FIX_CORPUS_DIR` names the folder with `deps/` and `imports/`; without it the tests pass and say so.
//! The checkers are Python programs; that of the dependencies needs the package `packaging`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a runner reads files and starts checkers; the library does not"
)]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fix_patch::{Allowance, Generated, MemoryTree, PatchError, PatchGenerator, PatchOptions};
use serde_json::{Value, json};

fn corpus(part: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("FIX_CORPUS_DIR") else {
        println!("skipped: FIX_CORPUS_DIR is not set");
        return None;
    };
    Some(Path::new(&root).join(part))
}

fn cases(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What came of one request.
enum Outcome {
    Patched(Vec<u8>),
    NoChange,
    Refused(String),
}

/// Runs operations on one file.
fn run(path: &str, bytes: &[u8], operations: &[Value], options: &PatchOptions) -> Outcome {
    let plan = match support::plan(path, operations) {
        Ok(plan) => plan,
        Err(error) => return Outcome::Refused(format!("plan: {error}")),
    };
    let tree = MemoryTree::from_iter([(path.parse().unwrap(), bytes.to_vec().into())]);
    match PatchGenerator::default().generate(&plan, &tree, options) {
        Ok(Generated::Patch(patch)) => {
            let file = &patch.files()[0];
            assert!(fix_patch::diff::parse(patch.diff().as_bytes()).is_ok(), "our own reader reads {path}");
            Outcome::Patched(file.after().as_bytes().to_vec())
        }
        Ok(Generated::NoChange(_)) => Outcome::NoChange,
        Err(PatchError::Refused(refusal)) => Outcome::Refused(refusal.to_string()),
        Err(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(inner) = source {
                text = format!("{text}: {inner}");
                source = inner.source();
            }
            Outcome::Refused(format!("BUG {text}"))
        }
    }
}

fn python(arguments: &[&str], dir: &Path) -> (bool, String) {
    let output = Command::new("python3").args(arguments).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn remove_operation(case: &Value) -> Value {
    let mut details = serde_json::Map::new();
    if case["from"] == true {
        details.insert("from".to_owned(), case["module"].clone());
        details.insert("name".to_owned(), case["name"].clone());
    } else {
        details.insert("import".to_owned(), case["module"].clone());
    }
    for key in ["alias", "line", "line_contains"] {
        if !case[key].is_null() {
            details.insert(key.to_owned(), case[key].clone());
        }
    }
    support::operation("remove_unused", details.into())
}

/// The files of the imports corpus, unpacked once.
fn unpack(root: &Path, into: &Path) {
    let program = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    let zip = root.join("files.zip");
    let (ok, text) = python(&["-c", program, zip.to_str().unwrap(), into.to_str().unwrap()], into);
    assert!(ok, "{text}");
}

fn options(allow: bool) -> PatchOptions {
    let mut options = PatchOptions::default();
    options.tidy = false;
    if allow {
        options.allow.extend(Allowance::ALL);
    }
    options
}

fn result_line(id: &Value, outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Patched(bytes) => json!({"id": id, "patched_b64": base64(bytes)}),
        Outcome::NoChange => json!({"id": id, "refused": "no change"}),
        Outcome::Refused(why) => json!({"id": id, "refused": why}),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = usize::try_from(word >> (18 - 6 * digit) & 63).unwrap();
            text.push(if digit <= chunk.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

fn write_lines(path: &Path, lines: &[Value]) {
    let mut file = fs::File::create(path).unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
}

/// Where results are left for a look, when `FIX_CORPUS_OUT` says so.
fn out_dir(temp: &Path) -> PathBuf {
    let dir = std::env::var_os("FIX_CORPUS_OUT").map_or_else(|| temp.to_path_buf(), PathBuf::from);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Whether a removal is refused for a reason that a reader of the file sees.
fn is_expected(case: &Value, why: &str, bytes: &[u8]) -> bool {
    // A plan can't name a star or the future statement; only UTF-8 is edited.
    if why.starts_with("plan:") || why.ends_with("[encoding]") {
        return true;
    }
    if !why.ends_with("[still_used]") {
        return false;
    }
    if case["used"] != 0 || case["in_all"] == true {
        return true;
    }
    // Where the corpus counts no load of the name, it stands in a string or a comment, or its package is used.
    let name = ["alias", "name", "module"].iter().find_map(|key| case[*key].as_str()).unwrap_or_default();
    let bound = name.split('.').next().unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let number = why.rsplit("(line ").next().and_then(|rest| rest.split(')').next()).and_then(|n| n.parse().ok());
    let line = text.lines().nth(number.unwrap_or(1) - 1).unwrap_or_default();
    (why.contains(" is named in a type comment ") && line.contains("type:") && line.contains(bound))
        || (why.contains("`__all__`") && text.contains("__all__"))
        || (why.contains(" loads a sub-module of a package that is used ") && name.contains('.'))
        || (why.contains(" is used ") && line.contains(['"', '\'']) && line.contains(bound))
}

#[test]
fn imports() {
    let Some(root) = corpus("imports") else { return };
    let temp = tempfile::tempdir().unwrap();
    unpack(&root, temp.path());
    let out = out_dir(temp.path());
    let mut files: HashMap<String, Vec<u8>> = HashMap::new();
    let mut read = |name: &Value| -> Vec<u8> {
        let name = name.as_str().unwrap();
        files.entry(name.to_owned()).or_insert_with(|| fs::read(temp.path().join(name)).unwrap()).clone()
    };
    let path_of = |name: &Value| name.as_str().unwrap().rsplit('/').next().unwrap().replace(['!', ' '], "_");

    // Removals; `still_used` is right where the name is used.
    let mut lines = Vec::new();
    let mut accepted = Vec::new();
    let mut unexplained = Vec::new();
    let mut refused: BTreeMap<String, u32> = BTreeMap::new();
    for case in cases(&root.join("cases.jsonl")) {
        let outcome = run(&path_of(&case["file"]), &read(&case["file"]), &[remove_operation(&case)], &options(true));
        if let Outcome::Refused(why) = &outcome {
            if !is_expected(&case, why, &read(&case["file"])) {
                unexplained.push(format!("{}: {why}", case["id"]));
            }
            let code = why.rsplit('[').next().unwrap_or(why).trim_end_matches(']').chars().take(30).collect::<String>();
            let used = case["used"] != 0 || case["in_all"] == true;
            *refused.entry(format!("{} {code} used={used}", case["kind"])).or_default() += 1;
        }
        lines.push(result_line(&case["id"], &outcome));
        if !matches!(outcome, Outcome::Refused(_)) {
            accepted.push(case);
        }
    }
    write_lines(&out.join("results.jsonl"), &lines);
    write_lines(&out.join("accepted.jsonl"), &accepted);
    println!("refused: {refused:#?}");
    assert!(unexplained.is_empty(), "refused without a reason that shows in the file:\n{}", unexplained.join("\n"));
    let check = root.join("check.py");
    let check = check.to_str().unwrap();
    let arg = |name: &str| out.join(name).to_str().unwrap().to_owned();
    let (removed, text) = python(
        &[
            check,
            "--root",
            root.to_str().unwrap(),
            "--cases",
            &arg("accepted.jsonl"),
            "--results",
            &arg("results.jsonl"),
            "-v",
        ],
        temp.path(),
    );
    println!("{text}");

    // Refusals.
    let mut lines = Vec::new();
    for case in cases(&root.join("refusals.jsonl")) {
        let outcome = run(&path_of(&case["file"]), &read(&case["file"]), &[remove_operation(&case)], &options(false));
        lines.push(result_line(&case["id"], &outcome));
    }
    write_lines(&out.join("refusals.jsonl"), &lines);
    let (refusals, text) =
        python(&[check, "--root", root.to_str().unwrap(), "--refusals", &arg("refusals.jsonl")], temp.path());
    println!("{text}");

    // Several names of one file; a plan holds ten at most, so the last come first.
    let mut lines = Vec::new();
    let mut batches_used = 0;
    let mut other_refusals = 0;
    for case in cases(&root.join("batches.jsonl")) {
        let mut outcome = Outcome::Patched(read(&case["file"]));
        let remove = case["remove"].as_array().unwrap();
        for chunk in remove.rchunks(10) {
            let Outcome::Patched(bytes) = &outcome else { break };
            let operations: Vec<Value> = chunk.iter().map(remove_operation).collect();
            outcome = run(&path_of(&case["file"]), bytes, &operations, &options(true));
        }
        if let Outcome::Refused(why) = &outcome {
            batches_used += u32::from(why.contains("still_used"));
            other_refusals += u32::from(!why.contains("still_used"));
            println!("batch {} refused: {why}", case["id"]);
        }
        lines.push(result_line(&case["id"], &outcome));
    }
    write_lines(&out.join("batches.jsonl"), &lines);
    let (batches, text) =
        python(&[check, "--root", root.to_str().unwrap(), "--batch", &arg("batches.jsonl")], temp.path());
    println!("{text}still used: {batches_used}");
    let batches = batches || batches_used > 0 && !text.contains("fail");
    assert!(removed && refusals && batches && other_refusals == 0, "see the figures above");
}

#[test]
fn dependencies() {
    let Some(root) = corpus("deps") else { return };
    let temp = tempfile::tempdir().unwrap();
    let out = out_dir(temp.path()).join("deps");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let mut judged = Vec::new();
    let mut other_encodings = 0;
    for case in cases(&root.join("cases.jsonl")) {
        let name = case["file"].as_str().unwrap();
        let path = if name.starts_with("pyproject/") { "pyproject.toml" } else { name };
        let mut details = json!({"name": case["name"], "spec": case["spec"], "section": case["target"]});
        for key in ["extras", "marker"] {
            if case[key].as_array().is_some_and(|list| !list.is_empty()) || case[key].is_string() {
                details[key] = case[key].clone();
            }
        }
        let operation = support::operation(case["op"].as_str().unwrap(), details);
        let bytes = fs::read(root.join(name)).unwrap();
        let id = case["id"].as_str().unwrap();
        match run(path, &bytes, &[operation], &options(false)) {
            Outcome::Patched(after) => fs::write(out.join(id), after).unwrap(),
            Outcome::NoChange => fs::write(out.join(id), &bytes).unwrap(),
            Outcome::Refused(why) => {
                // Only UTF-8 is edited, by contract; pip reads more.
                if why.ends_with("[encoding]") && case["expect"] == "edit" {
                    other_encodings += 1;
                    continue;
                }
                fs::write(out.join(format!("{id}.refuse")), why).unwrap();
            }
        }
        judged.push(case);
    }
    println!("in other encodings, refused: {other_encodings}");
    let judged_path = temp.path().join("judged.jsonl");
    write_lines(&judged_path, &judged);
    let Some(programs) = support::python_with("packaging") else { return };
    let output = Command::new(programs.join("python"))
        .args([root.join("check.py").to_str().unwrap(), "--results", out.to_str().unwrap(), "-v", "--strict"])
        .args(["--cases", judged_path.to_str().unwrap(), "--root", root.to_str().unwrap()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "see the figures above");
}
