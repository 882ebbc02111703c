//! The laws of the fuzz targets, on stable Rust: over seeds, random changes of them, and the corpus.

#[path = "../fuzz/laws.rs"]
mod laws;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use fix_tests::corpus::{folder, lines};
use proptest::prelude::*;

const PLAN: &str = r#"{"root_cause": "x", "category": "python_missing_dependency", "confidence": 0.5, "files": ["a/pyproject.toml"], "operations": [{"type": "add_dependency", "file": "a/pyproject.toml", "details": {"name": "requests", "spec": ">=2,<3", "extras": ["socks"], "marker": "python_version < '3.9'", "section": "dependency-groups.dev"}, "rationale": "r", "evidence": ["l"]}]}"#;
const LOG: &str = "2026-01-02T03:04:05.678Z \u{1b}[31mE   ModuleNotFoundError: No module named 'yaml'\u{1b}[0m\r\nsrc/a.py:1:8: F401 [*] `os.path as p` imported but unused\nTOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345 https://u:p4ssw0rd@h/ Authorization: Bearer abcdefghijklmnopqrstuvwx\n-----BEGIN RSA PRIVATE KEY-----\nQUJD\n";
const MODULE: &str = "a b.c\n\"\"\"Doc.\"\"\"\nimport a, os.path as p  # why\nfrom b.c import (\n    a,  # one\n    d as e,\n)\nfrom ..x import y; z = f'{y!r:>{z}}'\n\ntry:\n    import q\nexcept ImportError:\n    q = None\n\n\nclass C[T](p.B):\n    def f(self, x: 'e' = lambda y: y):\n        from m import n, \\\n            o\n        return [n for n in x if (o := n)]\n";
const PROJECT: &str = "rich >=2,<3 dependency-groups.dev x\n[project] # p\nname = 'x'\ndependencies = [\n  \"alpha[x]>=1 ; os_name == 'nt'\", # why\n  'rich',\n]\n[dependency-groups]\ndev = [{include-group = \"t\"}, \"a\"\n  , 'b']\nt = []\n[tool.poetry.dependencies]\npython = \"^3\"\nrich = {version = \"1\", extras = [\"x\"]}\nm.version = '1'\n";
const REQUIREMENTS: &str = "rich ==2\n# c\nalpha[x]>=1,<2 ; os_name == 'nt' # why\n-r o.txt\nrich \\\n  >= 1 \\\n  --config-settings=a=b\r\nu @ https://e.example/u.zip#egg=u\nz";
const DIFF: &str = "diff --git a/a b.py b/a b.py\nindex 1..2 100755\n--- a/a b.py\t\n+++ b/a b.py\t\n@@ -1,2 +1,2 @@ def f():\n-- sql\n+++ x\n c\n@@ -9,0 +10 @@\n+d\ndiff --git \"a/\\303\\274\" \"b/\\303\\274\"\nnew file mode 100644\n--- /dev/null\n+++ \"b/\\303\\274\"\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n";
const CHANGES: &str = "diff --git a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\ndiff --git a/m b/m\nold mode 100644\nnew mode 100755\ndiff --git a/p b/p\nindex 1..2 100644\nBinary files a/p and b/p differ\ndiff --git a/d b/d\ndeleted file mode 100644\n--- a/d\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n";
const SEEDS: [(&str, &[&str]); 7] = [
    ("plan", &[PLAN]),
    ("path", &["src/app.py", "a\\b", ".git/x", "..", "nul .txt", "\u{ff0e}\u{ff0e}/x", "a/%2e", "C:x"]),
    (
        "spec",
        &[
            ">=2.31,<3",
            "^1.0 || ~2",
            "==1.*",
            "1.2.3",
            ">= 1 <2",
            "!=1.0+local",
            "os_name=='nt' and python_version < \"3.9\"",
        ],
    ),
    ("log", &[LOG]),
    ("diff", &[DIFF, CHANGES]),
    ("imports", &[MODULE]),
    (
        "dependencies",
        &[PROJECT, REQUIREMENTS, "rich ^1 tool.poetry.group.dev.dependencies\n[tool.poetry]\nname = 'x'\n[x]\n"],
    ),
];

fn check(name: &str, bytes: &[u8]) {
    match name {
        "plan" => laws::plan(bytes),
        "path" => laws::path(bytes),
        "diff" => laws::diff(bytes),
        "spec" => laws::spec(bytes),
        "imports" => laws::imports(bytes),
        "dependencies" => laws::dependencies(bytes),
        _ => laws::log(bytes),
    }
}

/// A law over what is refused holds of nothing: the seeds are read.
#[test]
fn the_diffs_are_read() {
    assert_eq!([DIFF, CHANGES].map(|text| fix_patch::diff::parse(text.as_bytes()).unwrap().files.len()), [2, 4]);
}

