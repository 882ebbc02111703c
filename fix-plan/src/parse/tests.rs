use super::*;

fn valid() -> serde_json::Value {
    serde_json::json!({
        "root_cause": "tests import requests, which is not declared",
        "category": "python_missing_dependency",
        "confidence": 0.92,
        "files": ["pyproject.toml"],
        "operations": [{
            "type": "add_dependency", "file": "pyproject.toml",
            "details": {"name": "requests", "spec": ">=2.31,<3"},
            "rationale": "declare the missing runtime dependency",
            "evidence": ["ModuleNotFoundError: No module named 'requests'"],
        }],
    })
}

fn codes(value: &serde_json::Value) -> Vec<(String, ViolationCode)> {
    match FixPlan::parse(value.to_string().as_bytes()) {
        Ok(_) => Vec::new(),
        Err(error) => error.violations().iter().map(|v| (v.pointer.clone(), v.code)).collect(),
    }
}

#[test]
fn canonical_json_parses_to_the_same_plan() {
    let plan = FixPlan::parse(valid().to_string().as_bytes()).unwrap();
    let again: FixPlan = plan.to_json().parse().unwrap();
    assert_eq!(plan, again);
    assert_eq!(plan.digest(), again.digest());
}

#[test]
fn order_and_slashes_do_not_matter() {
    let mut a = valid();
    a["files"] = serde_json::json!(["src/b.py", "a.py"]);
    a["category"] = "lint_format".into();
    let operation = |file: &str| serde_json::json!({"type": "remove_unused", "file": file, "details": {"import": "os"}, "rationale": "r", "evidence": ["y", "x"]});
    a["operations"] = serde_json::json!([operation("src/b.py"), operation("a.py")]);
    let mut b = a.clone();
    b["files"] = serde_json::json!(["./a.py", "src\\b.py"]);
    b["operations"] = serde_json::json!([operation("a.py"), operation("src\\b.py")]);
    let parse = |value: &serde_json::Value| FixPlan::parse(value.to_string().as_bytes()).unwrap();
    assert_eq!(parse(&a).digest(), parse(&b).digest());
}

#[test]
fn every_violation_is_reported_at_once() {
    let mut plan = valid();
    plan["confidence"] = 3.into();
    plan["extra"] = 1.into();
    plan["operations"][0]["details"]["name"] = "a b".into();
    plan["operations"][0]["details"]["index"] = "evil".into();
    plan["operations"][0]["evidence"] = serde_json::json!([1]);
    let found = codes(&plan);
    for expected in [
        ("/confidence", ViolationCode::ConfidenceOutOfRange),
        ("/extra", ViolationCode::UnknownField),
        ("/operations/0/details/name", ViolationCode::InvalidName),
        ("/operations/0/details/index", ViolationCode::UnknownField),
        ("/operations/0/evidence/0", ViolationCode::WrongType),
    ] {
        assert!(found.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} not in {found:?}");
    }
}

#[test]
fn says_what_stands_around_the_json() {
    let code = |text: &str| FixPlan::parse(text.as_bytes()).unwrap_err().violations()[0].code;
    let plan = valid().to_string();
    assert_eq!(code(&format!("```json\n{plan}\n```")), ViolationCode::MarkdownFence);
    assert_eq!(code(&format!("Here you are: {plan}")), ViolationCode::ProseAroundJson);
    assert_eq!(code(&format!("{plan} Hope that helps!")), ViolationCode::ProseAroundJson);
    assert_eq!(code(plan.split_at(40).0), ViolationCode::InvalidJson);
    assert_eq!(code(""), ViolationCode::EmptyAnswer);
    assert_eq!(code(&"[".repeat(40)), ViolationCode::TooDeep);
    assert_eq!(code(&format!("[{}0]", "0,".repeat(5000))), ViolationCode::TooManyValues);
    assert_eq!(code(&" ".repeat(300_000)), ViolationCode::TooLarge);
    assert_eq!(FixPlan::parse(b"\xff").unwrap_err().violations()[0].code, ViolationCode::NotUtf8);
    assert_eq!(code("[]"), ViolationCode::WrongType);
}

