//! The proof that a removal removed what was asked for, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ruff_python_ast::comparable::ComparableStmt;
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{AtomicNodeIndex, ExceptHandler, Stmt, StmtPass};
use ruff_text_size::{Ranged, TextRange};

use super::outside;
use super::python::{Module, bytes};
use super::remove::{self, Removals};
use super::statements::Statements;
use crate::tidy;

/// Which names go, by the byte where their statement starts.
type Gone = BTreeMap<usize, BTreeSet<usize>>;

/// Checks that `after` is `before` without `removals`, and perhaps tidied.
pub(super) fn check(
    before: &Module<'_>,
    statements: &Statements<'_>,
    removals: &Removals,
    tidied: bool,
    after: &str,
) -> Result<(), String> {
    let after = before.parse_rest(after).map_err(|error| format!("the result does not parse: {error}"))?;
    let gone: Gone = removals
        .iter()
        .filter_map(|(import, names)| {
            let import = statements.imports.get(*import)?;
            Some((bytes(import.stmt).start, names.clone()))
        })
        .collect();
    before.walk(|| check_trees(before, &after, &gone))?;
    outside::check(before, statements, removals, tidied, after.text)?;
    check_comments(before, &after, &Own::of(before, statements, removals), tidied)
}

/// The tree before, with the names taken out, equals the tree after.
fn check_trees(before: &Module<'_>, after: &Module<'_>, gone: &Gone) -> Result<(), String> {
    let mut rest = after.body().iter();
    for stmt in before.body() {
        let range = bytes(stmt);
        let touched = gone.range(range.clone()).next().is_some();
        if !touched {
            let Some(found) = rest.next() else { return Err("a statement is missing at the end".to_owned()) };
            // Equal text at the same level parses to an equal tree.
            if before.slice(stmt.range()) != after.slice(found.range())
                && ComparableStmt::from(stmt) != ComparableStmt::from(found)
            {
                return Err(format!("the statement on line {} changed", before.line_of(stmt)));
            }
            continue;
        }
        let Some(expected) = without(stmt, gone) else { continue };
        let Some(found) = rest.next() else { return Err("a statement is missing at the end".to_owned()) };
        if ComparableStmt::from(&expected) != ComparableStmt::from(found) {
            let line = before.line_of(stmt);
            return Err(format!("the statement on line {line} is not what is left of it without the import"));
        }
    }
    match rest.next() {
        Some(stmt) => Err(format!("a statement came on line {}", after.line_of(stmt))),
        None => Ok(()),
    }
}

/// A copy of `stmt` without the names that go; none when nothing of it is left.
fn without(stmt: &Stmt, gone: &Gone) -> Option<Stmt> {
    let mut copy = stmt.clone();
    if !keep(&mut copy, gone) {
        return None;
    }
    Some(copy)
}

/// Takes the names that go out of `stmt` and what is in it; false when it goes itself.
fn keep(stmt: &mut Stmt, gone: &Gone) -> bool {
    let range = bytes(&*stmt);
    match stmt {
        Stmt::Import(import) => return keep_names(&mut import.names, gone.get(&range.start)),
        Stmt::ImportFrom(import) => return keep_names(&mut import.names, gone.get(&range.start)),
        _ => {}
    }
    if gone.range(range).next().is_none() {
        return true;
    }
    macro_rules! blocks {
        ($($body:expr),+ $(,)?) => {{ $(
            let filled = !$body.is_empty();
            $body.retain_mut(|inner| keep(inner, gone));
            if filled && $body.is_empty() {
                $body.push(pass());
            }
        )+ }};
    }
    match stmt {
        Stmt::FunctionDef(function) => blocks!(function.body),
        Stmt::ClassDef(class) => blocks!(class.body),
        Stmt::With(with) => blocks!(with.body),
        Stmt::For(r#for) => blocks!(r#for.body, r#for.orelse),
        Stmt::While(r#while) => blocks!(r#while.body, r#while.orelse),
        Stmt::If(r#if) => {
            blocks!(r#if.body);
            for clause in &mut r#if.elif_else_clauses {
                blocks!(clause.body);
            }
        }
        Stmt::Try(r#try) => {
            blocks!(r#try.body, r#try.orelse, r#try.finalbody);
            for handler in &mut r#try.handlers {
                let ExceptHandler::ExceptHandler(handler) = handler;
                blocks!(handler.body);
            }
        }
        Stmt::Match(r#match) => {
            for case in &mut r#match.cases {
                blocks!(case.body);
            }
        }
        _ => {}
    }
    true
}

fn keep_names(names: &mut Vec<ruff_python_ast::Alias>, gone: Option<&BTreeSet<usize>>) -> bool {
    let Some(gone) = gone else { return true };
    let mut index = 0;
    names.retain(|_| {
        index += 1;
        !gone.contains(&(index - 1))
    });
    !names.is_empty()
}

fn pass() -> Stmt {
    Stmt::Pass(StmtPass { node_index: AtomicNodeIndex::NONE, range: TextRange::default() })
}

/// The comments are the same, but for those of `own`; their trailing blanks aside when `tidied`.
fn check_comments(before: &Module<'_>, after: &Module<'_>, own: &Own, tidied: bool) -> Result<(), String> {
    // Those that have to stay are all there, and none is there that was not, in the same order.
    let mut found = comments(after, tidied);
    for (at, comment) in comments(before, tidied) {
        let line = before.lines().line(at);
        if !own.has(at, line) && !found.any(|(_, found)| found == comment) {
            return Err(format!("the comment on line {line} is gone"));
        }
    }
    let mut known = comments(before, tidied);
    for (at, comment) in comments(after, tidied) {
        if !known.any(|(_, known)| known == comment) {
            return Err(format!("a comment came on line {}", after.lines().line(at)));
        }
    }
    Ok(())
}

/// Where each comment starts, and its text.
fn comments<'m>(module: &'m Module<'_>, tidied: bool) -> impl Iterator<Item = (usize, &'m str)> {
    module.comments().map(move |range| {
        let text = module.slice(range);
        (range.start().to_usize(), if tidied { tidy::trimmed(text) } else { text })
    })
}

