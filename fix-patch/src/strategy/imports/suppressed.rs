//! Comments that tell linters to leave an import alone.
//!
//! | comment | what it keeps |
//! |---|---|
//! | `# noqa`, `# noqa: F401`, `# ruff: ignore[F401]`, `# pylint: disable=unused-import` behind code | its line |
//! | `# nopycln: import`, `# pyright: ignore[reportUnusedImport]`, `# flake8: noqa` behind code | its line |
//! | `# pylint: disable=unused-import` behind `if x:`, `def f():` and the like | the block |
//! | `# pylint: disable-next=unused-import`, `# ruff: ignore[F401]`, `# noinspection PyUnresolvedReferences` on a line of its own | the line below |
//! | `# pylint: disable=unused-import`, `# ruff: disable[F401]` on a line of its own | what follows in its block, to `enable` |
//! | `# ruff: noqa`, `# flake8: noqa`, `# ruff: file-ignore[F401]`, `# pylint: skip-file` | the file |

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use super::python::{Module, bytes};
use super::statements::{Block, Import, Statements};

/// What one part of a comment says of unused imports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Says {
    /// Not here.
    Line,
    /// Not on the line below.
    Next,
    /// Not here; on a line of its own, not on the line below.
    LineOrNext,
    /// Not here; on a line of its own, not from here on.
    From,
    /// From here on again.
    Enable,
    /// Nowhere.
    File,
}

/// Which comment keeps the import's name number `name`, if one does.
pub(super) fn reason(
    module: &Module<'_>,
    statements: &Statements<'_>,
    import: &Import<'_>,
    name: usize,
) -> Option<String> {
    let alias = import.names.get(name)?;
    let line = |offset| module.lines().line(offset);
    let statement = bytes(import.stmt);
    let own =
        [line(alias.start().to_usize()), line(alias.end().to_usize()), line(statement.start), line(statement.end)];
    let headers: Vec<u32> = statements.around(import).filter_map(|block| header_line(module, block)).collect();
    // Of those that open or close a block, where they stand and what they say.
    let mut blocks = Vec::new();
    for range in module.comments() {
        let offset = range.start().to_usize();
        let at = line(offset);
        let alone =
            module.text.get(module.lines().start(offset)..offset).is_some_and(|before| before.trim().is_empty());
        for says in says(module.slice(range)) {
            let keeps = match says {
                // Linters read it on a line of its own only; what its author wanted is clear.
                Says::File => alone || own.contains(&at),
                Says::Line => own.contains(&at),
                Says::Next => own.contains(&(at + 1)),
                Says::LineOrNext => own.contains(&(at + u32::from(alone))),
                Says::From if !alone => own.contains(&at) || headers.contains(&at),
                Says::From | Says::Enable => {
                    if alone && offset < statement.start {
                        blocks.push((offset, says));
                    }
                    false
                }
            };
            if keeps {
                return Some(message(at));
            }
        }
    }
    let (offset, says) = nearest(module, statements, &blocks, statement.start)?;
    (says == Says::From).then(|| message(line(offset)))
}

/// The line that opens a block; none for the module's own.
fn header_line(module: &Module<'_>, block: &Block<'_>) -> Option<u32> {
    block.parent?;
    let first = bytes(block.body.first()?).start;
    let tokens = module.tokens();
    let before = tokens.get(..tokens.partition_point(|token| token.start().to_usize() < first))?;
    let colon = before.iter().rev().find(|token| token.kind() == TokenKind::Colon)?;
    Some(module.lines().line(colon.start().to_usize()))
}

/// The last of the comments whose block is still open at byte `statement`.
fn nearest(
    module: &Module<'_>,
    statements: &Statements<'_>,
    comments: &[(usize, Says)],
    statement: usize,
) -> Option<(usize, Says)> {
    let first = comments.first()?.0;
    let column = |offset: usize| offset - module.lines().start(offset);
    let mut between: Vec<usize> = statements
        .blocks
        .iter()
        .flat_map(|block| block.body)
        .map(|stmt| bytes(stmt).start)
        .filter(|start| (first..=statement).contains(start))
        .collect();
    between.sort_unstable();
    let mut outermost = usize::MAX;
    comments.iter().rev().copied().find(|(comment, _)| {
        while let Some(&start) = between.last()
            && start > *comment
        {
            outermost = outermost.min(column(start));
            between.pop();
        }
        column(*comment) <= outermost
    })
}

fn message(line: u32) -> String {
    format!("a comment on line {line} keeps it")
}

/// What a comment says, part by part: `# type: ignore  # noqa`.
fn says(comment: &str) -> impl Iterator<Item = Says> {
    comment.split('#').map(str::trim_start).filter_map(|part| {
        let of = |tool: &str| part.strip_prefix(tool)?.trim_start().strip_prefix([':', '=']).map(str::trim_start);
        if noqa(part) {
            Some(Says::Line)
        } else if let Some(rest) = of("ruff") {
            if noqa(rest) { Some(Says::File) } else { ruff(rest) }
        } else if let Some(rest) = of("flake8") {
            noqa(rest).then_some(Says::File)
        } else if let Some(rest) = of("nopycln") {
            match rest.trim_end() {
                "import" => Some(Says::Line),
                "file" => Some(Says::File),
                _ => None,
            }
        } else if let Some(rest) = of("pyright") {
            (rest.starts_with("ignore") && rest.contains("reportUnusedImport")).then_some(Says::Line)
        } else if let Some(rest) = part.strip_prefix("noinspection ") {
            rest.contains("PyUnresolvedReferences").then_some(Says::LineOrNext)
        } else {
            // Other text may stand before it.
            let (before, rest) = part.split_once("pylint")?;
            let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            pylint(rest.trim_start().strip_prefix(':').filter(|_| is_word)?.trim_start())
        }
    })
}