#[test]
fn duplicate_keys_and_positional_arrays_are_refused() {
    let twice = valid().to_string().replacen("\"category\"", "\"confidence\":1,\"category\"", 1);
    let error = FixPlan::parse(twice.as_bytes()).unwrap_err();
    assert_eq!(error.violations()[0].code, ViolationCode::DuplicateKey);
    let mut plan = valid();
    plan["operations"][0] = serde_json::json!(["add_dependency", "pyproject.toml", {}, "r", []]);
    assert_eq!(codes(&plan), [("/operations/0".to_owned(), ViolationCode::WrongType)]);
}

#[test]
fn cross_field_rules_hold() {
    let mut plan = valid();
    plan["operations"][0]["file"] = "other.toml".into();
    assert_eq!(codes(&plan), [("/operations/0/file".to_owned(), ViolationCode::FileNotListed)]);

    let mut plan = valid();
    plan["files"] = serde_json::json!(["pyproject.toml", "PyProject.TOML"]);
    assert_eq!(codes(&plan), [("/files/1".to_owned(), ViolationCode::FilesCollide)]);

    let mut plan = valid();
    plan["category"] = "lint_format".into();
    assert_eq!(codes(&plan), [("/operations/0/type".to_owned(), ViolationCode::CategoryMismatch)]);

    let mut plan = valid();
    let mut second = plan["operations"][0].clone();
    second["details"]["name"] = "Requests".into();
    second["details"]["spec"] = "==1".into();
    plan["operations"].as_array_mut().unwrap().push(second);
    assert_eq!(codes(&plan), [("/operations/1".to_owned(), ViolationCode::ConflictingOperations)]);
}

#[test]
fn imports_are_named_in_one_way() {
    let mut plan = valid();
    plan["category"] = "lint_format".into();
    plan["operations"][0]["type"] = "remove_unused".into();
    let mut with = |details: serde_json::Value| {
        plan["operations"][0]["details"] = details;
        codes(&plan).into_iter().map(|(_, code)| code).collect::<Vec<_>>()
    };
    assert_eq!(with(serde_json::json!({"import": "os.path", "alias": "p", "line": 3})), []);
    assert_eq!(with(serde_json::json!({"from": "..a", "name": "b", "line_contains": "import b"})), []);
    assert_eq!(with(serde_json::json!({"import": "os", "from": null, "name": null})), []);
    assert_eq!(with(serde_json::json!({"from": "a"})), [ViolationCode::ImportForm]);
    assert_eq!(with(serde_json::json!({"import": "os", "from": "a", "name": "b"})), [ViolationCode::ImportForm]);
    assert_eq!(with(serde_json::json!({"from": "a", "name": "*"})), [ViolationCode::InvalidImport]);
    assert_eq!(with(serde_json::json!({"from": "a", "name": "b.c"})), [ViolationCode::InvalidImport]);
    assert_eq!(with(serde_json::json!({"import": "os", "line": 0})), [ViolationCode::InvalidLine]);
}

#[test]
fn every_kind_of_fault_is_reported_at_once() {
    let mut plan = valid();
    plan["root_cause"] = "".into();
    plan["category"] = "lint_format".into();
    plan["operations"][0]["file"] = "other/pyproject.toml".into();
    plan["operations"][0]["details"]["name"] = "os".into();
    plan["operations"][0]["rationale"] = 1.into();
    let mut second = plan["operations"][0].clone();
    second["details"]["spec"] = "==1".into();
    plan["operations"].as_array_mut().unwrap().push(second);
    let found: Vec<ViolationCode> = codes(&plan).into_iter().map(|(_, code)| code).collect();
    for expected in [
        ViolationCode::InvalidText,
        ViolationCode::WrongType,
        ViolationCode::FileNotListed,
        ViolationCode::CategoryMismatch,
        ViolationCode::ReservedName,
        ViolationCode::ConflictingOperations,
    ] {
        assert!(found.contains(&expected), "{expected} not in {found:?}");
    }
}

