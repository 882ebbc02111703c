//! What changes of dependency files are allowed to say, case by case.
#![expect(clippy::unwrap_used, reason = "that is how a test says no")]

use fix_plan::FixPlan;
use fix_policy::{PatchText, PolicyEngine, SafetyPolicy};

/// The diff of a file, from lines that begin with ` `, `-` or `+`.
fn diff(path: &str, lines: &str) -> String {
    let count = |sign: char| lines.lines().filter(|line| !line.starts_with(sign)).count();
    let (old, new) = (count('+'), count('-'));
    let start = |count: usize| usize::from(count > 0);
    format!(
        "diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n@@ -{},{old} +{},{new} @@\n{lines}",
        start(old),
        start(new)
    )
}

fn codes(policy: &str, path: &str, lines: &str) -> Vec<String> {
    let engine = PolicyEngine::new(SafetyPolicy::from_toml(&format!("version = 1\n{policy}")).unwrap()).unwrap();
    let decision = engine.evaluate_patch(diff(path, lines).as_bytes());
    let mut codes: Vec<String> = decision.violations.into_iter().map(|violation| violation.code).collect();
    codes.dedup();
    codes
}

#[track_caller]
fn check(path: &str, lines: &str, expected: &str) {
    assert_eq!(codes("", path, lines).join(" "), expected, "{path}\n{lines}");
}

#[test]
fn tables_that_fetch_from_elsewhere_are_told() {
    for line in [
        "a = { git = \"x\" }",
        "url = \"x\"",
        "a = {path=\"../x\"}",
        "\"git\" = \"x\"",
        "a.git = \"x\"",
        "[tool.uv.sources]",
        "[[tool.uv.index]]",
        "[tool.poetry.source]",
        "[[tool.uv.\"index\"]]",
        "[[tool . uv . index]]",
        "a = { workspace = true }",
        "deps = [\"a #\", \"b @ https://x\"]",
        "\"a@file:x\",",
        "git.url = \"x\"",
        "\"foo@./evil\",",
        "\"foo@x.whl\",",
        "\"foo@{root:uri}/../evil\",",
        "\"foo [e] @x\"",
        "x = \"foo@x\"",
        "a = [{git = \"x\"}]",
        "rev = \"x\"",
        "\"-e ./x\",",
        "\"hg+ssh:x\"",
        "'svn+x'",
    ] {
        check("pyproject.toml", &format!(" a = 1\n+{line}\n"), "direct_reference");
    }
    for line in [
        "allow-insecure-host = [\"x\"]",
        "allow-direct-references = true",
        "build-backend = \"x\"",
        "backend-path = [\".\"]",
        "tool.uv.trusted-host = \"x\"",
    ] {
        check("pyproject.toml", &format!(" a = 1\n+{line}\n"), "index_option");
    }
    check("pyproject.toml", " a = 1\n+allow-direct-references = false\n", "");
}

#[test]
fn lines_that_hide_what_they_are_are_told() {
    for lines in [
        "+\"\"\"foo@ht\\\n+tps:/\\\n+/evil.com/x.whl\"\"\",\n",
        "+\"\"\"ev\\\n+il>=1\"\"\"\n",
        "+\"\\tevil\"\n",
        "+\"evil\\t>=1\"\n",
        "+\"\\u0065vil\"\n",
        "+'''evil'''\n",
        "+\"\"\"evil\"\"\"\n",
        "+version = \"2\",\n",
        "+evil = {version = \"1\"\n",
        "+}\n",
        "+\"a\" \"b\"\n",
        "+\"a\\e\"\n",
        "+evil>=1\n",
        "+a = [\"x\" y]\n",
    ] {
        let codes = codes("", "pyproject.toml", &format!(" a = 1\n{lines}"));
        assert!(codes.contains(&"dependency_hidden".to_owned()), "{lines}: {codes:?}");
    }
    check("requirements.txt", " a\n+# coding: utf-7\n++AC0ALQ-index-url x\n", "dependency_hidden");
    check("requirements.txt", " a\n+# see coding: utf-8\n", "");
}

