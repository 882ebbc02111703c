//! The extended header lines of a file: its modes, and what it is made of.

use fix_plan::RepoPath;

use super::read::{DiffError, FileMode, Reader};

/// The extended header lines, in the order in which git writes them.
const HEADER_KEYS: [&str; 11] = [
    "old mode ",
    "new mode ",
    "deleted file mode ",
    "new file mode ",
    "similarity index ",
    "dissimilarity index ",
    "copy from ",
    "copy to ",
    "rename from ",
    "rename to ",
    "index ",
];

/// The extended header lines of one file.
#[derive(Default)]
pub(super) struct Header {
    pub(super) old_mode: Option<FileMode>,
    pub(super) new_mode: Option<FileMode>,
    pub(super) created: bool,
    pub(super) deleted: bool,
    pub(super) from: Option<RepoPath>,
    pub(super) to: Option<RepoPath>,
    pub(super) copied: bool,
    /// How much of the old file a renamed or copied one keeps, in percent.
    pub(super) similarity: Option<u8>,
    /// Whether there is an `index` line.
    pub(super) index: bool,
}

impl Reader<'_> {
    pub(super) fn header(&mut self) -> Result<Header, DiffError> {
        let mut header = Header::default();
        // Each key at most once, in git's order: of two that differ, readers could believe either.
        for key in HEADER_KEYS {
            let Some(value) = self.next_if(key) else { continue };
            match key {
                "old mode " => header.old_mode = Some(self.mode(value)?),
                "new mode " => {
                    let mode = Some(self.mode(value)?);
                    // Git sets it all the same, whatever the file has.
                    if header.old_mode == mode {
                        return Err(self.error("a mode changes to itself"));
                    }
                    header.new_mode = mode;
                }
                "deleted file mode " => (header.deleted, header.old_mode) = (true, Some(self.mode(value)?)),
                "new file mode " => (header.created, header.new_mode) = (true, Some(self.mode(value)?)),
                "copy from " => (header.copied, header.from) = (true, Some(self.path(value)?)),
                "rename from " if header.from.is_none() => header.from = Some(self.path(value)?),
                "copy to " if header.copied => header.to = Some(self.path(value)?),
                "rename to " if !header.copied => header.to = Some(self.path(value)?),
                "index " => self.index(value, &mut header)?,
                "similarity index " => header.similarity = Some(self.percentage(value)?),
                "dissimilarity index " => drop(self.percentage(value)?),
                _ => return Err(self.error("a file is copied and renamed")),
            }
        }
        if (header.old_mode.is_some() != header.new_mode.is_some()) != (header.created || header.deleted) {
            return Err(self.error("one mode without the other"));
        }
        if header.created && header.deleted || header.from.is_some() != header.to.is_some() {
            return Err(self.error("the headers of the file contradict each other"));
        }
        if (header.created || header.deleted) && header.from.is_some() {
            return Err(self.error("a file is created or deleted, and renamed"));
        }
        if header.similarity.is_some() != header.from.is_some() {
            return Err(self.error("a rename or a copy, and a line on similarity, come together or not at all"));
        }
        Ok(header)
    }

    /// `index 1234..5678 100644`: the mode, when the file has one.
    fn index(&self, index: &str, header: &mut Header) -> Result<(), DiffError> {
        let (ids, mode) = index.split_once(' ').map_or((index, None), |(ids, mode)| (ids, Some(mode)));
        let id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !ids.split_once("..").is_some_and(|(old, new)| id(old) && id(new)) {
            return Err(self.error("is no index line"));
        }
        header.index = true;
        if let Some(mode) = mode {
            // Git names a mode here only when it names none above.
            if header.old_mode.is_some() || header.new_mode.is_some() {
                return Err(self.error("the headers name the mode of the file twice"));
            }
            let mode = self.mode(mode)?;
            header.old_mode = Some(mode);
            header.new_mode = Some(mode);
        }
        Ok(())
    }

    fn percentage(&self, value: &str) -> Result<u8, DiffError> {
        let number = value.strip_suffix('%').and_then(|text| text.parse::<u8>().ok().zip(Some(text)));
        // One spelling only: `+5%` and `05%` are numbers to some.
        match number.filter(|(number, text)| *number <= 100 && number.to_string() == *text) {
            Some((number, _)) => Ok(number),
            None => Err(self.error("is no percentage")),
        }
    }

    fn mode(&self, mode: &str) -> Result<FileMode, DiffError> {
        match mode {
            "100644" => Ok(FileMode::Regular),
            "100755" => Ok(FileMode::Executable),
            "120000" => Ok(FileMode::Symlink),
            "160000" => Ok(FileMode::Submodule),
            _ => Err(self.error("is no mode of git")),
        }
    }
}
