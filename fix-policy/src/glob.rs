//! Path patterns, matched component by component.

use fix_plan::RepoPath;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::document::PolicyError;

/// Patterns that forbid: case does not matter, a pattern without `/` matches at
/// any depth, and what names a directory covers all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct DenyGlobs(Globs);

impl DenyGlobs {
    pub(crate) fn new(key: &'static str, patterns: &[String]) -> Result<Self, PolicyError> {
        let expand = |pattern: &str| {
            let name = pattern.trim_end_matches("/**").trim_end_matches('/');
            let rooted = if name.contains('/') { name.to_owned() } else { format!("**/{name}") };
            vec![rooted.clone(), format!("{rooted}/**")]
        };
        Globs::new(key, patterns, true, expand).map(Self)
    }

    /// The first pattern that matches `path`, in the order of the document.
    pub(crate) fn matching(&self, path: &RepoPath) -> Option<&str> {
        // As a file system that folds case or width would read it, too.
        self.0.first(path.as_str()).or_else(|| self.0.first(&path.collision_key()))
    }
}

/// Patterns that allow: each means what it says, and a trailing `/` all below it.
#[derive(Clone, Debug)]
pub(crate) struct AllowGlobs(Globs);

impl AllowGlobs {
    pub(crate) fn new(key: &'static str, patterns: &[String]) -> Result<Self, PolicyError> {
        let expand = |pattern: &str| match pattern.strip_suffix('/') {
            Some(directory) => vec![format!("{directory}/**")],
            None => vec![pattern.to_owned()],
        };
        Globs::new(key, patterns, false, expand).map(Self)
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.first(text).is_some()
    }
}

#[derive(Clone, Debug)]
struct Globs {
    set: GlobSet,
    /// The pattern of the document that each glob of the set comes from.
    patterns: Vec<String>,
}

impl Globs {
    fn new(
        key: &'static str,
        patterns: &[String],
        fold_case: bool,
        expand: impl Fn(&str) -> Vec<String>,
    ) -> Result<Self, PolicyError> {
        let mut set = GlobSetBuilder::new();
        let mut origins = Vec::new();
        for pattern in patterns {
            let invalid = |problem: String| PolicyError::Pattern { key, pattern: pattern.clone(), problem };
            if pattern.trim_matches('/').is_empty() || pattern.starts_with('/') {
                return Err(invalid("write it relative to the root of the repository".to_owned()));
            }
            for glob in expand(pattern) {
                let glob = GlobBuilder::new(&glob)
                    .literal_separator(true)
                    .case_insensitive(fold_case)
                    .build()
                    .map_err(|error| invalid(error.to_string()))?;
                set.add(glob);
                origins.push(pattern.clone());
            }
        }
        let set = set.build().map_err(|error| PolicyError::Pattern {
            key,
            pattern: String::new(),
            problem: error.to_string(),
        })?;
        Ok(Self { set, patterns: origins })
    }

    fn first(&self, text: &str) -> Option<&str> {
        let index = self.set.matches(text).into_iter().min()?;
        self.patterns.get(index).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denies(pattern: &str, path: &str) -> bool {
        DenyGlobs::new("test", &[pattern.to_owned()]).unwrap().matching(&path.parse().unwrap()).is_some()
    }

    fn allows(pattern: &str, path: &str) -> bool {
        AllowGlobs::new("test", &[pattern.to_owned()]).unwrap().matches(path)
    }

    #[test]
    fn deny_reaches_every_spelling_of_a_rule() {
        for (pattern, path) in [
            ("*.pem", "a.pem"),
            ("*.pem", "x/y/A.PEM"),
            (".github/**", "sub/.GitHub/workflows/x.yml"),
            (".github/**", ".github/x"),
            ("infra", "a/infra/b/c.tf"),
            ("**/infra/**", "infra/x"),
            ("a/b", "a/b/c"),
            ("id_rsa*", "keys/id_rsa.pub"),
        ] {
            assert!(denies(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("infra", "infrastructure/x"), ("a/b", "x/a/b"), ("*.pem", "src/pem.py"), ("a/*", "b/c"), ("a?b", "a/b")]
        {
            assert!(!denies(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn allow_means_what_it_says() {
        assert!(allows("src/**", "src/a/b.py") && allows("src/", "src/a/b.py") && allows("**", "x/y"));
        assert!(allows("src/*.py", "src/a.py") && !allows("src/*.py", "src/a/b.py"));
        assert!(!allows("*.py", "src/a.py") && !allows("src/**", "SRC/a"));
    }

    #[test]
    fn invalid_patterns_are_errors() {
        for pattern in ["", "/", "/etc", "a[", "{a"] {
            assert!(DenyGlobs::new("test", &[pattern.to_owned()]).is_err(), "{pattern}");
        }
    }
}
