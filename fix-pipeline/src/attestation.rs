//! What a run proves, in a form that other tools read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use crate::error::AdapterError;
use crate::journal::hex_digest;
use crate::port::{CheckStatus, Phase, Report};
use crate::run::RunContext;

/// The proof of a run as an [in-toto test result](https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md):
/// which tree passed which commands, and that they failed without the patch.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Attestation {
    /// The in-toto statement, as compact JSON. It stands in the text of the pull request, too.
    pub statement: String,
    /// The statement in a [DSSE envelope](https://github.com/secure-systems-lab/dsse), as compact JSON;
    /// absent without a [`Signer`].
    pub envelope: Option<String>,
}

/// Signs what a run proves.
///
/// # Contract
/// - The key stays inside: what goes in is a message, what comes out a signature over it.
/// - It answers soon, and is not asked about a change that did not pass.
///
/// ```
/// use fix_pipeline::{AdapterError, Signer};
///
/// /// Signs nothing that anybody could check; a real one asks a key service.
/// struct Example;
///
/// impl Signer for Example {
///     fn key_id(&self) -> &str {
///         "example"
///     }
///
///     fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AdapterError> {
///         Ok(message.iter().rev().copied().collect())
///     }
/// }
/// ```
pub trait Signer: Send + Sync {
    /// What a verifier finds the public key by.
    fn key_id(&self) -> &str;

    /// The signature over `message`, which is the pre-authentication encoding of DSSE.
    ///
    /// # Errors
    /// When the key can't be reached or used; a transient one leaves the run resumable.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AdapterError>;
}

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

impl Attestation {
    /// States what `baseline` and `report` showed; the second one passed.
    pub(crate) fn new(run: &RunContext, diff_digest: &str, baseline: &Report, report: &Report) -> Self {
        let checks = report.commands.iter().filter(|command| command.phase == Phase::Check);
        let statement = Statement {
            r#type: STATEMENT_TYPE,
            subject: vec![
                Resource { name: "tree".to_owned(), digest: Digest::of_tree(&report.tree) },
                Resource { name: "patch.diff".to_owned(), digest: Digest::Sha256(diff_digest.to_owned()) },
            ],
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
                fix_without_patch: Counts::of(baseline),
                fix_with_patch: Counts::of(report),
            },
        };
        // Strings and numbers only: there is nothing here that can't be written.
        Self { statement: serde_json::to_string(&statement).unwrap_or_default(), envelope: None }
    }

    /// The same, signed.
    pub(crate) fn signed(self, signer: &dyn Signer) -> Result<Self, AdapterError> {
        let message = pre_authentication_encoding(&self.statement);
        let signature = signer.sign(message.as_bytes())?;
        let envelope = Envelope {
            payload: BASE64.encode(&self.statement),
            payload_type: PAYLOAD_TYPE,
            signatures: [Signature { keyid: signer.key_id(), sig: BASE64.encode(signature) }],
        };
        Ok(Self { envelope: serde_json::to_string(&envelope).ok(), ..self })
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
    /// A git tree by its id; another validator's name for a tree by its hash.
    fn of_tree(tree: &str) -> Self {
        let is_object_id = matches!(tree.len(), 40 | 64) && tree.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_object_id { Self::GitTree(tree.to_owned()) } else { Self::Sha256(hex_digest(tree.as_bytes())) }
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
    fix_without_patch: Counts,
    #[serde(rename = "fixWithPatch")]
    fix_with_patch: Counts,
}

#[derive(Serialize)]
struct Counts {
    status: &'static str,
    run: u64,
    failed: u64,
    fingerprint: String,
}

impl Counts {
    fn of(report: &Report) -> Self {
        Self {
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
    signatures: [Signature<'e>; 1],
}

#[derive(Serialize)]
struct Signature<'e> {
    keyid: &'e str,
    sig: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives back what it was asked to sign.
    struct Echo;

    impl Signer for Echo {
        fn key_id(&self) -> &str {
            "echo"
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AdapterError> {
            Ok(message.to_vec())
        }
    }

    #[test]
    fn the_envelope_is_what_dsse_asks_for() {
        let statement = r#"{"a":"ü"}"#.to_owned();
        let signed = Attestation { statement: statement.clone(), envelope: None }.signed(&Echo).unwrap();
        let envelope: serde_json::Value = serde_json::from_str(&signed.envelope.unwrap()).unwrap();
        let decoded = |value: &serde_json::Value| BASE64.decode(value.as_str().unwrap()).unwrap();
        assert_eq!(decoded(&envelope["payload"]), statement.as_bytes());
        assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
        assert_eq!(envelope["signatures"][0]["keyid"], "echo");
        let message = "DSSEv1 28 application/vnd.in-toto+json 10 {\"a\":\"ü\"}";
        assert_eq!(decoded(&envelope["signatures"][0]["sig"]), message.as_bytes());
    }
}
