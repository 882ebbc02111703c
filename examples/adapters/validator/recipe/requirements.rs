//! Requirements files, as pip reads them: which of them name nothing but packages of an index.

/// The other files that `content` names, as they are written there; `None` when anything in it is not wholly known to
/// be harmless. What is not understood may reach into the tree, as a folder that is taken for an index.
pub(super) fn files(content: &str) -> Option<Vec<String>> {
    // Other characters that end a line for Python, or that say how the rest is to be decoded.
    let content = content.replace("\r\n", "\n");
    let is_odd =
        |c: char| c != '\n' && c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffd}');
    let names_encoding = |line: &str| line.contains("coding:") || line.contains("coding=");
    if content.contains(is_odd) || content.lines().take(2).any(names_encoding) {
        return None;
    }
    let mut files = Vec::new();
    for line in joined(&content)? {
        let line = uncommented(&line).trim_matches(' ');
        if !line.chars().all(|c| c == ' ' || c.is_ascii_graphic() && !matches!(c, '$' | '\\')) {
            return None;
        }
        if line.starts_with('-') {
            files.extend(option(line)?);
        } else if !line.is_empty() && !is_package(line) {
            return None;
        }
    }
    Some(files)
}

/// The lines, with those that go on joined; a comment ends what goes on.
fn joined(content: &str) -> Option<Vec<String>> {
    let (mut lines, mut open) = (Vec::new(), String::new());
    for line in content.split('\n') {
        let is_comment = line.trim_start_matches(' ').starts_with('#');
        let begun = line.strip_suffix('\\').filter(|_| !is_comment);
        if is_comment {
            open.push(' ');
        } else if begun.unwrap_or(line).contains('\\') {
            return None;
        }
        open.push_str(begun.unwrap_or(line));
        if begun.is_none() {
            lines.push(std::mem::take(&mut open));
        }
    }
    lines.push(open);
    Some(lines)
}

fn uncommented(line: &str) -> &str {
    let mut comments = line.match_indices('#').map(|(at, _)| line.get(..at).unwrap_or_default());
    comments.find(|before| before.is_empty() || before.ends_with(' ')).unwrap_or(line)
}

/// One option, and nothing after it; gives the file that it names.
fn option(line: &str) -> Option<Option<String>> {
    let words = || line.split(' ').filter(|word| !word.is_empty());
    let (name, value) = match (words().next()?, words().nth(1), words().nth(2)) {
        (word, value, None) => match (word.split_once('='), value) {
            (Some((name, value)), None) => (name, Some(value)),
            (None, value) => (word, value),
            (Some(_), Some(_)) => return None,
        },
        _ => return None,
    };
    let is_in = |extra: &str, value: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c));
    match (name, value) {
        ("--pre" | "--prefer-binary" | "--require-hashes" | "--no-index", None) => Some(None),
        ("--only-binary" | "--no-binary", Some(value)) if is_in("._-,:", value) => Some(None),
        ("--trusted-host", Some(host)) if is_in(".-:", host) => Some(None),
        ("-i" | "--index-url" | "--extra-index-url", Some(url)) => {
            let place = url.strip_prefix("https://")?;
            (place.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_in("._~/:%+-", place)).then_some(None)
        }
        ("-r" | "--requirement" | "-c" | "--constraint", Some(file)) if is_in("._/+-", file) => {
            Some(Some(file.to_owned()))
        }
        _ => None,
    }
}

/// A name with versions, a marker and hashes. With a slash, a reference (`@`) or the name of an archive, pip looks
/// for a path first, even where an address follows.
fn is_package(line: &str) -> bool {
    // pip ends the requirement at the first word with a hyphen.
    let options = line.find(" -").map_or("", |at| line.get(at..).unwrap_or_default());
    let is_hash = |word: &str| {
        let hash = word.strip_prefix("--hash=").and_then(|hash| hash.split_once(':'));
        hash.is_some_and(|(kind, hex)| [kind, hex].iter().all(|part| part.chars().all(|c| c.is_ascii_alphanumeric())))
    };
    let requirement = line.strip_suffix(options).unwrap_or(line).split(';').next().unwrap_or_default();
    let lower = requirement.to_ascii_lowercase();
    const ARCHIVES: [&str; 11] = [".whl", ".zip", ".tar", ".tgz", ".tbz", ".txz", ".tlz", ".gz", ".bz", ".xz", ".lz"];
    requirement.starts_with(|c: char| c.is_ascii_alphanumeric())
        && requirement.chars().all(|c| c.is_ascii_alphanumeric() || "._-[],<>=!~*+() ".contains(c))
        && !ARCHIVES.iter().any(|archive| lower.contains(archive))
        && options.split(' ').filter(|word| !word.is_empty()).all(is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_an_index_are_known() {
        let plain = "# tools — with \\\n-r base.txt\r\n--constraint=../constraints.txt # why\n\
                     pytest>=7 ; python_version > '3'\nflask[async]==3.* \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd # why\n\
                     --index-url https://index.invalid/simple\n-i https://index.invalid:8080/simple/\n--pre\n\
                     --only-binary :all:\n--trusted-host=index.invalid\nname ~= 2.2, !=2.3\n  six\n\nlast \\";
        let files = ["base.txt", "../constraints.txt"].map(str::to_owned).to_vec();
        assert_eq!(super::files(plain), Some(files));
    }

    #[test]
    fn what_may_reach_into_the_tree_is_not() {
        for content in [
            "-e .",
            "--editable=.",
            "./other",
            "libraries/other",
            "other.whl",
            "other==1.tar.LZMA",
            "other.tbz",
            "other[extra].zip",
            "other @ file:///work/tree/other",
            // pip looks for the folder `other @ https:` first.
            "other @ https://files.invalid/other",
            "other@./other",
            "https://files.invalid/other.whl",
            "file:other",
            "fil\\\ne:other",
            "# a comment \\\n-e .",
            "six # a comment\n-e .",
            "six \\\n# a comment\n-e .",
            "-f wheels",
            "--find-links wheels",
            "--pre --find-links ./wheels",
            "--pre -e ./x",
            "--pre=1",
            "--prefer-binar",
            "six --pre",
            "six --hash=sha256:ab -e x",
            "six --hash=sha256:ab/../x",
            "--hash=sha256:ab",
            "-i ./simple",
            "-i./simple",
            "--extra-index-url simple",
            "--extra-index-url=simple",
            "--extra-index-url https://index.invalid/simple -e .",
            "--index-url http://index.invalid/simple",
            "--index-url file:///work/tree/simple",
            "--index-url https://user:password@index.invalid/simple",
            "--index-url 'https://index.invalid/simple'",
            "--index-url",
            "-r",
            "-rbase.txt",
            "-r base.txt other.txt",
            "-r https://files.invalid/a.txt",
            "--config-settings=a=b",
            "--use-feature=fast-deps",
            "${NAME}",
            "six\u{2028}-e .",
            "six\u{c}-e .",
            "six\r-e .",
            "six\t-e .",
            "six\u{a0}",
            "# coding: utf-7\n+AC0-e .",
            "\u{feff}six",
            "caf\u{fffd}",
        ] {
            assert_eq!(files(content), None, "{content:?}");
        }
    }
}
