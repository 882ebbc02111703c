//! Where a new dependency goes, and what a pin leaves: the text before and the text after, layout by layout.

mod support;

use serde_json::{Value, json};
use support::{operation, run};

fn change(path: &str, kind: &str, section: Option<&str>, name: &str, spec: &str, before: &str) -> String {
    let details = json!({"name": name, "spec": spec, "section": section});
    run(path, before, &[operation(kind, details)]).unwrap_or_else(|refusal| refusal.code.to_string())
}

fn check(rows: &[(&str, &str)], change: impl Fn(&str) -> String) {
    let mut wrong = Vec::new();
    for (before, after) in rows {
        let found = change(before);
        if found != *after {
            wrong.push(format!("{before:?}\n gave {found:?}\n  not {after:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `m>=1` added to `[project] dependencies`, whose array is what a row holds.
fn check_arrays(rows: &[(&str, &str)]) {
    let document = |array: &str| format!("[project]\nname = \"x\"\ndependencies = {array}\n[tool.x]\ny = 1\n");
    check(rows, |array| {
        let after = change("pyproject.toml", "add_dependency", None, "m", ">=1", &document(array));
        let array = after.strip_prefix("[project]\nname = \"x\"\ndependencies = ");
        array.and_then(|rest| rest.strip_suffix("\n[tool.x]\ny = 1\n")).map_or(after.clone(), str::to_owned)
    });
}

#[test]
fn arrays_on_one_line() {
    check_arrays(&[
        ("[]", "[\"m>=1\"]"),
        ("[ ]", "[ \"m>=1\" ]"),
        ("[  ]", "[ \"m>=1\"  ]"),
        ("[\"b\"]", "[\"b\", \"m>=1\"]"),
        ("[\"b\",]", "[\"b\", \"m>=1\",]"),
        ("[ \"b\" ]", "[ \"b\", \"m>=1\" ]"),
        ("[ \"b\" , ]", "[ \"b\" , \"m>=1\", ]"),
        ("[\"b\",\"a\"]", "[\"b\",\"a\",\"m>=1\"]"),
        ("[\"b\",  \"a\"]", "[\"b\",  \"a\",  \"m>=1\"]"),
        ("['b']", "['b', 'm>=1']"),
        ("['b', \"a\"]", "['b', \"a\", \"m>=1\"]"),
        ("['b', \"a\", 'c']", "['b', \"a\", 'c', 'm>=1']"),
        ("[\"a\", \"b\", \"z\"]", "[\"a\", \"b\", \"m>=1\", \"z\"]"),
        ("[\"p\", \"q\", \"r\"]", "[\"m>=1\", \"p\", \"q\", \"r\"]"),
        ("[\"a\", \"b\", \"c\"]", "[\"a\", \"b\", \"c\", \"m>=1\"]"),
        ("[\"z\", \"b\", \"c\"]", "[\"z\", \"b\", \"c\", \"m>=1\"]"),
        ("[\"b\"] # \"c\", ]", "[\"b\", \"m>=1\"] # \"c\", ]"),
    ]);
}

#[test]
fn arrays_of_an_entry_a_line() {
    check_arrays(&[
        ("[\n]", "[\n    \"m>=1\",\n]"),
        ("[\n  ]", "[\n      \"m>=1\",\n  ]"),
        ("[ # c\n]", "[ # c\n    \"m>=1\",\n]"),
        ("[ # c\n  # d\n]", "[ # c\n  # d\n    \"m>=1\",\n]"),
        ("[\n  # d\n]", "[\n  # d\n  \"m>=1\",\n]"),
        ("[\n  \"b\",\n]", "[\n  \"b\",\n  \"m>=1\",\n]"),
        ("[\n  \"b\"\n]", "[\n  \"b\",\n  \"m>=1\"\n]"),
        ("[\n  \"b\" # c\n]", "[\n  \"b\", # c\n  \"m>=1\"\n]"),
        ("[\n  \"b\" # c, d\n  ,\n]", "[\n  \"b\" # c, d\n  ,\n  \"m>=1\",\n]"),
        ("[\n  \"b\",\n  # c\n]", "[\n  \"b\",\n  \"m>=1\",\n  # c\n]"),
        ("[\n\t\"b\",\n]", "[\n\t\"b\",\n\t\"m>=1\",\n]"),
        ("[\r\n  \"b\",\r\n]", "[\r\n  \"b\",\r\n  \"m>=1\",\r\n]"),
        ("[\n  \"b\",\n  \"c\", \"a\",\n]", "[\n  \"b\",\n  \"c\", \"a\",\n  \"m>=1\",\n]"),
        ("[\n  \"a\",\n  \"b\",\n  \"z\",\n]", "[\n  \"a\",\n  \"b\",\n  \"m>=1\",\n  \"z\",\n]"),
        ("[\n  \"a\",\n  \"b\", # c\n  # d\n  \"z\",\n]", "[\n  \"a\",\n  \"b\", # c\n  \"m>=1\",\n  # d\n  \"z\",\n]"),
        ("[\n  \"p\",\n  \"q\",\n  \"r\",\n]", "[\n  \"m>=1\",\n  \"p\",\n  \"q\",\n  \"r\",\n]"),
        ("[ # c\n  # d\n  \"p\",\n  \"q\",\n  \"r\",\n]", "[ # c\n  \"m>=1\",\n  # d\n  \"p\",\n  \"q\",\n  \"r\",\n]"),
        ("[\n  \"a\", \"b\",\n  \"y\", \"z\",\n]", "[\n  \"a\", \"b\",\n  \"m>=1\",\n  \"y\", \"z\",\n]"),
        ("[\n  \"a\", \"z\",\n  \"zz\",\n]", "[\n  \"a\", \"m>=1\", \"z\",\n  \"zz\",\n]"),
    ]);
}

#[test]
fn arrays_with_brackets_on_lines_of_entries() {
    check_arrays(&[
        ("[\"b\",\n \"a\"]", "[\"b\",\n \"a\",\n \"m>=1\"]"),
        ("[\"b\",\n \"a\",]", "[\"b\",\n \"a\",\n \"m>=1\",]"),
        ("[\"b\",\n \"a\", \"c\"]", "[\"b\",\n \"a\", \"c\", \"m>=1\"]"),
        ("[\n  \"b\"\n  ,]", "[\n  \"b\"\n  , \"m>=1\",]"),
        ("[\n  \"b\"]", "[\n  \"b\",\n  \"m>=1\"]"),
        ("[\"b\",\n]", "[\"b\",\n    \"m>=1\",\n]"),
        ("[\"b\"\n]", "[\"b\",\n    \"m>=1\"\n]"),
        ("[\"b\", \"a\"\n]", "[\"b\", \"a\",\n    \"m>=1\"\n]"),
        ("[\"p\",\n \"q\",\n \"r\"]", "[\"m>=1\", \"p\",\n \"q\",\n \"r\"]"),
        ("[\"a\",\n \"q\",\n \"r\"]", "[\"a\",\n \"m>=1\",\n \"q\",\n \"r\"]"),
    ]);
}

#[test]
fn arrays_of_leading_commas() {
    check_arrays(&[
        ("[\n  \"b\"\n  , \"a\"\n]", "[\n  \"b\"\n  , \"a\"\n  , \"m>=1\"\n]"),
        ("[\n  \"b\"\n  , \"a\"\n  ,\n]", "[\n  \"b\"\n  , \"a\"\n  , \"m>=1\"\n  ,\n]"),
        ("[\n  \"b\"\n  , \"a\",\n]", "[\n  \"b\"\n  , \"a\",\n  \"m>=1\",\n]"),
        ("[\n  \"a\"\n  , \"b\" # c\n  , \"z\"\n]", "[\n  \"a\"\n  , \"b\" # c\n  , \"m>=1\"\n  , \"z\"\n]"),
        ("[\n  \"p\"\n, \"q\"\n, \"r\"\n]", "[\n  \"m>=1\",\n  \"p\"\n, \"q\"\n, \"r\"\n]"),
    ]);
}

#[test]
fn missing_lists_are_made() {
    check(
        &[
            ("[dependency-groups]\n\n[tool.x]\n", "[dependency-groups]\ndev = [\"m>=1\"]\n\n[tool.x]\n"),
            ("  [dependency-groups]\n", "  [dependency-groups]\n  dev = [\"m>=1\"]\n"),
            ("[dependency-groups]\nt = []\n", "[dependency-groups]\nt = []\ndev = [\"m>=1\"]\n"),
            ("[dependency-groups]\nt = [\n]", "[dependency-groups]\nt = [\n]\ndev = [\"m>=1\"]"),
            ("dependency-groups.t = []\n", "dependency-groups.t = []\ndependency-groups.dev = [\"m>=1\"]\n"),
            ("dependency-groups = {t = []}\n", "dependency-groups = {t = [], dev = [\"m>=1\"]}\n"),
            ("dependency-groups = {}\n", "dependency-groups = { dev = [\"m>=1\"] }\n"),
            ("dependency-groups = { }\n", "dependency-groups = {dev = [\"m>=1\"] }\n"),
            ("", "[dependency-groups]\ndev = [\"m>=1\"]\n"),
            ("\n\n", "\n\n[dependency-groups]\ndev = [\"m>=1\"]\n"),
            ("[tool.x]", "[tool.x]\n\n[dependency-groups]\ndev = [\"m>=1\"]"),
            ("[tool.x]\n", "[tool.x]\n\n[dependency-groups]\ndev = [\"m>=1\"]\n"),
            ("[tool.x]\n\n", "[tool.x]\n\n[dependency-groups]\ndev = [\"m>=1\"]\n"),
            ("[tool.x]\r\n\r\n\r\n", "[tool.x]\r\n\r\n\r\n[dependency-groups]\r\ndev = [\"m>=1\"]\r\n"),
            ("dependency-groups = 1\n", "unsupported_shape"),
            ("dependency-groups.dev = 1\n", "unsupported_shape"),
        ],
        |before| change("pyproject.toml", "add_dependency", Some("dependency-groups.dev"), "m", ">=1", before),
    );
}

#[test]
fn poetry_entries_are_added() {
    let head = "[tool.poetry.dependencies]\n";
    let rows = [
        ("", "m = \"^1\"\n"),
        ("python = \"^3\"\n", "python = \"^3\"\nm = \"^1\"\n"),
        ("b = '1'\n", "b = '1'\nm = '^1'\n"),
        ("b=\"1\"\n", "b=\"1\"\nm=\"^1\"\n"),
        ("b   = \"1\"\nccc = \"1\"\n", "b   = \"1\"\nccc = \"1\"\nm   = \"^1\"\n"),
        ("b = \"1\"\nccc   = \"1\"\n", "b = \"1\"\nccc   = \"1\"\nm = \"^1\"\n"),
        ("b    = \"1\"\nccc  = {version = \"1\"}\n", "b    = \"1\"\nccc  = {version = \"1\"}\nm    = \"^1\"\n"),
        ("a = \"1\"\nb = \"1\"\nz = \"1\"\n", "a = \"1\"\nb = \"1\"\nm = \"^1\"\nz = \"1\"\n"),
        (
            "python = \"1\"\np = \"1\"\nq = \"1\"\nr = \"1\"\n",
            "python = \"1\"\nm = \"^1\"\np = \"1\"\nq = \"1\"\nr = \"1\"\n",
        ),
        ("p = \"1\"\nq = \"1\"\nr = \"1\"\n", "m = \"^1\"\np = \"1\"\nq = \"1\"\nr = \"1\"\n"),
        (
            "p = \"1\"\nq = \"1\"\nr = \"1\"\npython = \"1\"\n",
            "m = \"^1\"\np = \"1\"\nq = \"1\"\nr = \"1\"\npython = \"1\"\n",
        ),
        ("  b = \"1\"\n", "  b = \"1\"\n  m = \"^1\"\n"),
        ("b.version = \"1\"\n", "b.version = \"1\"\nm = \"^1\"\n"),
        ("b.version = \"1\"\nb.extras = [\n]\n\n[x]\n", "b.version = \"1\"\nb.extras = [\n]\nm = \"^1\"\n\n[x]\n"),
        ("b = {version = \"1\", extras = [\"x\"]}\n", "b = {version = \"1\", extras = [\"x\"]}\nm = \"^1\"\n"),
        ("b = {\n  version = \"1\"\n}\n", "b = {\n  version = \"1\"\n}\nm = \"^1\"\n"),
        ("b = \"1\" # why\n# c = \"1\"\n", "b = \"1\" # why\nm = \"^1\"\n# c = \"1\"\n"),
        ("b = \"1\"", "b = \"1\"\nm = \"^1\""),
        ("b = \"1\"\r\n", "b = \"1\"\r\nm = \"^1\"\r\n"),
    ];
    check(&rows, |body| {
        let after = change("pyproject.toml", "add_dependency", None, "m", "^1", &format!("{head}{body}"));
        after.strip_prefix(head).map_or(after.clone(), str::to_owned)
    });
    let whole = [
        ("[tool.poetry]\ndependencies = {}\n", "[tool.poetry]\ndependencies = { m = \"^1\" }\n"),
        ("[tool.poetry]\ndependencies = {b = \"1\"}\n", "[tool.poetry]\ndependencies = {b = \"1\", m = \"^1\"}\n"),
        ("[tool.poetry]\ndependencies.b = \"1\"\n", "[tool.poetry]\ndependencies.b = \"1\"\ndependencies.m = \"^1\"\n"),
        (
            "[tool.poetry.dependencies.b]\nversion = \"1\"\n",
            "[tool.poetry.dependencies]\nm = \"^1\"\n\n[tool.poetry.dependencies.b]\nversion = \"1\"\n",
        ),
    ];
    check(&whole, |before| {
        change("pyproject.toml", "add_dependency", Some("tool.poetry.dependencies"), "m", "^1", before)
    });
}

#[test]
fn pins_replace_the_version_alone() {
    let head = "[tool.poetry.dependencies]\n";
    let rows = [
        ("m = \"1\"\n", "m = \"^2\"\n"),
        ("M='1' # why\n", "M='^2' # why\n"),
        ("m = '''1'''\n", "m = '''^2'''\n"),
        (
            "m = {extras = [\"x\"], version = \"1\", optional = true}\n",
            "m = {extras = [\"x\"], version = \"^2\", optional = true}\n",
        ),
        ("m.extras = []\nm.version = \"1\"\n", "m.extras = []\nm.version = \"^2\"\n"),
        ("[tool.poetry.dependencies.m]\nversion = \"*\"\n", "[tool.poetry.dependencies.m]\nversion = \"^2\"\n"),
        ("m = \" ^ 2 \"\n", "m = \" ^ 2 \"\n"),
        ("m = {git = \"u\"}\n", "direct_reference"),
        ("m = {path = \"u\", version = \"1\"}\n", "direct_reference"),
        ("m = {url = \"u\"}\n", "direct_reference"),
        ("m = {file = \"u\"}\n", "direct_reference"),
        ("m = [{version = \"1\"}, {version = \"2\"}]\n", "multiple_constraints"),
        ("[[tool.poetry.dependencies.m]]\nversion = \"1\"\n", "multiple_constraints"),
        ("m = {optional = true}\n", "unsupported_shape"),
        ("m = 1\n", "unsupported_shape"),
        ("n = \"1\"\n", "absent"),
        ("m = \"1\"\nM = \"2\"\n", "ambiguous"),
    ];
    check(&rows, |body| {
        let after = change("pyproject.toml", "pin_dependency", None, "m", "^2", &format!("{head}{body}"));
        after.strip_prefix(head).map_or(after.clone(), str::to_owned)
    });
}

#[test]
fn additions_of_what_poetry_has() {
    let add = |details: Value, entry: &str| {
        let before = format!("[tool.poetry.dependencies]\n{entry}\n");
        match run("pyproject.toml", &before, &[operation("add_dependency", details)]) {
            Ok(after) if after == before => "no change".to_owned(),
            Ok(after) => after,
            Err(refusal) => refusal.code.to_string(),
        }
    };
    let plain = || json!({"name": "m", "spec": "==1.0"});
    for same in
        ["m = \"==1.0\"", "m = \"1.0\"", "M = {version = \"== 1.0\"}", "m = { version = \"1.0\", source = \"s\" }"]
    {
        assert_eq!(add(plain(), same), "no change", "{same}");
    }
    for other in [
        "m = \"1.1\"",
        "m = \"==1.*\"",
        "m = {git = \"u\"}",
        "m = {version = \"1.0\", extras = [\"x\"]}",
        "m = {version = \"1.0\", markers = \"os_name == 'nt'\"}",
        "m = {version = \"1.0\", optional = true}",
        "m = {version = \"1.0\", python = \"<3.8\"}",
        "m = {version = \"1.0\", platform = \"win32\"}",
        "m = [\"1.0\"]",
    ] {
        assert_eq!(add(plain(), other), "conflict", "{other}");
    }
    let whole = || json!({"name": "m", "spec": "", "extras": ["X", "y"], "marker": "os_name == 'nt'"});
    let same = "m = {version = \"9\", extras = [\"Y\", \"x\", \"x\"], markers = \"os_name=='nt'\"}";
    assert_eq!(add(whole(), same), "no change");
    for other in [
        "m = {version = \"9\", extras = [\"x\"], markers = \"os_name == 'nt'\"}",
        "m = {version = \"9\", extras = [\"x\", \"y\"], markers = \"os_name == 'posix'\"}",
        "m = {version = \"9\", extras = [\"x\", \"y\"]}",
    ] {
        assert_eq!(add(whole(), other), "conflict", "{other}");
    }
    assert_eq!(
        add(whole(), "b = '1'"),
        "[tool.poetry.dependencies]\nb = '1'\nm = {version = '*', extras = ['X', 'y'], markers = \"os_name == 'nt'\"}\n"
    );
}

#[test]
fn requirements_are_added_in_their_place() {
    check(
        &[
            ("", "m>=1\n"),
            ("\n", "\nm>=1\n"),
            ("b", "b\nm>=1"),
            ("b\n", "b\nm>=1\n"),
            ("b\r\n", "b\r\nm>=1\r\n"),
            ("b\r\nc", "b\r\nc\r\nm>=1"),
            ("b\n\n\n", "b\nm>=1\n\n\n"),
            ("b\n# c\n", "b\n# c\nm>=1\n"),
            ("b\n# c \\", "b\n# c \\\nm>=1"),
            ("a\nb\nz\n", "a\nb\nm>=1\nz\n"),
            ("a\nb # c\n# d\nz\n", "a\nb # c\nm>=1\n# d\nz\n"),
            ("a\nb \\\n  ==1\nz\n", "a\nb \\\n  ==1\nm>=1\nz\n"),
            ("p\nq\nr\n", "m>=1\np\nq\nr\n"),
            ("\u{feff}p\nq\nr\n", "\u{feff}m>=1\np\nq\nr\n"),
            ("# c\np\nq\nr\n", "# c\nm>=1\np\nq\nr\n"),
            ("a\nb\nc", "a\nb\nc\nm>=1"),
            ("b\\", "unsupported_shape"),
            ("#\rb\\", "unsupported_shape"),
            ("b\r# c\\", "b\r# c\\\rm>=1"),
            ("m\n", "conflict"),
            ("M == 1\n", "conflict"),
            ("m>=1;os_name=='nt'\n", "conflict"),
            ("m[x]>=1\n", "conflict"),
            ("m @ https://e.example/m.zip\n", "conflict"),
            ("https://e.example/m.zip#egg=m\n", "conflict"),
            ("https://e.example/m.zip#x=y&egg=M\n", "conflict"),
            ("-e git+https://e.example/m.git#egg=m\n", "conflict"),
            ("M >= 1  # here\n", "M >= 1  # here\n"),
            ("m (>=1)\n", "m (>=1)\n"),
            ("b --hash=sha256:1\n", "hash_mode"),
            ("b --hash sha256:1\n", "hash_mode"),
            ("b # --hash=sha256:1\n", "b # --hash=sha256:1\nm>=1\n"),
            ("--require-hashes\nb\n", "hash_mode"),
            ("# This file was autogenerated by uv via the following command:\nb\n", "generated"),
            ("#\n# This file is autogenerated by pip-compile with Python 3.11\n#\nb\n", "generated"),
            ("b\n# autogenerated by pip-compile\n", "b\n# autogenerated by pip-compile\nm>=1\n"),
        ],
        |before| change("requirements.txt", "add_dependency", None, "m", ">=1", before),
    );
}

#[test]
fn requirements_are_pinned_in_place() {
    check(
        &[
            ("m\n", "m==2\n"),
            ("M [x, y] ; os_name == 'nt' # c\n", "M [x, y]==2 ; os_name == 'nt' # c\n"),
            ("m>=1,<2 # c\n", "m==2 # c\n"),
            ("m ( >=1 , <2 )\n", "m ( ==2 )\n"),
            ("m == 2\n", "m == 2\n"),
            ("  m ~= 1\t# c\n", "  m ==2\t# c\n"),
            ("m #c\nn>=1", "m==2 #c\nn>=1"),
            ("m#c\n", "unsupported_shape"),
            ("m>=1 --config-settings=a=b\n", "m==2 --config-settings=a=b\n"),
            ("m \\\n  >=1 \\\n  ,<2 ; os_name == 'nt'\n", "m \\\n  ==2 ; os_name == 'nt'\n"),
            ("m==1 --hash=sha256:1\n", "hash_mode"),
            ("m==1 \\\n  --hash=sha256:1\n", "hash_mode"),
            ("n --hash=sha256:1\nm\n", "n --hash=sha256:1\nm==2\n"),
            ("--require-hashes\nm\n", "hash_mode"),
            ("n\n", "absent"),
            ("mm\nm-n\n", "absent"),
            ("# m\n-r m\n", "absent"),
            ("m==1\nM==1\n", "ambiguous"),
            ("m==1;os_name=='nt'\nm==1;os_name!='nt'\n", "ambiguous"),
            ("m@https://e.example/m.zip\n", "direct_reference"),
            ("./m#egg=m\n", "direct_reference"),
            ("-e ./m#egg=m\n", "direct_reference"),
        ],
        |before| change("requirements.txt", "pin_dependency", None, "m", "==2", before),
    );
}
