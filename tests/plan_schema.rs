//! The parser and the published schemas agree.
//!
//! What the parser accepts fits every schema. The other way round holds but for what a
//! schema can't say: rules between two fields, the grammars of versions, markers, sections,
//! paths and identifiers, invisible characters, line breaks in evidence, long keys in details,
//! and repeated keys.

use fix_plan::schema::{Dialect, canonical};
use fix_plan::{FixPlan, ViolationCode};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6})?"
}

fn operation() -> impl Strategy<Value = (String, Value)> {
    let text = "[ -~]{0,20}[a-z]";
    let optional =
        |value: &'static str| prop_oneof![Just(None), Just(Some(Value::Null)), Just(Some(Value::from(value)))];
    let spec = prop_oneof![Just("==1.0"), Just(">=2,<3"), Just("~=1.4.2"), Just("!=1.5")];
    let dependency =
        (any::<bool>(), name(), spec, optional("python_version < \"3.11\""), optional("dependency-groups.dev"))
            .prop_map(|(add, name, spec, marker, section)| {
                let mut details = json!({"name": format!("zz-{name}"), "spec": spec});
                for (key, value) in [("marker", marker), ("section", section)] {
                    if let Some(value) = value {
                        details[key] = value;
                    }
                }
                (if add { "add_dependency" } else { "pin_dependency" }, "pyproject.toml", details)
            });
    let import = (any::<bool>(), "[a-z]{3,8}", 1_u32..500).prop_map(|(from, name, line)| {
        let name = format!("{name}_x");
        let details = if from {
            json!({"from": "..pkg", "name": name, "line": line})
        } else {
            json!({"import": format!("a.{name}")})
        };
        ("remove_unused", "src/app.py", details)
    });
    let free = "[a-z]{1,5}".prop_map(|key| ("update_config", "setup.cfg", json!({key: [1, {"deep": null}]})));
    (prop_oneof![dependency, import, free], text, proptest::collection::vec(text, 0..3)).prop_map(
        |((kind, file, details), rationale, evidence)| {
            (
                file.to_owned(),
                json!({"type": kind, "file": file, "details": details, "rationale": rationale, "evidence": evidence}),
            )
        },
    )
}

prop_compose! {
    fn plan()(operations in proptest::collection::vec(operation(), 1..4), confidence in 0.0..=1.0_f64) -> Value {
        let mut files: Vec<&String> = operations.iter().map(|(file, _)| file).collect();
        files.sort();
        files.dedup();
        json!({"root_cause": "it fails", "category": "some_failure", "confidence": confidence, "files": files,
            "operations": operations.iter().map(|(_, operation)| operation).collect::<Vec<_>>()})
    }
}

/// One thing changed: a value replaced, a key added or removed, somewhere.
fn broken(mut plan: Value, place: usize, change: usize) -> Value {
    let mut pointers = Vec::new();
    collect(&plan, String::new(), &mut pointers);
    let pointer = pointers[place % pointers.len()].clone();
    let values = [
        Value::Null,
        json!(-1),
        json!(2.5),
        json!(""),
        json!("x y"),
        json!([]),
        json!({}),
        json!(true),
        json!("a".repeat(9_000)),
    ];
    if let Some(target) = plan.pointer_mut(&pointer) {
        match (change % (values.len() + 2), target) {
            (9, Value::Object(object)) => {
                object.insert("surprise".to_owned(), json!(1));
            }
            (10, Value::Object(object)) => {
                let key = object.keys().nth(place % object.len().max(1)).cloned();
                key.and_then(|key| object.remove(&key));
            }
            (index, target) => *target = values[index % values.len()].clone(),
        }
    }
    plan
}

fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| collect(value, format!("{pointer}/{key}"), pointers))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect(value, format!("{pointer}/{index}"), pointers))
        }
        _ => {}
    }
    pointers.push(pointer);
}

