//! Names of distributions that a person should look at twice.

use std::sync::LazyLock;

/// Why a name is suspicious.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Suspicion {
    /// One slip of the finger away from a well-known name, and itself not known.
    LooksLike(&'static str),
    /// What a project is imported as, while the distribution has another name.
    ImportNameOf(&'static str),
}

/// What is suspicious about a name in its PEP 503 form.
pub(crate) fn suspicion(name: &str) -> Option<Suspicion> {
    let lists = &*LISTS;
    if let Ok(index) = lists.import_names.binary_search_by_key(&name, |(import, _)| import) {
        return lists.import_names.get(index).map(|(_, distribution)| Suspicion::ImportNameOf(distribution));
    }
    let known = |list: &[&str]| list.binary_search(&name).is_ok();
    if known(&lists.well_known) || known(&lists.lookalikes) {
        return None;
    }
    let mut well_known = lists.well_known.iter().filter(|other| other.len() >= LENGTH_MIN);
    well_known.find(|other| looks_like(name, other)).map(|other| Suspicion::LooksLike(other))
}

/// Shorter names are one edit away from half of the index.
const LENGTH_MIN: usize = 4;

/// Facts about the package index, as lists: sorted, PEP 503 forms, one a line.
struct Lists {
    /// The 500 most downloaded distributions.
    well_known: Vec<&'static str>,
    /// Others of the 15,000 most downloaded that look like one of the 500, and are none the worse.
    lookalikes: Vec<&'static str>,
    /// Import name and distribution, where the import name is none's or another project's on the index.
    import_names: Vec<(&'static str, &'static str)>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| Lists {
    well_known: include_str!("well_known.txt").lines().collect(),
    lookalikes: include_str!("lookalikes.txt").lines().collect(),
    import_names: include_str!("import_names.txt").lines().filter_map(|line| line.split_once(' ')).collect(),
});

fn looks_like(name: &str, other: &str) -> bool {
    one_edit_apart(name.as_bytes(), other.as_bytes()) || has_affix(name, other) || same_without_dashes(name, other)
}

/// Whether one insertion, deletion, replacement, or swap of neighbours makes one of the other.
fn one_edit_apart(a: &[u8], b: &[u8]) -> bool {
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(head..).unwrap_or_default(), b.get(head..).unwrap_or_default());
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    match (a.get(..a.len() - tail), b.get(..b.len() - tail)) {
        (Some([]), Some([_])) | (Some([_]), Some([] | [_])) => true,
        (Some([a, b]), Some([c, d])) => a == d && b == c,
        _ => false,
    }
}

/// `python-requests`, `pyrequests`, `requests-py` and the like.
fn has_affix(name: &str, other: &str) -> bool {
    let rest = name
        .strip_suffix(other)
        .map(|prefix| prefix.trim_end_matches('-'))
        .or_else(|| name.strip_prefix(other).map(|suffix| suffix.trim_start_matches('-')));
    matches!(rest, Some("python" | "py"))
}

fn same_without_dashes(name: &str, other: &str) -> bool {
    name.bytes().filter(|byte| *byte != b'-').eq(other.bytes().filter(|byte| *byte != b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_keep_out_of_each_other() {
        let lists = &*LISTS;
        assert!(lists.well_known.len() == 500 && lists.well_known.is_sorted());
        assert!(lists.lookalikes.is_sorted() && lists.import_names.is_sorted());
        assert!(lists.lookalikes.iter().all(|name| lists.well_known.binary_search(name).is_err()));
    }

    #[test]
    fn slips_and_import_names_are_told_from_names() {
        for (name, of) in [("reqests", "requests"), ("reuqests", "requests"), ("numpyy", "numpy"), ("mumpy", "numpy")] {
            assert_eq!(suspicion(name), Some(Suspicion::LooksLike(of)));
        }
        for (name, of) in
            [("python-requests", "requests"), ("pyclick", "click"), ("charsetnormalizer", "charset-normalizer")]
        {
            assert_eq!(suspicion(name), Some(Suspicion::LooksLike(of)));
        }
        assert_eq!(suspicion("bs4"), Some(Suspicion::ImportNameOf("beautifulsoup4")));
        for name in ["requests", "boto", "python-dateutil", "a-name-of-its-own", "nmp", "requests-fast-cache"] {
            assert_eq!(suspicion(name), None, "{name}");
        }
    }
}
