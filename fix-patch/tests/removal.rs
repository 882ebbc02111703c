//! What is left of a statement: the text before, the names that go, and the text after.

mod support;

use serde_json::{Value, json};
use support::{operation, run};

/// Removes names, given as `import os`, `from m import n` or, of `from m`, as `n`.
fn remove(before: &str, names: &[&str]) -> String {
    let removals: Vec<Value> = names.iter().map(|name| operation("remove_unused", details(name))).collect();
    run("m.py", before, &removals).unwrap_or_else(|refusal| format!("{refusal}"))
}

fn details(name: &str) -> Value {
    if let Some(module) = name.strip_prefix("import ") {
        return json!({"import": module});
    }
    let (name, alias) = name.split_once(" as ").map_or((name, None), |(name, alias)| (name, Some(alias)));
    json!({"from": "m", "name": name, "alias": alias})
}

fn check(rows: &[(&str, &[&str], &str)]) {
    let mut wrong = Vec::new();
    for (before, names, after) in rows {
        let found = remove(before, names);
        if found != *after {
            wrong.push(format!("{before:?} without {names:?}\n   is {found:?}\n  not {after:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_on_one_line() {
    check(&[
        ("from m import a, b\n", &["a"], "from m import b\n"),
        ("from m import a, b\n", &["b"], "from m import a\n"),
        ("from m import a,b,c  # x\n", &["b"], "from m import a,c  # x\n"),
        ("from m import a , b , c\n", &["b"], "from m import a , c\n"),
        ("from m import a, b, c\n", &["a", "b"], "from m import c\n"),
        ("from m import a, b, c\n", &["b", "c"], "from m import a\n"),
        ("from m import a, b, c\n", &["a", "c"], "from m import b\n"),
        ("from m import a, b as c\n", &["b as c"], "from m import a\n"),
        ("from m import a as c, b\n", &["a as c"], "from m import b\n"),
        ("import a, b\n", &["import a"], "import b\n"),
        ("import a.b as c, d\n", &["import d"], "import a.b as c\n"),
        ("from m import (a, b)\n", &["a"], "from m import (b)\n"),
        ("from m import (a, b)\n", &["b"], "from m import (a)\n"),
        ("from m import (a, b,)\n", &["a"], "from m import (b,)\n"),
        ("from m import (a, b,)\n", &["b"], "from m import (a,)\n"),
        ("from m import ( a, b )\n", &["b"], "from m import ( a )\n"),
        ("from m import (a, b, c); x = 1\n", &["b"], "from m import (a, c); x = 1\n"),
        ("from m import a, b; x = 1\n", &["b"], "from m import a; x = 1\n"),
        ("from m import a, b;\n", &["b"], "from m import a;\n"),
        ("x = 1; from m import a, b  # c\n", &["a"], "x = 1; from m import b  # c\n"),
        ("from m import (a, b)  # c\n", &["a", "b"], ""),
    ]);
}

#[test]
fn names_a_line_in_parentheses() {
    check(&[
        ("from m import (\n    a,\n    b,\n)\n", &["a"], "from m import (\n    b,\n)\n"),
        ("from m import (\n    a,\n    b,\n)\n", &["b"], "from m import (\n    a,\n)\n"),
        ("from m import (\n    a,\n    b\n)\n", &["b"], "from m import (\n    a,\n)\n"),
        ("from m import (\n    a,\n    b,\n    c\n)\n", &["b", "c"], "from m import (\n    a,\n)\n"),
        ("from m import (\n    a,  # x\n    b,  # y\n)\n", &["a"], "from m import (\n    b,  # y\n)\n"),
        ("from m import (\n    a,  # x\n    b  # y\n)\n", &["b"], "from m import (\n    a,  # x\n)\n"),
        ("from m import (  # w\n    # x\n    a,\n    b,\n)\n", &["a"], "from m import (  # w\n    # x\n    b,\n)\n"),
        ("from m import (\n    a,\n    # x\n    b,\n)\n", &["a"], "from m import (\n    # x\n    b,\n)\n"),
        ("from m import (\n    a,\n\n    b,\n)\n", &["a"], "from m import (\n\n    b,\n)\n"),
        ("from m import (\n    a,\n\n    b,\n)\n", &["b"], "from m import (\n    a,\n\n)\n"),
        ("from m import (\n    a, b,\n    c, d,\n)\n", &["c"], "from m import (\n    a, b,\n    d,\n)\n"),
        ("from m import (\n    a, b,\n    c, d,\n)\n", &["b"], "from m import (\n    a,\n    c, d,\n)\n"),
        ("from m import (\n    a, b,  # x\n    c, d,\n)\n", &["b"], "from m import (\n    a,  # x\n    c, d,\n)\n"),
        ("from m import (\n    a, b,  # x\n    c, d,\n)\n", &["a", "b"], "from m import (\n    c, d,\n)\n"),
        ("from m import (\n    a, b,\n    c, d,\n)\n", &["b", "c"], "from m import (\n    a,\n    d,\n)\n"),
        ("from m import (\n    a, b,\n    c, d\n)\n", &["b", "c", "d"], "from m import (\n    a,\n)\n"),
        ("from m import (\n    a\n    , b\n    , c\n)\n", &["b"], "from m import (\n    a\n    , c\n)\n"),
        ("from m import (\n    a\n    , b\n    , c\n)\n", &["c"], "from m import (\n    a\n    , b\n)\n"),
        ("from m import (\n    a\n    ,\n    b\n)\n", &["b"], "from m import (\n    a\n    ,\n)\n"),
    ]);
}

#[test]
fn commas_that_lead_or_stand_alone() {
    let leading = "from m import (\n    a\n    , b\n    , c\n)\n";
    check(&[
        (leading, &["a"], "from m import (\n    b\n    , c\n)\n"),
        (leading, &["a", "b"], "from m import (\n    c\n)\n"),
        (leading, &["a", "c"], "from m import (\n    b\n)\n"),
        (leading, &["b", "c"], "from m import (\n    a\n)\n"),
        ("from m import (a\n    , b\n    , c)\n", &["a"], "from m import (b\n    , c)\n"),
        ("from m import (a\n    , b\n    , c)\n", &["a", "b"], "from m import (c)\n"),
        ("from m import (a\n    , b\n    , c)\n", &["c"], "from m import (a\n    , b)\n"),
        ("from m import a \\\n    , b \\\n    , c\n", &["a"], "from m import b \\\n    , c\n"),
        ("from m import a \\\n    , b \\\n    , c\n", &["a", "b"], "from m import c\n"),
        ("from m import a \\\n    , b \\\n    , c\n", &["b"], "from m import a \\\n    , c\n"),
        ("from m import a \\\n    , b \\\n    , c\n", &["c"], "from m import a \\\n    , b\n"),
        ("from m import a, \\\n    b \\\n    , c, d\n", &["b", "c", "d"], "from m import a\n"),
        ("from m import (a, b\n    , c)\n", &["b"], "from m import (a\n    , c)\n"),
        ("from m import (a\n,\nb\n, c)\n", &["b"], "from m import (a\n, c)\n"),
        ("from m import (a,\n b ,c\n ,\n d)\n", &["c"], "from m import (a,\n b\n ,\n d)\n"),
        ("from m import (\n a, b\n ,\n )\n", &["b"], "from m import (\n a\n ,\n )\n"),
        ("from m import ( a\n\t, b,  # x\n\t)\n", &["b"], "from m import ( a\n\t)\n"),
        ("from m import (\n    a\n    ,  # x\n    b\n)\n", &["a"], "from m import (\n    b\n)\n"),
        ("from m import (\n    a\n    # y\n    ,  # x\n    b\n)\n", &["a"], "from m import (\n    # y\n    b\n)\n"),
        ("from m import (a,b\n  ,  # x\n  )\n", &["b"], "from m import (a\n  ,  # x\n  )\n"),
        (
            "from m import (\n    a\n    ,  # x\n    b,\n    c\n)\n",
            &["b"],
            "from m import (\n    a\n    ,  # x\n    c\n)\n",
        ),
    ]);
}

#[test]
fn names_on_several_lines() {
    check(&[
        (
            "from m import (\n    a,\n    b as\n        c,\n    d,\n)\n",
            &["b as c"],
            "from m import (\n    a,\n    d,\n)\n",
        ),
        (
            "from m import (\n    a,\n    b  # x\n    # y\n    as c,\n    d,\n)\n",
            &["b as c"],
            "from m import (\n    a,\n    d,\n)\n",
        ),
        (
            "from m import (\n    a,\n    b as\n        c,\n    d,\n)\n",
            &["a", "d"],
            "from m import (\n    b as\n        c,\n)\n",
        ),
        (
            "from m import (\n    a,\n    b as\n        c  # x\n)\n",
            &["a"],
            "from m import (\n    b as\n        c  # x\n)\n",
        ),
        ("from m import (\n    a,\n    b as\n        c  # x\n)\n", &["b as c"], "from m import (\n    a,\n)\n"),
        ("from m import (a, b\n    as c, d)\n", &["b as c"], "from m import (a, d)\n"),
        ("from m import (a, b\n    as c, d)\n", &["a"], "from m import (b\n    as c, d)\n"),
        ("from m import a, b \\\n    as c, d\n", &["b as c"], "from m import a, d\n"),
        ("from m import a, b \\\n    as c\n", &["b as c"], "from m import a\n"),
        ("from m import a, \\\n    b \\\n    as c, \\\n    d\n", &["b as c"], "from m import a, \\\n    d\n"),
        ("import a, \\\n    b. \\\n    c\n", &["import a"], "import b. \\\n    c\n"),
        ("import a, \\\n    b. \\\n    c, d\n", &["import b.c"], "import a, \\\n    d\n"),
    ]);
}

#[test]
fn several_names_go_as_they_go_one_by_one() {
    check(&[
        ("from m import (\n    a, b,\n    c\n)\n", &["b", "c"], "from m import (\n    a,\n)\n"),
        ("from m import (a, b,\n    c\n    )\n", &["b", "c"], "from m import (a,\n    )\n"),
        ("from m import (\n a,\n b, c,\n d\n)\n", &["a", "c", "d"], "from m import (\n b,\n)\n"),
        ("from m import (a,\n    b,  # x\n    c)\n", &["b", "c"], "from m import (a)\n"),
        ("from m import (a, b, c)\n", &["a", "c"], "from m import (b)\n"),
    ]);
}

#[test]
fn names_on_the_line_of_a_parenthesis() {
    check(&[
        ("from m import (a,\n               b)\n", &["a"], "from m import (b)\n"),
        ("from m import (a,\n               b)\n", &["b"], "from m import (a)\n"),
        ("from m import (a,\n               b,)\n", &["b"], "from m import (a,)\n"),
        ("from m import (a,\n               b,\n               c)\n", &["b"], "from m import (a,\n               c)\n"),
        ("from m import (a,\n               b,\n               c)\n", &["c"], "from m import (a,\n               b)\n"),
        ("from m import (a,\n               b,\n               c)\n", &["a", "b"], "from m import (c)\n"),
        ("from m import (a,\n               b,\n               c)\n", &["b", "c"], "from m import (a)\n"),
        ("from m import (a, b,\n               c)\n", &["c"], "from m import (a, b)\n"),
        ("from m import (a, b,\n               c)\n", &["a"], "from m import (b,\n               c)\n"),
        ("from m import (a, b,\n               c)\n", &["b"], "from m import (a,\n               c)\n"),
        ("from m import (a,  # x\n               b)\n", &["a"], "from m import (b)\n"),
        ("from m import (a,  # x\n               b)\n", &["b"], "from m import (a,  # x\n               )\n"),
        ("from m import (a,\n    # x\n    b)\n", &["a"], "from m import (\n    # x\n    b)\n"),
        ("from m import (a,  # x\n    # y\n    b)\n", &["a"], "from m import (\n    # y\n    b)\n"),
        ("from m import (a,\n    # x\n    b)\n", &["b"], "from m import (a,\n    # x\n    )\n"),
        ("from m import (a,\n\n    b)\n", &["a"], "from m import (\n\n    b)\n"),
        ("from m import (a, b\n)\n", &["a"], "from m import (b\n)\n"),
        ("from m import (a, b\n)\n", &["b"], "from m import (a\n)\n"),
        ("from m import (\n    a, b)\n", &["a"], "from m import (\n    b)\n"),
        ("from m import (\n    a, b)\n", &["b"], "from m import (\n    a)\n"),
        ("from m import (\n    a,\n    b)\n", &["b"], "from m import (\n    a)\n"),
    ]);
}

#[test]
fn names_behind_backslashes() {
    check(&[
        ("from m import a, \\\n    b\n", &["a"], "from m import b\n"),
        ("from m import a, \\\n    b\n", &["b"], "from m import a\n"),
        ("from m import a, \\\n    b  # x\n", &["b"], "from m import a\n"),
        ("from m import a, \\\n    b, \\\n    c\n", &["b"], "from m import a, \\\n    c\n"),
        ("from m import a, \\\n    b, \\\n    c\n", &["a"], "from m import b, \\\n    c\n"),
        ("from m import a, \\\n    b, \\\n    c\n", &["c"], "from m import a, \\\n    b\n"),
        ("from m import a, \\\n    b, \\\n    c\n", &["b", "c"], "from m import a\n"),
        ("from m import \\\n    a, b\n", &["a"], "from m import \\\n    b\n"),
        ("from m import \\\n    a, \\\n    b\n", &["a"], "from m import \\\n    b\n"),
        ("from m import a, b, \\\n    c, d\n", &["b", "c"], "from m import a, \\\n    d\n"),
        ("from m import a, \\\n    b; x = 1\n", &["b"], "from m import a; x = 1\n"),
        ("import a, \\\n    b\n", &["import b"], "import a\n"),
    ]);
}

#[test]
fn statements_of_a_line() {
    check(&[
        ("import a; x = 1\n", &["import a"], "x = 1\n"),
        ("x = 1; import a\n", &["import a"], "x = 1\n"),
        ("x = 1; import a  # y\n", &["import a"], "x = 1  # y\n"),
        ("x = 1; import a;\n", &["import a"], "x = 1\n"),
        ("import a;\n", &["import a"], ""),
        ("import a;  # y\n", &["import a"], ""),
        ("import a; import b\n", &["import a", "import b"], ""),
        ("import a; x = 1; import b\n", &["import a", "import b"], "x = 1\n"),
        ("x = 1; import a; y = 2\n", &["import a"], "x = 1; y = 2\n"),
        ("x = 1; import a; import b; y = 2\n", &["import a", "import b"], "x = 1; y = 2\n"),
        ("x = 1; import a; y = 2; import b\n", &["import a", "import b"], "x = 1; y = 2\n"),
        ("x = 1; \\\nimport a; \\\ny = 2\n", &["import a"], "x = 1; \\\ny = 2\n"),
        ("if x: import a\n", &["import a"], "if x: pass\n"),
        ("if x: import a  # y\n", &["import a"], "if x: pass  # y\n"),
        ("if x: import a;\n", &["import a"], "if x: pass\n"),
        ("if x: import a; y = 1\n", &["import a"], "if x: y = 1\n"),
        ("if x: y = 1; import a\n", &["import a"], "if x: y = 1\n"),
        ("if x: import a; import b\n", &["import a", "import b"], "if x: pass\n"),
        ("if x:\n    import a; import b\n", &["import a", "import b"], "if x:\n    pass\n"),
        ("if x:\n    import a; y = 1\n", &["import a"], "if x:\n    y = 1\n"),
    ]);
}

#[test]
fn statements_of_a_block() {
    check(&[
        ("import a\n", &["import a"], ""),
        ("import a", &["import a"], ""),
        ("x = 1\nimport a", &["import a"], "x = 1\n"),
        ("\u{feff}import a\nx = 1\n", &["import a"], "\u{feff}x = 1\n"),
        ("import a  # y\nx = 1\n", &["import a"], "x = 1\n"),
        ("import a \\\n\nx = 1\n", &["import a"], "x = 1\n"),
        ("from m \\\n    import a\nx = 1\n", &["a"], "x = 1\n"),
        ("\\\nimport a\nx = 1\n", &["import a"], "x = 1\n"),
        ("x = 1\n\\\n\\\r\nimport a\ny = 1\n", &["import a"], "x = 1\ny = 1\n"),
        ("if x:\n    import a\n", &["import a"], "if x:\n    pass\n"),
        ("if x:\n    import a \\\n\ny = 1\n", &["import a"], "if x:\n    pass\ny = 1\n"),
        ("if x:\n    import a  \ny = 1\n", &["import a"], "if x:\n    pass  \ny = 1\n"),
        ("if x:\n    import a  # y\n", &["import a"], "if x:\n    pass\n"),
        ("if x:\n    # y\n    import a\n    # z\n", &["import a"], "if x:\n    # y\n    pass\n    # z\n"),
        ("if x:\n\timport a\n\timport b\n", &["import a", "import b"], "if x:\n\tpass\n"),
        ("if x:\n    import a\n    import b\n", &["import b"], "if x:\n    import a\n"),
        ("if x:\n    import a\n\n    import b\ny = 1\n", &["import a", "import b"], "if x:\n    pass\n\ny = 1\n"),
        ("def f():\n    'doc'\n    import a\n", &["import a"], "def f():\n    'doc'\n"),
        ("def f():\n    from m import (\n        a,\n    )\n", &["a"], "def f():\n    pass\n"),
        ("try:\n    pass\nfinally:\n    import a\n", &["import a"], "try:\n    pass\nfinally:\n    pass\n"),
        ("try:\n    pass\nexcept E:\n    import a\n", &["import a"], "try:\n    pass\nexcept E:\n    pass\n"),
        (
            "try:\n    pass\nexcept E:\n    pass\nelse:\n    import a\n",
            &["import a"],
            "try:\n    pass\nexcept E:\n    pass\nelse:\n    pass\n",
        ),
        ("for x in y:\n    pass\nelse:\n    import a\n", &["import a"], "for x in y:\n    pass\nelse:\n    pass\n"),
        ("while x:\n    import a\n", &["import a"], "while x:\n    pass\n"),
        ("while x:\n    pass\nelse:\n    import a\n", &["import a"], "while x:\n    pass\nelse:\n    pass\n"),
        ("if x:\n    pass\nelif y:\n    import a\n", &["import a"], "if x:\n    pass\nelif y:\n    pass\n"),
        ("match x:\n    case 1:\n        import a\n", &["import a"], "match x:\n    case 1:\n        pass\n"),
        ("with x:\n    import a\n", &["import a"], "with x:\n    pass\n"),
        (
            "async def f():\n    async with x:\n        import a\n",
            &["import a"],
            "async def f():\n    async with x:\n        pass\n",
        ),
        (
            "def f():\n    import a\n\n\ndef g():\n    import b\n",
            &["import a", "import b"],
            "def f():\n    pass\n\n\ndef g():\n    pass\n",
        ),
        (
            "if x:\n    import a\n    def f():\n        import b\n",
            &["import a", "import b"],
            "if x:\n    def f():\n        pass\n",
        ),
    ]);
}

#[test]
fn the_line_that_is_named_decides() {
    let two = "def f():\n    import a\n\n\n\ndef g():\n    x = 1\n    import a  # here\n    from a import (\n        b,\n        c,\n    )\n";
    let at = |details: Value| match run("m.py", two, &[operation("remove_unused", details)]) {
        Ok(after) => (1..)
            .zip(two.lines())
            .find(|(line, text)| after.lines().nth(line - 1) != Some(text))
            .map_or(0, |(line, _)| line)
            .to_string(),
        Err(refusal) => format!("{} {:?}", refusal.code, refusal.lines),
    };
    for (line, wanted) in [
        (1, "2"),
        (2, "2"),
        (3, "2"),
        (5, "ambiguous [2, 8]"),
        (6, "8"),
        (8, "8"),
        (11, "8"),
        (12, "not_found [2, 8]"),
        (99, "not_found [2, 8]"),
    ] {
        assert_eq!(at(json!({"import": "a", "line": line})), wanted, "line {line}");
    }
    assert_eq!(at(json!({"import": "a"})), "ambiguous [2, 8]");
    assert_eq!(at(json!({"import": "a", "line_contains": "here"})), "8");
    assert_eq!(at(json!({"import": "a", "line_contains": "there"})), "not_found [2, 8]");
    assert_eq!(at(json!({"import": "a", "line_contains": "import a"})), "ambiguous [2, 8]");
    assert_eq!(at(json!({"import": "a", "line": 2, "line_contains": "here"})), "not_found [2, 8]");
    assert_eq!(at(json!({"from": "a", "name": "c", "line": 9})), "11");
    assert_eq!(at(json!({"from": "a", "name": "c", "line": 11})), "11");
    assert_eq!(at(json!({"from": "a", "name": "c", "line": 15})), "11");
    assert_eq!(at(json!({"from": "a", "name": "c", "line": 16})), "not_found [11]");
}

#[test]
fn imports_tell_their_lines() {
    let found = fix_patch::imports::imports_in("x = 1\nfrom m import (\n    a,\n    b as c,\n)\nif x:\n    import d\n");
    let lines: Vec<_> =
        found.unwrap().into_iter().map(|name| (name.target.to_string(), name.line, name.statement_line)).collect();
    let wanted = [("from m import a", 3, 2), ("from m import b as c", 4, 2), ("import d", 7, 7)];
    assert_eq!(lines, wanted.map(|(name, line, statement)| (name.to_owned(), line, statement)));
}

#[test]
fn deep_code_needs_no_deep_stack() {
    let text = format!("import a\nx = {}1\ny = {}1{}\n", "1+".repeat(3_000), "[".repeat(900), "]".repeat(900));
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let after = small.spawn(move || remove(&text, &["import a"])).unwrap().join().unwrap();
    assert!(after.starts_with("x = 1+1+"), "{}", after.chars().take(80).collect::<String>());
}

#[test]
fn near_misses_are_told() {
    let text =
        "import os.path\nimport b.c as d\nfrom a import e, f as g\nfrom .a import e\nfrom z import *\nimport q\n";
    let candidates = |details: Value| run("m.py", text, &[operation("remove_unused", details)]).unwrap_err().candidates;
    assert_eq!(candidates(json!({"import": "path"})), ["import os.path"]);
    assert_eq!(candidates(json!({"import": "d"})), ["import b.c as d"]);
    assert_eq!(
        candidates(json!({"from": "b", "name": "e"})),
        ["from .a import e", "from a import e", "import b.c as d"]
    );
    assert_eq!(candidates(json!({"from": "a", "name": "x"})), ["from a import e", "from a import f as g"]);
    assert_eq!(candidates(json!({"import": "x"})), [""; 0]);
}