/// Every way to write a name is one that a list of names judges.
#[test]
fn no_spelling_gets_past_a_list_of_names() {
    const POETRY: &str = " [tool.poetry.dependencies]\n";
    for policy in
        ["dependencies.denied = [\"evil\"]", "dependencies.denied = [\"EVIL\"]", "dependencies.allowed = [\"good\"]"]
    {
        let code = if policy.contains("denied") { "dependency_denied" } else { "dependency_not_allowed" };
        for (path, lines) in [
            ("pyproject.toml", " a = 1\n+\"evil>=1\",\n"),
            ("pyproject.toml", " a = 1\n+\"\\tevil>=1\"\n"),
            ("pyproject.toml", " a = 1\n+\"evil\\t>=1\"\n"),
            ("pyproject.toml", " a = 1\n+dependencies = { python = \"^3.9\", evil = \"^1\" }\n"),
            ("pyproject.toml", " a = 1\n+group.dev.dependencies = {evil = \"1\"}\n"),
            ("pyproject.toml", " a = 1\n+evil = [{version=\"1\", python=\"<3\"}]\n"),
            (
                "pyproject.toml",
                " [tool.poetry.dependencies]\n evil = [\n+    {version = \"1\", python = \"<3\"},\n ]\n",
            ),
            ("pyproject.toml", " a = 1\n+evil = \" ^1\"\n"),
            ("pyproject.toml", " a = 1\n+evil = [\"^1\"]\n"),
            ("pyproject.toml", &format!("{POETRY}+evil = [\"<2\", \">3\"]\n")),
            ("pyproject.toml", " a = 1\n+[tool.uv]\n+override-dependencies = [\"evil==1\"]\n"),
            ("pyproject.toml", " a = 1\n+tool.poetry = {dependencies = {version = \"1\", evil = \"1\"}}\n"),
            ("pyproject.toml", " [tool.pdm.dev-dependencies]\n+test = [\"evil\"]\n"),
            ("pyproject.toml", " a = 1\n+evil = \"v1.0\"\n"),
            ("pyproject.toml", " a = 1\n+evil = \"(>=1)\"\n"),
            ("pyproject.toml", " a = 1\n+evil = \"\"\n"),
            ("pyproject.toml", " a = 1\n+evil = {extras = [\"x\"], version = \"*\"}\n"),
            ("pyproject.toml", " a = 1\n+evil = {markers = \"x\"}\n"),
            ("pyproject.toml", &format!("{POETRY}+evil = \"whatever\"\n")),
            ("pyproject.toml", &format!("{POETRY}+evil.version = \"1\"\n")),
            ("pyproject.toml", &format!("{POETRY}+evil = {{}}\n")),
            ("pyproject.toml", " a = 1\n+[tool.poetry.dependencies . evil]\n"),
            ("pyproject.toml", " a = 1\n+[tool.poetry.\"dependencies\".evil]\n"),
            (
                "pyproject.toml",
                " [tool.poetry.dependencies.evil]\n extras = [\"x\"]\n-version = \"1\"\n+version = \"2\"\n",
            ),
            ("pyproject.toml", " [dependency-groups]\n+keywords = [\"evil\"]\n"),
            ("pyproject.toml", " a = 1\n+keywords = [\"evil\"]\n"),
            ("pyproject.toml", " a = 1\n+optional-dependencies = { extras = [\"evil\"] }\n"),
            ("pyproject.toml", " [tool.hatch.envs.x]\n+dependencies = [\n+  \"evil[e] ; os_name == 'nt'\",\n+]\n"),
            ("Pipfile", " [packages]\n+evil = \"*\"\n"),
            ("requirements.txt", " a\n+evil>=1\n"),
            ("Requirements.TXT", " a\n+evil\n"),
            ("requirements.pip", " a\n+evil\n"),
            ("requirements/base", " a\n+evil\n"),
            ("requirements/deep/x.in", " a\n+evil\n"),
            ("requirements.txt", "-evil==1\n a\n+evil==1\n"),
            ("requirements.txt", " a\n+evil @ https://x\n"),
            ("requirements.txt", "+\u{feff}evil\n"),
        ] {
            let codes = codes(policy, path, lines);
            assert!(codes.contains(&code.to_owned()), "{policy} {path}\n{lines}\n{codes:?}");
        }
        // What it belongs to stands above.
        let codes = codes(policy, "pyproject.toml", " x = \"1\"\n+version = \"2\"\n");
        assert!(codes.contains(&"dependency_hidden".to_owned()), "{policy} {codes:?}");
    }
    check("pyproject.toml", " x = \"1\"\n+version = \"2\"\n", "");
}

