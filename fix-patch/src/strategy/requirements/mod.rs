//! Requirements and constraints files: one requirement a line.
//!
//! | line | addition | pin |
//! |---|---|---|
//! | `a`, `a==1`, `a[x] >=1 ; m  # c` | in order when all are sorted, else behind the last line | the specifier alone |
//! | `a (>=1)` | | inside the parentheses |
//! | `a >=1, \` and `<2` on the next | | the specifier, with the line ends inside it |
//! | `a==1 --hash=…` | refused | refused for this line |
//! | `--require-hashes` | refused | refused |
//! | `a @ url`, a path, a wheel, `-e`, `#egg=a`, `a==${VERSION}` | refused for this name | refused |
//! | `-r x`, `-c x`, other options, comments | stay | stay |
//! | what pip would not read, a compiler's header | refused | refused |

mod header;
mod lines;

use fix_plan::{Action, ActionKind, Dependency, Operation, RepoPath, Section, SpecKind};

use self::header::Header;
use self::lines::{File, Kind, Line};
use super::cookie;
use super::in_turn::{self, Reading, message};
use super::requirement::{near_names, sorted_place, text_of};
use super::{PatchOptions, Proposal, Strategy};
use crate::edit::Edit;
use crate::refusal::{Refusal, RefusalCode};
use crate::source::SourceFile;

/// Adds and pins dependencies in requirements files: `*.txt`, `*.in`, `*.pip`, but for names that other tools own.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to hold")]
pub struct Requirements;

impl Strategy for Requirements {
    fn name(&self) -> &'static str {
        "requirements"
    }

    fn handles(&self, file: &RepoPath, kind: ActionKind) -> bool {
        matches!(kind, ActionKind::AddDependency | ActionKind::PinDependency) && is_requirements(file)
    }

    fn propose<'s>(
        &self,
        source: &'s SourceFile,
        operations: &[&'s Operation],
        _: &PatchOptions,
    ) -> Result<Proposal<'s>, Refusal> {
        in_turn::apply::<File>(source, operations)
    }
}

impl Reading for File {
    fn read(source: &SourceFile) -> Result<Self, Refusal> {
        Ok(Self::new(source))
    }

    fn change(&self, source: &SourceFile, operation: &Operation) -> Result<Vec<Edit>, Refusal> {
        change(self, source, operation)
    }

    fn prove(&self, after: &Self, operation: &Operation) -> Result<(), String> {
        prove(self, after, operation)
    }
}

/// The edits of one operation; none when it is already so.
fn change(file: &File, source: &SourceFile, operation: &Operation) -> Result<Vec<Edit>, Refusal> {
    let refuse = |code, message: String| Refusal::new(source.path(), code, message);
    let (dependency, is_pin) = match &operation.action {
        Action::AddDependency(dependency) => (dependency, false),
        Action::PinDependency(dependency) => (dependency, true),
        _ => return Ok(Vec::new()),
    };
    if !matches!(dependency.section, None | Some(Section::Requirements)) {
        let message = "a requirements file has no sections; leave `section` out".to_owned();
        return Err(refuse(RefusalCode::WrongSection, message));
    }
    if dependency.spec.kind() == SpecKind::Poetry {
        let message =
            format!("pip can't read the version {:?}; write PEP 440 clauses such as >=2,<3", dependency.spec.as_str());
        return Err(refuse(RefusalCode::SpecNotPep440, message));
    }
    if let Some(problem) = encoding_problem(source.text()) {
        return Err(refuse(RefusalCode::Encoding, problem));
    }
    let edit = if is_pin { pin(source, file, dependency)? } else { add(source, file, dependency)? };
    if edit.is_some() {
        refuse_unreadable(source, file)?;
        refuse_managed(source, file, is_pin)?;
    }
    Ok(edit.into_iter().collect())
}

/// The lines that declare the dependency's name.
fn named<'f>(file: &'f File, dependency: &Dependency) -> Vec<Line<'f>> {
    let wanted = dependency.name.normalized();
    file.lines().filter(|line| line.names(wanted)).collect()
}

