//! Path patterns, matched component by component.

#[cfg(test)]
mod differential;
mod pattern;

use fix_plan::RepoPath;
use globset::{Glob, GlobSet, GlobSetBuilder};

use self::pattern::{allow_glob, checked, deny_glob, file_glob, name_glob};
use crate::document::PolicyProblem;

/// Patterns that forbid: case does not matter, a pattern without `/` matches at
/// any depth, and what names a directory covers all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct DenyGlobs(Globs);

impl DenyGlobs {
    pub(crate) fn new<'p>(
        key: &str,
        patterns: impl IntoIterator<Item = &'p String>,
        problems: &mut Vec<PolicyProblem>,
    ) -> Self {
        Self(Globs::new(key, patterns, deny_glob, problems))
    }

    /// The first pattern, in the order of their texts, that matches the path or a directory it is in.
    pub(crate) fn matching(&self, path: &FoldedPath) -> Option<&str> {
        path.spellings().filter_map(|path| self.0.first_above(path)).min()
    }
}

/// A path without regard to case.
#[derive(Clone, Debug)]
pub(crate) struct FoldedPath {
    key: String,
    /// Folding may change how many characters there are, and `?` counts them.
    lower: Option<String>,
}

impl FoldedPath {
    pub(crate) fn new(path: &RepoPath) -> Self {
        if path.as_str().is_ascii() {
            return Self { key: path.as_str().to_ascii_lowercase(), lower: None };
        }
        Self { key: path.collision_key(), lower: Some(path.as_str().to_lowercase()) }
    }

    fn spellings(&self) -> impl Iterator<Item = &str> {
        [Some(&self.key), self.lower.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

/// Patterns that name files: as those that forbid, but a directory does not cover what is in it.
#[derive(Clone, Debug)]
pub(crate) struct FileGlobs(Globs);

impl FileGlobs {
    pub(crate) fn new<'p>(
        key: &str,
        patterns: impl IntoIterator<Item = &'p String>,
        problems: &mut Vec<PolicyProblem>,
    ) -> Self {
        Self(Globs::new(key, patterns, file_glob, problems))
    }

    pub(crate) fn matches(&self, path: &RepoPath) -> bool {
        FoldedPath::new(path).spellings().any(|path| self.0.is_match(path))
    }
}

/// Patterns of names of distributions, which are compared in their PEP 503 form.
#[derive(Clone, Debug)]
pub(crate) struct NameGlobs(Globs);

impl NameGlobs {
    pub(crate) fn new<'p>(
        key: &str,
        patterns: impl IntoIterator<Item = &'p String>,
        problems: &mut Vec<PolicyProblem>,
    ) -> Self {
        Self(Globs::new(key, patterns, name_glob, problems))
    }

    /// The first pattern, in the order of their texts, that matches a name in its PEP 503 form.
    pub(crate) fn matching(&self, name: &str) -> Option<&str> {
        self.0.pattern(self.0.first(name, &mut Vec::new()))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.matches_all() || self.0.set.is_match(name)
    }

    /// Whether one of them matches every name.
    pub(crate) fn matches_all(&self) -> bool {
        self.0.patterns.iter().any(|pattern| pattern == "*" || pattern == "**")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.patterns.is_empty()
    }
}

/// Patterns that allow: each means what it says, and a trailing `/` all below it.
#[derive(Clone, Debug)]
pub(crate) struct AllowGlobs(Globs);

impl AllowGlobs {
    pub(crate) fn new<'p>(
        key: &str,
        patterns: impl IntoIterator<Item = &'p String>,
        problems: &mut Vec<PolicyProblem>,
    ) -> Self {
        Self(Globs::new(key, patterns, allow_glob, problems))
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.all || self.0.is_match(text)
    }
}

#[derive(Clone, Debug)]
struct Globs {
    set: GlobSet,
    /// The pattern of the document that each glob of the set comes from, sorted, none twice:
    /// neither order nor repetition in a document shows in a decision.
    patterns: Vec<String>,
    /// Whether one of them matches everything.
    all: bool,
}

