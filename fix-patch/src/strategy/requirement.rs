//! One PEP 508 requirement as text: where its parts are, so that one can be changed.

use std::ops::Range;

use fix_plan::limits::MARKER_BYTES_MAX;
use fix_plan::{Dependency, Marker, VersionSpec, normalize_name};
use memchr::memchr;

/// The parts of a requirement, as byte ranges of its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Requirement<'t> {
    text: &'t str,
    name: Range<usize>,
    /// What stands between the brackets.
    extras: &'t str,
    /// The end of name and extras: where a specifier goes when there is none.
    head_end: usize,
    /// The specifier without parentheses and blanks around it; empty where there is none.
    spec: Range<usize>,
    marker: Option<&'t str>,
    direct: bool,
}

impl<'t> Requirement<'t> {
    /// Reads `text`; none when it is no requirement.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let skip = |at: usize| {
            let rest = text.get(at..).unwrap_or_default();
            at + (rest.len() - rest.trim_start().len())
        };
        let start = skip(0);
        let rest = text.get(start..)?;
        let name = start..start + name_at_start(rest).len();
        let spelled = text.get(name.clone())?;
        let ends = [spelled.bytes().next(), spelled.bytes().next_back()];
        if !ends.iter().all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric())) {
            return None;
        }
        let mut head_end = name.end;
        let mut extras = "";
        let mut at = skip(head_end);
        if let Some(list) = text.get(at..)?.strip_prefix('[') {
            let close = list.find(']')?;
            extras = list.get(..close)?;
            let fits = |extra: &str| extra.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !split_extras(extras).all(fits) {
                return None;
            }
            head_end = at + 1 + close + 1;
            at = skip(head_end);
        }
        let rest = text.get(at..)?;
        if rest.starts_with('@') {
            // The marker of a direct reference comes behind a blank: `;` may stand in a URL.
            let marker = rest.find(" ;").and_then(|at| rest.get(at + 2..)).map(str::trim);
            return Some(Self { text, name, extras, head_end, spec: at..at, marker, direct: true });
        }
        let (requirement, marker) = match memchr(b';', rest.as_bytes()) {
            Some(end) => (rest.get(..end)?, Some(rest.get(end + 1..)?.trim())),
            None => (rest, None),
        };
        if marker == Some("") {
            return None;
        }
        let clauses = requirement.trim_end();
        let spec = match clauses.strip_prefix('(') {
            Some(inner) => {
                let inner = inner.strip_suffix(')')?;
                let blanks = inner.len() - inner.trim_start().len();
                at + 1 + blanks..at + 1 + blanks + inner.trim().len()
            }
            None if clauses.is_empty() => head_end..head_end,
            None => at..at + clauses.len(),
        };
        let this = Self { text, name, extras, head_end, spec, marker, direct: false };
        // pip reads a comma at the end, and none at the start.
        let clauses = this.spec().strip_suffix(',').unwrap_or(this.spec());
        (clauses.is_empty() && this.spec.is_empty() || clauses.split(',').all(is_clause)).then_some(this)
    }

    /// The name as spelled.
    pub(super) fn name(&self) -> &'t str {
        self.text.get(self.name.clone()).unwrap_or_default()
    }

    /// The name as PEP 503 normalises it.
    pub(super) fn normalized(&self) -> String {
        normalize_name(self.name())
    }

    /// Whether it is a URL, a path or a version control reference.
    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// The specifier as spelled, without parentheses.
    pub(super) fn spec(&self) -> &'t str {
        self.text.get(self.spec.clone()).unwrap_or_default()
    }

    /// Where the specifier is, or goes.
    pub(super) fn spec_range(&self) -> Range<usize> {
        self.spec.clone()
    }

    /// The extras, normalised, sorted and unique.
    pub(super) fn extras(&self) -> Vec<String> {
        let mut extras: Vec<String> = split_extras(self.extras).map(normalize_name).collect();
        extras.sort();
        extras.dedup();
        extras
    }

    /// Everything but the specifier: what a pin leaves alone.
    pub(super) fn besides_spec(&self) -> (&'t str, &'t str) {
        (self.text.get(..self.spec.start).unwrap_or_default(), self.text.get(self.spec.end..).unwrap_or_default())
    }

    /// Whether the specifier means what `spec` means.
    pub(super) fn has_spec(&self, spec: &VersionSpec) -> bool {
        same_spec(self.spec(), spec)
    }

    /// Whether the extras are those of `dependency`.
    pub(super) fn has_extras(&self, dependency: &Dependency) -> bool {
        self.extras() == extras_of(dependency)
    }

    /// Whether it declares what adding `dependency` would.
    pub(super) fn declares(&self, dependency: &Dependency) -> bool {
        !self.is_direct()
            && self.normalized() == dependency.name.normalized()
            && (dependency.spec.is_any() || self.has_spec(&dependency.spec))
            && self.has_extras(dependency)
            && self.has_marker(dependency.marker.as_ref())
    }

    /// Whether the marker means what `marker` means.
    pub(super) fn has_marker(&self, marker: Option<&Marker>) -> bool {
        match (self.marker, marker) {
            (None, None) => true,
            // What a file holds is bounded before it is parsed.
            (Some(own), Some(marker)) => own.len() <= MARKER_BYTES_MAX && marker.same_meaning(own),
            _ => false,
        }
    }
}