#[test]
fn unpinned_is_what_has_no_version() {
    let unpinned = |lines: &str| !codes("dependencies.unpinned = \"warn\"", "pyproject.toml", lines).is_empty();
    for lines in [
        " x = 1\n+\"rich\",\n",
        " x = 1\n+rich = \"*\"\n",
        " [tool.poetry.dependencies]\n+rich = {version = \"*\"}\n",
        " [tool.poetry.dependencies]\n+rich = \"\"\n",
        " x = 1\n+[tool.poetry.dependencies.rich]\n+extras = [\"x\"]\n",
    ] {
        assert!(unpinned(lines), "{lines}");
    }
    for lines in [
        " x = 1\n+\"rich>=1\",\n",
        "-\"rich\"\n+\"rich\",\n",
        " [tool.poetry.dependencies]\n+rich = {version = \"1\"}\n",
        " x = 1\n+[tool.poetry.dependencies.rich]\n+version = \"1\"\n",
    ] {
        assert!(!unpinned(lines), "{lines}");
    }
}

#[test]
fn what_the_file_said_before_is_not_new() {
    for (path, lines) in [
        ("pyproject.toml", "-    \"requests>=2.0\",  # see https://x\n+    \"requests>=2.31\",  # see https://x\n"),
        ("pyproject.toml", "-    \"a\" # https://x\n+    \"a\", # https://x\n+    \"rich\"\n"),
        (
            "pyproject.toml",
            "-x = [\"flask\", \"mylib @ git+https://x\"]\n+x = [\"flask\", \"mylib @ git+https://x\", \"rich\"]\n",
        ),
        (
            "pyproject.toml",
            "-foo = { version = \"^1\", source = \"internal\" }\n+foo = { version = \"^2\", source = \"internal\" }\n",
        ),
        ("pyproject.toml", "-\"rich>=1; os_name == \\u0022nt\\u0022\",\n+\"rich>=2; os_name == \\u0022nt\\u0022\",\n"),
        ("requirements.txt", "-requests>=2.0\t# https://x\n+requests>=2.1\t# https://x\n"),
        ("requirements.txt", "-rich==1 --no-binary x\n+rich==2 --no-binary x\n"),
    ] {
        check(path, lines, "");
    }
    // The same reference of another distribution, or in a comment, is new.
    check(
        "pyproject.toml",
        "-foo = { version = \"^1\", source = \"x\" }\n+rich = { version = \"^1\", source = \"x\" }\n",
        "direct_reference",
    );
    check("pyproject.toml", "-# \"rich @ https://x\",\n+\"rich @ https://x\",\n", "direct_reference");
    check("requirements.txt", "-# -i https://x\n+-i https://x\n", "index_option");
}

#[test]
fn honest_changes_of_other_tables_are_allowed() {
    for lines in [
        " [project.urls]\n+Homepage = \"https://x.example\"\n",
        " [project]\n+readme = {file = \"README.md\"}\n",
        " [project]\n+license = {file = \"LICENSE\"}\n",
        " [tool.coverage.run]\n+source = [\"src\"]\n",
        " [tool.hatch.version]\n+path = \"src/x/__init__.py\"\n",
        " [tool.hatch.version]\n+source = \"vcs\"\n",
        " [tool.mypy]\n+exclude = \"\\\\.venv|\\\\.tox\\t\"\n",
        " [project]\n+keywords = [\"json\"]\n",
        " [project]\n keywords = [\n+  \"json\",\n ]\n",
        " [project]\n+version = \"1.2\"\n",
        " [project]\n authors = [\n+  {name = \"A\", email = \"a@b.org\"},\n ]\n",
        " x = 1\n+exclude = \"\\\\.venv\"\n",
        " x = 1\n+authors = [{email = \"a@b.org\"}]\n",
        " x = 1\n+path-like = \"^1\"\n",
        " x = 1\n+indexes = []\n",
        " x = 1\n+[tool.ruff]\n+select = [\"E\"]\n",
        " x = 1\n+# url = 1\n",
        " x = 1\n+pattern = \"digit+s\"\n",
    ] {
        check("pyproject.toml", lines, "");
    }
    let hash = "0123456789abcdef".repeat(4);
    check(
        "requirements.txt",
        &format!(
            " a\n+rich==13 \\\n+    --hash=sha256:{hash} \\\n+    --hash=sha256:{hash}\n+    # via -r requirements.in\n"
        ),
        "",
    );
    check("requirements/dev.txt", " a\n+-r base.txt\n+-c ../constraints.txt\n", "");
    for path in [
        "robots.txt",
        "CMakeLists.txt",
        "LICENSE.txt",
        "CHANGELOG.txt",
        "docs/notes.txt",
        "data/words.txt",
        "configure.in",
        "src/requirements/models.py",
    ] {
        check(path, " a\n+See https://x.example - or not.\n", "");
    }
}

