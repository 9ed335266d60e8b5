//! Why no server can be made of a configuration.

use std::path::PathBuf;

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_files::SocketError;
use strongroom_server::{TlsError, tokens::TokenServiceError};

/// Why no server can be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerSetupError {
    #[error("the caller {caller}: {problem}")]
    Caller { caller: String, problem: String },
    #[error("the caller {caller} is not configured")]
    NoCaller { caller: String },
    #[error("[approvals]: {operation} is no operation that can need a second person")]
    NotApprovable { operation: String },
    #[error(
        "[approvals]: nothing says who is one person and who another: there are neither [[callers]] nor approvers"
    )]
    NobodyToldApart,
    #[error("the TLS of [server.tls] cannot be used")]
    Tls(#[from] TlsError),
    #[error("the [[server.tokens]] with {place} cannot be used")]
    Tokens {
        place: String,
        source: TokenServiceError,
    },
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("there is no file {}", path.display())]
    NoFile { path: PathBuf },
}

const ACCESS_INVALID: ErrorCode = ErrorCode::new(
    "ACCESS_INVALID",
    Category::InvalidRequest,
    "'strongroom config example' shows [[callers]]; 'strongroom config check' tries yours.",
);
const APPROVALS_INVALID: ErrorCode = ErrorCode::new(
    "APPROVALS_INVALID",
    Category::InvalidRequest,
    "'strongroom config example' names the operations that [approvals] can have; for a server give [[callers]] or 'approvers' too.",
);
const NO_CALLER: ErrorCode = ErrorCode::new(
    "NO_CALLER",
    Category::NotFound,
    "'strongroom access list' shows the callers.",
);
const SERVER_TLS_UNUSABLE: ErrorCode = ErrorCode::new(
    "SERVER_TLS_UNUSABLE",
    Category::FailedPrecondition,
    "Check the files of [server.tls]: certificates in PEM, and the private key of the first of them, not encrypted.",
);
const TOKEN_SERVICE_UNUSABLE: ErrorCode = ErrorCode::new(
    "TOKEN_SERVICE_UNUSABLE",
    Category::FailedPrecondition,
    "Check [[server.tokens]]: a certificate or public key in PEM, or an address that begins with https://.",
);
const SERVER_SOCKET_UNUSABLE: ErrorCode = ErrorCode::new(
    "SERVER_SOCKET_UNUSABLE",
    Category::FailedPrecondition,
    "Name a socket in a folder of its own that belongs to this user and in which nobody else may write.",
);

impl ServerSetupError {
    pub(crate) const CODES: &[ErrorCode] = &[
        ACCESS_INVALID,
        APPROVALS_INVALID,
        NO_CALLER,
        SERVER_TLS_UNUSABLE,
        TOKEN_SERVICE_UNUSABLE,
        SERVER_SOCKET_UNUSABLE,
    ];
}

impl Coded for ServerSetupError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Caller { .. } => ACCESS_INVALID,
            Self::NotApprovable { .. } | Self::NobodyToldApart => APPROVALS_INVALID,
            Self::NoCaller { .. } => NO_CALLER,
            Self::Tls(_) | Self::NoFile { .. } => SERVER_TLS_UNUSABLE,
            Self::Tokens { .. } => TOKEN_SERVICE_UNUSABLE,
            Self::Socket(_) => SERVER_SOCKET_UNUSABLE,
        }
    }
}
