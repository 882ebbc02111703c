//! From edits to hunks, and from hunks to text.

use std::fmt::Write as _;
use std::ops::Range;

use fix_plan::RepoPath;
use similar::{Algorithm, DiffOp};

use super::{Hunk, Line, LineKind};
use crate::edit::EditSet;

const CONTEXT_LINES: usize = 3;

/// The hunks of a change. Only the lines that edits touch, and three around them, are looked at.
pub(crate) fn hunks(before: &str, edits: &EditSet) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut group: Vec<Change> = Vec::new();
    let mut so_far = Counts::default();
    for change in changes(before, edits) {
        let far = group.last().is_some_and(|last| change.old.start > last.old.end + 2 * CONTEXT_LINES);
        if far {
            hunks.extend(hunk(before, &group, &mut so_far));
            group.clear();
        }
        group.push(change);
    }
    hunks.extend(hunk(before, &group, &mut so_far));
    hunks
}

/// How many lines the hunks before have.
#[derive(Default)]
struct Counts {
    old: usize,
    new: usize,
}

/// Lines of the old text that become other lines.
#[derive(Clone, Debug)]
struct Change {
    old: Range<usize>,
    /// The bytes of the old lines.
    bytes: Range<usize>,
    new: Vec<String>,
}

fn changes(before: &str, edits: &EditSet) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for region in regions(before, edits) {
        let old: Vec<&str> = lines(before, region.bytes.clone()).collect();
        let new: Vec<&str> = region.text.split_inclusive('\n').collect();
        let mut at = region.bytes.start;
        for op in similar::capture_diff_slices(Algorithm::Myers, &old, &new) {
            let gone = old.get(op.old_range()).unwrap_or_default();
            let bytes = at..at + gone.iter().map(|line| line.len()).sum::<usize>();
            at = bytes.end;
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let lines = region.line + op.old_range().start..region.line + op.old_range().end;
            let came = new.get(op.new_range()).unwrap_or_default().iter().map(|line| (*line).to_owned());
            match changes.last_mut() {
                Some(last) if last.old.end == lines.start => {
                    last.old.end = lines.end;
                    last.bytes.end = bytes.end;
                    last.new.extend(came);
                }
                _ => changes.push(Change { old: lines, bytes, new: came.collect() }),
            }
        }
    }
    changes
}

/// Whole lines that edits touch, and the text that they become.
struct Region {
    bytes: Range<usize>,
    line: usize,
    text: String,
}

fn regions(before: &str, edits: &EditSet) -> Vec<Region> {
    let mut regions = Vec::new();
    let mut counter = LineCounter { text: before, at: 0, line: 0 };
    let mut edits = edits.iter().peekable();
    while let Some(first) = edits.next() {
        let start = line_start(before, first.range().start);
        let mut text = before.get(start..first.range().start).unwrap_or_default().to_owned() + first.text();
        let mut end = first.range().end;
        loop {
            // A region may end here only between two lines, old and new.
            let between = (end == 0 || before.get(..end).is_some_and(|head| head.ends_with('\n')))
                && (text.is_empty() || text.ends_with('\n'));
            let stop = if between { end } else { line_end(before, end) };
            match edits.next_if(|next| next.range().start < stop || next.range().start == stop && !between) {
                Some(next) => {
                    text.push_str(before.get(end..next.range().start).unwrap_or_default());
                    text.push_str(next.text());
                    end = next.range().end;
                }
                None => {
                    text.push_str(before.get(end..stop).unwrap_or_default());
                    regions.push(Region { bytes: start..stop, line: counter.line_at(start), text });
                    break;
                }
            }
        }
    }
    regions
}

/// Counts lines forward through a text, so that all edits together cost one pass.
struct LineCounter<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl LineCounter<'_> {
    fn line_at(&mut self, offset: usize) -> usize {
        let between = self.text.as_bytes().get(self.at..offset).unwrap_or_default();
        self.line += between.iter().filter(|&&byte| byte == b'\n').count();
        self.at = offset.max(self.at);
        self.line
    }
}

fn lines(text: &str, bytes: Range<usize>) -> impl Iterator<Item = &str> {
    text.get(bytes).unwrap_or_default().split_inclusive('\n')
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1)
}

fn line_end(text: &str, offset: usize) -> usize {
    text.get(offset..).and_then(|tail| tail.find('\n')).map_or(text.len(), |at| offset + at + 1)
}

