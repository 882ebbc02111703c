//! Python identifiers, dotted names, and the way a plan names one import.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizer;

use crate::limits::{DOTTED_NAME_BYTES_MAX, IMPORT_LEVEL_MAX, NAME_BYTES_MAX};
use crate::package::ValueError;

/// One Python identifier that is no keyword, as spelled.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Identifier(String);

impl Identifier {
    /// The identifier as spelled. Python compares identifiers after NFKC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Identifier {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        let refuse = |problem: &str| Err(ValueError::new("identifier", name, problem));
        if name.len() > NAME_BYTES_MAX {
            return refuse("is longer than 128 bytes");
        }
        if name == "*" {
            return refuse("is a star import, whose names nobody listed; it can't be removed by name");
        }
        let normalized = ComposingNormalizer::new_nfkc().normalize(name);
        let mut characters = normalized.chars();
        let starts = characters.next().is_some_and(|c| c == '_' || unicode_ident::is_xid_start(c));
        if !starts || !characters.all(unicode_ident::is_xid_continue) {
            return refuse("is no Python identifier; write one bare name");
        }
        if KEYWORDS.contains(&&*normalized) {
            return refuse("is a Python keyword");
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identifiers joined by dots: `os.path`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DottedName(String);

impl DottedName {
    /// The name as spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    #[must_use]
    pub fn top_level(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }
}

impl FromStr for DottedName {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        if name.len() > DOTTED_NAME_BYTES_MAX {
            return Err(ValueError::new("module", name, "is longer than 255 bytes"));
        }
        for part in name.split('.') {
            if let Err(error) = part.parse::<Identifier>() {
                return Err(ValueError::new("module", name, error.problem()));
            }
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for DottedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands after `from`: leading dots, a module, or both.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FromModule {
    level: u32,
    module: Option<DottedName>,
}

impl FromModule {
    /// The number of leading dots; 0 for an absolute import.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.level
    }

    /// The module after the dots.
    #[must_use]
    pub fn module(&self) -> Option<&DottedName> {
        self.module.as_ref()
    }
}

impl FromStr for FromModule {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let name = text.trim_start_matches('.');
        let level = text.len() - name.len();
        if level > IMPORT_LEVEL_MAX {
            return Err(ValueError::new("module", text, "has too many leading dots"));
        }
        let module = match name {
            "" if level > 0 => None,
            name => Some(name.parse::<DottedName>().map_err(|error| ValueError::new("module", text, error.problem()))?),
        };
        if level == 0 && name == "__future__" {
            return Err(ValueError::new(
                "module",
                text,
                "is the future statement, which changes how the file is compiled; it can't be removed as unused",
            ));
        }
        Ok(Self { level: u32::try_from(level).unwrap_or(u32::MAX), module })
    }
}

impl fmt::Display for FromModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.level {
            f.write_str(".")?;
        }
        match &self.module {
            Some(module) => module.fmt(f),
            None => Ok(()),
        }
    }
}

/// The one binding that a removal means.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "Python has these two statements")]
pub enum ImportTarget {
    /// `import module` or `import module as alias`.
    Import {
        /// The module, with its dots.
        module: DottedName,
        /// The name after `as`.
        alias: Option<Identifier>,
    },
    /// `from module import name` or `from module import name as alias`.
    From {
        /// What stands after `from`.
        module: FromModule,
        /// The name after `import`.
        name: Identifier,
        /// The name after `as`.
        alias: Option<Identifier>,
    },
}

impl fmt::Display for ImportTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = match self {
            Self::Import { module, alias } => {
                write!(f, "import {module}")?;
                alias
            }
            Self::From { module, name, alias } => {
                write!(f, "from {module} import {name}")?;
                alias
            }
        };
        match alias {
            Some(alias) => write!(f, " as {alias}"),
            None => Ok(()),
        }
    }
}

