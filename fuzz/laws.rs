//! What must hold for any bytes: shared by the fuzz targets and by the stable runner in `tests`.
#![allow(dead_code, reason = "each target uses one of them")]

use fix_plan::{FixPlan, Log, Marker, PathProfile, Redactor, RepoPath, VersionSpec};

/// A plan that is accepted is canonical after one round; one that is refused says why.
pub fn plan(bytes: &[u8]) {
    match FixPlan::parse(bytes) {
        Ok(plan) => {
            let again = FixPlan::parse(plan.to_json().as_bytes()).expect("canonical JSON is a plan");
            assert_eq!(plan, again);
            assert_eq!(plan.to_json(), again.to_json());
        }
        Err(error) => {
            assert!(!error.violations().is_empty());
            assert!(error.violations().len() <= fix_plan::limits::VIOLATIONS_MAX);
            assert!(error.violations().iter().all(|violation| violation.pointer.len() < 8 * 1024));
            assert!(!error.to_string().contains(|c: char| c.is_control()), "{error}");
        }
    }
}

/// A path that is accepted is kept as it is, and stays below whatever it is joined to.
pub fn path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for profile in [PathProfile::Portable, PathProfile::Unix] {
        let Ok(path) = RepoPath::parse(text, profile) else { continue };
        assert_eq!(path.as_str(), text);
        let components = std::path::Path::new(text).components();
        assert!(
            components.into_iter().all(|component| matches!(component, std::path::Component::Normal(_))),
            "{text:?}"
        );
        assert!(path.components().all(|component| !component.eq_ignore_ascii_case(".git")), "{text:?}");
        assert!(!text.contains(['\0', '\n', '\r']), "{text:?}");
        if profile == PathProfile::Portable {
            assert!(RepoPath::parse(text, PathProfile::Unix).is_ok(), "{text:?}: the portable profile only adds rules");
        }
    }
}

/// A version specifier that is accepted has one spelling, on one line, without quotes.
pub fn spec(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = text.parse::<VersionSpec>() {
        assert_eq!(spec.as_str().parse(), Ok(spec.clone()), "{text:?}");
        assert_eq!(spec.as_str().replace([' ', ',', '|'], ""), text.replace([' ', ',', '|'], ""));
        assert!(!text.contains(['\n', '\r', '"', '\'', '\\', '#', ';', '@', ':', '/', '[', ']', '{', '}']), "{text:?}");
        assert!(spec.same_meaning(&spec));
    }
    if let Ok(marker) = text.parse::<Marker>() {
        assert_eq!(marker.as_str().parse(), Ok(marker.clone()), "{text:?}");
        assert!(marker.same_meaning(text), "{text:?}");
        assert!(!marker.as_str().contains(['\n', '\r', '\\', '#', ';', '@']), "{text:?}");
    }
}

/// Cleaning and redacting are done once and for all, and leave nothing that a terminal acts on.
pub fn log(bytes: &[u8]) {
    let log = Log::from_bytes(bytes);
    assert_eq!(Log::from(log.as_str()), log, "cleaning again changes nothing");
    assert!(!log.as_str().contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
    let redactor = Redactor::default();
    let once = redactor.redact(log.as_str()).into_owned();
    assert_eq!(redactor.redact(&once), once, "redacting again changes nothing");
    assert_eq!(Log::from_bytes_redacted(bytes, &redactor).as_str(), once);
    assert!(redactor.redact(&String::from_utf8_lossy(bytes)).len() <= bytes.len() * 16);
    let evidence = log.missing_modules().into_iter().map(|module| module.evidence);
    let evidence = evidence.chain(log.unused_names().into_iter().map(|name| name.evidence));
    for line in evidence.filter(|line| line.len() > 20) {
        assert!(log.quotes(&line) || log.as_str().contains(['[', '{']), "{line:?}");
    }
}
