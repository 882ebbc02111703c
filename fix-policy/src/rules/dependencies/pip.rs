//! Requirements files, as pip reads them.
//!
//! A diff shows lines and not files: where two readings are possible, the worse one counts.

use fix_patch::diff::{Hunk, LineKind};

use super::requirement::{Fact, Problem, Requirement, is_line_break_to_someone, refers};

/// What the lines of one kind say. `is_read` tells whether the rules look at a file that is included.
pub(super) fn facts(hunk: &Hunk, kind: LineKind, is_read: impl Fn(&str) -> bool, facts: &mut Vec<Fact>) {
    let other = if kind == LineKind::Added { LineKind::Removed } else { LineKind::Added };
    let mut lines = hunk.lines.iter().filter(|line| line.kind != other).peekable();
    while let Some(line) = lines.next() {
        if line.kind == kind {
            let hashes_follow = lines.peek().is_some_and(|next| is_hashes(&next.text));
            line_facts(&line.text, hashes_follow, &is_read, facts);
        }
    }
}

fn line_facts(line: &str, hashes_follow: bool, is_read: &impl Fn(&str) -> bool, facts: &mut Vec<Fact>) {
    let mut problem = |problem, token: &str| facts.push(Fact::Problem(problem, token.to_owned()));
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    // A byte order mark begins a file, and says nothing.
    let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim();
    if line.chars().any(is_line_break_to_someone) {
        return problem(Problem::Hidden, line);
    }
    let (code, comment) = split_comment(line);
    if declares_encoding(comment) || !comment.is_empty() && line.ends_with('\\') {
        problem(Problem::Hidden, line);
    }
    let (code, is_continued) = match code.trim_end().strip_suffix('\\') {
        Some(code) => (code, true),
        None => (code, false),
    };
    let is_apart = code.ends_with([' ', '\t']);
    let (code, hashes) = split_hashes(code.trim());
    let (code, options) = split_options(code);
    let requirement = Requirement::read(code);
    let name = requirement.map_or(code, |requirement| requirement.name);
    if is_continued && !(is_apart && hashes_follow && (hashes || !code.is_empty())) {
        problem(Problem::Hidden, &format!("{name} \\"));
    }
    let is_include = code.is_empty() && includes(options).is_some_and(is_read);
    if !options.is_empty() && !is_include {
        problem(Problem::Option, &format!("{name} {options}"));
    }
    if code.is_empty() {
        return;
    }
    let is_reference = requirement.is_some_and(|requirement| requirement.is_reference);
    if is_reference || refers(code) || has_scheme(code) || is_local(code) {
        problem(Problem::Reference, code);
    } else if requirement.is_none() {
        problem(Problem::Hidden, code);
    }
    facts.extend(requirement.map(|requirement| Fact::Dependency(requirement.entry())));
}

/// A `#` begins a comment at the start, and behind a blank.
fn split_comment(line: &str) -> (&str, &str) {
    let begins =
        |(at, _): &(usize, &str)| line.get(..*at).is_some_and(|head| head.is_empty() || head.ends_with([' ', '\t']));
    line.match_indices('#').find(begins).map_or((line, ""), |(at, _)| line.split_at(at))
}

/// Whether a comment says that pip should read the file in an encoding in which these letters are others (PEP 263).
fn declares_encoding(comment: &str) -> bool {
    comment.match_indices("coding").any(|(at, word)| {
        let rest = comment.get(at + word.len()..).unwrap_or_default();
        let Some(rest) = rest.strip_prefix([':', '=']) else { return false };
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        !matches!(name.as_str(), "" | "utf-8" | "utf8" | "ascii" | "us-ascii" | "latin-1" | "latin1" | "iso-8859-1")
    })
}

/// Takes the digests off that pip-compile writes behind a requirement: they narrow what is installed.
fn split_hashes(mut code: &str) -> (&str, bool) {
    let mut found = false;
    loop {
        let (head, last) = code.rsplit_once([' ', '\t']).unwrap_or(("", code));
        if !is_hash(last) {
            return (code, found);
        }
        (code, found) = (head.trim_end(), true);
    }
}

