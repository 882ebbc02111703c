//! Our reader of diffs beside git's: what ours accepts, `git apply` reads as the same files,
//! counts, creations, deletions, renames and modes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use fix_patch::diff::{self, Diff, FileDiff, FileMode};

/// The same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}

fn git(folder: &Path, arguments: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_CEILING_DIRECTORIES", folder)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = input.map(<[u8]>::to_vec).unwrap_or_default();
    // Git may answer before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&written)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// What is compared: counts by file, and a line for each creation, deletion, rename, copy and mode.
type Read = (BTreeSet<(String, String)>, BTreeSet<String>);

fn as_git_reads(folder: &Path, text: &[u8]) -> Result<Read, String> {
    let counts = String::from_utf8(git(folder, &["apply", "--numstat", "-z", "-"], Some(text))?).unwrap();
    let counts = counts.split_terminator('\0').map(|entry| {
        let mut fields = entry.splitn(3, '\t');
        let (added, removed) = (fields.next().unwrap(), fields.next().unwrap());
        (fields.next().unwrap().to_owned(), format!("{added} {removed}"))
    });
    let counts = counts.collect();
    let summary = String::from_utf8(git(folder, &["apply", "--summary", "-"], Some(text))?).unwrap();
    let lines = summary.lines().map(|line| {
        let line = line.trim_start();
        let Some(names) = line.strip_prefix("rename ").or_else(|| line.strip_prefix("copy ")) else {
            return line.to_owned();
        };
        let verb = line.split(' ').next().unwrap();
        // `rename a/{b => c} (90%)`
        let names = names.rsplit_once(" (").map_or(names, |(names, _)| names);
        match names.split_once('{') {
            Some((folder, pair)) => {
                let (old, new) = pair.trim_end_matches('}').split_once(" => ").unwrap();
                format!("{verb} {folder}{old} => {folder}{new}")
            }
            None => format!("{verb} {names}"),
        }
    });
    Ok((counts, lines.collect()))
}

fn as_we_read(diff: &Diff) -> Read {
    let counts = diff.files.iter().map(|file| {
        let count = |of: fn(&diff::Hunk) -> u64| file.hunks.iter().map(of).sum::<u64>();
        let text = if file.binary {
            "- -".to_owned()
        } else {
            format!("{} {}", count(diff::Hunk::lines_added), count(diff::Hunk::lines_removed))
        };
        (file.path().unwrap().to_string(), text)
    });
    (counts.collect(), diff.files.iter().flat_map(summary).collect())
}

fn summary(file: &FileDiff) -> Vec<String> {
    let mode = |mode: Option<FileMode>| match mode {
        Some(FileMode::Regular) => "100644",
        Some(FileMode::Executable) => "100755",
        Some(FileMode::Symlink) => "120000",
        Some(FileMode::Submodule) => "160000",
        None => "000000",
    };
    let mut lines = Vec::new();
    match (&file.old_path, &file.new_path) {
        (None, Some(new)) => lines.push(format!("create mode {} {new}", mode(file.new_mode))),
        (Some(old), None) => lines.push(format!("delete mode {} {old}", mode(file.old_mode))),
        (Some(old), Some(new)) => {
            let changed = file.old_mode.is_some() && file.old_mode != file.new_mode;
            if old != new {
                lines.push(format!("{} {old} => {new}", if file.copied { "copy" } else { "rename" }));
                if changed {
                    lines.push(format!("mode change {} => {}", mode(file.old_mode), mode(file.new_mode)));
                }
            } else if changed {
                lines.push(format!("mode change {} => {} {new}", mode(file.old_mode), mode(file.new_mode)));
            }
        }
        (None, None) => unreachable!("a file has a name"),
    }
    lines
}

/// Whether we accept the diff; when we do, git must read it as we do.
fn agrees(folder: &Path, text: &[u8]) -> bool {
    let Ok(ours) = diff::parse(text) else { return false };
    if ours.files.is_empty() {
        return false;
    }
    let theirs = as_git_reads(folder, text);
    // A binary change without its content is read, and then refused.
    if let Err(problem) = &theirs {
        let without_content =
            problem.contains("cannot apply binary patch") || problem.contains("without full index line");
        assert!(
            without_content && ours.files.iter().any(|file| file.binary),
            "git: {problem}\n{}",
            String::from_utf8_lossy(text)
        );
        return true;
    }
    assert_eq!(Ok(as_we_read(&ours)), theirs, "{}", String::from_utf8_lossy(text));
    true
}

const PATHS: [&str; 10] = [
    "a.py",
    "src/app.py",
    "src/deep/er/b.py",
    "with blank.txt",
    "ü/é.txt",
    "docs/a b/c.md",
    "+plus",
    "b",
    "x.bin",
    "a.py.bak",
];
const LINES: [&str; 12] = [
    "x = 1\n",
    "import os\n",
    "- item\n",
    "-- sql comment\n",
    "++ y\n",
    "+++ b/x\n",
    "--- a/x\n",
    "diff --git a/x b/x\n",
    "@@ -1 +1 @@\n",
    "crlf\r\n",
    "\n",
    "\\ No newline at end of file\n",
];

fn text(dice: &mut Dice, lines: usize) -> Vec<u8> {
    let mut text: String = (0..lines).map(|_| *dice.one(&LINES)).collect();
    if dice.below(4) == 0 {
        text.pop();
    }
    text.into_bytes()
}

/// Writes some files, or changes those that are there.
fn write_tree(folder: &Path, dice: &mut Dice, first: bool) {
    for path in PATHS {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let there = file.symlink_metadata().is_ok();
        let is_link = file.symlink_metadata().is_ok_and(|data| data.file_type().is_symlink());
        match dice.below(if first { 2 } else { 9 }) {
            0 => {}
            1 | 2 if !there => {
                let lines = 1 + dice.below(12);
                fs::write(&file, text(dice, lines)).unwrap();
            }
            3 if there => fs::remove_file(&file).unwrap(),
            4 if there && !is_link => fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap(),
            5 if there => {
                let target = folder.join(format!("moved {}", dice.below(3)));
                fs::rename(&file, target).unwrap();
            }
            6 if there && !is_link => drop(fs::copy(&file, folder.join("a copy"))),
            7 if there => {
                fs::remove_file(&file).unwrap();
                match dice.below(2) {
                    0 => symlink("target", &file).unwrap(),
                    _ => fs::write(&file, b"\0binary").unwrap(),
                }
            }
            _ if there && !is_link => {
                let mut lines: Vec<Vec<u8>> =
                    fs::read(&file).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let at = dice.below(lines.len() + 1);
                let new = text(dice, 1);
                if dice.below(2) == 0 && at < lines.len() {
                    lines[at] = new;
                } else if new.ends_with(b"\n") {
                    lines.insert(at, new);
                }
                fs::write(&file, lines.concat()).unwrap();
            }
            _ => {}
        }
    }
}

fn tree(folder: &Path) -> String {
    git(folder, &["add", "--all"], None).unwrap();
    String::from_utf8(git(folder, &["write-tree"], None).unwrap()).unwrap().trim().to_owned()
}

fn generated_diffs(folder: &Path, count: usize) -> Vec<Vec<u8>> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    git(folder, &["init", "--quiet"], None).unwrap();
    let mut diffs = Vec::new();
    write_tree(folder, &mut dice, true);
    let mut before = tree(folder);
    while diffs.len() < count {
        if diffs.len() % 10 == 9 {
            for path in PATHS {
                drop(fs::remove_file(folder.join(path)));
            }
        }
        write_tree(folder, &mut dice, diffs.len() % 10 == 9);
        let after = tree(folder);
        let quoted = format!("core.quotePath={}", dice.below(2) == 0);
        let context = format!("-U{}", dice.below(4));
        let renames = *dice.one(&["--no-renames", "-M", "-M50%", "-C", "--find-copies-harder"]);
        let binary = *dice.one(&["--abbrev=12", "--binary", "--full-index"]);
        let ours = ["-c", &quoted, "diff", &context, renames, binary, &before, &after];
        diffs.push(git(folder, &ours, None).unwrap());
        before = after;
    }
    diffs
}

