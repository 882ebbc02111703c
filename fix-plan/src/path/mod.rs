//! Paths of files inside a repository.

use std::fmt;
use std::str::FromStr;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;

use crate::limits::{PATH_BYTES_MAX, PATH_COMPONENT_BYTES_MAX, PATH_COMPONENTS_MAX};
use crate::text::{is_control, is_invisible};

/// The path of a file inside a repository: relative, `/` between components,
/// normalised, and unable to name anything outside the work tree or inside a
/// `.git` directory on any file system.
///
/// There is one door, [`RepoPath::parse`] (and [`FromStr`], which uses the
/// default profile); nothing is rewritten on the way in.
///
/// ```
/// use fix_plan::{PathReason, RepoPath};
/// let path: RepoPath = "src/app.py".parse()?;
/// assert_eq!(path.file_name(), "app.py");
/// let refused = "src/../../etc/passwd".parse::<RepoPath>().unwrap_err();
/// assert_eq!(refused.reason(), PathReason::DotSegment);
/// # Ok::<(), fix_plan::PathError>(())
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepoPath(String);

impl RepoPath {
    /// Checks `path` against the rules of `profile`. The first broken rule wins.
    ///
    /// # Errors
    /// Names the rule and the offending component.
    pub fn parse(path: &str, profile: PathProfile) -> Result<Self, PathError> {
        check(path, profile)?;
        if !path.is_ascii() {
            if profile == PathProfile::Portable && path.contains(looks_like_slash) {
                let component = path.split('/').find(|component| component.contains(looks_like_slash));
                return Err(PathError::new(path, component.unwrap_or(path), PathReason::IllegalCharacter));
            }
            // What another system would read after normalising must be harmless too.
            let normalizer = ComposingNormalizer::new_nfkc();
            if let Err(error) = check(&normalizer.normalize(path), profile) {
                let is_faulty = |component: &&str| check(&normalizer.normalize(component), profile).is_err();
                let component = path.split('/').find(is_faulty);
                return Err(PathError::new(path, component.unwrap_or(path), error.reason));
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directory that holds the file, without a trailing `/`; empty at the root.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// A path beside this one.
    ///
    /// # Errors
    /// As [`RepoPath::parse`], and when `name` is a path of several components.
    pub fn sibling(&self, name: &str) -> Result<Self, PathError> {
        if name.contains('/') {
            return Err(PathError::new(name, name, PathReason::NoFileName));
        }
        match self.parent() {
            "" => name.parse(),
            parent => format!("{parent}/{name}").parse(),
        }
    }

    /// The components, first to last.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// What is equal for two paths that some file system can't tell apart:
    /// the path after NFKC and full case folding.
    #[must_use]
    pub fn collision_key(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        let normalizer = ComposingNormalizer::new_nfkc();
        let folded = CaseMapper::new().fold_string(&normalizer.normalize(&self.0)).into_owned();
        normalizer.normalize(&folded).into_owned()
    }
}

impl AsRef<str> for RepoPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepoPath({:?})", self.0)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RepoPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::parse(path, PathProfile::default())
    }
}

/// How much of the world a path must fit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "two profiles are the contract")]
pub enum PathProfile {
    /// Every file system and forge that is in use: what plans use. Not every shell: a blank, `$` or
    /// a quote is legal in a name, and has to be quoted there.
    #[default]
    Portable,
    /// Unix only: colons, `con` or a trailing dot are legal names there.
    Unix,
}

/// A path that was refused: which component, and why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("path {path}: {reason}{}", match component.as_str() { "" => String::new(), c => format!(" (in {c})") })]
pub struct PathError {
    path: String,
    component: String,
    reason: PathReason,
}

impl PathError {
    fn new(path: &str, component: &str, reason: PathReason) -> Self {
        let component = if component.is_empty() { String::new() } else { quote(component) };
        Self { path: quote(path), component, reason }
    }

    /// The broken rule.
    #[must_use]
    pub fn reason(&self) -> PathReason {
        self.reason
    }