/// The letters that can be a name at the start of a text.
pub(super) fn name_at_start(text: &str) -> &str {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let length = text.bytes().position(|b| !is_part(b)).unwrap_or(text.len());
    text.get(..length).unwrap_or_default()
}

/// The extras between the brackets, as spelled.
fn split_extras(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|extra| !extra.is_empty())
}

/// Whether a name as spelled is that of a normalised one.
pub(super) fn is_spelling_of(spelled: &str, normalized: &str) -> bool {
    let mut parts = spelled.split(['-', '_', '.']).filter(|part| !part.is_empty());
    normalized.split('-').all(|wanted| parts.next().is_some_and(|part| part.eq_ignore_ascii_case(wanted)))
        && parts.next().is_none()
}

/// Those of `known` whose name is nearly the normalised `wanted`, with their places; the nearest first.
pub(super) fn near_names<'n>(
    wanted: &str,
    known: impl Iterator<Item = (usize, &'n str)>,
) -> impl Iterator<Item = (usize, &'n str)> {
    let distance = |name: &str| {
        let name = normalize_name(name);
        let (short, long) = if name.len() < wanted.len() { (name.as_str(), wanted) } else { (wanted, name.as_str()) };
        let is_part = short.len() >= PART_MIN && (long.starts_with(short) || long.ends_with(short));
        if is_part { 1 } else { strsim::osa_distance(&name, wanted) }
    };
    let most = if wanted.len() < PART_MIN { 1 } else { 2 };
    let mut near: Vec<(usize, usize, &str)> = known
        .filter(|(_, name)| name.len().abs_diff(wanted.len()) <= NAME_DIFFERENCE_MAX)
        .map(|(at, name)| (distance(name), at, name))
        .filter(|(distance, ..)| *distance <= most)
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(.., name)| *name);
    near.into_iter().take(NEAR_MAX).map(|(_, at, name)| (at, name))
}

/// Shorter names are a part of too many others.
const PART_MIN: usize = 4;
/// How much longer a name may be of which another is a part.
const NAME_DIFFERENCE_MAX: usize = 16;
/// Most near misses that are told.
const NEAR_MAX: usize = 3;

/// Whether `text` means what `spec` means.
pub(super) fn same_spec(text: &str, spec: &VersionSpec) -> bool {
    match text.trim().parse::<VersionSpec>() {
        Ok(own) => own.same_meaning(spec),
        Err(_) => text.trim() == spec.as_str(),
    }
}

/// The extras of a plan's dependency, normalised, sorted and unique.
pub(super) fn extras_of(dependency: &Dependency) -> Vec<String> {
    let mut extras: Vec<String> = dependency.extras.iter().map(|extra| extra.normalized().to_owned()).collect();
    extras.sort();
    extras.dedup();
    extras
}

/// A new requirement, spelt as the plan spells it.
pub(super) fn text_of(dependency: &Dependency) -> String {
    let mut text = dependency.name.to_string();
    if !dependency.extras.is_empty() {
        let extras: Vec<&str> = dependency.extras.iter().map(fix_plan::ExtraName::as_str).collect();
        text.push('[');
        text.push_str(&extras.join(","));
        text.push(']');
    }
    text.push_str(dependency.spec.as_str());
    if let Some(marker) = &dependency.marker {
        text.push_str("; ");
        text.push_str(marker.as_str());
    }
    text
}

fn is_clause(clause: &str) -> bool {
    let clause = clause.trim();
    let length = clause.bytes().take_while(|b| matches!(b, b'=' | b'<' | b'>' | b'!' | b'~')).count();
    let Some((operator, version)) = clause.split_at_checked(length) else { return false };
    if !matches!(operator, "===" | "~=" | "==" | "!=" | "<=" | ">=" | "<" | ">") {
        return false;
    }
    let version = version.trim_start();
    !version.is_empty()
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*' | b'+' | b'!'))
}