fn pin(source: &SourceFile, file: &File, dependency: &Dependency) -> Result<Option<Edit>, Refusal> {
    let refuse = |code, message: String, lines: &[Line<'_>]| {
        Refusal::new(source.path(), code, message)
            .at_lines(lines.iter().map(|line| source.line_at(line.range().start)))
            .with_candidates(lines.iter().map(|line| shortened(line.text())))
    };
    let mut named = named(file, dependency);
    if named.is_empty() {
        // What can't be read may declare it.
        refuse_unreadable(source, file)?;
        let known = file.lines().filter_map(|line| Some((line.range().start, line.requirement()?.name())));
        let near: Vec<(usize, &str)> = near_names(dependency.name.normalized(), known).collect();
        return Err(Refusal::new(source.path(), RefusalCode::Absent, message::absent(dependency))
            .at_lines(near.iter().map(|(start, _)| source.line_at(*start)))
            .with_candidates(near.iter().map(|(_, name)| (*name).to_owned())));
    }
    if let Some(marker) = &dependency.marker {
        let fits = |line: &Line<'_>| line.requirement().is_some_and(|found| found.has_marker(Some(marker)));
        let fitting: Vec<Line<'_>> = named.iter().copied().filter(fits).collect();
        if fitting.is_empty() {
            return Err(refuse(RefusalCode::Absent, message::other_marker(dependency), &named));
        }
        named = fitting;
    }
    let [line] = named.as_slice() else {
        return Err(refuse(RefusalCode::Ambiguous, message::ambiguous(dependency), &named));
    };
    if line.kind() == Kind::Location && line.text().contains("${") {
        let message = format!("the version of {} comes from the environment", dependency.name);
        return Err(refuse(RefusalCode::UnsupportedShape, message, &named));
    }
    let Some(requirement) = line.requirement().filter(|requirement| !requirement.is_direct()) else {
        return Err(refuse(RefusalCode::DirectReference, message::direct(dependency), &named));
    };
    if !dependency.extras.is_empty() && !requirement.has_extras(dependency) {
        return Err(refuse(RefusalCode::Conflict, message::other_extras(dependency), &named));
    }
    if requirement.has_spec(&dependency.spec) {
        return Ok(None);
    }
    if line.options().contains("--hash") {
        let message = format!("{} is pinned by hashes, which a new version would not fit", dependency.name);
        return Err(refuse(RefusalCode::HashMode, message, &named));
    }
    Ok(Some(Edit::replacement(line.source_of(&requirement.spec_range()), dependency.spec.as_str())))
}

fn add(source: &SourceFile, file: &File, dependency: &Dependency) -> Result<Option<Edit>, Refusal> {
    let named = named(file, dependency);
    if !named.is_empty() {
        let same = named.iter().any(|line| line.requirement().is_some_and(|found| found.declares(dependency)));
        if same {
            return Ok(None);
        }
        let found = named.iter().map(|line| shortened(line.text()));
        let declared = named.first().and_then(Line::requirement);
        return Err(Refusal::new(
            source.path(),
            RefusalCode::Conflict,
            message::conflict(dependency, declared.as_ref()),
        )
        .at_lines(named.iter().map(|line| source.line_at(line.range().start)))
        .with_candidates(found));
    }
    if !dependency.extras.is_empty() && is_constraints(source.path()) {
        let message = "a constraints file can't hold extras; leave them out".to_owned();
        return Err(Refusal::new(source.path(), RefusalCode::ConstraintExtras, message));
    }
    let new = text_of(dependency);
    let requirements: Vec<Line<'_>> =
        file.lines().filter(|line| matches!(line.kind(), Kind::Requirement { .. })).collect();
    let texts: Vec<&str> = requirements.iter().map(Line::text).collect();
    let at = match sorted_place(&texts, &new) {
        Some(0) => requirements.first().map(|line| above_own_comments(source.text(), line.range().start)),
        Some(place) if place < requirements.len() => {
            requirements.get(place - 1).map(|line| behind_own_comments(source.text(), line.range().end))
        }
        _ => None,
    };
    insert_line(source, at.unwrap_or_else(|| end_of_text(source.text())), &new).map(Some)
}

/// The start of the comments right above the line at `start`; not of those that the file starts with, which are about
/// all of it.
fn above_own_comments(text: &str, start: usize) -> usize {
    let mut at = start;
    let mut above = text.get(..start).unwrap_or_default();
    while let Some(line) = above.split_inclusive('\n').next_back().filter(|line| line.trim_start().starts_with('#')) {
        above = above.get(..above.len() - line.len()).unwrap_or_default();
        at = above.len();
    }
    if above.is_empty() || above == "\u{feff}" { start } else { at }
}

/// The end of the comments below the line that ends at `end` which belong to it: indented, or a compiler's `# via`.
fn behind_own_comments(text: &str, end: usize) -> usize {
    let is_own = |line: &&str| {
        let comment = line.trim_start();
        comment.starts_with('#') && (comment.len() < line.len() || comment.starts_with("# via"))
    };
    let below = text.get(end..).unwrap_or_default();
    end + below.split_inclusive('\n').take_while(is_own).map(str::len).sum::<usize>()
}