fn is_free_form(plan: &Value) -> bool {
    plan["operations"]
        .as_array()
        .is_some_and(|operations| operations.iter().any(|operation| operation["type"] == "update_config"))
}

/// The same plan with `null` for each optional field that is absent: what strict dialects ask for.
fn completed(mut plan: Value) -> Value {
    for operation in plan["operations"].as_array_mut().into_iter().flatten() {
        let optional: &[&str] = match operation["type"].as_str() {
            Some("remove_unused") => &["import", "from", "name", "alias", "line", "line_contains"],
            Some("add_dependency" | "pin_dependency") => &["extras", "marker", "section"],
            _ => &[],
        };
        if let Some(details) = operation["details"].as_object_mut() {
            for key in optional {
                details.entry(*key).or_insert(Value::Null);
            }
        }
    }
    plan
}

fn validators() -> (Validator, Vec<(Dialect, Validator)>) {
    let compile = |schema: &Value| jsonschema::validator_for(schema).unwrap();
    let schema = |dialect: Dialect| serde_json::from_str(dialect.schema().get()).unwrap();
    (compile(&canonical()), Dialect::ALL.into_iter().map(|dialect| (dialect, compile(&schema(dialect)))).collect())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What a schema can't say; everything else the parser refuses, the canonical schema refuses too.
const BEYOND_A_SCHEMA: &[ViolationCode] = &[
    ViolationCode::InvalidText,
    ViolationCode::InvalidPath,
    ViolationCode::FilesCollide,
    ViolationCode::FileNotListed,
    ViolationCode::CategoryMismatch,
    ViolationCode::DuplicateOperation,
    ViolationCode::ConflictingOperations,
    ViolationCode::InvalidName,
    ViolationCode::ReservedName,
    ViolationCode::InvalidSpec,
    ViolationCode::SpecNotPep440,
    ViolationCode::InvalidMarker,
    ViolationCode::InvalidSection,
    ViolationCode::InvalidImport,
    ViolationCode::ImportForm,
    ViolationCode::DuplicateKey,
];

#[test]
fn what_the_parser_accepts_fits_every_schema() {
    let (canonical, dialects) = validators();
    proptest!(config(512), |(plan in plan())| {
        // Two operations drawn alike are no plan; that is the parser's business.
        let Ok(parsed) = FixPlan::parse(plan.to_string().as_bytes()) else { return Ok(()) };
        for plan in [plan.clone(), serde_json::from_str(&parsed.to_json()).unwrap()] {
            prop_assert!(canonical.is_valid(&plan), "{plan}");
            let completed = completed(plan.clone());
            prop_assert_eq!(FixPlan::parse(completed.to_string().as_bytes()).unwrap().digest(), parsed.digest());
            for (dialect, validator) in &dialects {
                if !is_free_form(&plan) {
                    prop_assert!(validator.is_valid(&completed), "{:?} {}", dialect, completed);
                }
                if !is_free_form(&plan) && *dialect != Dialect::OpenAiStrict {
                    prop_assert!(validator.is_valid(&plan), "{:?} {}", dialect, plan);
                }
            }
        }
    });
}

#[test]
fn what_is_almost_a_plan_is_judged_alike() {
    let (canonical, _) = validators();
    proptest!(config(2_048), |(plan in plan(), place in any::<usize>(), change in any::<usize>())| {
        let plan = broken(plan, place, change);
        match FixPlan::parse(plan.to_string().as_bytes()) {
            Ok(_) => prop_assert!(canonical.is_valid(&plan), "accepted, and no schema: {plan}"),
            Err(error) => {
                let said: Vec<ViolationCode> = error.violations().iter().map(|violation| violation.code).collect();
                let only_parser = said.iter().all(|code| BEYOND_A_SCHEMA.contains(code));
                prop_assert!(only_parser || !canonical.is_valid(&plan), "{said:?}, and the schema accepts: {plan}");
            }
        }
    });
}