/// The orders that people keep lists in; the first under which a list is sorted is its own.
const ORDERS: [fn(&str) -> String; 4] = [
    |entry| head(entry).map_or_else(|| entry.to_owned(), |(name, _)| normalize_name(name)),
    |entry| entry.to_lowercase(),
    |entry| head(entry).map_or_else(|| entry.to_lowercase(), |(_, head)| head.to_lowercase()),
    str::to_owned,
];

/// The place of `new` among `entries`, when these are sorted, and enough to tell.
pub(super) fn sorted_place(entries: &[&str], new: &str) -> Option<usize> {
    const ENTRIES_MIN: usize = 3;
    if entries.len() < ENTRIES_MIN {
        return None;
    }
    ORDERS.iter().find_map(|order| {
        let is_sorted = entries.iter().map(|entry| order(entry)).is_sorted();
        let key = order(new);
        is_sorted.then(|| entries.partition_point(|other| order(other) <= key))
    })
}

/// The name of an entry, and name and extras.
fn head(entry: &str) -> Option<(&str, &str)> {
    let entry = entry.trim();
    let name = name_at_start(entry);
    if name.is_empty() {
        return None;
    }
    let rest = entry.get(name.len()..)?;
    let extras =
        rest.trim_start().starts_with('[').then(|| rest.find(']').map(|close| close + 1)).flatten().unwrap_or_default();
    Some((name, entry.get(..name.len() + extras)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let parsed = Requirement::parse(" Foo.Bar [b, A] ( >=1 , <2 ) ; python_version < '3'").unwrap();
        assert_eq!((parsed.name(), parsed.normalized().as_str()), ("Foo.Bar", "foo-bar"));
        assert_eq!((parsed.spec(), parsed.marker), (">=1 , <2", Some("python_version < '3'")));
        assert_eq!(parsed.extras(), ["a", "b"]);
        assert_eq!(Requirement::parse("a").unwrap().spec_range(), 1..1);
        assert_eq!(Requirement::parse("a[x] ; b == 'c'").unwrap().spec_range(), 4..4);
        assert_eq!(Requirement::parse("a == 1.0 ").unwrap().spec_range(), 2..8);
        assert!(Requirement::parse("a @ https://x/y ; os_name == 'nt'").unwrap().is_direct());
        assert!(Requirement::parse("a@git+https://x").unwrap().is_direct());
        assert_eq!(Requirement::parse("a>=1,").unwrap().spec(), ">=1,");
        assert_eq!(Requirement::parse("a ()").unwrap().spec_range(), 3..3);
        for bad in [
            "",
            "-e x",
            "a b",
            "a=1",
            "./a",
            "a ==",
            "https://x",
            "a[b",
            "{{ x }}",
            "a >=1 <2",
            "a;",
            "a,>=1",
            "a>=1,,<2",
            "a,",
            "a()x",
            "a (>=1",
        ] {
            assert!(Requirement::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn near_misses_are_the_nearest() {
        let near = |wanted: &str, known: &[&str]| {
            let known: Vec<(usize, &str)> = known.iter().copied().enumerate().collect();
            near_names(wanted, known.into_iter()).map(|(_, name)| name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(near("request", &["flask", "Requests", "requests-toolbelt"]), ["Requests", "requests-toolbelt"]);
        assert_eq!(near("dateutil", &["python-dateutil", "date"]), ["python-dateutil", "date"]);
        assert_eq!(near("abc", &["abd", "abcde", "xyz"]), ["abd"]);
        assert_eq!(near("pyyaml", &["PyYaml_", "yaml", "pyaml", "toml"]).len(), 3);
    }

    #[test]
    fn sorted_lists_stay_sorted() {
        assert_eq!(sorted_place(&["a", "c", "e"], "d"), Some(2));
        assert_eq!(sorted_place(&["a", "c"], "b"), None);
        assert_eq!(sorted_place(&["c", "a", "b"], "b"), None);
        assert_eq!(sorted_place(&["Zope", "a-b", "a_c"], "b"), Some(3), "as spelled");
        assert_eq!(sorted_place(&["ab==1", "a-b", "b"], "aa"), None);
        assert_eq!(sorted_place(&["pytest-cov", "pytest>=1", "ruff"], "black"), Some(0));
    }
}
