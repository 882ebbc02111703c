//! The encoding that a Python file declares (PEP 263).

use crate::strategy::cookie;

/// Says why the text can't be read as the UTF-8 that it is stored as.
///
/// A file in another encoding that is a superset of ASCII reads the same as long as
/// it holds nothing else.
pub(super) fn problem(text: &str) -> Option<String> {
    let (body, has_bom) = match text.strip_prefix('\u{feff}') {
        Some(body) => (body, true),
        None => (text, false),
    };
    let cookie = declared(body)?;
    if cookie::is_utf_8(cookie) {
        return None;
    }
    if has_bom {
        return Some(format!("the byte order mark says UTF-8 and the cookie says {cookie:?}; Python refuses the file"));
    }
    let name = cookie::normalized(cookie);
    let superset = ["latin-1", "latin1", "l1", "ascii", "us-ascii", "646", "koi8-r", "koi8-u", "mac-roman"]
        .contains(&name.as_str())
        || ["iso-8859-", "iso8859-", "iso-latin-1", "cp125", "windows-125", "cp437", "cp850", "cp1252", "latin-"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
    if superset && body.is_ascii() {
        return None;
    }
    Some(format!("the file declares the encoding {cookie:?}; only UTF-8 is edited"))
}

/// The encoding named by a comment on one of the first two lines; before it there is no code.
fn declared(body: &str) -> Option<&str> {
    for line in body.lines().take(2) {
        let comment = line.trim_start_matches([' ', '\t', '\x0c']);
        if comment.trim_end().is_empty() {
            continue;
        }
        if !comment.starts_with('#') {
            return None;
        }
        if let Some(name) = cookie::in_comment(comment) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_and_plain_ascii_are_read() {
        for text in [
            "import os\n",
            "# -*- coding: utf-8 -*-\nx = 'é'\n",
            "#!/usr/bin/python\n# vim: set fileencoding=UTF8 :\n",
            "# coding: latin-1\nimport os\n",
            "# coding: US_ASCII\nimport os\n",
            "# coding: cp1252\nimport os\n",
            "import os\n# coding: rot13\n",
            "\u{feff}# coding: utf-8\n",
        ] {
            assert_eq!(problem(text), None, "{text:?}");
        }
    }

    #[test]
    fn others_are_not() {
        for text in [
            "# coding: latin-1\nx = 'é'\n",
            "# coding: no-such-thing\nimport os\n",
            "\u{feff}# coding: latin-1\n",
            "#!/bin/x\n# -*- coding=utf-16 -*-\n",
        ] {
            assert!(problem(text).is_some(), "{text:?}");
        }
    }
}