/// What is not looked at in one table must not come into another unseen.
#[test]
fn what_moves_to_another_table_is_looked_at() {
    for (lines, code) in [
        (" [tool.ruff]\n+[tool.uv.x]\n index-url = \"https://x\"\n", "direct_reference"),
        ("-[tool.ruff]\n+[tool.poetry.dependencies]\n evil = {git = \"https://x\"}\n [x]\n", "direct_reference"),
        ("-[tool.ruff]\n a = 1\n b = 1\n", "dependency_hidden"),
        (" [tool.ruff]\n+[tool.uv]\n a = 1\n", "dependency_hidden"),
        (
            " [project]\n keywords = [\n   \"x\",\n+]\n+dependencies = [\n   \"evil @ https://x\",\n ]\n",
            "direct_reference",
        ),
        (" [project]\n-keywords = [\n+dependencies = [\n   \"x\",\n   \"y\",\n", "dependency_hidden"),
        ("-\"\"\"\n a.git = \"https://x\"\n", "direct_reference"),
        ("-x = \"\"\"\n a = 1\n", "dependency_hidden"),
        (" \"\"\"\n [project.urls]\n \"\"\"\n+x = \"https://x\"\n", "direct_reference"),
    ] {
        let codes = codes("", "pyproject.toml", lines);
        assert!(codes.contains(&code.to_owned()), "{lines}: {codes:?}");
    }
    check("pyproject.toml", " a = 1\n+[tool.poetry.group.dev.dependencies]\n+rich = \"^13\"\n+\n [x]\n y = 1\n", "");
    check("pyproject.toml", " a = 1\n+\n+[tool.ruff]\n+select = []\n", "");
}

#[test]
fn what_the_diff_does_not_show_is_told() {
    let generous = PolicyEngine::new(
        SafetyPolicy::from_toml("version = 1\nchanges = { rename = true, binary = true }\n").unwrap(),
    )
    .unwrap();
    let renamed =
        "diff --git a/x.md b/requirements.txt\nsimilarity index 100%\nrename from x.md\nrename to requirements.txt\n";
    let moved = renamed.replace("x.md", "reqs/dev.txt");
    let binary = "diff --git a/requirements.txt b/requirements.txt\nindex 1..2 100644\nBinary files a/requirements.txt and b/requirements.txt differ\n";
    assert_eq!(generous.evaluate_patch(renamed.as_bytes()).violations[0].code, "dependency_hidden");
    assert_eq!(generous.evaluate_patch(binary.as_bytes()).violations[0].code, "dependency_hidden");
    assert!(generous.evaluate_patch(moved.as_bytes()).allowed);
}

/// A file is one of dependencies, whatever it is called, when the plan says so.
#[test]
fn the_files_of_a_plan_are_looked_at_too() {
    let plan = r#"{"root_cause":"x","category":"python_missing_dependency","confidence":1,"files":["deploy/python.txt"],"operations":[{"type":"add_dependency","file":"deploy/python.txt","details":{"name":"rich","spec":">=13"},"rationale":"r","evidence":[]}]}"#;
    let plan = FixPlan::parse(plan.as_bytes()).unwrap();
    let engine = PolicyEngine::default();
    let allowed = |lines: &str, plan: Option<&FixPlan>| {
        let diff = diff("deploy/python.txt", lines);
        engine.evaluate_patch_text(PatchText { diff: diff.as_bytes(), plan, stale_lock_files: &[] }).allowed
    };
    assert!(allowed(" a\n+rich\n", Some(&plan)));
    assert!(!allowed(" a\n+rich @ https://x\n", Some(&plan)) && allowed(" a\n+rich @ https://x\n", None));
}
