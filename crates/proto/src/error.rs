//! What can be wrong with a message.

use strongroom_crypto::{
    DelegationError, FingerprintError, HashError, KeyError, KeySpec, NameError, PasswordError,
    SecretLengthError, UsageError,
};
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_topology::{IdentifierError, MappingError, SignaturesError};

use crate::wire::WireError;

/// A message that cannot be read, or a key that cannot be written as one.
///
/// `message` and `field` are the names of the contract files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtoError {
    /// A wrapped public key that can be read as a signing key and as an encryption key alike.
    #[error(
        "the wrapped public key may be meant for signing or for encryption: nothing in it says which"
    )]
    AmbiguousPublicKey,
    /// A field that must be set is not.
    #[error("{field} of {message} is not set")]
    FieldNotSet {
        /// The message.
        message: &'static str,
        /// The field, or two of which one must be set: `key_spec and scheme`.
        field: &'static str,
    },
    /// The two halves given are not those of one key.
    #[error("the private half ({private}) and the public half ({public}) do not belong to one key")]
    HalvesDiffer {
        /// Spec of the private half.
        private: KeySpec,
        /// Spec of the public half.
        public: KeySpec,
    },
    /// A text that should be a fingerprint.
    #[error("{field} of {message} is not a fingerprint")]
    InvalidFingerprint {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: FingerprintError,
    },
    /// Key bytes that are no key of the stated spec and format.
    #[error("Failed to deserialize or validate the key of {message}")]
    InvalidKey {
        /// The message.
        message: &'static str,
        /// What is wrong with it.
        source: KeyError,
    },
    /// Bytes that should be a hash.
    #[error("{field} of {message} is not a hash")]
    InvalidHash {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: HashError,
    },
    /// A text that should name something on the ledger.
    #[error("{field} of {message} is not a name on the ledger")]
    InvalidIdentifier {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: IdentifierError,
    },
    /// A statement that could never hold.
    #[error("the content of {message} was refused")]
    InvalidMapping {
        /// The message.
        message: &'static str,
        /// What is wrong with it.
        source: MappingError,
    },
    /// Signatures that no transaction can have.
    #[error("the signatures of SignedTopologyTransaction were refused")]
    InvalidSignatures {
        /// What is wrong with them.
        source: SignaturesError,
    },
    /// A time out of range, or finer than a microsecond.
    #[error("{field} of {message} is not a time in microseconds")]
    InvalidTime {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A label that no key can have.
    #[error("name of {message} is not a key name")]
    InvalidName {
        /// The message.
        message: &'static str,
        /// What is wrong with it.
        source: NameError,
    },
    /// The salt of a password-protected message does not have 16 bytes.
    #[error("Invalid salt for PBKDF scheme Argon2idMode1: it has {length} bytes, not 16")]
    InvalidSalt {
        /// Its length in bytes.
        length: usize,
    },
    /// A symmetric key of the wrong length.
    #[error("the key of {message} does not fit its scheme")]
    InvalidSymmetricKey {
        /// The message.
        message: &'static str,
        /// What is wrong with it.
        source: SecretLengthError,
    },
    /// Usages that no key can have.
    #[error("usage of {message} is not a set of usages that a key can have")]
    InvalidUsages {
        /// The message.
        message: &'static str,
        /// What is wrong with it.
        source: UsageError,
    },
    /// A key pair that is protected by a password was read without one.
    #[error("Failed to parse crypto key pair: it is encrypted under a password")]
    KeyPairEncrypted,
    /// Bytes that do not follow the Protocol Buffers encoding, or a field of another type than the contract's.
    #[error("the bytes are not a message {message}")]
    Malformed {
        /// The message.
        message: &'static str,
        /// Where decoding stopped.
        source: prost::DecodeError,
    },
    /// As [`Self::Malformed`], for messages read by hand because they hold secrets.
    #[error("the bytes are not a message {message}")]
    MalformedSecret {
        /// The message.
        message: &'static str,
        /// Where decoding stopped.
        source: WireError,
    },
    /// Neither a wrapped nor a bare key pair. The text starts as Canton's does.
    #[error("Failed to parse crypto key pair: it holds no readable key, neither wrapped nor bare")]
    NotAKeyPair {
        /// Why the more likely of the two forms could not be read.
        source: Box<ProtoError>,
    },
    /// A password-protected key pair did not open. Whether the password is wrong or the bytes were changed is not
    /// told apart. The text starts as Canton's does.
    #[error("Failed to decrypt encrypted keypair with password")]
    PasswordOpening {
        /// The cause.
        source: PasswordError,
    },
    /// Encrypting under a password failed.
    #[error("Failed to encrypt exported keypair with password")]
    PasswordSealing {
        /// The cause.
        source: PasswordError,
    },
    /// A value that exists for Canton's own tests and stands for no cryptography at all.
    #[error("{field} of {message} is `symbolic`: a pretended value of Canton's tests")]
    Symbolic {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
    },
    /// An enumeration value that the contract does not have.
    #[error("{field} of {message} has the unknown value {value}")]
    UnrecognizedEnum {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// The number on the wire.
        value: i32,
    },
    /// A signature made by a session key on behalf of a long-term key.
    #[error("the signature was made by a session key, where only a long-term key signs")]
    UnsupportedDelegation,
    /// What should let a session key sign is no delegation.
    #[error("the delegation of a signature is invalid")]
    InvalidDelegation {
        /// The cause.
        source: DelegationError,
    },
}

