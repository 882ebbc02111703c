//! What was changed, read by others: `packaging` and `tomllib` read the dependencies as they were meant, and
//! ruff finds the same imports unused and gives modules of the same meaning.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test starts programs and may fail; the library does not"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use fix_plan::ImportTarget;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use support::manifests::{change, poetry_project, project, requirements_file, samples};
use support::{operation, python_with, run};

/// What a program prints for `input`.
fn output_of(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is there");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Does each change, and has the judge read the files before and after. At least a third has to be an edit.
fn judged(path: &str, cases: Vec<(String, Value, &str)>) {
    let Some(programs) = python_with("packaging") else { return };
    let count = cases.len();
    let mut lines = String::new();
    let mut edits = 0;
    for (before, mut case, section) in cases {
        let mut details = case.clone();
        details["section"] = section.into();
        let kind = details.as_object_mut().unwrap().remove("kind").unwrap();
        let Ok(after) = run(path, &before, &[operation(kind.as_str().unwrap(), details)]) else { continue };
        if after == before {
            continue;
        }
        edits += 1;
        case["section"] = section.into();
        case["before"] = before.into();
        case["after"] = after.into();
        lines.push_str(&format!("{case}\n"));
    }
    assert!(edits * 3 > count, "{edits} edits of {count}");
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge.py");
    let verdicts = output_of(Command::new(programs.join("python")).arg(judge), &lines);
    assert!(verdicts.is_empty(), "{}", verdicts.chars().take(4_000).collect::<String>());
}

#[test]
fn packaging_reads_requirements_as_they_were_meant() {
    let cases = samples(1_500, (requirements_file(), change(false)));
    judged("requirements.txt", cases.into_iter().map(|(text, change)| (text, change, "requirements")).collect());
}

#[test]
fn tomllib_reads_lists_as_they_were_meant() {
    let cases = samples(1_500, (project(), change(false)));
    judged("pyproject.toml", cases.into_iter().map(|((text, section), change)| (text, change, section)).collect());
}

#[test]
fn tomllib_reads_poetry_as_it_was_meant() {
    let cases = samples(1_000, (poetry_project(), change(true)));
    judged("pyproject.toml", cases.into_iter().map(|((text, section), change)| (text, change, section)).collect());
}

/// A module of import statements in many layouts and places, and of uses of some of the names.
///
/// Not in classes, where ruff looks for none, nor behind their use in a loop, whose next round ruff does not see.
fn python_module() -> impl Strategy<Value = String> {
    let layout = select(vec![
        "import N",
        "import N, M",
        "import p.q as N",
        "import N  # why",
        "import N; x = 1",
        "x = 1; import N, M;",
        "from m import N",
        "from m import N, M",
        "from m import k as N, M  # why",
        "from . import N",
        "from ..m import N, M",
        "from m import (N, M)",
        "from m import (\n@    N,\n@    M,\n@)",
        "from m import (\n@    N,  # one\n@\n@    # two\n@    M  # three\n@)  # four",
        "from m import (N,\n@    M)",
        "from m import (\n@    N\n@    , M\n@)",
        "from m import (\n@    N\n@    ,  # one\n@    M\n@    ,\n@)",
        "from m import (N, M\n@    , k\n@    ,)\n@print(k)",
        "from m import k as N \\\n@    , M",
        "from m import (N,\n@    # two\n@    M)",
        "from m import N, \\\n@    M",
        "import N, \\\n@    M",
    ]);
    let place = select(vec![
        "S\nU\n",
        "S\nU\n",
        "def f():\n    \"\"\"doc\"\"\"\n    S\n    U\n",
        "def f():\n    S\n    # note\n    U\n",
        "if x:\n    S\nU\n",
        "if x:\n    x = 1\nelse:\n    S\nU\n",
        "try:\n    S\nfinally:\n    x = 1\nU\n",
        "with x:\n    S\nU\n",
        "for x in y:\n    S\n    U\n",
        "while x:\n    S\n    U\n",
        "async def f():\n    async with x:\n        S\n        U\n",
        "match x:\n    case 1:\n        S\n        U\n",
        "def f():\n    def g():\n        U\n    S\n",
        "if TYPE_CHECKING:\n    S\ndef f(): U\n",
    ]);
    let uses = select(vec![
        "pass",
        "pass",
        "pass",
        "print('N')",
        "print(x.N, M=1)",
        "print(N)",
        "print(M.x)",
        "print([N for N in x])",
        "print([x for x in N])",
        "y = lambda N: N",
        "y = lambda x=M: N",
        "z: 'N'",
        "z: typing.Literal['N']",
        "z: typing.Optional['M'] = None",
        "y = f'{N!r:{x}}'",
        "y = typing.cast('M', x)",
        "print(N, M)",
        "y = x[N].M",
        "assert isinstance(x, (M, int))",
    ]);
    let part = (layout, place, uses);
    prop::collection::vec(part, 1..6).prop_map(|parts| {
        let mut text = "\"\"\"N is no name.\"\"\"\n\nimport typing\n\n".to_owned();
        for (index, (layout, place, uses)) in parts.into_iter().enumerate() {
            for line in place.lines() {
                let indent = " ".repeat(line.len() - line.trim_start().len());
                let line = line.replace('S', &layout.replace('@', &indent)).replace('U', uses);
                let line = if line.contains("TYPE_CHECKING") { line } else { named(&line, index) };
                text.push_str(&line);
                text.push('\n');
            }
            text.push('\n');
        }
        text
    })
}

/// `N` and `M` as names that no other part has.
fn named(line: &str, index: usize) -> String {
    let mut text = String::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let alone = !is_part(before) && !rest.peek().is_some_and(|next| is_part(*next));
        match c {
            'N' | 'M' if alone => text.push_str(&format!("{}{index}", c.to_ascii_lowercase())),
            _ => text.push(c),
        }
        before = c;
    }
    text
}

