//! A strict reader of git's unified diffs.
//!
//! A reader that guesses is a way around a policy: what it understands and what
//! `git apply` does could differ. So this one refuses whatever git does not write.

use fix_plan::{PathError, RepoPath};

use super::{Hunk, Line, LineKind};

/// Longest diff that is read, in bytes.
pub(super) const DIFF_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The changes of a diff, file by file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Diff {
    /// The files, in the order of the diff; each path is changed once.
    pub files: Vec<FileDiff>,
}

/// The change of one file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FileDiff {
    /// The file before; absent when it is created.
    pub old_path: Option<RepoPath>,
    /// The file after; absent when it is deleted.
    pub new_path: Option<RepoPath>,
    /// Its mode before, when the diff says so.
    pub old_mode: Option<FileMode>,
    /// Its mode after, when the diff says so.
    pub new_mode: Option<FileMode>,
    /// Whether the new file is a copy of the old one, which stays.
    pub copied: bool,
    /// Whether its content is binary, so that nothing is known of it.
    pub binary: bool,
    /// The changed lines.
    pub hunks: Vec<Hunk>,
}

impl FileDiff {
    /// The path that the change is filed under: the new one, or the old one of a deleted file.
    #[must_use]
    pub fn path(&self) -> Option<&RepoPath> {
        self.new_path.as_ref().or(self.old_path.as_ref())
    }
}

/// What git calls the mode of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "git has these four")]
pub enum FileMode {
    /// 100644
    Regular,
    /// 100755
    Executable,
    /// 120000
    Symlink,
    /// 160000
    Submodule,
}

/// Why a text is no diff that git could have written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line} of the diff: {problem}")]
pub struct DiffError {
    line: usize,
    problem: String,
}

impl DiffError {
    /// The 1-based line of the diff.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

/// Reads a diff as `git diff` writes it, with `a/` and `b/` before the names.
///
/// ```
/// let diff = fix_patch::diff::parse(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")?;
/// assert_eq!(diff.files[0].hunks[0].lines_added(), 1);
/// # Ok::<(), fix_patch::diff::DiffError>(())
/// ```
///
/// # Errors
/// Names the first line that git would not have written, or that could be read in two ways.
pub fn parse(text: &[u8]) -> Result<Diff, DiffError> {
    let at = |line, problem: &str| DiffError { line, problem: problem.to_owned() };
    if text.len() > DIFF_BYTES_MAX {
        return Err(at(1, "the diff is too long"));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let line = text.iter().take(error.valid_up_to()).filter(|&&byte| byte == b'\n').count() + 1;
        at(line, "is not UTF-8")
    })?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(at(text.lines().count(), "the last line does not end"));
    }
    let mut reader = Reader {
        lines: text.split_inclusive('\n').map(|line| line.strip_suffix('\n').unwrap_or(line)).collect(),
        at: 0,
    };
    let mut diff = Diff::default();
    let mut starts = Vec::new();
    while reader.peek().is_some() {
        starts.push(reader.at + 1);
        diff.files.push(reader.file()?);
    }
    match changed_twice(&diff, &starts) {
        Some(line) => Err(at(line, "changes a file that the diff changed before")),
        None => Ok(diff),
    }
}

/// The line where a file begins that an earlier one changes, too.
fn changed_twice(diff: &Diff, starts: &[usize]) -> Option<usize> {
    let changed = diff.files.iter().zip(starts).flat_map(|(file, &start)| {
        // What a copy is made of stays as it is.
        let old = file.old_path.as_ref().filter(|old| !file.copied && file.new_path.as_ref() != Some(old));
        [old, file.new_path.as_ref()].into_iter().flatten().map(move |path| (path, start))
    });
    let mut changed: Vec<(&RepoPath, usize)> = changed.collect();
    changed.sort();
    let twice = changed.windows(2).filter_map(|pair| match pair {
        [(path, _), (same, line)] if path == same => Some(*line),
        _ => None,
    });
    twice.min()
}

