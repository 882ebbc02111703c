//! Changes of binary files: recognised whole, so that nothing can hide behind one.

use fix_plan::RepoPath;

use super::read::{DiffError, FileDiff, Reader, pair, spellings};

impl Reader<'_> {
    /// Reads what git writes for a binary file; false when there is none of it.
    pub(super) fn binary(&mut self, file: &FileDiff) -> Result<bool, DiffError> {
        if let Some(names) = self.next_if("Binary files ") {
            return if names_are(names, file) {
                Ok(true)
            } else {
                Err(self.error("names other files than the headers"))
            };
        }
        if self.next_line_if("GIT binary patch").is_none() {
            return Ok(false);
        }
        // Forward, and perhaps back.
        if !self.block()? {
            return Err(self.error_ahead("expected the content of a binary file"));
        }
        self.block()?;
        Ok(true)
    }

    /// `literal 12`, lines of base 85, an empty line.
    fn block(&mut self) -> Result<bool, DiffError> {
        let Some(size) = self.next_if("literal ").or_else(|| self.next_if("delta ")) else { return Ok(false) };
        if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.error("is no size of a binary file"));
        }
        let mut lines = 0;
        while let Some(line) = self.next_if("") {
            if line.is_empty() && lines > 0 {
                return Ok(true);
            }
            lines += 1;
            if !is_base_85(line.as_bytes()) {
                return Err(self.error("is no content of a binary file"));
            }
        }
        Err(self.error("the content of a binary file is cut short"))
    }
}

/// `a/x and b/x differ`
fn names_are(names: &str, file: &FileDiff) -> bool {
    let side = |prefix, path: Option<&RepoPath>| {
        path.map_or_else(|| ["/dev/null".to_owned(), String::new()], |path| spellings(prefix, path))
    };
    let Some(names) = names.strip_suffix(" differ") else { return false };
    let new = side("b/", file.new_path.as_ref());
    side("a/", file.old_path.as_ref()).iter().any(|old| new.iter().any(|new| pair(names, old, " and ", new)))
}

/// A letter for the number of bytes, and five signs for each four of them.
fn is_base_85(line: &[u8]) -> bool {
    const SIGNS: &[u8] = b"!#$%&()*+-;<=>?@^_`{|}~";
    let of_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || SIGNS.contains(byte);
    let Some((length, groups)) = line.split_first() else { return false };
    let bytes = match length {
        b'A'..=b'Z' => length - b'A' + 1,
        b'a'..=b'z' => length - b'a' + 27,
        _ => return false,
    };
    groups.len() == usize::from(bytes.div_ceil(4)) * 5 && groups.iter().all(of_alphabet)
}