/// The hunk of changes that lie close together.
fn hunk(before: &str, group: &[Change], so_far: &mut Counts) -> Option<Hunk> {
    let (first, last) = (group.first()?, group.last()?);
    let mut lead = first.bytes.start;
    for _ in 0..CONTEXT_LINES {
        lead = line_start(before, lead.saturating_sub(1));
    }
    let mut trail = last.bytes.end;
    for _ in 0..CONTEXT_LINES {
        trail = line_end(before, trail);
    }
    let mut texts = Vec::new();
    let mut at = lead;
    for change in group {
        texts.extend(lines(before, at..change.bytes.start).map(|text| (LineKind::Context, text)));
        texts.extend(lines(before, change.bytes.clone()).map(|text| (LineKind::Removed, text)));
        texts.extend(change.new.iter().map(|text| (LineKind::Added, text.as_str())));
        at = change.bytes.end;
    }
    texts.extend(lines(before, at..trail).map(|text| (LineKind::Context, text)));
    let lines: Vec<Line> = texts.into_iter().map(|(kind, text)| Line { kind, text: text.to_owned() }).collect();

    let count = |not: LineKind| lines.iter().filter(|line| line.kind != not).count();
    let (old_lines, new_lines) = (count(LineKind::Added), count(LineKind::Removed));
    let old_first = first.old.start - lines.iter().take_while(|line| line.kind == LineKind::Context).count();
    let new_first = old_first - so_far.old + so_far.new;
    so_far.old += old_lines;
    so_far.new += new_lines;
    // A side without lines is numbered by the line before it.
    let start = |first: usize, lines: usize| number(first + usize::from(lines > 0));
    Some(Hunk {
        old_start: start(old_first, old_lines),
        old_lines: number(old_lines),
        new_start: start(new_first, new_lines),
        new_lines: number(new_lines),
        lines,
    })
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Appends the diff of one changed file.
pub(crate) fn write_file(diff: &mut String, path: &RepoPath, hunks: &[Hunk]) {
    let (old, new) = (quoted("a/", path.as_str()), quoted("b/", path.as_str()));
    // git ends a name with a tab where blanks would leave its end open.
    let tab = if path.as_str().contains(' ') && !old.starts_with('"') { "\t" } else { "" };
    // Writing to a string can't fail.
    let _ = write!(diff, "diff --git {old} {new}\n--- {old}{tab}\n+++ {new}{tab}\n");
    for hunk in hunks {
        let _ =
            writeln!(diff, "@@ -{} +{} @@", span(hunk.old_start, hunk.old_lines), span(hunk.new_start, hunk.new_lines));
        for line in &hunk.lines {
            diff.push(match line.kind {
                LineKind::Context => ' ',
                LineKind::Removed => '-',
                LineKind::Added => '+',
            });
            diff.push_str(&line.text);
            if !line.text.ends_with('\n') {
                diff.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
}

fn span(start: u64, lines: u64) -> String {
    if lines == 1 { start.to_string() } else { format!("{start},{lines}") }
}

/// A name with its prefix, C-quoted as git does when it holds anything but printable ASCII.
pub(super) fn quoted(prefix: &str, path: &str) -> String {
    let plain = path.bytes().all(|byte| (0x20..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\\'));
    if plain {
        return format!("{prefix}{path}");
    }
    let mut quoted = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            0x20..0x7f => quoted.push(char::from(byte)),
            byte => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Edit;

    fn diff(before: &str, edits: Vec<Edit>) -> String {
        let edits = EditSet::new(before, edits).unwrap();
        let mut text = String::new();
        write_file(&mut text, &"a.txt".parse().unwrap(), &hunks(before, &edits));
        text.lines().skip(3).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn an_insertion_between_lines_adds_one() {
        assert_eq!(diff("a\nb\n", vec![Edit::insertion(2, "x\n")]), "@@ -1,2 +1,3 @@\n a\n+x\n b\n");
        assert_eq!(diff("", vec![Edit::insertion(0, "x\n")]), "@@ -0,0 +1 @@\n+x\n");
        assert_eq!(diff("a\n", vec![Edit::deletion(0..2)]), "@@ -1 +0,0 @@\n-a\n");
    }

    #[test]
    fn a_missing_final_newline_is_told() {
        let added = "@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n";
        assert_eq!(diff("a", vec![Edit::insertion(1, "\nb")]), added);
        assert_eq!(diff("a", vec![Edit::insertion(1, "\n")]), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
    }

    #[test]
    fn edits_on_one_line_share_a_change() {
        assert_eq!(diff("abc\n", vec![Edit::deletion(0..1), Edit::insertion(3, "d")]), "@@ -1 +1 @@\n-abc\n+bcd\n");
        // The line ending goes: two lines become one.
        assert_eq!(diff("a\nb\n", vec![Edit::deletion(1..2)]), "@@ -1,2 +1 @@\n-a\n-b\n+ab\n");
    }

    #[test]
    fn far_changes_get_hunks_of_their_own() {
        let before: String = (0..30).map(|n| format!("{n}\n")).collect();
        let at = |line: &str| before.find(line).unwrap() + 1;
        let text = diff(&before, vec![Edit::deletion(at("\n5\n")..at("\n6\n")), Edit::insertion(at("\n20\n"), "x\n")]);
        assert!(text.contains("@@ -3,7 +3,6 @@"), "{text}");
        assert!(text.contains("@@ -18,6 +17,7 @@"), "{text}");
    }

    #[test]
    fn names_are_quoted_as_git_does() {
        assert_eq!(quoted("a/", "x y.py"), "a/x y.py");
        assert_eq!(quoted("a/", "ü\".py"), "\"a/\\303\\274\\\".py\"");
    }
}
