//! Who signs what a run proves.

use super::forward;
use crate::error::AdapterError;

/// Signs what a run proves.
///
/// # Contract
/// - The key stays inside: what goes in is a message, what comes out a signature over it.
/// - It is asked about changes that passed, and nothing else.
///
/// # Errors
/// When the key can't be reached or used; a transient one leaves the run resumable.
///
/// # Cancel safety
/// Dropping the future loses a signature that nobody has seen.
///
/// ```
/// use fix_pipeline::{AdapterError, Signature, Signer};
///
/// /// Signs nothing that anybody could check; a real one asks a key service.
/// struct Example;
///
/// impl Signer for Example {
///     async fn sign(&self, message: &[u8]) -> Result<Signature, AdapterError> {
///         Ok(Signature { key_id: "example".to_owned(), bytes: message.iter().rev().copied().collect() })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no signer",
    note = "implement `fix_pipeline::Signer`, with `async fn sign`"
)]
pub trait Signer: Send + Sync {
    /// Signs `message`, which is the pre-authentication encoding of DSSE.
    fn sign(&self, message: &[u8]) -> impl Future<Output = Result<Signature, AdapterError>> + Send;
}

forward!(Signer { sign(message: &[u8]) -> Result<Signature, AdapterError>; });

/// A signature, and who made it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "what DSSE asks for")]
pub struct Signature {
    /// What a verifier finds the public key by.
    pub key_id: String,
    /// The signature.
    pub bytes: Vec<u8>,
}
