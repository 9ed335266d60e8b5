use strongroom_crypto::SigningAlgorithm;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_topology::MappingCode;

/// What the work with an offline root key refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RootError {
    #[error("{file} holds none of the files of an offline root key")]
    UnknownFile { file: String },
    #[error("the transaction is a {mapping}, and an offline root key signs delegations only")]
    NotADelegation { mapping: MappingCode },
    #[error("the namespace {namespace} is no fingerprint: no key can be its root")]
    NamespaceWithoutKey { namespace: String },
    #[error("{text:?} is no restriction")]
    UnknownRestriction { text: String },
    #[error("the target is the root key itself")]
    TargetIsRoot,
    #[error("the transaction is a revocation already")]
    RevokedAlready,
    #[error("a hash alone does not say what is signed")]
    Blind,
    #[error("this is no signature of {algorithm}: {expected} are expected, this is {found}")]
    SignatureShape {
        algorithm: SigningAlgorithm,
        expected: &'static str,
        found: String,
    },
    #[error("the signature cannot be verified: the root key is not in the transaction")]
    Unverifiable,
}

const UNKNOWN_FILE: ErrorCode = ErrorCode::new(
    "ROOT_FILE_UNKNOWN",
    Category::InvalidRequest,
    "Give a prepared transaction (.prep), its hash (.hash), a signature, a certificate (.cert), a list or snapshot of them, or a \
     public key, as the scripts write them: bytes, not hexadecimal digits or base64.",
);
const NOT_A_DELEGATION: ErrorCode = ErrorCode::new(
    "ROOT_NOT_A_DELEGATION",
    Category::InvalidRequest,
    "Let a key that the root has delegated to sign this; 'strongroom topology root inspect FILE' shows what it is.",
);
const NAMESPACE_WITHOUT_KEY: ErrorCode = ErrorCode::new(
    "ROOT_NAMESPACE_WITHOUT_KEY",
    Category::InvalidRequest,
    "Check where the transaction comes from: a real namespace is the fingerprint of its root key.",
);
const UNKNOWN_RESTRICTION: ErrorCode = ErrorCode::new(
    "ROOT_RESTRICTION_UNKNOWN",
    Category::InvalidRequest,
    "Say all, all-but-delegations, or kinds of mappings such as OWNER_TO_KEY_MAPPING,PARTY_TO_PARTICIPANT; the command's --help \
     lists them.",
);
const TARGET_IS_ROOT: ErrorCode = ErrorCode::new(
    "ROOT_TARGET_IS_ROOT",
    Category::InvalidRequest,
    "For a root certificate say --root instead of --target-key; for a delegation give the key that is to receive it.",
);
const REVOKED_ALREADY: ErrorCode = ErrorCode::new(
    "ROOT_REVOKED_ALREADY",
    Category::InvalidRequest,
    "Give the delegation that is to be revoked, as it was prepared or assembled.",
);
const BLIND: ErrorCode = ErrorCode::new(
    "ROOT_BLIND",
    Category::FailedPrecondition,
    "Give the prepared transaction itself with --prepared. Where there is nothing but the hash, and you trust whoever made it, say \
     --blind.",
);
const SIGNATURE_SHAPE: ErrorCode = ErrorCode::new(
    "ROOT_SIGNATURE_SHAPE",
    Category::InvalidRequest,
    "Give the bytes as OpenSSL writes them: DER for ECDSA, 64 bytes for Ed25519, 3309 for ML-DSA-65. An HSM that gives R and S has \
     an option for DER or needs a conversion; hexadecimal digits and base64 are to be decoded first.",
);
const UNVERIFIABLE: ErrorCode = ErrorCode::new(
    "ROOT_UNVERIFIABLE",
    Category::FailedPrecondition,
    "Give the root's public key with --root-key. Without it nobody notices a wrong signature here; --unverified assembles all the \
     same.",
);

impl RootError {
    pub(crate) const CODES: &[ErrorCode] = &[
        UNKNOWN_FILE,
        NOT_A_DELEGATION,
        NAMESPACE_WITHOUT_KEY,
        UNKNOWN_RESTRICTION,
        TARGET_IS_ROOT,
        REVOKED_ALREADY,
        BLIND,
        SIGNATURE_SHAPE,
        UNVERIFIABLE,
    ];
}

impl Coded for RootError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownFile { .. } => UNKNOWN_FILE,
            Self::NotADelegation { .. } => NOT_A_DELEGATION,
            Self::NamespaceWithoutKey { .. } => NAMESPACE_WITHOUT_KEY,
            Self::UnknownRestriction { .. } => UNKNOWN_RESTRICTION,
            Self::TargetIsRoot => TARGET_IS_ROOT,
            Self::RevokedAlready => REVOKED_ALREADY,
            Self::Blind => BLIND,
            Self::SignatureShape { .. } => SIGNATURE_SHAPE,
            Self::Unverifiable => UNVERIFIABLE,
        }
    }
}
