//! PEP 263: a comment that names the encoding of its file.

/// The encoding that a comment names: `coding: NAME` or `coding=NAME`, anywhere in it.
pub(super) fn in_comment(comment: &str) -> Option<&str> {
    comment.match_indices("coding").find_map(|(at, word)| {
        let rest = comment.get(at + word.len()..)?.strip_prefix([':', '='])?.trim_start_matches([' ', '\t']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        rest.get(..length).filter(|name| !name.is_empty())
    })
}

/// Whether the name is one of UTF-8, as Python knows it.
pub(super) fn is_utf_8(name: &str) -> bool {
    let name = normalized(name);
    name == "utf-8" || name.starts_with("utf-8-") || matches!(name.as_str(), "utf8" | "u8" | "cp65001")
}

/// The name as Python compares it.
pub(super) fn normalized(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_where_python_finds_them() {
        for (comment, name) in [
            ("# -*- coding: latin-1 -*-", Some("latin-1")),
            ("# vim: set fileencoding=UTF_8 :", Some("UTF_8")),
            ("# encoding decoding coding:\tx.y", Some("x.y")),
            ("# coding : utf-8", None),
            ("# coding:", None),
            ("# coding: \u{e9}", None),
        ] {
            assert_eq!(in_comment(comment), name, "{comment}");
        }
    }

    #[test]
    fn utf_8_has_names() {
        assert!(["utf-8", "UTF_8", "utf8", "utf-8-sig", "U8", "cp65001"].iter().all(|name| is_utf_8(name)));
        assert!(!["utf-16", "utf", "latin-1", "u88"].iter().any(|name| is_utf_8(name)));
    }
}