impl Globs {
    fn new<'p>(
        key: &str,
        patterns: impl IntoIterator<Item = &'p String>,
        glob: impl Fn(&str) -> Result<Glob, String>,
        problems: &mut Vec<PolicyProblem>,
    ) -> Self {
        let mut patterns: Vec<String> = patterns.into_iter().cloned().collect();
        patterns.sort();
        patterns.dedup();
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            match checked(pattern).and_then(|()| glob(pattern)) {
                Ok(glob) => {
                    set.add(glob);
                }
                Err(problem) => problems.push(PolicyProblem::new(key, format!("the pattern {pattern:?} {problem}"))),
            }
        }
        let set = set.build().unwrap_or_else(|error| {
            problems.push(PolicyProblem::new(key, format!("the patterns can't be compiled: {error}")));
            GlobSet::empty()
        });
        Self { all: patterns.iter().any(|pattern| pattern == "**"), set, patterns }
    }

    fn is_match(&self, text: &str) -> bool {
        if text.is_ascii() { self.set.is_match(text) } else { self.first(text, &mut Vec::new()).is_some() }
    }

    /// The first glob that matches.
    fn first(&self, text: &str, matches: &mut Vec<usize>) -> Option<usize> {
        let is_ascii = text.is_ascii();
        // Most match nothing, and to see that costs less than to see what matches.
        if is_ascii && !self.set.is_match(text) {
            return None;
        }
        self.set.matches_into(text, matches);
        if is_ascii {
            return matches.iter().copied().min();
        }
        // The matcher's `?` takes a byte: globs that may have one see one byte for each character. They are
        // ASCII and paths hold no control character, so that nothing else of them meets what is put in.
        let is_plain = |index: &usize| self.patterns.get(*index).is_some_and(|pattern| !pattern.is_ascii());
        let plain = matches.iter().copied().filter(is_plain).min();
        let squeezed: String = text.chars().map(|c| if c.is_ascii() { c } else { '\u{1}' }).collect();
        self.set.matches_into(&squeezed, matches);
        matches.iter().copied().chain(plain).min()
    }

    /// The first pattern that matches the path, or a directory above it.
    fn first_above(&self, path: &str) -> Option<&str> {
        let mut matches = Vec::new();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let prefixes = ends.filter_map(|end| path.get(..end));
        self.pattern(prefixes.filter_map(|prefix| self.first(prefix, &mut matches)).min())
    }

    fn pattern(&self, index: Option<usize>) -> Option<&str> {
        self.patterns.get(index?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denies(pattern: &str, path: &str) -> bool {
        let mut problems = Vec::new();
        let globs = DenyGlobs::new("test", &[pattern.to_owned()], &mut problems);
        assert_eq!(problems, [], "{pattern}");
        globs.matching(&FoldedPath::new(&path.parse().unwrap())).is_some()
    }

    fn allows(pattern: &str, path: &str) -> bool {
        let mut problems = Vec::new();
        let globs = AllowGlobs::new("test", &[pattern.to_owned()], &mut problems);
        assert_eq!(problems, [], "{pattern}");
        globs.matches(path)
    }

    #[test]
    fn deny_reaches_every_spelling_of_a_rule() {
        for (pattern, path) in [
            ("*.pem", "a.pem"),
            ("*.pem", "x/y/A.PEM"),
            ("*.PEM", "a.pem"),
            ("*.pem", "certs.pem/readme"),
            ("**/*.pem", "a.pem"),
            (".github", "sub/.GitHub/workflows/x.yml"),
            ("foo{,.txt}", "foo"),
            ("foo{,.txt}", "x/FOO.txt"),
            ("{,a}", "a"),
            (".github/**", ".github/x"),
            (".github/", ".github/x"),
            ("infra", "a/infra/b/c.tf"),
            ("**/infra/**", "infra/x"),
            ("a/b", "a/b/c"),
            ("a/*/c", "A/b/C/d"),
            ("a/**/c", "a/c"),
            ("a/**/c", "a/x/y/c/z"),
            ("id_rsa*", "keys/id_rsa.pub"),
            ("[A-z]x", "_x"),
            ("[A-Z]x", "bx"),
            ("x.{yml,YAML}", "x.yaml"),
            ("Straße", "STRASSE/x"),
            ("a?b", "aßb"),
            ("a[!x]b", "a\u{1f600}b"),
            ("a??b", "aßb"),
            ("??", "ﬀ"),
            ("?", "ﬀ"),
            ("É*", "é1"),
            ("**", "x"),
        ] {
            assert!(denies(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("infra", "infrastructure/x"),
            ("a/b", "x/a/b"),
            ("*.pem", "src/pem.py"),
            ("a/*", "b/c"),
            ("a?b", "a/b"),
            ("a*b", "a/b"),
            ("a[!b]c", "a/c"),
            ("a[^b]c", "a/c"),
            ("??x", "éx"),
            (".env", "x.env"),
            ("docs/**", "src/docs/a.py"),
            ("docs/", "src/docs/a.py"),
            ("{,a}", "b"),
        ] {
            assert!(!denies(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn allow_means_what_it_says() {
        assert!(allows("src/**", "src/a/b.py") && allows("src/", "src/a/b.py") && allows("**", "x/y"));
        assert!(allows("src/*.py", "src/a.py") && !allows("src/*.py", "src/a/b.py"));
        assert!(allows("?/x", "é/x") && !allows("??/x", "é/x") && allows("é/*", "é/x") && !allows("é", "è"));
        assert!(!allows("*.py", "src/a.py") && !allows("src/**", "SRC/a") && !allows("src", "src/a"));
    }

    #[test]
    fn files_are_named_without_what_is_below() {
        let is_named = |pattern: &str, path: &str| {
            let mut problems = Vec::new();
            let globs = FileGlobs::new("test", &[pattern.to_owned()], &mut problems);
            assert_eq!(problems, [], "{pattern}");
            globs.matches(&path.parse().unwrap())
        };
        for (pattern, path) in [
            ("requirements", "a/Requirements"),
            ("*.txt", "x/Y.TXT"),
            ("a/**", "A/b/c"),
            ("a/", "a/b"),
            ("**/r/*.in", "r/x.in"),
        ] {
            assert!(is_named(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("requirements", "requirements/models.py"), ("a/**", "x/a/b"), ("a/*", "b/a/c")] {
            assert!(!is_named(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn names_are_compared_in_one_form() {
        let matches = |pattern: &str, name: &str| {
            let mut problems = Vec::new();
            let globs = NameGlobs::new("test", &[pattern.to_owned()], &mut problems);
            assert_eq!(problems, [], "{pattern}");
            assert_eq!(globs.matches(name), globs.matching(name).is_some());
            globs.matches(name)
        };
        for (pattern, name) in [
            ("PyYAML", "pyyaml"),
            ("Foo_Bar", "foo-bar"),
            ("EVIL*", "evil-1"),
            ("a._-b", "a-b"),
            ("zope.*", "zope-interface"),
            ("{A,B_c}", "b-c"),
            ("[A-C]x", "bx"),
            ("*", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches("foo_bar", "foobar"));
        for pattern in ["", "a/b", "a b", "é", "a>=1", "[_]a", "-a", "a_", "a["] {
            let mut problems = Vec::new();
            NameGlobs::new("test", &[pattern.to_owned()], &mut problems);
            assert_eq!(problems.len(), 1, "{pattern}");
        }
    }

    #[test]
    fn invalid_patterns_are_problems() {
        for pattern in [
            "", "/", "/etc", "a[", "{a", "a}", "{a/b,c}", "a\\b", "a**", "**.py", "a//b", "../a", "a/./b", "a\nb",
            "[b-a]", "{a,{b,c}", "é?", "[é]", "[]a]", "[[a]", "[+-0]", "[a/]", "a[]",
        ] {
            let patterns = [pattern.to_owned()];
            for deny in [true, false] {
                let mut problems = Vec::new();
                if deny {
                    DenyGlobs::new("paths.forbidden", &patterns, &mut problems);
                } else {
                    AllowGlobs::new("paths.allowed", &patterns, &mut problems);
                }
                assert_eq!(problems.len(), 1, "{pattern}");
            }
        }
    }
}