/// The line of an import and its name, as ruff tells it.
type Finding = (u64, String);

/// What ruff finds unused in each file of a folder, by the file's name.
fn ruff_findings(ruff: &Path, folder: &Path) -> BTreeMap<String, BTreeSet<Finding>> {
    let output = Command::new(ruff)
        .args(["check", "--isolated", "--no-cache", "--select", "F401", "--target-version", "py313"])
        .args(["--output-format", "json"])
        .arg(folder)
        .output()
        .unwrap();
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut by_file: BTreeMap<String, BTreeSet<Finding>> = BTreeMap::new();
    for finding in found {
        assert_eq!(finding["code"], "F401", "{finding}");
        let file = finding["filename"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let name = finding["message"].as_str().unwrap().split('`').nth(1).unwrap().to_owned();
        by_file.entry(file).or_default().insert((finding["location"]["row"].as_u64().unwrap(), name));
    }
    by_file
}

/// Each import of a module, as ruff names it, with the operation that removes it.
fn imports_of(text: &str) -> Vec<(Finding, Value)> {
    let imported = fix_patch::imports::imports_in(text).unwrap();
    let entry = |found: &fix_patch::imports::ImportedName| {
        let (name, mut details) = match &found.target {
            ImportTarget::Import { module, alias } => (
                module.to_string(),
                json!({"import": module.as_str(), "alias": alias.as_ref().map(ToString::to_string)}),
            ),
            ImportTarget::From { module, name, alias } => {
                let dot = if module.module().is_some() { "." } else { "" };
                (
                    format!("{module}{dot}{name}"),
                    json!({"from": module.to_string(), "name": name.as_str(), "alias": alias.as_ref().map(ToString::to_string)}),
                )
            }
        };
        details["line"] = found.line.into();
        ((u64::from(found.line), name), operation("remove_unused", details))
    };
    imported.iter().map(entry).collect()
}

#[test]
fn ruff_finds_the_same_imports_unused_and_gives_the_same_modules() {
    let Some(programs) = python_with("ruff") else { return };
    let modules = samples(1_000, python_module());
    let folder = tempfile::tempdir().unwrap();
    for (index, module) in modules.iter().enumerate() {
        fs::write(folder.path().join(format!("m{index}.py")), module).unwrap();
    }
    let ruff = programs.join("ruff");
    let mut theirs = ruff_findings(&ruff, folder.path());
    let fixed = Command::new(&ruff)
        .args([
            "check",
            "--isolated",
            "--no-cache",
            "--quiet",
            "--select",
            "F401",
            "--target-version",
            "py313",
            "--fix",
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(fixed.status.success(), "{}", String::from_utf8_lossy(&fixed.stdout));
    let mut pairs = String::new();
    for (index, module) in modules.iter().enumerate() {
        let file = format!("m{index}.py");
        let unused = theirs.remove(&file).unwrap_or_default();
        let imports = imports_of(module);
        let goes = |removal: &Value| match run("m.py", module, std::slice::from_ref(removal)) {
            Ok(_) => true,
            Err(refusal) => {
                assert_eq!(refusal.code.as_str(), "still_used", "{refusal}\n{module}");
                false
            }
        };
        let ours: BTreeSet<Finding> =
            imports.iter().filter(|(_, removal)| goes(removal)).map(|(name, _)| name.clone()).collect();
        assert_eq!(ours, unused, "ours, and theirs, of\n{module}");
        let removals: Vec<Value> =
            imports.into_iter().filter(|(name, _)| ours.contains(name)).map(|(_, removal)| removal).collect();
        // A plan holds ten at most; the last come first, so that the lines of the others stay.
        let mut after = module.clone();
        for chunk in removals.rchunks(10) {
            after = run("m.py", &after, chunk).unwrap();
        }
        let ruffs = fs::read_to_string(folder.path().join(&file)).unwrap();
        pairs.push_str(&format!("{}\n", json!({"ours": after, "theirs": ruffs})));
    }
    let program = "import ast, json, sys\nfor line in sys.stdin:\n    pair = json.loads(line)\n    \
        a, b = (ast.dump(ast.parse(pair[key])) for key in ('ours', 'theirs'))\n    \
        if a != b: print(pair['ours'], '--- theirs', pair['theirs'], sep='\\n')";
    let differ = output_of(Command::new(programs.join("python")).args(["-c", program]), &pairs);
    assert!(differ.is_empty(), "{}", differ.chars().take(4_000).collect::<String>());
}