    /// The offending component as it was written, quoted and cut for display; empty when it is empty,
    /// or when it is the path as a whole.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }
}

/// The rules of a path; each has a stable [`code`](PathReason::code).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PathReason {
    /// No characters at all.
    #[error("is empty; name a file")]
    Empty,
    /// More than [`PATH_BYTES_MAX`] bytes.
    #[error("is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// A component of more than [`PATH_COMPONENT_BYTES_MAX`] bytes.
    #[error("has a component longer than {PATH_COMPONENT_BYTES_MAX} bytes")]
    ComponentTooLong,
    /// More than [`PATH_COMPONENTS_MAX`] components.
    #[error("has more than {PATH_COMPONENTS_MAX} components")]
    TooDeep,
    /// NUL, C0, DEL, C1, or a Unicode line or paragraph separator.
    #[error("holds a control character")]
    Control,
    /// A leading `/` (or `\`, in plans).
    #[error("is absolute; write it relative to the root of the repository")]
    Absolute,
    /// `//`, or a trailing `/`.
    #[error("has an empty component; write single slashes and name a file")]
    EmptyComponent,
    /// A `.` or `..` component.
    #[error("has a `.` or `..` component; write the path without it")]
    DotSegment,
    /// A component that some system reads as `.git`, or as git's own files by their short names.
    #[error("names git's own data")]
    DotGit,
    /// Format, private-use or non-character code points, fillers.
    #[error("holds an invisible or unassigned character")]
    Invisible,
    /// A drive letter or another use of `:`.
    #[error("holds a drive letter or a colon; write the path alone, without a line number")]
    Drive,
    /// One of `<>"|?*`, a backslash, or a character that looks like a slash.
    #[error("holds a character that Windows does not allow, or one that looks like a slash")]
    IllegalCharacter,
    /// `con`, `nul`, `com1`, …
    #[error("has a component that is a Windows device name")]
    DeviceName,
    /// A component that ends in a dot or a blank.
    #[error("has a component that ends in a dot or a blank")]
    TrailingDotOrBlank,
    /// A leading `-` or `~`.
    #[error("starts with a sign that a shell or tool would read as an option or a home directory")]
    LeadingDashOrTilde,
    /// Several components where one file name belongs.
    #[error("is no file name; leave the slashes out")]
    NoFileName,
    /// A percent-encoded dot, slash, percent sign or control character, in any encoding.
    #[error("holds a percent-encoded dot, slash or control character")]
    PercentEncoded,
}

impl PathReason {
    /// Every rule.
    pub const ALL: &[Self] = &[
        Self::Empty,
        Self::TooLong,
        Self::ComponentTooLong,
        Self::TooDeep,
        Self::Control,
        Self::Absolute,
        Self::EmptyComponent,
        Self::DotSegment,
        Self::DotGit,
        Self::Invisible,
        Self::Drive,
        Self::IllegalCharacter,
        Self::DeviceName,
        Self::TrailingDotOrBlank,
        Self::LeadingDashOrTilde,
        Self::NoFileName,
        Self::PercentEncoded,
    ];

    /// The stable code, `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "path_empty",
            Self::TooLong => "path_too_long",
            Self::ComponentTooLong => "path_component_too_long",
            Self::TooDeep => "path_too_deep",
            Self::Control => "path_control",
            Self::Absolute => "path_absolute",
            Self::EmptyComponent => "path_empty_component",
            Self::DotSegment => "path_dot_segment",
            Self::DotGit => "path_dot_git",
            Self::Invisible => "path_invisible",
            Self::Drive => "path_drive",
            Self::IllegalCharacter => "path_illegal_character",
            Self::DeviceName => "path_device_name",
            Self::TrailingDotOrBlank => "path_trailing_dot_or_blank",
            Self::LeadingDashOrTilde => "path_leading_dash_or_tilde",
            Self::NoFileName => "path_no_file_name",
            Self::PercentEncoded => "path_percent_encoded",
        }
    }
}

fn check(path: &str, profile: PathProfile) -> Result<(), PathError> {
    let refuse = |component: &str, reason| Err(PathError::new(path, component, reason));
    if path.is_empty() {
        return refuse("", PathReason::Empty);
    }
    if path.len() > PATH_BYTES_MAX {
        return refuse("", PathReason::TooLong);
    }
    let is_control =
        if path.is_ascii() { path.bytes().any(|b| b.is_ascii_control()) } else { path.chars().any(is_control) };
    if is_control {
        let component = path.split('/').find(|component| component.contains(self::is_control));
        return refuse(component.unwrap_or(path), PathReason::Control);
    }
    if path.starts_with('/') {
        return refuse(path.split('/').find(|component| !component.is_empty()).unwrap_or(path), PathReason::Absolute);
    }
    if profile == PathProfile::Portable && path.starts_with(['-', '~']) {
        return refuse(path.split('/').next().unwrap_or(path), PathReason::LeadingDashOrTilde);
    }
    if path.bytes().filter(|&b| b == b'/').count() >= PATH_COMPONENTS_MAX {
        return refuse(path.split('/').nth(PATH_COMPONENTS_MAX).unwrap_or(path), PathReason::TooDeep);
    }
    for component in path.split('/') {
        if let Some(reason) = component_fault(component, profile) {
            return refuse(component, reason);
        }
    }
    Ok(())
}

