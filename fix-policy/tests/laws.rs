//! The laws of a policy, as properties.
#![expect(clippy::unwrap_used, reason = "that is how a test says no")]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use fix_patch::diff;
use fix_plan::FixPlan;
use fix_policy::{
    Decision, Findings, PolicyEngine, PolicyError, PolicyViolation, PrLabel, RiskyPath, Rule, SafetyPolicy, Severity,
    Subject,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

const CASES: u32 = 10_000;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

/// What a policy of these tests says; everything else is as little as can be.
#[derive(Clone, Debug)]
struct Rules {
    allowed: Vec<String>,
    forbidden: Vec<String>,
    risky: Vec<(String, u32)>,
    denied_names: Vec<String>,
    lines_max: u64,
}

fn policy(rules: &Rules) -> SafetyPolicy {
    static DEFAULT: LazyLock<SafetyPolicy> = LazyLock::new(|| SafetyPolicy::from_toml("version = 1").unwrap());
    let mut policy = DEFAULT.clone();
    policy.dependencies.files = vec!["*.txt".to_owned()];
    policy.support.dependency_files.clear();
    policy.support.python_files.clear();
    policy.paths.allowed.clone_from(&rules.allowed);
    policy.paths.forbidden.clone_from(&rules.forbidden);
    policy.dependencies.denied.clone_from(&rules.denied_names);
    policy.limits.lines_added_max = rules.lines_max;
    let risky = rules.risky.iter().map(|(pattern, weight)| {
        serde_json::from_value::<RiskyPath>(serde_json::json!({"pattern": pattern, "weight": weight})).unwrap()
    });
    policy.danger.risky_paths = risky.collect();
    policy
}

/// Compiling is what costs most here: engines are kept.
fn engine(rules: &Rules) -> PolicyEngine {
    static ENGINES: LazyLock<Mutex<BTreeMap<String, PolicyEngine>>> = LazyLock::new(Mutex::default);
    let key = format!("{rules:?}");
    let mut engines = ENGINES.lock().unwrap();
    engines.entry(key).or_insert_with(|| PolicyEngine::new(policy(rules)).unwrap()).clone()
}

fn pattern() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "**",
        "*.py",
        "**/*.py",
        "src/**",
        "src/",
        "src",
        "a.py",
        "src/a.py",
        "*.txt",
        "**/b/**",
        "b",
        "requirements.txt",
        "src/*/a.py",
        "?.py",
        "[ab].py",
        "{a,b}.py",
        "SRC/**",
        "A.PY",
    ])
    .prop_map(str::to_owned)
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(pattern(), 0..4)
}

/// One of 100 policies.
fn rules() -> impl Strategy<Value = Rules> {
    static POOL: LazyLock<Vec<Rules>> = LazyLock::new(|| {
        let mut runner = TestRunner::deterministic();
        (0..100).map(|_| any_rules().new_tree(&mut runner).unwrap().current()).collect()
    });
    prop::sample::select(POOL.clone())
}

prop_compose! {
    fn any_rules()(allowed in patterns(), forbidden in patterns(), risky in prop::collection::vec((pattern(), 0..50_u32), 0..3),
        denied_names in prop::collection::vec(prop::sample::select(vec!["flask", "req*", "*"]).prop_map(str::to_owned), 0..2),
        lines_max in 0..6_u64) -> Rules {
        Rules { allowed, forbidden, risky, denied_names, lines_max }
    }
}

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a.py",
        "src/a.py",
        "src/b/a.py",
        "b/x.txt",
        "requirements.txt",
        "SRC/A.py",
        "docs/c.md",
        "é.py",
    ])
}

fn line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "x = 1",
        "flask==1",
        "requests",
        "reqests==1",
        "reqests==2",
        "-- y",
        "++ z",
        "-e .",
        "key = 'AKIAIOSFODNN7EXAMPLE'",
    ])
}

/// The change of one file: lines that go, lines that come.
fn change() -> impl Strategy<Value = (&'static str, Vec<&'static str>, Vec<&'static str>)> {
    (path(), prop::collection::vec(line(), 0..4), prop::collection::vec(line(), 1..6))
}

