//! Which adapters, and how they are set: a file, the environment, flags.
//!
//! [`EXAMPLE`] has every key, with its default and what it means.

mod adapters;
mod doctor;
mod keys;
mod secrets;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};
use fix_pipeline::AdapterError;
use serde::Deserialize;

pub use adapters::ConfiguredStore;
pub use doctor::Finding;
pub use keys::{
    AbsolutePath, ChecksKeys, CommitsKind, ContainerKeys, GitHubKeys, HostKey, ModelKeys, PolicyKeys, PullRequestsKeys,
    PullRequestsKind, RepositoriesKeys, SandboxKeys, SandboxKind, StoreKeys, StoreKind,
};

/// The file with every key, its default, and what it means.
pub const EXAMPLE: &str = include_str!("../../fix.toml");

/// The environment goes by this name, two underscores before each further part: `FIX_SANDBOX__KIND`.
const PREFIX: &str = "FIX";
const SEPARATOR: &str = "__";
/// The keys that hold lists, and their variables.
const LISTS: [(&str, &str); 2] =
    [("checks.commands", "FIX_CHECKS__COMMANDS"), ("sandbox.prepare_hosts", "FIX_SANDBOX__PREPARE_HOSTS")];
/// What the variables of the one key that holds a map begin with.
const MAP_VARIABLES: &str = "FIX_CONTAINER__PREPARE_ENVIRONMENT__";

/// Which adapters, and how they are set. Everything has a default; unknown keys are errors.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Who proposes plans.
    pub model: ModelKeys,
    /// What is allowed.
    pub policy: PolicyKeys,
    /// How a project is checked.
    pub checks: ChecksKeys,
    /// What holds the commands.
    pub sandbox: SandboxKeys,
    /// More about containers.
    pub container: ContainerKeys,
    /// Where pull requests are opened.
    pub pull_requests: PullRequestsKeys,
    /// More about GitHub.
    pub github: GitHubKeys,
    /// Where runs are kept.
    pub store: StoreKeys,
    /// Where mirrors of repositories are kept.
    pub repositories: RepositoriesKeys,
}

