//! What holds for every input, tried on many.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use fix_patch::imports::imports_in;
use fix_plan::ImportTarget;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{operation, run};

fn dependency(kind: &str, name: &str, spec: &str) -> Value {
    operation(kind, json!({"name": name, "spec": spec}))
}

/// A list of names in one of many layouts, and how many they are. Commas stand anywhere when `wild`, behind
/// their names else.
fn statement(wild: bool) -> impl Strategy<Value = (String, usize)> {
    let wide = if wild { "  # about\n\n  " } else { "" };
    let gap = || prop::sample::select(vec![" ", "", "\n    ", "\n  ", wide, if wild { "  # why\n  " } else { "\n" }]);
    let alias = prop::sample::select(vec!["", "", "", " as X", " as\n  X", " \\\n as X", " as  # y\n  X"]);
    let before_comma = prop::sample::select(vec!["", "", " ", "\n  ", "  # z\n  ", "\n  # own\n\n  "]);
    let name = (gap(), alias, before_comma)
        .prop_map(move |(gap, alias, comma)| (gap, if wild { alias } else { "" }, if wild { comma } else { "" }));
    let tail = prop::sample::select(vec!["", if wild { "  # end" } else { "" }, "; x = 1", ";"]);
    let place = prop::sample::select(vec!["", "def f():\n    ", "if x: ", "try:\n\t"]);
    let list = (prop::collection::vec(name, 1..8), gap(), any::<bool>());
    let form = prop::sample::select(vec![("(", ")"), ("(", ")"), ("", "")]);
    (list, form, tail, place).prop_map(|((names, close, comma), (opens, closes), tail, place)| {
        let count = names.len();
        let mut list = String::new();
        for (index, (gap, alias, before_comma)) in names.into_iter().enumerate() {
            list.push_str(&format!("{gap}n{index}{}", alias.replace('X', &format!("m{index}"))));
            if index + 1 < count || comma && !opens.is_empty() {
                list.push_str(&format!("{before_comma},"));
            }
        }
        list.push_str(close);
        if opens.is_empty() {
            // Lines end in backslashes then, and hold no comments.
            let code =
                |line: &str| line.split('#').next().unwrap_or_default().trim_end_matches('\\').trim_end().to_owned();
            let lines: Vec<String> = list.trim_end().lines().map(code).filter(|line| !line.is_empty()).collect();
            list = lines.join(" \\\n");
        }
        let gap = if list.starts_with(' ') { "" } else { " " };
        let text = format!("from shop import{gap}{opens}{list}{closes}{tail}\n");
        let end = if place.starts_with("try") { "finally:\n\tpass\n" } else { "" };
        (format!("\"\"\"Doc.\"\"\"\n{place}{text}{end}y = 2\n"), count)
    })
}

/// The names that a number picks, as operations: all of them as the text has them.
fn picked(text: &str, count: usize, mask: u8) -> (Vec<Value>, Vec<String>) {
    let removal = |target: &ImportTarget| match target {
        ImportTarget::From { name, alias, .. } => {
            let alias = alias.as_ref().map(ToString::to_string);
            operation("remove_unused", json!({"from": "shop", "name": name.as_str(), "alias": alias}))
        }
        ImportTarget::Import { .. } => unreachable!("there are no others"),
    };
    let all = imports_in(text).unwrap();
    assert_eq!(all.len(), count, "{text}");
    let (gone, kept): (Vec<_>, Vec<_>) = (0..).zip(all).partition(|(index, _)| mask >> index & 1 == 1);
    let gone = gone.iter().map(|(_, name)| removal(&name.target)).collect();
    (gone, kept.into_iter().map(|(_, name)| name.target.to_string()).collect())
}

proptest! {
    #[test]
    fn names_go_and_nothing_else_does((text, count) in statement(true), mask in 1u8..=255) {
        let (operations, kept) = picked(&text, count, mask);
        prop_assume!(!operations.is_empty());
        let after = run("a.py", &text, &operations).unwrap();
        let left: Vec<String> = imports_in(&after).unwrap().iter().map(|name| name.target.to_string()).collect();
        prop_assert_eq!(left, kept);
        prop_assert!(after.contains("y = 2"), "what is not asked about stays");
        let blanks = |text: &str| text.lines().filter(|line| line.ends_with(' ')).count();
        prop_assert!(blanks(&after) <= blanks(&text), "no blanks are left at the end of a line: {after:?}");
        let reversed: Vec<Value> = operations.iter().rev().cloned().collect();
        prop_assert_eq!(run("a.py", &text, &reversed).unwrap(), after.clone());
        // One by one they give the same, in the order of the text.
        let mut one_by_one = text;
        for operation in &operations {
            one_by_one = run("a.py", &one_by_one, std::slice::from_ref(operation)).unwrap();
        }
        prop_assert_eq!(one_by_one, after);
    }

    /// Where commas stand behind their names, and no comment or blank line in or behind the list, any order gives the same.
    #[test]
    fn names_go_one_by_one_in_any_order((text, count) in statement(false), mask in 1u8..=255, seed in any::<u64>()) {
        let (mut operations, _) = picked(&text, count, mask);
        prop_assume!(!operations.is_empty());
        let after = run("a.py", &text, &operations).unwrap();
        for n in (1..operations.len()).rev() {
            operations.swap(n, usize::try_from(seed >> n).unwrap_or_default() % (n + 1));
        }
        let mut one_by_one = text.clone();
        for operation in &operations {
            one_by_one = run("a.py", &one_by_one, std::slice::from_ref(operation)).unwrap();
        }
        prop_assert_eq!(one_by_one, after, "{}", text);
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
