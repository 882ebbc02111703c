//! Judges the same patches with `fix-policy`, from the text of their diffs, and with regorus, from facts that
//! are parsed before the clock starts. Prints both times, in turns, and the ratio of their medians.

use std::hint::black_box;
use std::time::Instant;

use fix_patch::diff::{self, LineKind};
use fix_policy::{PolicyEngine, SafetyPolicy};
use regorus::{Engine, Value};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

const ROUNDS: u32 = 2_000;
const RUNS: usize = 7;

/// Prefixes of credentials: fewer than ours, and without values of settings.
const SECRETS: [&str; 8] = [
    r"-----BEGIN [A-Z ]*PRIVATE KEY",
    r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}",
    r"\bgl(pat|cbt|ptt|rt|dt)-[A-Za-z0-9_-]{16,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\bAIza[A-Za-z0-9_-]{30}",
    r"\bsk-(ant|proj|svcacct)-[A-Za-z0-9_-]{20,}",
    r"://[^/\s:@]*:[^/\s:@]{3,}@",
];

fn main() -> Result<(), Failure> {
    let policy = SafetyPolicy::from_toml("version = 1")?;
    let patches = [
        ("allowed", patch("src/shop/prices.py", "import sys", 1)),
        ("forbidden", patch("deploy/.GitHub/workflows/ci.yml", "run: make", 1)),
        ("credential", patch("src/shop/prices.py", "key = 'AKIAIOSFODNN7EXAMPLE'", 1)),
        ("30 lines", patch("src/shop/prices.py", "total = sum(prices[line.article] for line in lines)", 30)),
    ];
    let ours = PolicyEngine::new(policy.clone())?;
    let mut theirs = Engine::new();
    theirs.add_policy("policy.rego".to_owned(), include_str!("policy.rego").to_owned())?;
    theirs.add_data_json(&data(&policy).to_string())?;
    let mut ratios = Vec::new();
    println!("{:<12} {:>14} {:>14} {:>15}", "patch", "regorus µs", "fix-policy µs", "times as fast");
    for (name, text) in &patches {
        let facts = Value::from_json_str(&facts(text)?.to_string())?;
        let verdict = ours.evaluate_patch(text.as_bytes());
        theirs.set_input(facts.clone());
        let their_verdict = theirs.eval_rule("data.fix.decision".to_owned())?.to_json_str()?;
        let their_verdict: serde_json::Value = serde_json::from_str(&their_verdict)?;
        let same = their_verdict["allowed"] == verdict.allowed && their_verdict["danger_score"] == verdict.danger_score;
        assert!(same, "the two policies are not equal: {verdict:?} {their_verdict}");
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            their_times.push(micros(|| {
                theirs.set_input(black_box(facts.clone()));
                black_box(theirs.eval_rule("data.fix.decision".to_owned())).is_ok()
            }));
            our_times.push(micros(|| black_box(ours.evaluate_patch(black_box(text.as_bytes()))).danger_score > 0));
        }
        let (ours, theirs) = (median(our_times), median(their_times));
        ratios.push(theirs / ours);
        println!("{name:<12} {theirs:>14.2} {ours:>14.2} {:>15.1}", theirs / ours);
    }
    println!("ratio policy: {:.1}", ratios.into_iter().fold(f64::INFINITY, f64::min));
    Ok(())
}

fn patch(path: &str, line: &str, lines: usize) -> String {
    let added = format!("+{line}\n").repeat(lines);
    format!(
        "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,3 +1,{} @@\n import os\n-import re\n{added} import io\n",
        lines + 2
    )
}

/// What our reader finds in the diff, for a policy that can't read one.
fn facts(text: &str) -> Result<serde_json::Value, Failure> {
    let files = diff::parse(text.as_bytes())?.files.into_iter().map(|file| {
        let lines = |kind| file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(move |line| line.kind == kind);
        let added: Vec<&str> = lines(LineKind::Added).map(|line| line.text.as_str()).collect();
        json!({"path": file.path().map(ToString::to_string), "kind": "modified", "added": added, "removed": lines(LineKind::Removed).count()})
    });
    Ok(json!({"files": files.collect::<Vec<_>>(), "bytes": text.len()}))
}

/// The default policy's patterns: names to be looked up, what those with one star begin and end with, and
/// the few with more.
fn data(policy: &SafetyPolicy) -> serde_json::Value {
    let forbidden = policy.paths.forbidden.iter().map(|pattern| (pattern.to_lowercase(), 0));
    let risky = policy.danger.risky_paths.iter().map(|path| (path.pattern.to_lowercase(), path.weight));
    let parts = |patterns: Vec<(String, u32)>| {
        let (mut names, mut affixes, mut globs) = (serde_json::Map::new(), Vec::new(), Vec::new());
        for (pattern, weight) in patterns {
            match pattern.split_once('*') {
                None => drop(names.insert(pattern, json!(weight))),
                Some((begins, ends)) if !ends.contains('*') => {
                    affixes.push(json!({"begins": begins, "ends": ends, "weight": weight}));
                }
                Some(_) => globs.push(json!({"glob": pattern, "weight": weight})),
            }
        }
        json!({"names": names, "affixes": affixes, "globs": globs})
    };
    json!({
        "forbidden": parts(forbidden.collect()),
        "risky": parts(risky.collect()),
        "limits": policy.limits,
        "secrets": SECRETS,
    })
}

fn micros(mut judge: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        assert!(judge());
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
