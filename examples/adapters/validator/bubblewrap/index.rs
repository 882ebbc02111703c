//! How pip reaches its package index here: what a check may know of it.

use std::fs;

use super::outlet::{PrepareHosts, Routes};

/// The system's settings of pip. They may hold passwords, so that no sandbox sees the file.
const FILE: &str = "/etc/pip.conf";

/// What is passed on of them, as pip calls it, and as its environment does.
const SETTINGS: [(&str, &str); 6] = [
    ("index-url", "PIP_INDEX_URL"),
    ("extra-index-url", "PIP_EXTRA_INDEX_URL"),
    ("trusted-host", "PIP_TRUSTED_HOST"),
    ("timeout", "PIP_DEFAULT_TIMEOUT"),
    ("default-timeout", "PIP_DEFAULT_TIMEOUT"),
    ("cert", "PIP_CERT"),
];

/// What is passed on of this process's environment.
const VARIABLES: [&str; 6] =
    ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_CERT", "SSL_CERT_FILE"];

/// The environment that tells pip its index, without credentials: that of this process, which pip heeds first, and
/// the system's settings.
pub(super) fn settings() -> Vec<(&'static str, String)> {
    let mut settings: Vec<_> = VARIABLES.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))).collect();
    let given: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
    let file = fs::read_to_string(FILE).unwrap_or_default();
    settings.extend(of_file(&file).into_iter().filter(|(name, _)| !given.contains(name)));
    settings.retain(|(_, value)| is_public(value));
    settings
}

/// The ways out of preparing: to `hosts` and the index, by this machine's proxies where it has any.
pub(super) fn routes(hosts: PrepareHosts) -> Routes {
    let settings = settings();
    let urls =
        settings.iter().filter(|(name, _)| name.ends_with("INDEX_URL")).flat_map(|(_, urls)| urls.split_whitespace());
    let first = |names: &[&str]| {
        let mut said = names.iter().filter_map(|name| std::env::var(name).ok());
        said.find(|value| !value.is_empty()).unwrap_or_default()
    };
    let plain = first(&["PIP_PROXY", "http_proxy", "HTTP_PROXY"]);
    let tunnel = first(&["PIP_PROXY", "https_proxy", "HTTPS_PROXY"]);
    Routes::new(hosts, urls).through(&plain, &tunnel, &first(&["no_proxy", "NO_PROXY"]))
}

/// An address may carry a user with a password, or a token as its query.
fn is_public(value: &str) -> bool {
    !value.contains(['@', '?'])
}

/// What a file of pip's settings says to `pip install`, as environment. Several values are parted by blanks.
fn of_file(text: &str) -> Vec<(&'static str, String)> {
    // The section, the setting, and its value.
    let mut read: Vec<(String, String, String)> = Vec::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.split(']').next().unwrap_or_default().to_owned();
            read.push((section.clone(), String::new(), String::new()));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, _, value)) = read.last_mut() {
                *value = format!("{value} {}", line.trim()).trim().to_owned();
            }
        } else if let Some((name, value)) = line.split_once(['=', ':']) {
            let name = name.trim().to_lowercase().replace('_', "-");
            read.push((section.clone(), name, value.trim().to_owned()));
        }
    }
    let mut settings: Vec<(&'static str, String)> = Vec::new();
    for (name, variable) in SETTINGS {
        let said = |section: &str| {
            let mut said = read.iter().rev().filter(|(of, setting, _)| of == section && setting == name);
            said.next().map(|(_, _, value)| value.clone()).filter(|value| !value.is_empty())
        };
        if let Some(value) = said("install").or_else(|| said("global")) {
            settings.push((variable, value));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_an_index_are_read_and_nothing_else() {
        let text = "# index-url = https://comment.invalid\n[global]\nindex-url = https://global.invalid/simple\n\
                    trusted_host: one.invalid\n\ttwo.invalid\n  ; no.invalid\ncert = /etc/ssl/certs/ca.crt\nfind-links = /wheels\n\
                    proxy=\n[install]\nIndex-Url=https://install.invalid/simple\n[download]\ntimeout = 3\n";
        let read = of_file(text);
        let expected = [
            ("PIP_INDEX_URL", "https://install.invalid/simple"),
            ("PIP_TRUSTED_HOST", "one.invalid two.invalid"),
            ("PIP_CERT", "/etc/ssl/certs/ca.crt"),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn what_holds_a_secret_is_kept_back() {
        let text = "[global]\nextra-index-url =\n  https://open.invalid/simple\n  https://user:password@index.invalid/simple\n";
        let [(name, value)] = &of_file(text)[..] else { panic!() };
        assert_eq!(*name, "PIP_EXTRA_INDEX_URL");
        assert!(!is_public(value), "{value}");
        assert!(!is_public("https://index.invalid/simple?token=secret"));
        assert!(is_public("https://index.invalid:8080/simple/ https://other.invalid"));
    }
}