/// What can't be used of a configuration. The message names the key and where it was set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read, a key is unknown, or its value can't be used.
    #[error("the configuration can't be used; `fix config` prints every key")]
    Invalid(#[source] config::ConfigError),
    /// What was chosen needs more than was said, or something else.
    #[error("{problem}; {remedy}")]
    Incomplete {
        /// What is missing.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A secret can't be read.
    #[error("the secret in {} can't be read", file.display())]
    Secret {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was chosen can't be used as it is set.
    #[error("{0} can't be used as configured")]
    Adapter(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ConfigError {
    /// What failed in an adapter that is configured well: something is down, busy or missing.
    #[must_use]
    pub fn adapter(&self) -> Option<&AdapterError> {
        match self {
            Self::Adapter(_, cause) => cause.downcast_ref(),
            _ => None,
        }
    }
}

impl Config {
    /// Where the configuration is when nobody names a file: `$XDG_CONFIG_HOME/fix/fix.toml`. `None` without a home.
    #[must_use]
    pub fn usual_file() -> Option<PathBuf> {
        Some(adapters::home_folder("XDG_CONFIG_HOME", ".config")?.join("fix/fix.toml"))
    }

    /// Reads `file`, then `environment`, then `flags`: pairs of a key, such as `sandbox.kind`, and its values. What
    /// comes later goes before what came first. In the environment, the items of a list stand on lines of their own.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`]
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Vec<(String, Vec<String>)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = config::Config::builder();
        if let Some(file) = file {
            layers = layers.add_source(File::from(file).format(FileFormat::Toml));
        }
        let ours = |(name, _): &(String, String)| name.starts_with("FIX_") && name.contains(SEPARATOR);
        let mut prepare_environment = Vec::new();
        let mut environment: HashMap<String, String> = environment.into_iter().filter(ours).collect();
        // Names of variables keep their case, which the others lose.
        let of_prepare: Vec<_> = environment.keys().filter(|name| name.starts_with(MAP_VARIABLES)).cloned().collect();
        for name in of_prepare {
            if let (Some(value), Some(key)) = (environment.remove(&name), name.strip_prefix(MAP_VARIABLES)) {
                prepare_environment.push((key.to_owned(), value));
            }
        }
        for (list, variable) in LISTS {
            if let Some(lines) = environment.remove(variable) {
                let items: Vec<&str> = lines.lines().collect();
                layers = layers.set_override(list, items).map_err(ConfigError::Invalid)?;
            }
        }
        layers = layers.add_source(
            Environment::with_prefix(PREFIX).prefix_separator("_").separator(SEPARATOR).source(Some(environment)),
        );
        for (key, values) in flags {
            let set = match <[String; 1]>::try_from(values) {
                Ok([value]) if LISTS.iter().all(|(list, _)| *list != key) => layers.set_override(&key, value),
                // A list of nothing.
                Ok([value]) if value.is_empty() => layers.set_override(&key, Vec::<String>::new()),
                Ok(values) => layers.set_override(&key, values.to_vec()),
                Err(values) => layers.set_override(&key, values),
            };
            layers = set.map_err(ConfigError::Invalid)?;
        }
        let read = layers.build().and_then(config::Config::try_deserialize);
        let mut config: Self = read.map_err(ConfigError::Invalid)?;
        config.container.prepare_environment.extend(prepare_environment);
        config.check_ranges()?;
        Ok(config)
    }

    /// What can't work, and what no clock or machine can hold.
    fn check_ranges(&self) -> Result<(), ConfigError> {
        const DAY_S: u64 = 86_400;
        const PIB_MB: u64 = 1 << 30;
        let (sandbox, model, repositories) = (&self.sandbox, &self.model, &self.repositories);
        for (key, value, least, most) in [
            ("sandbox.wall_time_s", sandbox.wall_time_s, 1, DAY_S),
            ("sandbox.cpu_s", sandbox.cpu_s, 1, DAY_S),
            ("sandbox.cpu_millis", sandbox.cpu_millis.into(), 10, 1_000_000),
            ("sandbox.memory_mb", sandbox.memory_mb, 64, PIB_MB),
            ("sandbox.processes", sandbox.processes, 8, 1 << 22),
            ("sandbox.disk_mb", sandbox.disk_mb, 16, PIB_MB),
            ("sandbox.disk_files", sandbox.disk_files, 256, 1 << 40),
            ("sandbox.file_mb", sandbox.file_mb, 1, PIB_MB),
            ("sandbox.open_files", sandbox.open_files, 64, 1 << 20),
            ("sandbox.output_mb", sandbox.output_mb.into(), 1, 1_024),
            ("model.total_s", model.total_s, 1, DAY_S),
            ("model.idle_s", model.idle_s, 1, DAY_S),
            ("model.attempts", model.attempts.into(), 1, 100),
            ("checks.repeats", self.checks.repeats.get().into(), 1, 100),
            ("repositories.cache_mb", repositories.cache_mb, 1, PIB_MB),
            ("repositories.fetch_mb", repositories.fetch_mb, 1, PIB_MB),
            ("repositories.fetch_s", repositories.fetch_s, 1, DAY_S),
        ] {
            if !(least..=most).contains(&value) {
                let (problem, remedy) = (format!("{key} is {value}"), format!("set it to {least} to {most}"));
                return Err(ConfigError::Incomplete { problem, remedy });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::with_causes;

    fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, &[&str])]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fix.toml");
        std::fs::write(&path, file).unwrap();
        let owned = |text: &str| text.to_owned();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        let flags = flags.iter().map(|(key, values)| (owned(key), values.iter().map(|value| owned(value)).collect()));
        Config::load(Some(&path), environment, flags.collect()).map_err(|error| with_causes(&error))
    }

    /// What stands in the example without a value, with one.
    fn uncommented() -> String {
        let key = |line: &str| {
            line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        };
        EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|line| key(line)).unwrap_or(line).to_owned() + "\n")
            .collect()
    }

    #[test]
    fn the_example_says_what_is_so_without_it() {
        assert_eq!(load(EXAMPLE, &[], &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_example_has_every_key() {
        let all = uncommented();
        load(&all, &[], &[]).unwrap();
        // What a typing error says is known, is all there is.
        let known = |file: &str| -> Vec<String> {
            let said = load(file, &[], &[]).unwrap_err();
            let (_, known) = said.split_once("expected").unwrap();
            known.split('`').skip(1).step_by(2).take_while(|name| !name.contains('.')).map(ToOwned::to_owned).collect()
        };
        let document: toml_edit::DocumentMut = all.parse().unwrap();
        let sections = known("zzz = 1");
        assert_eq!(sections.len(), 9);
        for section in sections {
            for key in known(&format!("[{section}]\nzzz = 1")) {
                let is_there = key == section || document.get(&section).is_some_and(|table| table.get(&key).is_some());
                assert!(is_there, "[{section}] {key} is not in the example");
            }
        }
    }

    #[test]
    fn flags_go_before_the_environment_and_that_before_the_file() {
        let file = "[sandbox]\nprocesses = 101\nopen_files = 101\ncpu_s = 101\n";
        let environment = [("FIX_SANDBOX__PROCESSES", "102"), ("FIX_SANDBOX__OPEN_FILES", "102"), ("FIX_BLESS", "1")];
        let sandbox = load(file, &environment, &[("sandbox.processes", &["103"])]).unwrap().sandbox;
        assert_eq!((sandbox.processes, sandbox.open_files, sandbox.cpu_s), (103, 102, 101));
    }

    #[test]
    fn a_list_comes_from_anywhere() {
        let commands = |config: Config| config.checks.commands;
        assert_eq!(commands(load("[checks]\ncommands = ['a b', 'c']", &[], &[]).unwrap()), ["a b", "c"]);
        assert_eq!(commands(load("", &[("FIX_CHECKS__COMMANDS", "a b\nc")], &[]).unwrap()), ["a b", "c"]);
        assert_eq!(commands(load("", &[("FIX_CHECKS__COMMANDS", "true")], &[]).unwrap()), ["true"]);
        assert_eq!(commands(load("", &[], &[("checks.commands", &["a b"])]).unwrap()), ["a b"]);
        let hosts = |config: Config| config.sandbox.prepare_hosts;
        let named = |name: &str| HostKey::Named(name.parse().unwrap());
        assert_eq!(
            hosts(load("", &[("FIX_SANDBOX__PREPARE_HOSTS", "a\n*")], &[]).unwrap()),
            [named("a"), HostKey::Public]
        );
        assert_eq!(hosts(load("", &[], &[("sandbox.prepare_hosts", &["a:81"])]).unwrap()), [named("a:81")]);
        assert_eq!(hosts(load("[sandbox]\nprepare_hosts = []", &[], &[]).unwrap()), []);
        assert_eq!(hosts(load("", &[], &[("sandbox.prepare_hosts", &[""])]).unwrap()), []);
    }

    #[test]
    fn names_of_variables_keep_their_case() {
        let variable = ("FIX_CONTAINER__PREPARE_ENVIRONMENT__PIP_INDEX_URL", "https://packages.example");
        let config = load("[container]\nprepare_environment = { A = 'a' }", &[variable], &[]).unwrap();
        let names: Vec<_> = config.container.prepare_environment.into_iter().collect();
        let owned = |text: &str| text.to_owned();
        assert_eq!(names, [(owned("A"), owned("a")), (owned("PIP_INDEX_URL"), owned("https://packages.example"))]);
    }

    #[test]
    fn what_the_process_holds_is_redacted() {
        let folder = tempfile::tempdir().unwrap();
        let (token, url) = (folder.path().join("token"), folder.path().join("url"));
        std::fs::write(&token, "zq9plainvalueXYZ\n").unwrap();
        std::fs::write(&url, "postgres://fix:hunter2hunter@db/fix").unwrap();
        let text = format!("[github]\ntoken_file = {token:?}\n[store]\nurl_file = {url:?}\n");
        let redactor = load(&text, &[], &[]).unwrap().redactor();
        let redacted = redactor.redact("got zq9plainvalueXYZ and hunter2hunter");
        assert!(!redacted.contains("zq9plain") && !redacted.contains("hunter2"), "{redacted}");
    }

    #[test]
    fn text_stays_text_whatever_it_looks_like() {
        let model = load("", &[("FIX_MODEL__NAME", "7")], &[("github.repository", &["1/2"])]).unwrap();
        assert_eq!((model.model.name.as_deref(), model.github.repository.as_deref()), (Some("7"), Some("1/2")));
    }

    #[test]
    fn errors_name_the_key_and_the_place() {
        for (file, environment, said) in [
            ("[sandbox]\nprocesses = 'many'", [("", "")], ["sandbox.processes", "fix.toml"]),
            ("[sandbox]\nprepare_hosts = ['a b']", [("", "")], ["sandbox.prepare_hosts", "a b"]),
            ("[repositories]\nhost = 'https://a'", [("", "")], ["repositories.host", "https://a"]),
            ("[sandbox]\nkind = 'jail'", [("", "")], ["sandbox.kind", "jail"]),
            ("[sandbox]\nproceses = 1", [("", "")], ["proceses", "`processes`"]),
            ("[github]\ntoken = 'x'", [("", "")], ["token", "token_file"]),
            ("[store]\nfile = 'runs.sqlite3'", [("", "")], ["store.file", "absolute"]),
            ("[store\n", [("", "")], ["line 1", "fix.toml"]),
            ("[sandbox]\nwall_time_s = 9223372036854775807", [("", "")], ["sandbox.wall_time_s", "86400"]),
            ("[sandbox]\nmemory_mb = 0", [("", "")], ["sandbox.memory_mb", "64"]),
            ("", [("FIX_SANDBOX__PROCESSES", "many")], ["sandbox.processes", "environment"]),
            ("", [("FIX_SANDBOKS__KIND", "container")], ["sandboks", "`sandbox`"]),
        ] {
            let error = load(file, &environment, &[]).unwrap_err();
            assert!(said.iter().all(|said| error.contains(said)), "{file:?} {environment:?}: {error}");
        }
        let missing = Config::load(Some(Path::new("/nowhere/fix.toml")), [], Vec::new()).unwrap_err();
        assert!(with_causes(&missing).contains("nowhere/fix.toml"), "{missing:?}");
    }
}