/// The evidence is told by its place in the text, though the plan would be sorted.
#[test]
fn evidence_must_quote_the_log() {
    let mut plan = valid();
    plan["operations"][0]["evidence"] =
        serde_json::json!(["z: in the log", "invented line of it", "yaml", "two\nlines"]);
    let log = Log::from("z: in the log\nModuleNotFoundError: No module named 'yaml'\n");
    let error = FixPlan::parse_for(plan.to_string().as_bytes(), &log).unwrap_err();
    let found: Vec<_> =
        error.violations().iter().map(|violation| (violation.pointer.as_str(), violation.code)).collect();
    assert_eq!(
        found,
        [
            ("/operations/0/evidence/1", ViolationCode::EvidenceNotFound),
            ("/operations/0/evidence/2", ViolationCode::EvidenceNotFound),
            ("/operations/0/evidence/3", ViolationCode::InvalidText),
        ]
    );
    assert!(error.violations()[0].message.contains("\"invented line of it\""), "{error}");
}

#[test]
fn a_plan_inside_of_an_object_is_told_so() {
    let wrapped = serde_json::json!({"ok": true, "plan": valid()});
    assert_eq!(codes(&wrapped), [("/plan".to_owned(), ViolationCode::UnknownField)]);
}

#[test]
fn versions_and_sections_fit_their_file() {
    let with = |file: &str, spec: &str, section: Option<&str>| {
        let mut plan = valid();
        plan["files"][0] = file.into();
        plan["operations"][0]["file"] = file.into();
        plan["operations"][0]["details"]["spec"] = spec.into();
        plan["operations"][0]["details"]["section"] = section.into();
        codes(&plan).into_iter().map(|(_, code)| code).collect::<Vec<_>>()
    };
    for section in [None, Some("tool.poetry.dependencies"), Some("tool.poetry.group.dev.dependencies")] {
        assert_eq!(with("pyproject.toml", "^2", section), []);
    }
    for section in
        ["project.dependencies", "project.optional-dependencies.x", "dependency-groups.dev", "tool.uv.dev-dependencies"]
    {
        assert_eq!(with("pyproject.toml", "^2", Some(section)), [ViolationCode::SpecNotPep440]);
        assert_eq!(with("pyproject.toml", ">=2", Some(section)), []);
        assert_eq!(with("requirements.txt", ">=2", Some(section)), [ViolationCode::InvalidSection]);
    }
    assert_eq!(with("requirements.txt", ">=2", Some("requirements")), []);
    assert_eq!(with("pyproject.toml", ">=2", Some("requirements")), [ViolationCode::InvalidSection]);
    assert_eq!(with("requirements.txt", "^2", None), [ViolationCode::SpecNotPep440]);
}

#[test]
fn a_line_is_a_whole_number_however_it_is_written() {
    let mut plan = valid();
    plan["category"] = "lint_format".into();
    plan["operations"][0]["type"] = "remove_unused".into();
    let mut with = |line: serde_json::Value| {
        plan["operations"][0]["details"] = serde_json::json!({"import": "os", "line": line});
        codes(&plan).is_empty()
    };
    assert!(with(3.into()) && with(serde_json::json!(3.0)) && with(u32::MAX.into()));
    assert!(!with(0.into()) && !with(serde_json::json!(3.5)) && !with((-1).into()) && !with(4_294_967_296_u64.into()));
}

#[test]
fn a_path_is_as_long_as_it_is_written() {
    let with = |path: String| {
        let mut plan = valid();
        plan["files"][0] = path.clone().into();
        plan["operations"][0]["file"] = path.into();
        codes(&plan).is_empty()
    };
    let long = format!("{}/pyproject.toml", vec!["d".repeat(200); 5].join("/"));
    let long = format!("{}{long}", "x".repeat(1_024 - long.len()));
    assert!(with(long.clone()), "{}", long.len());
    let (_, shorter) = long.split_at(2);
    assert!(with(format!("./{shorter}")) && !with(format!("./{long}")));
}

