use super::*;

fn reason(path: &str) -> Option<PathReason> {
    path.parse::<RepoPath>().err().map(|error| error.reason())
}

#[test]
fn accepts_ordinary_names() {
    for path in [
        "a",
        "a/b.py",
        "..foo",
        "a..b/c",
        ".github/x",
        "my dir/my file.py",
        "日本/ü.py",
        ".gitignore",
        "a~1.txt",
        "gitmodules",
    ] {
        assert_eq!(reason(path), None, "{path}");
    }
}

#[test]
fn names_the_rule_that_is_broken() {
    let cases = [
        ("", PathReason::Empty),
        ("/etc/passwd", PathReason::Absolute),
        ("a//b", PathReason::EmptyComponent),
        ("a/", PathReason::EmptyComponent),
        ("a/../b", PathReason::DotSegment),
        (".GIT/config", PathReason::DotGit),
        (".git. . /x", PathReason::DotGit),
        (".g\u{200c}it/x", PathReason::DotGit),
        ("git~1/x", PathReason::DotGit),
        ("gi7eba~1", PathReason::DotGit),
        ("a\0b", PathReason::Control),
        ("a\u{2028}b", PathReason::Control),
        ("a\u{202e}b", PathReason::Invisible),
        ("c:/x", PathReason::Drive),
        ("a\\b", PathReason::IllegalCharacter),
        ("nul .txt", PathReason::DeviceName),
        ("lpt¹", PathReason::DeviceName),
        ("a./b", PathReason::TrailingDotOrBlank),
        ("-rf", PathReason::LeadingDashOrTilde),
        ("~/x", PathReason::LeadingDashOrTilde),
        (".gıt/x", PathReason::DotGit),
        ("a\u{2044}b", PathReason::IllegalCharacter),
        ("%c0%ae%c0%ae/x", PathReason::PercentEncoded),
        ("%u002e/x", PathReason::PercentEncoded),
        ("..%252f", PathReason::PercentEncoded),
        ("%2e%2e/x", PathReason::PercentEncoded),
        ("．．/x", PathReason::DotSegment),
        (".ｇｉｔ/config", PathReason::DotGit),
    ];
    for (path, expected) in cases {
        assert_eq!(reason(path), Some(expected), "{path:?}");
    }
}

#[test]
fn the_offending_component_is_shown_as_written() {
    let deep = vec!["d"; PATH_COMPONENTS_MAX].join("/") + "/last";
    for (path, component) in [
        ("a/../b", "\"..\""),
        ("a/b\0c/d", "\"b\\0c\""),
        ("//etc/passwd", "\"etc\""),
        ("-rf/x", "\"-rf\""),
        ("a/x\u{2044}y/b", "\"x\u{2044}y\""),
        ("src/．．/x", "\"．．\""),
        ("a/\u{2100}\u{2025}/b/ａｕｘ", "\"\u{2100}\u{2025}\""),
        (deep.as_str(), "\"last\""),
        ("", ""),
    ] {
        assert_eq!(path.parse::<RepoPath>().unwrap_err().component(), component, "{path:?}");
    }
}

#[test]
fn a_sibling_is_a_file_name() {
    let path: RepoPath = "a/b.py".parse().unwrap();
    assert_eq!(path.sibling("c.py").unwrap().as_str(), "a/c.py");
    assert_eq!(path.sibling("c/d").unwrap_err().reason(), PathReason::NoFileName);
    assert_eq!(path.sibling("..").unwrap_err().reason(), PathReason::DotSegment);
}

#[test]
fn every_reason_is_documented() {
    let readme = include_str!("../../README.md");
    for reason in PathReason::ALL {
        assert!(readme.contains(&format!("| `{}` | ", reason.code())), "{reason:?}");
    }
}

#[test]
fn the_unix_profile_allows_what_only_windows_forbids() {
    for path in ["a:b", "con", "a.", "-x", "a?b"] {
        assert!(RepoPath::parse(path, PathProfile::Unix).is_ok(), "{path}");
        assert!(reason(path).is_some(), "{path}");
    }
    assert!(RepoPath::parse(".git:x/a", PathProfile::Unix).is_err());
}

#[test]
fn files_that_a_file_system_confuses_share_a_key() {
    let key = |path: &str| path.parse::<RepoPath>().unwrap().collision_key();
    assert_eq!(key("README.md"), key("readme.md"));
    assert_eq!(key("straße"), key("STRASSE"));
    assert_ne!(key("a.py"), key("b.py"));
}
