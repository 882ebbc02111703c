//! What a run proves, in a form that other tools read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::journal::hex_digest;
use crate::port::{CheckStatus, Phase, Report, Signature};
use crate::run::RunContext;

/// The proof of a run as an [in-toto test result](https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md):
/// which tree passed which commands, and that another failed them. The journal keeps it, and the text of the pull
/// request shows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Attestation {
    /// The in-toto statement, as compact JSON.
    pub statement: String,
    /// The SHA-256 of the statement.
    pub digest: String,
    /// The statement in a [DSSE envelope](https://github.com/secure-systems-lab/dsse), as compact JSON;
    /// absent without a [`Signer`](crate::Signer).
    pub envelope: Option<String>,
}

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

impl Attestation {
    /// States what `baseline` and `report` showed; the second one passed.
    pub(crate) fn new(
        run: &RunContext,
        diff_digest: &str,
        baseline: &Report,
        report: &Report,
    ) -> Result<Self, serde_json::Error> {
        let checks = report.commands.iter().filter(|command| command.phase == Phase::Check);
        let tree = Digest::of_tree(&report.tree).map(|digest| Resource { name: "tree".to_owned(), digest });
        let patch = Resource { name: "patch.diff".to_owned(), digest: Digest::Sha256(diff_digest.to_owned()) };
        let statement = Statement {
            r#type: STATEMENT_TYPE,
            subject: tree.into_iter().chain([patch]).collect(),
            predicate_type: PREDICATE_TYPE,
            predicate: TestResult {
                result: if report.status == CheckStatus::Passed { "PASSED" } else { "FAILED" },
                configuration: checks
                    .map(|check| Resource {
                        name: check.command.clone(),
                        digest: Digest::Sha256(hex_digest(check.command.as_bytes())),
                    })
                    .collect(),
                fix_run: run.run.to_string(),
                fix_base_commit: run.failure.commit.to_string(),
                fix_without_patch: Shown::of(baseline),
                fix_with_patch: Shown::of(report),
            },
        };
        let statement = serde_json::to_string(&statement)?;
        Ok(Self { digest: hex_digest(statement.as_bytes()), statement, envelope: None })
    }

    /// What is to be signed.
    pub(crate) fn message(&self) -> String {
        pre_authentication_encoding(&self.statement)
    }

    /// The same, signed.
    pub(crate) fn with_signature(self, signature: &Signature) -> Result<Self, serde_json::Error> {
        let envelope = Envelope {
            payload: BASE64.encode(&self.statement),
            payload_type: PAYLOAD_TYPE,
            signatures: [Signed { keyid: &signature.key_id, sig: BASE64.encode(&signature.bytes) }],
        };
        Ok(Self { envelope: Some(serde_json::to_string(&envelope)?), ..self })
    }
}

/// What DSSE signs: type and payload, each with its length before it.
fn pre_authentication_encoding(payload: &str) -> String {
    format!("DSSEv1 {} {PAYLOAD_TYPE} {} {payload}", PAYLOAD_TYPE.len(), payload.len())
}

#[derive(Serialize)]
struct Statement {
    #[serde(rename = "_type")]
    r#type: &'static str,
    subject: Vec<Resource>,
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: TestResult,
}

#[derive(Serialize)]
struct Resource {
    name: String,
    digest: Digest,
}

#[derive(Serialize)]
enum Digest {
    #[serde(rename = "gitTree")]
    GitTree(String),
    #[serde(rename = "sha256")]
    Sha256(String),
}

impl Digest {
    /// What a validator calls a tree, where that is a digest of it: the id of a git tree, or `sha256:` and
    /// its digits. Any other name says nothing of the content, and makes no subject.
    fn of_tree(tree: &str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match tree.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 && is_hex(digits) => Some(Self::Sha256(digits.to_owned())),
            None if matches!(tree.len(), 40 | 64) && is_hex(tree) => Some(Self::GitTree(tree.to_owned())),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct TestResult {
    result: &'static str,
    configuration: Vec<Resource>,
    #[serde(rename = "fixRun")]
    fix_run: String,
    #[serde(rename = "fixBaseCommit")]
    fix_base_commit: String,
    #[serde(rename = "fixWithoutPatch")]
    fix_without_patch: Shown,
    #[serde(rename = "fixWithPatch")]
    fix_with_patch: Shown,
}

#[derive(Serialize)]
struct Shown {
    tree: String,
    status: &'static str,
    run: u64,
    failed: u64,
    fingerprint: String,
}

impl Shown {
    fn of(report: &Report) -> Self {
        Self {
            tree: report.tree.clone(),
            status: report.status.as_str(),
            run: report.tests_run,
            failed: report.tests_failed,
            fingerprint: report.fingerprint(),
        }
    }
}

#[derive(Serialize)]
struct Envelope<'e> {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: &'static str,
    signatures: [Signed<'e>; 1],
}

#[derive(Serialize)]
struct Signed<'e> {
    keyid: &'e str,
    sig: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_what_dsse_asks_for() {
        let statement = r#"{"a":"ü"}"#.to_owned();
        let plain = Attestation { statement: statement.clone(), digest: String::new(), envelope: None };
        let signature = Signature { key_id: "echo".to_owned(), bytes: plain.message().into_bytes() };
        let signed = plain.with_signature(&signature).unwrap();
        let envelope: serde_json::Value = serde_json::from_str(&signed.envelope.unwrap()).unwrap();
        let decoded = |value: &serde_json::Value| BASE64.decode(value.as_str().unwrap()).unwrap();
        assert_eq!(decoded(&envelope["payload"]), statement.as_bytes());
        assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
        assert_eq!(envelope["signatures"][0]["keyid"], "echo");
        let message = "DSSEv1 28 application/vnd.in-toto+json 10 {\"a\":\"ü\"}";
        assert_eq!(decoded(&envelope["signatures"][0]["sig"]), message.as_bytes());
    }

    #[test]
    fn only_a_digest_of_a_tree_makes_a_subject() {
        let digest = |tree: &str| Digest::of_tree(tree).map(|digest| serde_json::to_string(&digest).unwrap());
        let (sha1, sha256) = ("0a".repeat(20), "0b".repeat(32));
        assert_eq!(digest(&sha1), Some(format!(r#"{{"gitTree":"{sha1}"}}"#)));
        assert_eq!(digest(&sha256), Some(format!(r#"{{"gitTree":"{sha256}"}}"#)));
        assert_eq!(digest(&format!("sha256:{sha256}")), Some(format!(r#"{{"sha256":"{sha256}"}}"#)));
        for name in ["", "base with a patch", "sha256:", &sha1.to_uppercase(), &format!("sha256:{sha1}")] {
            assert_eq!(digest(name), None, "{name}");
        }
    }
}
