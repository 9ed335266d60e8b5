//! The message of a request and of its answer.

use strongroom_crypto::KeySpec;

use super::terms::Terms;
use crate::guarded::{Call, Facts};
use crate::key_id::KmsKeyId;
use crate::operation::KmsOperation;

const PLAINTEXT: &str = "** Redacted plaintext placeholder **";
const PRIVATE_KEY: &str = "** Redacted private key placeholder **";
const CIPHERTEXT: &str = "** Ciphertext placeholder **";
const MESSAGE: &str = "** Sign message text placeholder **";
const SIGNATURE: &str = "** Signature message text placeholder **";
const PUBLIC_KEY: &str = "** Public key text placeholder **";
const REST: &str = "** Rest of metadata placeholder **";

/// Where Canton's log has a value that our seam does not know.
const UNKNOWN: &str = "N/A";

pub(super) fn request(terms: &Terms, call: &Call) -> String {
    let subject = call.subject();
    let id = shown(subject.key.as_ref());
    match call.operation() {
        KmsOperation::GenerateWrapperKey
        | KmsOperation::GenerateSigningKey
        | KmsOperation::GenerateEncryptionKey => {
            format!("CreateKeyRequest({})", made(terms, subject.spec))
        }
        KmsOperation::ImportKey => {
            let made = made(terms, subject.spec);
            format!("ImportKeyRequest(PrivateKey={PRIVATE_KEY}, {made})")
        }
        KmsOperation::PublicKey => format!("GetPublicKeyRequest(KeyId={id})"),
        KmsOperation::WrapperKeyState | KmsOperation::KeyState => {
            format!("RetrieveMetadataRequest(KeyId={id})")
        }
        KmsOperation::WrapKey => {
            let algorithm = terms.encryption_algorithm(None);
            format!(
                "EncryptRequest(Plaintext={PLAINTEXT}, KeyId={id}, EncryptionAlgorithm={algorithm})"
            )
        }
        KmsOperation::UnwrapKey | KmsOperation::Decrypt => {
            let algorithm = terms.encryption_algorithm(subject.spec);
            format!(
                "DecryptRequest(CiphertextBlob={CIPHERTEXT}, KeyId={id}, EncryptionAlgorithm={algorithm})"
            )
        }
        KmsOperation::RewrapKey => {
            let (to, algorithm) = (shown(subject.destination.as_ref()), terms.symmetric_scheme);
            format!(
                "ReEncryptRequest(CiphertextBlob={CIPHERTEXT}, SourceKeyId={id}, DestinationKeyId={to}, \
                 EncryptionAlgorithm={algorithm})"
            )
        }
        KmsOperation::Sign => {
            let (kind, algorithm) = (terms.message_type, terms.signing_algorithm(subject.spec));
            format!(
                "SignRequest(KeyId={id}, Message={MESSAGE}, MessageType={kind}, SigningAlgorithm={algorithm})"
            )
        }
        KmsOperation::DeleteKey => format!("DeleteKeyRequest(KeyId={id})"),
        KmsOperation::ReadTag => format!("GetTagRequest(KeyId={id})"),
        KmsOperation::SetTag => format!("SetTagRequest(KeyId={id})"),
    }
}

pub(super) fn response(terms: &Terms, call: &Call, facts: &Facts) -> String {
    let subject = call.subject();
    let id = shown(facts.key.as_ref().or(subject.key.as_ref()));
    match call.operation() {
        KmsOperation::GenerateWrapperKey
        | KmsOperation::GenerateSigningKey
        | KmsOperation::GenerateEncryptionKey => {
            let made = made(terms, subject.spec);
            format!("CreateKeyResponse(KeyId={id}, {made})")
        }
        KmsOperation::ImportKey => {
            let made = made(terms, subject.spec);
            format!("ImportKeyResponse(KeyId={id}, {made})")
        }
        KmsOperation::PublicKey => {
            let scheme = facts.spec.map_or(UNKNOWN, |spec| terms.scheme(Some(spec)));
            format!("GetPublicKeyResponse(KeyId={id}, PublicKey={PUBLIC_KEY}, KeyScheme={scheme})")
        }
        operation @ (KmsOperation::WrapperKeyState | KmsOperation::KeyState) => {
            let scheme = match operation {
                KmsOperation::WrapperKeyState => terms.symmetric_scheme,
                _ => UNKNOWN,
            };
            let state = facts.state.map_or(UNKNOWN, |state| terms.state(state));
            format!(
                "RetrieveMetadataResponse(KeyId={id}, Metadata=Metadata[KeyScheme: {scheme}, State: {state}, {REST}])"
            )
        }
        KmsOperation::WrapKey => {
            let algorithm = terms.encryption_algorithm(None);
            format!(
                "EncryptResponse(CiphertextBlob={CIPHERTEXT}, KeyId={id}, EncryptionAlgorithm={algorithm})"
            )
        }
        KmsOperation::UnwrapKey | KmsOperation::Decrypt => {
            let algorithm = terms.encryption_algorithm(subject.spec);
            format!(
                "DecryptResponse(Plaintext={PLAINTEXT}, KeyId={id}, EncryptionAlgorithm={algorithm})"
            )
        }
        KmsOperation::RewrapKey => {
            let (from, algorithm) = (shown(subject.key.as_ref()), terms.symmetric_scheme);
            format!(
                "ReEncryptResponse(CiphertextBlob={CIPHERTEXT}, SourceKeyId={from}, KeyId={id}, \
                 EncryptionAlgorithm={algorithm})"
            )
        }
        KmsOperation::Sign => {
            let algorithm = terms.signing_algorithm(subject.spec);
            format!("SignResponse(KeyId={id}, Signature={SIGNATURE}, SigningAlgorithm={algorithm})")
        }
        KmsOperation::DeleteKey => format!("DeleteKeyResponse(KeyId={id})"),
        KmsOperation::ReadTag => format!("GetTagResponse(KeyId={id})"),
        KmsOperation::SetTag => format!("SetTagResponse(KeyId={id})"),
    }
}

fn made(terms: &Terms, spec: Option<KeySpec>) -> String {
    let (purpose, scheme) = (terms.purpose(spec), terms.scheme(spec));
    format!("KeyPurpose={purpose}, KeyScheme={scheme}")
}

fn shown(id: Option<&KmsKeyId>) -> &str {
    id.map_or(UNKNOWN, KmsKeyId::as_str)
}
