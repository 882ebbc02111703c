//! What secrets look like, as data.
//!
//! The formats are public facts, told by each service's own documentation; the rule set
//! of gitleaks (MIT) is a good list of them.

use super::command::Command;

/// A token that says by its first characters what it is.
pub(super) struct TokenRule {
    /// How it begins, case included.
    pub(super) prefix: &'static str,
    /// What is written in its place.
    pub(super) name: &'static str,
    /// What follows the prefix.
    pub(super) alphabet: Alphabet,
    /// The least number of characters that follow.
    pub(super) least: usize,
    /// Whether a letter or digit before it makes it something else.
    pub(super) bounded: bool,
}

/// The characters of a secret.
#[derive(Clone, Copy)]
pub(super) enum Alphabet {
    /// `0-9a-fA-F`, and exactly as many as the rule says.
    HexExactly,
    /// `A-Z0-9`, and exactly as many as the rule says.
    UpperExactly,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `_` and `-`.
    Url,
    /// The same with `.`.
    UrlDotted,
    /// The same with `+`, `/`, `=` and `.`.
    Base64,
    /// All but white space, quotes, commas and semicolons.
    Word,
    /// All but what ends a value in code, in a shell or in a URL.
    Value,
    /// All but white space and quotes.
    Constant,
    /// All but what ends the authority of a URL.
    Authority,
    /// All but what ends the value of a cookie.
    Cookie,
    /// All but the end of the line, and quotes that may end it.
    Line,
    /// All but the end of the line and `<`.
    Element,
}

impl Alphabet {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Element as usize + 1;

    pub(super) fn holds(self, byte: u8) -> bool {
        match self {
            Self::HexExactly => byte.is_ascii_hexdigit(),
            Self::UpperExactly => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::UrlDotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'='),
            Self::Word => !byte.is_ascii_whitespace() && !b"\"'`,;\\".contains(&byte),
            Self::Value => !byte.is_ascii_whitespace() && !b"\"'`\\,;&<>()[]{}|".contains(&byte),
            Self::Constant => !byte.is_ascii_whitespace() && !b"\"'`".contains(&byte),
            Self::Authority => !byte.is_ascii_whitespace() && !b"/\"'<>\\`".contains(&byte),
            Self::Cookie => !byte.is_ascii_whitespace() && !b"\"';\\".contains(&byte),
            Self::Line => !b"\r\n'".contains(&byte),
            Self::Element => !b"\r\n<".contains(&byte),
        }
    }

    pub(super) fn is_exact(self) -> bool {
        matches!(self, Self::HexExactly | Self::UpperExactly)
    }
}

const fn token(prefix: &'static str, name: &'static str, alphabet: Alphabet, least: usize) -> TokenRule {
    TokenRule { prefix, name, alphabet, least, bounded: false }
}

const fn bounded(prefix: &'static str, name: &'static str, alphabet: Alphabet, least: usize) -> TokenRule {
    TokenRule { prefix, name, alphabet, least, bounded: true }
}

use Alphabet::{Alphanumeric, Base64, HexExactly, UpperExactly, Url, UrlDotted};