pub(super) struct Reader<'t> {
    lines: Vec<&'t str>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.lines.get(self.at).copied()
    }

    pub(super) fn next_if(&mut self, prefix: &str) -> Option<&'t str> {
        let rest = self.peek()?.strip_prefix(prefix)?;
        self.at += 1;
        Some(rest)
    }

    pub(super) fn next_line_if(&mut self, line: &str) -> Option<()> {
        (self.peek() == Some(line)).then(|| self.at += 1)
    }

    /// An error about the line read last.
    pub(super) fn error(&self, problem: impl Into<String>) -> DiffError {
        DiffError { line: self.at.max(1), problem: problem.into() }
    }

    /// An error about the line to be read next.
    pub(super) fn error_ahead(&self, problem: impl Into<String>) -> DiffError {
        DiffError { line: self.at + 1, problem: problem.into() }
    }

    fn file(&mut self) -> Result<FileDiff, DiffError> {
        let Some(names) = self.next_if("diff --git ") else {
            return Err(self.error_ahead("expected `diff --git a/… b/…`"));
        };
        let header = self.header()?;
        let mut file = FileDiff {
            old_path: None,
            new_path: None,
            old_mode: header.old_mode,
            new_mode: header.new_mode,
            copied: header.copied,
            binary: false,
            hunks: Vec::new(),
        };
        let sides = self.sides()?;
        let renamed = header.from.is_some();
        let (old, new) = match (&sides, &header.from, &header.to) {
            (Some((old, new)), _, _) => (old.clone(), new.clone()),
            (None, Some(from), Some(to)) => (Some(from.clone()), Some(to.clone())),
            (None, _, _) => {
                let path = self.same_name(names)?;
                ((!header.created).then(|| path.clone()), (!header.deleted).then_some(path))
            }
        };
        if old.is_none() != header.created || new.is_none() != header.deleted {
            return Err(self.error("the headers disagree on whether the file is created or deleted"));
        }
        if renamed && (old != header.from || new != header.to) {
            return Err(self.error("the headers disagree on the names of the file"));
        }
        if renamed && old == new {
            return Err(self.error("a file is renamed or copied to itself"));
        }
        if !renamed && old.is_some() && new.is_some() && old != new {
            return Err(self.error("two names without a rename"));
        }
        let (shown_old, shown_new) = (old.as_ref().or(new.as_ref()), new.as_ref().or(old.as_ref()));
        if !names_are(names, shown_old, shown_new) {
            return Err(self.error("the names after `diff --git` differ from those below"));
        }
        file.old_path = old;
        file.new_path = new;
        if sides.is_some() {
            self.hunks(&mut file)?;
        } else if header.index && self.binary(&file)? {
            file.binary = true;
            return Ok(file);
        }
        // All alike need not be the same: git writes 100% of lines in another order, too.
        if file.hunks.is_empty() && header.similarity.is_some_and(|percent| percent < 100) {
            return Err(self.error("the renamed file differs, and the diff does not say how"));
        }
        let says_nothing = file.hunks.is_empty()
            && !renamed
            && !header.created
            && !header.deleted
            && header.old_mode == header.new_mode;
        if says_nothing {
            return Err(self.error("changes nothing"));
        }
        Ok(file)
    }

    /// The `---` and `+++` lines; `None` inside for `/dev/null`.
    #[expect(clippy::type_complexity, reason = "two sides, each of which may be absent")]
    fn sides(&mut self) -> Result<Option<(Option<RepoPath>, Option<RepoPath>)>, DiffError> {
        let Some(old) = self.next_if("--- ") else { return Ok(None) };
        let old = self.side(old, "a/")?;
        let Some(new) = self.next_if("+++ ") else {
            return Err(self.error_ahead("expected `+++`"));
        };
        let new = self.side(new, "b/")?;
        Ok(Some((old, new)))
    }

    fn side(&self, name: &str, prefix: &str) -> Result<Option<RepoPath>, DiffError> {
        if name == "/dev/null" {
            return Ok(None);
        }
        // git puts a tab behind a name with blanks, and only there.
        let name = match name.strip_suffix('\t') {
            Some(name) if name.contains(' ') => name,
            Some(_) => return Err(self.error("a tab behind a name without blanks")),
            None => name,
        };
        let name = self.unquoted(name)?;
        match name.strip_prefix(prefix) {
            Some(path) => self.checked(path).map(Some),
            None => Err(self.error(format!("the name does not start with {prefix}"))),
        }
    }

    pub(super) fn path(&self, name: &str) -> Result<RepoPath, DiffError> {
        let name = self.unquoted(name)?;
        self.checked(&name)
    }

    fn checked(&self, path: &str) -> Result<RepoPath, DiffError> {
        path.parse().map_err(|error: PathError| self.error(error.to_string()))
    }

    fn unquoted(&self, name: &str) -> Result<String, DiffError> {
        unquote(name).ok_or_else(|| self.error("is no name as git quotes it"))
    }

    /// The one path in `a/X b/X`.
    fn same_name(&self, names: &str) -> Result<RepoPath, DiffError> {
        let half = names.len() / 2;
        let halves = names.get(..half).zip(names.get(half + 1..)).filter(|_| names.as_bytes().get(half) == Some(&b' '));
        let Some((old, new)) = halves else {
            return Err(self.error("the names can't be told apart"));
        };
        match (self.side(old, "a/")?, self.side(new, "b/")?) {
            (Some(old), Some(new)) if old == new => Ok(old),
            _ => Err(self.error("the names can't be told apart")),
        }
    }

    fn hunks(&mut self, file: &mut FileDiff) -> Result<(), DiffError> {
        let (mut old_at, mut shift) = (0, 0_i128);
        while let Some(header) = self.next_if("@@ -") {
            let (old, new) = hunk_header(header).ok_or_else(|| self.error("is no hunk header"))?;
            if old.0 == 0 && old.1 > 0 || new.0 == 0 && new.1 > 0 {
                return Err(self.error("there is no line 0"));
            }
            // Lines before the hunk; a side without lines is numbered by the line before it.
            let old_before = old.0 - u64::from(old.1 > 0).min(old.0);
            let new_before = new.0 - u64::from(new.1 > 0).min(new.0);
            if old_before < old_at || i128::from(new_before) != i128::from(old_before) + shift {
                return Err(self.error("the hunk does not follow from the one before"));
            }
            old_at = old_before + old.1;
            shift += i128::from(new.1) - i128::from(old.1);
            let lines = self.hunk_lines(old.1, new.1)?;
            file.hunks.push(Hunk { old_start: old.0, old_lines: old.1, new_start: new.0, new_lines: new.1, lines });
        }
        if file.hunks.is_empty() {
            return Err(self.error_ahead("expected a hunk"));
        }
        // A file that was not has no lines, and one that is gone keeps none.
        let whole = |nothing: fn(&Hunk) -> (u64, u64)| matches!(&file.hunks[..], [hunk] if nothing(hunk) == (0, 0));
        if file.old_path.is_none() && !whole(|hunk| (hunk.old_start, hunk.old_lines)) {
            return Err(self.error("a created file has lines from before"));
        }
        if file.new_path.is_none() && !whole(|hunk| (hunk.new_start, hunk.new_lines)) {
            return Err(self.error("a deleted file keeps lines"));
        }
        Ok(())
    }

    fn hunk_lines(&mut self, mut old: u64, mut new: u64) -> Result<Vec<Line>, DiffError> {
        let mut lines: Vec<Line> = Vec::new();
        let (mut old_ended, mut new_ended) = (false, false);
        loop {
            let done = old == 0 && new == 0;
            let Some(line) = self.peek() else {
                if done {
                    break;
                }
                return Err(self.error("the hunk is cut short"));
            };
            if line == "\\ No newline at end of file" {
                self.at += 1;
                let Some(last) = lines.last_mut().filter(|last| last.text.ends_with('\n')) else {
                    return Err(self.error("no line to lack its newline"));
                };
                last.text.pop();
                old_ended |= last.kind != LineKind::Added;
                new_ended |= last.kind != LineKind::Removed;
                continue;
            }
            if done {
                break;
            }
            self.at += 1;
            let kind = match line.as_bytes().first() {
                Some(b' ') => LineKind::Context,
                Some(b'-') => LineKind::Removed,
                Some(b'+') => LineKind::Added,
                _ => return Err(self.error("is no line of a hunk")),
            };
            let in_old = kind != LineKind::Added;
            let in_new = kind != LineKind::Removed;
            if in_old && (old == 0 || old_ended) || in_new && (new == 0 || new_ended) {
                return Err(self.error("more lines than the hunk header says"));
            }
            old -= u64::from(in_old);
            new -= u64::from(in_new);
            let mut text = String::with_capacity(line.len());
            text.push_str(line.get(1..).unwrap_or_default());
            text.push('\n');
            lines.push(Line { kind, text });
        }
        if lines.iter().all(|line| line.kind == LineKind::Context) {
            return Err(self.error("the hunk changes nothing"));
        }
        Ok(lines)
    }
}

