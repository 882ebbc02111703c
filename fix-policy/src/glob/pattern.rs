//! The small language of patterns, and what the matcher makes of each.

use std::borrow::Cow;

use fix_plan::{PathProfile, RepoPath};
use globset::{Glob, GlobBuilder};

/// Whether a pattern is of the small language: the rest would be read differently by different people.
pub(super) fn checked(pattern: &str) -> Result<(), String> {
    let refuse = |problem: &str| Err(problem.to_owned());
    if pattern.is_empty() {
        return refuse("is empty; `**` means every path");
    }
    if pattern.starts_with('/') {
        return refuse("begins with `/`; write it relative to the root of the repository");
    }
    if pattern.contains('\\') {
        return refuse("holds `\\`; write `/` between components, and `[*]` for a star");
    }
    if pattern.chars().any(char::is_control) {
        return refuse("holds a control character");
    }
    if !pattern.is_ascii() && pattern.contains(['?', '[']) {
        return refuse("has `?` or `[` beside letters that are not ASCII; write `*`, or words in braces");
    }
    for component in pattern.strip_suffix('/').unwrap_or(pattern).split('/') {
        match component {
            "" | "." | ".." => return refuse("has an empty, `.` or `..` component, which no path has"),
            "**" => {}
            _ if component.contains("**") => {
                return refuse("has `**` beside something; it stands alone between slashes");
            }
            _ if component.matches('{').count() != component.matches('}').count() => {
                return refuse("has `/` in braces, or braces that don't close; write two patterns");
            }
            _ => {}
        }
    }
    classes(pattern)
}

/// A class must not hold `/`, by a range neither: the matcher would let it cross.
fn classes(pattern: &str) -> Result<(), String> {
    let mut rest = pattern;
    while let Some((_, class)) = rest.split_once('[') {
        let Some((class, behind)) = class.split_once(']') else {
            return Err("has a `[` that is not closed".to_owned());
        };
        let signs: Vec<char> = class.trim_start_matches(['!', '^']).chars().collect();
        let crosses = |range: &[char]| matches!(range, [from, '-', to] if (*from..=*to).contains(&'/'));
        if signs.is_empty() || signs.contains(&'[') || signs.contains(&'/') || signs.windows(3).any(crosses) {
            return Err("has a class that is empty, or holds `[`, `]` or `/`".to_owned());
        }
        rest = behind;
    }
    Ok(())
}

pub(super) fn deny_glob(pattern: &str) -> Result<Glob, String> {
    let mut name = pattern.strip_suffix('/').unwrap_or(pattern);
    // What is below a directory is covered by the directory.
    while let Some(directory) = name.strip_suffix("/**") {
        name = directory;
    }
    folded_glob(name, pattern)
}

pub(super) fn file_glob(pattern: &str) -> Result<Glob, String> {
    match pattern.strip_suffix('/') {
        Some(directory) => folded_glob(&format!("{directory}/**"), pattern),
        None => folded_glob(pattern, pattern),
    }
}

/// The glob without regard to case, at any depth when the pattern of the document has no `/`.
fn folded_glob(glob: &str, pattern: &str) -> Result<Glob, String> {
    let rooted = if pattern.contains('/') || glob == "**" { Cow::Borrowed(glob) } else { format!("**/{glob}").into() };
    // Lower case on both sides lets the matcher look names up instead of running automata. A class is
    // left alone: `[A-z]` in lower case would be another one.
    if rooted.contains('[') {
        return built(&rooted, true);
    }
    built(&folded(&rooted)?, false)
}

/// A pattern of names, in the form that names are compared in (PEP 503).
pub(super) fn name_glob(pattern: &str) -> Result<Glob, String> {
    let refuse = |problem: &str| Err(problem.to_owned());
    if let Some(sign) = pattern.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.*?{},[]!^".contains(*c))) {
        return Err(format!("holds {sign:?}, which no name of a distribution has"));
    }
    let mut glob = String::with_capacity(pattern.len());
    let mut is_in_class = false;
    for c in pattern.chars() {
        is_in_class = c == '[' || is_in_class && c != ']';
        match c {
            '_' | '.' if is_in_class => {
                return refuse("has `_` or `.` in a class; names are compared with `-` for both");
            }
            '-' | '_' | '.' if !is_in_class => {
                if !glob.ends_with('-') {
                    glob.push('-');
                }
            }
            c => glob.push(c.to_ascii_lowercase()),
        }
    }
    if glob.starts_with('-') || glob.ends_with('-') {
        return refuse("begins or ends with a sign that no name begins or ends with");
    }
    built(&glob, false)
}

pub(super) fn allow_glob(pattern: &str) -> Result<Glob, String> {
    match pattern.strip_suffix('/') {
        Some(directory) => built(&format!("{directory}/**"), false),
        None => built(pattern, false),
    }
}

fn built(glob: &str, case_insensitive: bool) -> Result<Glob, String> {
    // What is not of a class may be a slash to the matcher.
    let glob = glob.replace("[!", "[!/").replace("[^", "[^/");
    let mut builder = GlobBuilder::new(&glob);
    builder.literal_separator(true).backslash_escape(true).empty_alternates(true).case_insensitive(case_insensitive);
    builder.build().map_err(|error| format!("is no glob: {}", error.kind()))
}

/// The pattern as [`RepoPath::collision_key`] folds paths.
fn folded(pattern: &str) -> Result<String, String> {
    if pattern.is_ascii() {
        return Ok(pattern.to_ascii_lowercase());
    }
    // On Unix a path may hold the signs of globs.
    let path = RepoPath::parse(pattern, PathProfile::Unix).map_err(|error| format!("matches no path: {error}"))?;
    Ok(path.collision_key())
}