/// Where to look when a binding is imported more than once.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct ImportLocator {
    /// The line of the name or of its statement, 1-based.
    pub line: Option<NonZeroU32>,
    /// Text that the statement holds.
    pub line_contains: Option<String>,
}

/// The hard keywords of Python 3.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// The modules of Python's standard library that no index lets anyone publish,
/// so that a dependency of that name can only be a mistake.
///
/// Left out are names that exist on package indexes as backports
/// (`dataclasses`, `typing`, `argparse`, …).
pub(crate) const STDLIB_ONLY: &[&str] = &[
    "abc",
    "array",
    "ast",
    "atexit",
    "base64",
    "bdb",
    "binascii",
    "bisect",
    "builtins",
    "bz2",
    "calendar",
    "cmath",
    "cmd",
    "code",
    "codecs",
    "codeop",
    "collections",
    "colorsys",
    "compileall",
    "concurrent",
    "contextlib",
    "copy",
    "copyreg",
    "cprofile",
    "csv",
    "ctypes",
    "curses",
    "datetime",
    "dbm",
    "decimal",
    "difflib",
    "dis",
    "distutils",
    "doctest",
    "email",
    "encodings",
    "ensurepip",
    "errno",
    "faulthandler",
    "fcntl",
    "filecmp",
    "fileinput",
    "fnmatch",
    "fractions",
    "ftplib",
    "functools",
    "gc",
    "genericpath",
    "getopt",
    "getpass",
    "gettext",
    "glob",
    "graphlib",
    "grp",
    "gzip",
    "heapq",
    "html",
    "http",
    "imaplib",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "lzma",
    "mailbox",
    "marshal",
    "math",
    "mimetypes",
    "mmap",
    "modulefinder",
    "msvcrt",
    "netrc",
    "ntpath",
    "numbers",
    "opcode",
    "operator",
    "os",
    "pickle",
    "pickletools",
    "pkgutil",
    "platform",
    "plistlib",
    "poplib",
    "posix",
    "posixpath",
    "pprint",
    "pstats",
    "pty",
    "pwd",
    "py-compile",
    "pyclbr",
    "pydoc",
    "pyexpat",
    "quopri",
    "random",
    "re",
    "readline",
    "reprlib",
    "resource",
    "rlcompleter",
    "runpy",
    "sched",
    "select",
    "selectors",
    "shelve",
    "shlex",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "stat",
    "string",
    "stringprep",
    "struct",
    "subprocess",
    "symtable",
    "sys",
    "sysconfig",
    "syslog",
    "tabnanny",
    "tempfile",
    "termios",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "tkinter",
    "token",
    "tokenize",
    "tomllib",
    "trace",
    "traceback",
    "tracemalloc",
    "tty",
    "turtle",
    "types",
    "unicodedata",
    "urllib",
    "venv",
    "warnings",
    "wave",
    "weakref",
    "webbrowser",
    "winreg",
    "winsound",
    "xml",
    "xmlrpc",
    "zipapp",
    "zipfile",
    "zipimport",
    "zlib",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_pythons() {
        for good in ["os", "_x", "données", "数"] {
            assert!(good.parse::<Identifier>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "a-b", "a b", "*", "class", "a.b", "os\0", "a\u{200b}", "os\u{2028}"] {
            assert!(bad.parse::<Identifier>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn modules_know_their_level() {
        let module: FromModule = "..a.b".parse().unwrap();
        assert_eq!((module.level(), module.module().unwrap().as_str()), (2, "a.b"));
        assert_eq!(".".parse::<FromModule>().unwrap().to_string(), ".");
        for bad in ["", "a.", "a..b", "a-b", ".a.", "__future__"] {
            assert!(bad.parse::<FromModule>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_standard_library_list_is_sorted_and_normalized() {
        assert!(STDLIB_ONLY.is_sorted());
        assert!(STDLIB_ONLY.iter().all(|name| crate::normalize_name(name) == *name));
    }
}
