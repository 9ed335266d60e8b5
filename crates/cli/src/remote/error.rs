//! Why a server cannot be worked with, as far as this side knows.

use std::{error::Error, path::PathBuf};

use strongroom_errors::{Category, Coded, ErrorCode};

use super::{Endpoint, Refusal};

/// Why a server cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("{endpoint:?} is no endpoint")]
    Endpoint { endpoint: String },
    #[error("what goes to {host} by http can be read on the way")]
    Unprotected { host: String },
    #[error(
        "there is a certificate without its private key, or a private key without its certificate"
    )]
    HalfIdentity,
    #[error("nothing says who may vouch for the server")]
    NoAuthority,
    #[error("{} cannot be used: {reason}", file.display())]
    TlsMaterial { file: PathBuf, reason: String },
    #[error("the token is no token: it holds something that no header can")]
    Token,
    #[error("{endpoint} does not answer: {reason}")]
    Unreachable { endpoint: Endpoint, reason: String },
    #[error("nobody that we trust vouches for {endpoint}: {reason}")]
    Untrusted { endpoint: Endpoint, reason: String },
    #[error("the server is gone: {reason}")]
    Gone { reason: String },
    #[error("the server does not let us in: {reason}")]
    Refusing { reason: String },
    #[error("the server says what this release does not know: {what}")]
    Unreadable { what: String },
    #[error("this is about a server, and none is named")]
    NotNamed,
    #[error("{what} is not done over the network")]
    NotOffered { what: &'static str },
    #[error("the server does not offer it")]
    Unimplemented,
    #[error("{0}")]
    Refused(Box<Refusal>),
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const ENDPOINT_INVALID: ErrorCode = code(
    "ENDPOINT_INVALID",
    Category::InvalidRequest,
    "Write https://HOST:PORT, http://127.0.0.1:PORT or unix:/PATH.",
);
const ENDPOINT_UNPROTECTED: ErrorCode = code(
    "ENDPOINT_UNPROTECTED",
    Category::InvalidRequest,
    "Use https, and give the server certificates in [server.tls]; http is for addresses of this machine.",
);
const CLIENT_TLS_UNUSABLE: ErrorCode = code(
    "CLIENT_TLS_UNUSABLE",
    Category::InvalidRequest,
    "Check --server-ca-file, --client-certificate-file and --client-key-file: certificates and an unencrypted private key, as PEM.",
);
const TOKEN_INVALID: ErrorCode = code(
    "TOKEN_INVALID",
    Category::InvalidRequest,
    "Check the file of --token-file: one line with the token, as the service gave it out.",
);
const SERVER_UNREACHABLE: ErrorCode = code(
    "SERVER_UNREACHABLE",
    Category::Unavailable,
    "Check that 'strongroom serve' runs there and that this machine reaches it, and try again.",
);
const SERVER_UNTRUSTED: ErrorCode = code(
    "SERVER_UNTRUSTED",
    Category::PermissionDenied,
    "Check that it is the right server, the name in the endpoint, and the authorities in --server-ca-file.",
);
const SERVER_GONE: ErrorCode = code(
    "SERVER_GONE",
    Category::Unavailable,
    "What had begun is finished there if the server still runs. Look before you ask for a change again.",
);
const SERVER_REFUSES: ErrorCode = code(
    "SERVER_REFUSES",
    Category::PermissionDenied,
    "Show a certificate with --client-certificate-file and --client-key-file, or a token with --token-file.",
);
const SERVER_OF_OTHER_RELEASE: ErrorCode = code(
    "SERVER_OF_OTHER_RELEASE",
    Category::Unsupported,
    "Use the release of the program that the server is of.",
);
const NOT_OVER_THE_NETWORK: ErrorCode = code(
    "NOT_OVER_THE_NETWORK",
    Category::Unsupported,
    "Run it where the vault is, without --endpoint, STRONGROOM_ENDPOINT and --client-config.",
);
const SERVER_NOT_NAMED: ErrorCode = code(
    "SERVER_NOT_NAMED",
    Category::InvalidRequest,
    "Name it with --endpoint, STRONGROOM_ENDPOINT or --client-config.",
);

impl RemoteError {
    /// Every code of this domain.
    pub(crate) const CODES: &'static [ErrorCode] = &[
        ENDPOINT_INVALID,
        ENDPOINT_UNPROTECTED,
        CLIENT_TLS_UNUSABLE,
        TOKEN_INVALID,
        SERVER_UNREACHABLE,
        SERVER_UNTRUSTED,
        SERVER_GONE,
        SERVER_REFUSES,
        SERVER_OF_OTHER_RELEASE,
        NOT_OVER_THE_NETWORK,
        SERVER_NOT_NAMED,
        Self::REFUSED,
    ];

    /// For a refusal of which the server says less.
    pub(crate) const REFUSED: ErrorCode = code(
        "REFUSED_BY_SERVER",
        Category::Internal,
        "Ask whoever runs the server: its log says more.",
    );

    /// An answer in which something is not there.
    pub(super) fn without(what: &str) -> Self {
        let what = format!("an answer without {what}");
        Self::Unreadable { what }
    }

    /// An answer that cannot be read.
    pub(super) fn unreadable(error: &(dyn Error + 'static)) -> Self {
        let what = error.to_string();
        Self::Unreadable { what }
    }
}

impl Coded for RemoteError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Endpoint { .. } => ENDPOINT_INVALID,
            Self::Unprotected { .. } => ENDPOINT_UNPROTECTED,
            Self::HalfIdentity | Self::NoAuthority | Self::TlsMaterial { .. } => {
                CLIENT_TLS_UNUSABLE
            }
            Self::Token => TOKEN_INVALID,
            Self::Unreachable { .. } => SERVER_UNREACHABLE,
            Self::Untrusted { .. } => SERVER_UNTRUSTED,
            Self::Gone { .. } => SERVER_GONE,
            Self::Refusing { .. } => SERVER_REFUSES,
            Self::Unreadable { .. } | Self::Unimplemented => SERVER_OF_OTHER_RELEASE,
            Self::NotNamed => SERVER_NOT_NAMED,
            Self::NotOffered { .. } => NOT_OVER_THE_NETWORK,
            Self::Refused(refusal) => refusal.known().unwrap_or(Self::REFUSED),
        }
    }
}
