//! The matcher beside one that is too simple to be wrong.

use std::collections::BTreeMap;

use fix_plan::RepoPath;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{AllowGlobs, DenyGlobs, FoldedPath};

/// One sign of a component.
#[derive(Clone, Debug)]
enum Sign {
    Char(char),
    Any,
    Star,
    Class { negated: bool, of: Vec<char> },
    OneOf(Vec<String>),
}

#[derive(Clone, Debug)]
enum Component {
    Deep,
    Signs(Vec<Sign>),
}

fn text(pattern: &[Component]) -> String {
    let component = |component: &Component| match component {
        Component::Deep => "**".to_owned(),
        Component::Signs(signs) => signs.iter().map(sign).collect(),
    };
    pattern.iter().map(component).collect::<Vec<_>>().join("/")
}

fn sign(sign: &Sign) -> String {
    match sign {
        Sign::Char(c) => c.to_string(),
        Sign::Any => "?".to_owned(),
        Sign::Star => "*".to_owned(),
        Sign::Class { negated, of } => {
            format!("[{}{}]", if *negated { "!" } else { "" }, of.iter().collect::<String>())
        }
        Sign::OneOf(words) => format!("{{{}}}", words.join(",")),
    }
}

/// Whether a pattern means exactly this path.
fn means(pattern: &[Component], path: &[&str], fold: bool) -> bool {
    match pattern {
        [] => path.is_empty(),
        // Behind the last slash `**` is something, in the middle it may be nothing.
        [Component::Deep] => !path.is_empty(),
        [Component::Deep, rest @ ..] => (0..=path.len()).any(|skip| means(rest, &path[skip..], fold)),
        [Component::Signs(signs), rest @ ..] => {
            let Some((first, path)) = path.split_first() else { return false };
            fits(signs, &first.chars().collect::<Vec<_>>(), fold) && means(rest, path, fold)
        }
    }
}

fn fits(signs: &[Sign], name: &[char], fold: bool) -> bool {
    let same = |a: char, b: char| a == b || fold && a.eq_ignore_ascii_case(&b);
    match signs {
        [] => name.is_empty(),
        [Sign::Star, rest @ ..] => (0..=name.len()).any(|taken| fits(rest, &name[taken..], fold)),
        [Sign::OneOf(words), rest @ ..] => words.iter().any(|word| {
            let word: Vec<char> = word.chars().collect();
            let begins = name.len() >= word.len() && word.iter().zip(name).all(|(a, b)| same(*a, *b));
            begins && fits(rest, &name[word.len()..], fold)
        }),
        [one, rest @ ..] => {
            let Some((first, name)) = name.split_first() else { return false };
            let fits_one = match one {
                Sign::Char(c) => same(*c, *first),
                Sign::Class { negated, of } => of.iter().any(|c| same(*c, *first)) != *negated,
                _ => true,
            };
            fits_one && fits(rest, name, fold)
        }
    }
}

fn denied(pattern: &[Component], path: &str) -> bool {
    let components: Vec<&str> = path.split('/').collect();
    let mut pattern = pattern.to_vec();
    let is_bare = matches!(&pattern[..], [Component::Signs(_)]);
    while pattern.len() > 1 && matches!(pattern.last(), Some(Component::Deep)) {
        pattern.pop();
    }
    if is_bare {
        pattern.insert(0, Component::Deep);
    }
    (1..=components.len()).any(|end| means(&pattern, &components[..end], true))
}

fn letter() -> impl Strategy<Value = char> {
    prop_oneof![8 => prop::sample::select(vec!['a', 'b', 'A', '.', 'é']), 1 => Just('1')]
}

fn word() -> impl Strategy<Value = String> {
    proptest::collection::vec(letter(), 1..3).prop_map(String::from_iter)
}

fn signs() -> impl Strategy<Value = Sign> {
    prop_oneof![
        6 => letter().prop_map(Sign::Char),
        1 => Just(Sign::Any),
        2 => Just(Sign::Star),
        1 => (any::<bool>(), proptest::collection::vec(letter(), 1..3)).prop_map(|(negated, of)| Sign::Class { negated, of }),
        1 => proptest::collection::vec(prop_oneof![4 => word(), 1 => Just(String::new())], 1..3).prop_map(Sign::OneOf),
    ]
}

fn pattern() -> impl Strategy<Value = Vec<Component>> {
    let component = prop_oneof![
        1 => Just(Component::Deep),
        4 => proptest::collection::vec(signs(), 1..4)
            .prop_filter("is read as `**`", |signs| !matches!(&signs[..], [Sign::Star, Sign::Star]))
            .prop_map(Component::Signs),
    ];
    proptest::collection::vec(component, 1..4)
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::collection::vec(letter(), 1..4).prop_map(String::from_iter), 1..5)
        .prop_map(|components| components.join("/"))
}

/// `FIX_CASES` says how many pairs; 10,000 without.
#[expect(clippy::disallowed_methods, reason = "the long form of the test is asked for by a variable")]
fn cases() -> u32 {
    std::env::var("FIX_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

#[test]
fn the_matcher_agrees_with_a_simple_one() {
    let config =
        Config { cases: cases(), failure_persistence: None, max_global_rejects: u32::MAX, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let counts = std::cell::RefCell::new(BTreeMap::<(bool, bool), u32>::new());
    let result = runner.run(&(pattern(), path()), |(pattern, path)| {
        let written = text(&pattern);
        let Ok(parsed) = path.parse::<RepoPath>() else { return Err(TestCaseError::reject("no path")) };
        // A component of dots alone is no component.
        if super::checked(&written).is_err() {
            return Err(TestCaseError::reject("no pattern"));
        }
        let mut problems = Vec::new();
        let folded = FoldedPath::new(&parsed);
        let deny = DenyGlobs::new("deny", std::slice::from_ref(&written), &mut problems).matching(&folded).is_some();
        let allow = AllowGlobs::new("allow", std::slice::from_ref(&written), &mut problems).matches(&path);
        prop_assert!(problems.is_empty(), "{written}: {problems:?}");
        prop_assert_eq!(deny, denied(&pattern, &path), "deny {} {}", written, path);
        let components: Vec<&str> = path.split('/').collect();
        prop_assert_eq!(allow, means(&pattern, &components, false), "allow {} {}", written, path);
        *counts.borrow_mut().entry((deny, allow)).or_default() += 1;
        Ok(())
    });
    eprintln!("globs, (denied, allowed): {:?}", counts.borrow());
    assert!(result.is_ok(), "{result:?}");
    for answers in [(false, false), (true, false), (true, true)] {
        assert!(counts.borrow().contains_key(&answers), "no pair has the answers {answers:?}");
    }
}