fn component_fault(component: &str, profile: PathProfile) -> Option<PathReason> {
    if component.is_empty() {
        return Some(PathReason::EmptyComponent);
    }
    if component == "." || component == ".." {
        return Some(PathReason::DotSegment);
    }
    if component.len() > PATH_COMPONENT_BYTES_MAX {
        return Some(PathReason::ComponentTooLong);
    }
    if names_git(component) {
        return Some(PathReason::DotGit);
    }
    if !component.is_ascii() && component.chars().any(is_invisible) {
        return Some(PathReason::Invisible);
    }
    match profile {
        // Backslashes separate components for git on Windows whatever the profile.
        PathProfile::Unix => component.contains('\\').then_some(PathReason::IllegalCharacter),
        PathProfile::Portable => portable_fault(component),
    }
}

fn portable_fault(component: &str) -> Option<PathReason> {
    let bytes = component.as_bytes();
    for &byte in bytes {
        match byte {
            b':' => return Some(PathReason::Drive),
            b'<' | b'>' | b'"' | b'|' | b'?' | b'*' | b'\\' => return Some(PathReason::IllegalCharacter),
            _ => {}
        }
    }
    if holds_encoded(component) {
        return Some(PathReason::PercentEncoded);
    }
    if component.ends_with(['.', ' ']) {
        return Some(PathReason::TrailingDotOrBlank);
    }
    if is_device_name(component) {
        return Some(PathReason::DeviceName);
    }
    None
}

/// Characters that people, and some converters, take for `/` or `\`. Not looked for after
/// normalising, where an honest `½` holds one.
fn looks_like_slash(c: char) -> bool {
    matches!(
        c,
        '\u{2044}'
            | '\u{2215}'
            | '\u{2216}'
            | '\u{2571}'
            | '\u{2572}'
            | '\u{29f5}'
            | '\u{29f8}'
            | '\u{29f9}'
            | '\u{ff0f}'
            | '\u{ff3c}'
            | '\u{fe68}'
    )
}

/// Whether a decoder could make a dot, a slash, a percent sign or a control character of it:
/// `%2e`, the overlong `%c0%ae`, or the non-standard `%u002e`.
fn holds_encoded(component: &str) -> bool {
    if !component.as_bytes().contains(&b'%') {
        return false;
    }
    component.match_indices('%').any(|(at, _)| {
        let digits = component.as_bytes().get(at + 1..).unwrap_or_default();
        let value =
            |digits: &[u8]| std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits {
            [b'u' | b'U', rest @ ..] => rest.get(..4).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                matches!(value(&[*high, *low]), Some(0..=0x1f | 0x7f | b'.' | b'/' | b'\\' | b'%' | 0xc0 | 0xc1))
            }
            _ => false,
        }
    })
}

/// Windows reads `CON`, `con.txt` and `nul .log` all as devices.
fn is_device_name(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or(component).trim_end_matches(' ');
    // The longest device name, `conout$`, has seven bytes; superscript digits take two each.
    if !(3..=8).contains(&stem.len()) {
        return false;
    }
    let devices = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];
    if devices.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return true;
    }
    let (port, number) = stem.split_at_checked(3).unwrap_or((stem, ""));
    let mut digits = number.chars();
    (port.eq_ignore_ascii_case("com") || port.eq_ignore_ascii_case("lpt"))
        && matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
}

/// Whether some file system opens git's own data under this name: `.git` in any
/// case, with HFS+ ignorable code points, NTFS streams and trailing dots or
/// blanks, and the short names that NTFS gives to `.git` and to the files that
/// git reads from a work tree.
fn names_git(component: &str) -> bool {
    // Cheap way out: such a name begins with a dot, or is a short name with a tilde.
    if component.is_ascii() && !component.starts_with('.') && !component.contains('~') {
        return false;
    }
    // Turkish dotted and dotless letters become an `i` under some case foldings.
    let fold = |c| if matches!(c, '\u{130}' | '\u{131}') { 'i' } else { c };
    let visible: String = component.chars().filter(|&c| !is_invisible(c) && c != '\u{307}').map(fold).collect();
    let name = visible.split(':').next().unwrap_or(&visible);
    let name = name.trim_end_matches(['.', ' ']).to_ascii_lowercase();
    if name == ".git" {
        return true;
    }
    let Some((stem, digits)) = name.split_once('~') else {
        return false;
    };
    let numbered = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    numbered
        && (stem == "git"
            || matches!(stem, "gitmod" | "gitatt" | "gitign" | "mailma")
            || ["gi7eba", "gi7d29", "gi250a", "maba30"].iter().any(|hash| stem.len() >= 2 && hash.starts_with(stem)))
}

/// Quotes a path for messages: escaped, and cut when it is long.
fn quote(text: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", shown.escape_debug())
}

#[cfg(test)]
mod tests;
