//! The configuration of a command: the file, the environment, flags.

use std::path::{Path, PathBuf};

use fix_adapters::config::{Config, ConfigError};
use fix_adapters::terminal::with_causes;

use crate::args::{AdapterArgs, ModelArgs};
use crate::io::CliError;

/// Where the configuration comes from, but for flags of a command's own.
#[derive(Debug)]
pub(crate) struct Source {
    file: Option<PathBuf>,
    set: Vec<(String, Vec<String>)>,
}

impl Source {
    /// From `file`, or from the usual one where it is there; and from `KEY=VALUE` pairs.
    pub(crate) fn new(file: Option<PathBuf>, set: &[String]) -> Result<Self, CliError> {
        let variable = std::env::var_os("FIX_CONFIG").filter(|file| !file.is_empty());
        // Named is needed; usual is welcome.
        let file = file.or(variable.map(PathBuf::from)).or_else(|| Config::usual_file().filter(|file| file.is_file()));
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.trim().to_owned(), vec![value.to_owned()])),
            _ => Err(CliError::unusable(format!(
                "--set takes KEY=VALUE, such as sandbox.kind=container, and not {text:?}"
            ))),
        };
        Ok(Self { file, set: set.iter().map(pair).collect::<Result<_, _>>()? })
    }

    /// The file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The configuration, with these flags before all else.
    pub(crate) fn load(&self, flags: Flags) -> Result<Config, CliError> {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            // What is no text is none of ours.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let all = self.set.iter().cloned().chain(flags.0).collect();
        Config::load(self.file(), environment, all).map_err(unusable)
    }
}

/// Keys that flags of a command set.
#[derive(Debug, Default)]
pub(crate) struct Flags(Vec<(String, Vec<String>)>);

impl Flags {
    pub(crate) fn of_adapters(args: &AdapterArgs) -> Result<Self, CliError> {
        let mut flags = Self::of_model(&args.model);
        if !args.check.is_empty() {
            flags.0.push(("checks.commands".to_owned(), args.check.clone()));
        }
        if let Some(image) = &args.container {
            flags.push("sandbox.kind", "container");
            flags.push("container.image", image);
        }
        flags.github(args.github.as_deref());
        flags.policy(args.policy.as_deref())?;
        flags.store(args.store.as_deref())?;
        Ok(flags)
    }

    pub(crate) fn of_model(args: &ModelArgs) -> Self {
        let mut flags = Self::default();
        let seconds = |seconds: Option<u64>| seconds.map(|seconds| seconds.to_string());
        for (key, value) in [
            ("model.name", args.model.clone()),
            ("model.url", args.model_url.clone()),
            ("model.total_s", seconds(args.model_total)),
            ("model.idle_s", seconds(args.model_idle)),
        ] {
            if let Some(value) = value {
                flags.push(key, &value);
            }
        }
        flags
    }

    pub(crate) fn of_store(store: Option<&Path>) -> Result<Self, CliError> {
        let mut flags = Self::default();
        flags.store(store)?;
        Ok(flags)
    }

    pub(crate) fn github(&mut self, repository: Option<&str>) {
        if let Some(repository) = repository {
            self.push("pull_requests.kind", "github");
            self.push("github.repository", repository);
        }
    }

    pub(crate) fn policy(&mut self, policy: Option<&Path>) -> Result<(), CliError> {
        if let Some(policy) = policy {
            self.push("policy.file", &absolute(policy)?);
        }
        Ok(())
    }

    fn store(&mut self, store: Option<&Path>) -> Result<(), CliError> {
        if let Some(store) = store {
            self.push("store.kind", "sqlite");
            self.push("store.file", &absolute(store)?);
        }
        Ok(())
    }

    fn push(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), vec![value.to_owned()]));
    }
}

/// A path of a flag is one from where the command runs.
fn absolute(path: &Path) -> Result<String, CliError> {
    let absolute = std::path::absolute(path);
    let absolute = absolute.map_err(|error| CliError::unusable(format!("{} is no path: {error}", path.display())))?;
    absolute
        .into_os_string()
        .into_string()
        .map_err(|path| CliError::unusable(format!("{} is not UTF-8; give another path", Path::new(&path).display())))
}

/// What a configuration lacks is mended by whoever runs the command, what fails in an adapter is not.
pub(crate) fn unusable(error: ConfigError) -> CliError {
    match error.adapter() {
        Some(_) => {
            CliError::failed("something that is configured does not work; `fix doctor` looks at everything", &error)
        }
        None => CliError::unusable(with_causes(&error)),
    }
}
