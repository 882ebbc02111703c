//! What holds for every input, tried on many.

mod support;

use fix_patch::imports::imports_in;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{operation, run};

fn remove(name: &str) -> Value {
    operation("remove_unused", json!({"from": "shop", "name": name}))
}

fn dependency(kind: &str, name: &str, spec: &str) -> Value {
    operation(kind, json!({"name": name, "spec": spec}))
}

/// A list of names in one of many layouts, and the names.
fn statement() -> impl Strategy<Value = (String, usize)> {
    let gap = prop::sample::select(vec![" ", "", "\n    ", "  # why\n  ", "\n  # about\n  ", "\n\n  "]);
    let gaps = prop::collection::vec(gap, 2..9);
    (gaps, any::<bool>(), prop::sample::select(vec!["", "  # end", "; x = 1", ";"]), any::<bool>()).prop_map(
        |(gaps, comma, tail, nested)| {
            let count = gaps.len() - 1;
            let mut list = String::new();
            for (index, gap) in gaps.iter().take(count).enumerate() {
                list.push_str(gap);
                list.push_str(&format!("n{index}"));
                if index + 1 < count || comma {
                    list.push(',');
                }
            }
            let close = gaps.last().copied().unwrap_or_default();
            let text = format!("from shop import ({list}{close}){tail}\n");
            (
                if nested {
                    format!("def f():\n    {text}\n\ny = 2  # two\n")
                } else {
                    format!("\"\"\"Doc.\"\"\"\n{text}y = 2\n")
                },
                count,
            )
        },
    )
}

proptest! {
    #[test]
    fn names_go_together_as_they_go_one_by_one((text, count) in statement(), mask in 1u8..=255) {
        let names: Vec<String> = (0..count).filter(|index| mask >> index & 1 == 1).map(|index| format!("n{index}")).collect();
        prop_assume!(!names.is_empty());
        let operations: Vec<Value> = names.iter().map(|name| remove(name)).collect();
        let after = run("a.py", &text, &operations).unwrap();
        let left: Vec<String> = imports_in(&after).unwrap().iter().map(|name| name.target.to_string()).collect();
        let wanted: Vec<String> = (0..count)
            .map(|index| format!("n{index}"))
            .filter(|name| !names.contains(name))
            .map(|name| format!("from shop import {name}"))
            .collect();
        prop_assert_eq!(left, wanted);
        prop_assert!(after.contains("y = 2"), "what is not asked about stays");
        let reversed: Vec<Value> = operations.into_iter().rev().collect();
        prop_assert_eq!(run("a.py", &text, &reversed).unwrap(), after);
    }

    #[test]
    fn an_addition_to_an_array_is_an_insertion(
        names in prop::collection::btree_set("[a-z]{2,4}", 0..6),
        gaps in prop::collection::vec(prop::sample::select(vec![" ", "\n  ", " # c\n  ", "\r\n\t", "\n  # note\n  "]), 8),
        comma in any::<bool>(),
        quote in prop::sample::select(vec!["'", "\""]),
    ) {
        let mut list = String::new();
        for (index, name) in names.iter().enumerate() {
            list.push_str(gaps[index]);
            list.push_str(&format!("{quote}{name}>=1{quote}"));
            if index + 1 < names.len() || comma {
                list.push(',');
            }
        }
        let text = format!("[project]\nname = \"x\"\ndependencies = [{list}{}]\n[tool.x]\n", gaps[7]);
        let add = dependency("add_dependency", "mmmmm", ">=2,<3");
        let after = run("pyproject.toml", &text, std::slice::from_ref(&add)).unwrap();
        let mut rest = after.chars();
        prop_assert!(text.chars().all(|wanted| rest.any(|found| found == wanted)), "{after}");
        prop_assert_eq!(after.matches("mmmmm>=2,<3").count(), 1);
        let again = run("pyproject.toml", &after, &[add]).unwrap();
        prop_assert_eq!(&again, &after);
        let pin = dependency("pin_dependency", "mmmmm", "==2.1");
        let pinned = run("pyproject.toml", &after, &[pin]).unwrap();
        prop_assert_eq!(pinned, after.replace("mmmmm>=2,<3", "mmmmm==2.1"));
    }

    #[test]
    fn requirements_change_by_one_line(
        lines in prop::collection::vec(prop::sample::select(vec!["a==1\n", "b # c\r\n", "# x\n", "\n", "-r o.txt\n", "c \\\n  >=1\n", "d; python_version < '3'\n"]), 0..8),
        end in prop::sample::select(vec!["", "z", "# end"]),
    ) {
        let text = lines.concat() + end;
        let add = dependency("add_dependency", "mmm", ">=2");
        if let Ok(after) = run("requirements.txt", &text, std::slice::from_ref(&add)) {
            let without = ["mmm>=2\r\n", "\r\nmmm>=2", "mmm>=2\n", "\nmmm>=2"]
                .iter()
                .fold(after.clone(), |text, line| text.replacen(line, "", 1));
            prop_assert_eq!(without, text);
            let again = run("requirements.txt", &after, &[add]);
            prop_assert_eq!(again.unwrap(), after);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|[\\n\\r\\t\"'#\\[\\]{}=,;\\\\]|import |from |a|dependencies|project){0,60}") {
        let _ = run("a.py", &text, &[operation("remove_unused", json!({"import": "a"}))]);
        let _ = run("requirements.txt", &text, &[dependency("add_dependency", "a", "==1")]);
        let toml = format!("[project]\ndependencies = [{text}]");
        for text in [&text, &toml] {
            let _ = run("pyproject.toml", text, &[dependency("add_dependency", "a", "==1")]);
            let _ = run("pyproject.toml", text, &[dependency("pin_dependency", "a", "==1")]);
        }
    }
}
