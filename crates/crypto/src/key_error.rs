//! Why bytes are not the key they should be.

use strongroom_errors::{Category, Coded, ErrorCode};

use crate::random::RandomError;
use crate::spec::{KeyFormat, KeyPurpose, KeySpec};
use crate::usage::UsageError;

/// Why a key could not be read, made or used.
///
/// No variant holds bytes of a private key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no key in any encoding known here.
    #[error("this is not a {wanted} key: neither PEM nor DER of a known kind")]
    NotAKey {
        /// Which half was expected: `public` or `private`.
        wanted: &'static str,
    },
    /// A public key where a private key should be, or the other way round.
    #[error("a {wanted} key was expected, this is a {found} key")]
    WrongHalf {
        /// Which half was expected: `public` or `private`.
        wanted: &'static str,
        /// Which half was found.
        found: &'static str,
    },
    /// The private key is protected by a password.
    #[error("the private key is encrypted")]
    Encrypted,
    /// The PEM label names something that is not a key.
    #[error("the PEM file holds {label:?}, not a key")]
    UnexpectedPem {
        /// The label between `BEGIN` and the dashes.
        label: String,
    },
    /// Several keys in one PEM file.
    #[error("the PEM file holds more than one key")]
    SeveralKeys,
    /// The armour of a PEM file is damaged.
    #[error("the PEM armour is damaged")]
    MalformedPem(#[source] pem_rfc7468::Error),
    /// The DER structure is damaged.
    #[error("the DER structure of the {structure} is damaged")]
    Malformed {
        /// What was read: `SubjectPublicKeyInfo`, `PrivateKeyInfo`.
        structure: &'static str,
        /// What the parser met.
        #[source]
        source: der::Error,
    },
    /// Bytes after the end of the key.
    #[error("{count} bytes follow the end of the key")]
    TrailingBytes {
        /// How many.
        count: u32,
    },
    /// An encoding that does not exist for this half or this spec.
    #[error("a key of spec {spec} has no format {format}")]
    UnexpectedFormat {
        /// The spec of the key.
        spec: KeySpec,
        /// The format that was named.
        format: KeyFormat,
    },
    /// An algorithm or curve that is not offered.
    #[error("keys of the algorithm or curve {oid} are not supported")]
    UnsupportedAlgorithm {
        /// Its object identifier.
        oid: String,
    },
    /// The algorithm identifier lacks its parameters, or has some where it must not.
    #[error(
        "the algorithm parameters of the {algorithm} key are not those the standard prescribes"
    )]
    AlgorithmParameters {
        /// Which algorithm.
        algorithm: &'static str,
    },
    /// A curve spelled out by its numbers instead of named.
    #[error("the key describes its curve by explicit parameters instead of naming it")]
    ExplicitCurve,
    /// A sound key, but not of the spec that was declared.
    #[error("the key was declared {declared}, but it is {found}")]
    SpecMismatch {
        /// The spec that was declared.
        declared: KeySpec,
        /// What the key really is.
        found: &'static str,
    },
    /// A sound key that cannot serve the purpose.
    #[error("{found} keys do not serve {purpose}")]
    PurposeMismatch {
        /// What the key is.
        found: &'static str,
        /// What it was to be used for.
        purpose: KeyPurpose,
    },
    /// The wrong number of bytes.
    #[error("the {part} has {found} bytes instead of {expected}")]
    Length {
        /// Which part of the key.
        part: &'static str,
        /// How many bytes it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// The point of an elliptic curve key is not on the declared curve, is the point at infinity or is encoded
    /// in a way that no standard knows.
    #[error("the public point is not a point of the curve of {spec}")]
    InvalidPoint {
        /// The declared spec.
        spec: KeySpec,
    },
    /// An Ed25519 point of small order: signatures under it verify for many messages.
    #[error("the Ed25519 public key is a point of small order")]
    SmallOrderPoint,
    /// An Ed25519 point outside the subgroup of prime order.
    #[error("the Ed25519 public key is a point outside the subgroup of prime order")]
    MixedOrderPoint,
    /// A private scalar that is zero or not below the order of the curve.
    #[error("the private scalar is outside the range of the curve of {spec}")]
    ScalarOutOfRange {
        /// The declared spec.
        spec: KeySpec,
    },
    /// An RSA modulus of the wrong size.
    #[error("the RSA modulus has {bits} bits instead of 2048")]
    RsaModulus {
        /// Its size.
        bits: u32,
    },
    /// An RSA public exponent other than 65537.
    #[error("the RSA public exponent is not 65537")]
    RsaExponent,
    /// The numbers of an RSA key contradict each other, or it has more than two primes.
    #[error("the numbers of the RSA key do not belong together")]
    RsaInconsistent(#[source] aws_lc_rs::error::KeyRejected),
    /// An expanded ML-DSA key that no key generation can have produced.
    #[error("the expanded ML-DSA private key contradicts itself")]
    MlDsaInconsistent(#[source] aws_lc_rs::error::KeyRejected),
    /// A private key and a public key, or two forms of one private key, that do not belong together.
    #[error("the two halves of the key do not belong together")]
    HalvesDiffer,
    /// Usages that no signing key can have.
    #[error("the usages of the key are not valid")]
    Usages(#[from] UsageError),
    /// Usages were given for an encryption key, or none for a signing key.
    #[error("usages belong to signing keys and only to them")]
    UsagesMisplaced,
    /// There is no JSON Web Key form.
    #[error("keys of spec {spec} have no JSON Web Key form")]
    NoJsonWebKey {
        /// The spec of the key.
        spec: KeySpec,
    },
    /// A sound key for which no other key can be wrapped.
    #[error("{found} keys wrap no other keys")]
    NotAWrappingKey {
        /// What the key is.
        found: &'static str,
    },
    /// An RSA key that is too short or too long, or damaged.
    #[error("for this RSA key nothing is wrapped")]
    WrappingKeyRefused(#[source] aws_lc_rs::error::KeyRejected),
    /// No random bytes.
    #[error("no key could be generated")]
    Random(#[from] RandomError),
    /// The cryptographic library failed where the input gives no reason to.
    #[error("the cryptographic library failed to {operation}")]
    Library {
        /// What it was doing.
        operation: &'static str,
    },
}

const MALFORMED_ADVICE: &str = "Check that the file was copied whole; `openssl pkey -in FILE -noout -text` shows what \
                                OpenSSL makes of it (add -pubin for a public key).";

impl KeyError {
    /// Every code of this type, but for those of the errors it wraps.
    pub const CODES: &'static [ErrorCode] = &[
        Self::NOT_A_KEY,
        Self::WRONG_HALF,
        Self::ENCRYPTED,
        Self::UNEXPECTED_PEM,
        Self::SEVERAL_KEYS,
        Self::MALFORMED,
        Self::UNEXPECTED_FORMAT,
        Self::UNSUPPORTED_ALGORITHM,
        Self::EXPLICIT_CURVE,
        Self::SPEC_MISMATCH,
        Self::PURPOSE_MISMATCH,
        Self::INVALID,
        Self::HALVES_DIFFER,
        Self::USAGES_MISPLACED,
        Self::NO_JSON_WEB_KEY,
        Self::WRAPPING_KEY,
        Self::LIBRARY,
    ];

    const NOT_A_KEY: ErrorCode = ErrorCode::new(
        "KEY_NOT_RECOGNISED",
        Category::InvalidRequest,
        "Give a PEM or DER file: PKCS#8, SEC 1 or PKCS#1 for a private key, SubjectPublicKeyInfo for a public one.",
    );
    const WRONG_HALF: ErrorCode = ErrorCode::new(
        "KEY_WRONG_HALF",
        Category::InvalidRequest,
        "Give the other half of the pair; a public key is made from a private one with `openssl pkey -pubout`.",
    );
    const ENCRYPTED: ErrorCode = ErrorCode::new(
        "KEY_ENCRYPTED",
        Category::InvalidRequest,
        "Remove the password first, in a folder that only you can read: `openssl pkey -in FILE -out PLAIN`; \
         delete PLAIN after the import.",
    );
    const UNEXPECTED_PEM: ErrorCode = ErrorCode::new(
        "KEY_PEM_LABEL_UNEXPECTED",
        Category::InvalidRequest,
        "Give the file of the key itself, not a certificate, a request or parameters.",
    );
    const SEVERAL_KEYS: ErrorCode = ErrorCode::new(
        "KEY_FILE_AMBIGUOUS",
        Category::InvalidRequest,
        "Put each key into a file of its own.",
    );
    const MALFORMED: ErrorCode =
        ErrorCode::new("KEY_MALFORMED", Category::InvalidRequest, MALFORMED_ADVICE);
    const UNEXPECTED_FORMAT: ErrorCode = ErrorCode::new(
        "KEY_FORMAT_UNEXPECTED",
        Category::InvalidRequest,
        "Give public keys as SubjectPublicKeyInfo and private keys as PKCS#8.",
    );
    const UNSUPPORTED_ALGORITHM: ErrorCode = ErrorCode::new(
        "KEY_ALGORITHM_UNSUPPORTED",
        Category::InvalidRequest,
        "Use Ed25519, P-256, P-384, secp256k1 or ML-DSA-65 for signing, P-256 or RSA-2048 for encryption.",
    );
    const EXPLICIT_CURVE: ErrorCode = ErrorCode::new(
        "KEY_CURVE_EXPLICIT",
        Category::InvalidRequest,
        "Rewrite the key with a named curve: `openssl ec -in FILE -param_enc named_curve -out NEW`.",
    );
    const SPEC_MISMATCH: ErrorCode = ErrorCode::new(
        "KEY_SPEC_MISMATCH",
        Category::InvalidRequest,
        "Declare the spec that the key has, or give the key that was meant.",
    );
    const PURPOSE_MISMATCH: ErrorCode = ErrorCode::new(
        "KEY_PURPOSE_MISMATCH",
        Category::InvalidRequest,
        "Sign with Ed25519, P-256, P-384, secp256k1 or ML-DSA-65 keys; encrypt with P-256 or RSA-2048 keys. An import of a key for \
         encryption needs --purpose encryption.",
    );
    const INVALID: ErrorCode = ErrorCode::new(
        "KEY_INVALID",
        Category::InvalidRequest,
        "Do not use this key: it is damaged, too weak, or was made to look like a key. Generate a new one.",
    );
    const HALVES_DIFFER: ErrorCode = ErrorCode::new(
        "KEY_HALVES_DIFFER",
        Category::InvalidRequest,
        "Give the private key that belongs to this public key; the fingerprints of the two must be equal.",
    );
    const USAGES_MISPLACED: ErrorCode = ErrorCode::new(
        "KEY_USAGES_MISPLACED",
        Category::InvalidRequest,
        "Name usages for a signing key, and none for an encryption key.",
    );
    const NO_JSON_WEB_KEY: ErrorCode = ErrorCode::new(
        "KEY_JWK_UNSUPPORTED",
        Category::Unsupported,
        "Use an Ed25519, P-256, P-384 or secp256k1 signing key where a JSON Web Key is needed.",
    );
    const WRAPPING_KEY: ErrorCode = ErrorCode::new(
        "KEY_WRAPPING_KEY_UNFIT",
        Category::InvalidRequest,
        "Give the RSA public key, 2048 to 8192 bits, that the other key store offers for imports.",
    );
    const LIBRARY: ErrorCode = ErrorCode::new(
        "KEY_LIBRARY_FAILED",
        Category::Internal,
        "Report this: it is a bug, or memory is exhausted.",
    );
}

impl Coded for KeyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAKey { .. } => Self::NOT_A_KEY,
            Self::WrongHalf { .. } => Self::WRONG_HALF,
            Self::Encrypted => Self::ENCRYPTED,
            Self::UnexpectedPem { .. } => Self::UNEXPECTED_PEM,
            Self::SeveralKeys => Self::SEVERAL_KEYS,
            Self::MalformedPem(_)
            | Self::Malformed { .. }
            | Self::TrailingBytes { .. }
            | Self::AlgorithmParameters { .. }
            | Self::Length { .. } => Self::MALFORMED,
            Self::UnexpectedFormat { .. } => Self::UNEXPECTED_FORMAT,
            Self::UnsupportedAlgorithm { .. } => Self::UNSUPPORTED_ALGORITHM,
            Self::ExplicitCurve => Self::EXPLICIT_CURVE,
            Self::SpecMismatch { .. } => Self::SPEC_MISMATCH,
            Self::PurposeMismatch { .. } => Self::PURPOSE_MISMATCH,
            Self::InvalidPoint { .. }
            | Self::SmallOrderPoint
            | Self::MixedOrderPoint
            | Self::ScalarOutOfRange { .. }
            | Self::RsaModulus { .. }
            | Self::RsaExponent
            | Self::RsaInconsistent(_)
            | Self::MlDsaInconsistent(_) => Self::INVALID,
            Self::HalvesDiffer => Self::HALVES_DIFFER,
            Self::Usages(source) => source.code(),
            Self::UsagesMisplaced => Self::USAGES_MISPLACED,
            Self::NoJsonWebKey { .. } => Self::NO_JSON_WEB_KEY,
            Self::NotAWrappingKey { .. } | Self::WrappingKeyRefused(_) => Self::WRAPPING_KEY,
            Self::Random(source) => source.code(),
            Self::Library { .. } => Self::LIBRARY,
        }
    }
}