/// Whether a text says `noqa`, for everything or for unused imports.
fn noqa(text: &str) -> bool {
    let Some((word, rest)) = text.split_at_checked(4) else { return false };
    if !word.eq_ignore_ascii_case("noqa") || rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-') {
        return false;
    }
    let Some(codes) = rest.trim_start().strip_prefix(':') else { return true };
    let is_code = |word: &&str| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        digits.len() < word.len() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let mut codes = codes.split([',', ' ', '\t']).filter(|word| !word.is_empty()).take_while(is_code).peekable();
    codes.peek().is_none() || codes.any(|code| ["F401", "F4", "F40"].iter().any(|own| code.eq_ignore_ascii_case(own)))
}

/// `disable[F401]` and its kin.
fn ruff(text: &str) -> Option<Says> {
    let (command, codes) = text.split_once('[')?;
    let (codes, _) = codes.split_once(']')?;
    let is_own = |code: &str| matches!(code.trim(), "F401" | "F40" | "F4" | "F" | "unused-import");
    match command.trim_end() {
        _ if !codes.split(',').any(is_own) => None,
        "ignore" => Some(Says::LineOrNext),
        "file-ignore" => Some(Says::File),
        "disable" => Some(Says::From),
        "enable" => Some(Says::Enable),
        _ => None,
    }
}

/// `disable=unused-import` and its kin.
fn pylint(text: &str) -> Option<Says> {
    let Some((command, names)) = text.split_once('=') else {
        return (text.trim_end() == "skip-file").then_some(Says::File);
    };
    let is_own = |name: &str| matches!(name, "unused-import" | "W0611" | "W" | "all");
    match command.trim_end() {
        _ if !names.split([',', ' ', ';']).any(is_own) => None,
        "disable" => Some(Says::From),
        "disable-next" => Some(Says::Next),
        "enable" => Some(Says::Enable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(comment: &str) -> Vec<Says> {
        says(comment).collect()
    }

    #[test]
    fn noqa_is_read_as_linters_do() {
        for comment in [
            "# noqa",
            "#noqa",
            "# NOQA",
            "# noqa: F401",
            "# noqa:E402,F401",
            "# noqa: E402 F401",
            "# type: ignore # noqa: F401",
            "# noqa : F401",
            "# noqa: needed for its side effects",
            "# noqa; why",
        ] {
            assert_eq!(all(comment), [Says::Line], "{comment}");
        }
        for comment in [
            "# noqa: E501",
            "# noqab",
            "# noqa_",
            "# noqa-x",
            "# see noqa",
            "# type: ignore",
            "# nosec",
            "# no",
            "# noqa: E501,W291",
        ] {
            assert_eq!(all(comment), [], "{comment}");
        }
    }

    #[test]
    fn other_linters_are_read() {
        for (comment, says) in [
            ("# ruff: noqa", Says::File),
            ("#flake8:noqa: F401", Says::File),
            ("# ruff: file-ignore[F401]", Says::File),
            ("# ruff: ignore[E402, F401] why", Says::LineOrNext),
            ("# ruff: disable[unused-import]", Says::From),
            ("# ruff: enable[F401]", Says::Enable),
            ("# pylint: disable=unused-import", Says::From),
            ("# pylint:disable=wrong-import-order,unused-import", Says::From),
            ("# pylint: disable-next=W0611", Says::Next),
            ("# pylint: enable = all", Says::Enable),
            ("# pylint: skip-file", Says::File),
            ("# lint-amnesty, pylint: disable=unused-import", Says::From),
            ("# flake8=noqa", Says::File),
            ("# nopycln: import", Says::Line),
            ("# nopycln: file", Says::File),
            ("# pyright: ignore[reportUnusedImport]", Says::Line),
            ("# noinspection PyUnresolvedReferences", Says::LineOrNext),
        ] {
            assert_eq!(all(comment), [says], "{comment}");
        }
        for comment in [
            "# ruff: noqa: E501",
            "# ruff: disable",
            "# ruff: disable[F401",
            "# ruff: disable[F402]",
            "# ruff: isort[F401]",
            "# flake8: disable[F401]",
            "# pylint: disable=line-too-long",
            "# pylint: unused-import",
            "# pylint: msg=unused-import",
            "# other: noqa",
            "# nopycln: other",
            "# pyright: ignore",
            "# pyright: ignore[reportMissingImports]",
            "# noinspection PyMethodMayBeStatic",
            "# mypylint: disable=unused-import",
        ] {
            assert_eq!(all(comment), [], "{comment}");
        }
    }
}
