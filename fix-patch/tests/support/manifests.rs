//! Generated manifests, and changes of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// So many values of a strategy, the same ones each time.
pub fn samples<T: std::fmt::Debug>(count: usize, strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// What the generated files declare, and what is added and pinned.
const NAMES: [&str; 7] = ["alpha", "Beta.Two", "gamma_3", "delta-x", "alpha-more", "Zeta", "eta"];

/// A requirement as people write them.
fn requirement() -> impl Strategy<Value = String> {
    let extras = select(vec!["", "", "[x]", " [x, Y_z]"]);
    let spec = select(vec!["", "==1.0", ">=1,<2", " ~= 1.4", " (>=1)", " != 1.5 , >= 1", ">=1.0.post1", "===1.a"]);
    let marker = select(vec!["", "", "; python_version < '3.9'", " ; os_name == 'nt' and extra == 'q'"]);
    (select(NAMES.to_vec()), extras, spec, marker)
        .prop_map(|(name, extras, spec, marker)| format!("{name}{extras}{spec}{marker}"))
}

/// An operation: of whom, and what.
pub fn change(poetry: bool) -> impl Strategy<Value = Value> {
    let specs =
        if poetry { vec!["^1.2", "~2", ">=2,<3", "==2.1", ""] } else { vec![">=2,<3", "==2.1", "~=2.0", "!=3.*,>=2"] };
    let marker = select(vec![Value::Null, Value::Null, json!("python_version < '3.9'"), json!("os_name == \"nt\"")]);
    let extras = select(vec![json!([]), json!([]), json!(["x"]), json!(["x", "more"])]);
    (any::<bool>(), select(NAMES.to_vec()), select(specs), extras, marker).prop_map(
        |(pin, name, spec, extras, marker)| {
            // A pin leaves extras as they are.
            let extras = if pin { json!([]) } else { extras };
            let spec = if pin && spec.is_empty() { "==3" } else { spec };
            let kind = if pin { "pin_dependency" } else { "add_dependency" };
            json!({"kind": kind, "name": name, "spec": spec, "extras": extras, "marker": marker})
        },
    )
}

/// A requirements file, as pip reads it.
pub fn requirements_file() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => requirement(),
        1 => requirement().prop_map(|text| text + "  # why"),
        1 => requirement().prop_map(|mut text| {
            text.insert_str(text.find(['=', '>', '~', ';']).unwrap_or(text.len()), "\\\n");
            text
        }),
        1 => requirement().prop_map(|text| text.replacen(',', ", \\\n  ", 1)),
        1 => requirement().prop_map(|text| text.replacen(' ', " \\\n  ", 1)),
        1 => requirement().prop_map(|text| text.replace(';', " \\\n  ;")),
        1 => requirement().prop_map(|text| text + " \\\n    --config-settings=\"a=b\""),
        2 => select(vec!["", "# note \\", "-r other.txt", "--index-url https://e.example/#x", "./local", "u @ https://e.example/u.zip#egg=u", "  # x"])
            .prop_map(ToOwned::to_owned),
    ];
    (prop::collection::vec(line, 0..9), select(vec!["\n", "\n", "\r\n"]), any::<bool>(), 0..9_u8).prop_map(
        |(lines, newline, ends, bom)| {
            let text = lines.join("\n") + if ends { "\n" } else { "" };
            (if bom == 0 { "\u{feff}" } else { "" }).to_owned() + &text.replace('\n', newline)
        },
    )
}

/// A list of requirements, in many layouts.
fn array() -> impl Strategy<Value = String> {
    let gap = || select(vec!["", " ", "\n    ", "\n    ", " # c, \"x\"\n  ", "\n\n  # ]\n  "]);
    let item = (gap(), requirement(), any::<bool>(), gap()).prop_map(|(gap, text, literal, behind)| {
        let quote = if literal && !text.contains('\'') { '\'' } else { '"' };
        (format!("{gap}{quote}{text}{quote}"), behind)
    });
    (prop::collection::vec(item, 0..5), any::<bool>(), gap()).prop_map(|(items, comma, close)| {
        let count = items.len();
        let mut text = "[".to_owned();
        for (n, (item, behind)) in items.into_iter().enumerate() {
            text.push_str(&item);
            if n + 1 < count || comma {
                text.push_str(behind);
                text.push(',');
            }
        }
        text + close + "]"
    })
}

/// A project, and the section that is changed.
pub fn project() -> impl Strategy<Value = (String, &'static str)> {
    let sections = [
        "project.dependencies",
        "project.optional-dependencies.dev",
        "dependency-groups.dev",
        "tool.uv.dev-dependencies",
    ];
    let present = prop::collection::vec(any::<bool>(), 3);
    (select(sections.to_vec()), prop::collection::vec(array(), 3), present, any::<bool>(), any::<bool>()).prop_map(
        |(section, arrays, present, dotted, crlf)| {
            let mut text = String::new();
            if dotted {
                text.push_str("project.name = \"p\"\nproject.version = '1'\n");
                if present[0] {
                    text.push_str(&format!("project.dependencies = {}\n", arrays[0]));
                }
            } else {
                text.push_str("[project] # the project\nname = \"p\"\n");
                if present[0] {
                    text.push_str(&format!("dependencies = {}\n", arrays[0]));
                }
                text.push_str("version = '1'\n");
            }
            text.push_str("\n[build-system]\nrequires = [\"alpha\"]\n\n");
            if present[1] {
                text.push_str(&format!(
                    "[project.optional-dependencies]\nother = [\"alpha>=9\"]\ndev = {}\n",
                    arrays[1]
                ));
            }
            if present[2] {
                text.push_str(&format!("[dependency-groups]\ndev = {}\n# end\n", arrays[2]));
            }
            (if crlf { text.replace('\n', "\r\n") } else { text }, section)
        },
    )
}

/// A project of Poetry, and the section that is changed.
pub fn poetry_project() -> impl Strategy<Value = (String, &'static str)> {
    let value = select(vec![
        "= \"^1\"",
        "= '1.0'  # why",
        "= {version = \"^1\", optional = true}",
        "= { extras = [\"x\"], version = '>=1' }",
        ".version = \"^1\"",
    ]);
    let entries = prop::collection::btree_map(select(NAMES.to_vec()), value, 0..5);
    let section =
        select(vec!["tool.poetry.dependencies", "tool.poetry.group.dev.dependencies", "tool.poetry.dev-dependencies"]);
    (section, entries.clone(), entries, any::<bool>()).prop_map(|(section, main, other, has_group)| {
        let table = |entries: BTreeMap<&str, &str>| {
            let line = |(name, value): (&str, &str)| {
                let blank = if value.starts_with('.') { "" } else { " " };
                let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
                format!("{name}{blank}{value}\n")
            };
            entries.into_iter().map(line).collect::<String>()
        };
        let mut text =
            format!("[tool.poetry]\nname = \"p\"\n\n[tool.poetry.dependencies]\npython = \"^3.9\"\n{}", table(main));
        if has_group {
            text.push_str(&format!("\n[tool.poetry.group.dev.dependencies]\n{}", table(other)));
        }
        text.push_str("\n# how it is built\n[build-system]\nrequires = [\"poetry-core\"]\n");
        (text, section)
    })
}