/// Where comments may go with a name.
struct Own {
    /// The lines of what goes, up to its comma, that hold nothing that stays.
    lines: BTreeSet<u32>,
    /// The bytes of what goes.
    ranges: Vec<Range<usize>>,
}

impl Own {
    fn of(before: &Module<'_>, statements: &Statements<'_>, removals: &Removals) -> Self {
        let mut own = Self { lines: BTreeSet::new(), ranges: Vec::new() };
        let span = |range: Range<usize>| before.lines().line(range.start)..=before.lines().line(range.end);
        for (import, gone) in removals {
            let Some(import) = statements.imports.get(*import) else { continue };
            let statement = bytes(import.stmt);
            if gone.len() == import.names.len() {
                own.lines.extend(span(statement));
                continue;
            }
            let aliases =
                || import.names.iter().enumerate().map(|(index, alias)| (gone.contains(&index), bytes(alias)));
            let mut kept: BTreeSet<u32> =
                aliases().filter(|(goes, _)| !goes).flat_map(|(_, alias)| span(alias)).collect();
            if before.slice(import.stmt.range()).ends_with(')') {
                kept.insert(before.lines().line(statement.end));
            }
            for alias in aliases().filter(|(goes, _)| *goes).map(|(_, alias)| alias) {
                let comma = remove::code_after(before, alias.end).filter(|(kind, _)| *kind == TokenKind::Comma);
                let comma = comma.map(|(_, comma)| before.lines().line(comma.start));
                own.lines.extend(span(alias.clone()).chain(comma).filter(|line| !kept.contains(line)));
                own.ranges.push(alias);
            }
        }
        own
    }

    fn has(&self, at: usize, line: u32) -> bool {
        self.lines.contains(&line) || self.ranges.iter().any(|range| range.contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use fix_plan::{FixPlan, Operation};

    use crate::source::SourceFile;
    use crate::strategy::{PatchOptions, Strategy, imports::Imports};

    const BEFORE: &str = "x = 1\n\nimport os, sys  # both\n# about f\ndef f():\n    return 1  # one\n";

    fn verdict(after: &str) -> Result<(), String> {
        let plan: FixPlan = r#"{"root_cause": "x", "category": "lint_format", "confidence": 1, "files": ["a.py"],
            "operations": [{"type": "remove_unused", "file": "a.py", "details": {"import": "os"},
                            "rationale": "r", "evidence": []}]}"#
            .parse()
            .unwrap();
        let source = SourceFile::new("a.py".parse().unwrap(), BEFORE.as_bytes().to_vec()).unwrap();
        let operations: Vec<&Operation> = plan.operations().iter().collect();
        let options = PatchOptions { tidy: false, ..PatchOptions::default() };
        let proposal = Imports.propose(&source, &operations, &options).unwrap();
        (proposal.proof)(after)
    }

    #[test]
    fn only_the_removal_is_proven() {
        let right = BEFORE.replace("os, ", "");
        assert_eq!(verdict(&right), Ok(()));
        assert_eq!(verdict(&BEFORE.replace("os, sys", "sys")), Ok(()));
        for (wrong, what) in [
            (BEFORE.to_owned(), "nothing went"),
            (right.replace("import sys  # both\n", ""), "the other name went"),
            (right.replace("return 1", "return 2"), "a value changed"),
            (right.replace("return 1", "return"), "a value went"),
            (right.replace("  # one", ""), "a comment went"),
            (right.replace("# one", "# two"), "a comment changed"),
            (right.clone() + "# new\n", "a comment came"),
            (right.clone() + "x = 1\n", "a statement came"),
            (right.replace("# about f\ndef f():\n    return 1  # one\n", "# about f\n# one\n"), "a statement went"),
            (right.replace("def f", "def"), "the result does not parse"),
            (right.replace("\n\n", "\n"), "a blank line went"),
            (right.replace("x = 1", "x  = 1"), "blanks came"),
            (right.replace("x = 1", "x = 1 "), "blanks came at the end of a line"),
            (right.replace("return 1", "return (1)"), "parentheses came"),
            (right.replace("    return", "\treturn"), "the indentation changed"),
            (right.replace("sys  # both\n", "sys  # both\n\n"), "a blank line came"),
            (right.replace("# one\n", "# one"), "the final newline went"),
            (right.replace("sys  #", "sys;  #") + "\n", "a blank line came at the end"),
        ] {
            assert!(verdict(&wrong).is_err(), "{what}");
        }
    }
}