#[test]
fn generated_diffs_are_read_as_git_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let diffs = generated_diffs(folder.path(), 150);
    let plain = tempfile::tempdir().unwrap();
    let accepted = diffs.iter().filter(|text| agrees(plain.path(), text)).count();
    eprintln!("{accepted} of {} generated diffs are accepted, and read alike", diffs.len());
    // What is refused has a path that is changed twice: it becomes a link, or is taken by a renamed file.
    assert!(accepted > diffs.len() / 2);
    for text in diffs.iter().filter(|text| diff::parse(text).is_err()) {
        let problem = diff::parse(text).unwrap_err().to_string();
        assert!(problem.contains("changed before"), "{problem}: {}", String::from_utf8_lossy(text));
    }
}

#[test]
fn mutated_diffs_are_refused_or_read_as_git_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let diffs = generated_diffs(folder.path(), 60);
    let plain = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let mut accepted = 0;
    for _ in 0..4_000 {
        let lines = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (mut diff, other) = (lines(dice.one::<Vec<u8>>(&diffs)), lines(dice.one::<Vec<u8>>(&diffs)));
        if diff.is_empty() || other.is_empty() {
            continue;
        }
        for _ in 0..=dice.below(2) {
            let at = dice.below(diff.len());
            match dice.below(5) {
                0 => drop(diff.remove(at)),
                1 => diff.insert(at, diff[at].clone()),
                2 => diff.insert(at, dice.one(&other).clone()),
                3 => diff.truncate(at),
                _ => {
                    let line = &mut diff[at];
                    let byte = dice.below(line.len());
                    line[byte] = *dice.one(b"+- @a0/\t\r\"\\");
                }
            }
            if diff.is_empty() {
                break;
            }
        }
        accepted += usize::from(agrees(plain.path(), &diff.concat()));
    }
    eprintln!("{accepted} of 4000 mutated diffs are accepted, and read alike");
    assert!(accepted > 100);
}