impl ProtoError {
    /// Every code of this type; wrapped errors of keys, names and so on bring their own.
    pub const CODES: &'static [ErrorCode] = &[
        Self::AMBIGUOUS_PUBLIC_KEY,
        Self::FIELD_NOT_SET,
        Self::HALVES_DIFFER,
        Self::INVALID_SALT,
        Self::INVALID_TIME,
        Self::KEY_PAIR_ENCRYPTED,
        Self::MALFORMED,
        Self::NOT_A_KEY_PAIR,
        Self::SYMBOLIC,
        Self::UNRECOGNIZED_ENUM,
        Self::UNSUPPORTED_DELEGATION,
    ];

    const AMBIGUOUS_PUBLIC_KEY: ErrorCode = ErrorCode::new(
        "PROTO_PUBLIC_KEY_AMBIGUOUS",
        Category::InvalidRequest,
        "Give the bare PublicKey message, which names the purpose, or the key as PEM together with its purpose.",
    );
    const FIELD_NOT_SET: ErrorCode = ErrorCode::new(
        "PROTO_FIELD_NOT_SET",
        Category::InvalidRequest,
        "Set the field, or check that the bytes are the kind of message that is expected here.",
    );
    const HALVES_DIFFER: ErrorCode = ErrorCode::new(
        "PROTO_KEY_HALVES_DIFFER",
        Category::InvalidRequest,
        "Give the private and the public half of the same key.",
    );
    const INVALID_SALT: ErrorCode = ErrorCode::new(
        "PROTO_SALT_INVALID",
        Category::InvalidRequest,
        "The file was damaged or made by something else than Canton or Strongroom: export the key again.",
    );
    const INVALID_TIME: ErrorCode = ErrorCode::new(
        "PROTO_TIME_INVALID",
        Category::InvalidRequest,
        "The message was damaged or made by something else than Canton or Strongroom: fetch it again.",
    );
    const KEY_PAIR_ENCRYPTED: ErrorCode = ErrorCode::new(
        "PROTO_KEY_PAIR_ENCRYPTED",
        Category::InvalidRequest,
        "Give the password that the key pair was exported with.",
    );
    const MALFORMED: ErrorCode = ErrorCode::new(
        "PROTO_MALFORMED",
        Category::InvalidRequest,
        "Check that the bytes are complete, are not text (hex, base64), and are the kind of message expected here.",
    );
    const NOT_A_KEY_PAIR: ErrorCode = ErrorCode::new(
        "PROTO_NOT_A_KEY_PAIR",
        Category::InvalidRequest,
        "Check that the file is a key pair as Canton or Strongroom exports it; a PEM or DER file is imported as such.",
    );
    const SYMBOLIC: ErrorCode = ErrorCode::new(
        "PROTO_SYMBOLIC",
        Category::Unsupported,
        "Use a key of a real network; values of Canton's symbolic test provider have no meaning here.",
    );
    const UNRECOGNIZED_ENUM: ErrorCode = ErrorCode::new(
        "PROTO_ENUM_UNRECOGNIZED",
        Category::InvalidRequest,
        "Check the value; if it comes from a newer release of Canton, upgrade.",
    );
    const UNSUPPORTED_DELEGATION: ErrorCode = ErrorCode::new(
        "PROTO_DELEGATION_UNSUPPORTED",
        Category::Unsupported,
        "Ask the signer for a signature by its long-term key.",
    );
}

impl Coded for ProtoError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::AmbiguousPublicKey => Self::AMBIGUOUS_PUBLIC_KEY,
            Self::FieldNotSet { .. } => Self::FIELD_NOT_SET,
            Self::HalvesDiffer { .. } => Self::HALVES_DIFFER,
            Self::InvalidDelegation { source } => source.code(),
            Self::InvalidFingerprint { source, .. } => source.code(),
            Self::InvalidHash { source, .. } => source.code(),
            Self::InvalidIdentifier { source, .. } => source.code(),
            Self::InvalidMapping { source, .. } => source.code(),
            Self::InvalidSignatures { source } => source.code(),
            Self::InvalidTime { .. } => Self::INVALID_TIME,
            Self::InvalidKey { source, .. } => source.code(),
            Self::InvalidName { source, .. } => source.code(),
            Self::InvalidSalt { .. } => Self::INVALID_SALT,
            Self::InvalidSymmetricKey { source, .. } => source.code(),
            Self::InvalidUsages { source, .. } => source.code(),
            Self::KeyPairEncrypted => Self::KEY_PAIR_ENCRYPTED,
            Self::Malformed { .. } | Self::MalformedSecret { .. } => Self::MALFORMED,
            Self::NotAKeyPair { .. } => Self::NOT_A_KEY_PAIR,
            Self::PasswordOpening { source } | Self::PasswordSealing { source } => source.code(),
            Self::Symbolic { .. } => Self::SYMBOLIC,
            Self::UnrecognizedEnum { .. } => Self::UNRECOGNIZED_ENUM,
            Self::UnsupportedDelegation => Self::UNSUPPORTED_DELEGATION,
        }
    }
}