fn is_hash(word: &str) -> bool {
    let Some((algorithm, digest)) = word.strip_prefix("--hash=").and_then(|hash| hash.split_once(':')) else {
        return false;
    };
    let digits = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    digest.len() == digits && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a line holds digests and nothing else.
fn is_hashes(line: &str) -> bool {
    let line = line.trim();
    let line = line.strip_suffix('\\').map_or(line, str::trim_end);
    matches!(split_hashes(line), ("", true))
}

/// From the first `-x` or `--x` on, at the beginning or behind a blank.
fn split_options(code: &str) -> (&str, &str) {
    let begins = |(at, _): &(usize, &str)| {
        let (before, option) = code.split_at(*at);
        let rest = option.get(1..).unwrap_or_default();
        (before.is_empty() || before.ends_with(char::is_whitespace))
            && rest.starts_with(|c: char| c == '-' || c.is_ascii_alphabetic())
    };
    let found = code.match_indices('-').find(begins);
    found.map_or((code, ""), |(at, _)| {
        (code.get(..at).unwrap_or_default().trim_end(), code.get(at..).unwrap_or_default())
    })
}

/// The file of `-r FILE` and `-c FILE`, and nothing else.
fn includes(options: &str) -> Option<&str> {
    let (option, file) = options.split_once([' ', '\t'])?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let file = file.trim_start();
    let is_include = matches!(option, "-r" | "--requirement" | "-c" | "--constraint");
    (is_include && file.chars().all(is_plain)).then_some(file)
}

/// `file:x`, `HTTPS:x`, `hg+file:x`: pip asks for no slashes.
fn has_scheme(code: &str) -> bool {
    let end = code.find(|c: char| !(c.is_ascii_alphanumeric() || "+.-".contains(c))).unwrap_or(code.len());
    code.starts_with(|c: char| c.is_ascii_alphabetic()) && code.get(end..).is_some_and(|rest| rest.starts_with(':'))
}

/// Endings of what pip unpacks.
const ARCHIVES: [&str; 12] =
    [".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma"];

/// `./x`, `../x`, `x/y`, `x.whl`: what pip installs from the disk.
fn is_local(code: &str) -> bool {
    let name = code.split(';').next().unwrap_or(code).trim();
    let is_archive = |name: &str| {
        let lower = name.trim().to_ascii_lowercase();
        ARCHIVES.iter().any(|ending| lower.ends_with(ending))
    };
    let without_extras = name.split('[').next().unwrap_or(name);
    name.starts_with('.') || name.contains(['/', '\\']) || is_archive(name) || is_archive(without_extras)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(line: &str) -> Vec<Problem> {
        let mut facts = Vec::new();
        line_facts(line, false, &|file| file == "requirements/base.txt", &mut facts);
        facts
            .into_iter()
            .filter_map(|fact| if let Fact::Problem(problem, _) = fact { Some(problem) } else { None })
            .collect()
    }

    #[test]
    fn options_are_told() {
        for line in [
            "--index-url x",
            "-e .",
            "-r other.txt",
            "a --hash=sha256:1",
            "a\t--config-settings=x",
            " -i x",
            "\u{feff}--index-url x",
            "-r requirements/base.txt -i x",
            "-rrequirements/base.txt",
            "-r $X/base.txt",
            "a --hash=md5:00000000000000000000000000000000",
            "--require-hashes",
            "a\u{a0}--pre",
        ] {
            assert!(problems(line).contains(&Problem::Option), "{line}");
        }
        let hash = format!("a==1 --hash=sha256:{}", "0".repeat(64));
        for line in
            ["-r requirements/base.txt", "-c\trequirements/base.txt # x", &hash, hash.trim_start_matches("a==1 ")]
        {
            assert_eq!(problems(line), [], "{line}");
        }
    }

    #[test]
    fn references_are_told() {
        for line in [
            "a @ https://x/y.whl",
            "a@git+ssh:x",
            "git+ssh://x",
            "a[b]@file:x",
            "./local",
            "../local",
            "dir/pkg",
            "x.whl",
            "${URL}",
            "a @ local",
            "svn+ssh://x",
            "file:evil",
            "FILE:evil",
            "http:foo",
            "HTTPS:evil",
            "bzr+lp:evil",
            "hg+file:evil",
            "foo@x",
            "foo[e]@x",
            "foo@x#egg=y",
            "evil-1.0.tar",
            "x.tar.xz",
            "x.txz",
            "x.tbz",
            "x.tlz",
            "x.tar.lz",
            "x.TAR.lzma",
            "x.tar[e]",
            "x.zip ; os_name == 'nt'",
            "GIT+x",
            "a\\b",
        ] {
            assert!(problems(line).contains(&Problem::Reference), "{line}");
        }
    }

    #[test]
    fn what_hides_is_told() {
        for line in [
            "a @ ht\\",
            "# x\u{c}--index-url y",
            "# x\u{85}evil",
            "a\u{2028}b",
            "a\rb",
            "a\0",
            "# x \\",
            "a # x \\",
            "a==1 \\",
            "# coding: utf-7",
            "# -*- coding=utf-16 -*-",
            "#coding: utf-8 coding:rot13",
            "# encoding: what it is",
            "# vim: fileencoding=unicode_escape",
            "+AC0ALQ-index-url",
            "some prose",
            "a b",
            "a\u{feff}",
            "a-",
            "\\",
        ] {
            assert!(problems(line).contains(&Problem::Hidden), "{line}");
        }
    }

    #[test]
    fn names_and_comments_are_no_problem() {
        for line in [
            "requests>=2\r\n",
            "# see https://x",
            "a  # from https://x",
            "a\t# https://x",
            "path==1.0",
            "a; os_name == 'nt'",
            "a-b==1-2",
            "",
            "# coding: utf-8",
            "# coding",
            "\u{feff}a==1",
            "a (>=1)",
        ] {
            assert_eq!(problems(line), [], "{line}");
        }
    }

    #[test]
    fn a_line_goes_on_into_digests_only() {
        let hash = format!("    --hash=sha256:{} \\", "a".repeat(64));
        assert!(is_hashes(&hash) && !is_hashes("--hash=sha256:0") && !is_hashes("") && !is_hashes("\\"));
        let hidden = |line: &str| {
            let mut facts = Vec::new();
            line_facts(line, true, &|_| false, &mut facts);
            facts.contains(&Fact::Problem(Problem::Hidden, "a \\".to_owned()))
        };
        assert!(!hidden("a==1 \\") && hidden("a==1\\"));
        assert_eq!(problems(&hash).len(), 1, "nothing follows");
    }
}