/// `1,2 +3,4 @@ section`: the two spans, start and length.
fn hunk_header(header: &str) -> Option<((u64, u64), (u64, u64))> {
    let (old, rest) = header.split_once(" +")?;
    let (new, section) = rest.split_once(" @@")?;
    if !section.is_empty() && !section.starts_with(' ') {
        return None;
    }
    Some((span(old)?, span(new)?))
}

fn span(text: &str) -> Option<(u64, u64)> {
    let (start, lines) = text.split_once(',').unwrap_or((text, "1"));
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok().map(u64::from)).flatten()
    };
    Some((number(start)?, number(lines)?))
}

/// Whether `names` is what git writes after `diff --git` for these paths.
fn names_are(names: &str, old: Option<&RepoPath>, new: Option<&RepoPath>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    let new = spellings("b/", new);
    spellings("a/", old).iter().any(|old| new.iter().any(|new| pair(names, old, " ", new)))
}

/// How git may write a name: with `core.quotePath` off, it leaves non-ASCII names alone.
pub(super) fn spellings(prefix: &str, path: &RepoPath) -> [String; 2] {
    [super::write::quoted(prefix, path.as_str()), format!("{prefix}{path}")]
}

/// Whether `text` is the two names with `between` between them.
pub(super) fn pair(text: &str, old: &str, between: &str, new: &str) -> bool {
    text.strip_prefix(old).and_then(|rest| rest.strip_prefix(between)).is_some_and(|rest| rest == new)
}