/// Tokens with a prefix of their own.
pub(super) const TOKENS: &[TokenRule] = &[
    token("ghp_", "github token", Alphanumeric, 30),
    token("gho_", "github token", Alphanumeric, 30),
    token("ghu_", "github token", Alphanumeric, 30),
    token("ghs_", "github token", Alphanumeric, 30),
    token("ghr_", "github token", Alphanumeric, 30),
    token("github_pat_", "github token", Url, 30),
    token("glpat-", "gitlab token", UrlDotted, 16),
    token("glptt-", "gitlab token", Url, 16),
    token("gldt-", "gitlab token", Url, 16),
    token("glrt-", "gitlab token", Url, 16),
    token("glcbt-", "gitlab token", Url, 16),
    token("glsoat-", "gitlab token", Url, 16),
    token("glft-", "gitlab token", Url, 16),
    token("glimt-", "gitlab token", Url, 16),
    token("glagent-", "gitlab token", Url, 16),
    token("gloas-", "gitlab token", Url, 16),
    token("xoxb-", "slack token", Url, 10),
    token("xoxa-", "slack token", Url, 10),
    token("xoxp-", "slack token", Url, 10),
    token("xoxr-", "slack token", Url, 10),
    token("xoxs-", "slack token", Url, 10),
    token("xoxe-", "slack token", Url, 10),
    token("xoxe.", "slack token", UrlDotted, 10),
    token("xapp-", "slack token", Url, 10),
    token("hooks.slack.com/services/", "slack webhook", Base64, 20),
    token("hooks.slack.com/workflows/", "slack webhook", Base64, 20),
    token("discord.com/api/webhooks/", "discord webhook", Base64, 20),
    bounded("AKIA", "aws access key", UpperExactly, 16),
    bounded("ASIA", "aws access key", UpperExactly, 16),
    bounded("ABIA", "aws access key", UpperExactly, 16),
    bounded("ACCA", "aws access key", UpperExactly, 16),
    token("AIza", "google api key", Url, 30),
    token("ya29.", "google token", UrlDotted, 20),
    token("GOCSPX-", "google client secret", Url, 20),
    token("sk-ant-", "model api key", Url, 20),
    token("sk-proj-", "model api key", Url, 20),
    token("sk-svcacct-", "model api key", Url, 20),
    token("sk-admin-", "model api key", Url, 20),
    token("sk-or-v1-", "model api key", Url, 20),
    bounded("sk-", "model api key", Alphanumeric, 32),
    token("gsk_", "model api key", Alphanumeric, 30),
    token("pplx-", "model api key", Alphanumeric, 30),
    token("xai-", "model api key", Alphanumeric, 40),
    bounded("hf_", "hugging face token", Alphanumeric, 28),
    token("api_org_", "hugging face token", Alphanumeric, 28),
    bounded("r8_", "replicate token", Alphanumeric, 30),
    token("sk_live_", "stripe key", Alphanumeric, 10),
    token("sk_test_", "stripe key", Alphanumeric, 10),
    token("sk_prod_", "stripe key", Alphanumeric, 10),
    token("rk_live_", "stripe key", Alphanumeric, 10),
    token("rk_test_", "stripe key", Alphanumeric, 10),
    token("rk_prod_", "stripe key", Alphanumeric, 10),
    token("whsec_", "webhook secret", Base64, 20),
    token("npm_", "npm token", Alphanumeric, 30),
    token("pypi-Ag", "pypi token", Url, 40),
    token("rubygems_", "rubygems token", Alphanumeric, 40),
    token("dop_v1_", "digitalocean token", Alphanumeric, 40),
    token("doo_v1_", "digitalocean token", Alphanumeric, 40),
    token("dor_v1_", "digitalocean token", Alphanumeric, 40),
    token("dckr_pat_", "docker token", Url, 20),
    token("dckr_oat_", "docker token", Url, 20),
    bounded("dapi", "databricks token", HexExactly, 32),
    token("dp.pt.", "doppler token", Alphanumeric, 30),
    token("dp.st.", "doppler token", UrlDotted, 30),
    token("dp.ct.", "doppler token", Alphanumeric, 30),
    token("dp.sa.", "doppler token", Alphanumeric, 30),
    token("dp.scim.", "doppler token", Alphanumeric, 30),
    token("dp.audit.", "doppler token", Alphanumeric, 30),
    token("AGE-SECRET-KEY-1", "age key", Alphanumeric, 50),
    token("lin_api_", "linear key", Alphanumeric, 30),
    token("lin_oauth_", "linear key", Alphanumeric, 30),
    token("shpat_", "shopify token", Alphanumeric, 30),
    token("shpca_", "shopify token", Alphanumeric, 30),
    token("shppa_", "shopify token", Alphanumeric, 30),
    token("shpss_", "shopify token", Alphanumeric, 30),
    bounded("SG.", "sendgrid key", UrlDotted, 40),
    bounded("SK", "twilio key", HexExactly, 32),
    token("sntrys_", "sentry token", Base64, 40),
    token("sntryu_", "sentry token", Alphanumeric, 40),
    token("hvs.", "vault token", Url, 24),
    token("hvb.", "vault token", Url, 24),
    token("hvr.", "vault token", Url, 24),
    token("glsa_", "grafana token", Url, 30),
    token("glc_eyJ", "grafana token", Base64, 30),
    token("ATATT3", "atlassian token", Base64, 40),
    token("ATCTT3", "atlassian token", Base64, 40),
    token("NRAK-", "new relic key", Alphanumeric, 20),
    token("PMAK-", "postman key", Url, 40),
    token("pul-", "pulumi token", HexExactly, 40),
    token("figd_", "figma token", Url, 30),
    token("ntn_", "notion token", Alphanumeric, 40),
    token("sbp_", "supabase token", HexExactly, 40),
    token("xkeysib-", "brevo key", Url, 40),
    token("dt0c01.", "dynatrace token", UrlDotted, 60),
    token("fo1_", "fly token", Url, 40),
    token("nfp_", "netlify token", Alphanumeric, 30),
    token("ops_eyJ", "1password token", Base64, 100),
    token("CFPAT-", "contentful token", Url, 40),
    token("sq0atp-", "square token", Url, 20),
    token("sq0csp-", "square secret", Url, 40),
    token("key-", "mailgun key", HexExactly, 32),
];

