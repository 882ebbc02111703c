//! What this process holds and nobody is told: where it comes from, and how it is kept out of logs.

use std::path::Path;

use fix_plan::Redactor;

use super::{AbsolutePath, Config, ConfigError};

/// Where this process may have secrets.
pub(super) const VARIABLES: [&str; 6] = [
    "FIX_GITHUB_TOKEN",
    "FIX_GIT_PASSWORD",
    "FIX_STORE_URL",
    "FIX_MODEL_API_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
];

/// Longest secret, and longest policy, that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Config {
    /// Takes out of logs what looks like a secret, and what this process itself holds: keys, tokens, passwords.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        let files = [
            &self.model.key_file,
            &self.github.token_file,
            &self.github.private_key_file,
            &self.repositories.password_file,
            &self.store.url_file,
        ];
        let held = files.into_iter().flatten().filter_map(|file| secret_file(file).ok());
        let variables = VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
        let mut secrets: Vec<String> = held.chain(variables).map(|secret| secret.trim().to_owned()).collect();
        // The password of a URL alone, too.
        let password = |url: &String| {
            let (_, rest) = url.split_once("://")?;
            let (_, password) = rest.split_once('@')?.0.split_once(':')?;
            Some(password.to_owned())
        };
        let passwords: Vec<String> = secrets.iter().filter_map(password).collect();
        secrets.extend(passwords);
        Redactor::new(secrets.iter().filter(|secret| !secret.is_empty()))
    }
}

/// What `file` holds, else what the variable does; without blanks around it.
pub(super) fn secret(variable: &str, file: Option<&AbsolutePath>) -> Result<Option<String>, ConfigError> {
    match file {
        Some(file) => secret_file(file).map(Some),
        None => {
            Ok(std::env::var(variable).ok().map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty()))
        }
    }
}

/// What it holds, without blanks around it.
pub(super) fn secret_file(file: &AbsolutePath) -> Result<String, ConfigError> {
    use std::os::unix::fs::PermissionsExt as _;
    let unreadable = |source: std::io::Error| ConfigError::Secret { file: file.as_path().to_owned(), source };
    let mode = file.as_path().metadata().map_err(unreadable)?.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(unreadable(std::io::Error::other("others may write to it; take that away with chmod go-w")));
    }
    let bytes = read_file(file.as_path()).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable(std::io::Error::other("it is no text")))?;
    Ok(text.trim().to_owned())
}

/// A regular file, up to the most that is read.
pub(super) fn read_file(file: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > FILE_BYTES_MAX) {
        return Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
