//! The same plan twice gives the same bytes, and git takes them.

use fix_patch::{Generated, PatchGenerator, PatchOptions};
use fix_plan::FixPlan;
use fix_tests::repository::{TestRepository, git};

const PLANS: [(&str, &str, &str, &str); 6] = [
    ("python_missing_dependency", "add_dependency", "requirements.txt", r#"{"name": "requests", "spec": ">=2.31,<3"}"#),
    ("python_missing_dependency", "pin_dependency", "requirements.txt", r#"{"name": "flask", "spec": "==3.0.0"}"#),
    ("python_missing_dependency", "add_dependency", "pyproject.toml", r#"{"name": "requests", "spec": ">=2.31"}"#),
    (
        "python_missing_dependency",
        "add_dependency",
        "poetry/pyproject.toml",
        r#"{"name": "requests", "spec": "^2.31"}"#,
    ),
    ("lint_format", "remove_unused", "my code/app.py", r#"{"import": "os"}"#),
    ("lint_format", "remove_unused", "my code/app.py", r#"{"from": "typing", "name": "List"}"#),
];

fn repository() -> TestRepository {
    TestRepository::new(&[
        ("requirements.txt", "flask>=2  # web\r\nnumpy"),
        ("pyproject.toml", "\u{feff}[project]\nname = \"a\"\ndependencies = [\n    'flask',\n]\n"),
        (
            "poetry/pyproject.toml",
            "[tool.poetry]\nname = \"a\"\n\n[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = \"^3\"\n",
        ),
        ("my code/app.py", "import os, sys\nfrom typing import (\n    Dict,\n    List,\n)\n\nx: Dict = sys.path"),
    ])
}

fn generate(
    repository: &TestRepository,
    (category, kind, file, details): (&str, &str, &str, &str),
) -> fix_patch::Patch {
    let plan = format!(
        r#"{{"root_cause": "x", "category": "{category}", "confidence": 1, "files": ["{file}"], "operations":
        [{{"type": "{kind}", "file": "{file}", "details": {details}, "rationale": "r", "evidence": []}}]}}"#
    );
    let plan: FixPlan = plan.parse().unwrap();
    match PatchGenerator::default().generate(&plan, &repository.snapshot(), &PatchOptions::default()) {
        Ok(Generated::Patch(patch)) => patch,
        other => panic!("{file} {details}: {other:?}"),
    }
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let (repository, another) = (repository(), repository());
    for plan in PLANS {
        assert_eq!(generate(&repository, plan).diff(), generate(&another, plan).diff());
    }
}

#[tokio::test]
async fn git_applies_each_diff_to_exactly_the_planned_bytes() {
    let repository = repository();
    for plan in PLANS {
        let patch = generate(&repository, plan);
        let checkout = tempfile::tempdir().unwrap();
        git(checkout.path(), &["clone", "--quiet", &repository.origin().to_string_lossy(), "."]);
        let file = checkout.path().join("../patch.diff");
        let file = file.parent().unwrap().join(format!("{}.diff", patch.digest()));
        std::fs::write(&file, patch.diff()).unwrap();
        git(checkout.path(), &["apply", "--check", &file.to_string_lossy()]);
        git(checkout.path(), &["apply", "--whitespace=nowarn", &file.to_string_lossy()]);
        std::fs::remove_file(&file).unwrap();
        for changed in patch.files() {
            let bytes = std::fs::read(checkout.path().join(changed.path().as_str())).unwrap();
            assert_eq!(bytes, changed.after().as_bytes(), "{}", patch.diff());
        }
        assert_eq!(repository.mirror().patched(repository.commit(), &patch).await.unwrap().tree_id(), {
            git(checkout.path(), &["add", "--all"]);
            git(checkout.path(), &["write-tree"])
        });
    }
}