/// What a rule builds by hand goes through the same door.
#[test]
fn what_is_built_is_what_would_be_parsed() {
    let plan: FixPlan = valid().to_string().parse().unwrap();
    let rebuilt = |change: &dyn Fn(&mut crate::Operation)| {
        let mut operation = plan.operations()[0].clone();
        change(&mut operation);
        let files = vec![operation.file.clone()];
        FixPlan::new(plan.root_cause().clone(), plan.category().clone(), plan.confidence(), files, vec![operation])
            .map_err(|error| error.violations()[0].code)
    };
    let text = |text: &str| DisplayText::new(text, 1 << 20).unwrap();
    assert_eq!(rebuilt(&|_| ()), Ok(plan.clone()));
    let unix = |operation: &mut crate::Operation| {
        operation.file = RepoPath::parse("con/pyproject.toml", crate::PathProfile::Unix).unwrap();
    };
    assert_eq!(rebuilt(&unix), Err(ViolationCode::InvalidPath));
    assert_eq!(rebuilt(&|operation| operation.rationale = text(&"x".repeat(300_000))), Err(ViolationCode::TooLarge));
    assert_eq!(rebuilt(&|operation| operation.rationale = text(&"x".repeat(9_000))), Err(ViolationCode::InvalidText));
    assert_eq!(rebuilt(&|operation| operation.evidence = vec![text("two\nlines")]), Err(ViolationCode::InvalidText));
    let lines: Vec<_> = (0..100).map(|n| text(&format!("line {n}"))).collect();
    assert_eq!(rebuilt(&|operation| operation.evidence = lines.clone()), Err(ViolationCode::EvidenceCount));
    let unsorted = |operation: &mut crate::Operation| {
        let Action::AddDependency(dependency) = &mut operation.action else { unreachable!() };
        dependency.extras = ["b", "a", "b"].map(|name| name.parse().unwrap()).into();
    };
    let sorted = rebuilt(&unsorted).unwrap();
    let Action::AddDependency(dependency) = &sorted.operations()[0].action else { unreachable!() };
    assert_eq!(dependency.extras.len(), 2);
    let odd = |operation: &mut crate::Operation| {
        let mut import =
            crate::UnusedImport::new(crate::ImportTarget::Import { module: "os".parse().unwrap(), alias: None });
        import.locator.line_contains = Some("a\u{202e}b".to_owned());
        operation.action = Action::RemoveUnused(import);
    };
    assert_eq!(rebuilt(&odd), Err(ViolationCode::InvalidText));
}

/// Equal plans have equal digests, and the other way round.
#[test]
fn equality_is_that_of_the_canonical_json() {
    let with = |name: &str, spec: &str, marker: &str| {
        let mut plan = valid();
        plan["operations"][0]["details"] = serde_json::json!({"name": name, "spec": spec, "marker": marker});
        plan.to_string().parse::<FixPlan>().unwrap()
    };
    let plan = with("requests", ">=2,<3", "os_name == 'nt'");
    assert_eq!(plan, with("requests", ">= 2, < 3", "os_name==\"nt\""));
    for other in [with("Requests", ">=2,<3", "os_name == 'nt'"), with("requests", "<3,>=2", "os_name == 'nt'")] {
        assert!(plan != other && plan.digest() != other.digest());
    }
}

/// Canonical JSON is read as it was written, to the last digit of a confidence.
#[test]
fn every_confidence_survives_a_round() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..2_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let confidence = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let mut plan = valid();
        plan["confidence"] = confidence.into();
        let plan: FixPlan = plan.to_string().parse().unwrap();
        assert_eq!(plan.confidence().get().to_bits(), confidence.to_bits());
        assert_eq!(plan.to_json().parse::<FixPlan>().unwrap().digest(), plan.digest());
    }
}