fn diff_of<'c>(changes: impl IntoIterator<Item = &'c (&'static str, Vec<&'static str>, Vec<&'static str>)>) -> String {
    let mut text = String::new();
    for (path, removed, added) in changes {
        let start = |lines: &[&str]| u8::from(!lines.is_empty());
        text += &format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n");
        text += &format!("@@ -{},{} +{},{} @@\n", start(removed), removed.len(), start(added), added.len());
        for (sign, lines) in [('-', removed), ('+', added)] {
            text.extend(lines.iter().map(|line| format!("{sign}{line}\n")));
        }
    }
    text
}

fn changes() -> impl Strategy<Value = Vec<(&'static str, Vec<&'static str>, Vec<&'static str>)>> {
    prop::collection::btree_map(path(), change(), 1..4)
        .prop_map(|map| map.into_iter().map(|(path, (_, removed, added))| (path, removed, added)).collect())
}

fn decide(engine: &PolicyEngine, changes: &[(&'static str, Vec<&'static str>, Vec<&'static str>)]) -> Decision {
    engine.evaluate_patch(diff_of(changes).as_bytes())
}

proptest! {
    #![proptest_config(config())]

    /// Deny trumps allow: what a pattern forbids stays denied, whatever is allowed.
    #[test]
    fn deny_trumps_allow(rules in rules(), changes in changes(), more in pattern()) {
        let before = decide(&engine(&rules), &changes);
        let forbidden = |decision: &Decision| decision.violations.iter().any(|violation| violation.code == "path_forbidden");
        let mut generous = rules.clone();
        generous.allowed.push(more);
        generous.allowed.push("**".to_owned());
        let after = decide(&engine(&generous), &changes);
        prop_assert_eq!(forbidden(&before), forbidden(&after));
        prop_assert!(!forbidden(&after) || !after.allowed);
    }

    /// What no pattern of the allow list matches is denied; an empty list matches nothing.
    #[test]
    fn nothing_matched_is_denied(mut rules in rules(), changes in changes()) {
        rules.allowed.retain(|pattern| pattern == "*.txt" || pattern == "?.py");
        let decision = decide(&engine(&rules), &changes);
        let all_match = changes.iter().all(|(path, ..)| {
            rules.allowed.iter().any(|pattern| pattern == "*.txt" && *path == "requirements.txt" || pattern == "?.py" && matches!(*path, "a.py" | "é.py"))
        });
        prop_assert!(all_match || !decision.allowed);
        let said = decision.violations.iter().any(|violation| violation.code == "path_not_allowed");
        prop_assert_eq!(said, !all_match);
    }

    /// Order and repetition of rules show in no part of a decision.
    #[test]
    fn order_and_duplicates_do_not_matter(rules in rules(), changes in changes(), seed in 0..6_usize) {
        let mut shuffled = rules.clone();
        for list in [&mut shuffled.allowed, &mut shuffled.forbidden, &mut shuffled.denied_names] {
            let again: Vec<String> = list.iter().take(seed % 3).cloned().collect();
            list.extend(again);
            let turn = seed % list.len().max(1);
            list.rotate_left(turn);
            if seed % 2 == 0 {
                list.reverse();
            }
        }
        shuffled.risky.reverse();
        shuffled.risky.extend(rules.risky.clone());
        prop_assert_eq!(decide(&engine(&rules), &changes), decide(&engine(&shuffled), &changes));
    }

    /// Adding a rule that blocks never allows, and takes no violation away.
    #[test]
    fn a_blocking_rule_never_allows(rules in rules(), changes in changes(), forbidden in prop::sample::select(vec!["*.py", "src", "a?/x"]), name in prop::sample::select(vec!["*", "x", "re*"])) {
        let before = decide(&engine(&rules), &changes);
        let mut stricter = rules.clone();
        stricter.forbidden.push(forbidden.to_owned());
        stricter.denied_names.push(name.to_owned());
        stricter.lines_max = stricter.lines_max.saturating_sub(1);
        let strict = engine(&stricter);
        for after in [decide(&strict, &changes), decide(&strict.with_rule(No), &changes), decide(&engine(&rules).with_rule(No), &changes)] {
            prop_assert!(before.allowed || !after.allowed);
            let blocking = |decision: &Decision| decision.violations.iter().filter(|violation| violation.severity == Severity::Block).count();
            prop_assert!(blocking(&after) >= blocking(&before));
        }
    }

    /// More files and more added lines are never less dangerous, and never allowed where fewer are not.
    #[test]
    fn the_score_grows_with_files_and_added_lines(rules in rules(), changes in changes(), more in changes(), lines in prop::collection::vec(line(), 1..120)) {
        let engine = engine(&rules);
        let small = decide(&engine, &changes);
        prop_assert!(small.danger_score <= 100);
        let sum: u32 = small.danger_reasons.iter().map(|reason| reason.points).sum();
        prop_assert_eq!(u32::from(small.danger_score), sum.min(100));
        let mut files = changes.clone();
        files.extend(more.into_iter().filter(|(path, ..)| changes.iter().all(|(other, ..)| other != path)));
        let mut longer = changes.clone();
        longer[0].2.extend(lines);
        for larger in [files, longer] {
            let large = decide(&engine, &larger);
            prop_assert!(large.danger_score >= small.danger_score, "{small:?} {large:?}");
            prop_assert!(small.allowed || !large.allowed);
        }
    }

    /// More removed lines are never less dangerous by themselves. In a dependency file they excuse added lines that
    /// say the same, or say it of the same distribution, and nothing else.
    #[test]
    fn removed_lines_excuse_only_what_they_say(rules in rules(), changes in changes(), lines in prop::collection::vec(line(), 1..8)) {
        let engine = engine(&rules);
        let small = decide(&engine, &changes);
        let mut longer = changes.clone();
        longer[0].1.extend(&lines);
        let large = decide(&engine, &longer);
        let points = |decision: &Decision| -> u32 {
            decision.danger_reasons.iter().filter(|reason| reason.code != "warnings").map(|reason| reason.points).sum()
        };
        prop_assert!(points(&large) >= points(&small));
        let excused = |code: &str| match code {
            "dependency_hidden" | "index_option" => lines.iter().any(|line| changes[0].2.contains(line)),
            "dependency_looks_like" => lines.iter().any(|line| line.starts_with("reqests")),
            _ => false,
        };
        for gone in small.violations.iter().filter(|found| !large.violations.contains(found)) {
            let of_dependencies = changes[0].0.ends_with(".txt") && gone.file.as_deref() == Some(changes[0].0);
            let is_limit = gone.code == "limit_exceeded";
            prop_assert!(is_limit || of_dependencies && excused(&gone.code), "{gone:?}");
        }
    }

    /// The label says `safe` only of what is allowed, warns of nothing, and is at most as dangerous as said.
    #[test]
    fn safe_is_what_the_policy_calls_safe(rules in rules(), changes in changes()) {
        let decision = decide(&engine(&rules), &changes);
        let warned = decision.violations.iter().any(|violation| violation.severity == Severity::Warn);
        let blocked = decision.violations.iter().any(|violation| violation.severity == Severity::Block);
        prop_assert_eq!(decision.allowed, !blocked);
        prop_assert_eq!(decision.pr_label == PrLabel::Safe, decision.allowed && !warned && decision.danger_score <= 20);
    }

    /// A policy that is cut, garbled or empty denies everything, or is still a policy; it never panics.
    #[test]
    fn an_unusable_policy_denies(at in any::<prop::sample::Index>(), byte in any::<u8>(), changes in changes(), ending in prop::sample::select(vec!["toml", "json", "yaml", "yml", "", "ini"])) {
        let mut text = br#"{"version": 1, "paths": {"allowed": ["**"], "forbidden": []}, "limits": {"files_max": 5}}"#.to_vec();
        let at = at.index(text.len());
        match byte % 3 {
            0 => text.truncate(at),
            1 => text[at] = byte,
            _ => text.insert(at, byte),
        }
        let policy = SafetyPolicy::from_file(&format!("policy.{ending}"), &text);
        let usable = policy.clone().and_then(PolicyEngine::new).is_ok();
        let decision = decide(&PolicyEngine::from_policy_or_deny(policy), &changes);
        prop_assert!(usable || !decision.allowed);
        let says_so = decision.violations.iter().any(|violation| violation.code == "policy_invalid");
        prop_assert_eq!(says_so, !usable);
    }

    /// A diff that the strict reader refuses is denied.
    #[test]
    fn a_garbled_diff_is_denied(changes in changes(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = diff_of(&changes).into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        static ENGINE: LazyLock<PolicyEngine> = LazyLock::new(PolicyEngine::default);
        let engine = &*ENGINE;
        let decision = engine.evaluate_patch(&text);
        prop_assert!(diff::parse(&text).is_ok() || !decision.allowed);
        prop_assert_eq!(engine.evaluate_patch(&text), decision);
    }
}

/// A rule that says no.
#[derive(Debug)]
struct No;

impl Rule for No {
    fn name(&self) -> &str {
        "no"
    }

    fn judge(&self, _: &Subject<'_>, findings: &mut Findings) {
        findings.violation(PolicyViolation::block("no", "no").by("no"));
    }
}

const PLAN: &str = r#"{"root_cause":"x","category":"lint_format","confidence":1,"files":["a.py"],"operations":[{"type":"remove_unused","file":"a.py","details":{"import":"os"},"rationale":"r","evidence":[]}]}"#;

#[test]
fn an_unusable_policy_denies_plans_and_patches_and_says_why() {
    let plan = FixPlan::parse(PLAN.as_bytes()).unwrap();
    assert!(PolicyEngine::default().evaluate_plan(&plan).allowed);
    let missing = Err(PolicyError::Unreadable { problem: "policy.toml can't be read: no such file".to_owned() });
    for policy in [
        missing,
        SafetyPolicy::from_toml(""),
        SafetyPolicy::from_toml("version = 1\n[path]"),
        SafetyPolicy::from_toml("x"),
    ] {
        let engine = PolicyEngine::from_policy_or_deny(policy);
        for decision in [engine.evaluate_plan(&plan), engine.evaluate_plan_text(b"{}"), engine.evaluate_patch(b"")] {
            assert!(!decision.allowed);
            assert_eq!(decision.violations[0].code, "policy_invalid");
        }
        assert!(engine.review_plan(plan.clone()).unwrap_err().to_string().contains("without a usable policy"));
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let mut policy = SafetyPolicy::from_toml("version = 1").unwrap();
    policy.support.categories.push("a_category_of_ones_own".to_owned());
    assert!(PolicyEngine::new(policy).is_ok());
    for change in [
        (|policy| policy.support.confidence_min = f64::NAN) as fn(&mut SafetyPolicy),
        |policy| policy.danger.confidence_low = 1.5,
        |policy| policy.danger.safe_max = 101,
        |policy| policy.paths.forbidden.push("a[".to_owned()),
        |policy| policy.support.categories.push("lint_fromat".to_owned()),
        |policy| policy.support.categories.push("Lint".to_owned()),
    ] {
        let mut policy = SafetyPolicy::from_toml("version = 1").unwrap();
        change(&mut policy);
        assert!(matches!(PolicyEngine::new(policy), Err(PolicyError::Invalid { .. })));
    }
}

#[test]
fn added_rules_judge_plans_too_and_show_in_the_digest() {
    let plan = FixPlan::parse(PLAN.as_bytes()).unwrap();
    let plain = PolicyEngine::default();
    let strict = plain.clone().with_rule(No);
    assert_eq!(strict.evaluate_plan(&plan).violations[0].code, "no");
    assert_ne!(plain.digest(), strict.digest());
    assert_ne!(strict.digest(), strict.clone().with_rule(No).digest());
}