/// The end of the last line that is not blank.
fn end_of_text(text: &str) -> usize {
    let content = text.trim_end().len();
    match text.get(content..).and_then(|blank| blank.find('\n')) {
        Some(end) if content > 0 => content + end + 1,
        _ => text.len(),
    }
}

fn insert_line(source: &SourceFile, at: usize, new: &str) -> Result<Edit, Refusal> {
    let text = source.text();
    let before = text.get(..at).unwrap_or_default();
    let lines = before.trim_end_matches(['\n', '\r']);
    if lines.ends_with('\\') {
        let last = lines.rsplit(['\n', '\r']).next().unwrap_or_default();
        if !last.trim_start().starts_with('#') {
            let message = "the file ends in a line that goes on behind a backslash";
            return Err(Refusal::new(source.path(), RefusalCode::UnsupportedShape, message));
        }
    }
    let newline = newline_at(text, at);
    let starts_line = before.is_empty() || before == "\u{feff}" || before.ends_with(['\n', '\r']);
    let line = if starts_line { format!("{new}{newline}") } else { format!("{newline}{new}") };
    Ok(Edit::insertion(at, line))
}

/// The line ending of the line before byte `at`, else of the line at it; a file may have nothing but `\r`.
fn newline_at(text: &str, at: usize) -> &'static str {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let ending = |end: usize| match text.get(..end).zip(text.get(end..)) {
        Some((_, after)) if after.starts_with("\r\n") => "\r\n",
        Some((before, after)) if after.starts_with('\n') && before.ends_with('\r') => "\r\n",
        Some((_, after)) if after.starts_with('\r') => "\r",
        _ => "\n",
    };
    let ends = ['\n', '\r'];
    before.rfind(ends).or_else(|| Some(before.len() + after.find(ends)?)).map_or("\n", ending)
}

/// Files with a line that pip would not read.
fn refuse_unreadable(source: &SourceFile, file: &File) -> Result<(), Refusal> {
    let Some(line) = file.lines().find(|line| line.kind() == Kind::Unknown) else { return Ok(()) };
    let text = shortened(line.text());
    let is_template = ["{{", "{%", "<%"].iter().any(|mark| text.contains(mark));
    let message = match is_template {
        true => format!("{text:?} is a line of a template, which is no requirements file yet; change it by hand"),
        false => format!("{text:?} is nothing that pip reads; is this a requirements file?"),
    };
    Err(Refusal::new(source.path(), RefusalCode::UnsupportedShape, message)
        .at_lines([source.line_at(line.range().start)]))
}

/// Files whose content another program keeps: hashes, or the header of a compiler.
fn refuse_managed(source: &SourceFile, file: &File, is_pin: bool) -> Result<(), Refusal> {
    let hashed = |line: &Line<'_>| match line.is_option() {
        true => line.text().split_whitespace().any(|word| word == "--require-hashes"),
        // A pin looks at the hashes of its own entry; an addition would be the one without.
        false => !is_pin && (line.text().contains("--hash=") || line.text().contains("--hash ")),
    };
    if let Some(line) = file.lines().find(hashed) {
        let message = "the file checks hashes, which a new version would not fit; change its source and lock again";
        return Err(
            Refusal::new(source.path(), RefusalCode::HashMode, message).at_lines([source.line_at(line.range().start)])
        );
    }
    let Some(header) = Header::of(source.body().0) else { return Ok(()) };
    Err(Refusal::new(source.path(), RefusalCode::Generated, header.to_string()).at_lines([header.line]))
}

/// Files that may hold requirements, by their name: `*.txt`, `*.in`, `*.pip`, `requirements`. Those that other tools
/// own are none.
fn is_requirements(path: &RepoPath) -> bool {
    let name = path.file_name().to_ascii_lowercase();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    let is_text = match extension {
        "txt" | "in" | "pip" => true,
        _ => name == "requirements" || name == "constraints",
    };
    let is_metadata = path.as_str().split('/').any(|part| part.ends_with(".egg-info") || part.ends_with(".dist-info"));
    let others = [
        "authors",
        "changelog",
        "changes",
        "cmakelists",
        "contributors",
        "copying",
        "history",
        "licence",
        "license",
        "manifest",
        "notice",
        "readme",
        "robots",
        "runtime",
    ];
    is_text && !is_metadata && !others.contains(&stem)
}

fn is_constraints(path: &RepoPath) -> bool {
    path.as_str().rsplit('/').take(2).any(|part| part.to_ascii_lowercase().contains("constraint"))
}