/// Takes git's C-quoting off; `None` when it is malformed.
fn unquote(name: &str) -> Option<String> {
    let Some(rest) = name.strip_prefix('"') else {
        return (!name.contains('"')).then(|| name.to_owned());
    };
    let inner = rest.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut input = inner.bytes();
    while let Some(byte) = input.next() {
        match byte {
            b'"' => return None,
            b'\\' => bytes.push(match input.next()? {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                b'"' => b'"',
                b'\\' => b'\\',
                high @ b'0'..=b'3' => {
                    let digit = |byte: u8| matches!(byte, b'0'..=b'7').then(|| byte - b'0');
                    let (middle, low) = (digit(input.next()?)?, digit(input.next()?)?);
                    (high - b'0') << 6 | middle << 3 | low
                }
                _ => return None,
            }),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\n";

    #[test]
    fn reads_what_git_writes() {
        let diff = parse(
            b"diff --git a/a b.py b/a b.py\nindex 1..2 100755\n--- a/a b.py\t\n+++ b/a b.py\t\n@@ -1,2 +1,2 @@ def f():\n-- sql\n+++ x\n c\n\
              diff --git \"a/\\303\\274\" \"b/\\303\\274\"\nnew file mode 100644\n--- /dev/null\n+++ \"b/\\303\\274\"\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n\
              diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n\
              diff --git a/m b/m\nold mode 100644\nnew mode 120000\n\
              diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n",
        )
        .unwrap();
        let paths: Vec<_> = diff.files.iter().map(|file| file.path().unwrap().as_str()).collect();
        assert_eq!(paths, ["a b.py", "ü", "new", "m", "p.png"]);
        assert_eq!(diff.files[0].hunks[0].lines[0].text, "- sql\n");
        assert_eq!(diff.files[0].new_mode, Some(FileMode::Executable));
        assert_eq!(diff.files[1].old_path, None);
        assert_eq!(diff.files[1].hunks[0].lines[0].text, "a");
        assert_eq!(diff.files[3].new_mode, Some(FileMode::Symlink));
        assert!(diff.files[4].binary);
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let hunk = "@@ -1 +1 @@\n-a\n+b\n";
        for text in [
            "nonsense\n".to_owned(),
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
            format!("diff --git a/x b/y\n--- a/x\n+++ b/y\n{hunk}"),
            format!("diff --git a/x b/x\n--- a/x\n+++ b/y\n{hunk}"),
            format!("diff --git a/z b/z\n--- a/x\n+++ b/x\n{hunk}"),
            format!("diff --git a/../x b/../x\n--- a/../x\n+++ b/../x\n{hunk}"),
            format!("diff --git a/.git/x b/.git/x\n--- a/.git/x\n+++ b/.git/x\n{hunk}"),
            format!("{HEAD}@@ -1 +1 @@\n-a\n+b\n+c\n"),
            format!("{HEAD}@@ -1,2 +1 @@\n-a\n+b\n"),
            format!("{HEAD}@@ -5 +9 @@\n-a\n+b\n"),
            format!("{HEAD}@@ -1 +1 @@\n a\n"),
            format!("{HEAD}@@ -1 +1 @@\n-a\n+b"),
            HEAD.to_owned(),
            format!("{HEAD}{hunk}{HEAD}{hunk}"),
            format!("diff --git a/x b/x\nnew file mode 100644\n--- a/x\n+++ b/x\n{hunk}"),
            "diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n".to_owned(),
            "diff --git a/x b/x\nold mode 100644\nnew mode 777\n".to_owned(),
            "diff --git a/x b/x\n".to_owned(),
            format!("diff --git a/x b/x\nold mode 100755\nnew mode 100755\n--- a/x\n+++ b/x\n{hunk}"),
            "diff --git a/x b/x\nsimilarity index 100%\nrename from x\nrename to x\n".to_owned(),
            "diff --git a/x b/x\nsimilarity index 100%\ncopy from x\ncopy to x\n".to_owned(),
            "diff --git a/x b/y\nrename from x\nrename to y\n".to_owned(),
            "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n".to_owned(),
            format!("diff --git a/x b/x\nsimilarity index 90%\n--- a/x\n+++ b/x\n{hunk}"),
            "diff --git a/x b/y\nsimilarity index +100%\nrename from x\nrename to y\n".to_owned(),
            "diff --git a/x b/y\nsimilarity index 0100%\nrename from x\nrename to y\n".to_owned(),
            format!("{HEAD}@@ -0 +0 @@\n-a\n+b\n"),
            format!("{HEAD}@@ -0,0 +0 @@\n+b\n"),
            "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -1 +1,2 @@\n a\n+b\n".to_owned(),
            "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
            "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n@@ -0,0 +2 @@\n+b\n"
                .to_owned(),
            "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1,2 +1 @@\n-a\n b\n".to_owned(),
            "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(parse(b"").unwrap(), Diff::default());
    }
}
