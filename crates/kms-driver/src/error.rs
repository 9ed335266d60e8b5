//! What can go wrong with a driver and with no other KMS.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_kms::KmsError;

/// What can go wrong with a driver and with no other KMS. Errors that every KMS has are [`KmsError`]s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// An address without host or port.
    #[error("\"{address}\" is no address of a KMS driver: host:port is")]
    Address {
        /// What was given.
        address: String,
    },
    /// The driver is connected to, but does not answer in time.
    #[error("the KMS driver did not answer within {} ms", .waited.as_millis())]
    NoAnswer {
        /// How long was waited.
        waited: Duration,
    },
    /// A failure that only the driver's KMS knows, under the driver's own code.
    #[error("the KMS of the driver failed: {cause}")]
    Foreign {
        /// The driver's code, or [`DriverError::CODES`]' if that is not well-formed.
        code: ErrorCode,
        /// What the driver says.
        cause: String,
    },
    /// The answer has a field that cannot be.
    #[error("the KMS driver answered with an invalid {field}")]
    InvalidAnswer {
        /// The field, as the contract names it.
        field: &'static str,
    },
    /// The request has a field that cannot be. Said by [`DriverServer`](crate::DriverServer).
    #[error("the request to the KMS driver has an invalid {field}")]
    InvalidRequest {
        /// The field, as the contract names it.
        field: &'static str,
    },
    /// The driver lacks a role or a method.
    #[error("the KMS driver does not offer {what}")]
    NotOffered {
        /// Which.
        what: String,
    },
    /// The driver does not let us in: mostly for our certificate.
    #[error("the KMS driver refuses the handshake of TLS: {reason}")]
    Refused {
        /// What it says, in the words of TLS.
        reason: String,
    },
    /// A socket cannot be made, or is not safe there.
    #[error("the socket {} cannot be served on: {problem}", .path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// What is wrong with the place.
        problem: &'static str,
        /// What the system says, if it was asked.
        source: Option<io::Error>,
    },
    /// Who listens on the socket is not who should.
    #[error("the socket is served by user {actual}, not by user {wanted}")]
    Stranger {
        /// The numeric id of the user who listens.
        actual: u32,
        /// Who should.
        wanted: u32,
    },
    /// The system cannot tell who listens on the socket.
    #[error(
        "the socket is served by user {actual}, which stands for every user that the system cannot tell"
    )]
    Unknown {
        /// The number that stands for them.
        actual: u32,
    },
    /// Certificates or a private key that cannot be used.
    #[error("the {what} for TLS cannot be used: {reason}")]
    TlsMaterial {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Who answers at the address shows no certificate that we trust.
    #[error("the certificate of the KMS driver is not trusted: {reason}")]
    Untrusted {
        /// Why.
        reason: String,
    },
    /// A kind of error from a newer contract.
    #[error(
        "the KMS driver failed with an error of kind {kind}, which this version does not know: {cause}"
    )]
    UnknownErrorKind {
        /// The number of the kind.
        kind: i32,
        /// The driver says that it passes by itself.
        retryable: bool,
        /// What the driver says.
        cause: String,
    },
    /// A gRPC status without our details: something between us and the driver, or a driver that breaks the contract.
    #[error("the KMS driver failed without saying how (gRPC {status}): {cause}")]
    Untyped {
        /// The gRPC code.
        status: tonic::Code,
        /// Its text.
        cause: String,
    },
}

impl DriverError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        code::ADDRESS,
        code::FAILED,
        code::FAILED_FOR_NOW,
        code::INVALID_ANSWER,
        code::INVALID_REQUEST,
        code::NO_ANSWER,
        code::NOT_OFFERED,
        code::REFUSED,
        code::SOCKET,
        code::STRANGER,
        code::TLS_MATERIAL,
        code::UNKNOWN_ERROR,
        code::UNKNOWN_ERROR_FOR_NOW,
        code::UNTRUSTED,
        code::UNTYPED_ERROR,
    ];
}

