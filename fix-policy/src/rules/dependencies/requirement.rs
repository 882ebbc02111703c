//! What a line says of dependencies, and a requirement as PEP 508 has it.

/// What a line of a dependency file says.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Fact {
    /// It names a distribution.
    Dependency(Entry),
    /// It does what no policy allows.
    Problem(Problem, String),
}

/// What no policy allows. Beside it stands what the line says, without what a pin changes: an added
/// line may say what a removed one said.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Problem {
    /// An option of a package manager.
    Option,
    /// A URL, a path, a repository.
    Reference,
    /// It can't be read, or could be read in two ways.
    Hidden,
}

/// A dependency that a line names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Entry {
    /// As it is written; none when it stands above what the diff shows.
    pub(super) name: Option<String>,
    /// Whether a version follows.
    pub(super) pinned: bool,
    /// What follows the name, without blanks.
    pub(super) rest: String,
}

/// `name[extra] >= 1 ; marker`, or `name @ reference`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requirement<'t> {
    pub(super) name: &'t str,
    pub(super) is_reference: bool,
    version: &'t str,
    rest: &'t str,
}

impl<'t> Requirement<'t> {
    /// Reads whatever pip could take for a requirement by name.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !name.ends_with(|c: char| c.is_ascii_alphanumeric())
        {
            return None;
        }
        let rest = rest.trim_start();
        let behind_extras = match rest.strip_prefix('[') {
            Some(extras) => extras.split_once(']')?.1.trim_start(),
            None => rest,
        };
        let version = behind_extras.split(';').next().unwrap_or_default().trim();
        let is_one = version.is_empty() || version.starts_with(['=', '<', '>', '!', '~', '(', '@', '^', '*']);
        is_one.then_some(Self { name, is_reference: version.starts_with('@'), version, rest })
    }

    pub(super) fn entry(&self) -> Entry {
        Entry {
            name: Some(self.name.to_owned()),
            pinned: !matches!(self.version, "" | "*"),
            rest: self.rest.chars().filter(|c| !c.is_whitespace()).collect(),
        }
    }
}

/// Whether a URL, a repository or a variable stands in the text.
pub(super) fn refers(text: &str) -> bool {
    const REPOSITORIES: [&str; 4] = ["git+", "hg+", "svn+", "bzr+"];
    let lower = || text.contains('+').then(|| text.to_ascii_lowercase());
    let is_repository = |lower: String| {
        REPOSITORIES.iter().any(|scheme| {
            lower.match_indices(scheme).any(|(at, _)| {
                let before = lower.get(..at).unwrap_or_default();
                !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '\\')
                    && lower.get(at + scheme.len()..).is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
            })
        })
    };
    text.contains("://") || text.contains("${") || lower().is_some_and(is_repository)
}

/// What some readers end a line at, and others do not.
pub(super) fn is_line_break_to_someone(c: char) -> bool {
    c != '\t' && c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
