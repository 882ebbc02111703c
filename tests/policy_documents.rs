//! The documents of the policy: the schema, the recipes of `docs/policy.md`, and what the corpus says of names.

use fix_policy::{PolicyEngine, SafetyPolicy, Severity, schema};
use fix_tests::corpus::{folder, lines};
use jsonschema::Validator;
use serde_json::{Value, json};

const RECIPES: [(&str, &str); 3] = [
    ("monorepo.toml", include_str!("../examples/policies/monorepo.toml")),
    ("docs-only.yaml", include_str!("../examples/policies/docs-only.yaml")),
    ("dependencies.toml", include_str!("../examples/policies/dependencies.toml")),
];

fn engine(name: &str) -> PolicyEngine {
    let (name, text) = RECIPES.into_iter().find(|(recipe, _)| *recipe == name).unwrap();
    PolicyEngine::new(SafetyPolicy::from_file(name, text.as_bytes()).unwrap()).unwrap()
}

fn diff(path: &str, added: &str) -> Vec<u8> {
    format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1,2 @@\n a\n+{added}\n").into_bytes()
}

#[test]
fn the_schema_accepts_the_default_policy_and_every_recipe() {
    let validator = Validator::new(&schema()).unwrap();
    let policies = RECIPES.map(|(name, text)| SafetyPolicy::from_file(name, text.as_bytes()).unwrap());
    for policy in policies.iter().chain([&SafetyPolicy::from_toml("version = 1").unwrap()]) {
        let document = serde_json::to_value(policy).unwrap();
        assert!(validator.is_valid(&document), "{:?}", validator.iter_errors(&document).next());
    }
    assert!(validator.is_valid(&json!({"version": 1})));
    for (document, key) in [
        (json!({"version": 1, "limits": {"file_max": 1}}), "limits"),
        (json!({"version": 2}), "version"),
        (json!({}), "version"),
        (json!({"version": 1, "danger": {"risky_paths": [{"pattern": "x"}]}}), "danger"),
        (json!({"version": 1, "dependencies": {"unpinned": "no"}}), "dependencies"),
    ] {
        assert!(!validator.is_valid(&document), "{key}");
        assert!(SafetyPolicy::from_json(&document.to_string()).is_err(), "{key}");
    }
}

#[test]
fn recipes_do_what_the_page_says() {
    let monorepo = engine("monorepo.toml");
    assert!(monorepo.evaluate_patch(&diff("services/shop/src/a.py", "x = 1")).allowed);
    assert!(!monorepo.evaluate_patch(&diff("services/billing/src/a.py", "x = 1")).allowed);
    assert!(!monorepo.evaluate_patch(&diff("services/shop/.github/a.yml", "x = 1")).allowed);
    let docs = engine("docs-only.yaml");
    assert!(
        docs.evaluate_patch(&diff("docs/a.md", "x")).allowed && docs.evaluate_patch(&diff("README.md", "x")).allowed
    );
    assert!(!docs.evaluate_patch(&diff("src/a.py", "x")).allowed);
    let dependencies = engine("dependencies.toml");
    assert!(dependencies.evaluate_patch(&diff("requirements.txt", "acme-tools==1.0")).allowed);
    assert!(!dependencies.evaluate_patch(&diff("requirements.txt", "flask==1.0")).allowed);
    assert!(!dependencies.evaluate_patch(&diff("requirements.txt", "acme-tools")).allowed, "without a version");
    assert!(!dependencies.evaluate_patch(&diff("src/a.py", "x = 1")).allowed);
}

/// The page shows the recipes as they are tested, and every code that a violation may have.
#[test]
fn the_page_shows_recipes_and_codes() {
    let page = include_str!("../docs/policy.md");
    for (name, text) in RECIPES {
        assert!(page.contains(text.trim_end()), "docs/policy.md does not show {name} as it is");
    }
    let sources = [
        include_str!("../fix-policy/src/engine.rs"),
        include_str!("../fix-policy/src/rules/mod.rs"),
        include_str!("../fix-policy/src/rules/paths.rs"),
        include_str!("../fix-policy/src/rules/support.rs"),
        include_str!("../fix-policy/src/rules/secrets.rs"),
        include_str!("../fix-policy/src/rules/dependencies/mod.rs"),
    ];
    for part in sources.iter().flat_map(|source| source.split("PolicyViolation::").skip(1)) {
        let code = part.split('"').nth(1).filter(|_| part.starts_with("block(\"") || part.starts_with("warn(\""));
        assert!(code.is_none_or(|code| page.contains(&format!("`{code}`"))), "docs/policy.md does not name {code:?}");
    }
}

/// A name one slip from a well-known one, and a name that is another project's import name, are looked at by a person.
#[test]
fn suspicious_names_are_warned_of_and_known_ones_are_not() {
    let Some(folder) = folder("security") else { return };
    let engine = PolicyEngine::default();
    let warned = |name: &str| {
        let decision = engine.evaluate_patch(&diff("requirements.txt", &format!("{name}==1")));
        assert!(decision.allowed, "{name}: {:?}", decision.violations);
        decision.violations.iter().any(|found| found.severity == Severity::Warn)
    };
    let (mut wrong, mut counts) = (Vec::new(), [0, 0]);
    for line in lines(&folder, "package_names.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let name = row["name"].as_str().unwrap();
        // A name put together of real words can be told from a real one by an index only.
        let expected = row["expect"] != "ok" && row["of"].is_string();
        counts[usize::from(expected)] += 1;
        if warned(name) != expected {
            wrong.push(name.to_owned());
        }
    }
    for line in lines(&folder, "import_to_dist.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        let is_anothers = row["import_name_is_a_different_dist"] == true;
        if is_anothers && !warned(row["import_name"].as_str().unwrap()) || warned(row["dist"].as_str().unwrap()) {
            wrong.push(row["import_name"].to_string());
        }
    }
    eprintln!("names: {} to warn of, {} not to, {} wrong", counts[1], counts[0], wrong.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}