/// The name of a setting whose value is secret.
pub(super) struct SecretName {
    /// The name, without case; anything may stand before it (`PGPASSWORD`, `aws_secret_access_key`),
    /// and one of [`NAME_TAILS`] behind.
    pub(super) name: &'static str,
    /// Whether it is hardly ever the name of anything else: `token` is a word of parsers, too.
    pub(super) strong: bool,
}

const fn strong(name: &'static str) -> SecretName {
    SecretName { name, strong: true }
}

const fn weak(name: &'static str) -> SecretName {
    SecretName { name, strong: false }
}

/// Names of settings whose values are secret.
pub(super) const SECRET_NAMES: &[SecretName] = &[
    strong("password"),
    strong("passwd"),
    strong("passphrase"),
    strong("pwd"),
    strong("secret"),
    strong("secret_key"),
    strong("secretkey"),
    strong("secret-key"),
    strong("secret_access_key"),
    strong("client_secret"),
    weak("token"),
    strong("api_key"),
    strong("apikey"),
    strong("api-key"),
    strong("access_key"),
    strong("accesskey"),
    strong("access-key"),
    strong("account_key"),
    strong("accountkey"),
    strong("auth_key"),
    strong("authkey"),
    strong("encryption_key"),
    strong("signing_key"),
    strong("private_key"),
    strong("privatekey"),
    strong("private-key"),
    weak("credential"),
    weak("credentials"),
    weak("signature"),
    weak("sig"),
    strong("passcode"),
    strong("connection_string"),
    strong("sharedaccesskey"),
    strong("webhook_url"),
];

/// What may stand behind a [`SecretName`].
pub(super) const NAME_TAILS: &[&str] = &[
    "s",
    "_value",
    "-value",
    "_val",
    "_text",
    "_raw",
    "_base64",
    "_b64",
    "_base",
    "_old",
    "_new",
    "_prod",
    "_production",
    "_staging",
    "_dev",
    "_test",
    "_ci",
    "_default",
    "1",
    "2",
    "3",
    "_1",
    "_2",
    "_3",
];

/// What stands for a value that is not there, or says what the value is.
pub(super) const PLACEHOLDERS: &[&str] = &[
    "none",
    "null",
    "nil",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "undefined",
    "unset",
    "empty",
    "changeme",
    "example",
    "password",
    "secret",
    "token",
    "redacted",
    "hidden",
    "masked",
    "required",
    "optional",
    "default",
    "string",
    "str",
    "bytes",
];

/// Commands that take a password among their words.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("curl", Command::UserAndPassword),
    ("docker login", Command::Separate),
    ("podman login", Command::Separate),
    ("mysql", Command::Joined),
    ("mysqldump", Command::Joined),
    ("mysqladmin", Command::Joined),
    ("sshpass", Command::Either),
];