impl Coded for DriverError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Address { .. } => code::ADDRESS,
            Self::NoAnswer { .. } => code::NO_ANSWER,
            Self::Foreign { code, .. } => *code,
            Self::InvalidAnswer { .. } => code::INVALID_ANSWER,
            Self::InvalidRequest { .. } => code::INVALID_REQUEST,
            Self::NotOffered { .. } => code::NOT_OFFERED,
            Self::Socket { .. } => code::SOCKET,
            Self::Stranger { .. } | Self::Unknown { .. } => code::STRANGER,
            Self::Refused { .. } => code::REFUSED,
            Self::TlsMaterial { .. } => code::TLS_MATERIAL,
            Self::Untrusted { .. } => code::UNTRUSTED,
            Self::UnknownErrorKind {
                retryable: true, ..
            } => code::UNKNOWN_ERROR_FOR_NOW,
            Self::UnknownErrorKind { .. } => code::UNKNOWN_ERROR,
            Self::Untyped { .. } => code::UNTYPED_ERROR,
        }
    }
}

impl From<DriverError> for KmsError {
    fn from(error: DriverError) -> Self {
        Self::provider(error)
    }
}

pub(crate) mod code {
    use super::{Category, ErrorCode};

    const ASK_THE_DRIVER: &str = "Read what the driver says, and its log.";
    const NEWER: &str =
        "Read what the driver says; update Strongroom to a version that knows this kind of error.";

    pub(super) const ADDRESS: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_ADDRESS",
        Category::InvalidRequest,
        "Write it as host:port, an IPv6 address in brackets.",
    );
    pub(crate) const FAILED: ErrorCode =
        ErrorCode::new("KMS_DRIVER_FAILED", Category::Internal, ASK_THE_DRIVER);
    pub(crate) const FAILED_FOR_NOW: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_FAILED_FOR_NOW",
        Category::Unavailable,
        ASK_THE_DRIVER,
    );
    pub(super) const INVALID_ANSWER: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_INVALID_ANSWER",
        Category::Internal,
        "Check that the driver keeps the contract kms.proto of this version, and report it to its makers.",
    );
    pub(super) const INVALID_REQUEST: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_INVALID_REQUEST",
        Category::InvalidRequest,
        "Keep the contract kms.proto, in the version of the driver.",
    );
    pub(super) const NO_ANSWER: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_NO_ANSWER",
        Category::Unavailable,
        "Check that the driver works, and start it anew.",
    );
    pub(super) const NOT_OFFERED: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_NOT_OFFERED",
        Category::Unsupported,
        "Use a driver that offers this, or one of the same version as Strongroom.",
    );
    pub(super) const REFUSED: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_HANDSHAKE_REFUSED",
        Category::PermissionDenied,
        "If it is about a certificate, check that ours is valid today and that the driver trusts the authority that issued it; if not, \
         that the driver offers TLS 1.3 and HTTP/2.",
    );
    pub(super) const SOCKET: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_SOCKET",
        Category::FailedPrecondition,
        "Give the driver a path of at most 100 bytes in a folder of its own user in which nobody else may write or listens.",
    );
    pub(super) const STRANGER: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_STRANGER",
        Category::PermissionDenied,
        "Find out who listens on the socket. If the driver runs as a user of its own, name that user in the settings; 'nobody' \
         is none, and in a user namespace the driver's user must be one that is mapped.",
    );
    pub(super) const TLS_MATERIAL: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_TLS_MATERIAL",
        Category::InvalidRequest,
        "Give certificates and an unencrypted private key in PEM, the private key being that of the first certificate.",
    );
    pub(super) const UNTRUSTED: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_UNTRUSTED",
        Category::PermissionDenied,
        "Check that the address names the host that the driver's certificate is for, and that its authority is among ours. If both \
         are right, somebody else answers there.",
    );
    pub(super) const UNKNOWN_ERROR: ErrorCode =
        ErrorCode::new("KMS_DRIVER_UNKNOWN_ERROR", Category::Unsupported, NEWER);
    pub(super) const UNKNOWN_ERROR_FOR_NOW: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_UNKNOWN_ERROR_FOR_NOW",
        Category::Unavailable,
        NEWER,
    );
    pub(super) const UNTYPED_ERROR: ErrorCode = ErrorCode::new(
        "KMS_DRIVER_UNTYPED_ERROR",
        Category::Internal,
        "Read the log of the driver: it failed without the details that the contract asks for.",
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_say_which_kms() {
        let names: BTreeSet<_> = DriverError::CODES.iter().map(ErrorCode::name).collect();
        assert_eq!(names.len(), DriverError::CODES.len());
        assert!(names.iter().all(|name| name.starts_with("KMS_DRIVER_")));
    }
}