/// A seed with some bytes replaced, taken out, or written twice.
fn mutated() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let seed = (0..SEEDS.len()).prop_flat_map(|index| {
        (Just(SEEDS[index].0), 0..SEEDS[index].1.len()).prop_map(move |(name, at)| (name, SEEDS[index].1[at]))
    });
    let change = (any::<prop::sample::Index>(), 0..6_usize, any::<u8>(), 0..8_u8);
    (seed, proptest::collection::vec(change, 0..6)).prop_map(|((name, seed), changes)| {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, length, byte, kind) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => bytes.insert(at, *b"\"\\{}[],:\n./ -~"[..].get(usize::from(byte) % 14).unwrap_or(&b' ')),
                4 => drop(bytes.splice(at..at, "\u{202e}\u{200b}\u{2044}é".bytes())),
                5 => bytes[at] = bytes[at].to_ascii_uppercase(),
                6 => bytes.truncate(end),
                _ => drop(bytes.splice(at..end, std::iter::repeat_n(byte, length * 40))),
            }
        }
        (name, bytes)
    })
}

#[test]
fn the_laws_hold_for_changed_seeds() {
    let config = ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((name, bytes) in mutated())| check(name, &bytes));
}

#[test]
fn the_laws_hold_for_random_bytes() {
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(bytes in proptest::collection::vec(any::<u8>(), 0..300))| {
        for (name, _) in SEEDS {
            check(name, &bytes);
        }
    });
}

#[test]
fn the_laws_hold_for_the_corpus() {
    let Some(folder) = folder("security") else { return };
    for line in lines(&folder, "hostile_paths.txt").iter().chain(&lines(&folder, "benign_paths.txt")) {
        let path = line.split('\t').next().unwrap_or_default();
        laws::path(serde_json::from_str::<String>(path).unwrap_or_default().as_bytes());
    }
    for (file, key, name) in [("hostile_plans.jsonl", "raw", "plan"), ("secrets_in_logs.jsonl", "text", "log")] {
        for line in lines(&folder, file) {
            let row: serde_json::Value = serde_json::from_str(&line).unwrap();
            check(name, row[key].as_str().unwrap_or_default().as_bytes());
        }
    }
}

/// However long the answer, no more is looked at than the cap: memory does not grow with it, nor
/// with what is wrong in it. Each in a process of its own, whose peak nothing came before.
#[test]
fn bombs_are_refused() {
    let mut bombs = own_bombs();
    bombs.extend(folder("security").iter().flat_map(|folder| lines(folder, "bombs.jsonl")).map(|line| bomb(&line)));
    for (name, text) in bombs {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "one_bomb", "--nocapture"])
            .env("FIX_BOMB", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("grown by"), "{name}: {said}");
    }
}

/// What `bombs_are_refused` runs; by itself it does nothing.
#[test]
fn one_bomb() {
    if std::env::var_os("FIX_BOMB").is_none() {
        return;
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    // What is built once is no growth.
    fix_plan::FixPlan::parse(PLAN.replace("\"x\"", "\"é\"").as_bytes()).unwrap();
    let before = peak_kib();
    assert!(fix_plan::FixPlan::parse(text.as_bytes()).is_err());
    // The same without the cap's help: as deep and as wide as the parser itself allows.
    let end = text.floor_char_boundary(fix_plan::limits::PLAN_BYTES_MAX);
    assert!(fix_plan::FixPlan::parse(&text.as_bytes()[..end]).is_err());
    let grown = peak_kib() - before;
    println!("grown by {grown} KiB");
    assert!(grown <= 8 * 1024, "{grown} KiB");
}

/// Repeated keys below a long one; a marker whose meaning doubles with each pair; operations with
/// nothing right in them.
fn own_bombs() -> Vec<(String, String)> {
    let bytes = fix_plan::limits::PLAN_BYTES_MAX;
    let under = |key: usize| format!("{{\"{}\":{{{}\"\":0}}}}", "k".repeat(key), "\"\":0,".repeat(4_080));
    let pairs: Vec<String> = (0..60).map(|n| format!("extra=='a{n}'and extra=='b{n}'")).collect();
    let marker = |count: usize| PLAN.replace("python_version < '3.9'", &pairs[..count].join(" or "));
    let nested = format!("{}{}", format!("{{\"{}\":", "k".repeat(120)).repeat(30), "\"\":0,".repeat(4_000));
    [
        ("keys below a long one", under(bytes - 30_000)),
        ("keys below one as long as may be", under(128)),
        ("keys below many", nested),
        ("a short marker that doubles", marker(13)),
        ("a long marker that doubles", marker(60)),
        ("no operation", format!("{{\"operations\":[{}0]}}", "{\"a\":0},".repeat(2_000))),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into()
}

fn bomb(line: &str) -> (String, String) {
    let row: serde_json::Value = serde_json::from_str(line).unwrap();
    let part = |key: &str| row[key].as_str().unwrap_or_default();
    // As a reader with a cap would hand it over: the cap and one byte, never the whole.
    let cap = fix_plan::limits::PLAN_BYTES_MAX + 1;
    let mut text = part("prefix").to_owned();
    let count = row["count"].as_i64().unwrap();
    let mut repeated = 0;
    while text.len() < cap && (count < 0 || repeated < count) {
        text.push_str(part("repeat"));
        repeated += 1;
    }
    text.push_str(part("suffix"));
    (row["id"].to_string(), text)
}

/// The most memory that this process had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}
