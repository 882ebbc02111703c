//! The two repositories: made on the spot, and really broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// The branch that both are on.
pub(crate) const BRANCH: &str = "main";

/// A repository whose CI fails.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) name: &'static str,
    pub(crate) story: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What its CI printed.
    pub(crate) log: &'static str,
}

pub(crate) const ALL: &[&Broken] = &[&MISSING_DEPENDENCY, &UNUSED_IMPORTS];

const MISSING_DEPENDENCY: Broken = Broken {
    name: "missing-dependency",
    story: "the code imports yaml, and nobody declared PyYAML",
    files: &[
        (
            "pyproject.toml",
            "[project]\nname = \"menu\"\nversion = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [\n    \"iniconfig>=2\",  # reads settings.ini\n]\n",
        ),
        ("settings.ini", "[menu]\nfile = menu.yml\n"),
        (
            "menu/__init__.py",
            "import iniconfig\nimport yaml\n\n\ndef dishes(text):\n    \"\"\"The names of the dishes, cheapest first.\"\"\"\n    menu = yaml.safe_load(text)\n    return sorted(menu, key=menu.get)\n\n\ndef menu_file():\n    return iniconfig.IniConfig(\"settings.ini\")[\"menu\"][\"file\"]\n",
        ),
        ("tests/__init__.py", ""),
        (
            "tests/test_menu.py",
            "import unittest\n\nimport menu\n\n\nclass MenuTest(unittest.TestCase):\n    def test_cheapest_first(self):\n        self.assertEqual(menu.dishes(\"soup: 4\\nbread: 1\\n\"), [\"bread\", \"soup\"])\n\n    def test_settings_name_the_file(self):\n        self.assertEqual(menu.menu_file(), \"menu.yml\")\n",
        ),
    ],
    log: "2026-03-02T09:14:07.1183021Z ##[group]Run python -m unittest discover\n\
          2026-03-02T09:14:07.4410931Z E\n\
          2026-03-02T09:14:07.4412200Z ======================================================================\n\
          2026-03-02T09:14:07.4413107Z ERROR: tests.test_menu (unittest.loader._FailedTest.tests.test_menu)\n\
          2026-03-02T09:14:07.4414418Z ----------------------------------------------------------------------\n\
          2026-03-02T09:14:07.4415290Z ImportError: Failed to import test module: tests.test_menu\n\
          2026-03-02T09:14:07.4416013Z Traceback (most recent call last):\n\
          2026-03-02T09:14:07.4418846Z   File \"/builds/team/menu/menu/__init__.py\", line 2, in <module>\n\
          2026-03-02T09:14:07.4419571Z     import yaml\n\
          2026-03-02T09:14:07.4420342Z ModuleNotFoundError: No module named 'yaml'\n\
          2026-03-02T09:14:07.4421160Z Ran 2 tests in 0.000s\n\
          2026-03-02T09:14:07.4421871Z FAILED (errors=2)\n\
          2026-03-02T09:14:07.4533610Z ##[error]Process completed with exit code 1.\n",
};

const UNUSED_IMPORTS: Broken = Broken {
    name: "unused-imports",
    story: "the lint step finds imports that nobody uses",
    files: &[
        ("setup.cfg", "[flake8]\nmax-line-length = 100\n"),
        (
            "ledger/report.py",
            "import os, json\nfrom typing import (\n    Dict,  # account to balance\n    List,\n    Optional,\n)\n\n\ndef as_json(balances: Dict[str, int]) -> str:\n    return json.dumps(balances, sort_keys=True)\n\n\ndef overdrawn(balances: Dict[str, int]) -> List[str]:\n    return [name for name, balance in balances.items() if balance < 0]\n",
        ),
        ("ledger/__init__.py", ""),
        ("tests/__init__.py", ""),
        (
            "tests/test_report.py",
            "import unittest\n\nfrom ledger import report\n\n\nclass ReportTest(unittest.TestCase):\n    def test_overdrawn(self):\n        self.assertEqual(report.overdrawn({\"rent\": -3, \"pay\": 9}), [\"rent\"])\n",
        ),
    ],
    log: "2026-03-02T10:02:41.7730118Z ##[group]Run flake8 .\n\
          2026-03-02T10:02:42.0912270Z ./ledger/report.py:1:1: F401 'os' imported but unused\n\
          2026-03-02T10:02:42.0913304Z ./ledger/report.py:1:10: E401 multiple imports on one line\n\
          2026-03-02T10:02:42.0914117Z ./ledger/report.py:2:1: F401 'typing.Optional' imported but unused\n\
          2026-03-02T10:02:42.1023518Z ##[error]Process completed with exit code 1.\n",
};

impl Broken {
    /// Makes the bare repository in `home`, with one commit.
    pub(crate) fn create(&self, home: &Path) -> Result<PathBuf, Error> {
        let (origin, checkout) =
            (home.join(format!("{}.git", self.name)), home.join(format!("{}-checkout", self.name)));
        for (path, text) in self.files {
            let file = checkout.join(path);
            fs::create_dir_all(file.parent().unwrap_or(&checkout))?;
            fs::write(file, text)?;
        }
        git(home, &["init", "--quiet", "--bare", "--initial-branch", BRANCH, &origin.to_string_lossy()])?;
        git(&checkout, &["init", "--quiet", "--initial-branch", BRANCH])?;
        git(&checkout, &["add", "--all"])?;
        git(&checkout, &["commit", "--quiet", "--message", "Begin"])?;
        git(&checkout, &["push", "--quiet", &origin.to_string_lossy(), BRANCH])?;
        fs::remove_dir_all(&checkout)?;
        Ok(origin)
    }
}

/// Runs git as nobody in particular, at a fixed time, so that every quickstart makes the same commits.
fn git(directory: &Path, args: &[&str]) -> Result<(), Error> {
    let output = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A Developer")
        .env("GIT_AUTHOR_EMAIL", "developer@localhost")
        .env("GIT_AUTHOR_DATE", "1772442000 +0000")
        .env("GIT_COMMITTER_NAME", "A Developer")
        .env("GIT_COMMITTER_EMAIL", "developer@localhost")
        .env("GIT_COMMITTER_DATE", "1772442000 +0000")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}