/// pip honours a PEP 263 cookie; the file is stored as UTF-8.
fn encoding_problem(text: &str) -> Option<String> {
    if text.starts_with('\u{feff}') || text.is_ascii() {
        return None;
    }
    let mut comments = text.lines().take(2).filter(|line| line.starts_with('#'));
    let name = comments.find_map(cookie::in_comment).filter(|name| !cookie::is_utf_8(name))?;
    Some(format!("the file declares the encoding {name:?}; only UTF-8 is edited"))
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

/// `after` is `before` with one line more, or with one specifier changed.
fn prove(before: &File, after: &File, operation: &Operation) -> Result<(), String> {
    let same = before.lines().zip(after.lines()).take_while(|(a, b)| a.text() == b.text()).count();
    let (mut old, mut new) = (before.lines().skip(same), after.lines().skip(same));
    match &operation.action {
        Action::AddDependency(dependency) => {
            let added = new.next();
            let Some(added) = added.filter(|_| old.map(|line| line.text()).eq(new.map(|line| line.text()))) else {
                return Err("the lines differ by more than one new line".to_owned());
            };
            let is_wanted = added.requirement().is_some_and(|requirement| {
                requirement.normalized() == dependency.name.normalized()
                    && !requirement.is_direct()
                    && requirement.has_spec(&dependency.spec)
                    && requirement.has_extras(dependency)
                    && requirement.has_marker(dependency.marker.as_ref())
                    && added.options().is_empty()
            });
            if is_wanted { Ok(()) } else { Err(format!("the new line is {:?}", added.text())) }
        }
        Action::PinDependency(dependency) => {
            let (Some(was), Some(is)) = (old.next(), new.next()) else {
                return Err("the lines do not differ".to_owned());
            };
            if !old.map(|line| line.text()).eq(new.map(|line| line.text())) {
                return Err("the lines differ by more than one specifier".to_owned());
            }
            let (Some(a), Some(b)) = (was.requirement(), is.requirement()) else {
                return Err("the changed line is no requirement".to_owned());
            };
            let is_meant = dependency.marker.as_ref().is_none_or(|marker| a.has_marker(Some(marker)));
            let is_wanted = is_meant
                && a.besides_spec() == b.besides_spec()
                && b.normalized() == dependency.name.normalized()
                && b.spec() == dependency.spec.as_str()
                && was.options() == is.options();
            if is_wanted { Ok(()) } else { Err(format!("the changed line is {:?}", is.text())) }
        }
        _ => Err("the operation is no dependency".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use fix_plan::FixPlan;

    use super::*;

    const BEFORE: &str = "-r x.txt\na[x]>=1 ; os_name == 'nt' # why\nb\n";

    fn verdict(after: &str, kind: &str, name: &str) -> Result<(), String> {
        let plan: FixPlan = format!(
            r#"{{"root_cause": "x", "category": "python_missing_dependency", "confidence": 1, "files": ["r.txt"],
                "operations": [{{"type": "{kind}", "file": "r.txt", "details": {{"name": "{name}", "spec": "==2"}},
                "rationale": "r", "evidence": []}}]}}"#
        )
        .parse()
        .unwrap();
        let file = |text: &str| File::new(&SourceFile::new("r.txt".parse().unwrap(), text.into()).unwrap());
        prove(&file(BEFORE), &file(after), &plan.operations()[0])
    }

    #[test]
    fn only_the_pin_is_proven() {
        let right = BEFORE.replace(">=1", "==2");
        assert_eq!(verdict(&right, "pin_dependency", "a"), Ok(()));
        for (wrong, what) in [
            (BEFORE.to_owned(), "nothing changed"),
            (BEFORE.replace(">=1", "==3"), "another version"),
            (right.replace("[x]", ""), "an extra went"),
            (right.replace(" ; os_name == 'nt'", ""), "a marker went"),
            (right.replace("b\n", "b==2\n"), "another line changed, too"),
            (right.replace("x.txt", "y.txt"), "an option changed, too"),
            (right.replace("b\n", ""), "a line went"),
            (right + "c\n", "a line came"),
        ] {
            assert!(verdict(&wrong, "pin_dependency", "a").is_err(), "{what}");
        }
    }

    #[test]
    fn only_the_addition_is_proven() {
        assert_eq!(verdict(&(BEFORE.to_owned() + "c==2\n"), "add_dependency", "c"), Ok(()));
        for line in ["", "c==3\n", "d==2\n", "c[x]==2\n", "c==2; os_name == 'nt'\n", "c==2 --hash=x:1\n", "c==2\nd\n"] {
            assert!(verdict(&(BEFORE.to_owned() + line), "add_dependency", "c").is_err(), "{line}");
        }
        assert!(verdict(&(BEFORE.replace("b\n", "") + "c==2\n"), "add_dependency", "c").is_err());
    }
}