#[test]
fn real_diffs_are_read_as_git_reads_them() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let plain = tempfile::tempdir().unwrap();
    let mut golden = 0;
    for case in fs::read_dir(root.join("fix-patch/tests/cases")).unwrap() {
        let file = case.unwrap().path().join("patch.diff");
        if let Ok(text) = fs::read(&file) {
            golden += 1;
            assert!(agrees(plain.path(), &text), "{} is refused", file.display());
        }
    }
    assert!(golden > 50);
    let Ok(commits) = git(root, &["log", "--no-merges", "--max-count=60", "--format=%H %P"], None) else {
        eprintln!("skipped: the sources are no git repository, so there is no history of real diffs");
        return;
    };
    let mut accepted = 0;
    for line in String::from_utf8(commits).unwrap().lines() {
        let Some((commit, parent)) = line.split_once(' ').filter(|(_, parent)| !parent.is_empty()) else { continue };
        if let Ok(text) = git(root, &["diff", "-M", parent, commit], None) {
            accepted += usize::from(agrees(plain.path(), &text));
        }
    }
    eprintln!("{golden} golden patches and {accepted} commits are read alike");
}

/// A diff need not say the mode of a file: git then takes it from the file. What the default policy allows
/// changes neither what a link or a submodule points to, nor what may be executed.
#[test]
fn diffs_without_index_lines_change_no_mode_and_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    git(folder, &["init", "--quiet"], None).unwrap();
    fs::write(folder.join("plain"), "safe\n").unwrap();
    fs::write(folder.join("short"), "safe").unwrap();
    fs::write(folder.join("tool"), "safe\n").unwrap();
    fs::set_permissions(folder.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("safe", folder.join("link")).unwrap();
    let commit = "1".repeat(40);
    git(folder, &["add", "--all"], None).unwrap();
    git(folder, &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},sub")], None).unwrap();
    let before = String::from_utf8(git(folder, &["write-tree"], None).unwrap()).unwrap().trim().to_owned();

    let sides = [
        "safe\n".to_owned(),
        "safe\n\\ No newline at end of file\n".to_owned(),
        "/etc/passwd\n\\ No newline at end of file\n".to_owned(),
        "/etc/passwd\n".to_owned(),
        format!("Subproject commit {commit}\n"),
        format!("Subproject commit {}\n", "2".repeat(40)),
        format!("Subproject commit {}\n+more\n", "2".repeat(40)),
    ];
    let modes = ["100644", "100755", "120000", "160000"];
    let engine = fix_policy::PolicyEngine::default();
    let mut dice = Dice(11);
    let (mut allowed, mut applied, mut harmful) = (0, 0, 0);
    for _ in 0..600 {
        let name = *dice.one(&["plain", "short", "tool", "link", "sub"]);
        let header = match dice.below(3) {
            0 => format!("old mode {}\nnew mode {}\n", dice.one(&modes), dice.one(&modes)),
            _ => String::new(),
        };
        let (old, new) = (dice.one(&sides), dice.one(&sides));
        let count = 1 + usize::from(new.contains("+more"));
        let spans = if count == 1 { "@@ -1 +1 @@".to_owned() } else { format!("@@ -1 +1,{count} @@") };
        let diff = format!("diff --git a/{name} b/{name}\n{header}--- a/{name}\n+++ b/{name}\n{spans}\n-{old}+{new}");
        let is_allowed = engine.evaluate_patch(diff.as_bytes()).allowed;
        git(folder, &["read-tree", &before], None).unwrap();
        let is_applied = git(folder, &["apply", "--cached", "-"], Some(diff.as_bytes())).is_ok();
        let raw = git(folder, &["diff-index", "--cached", "--raw", &before], None).unwrap();
        let raw = String::from_utf8(raw).unwrap();
        let is_harmful =
            raw.lines().any(|line| !line.starts_with(":100644 100644") && !line.starts_with(":100755 100755"));
        assert!(!(is_allowed && is_harmful), "{diff}{raw}");
        allowed += u32::from(is_allowed && is_applied);
        applied += u32::from(is_applied);
        harmful += u32::from(is_harmful);
    }
    eprintln!("of 600 diffs, git applies {applied}, {harmful} change a mode or a link, {allowed} are allowed");
    assert!(allowed > 0 && harmful > 10);
}
