//! What is wrong with tokens, and with what verifies them.

/// Why a token was refused. No part of the token is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("no service of tokens is configured")]
    NoService,
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    #[error("the token is signed with an algorithm that is not accepted")]
    Algorithm,
    #[error("the token has critical headers that are not understood")]
    Critical,
    #[error("no key fits the token")]
    NoKey,
    #[error("the signature of the token is wrong")]
    Signature,
    #[error("the token {0}")]
    Claim(&'static str),
    #[error("the keys of the service of tokens cannot be fetched")]
    KeysUnavailable,
}

/// Why a service of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenServiceError {
    /// Neither a certificate nor a public key, or of a kind that is not accepted.
    #[error(
        "there is no certificate and no public key of RSA from 2048 bits, P-256, P-384, P-521 or Ed25519 in PEM"
    )]
    Key,
    /// The address of published keys.
    #[error("published keys are fetched from https:// addresses, or http:// on this machine")]
    Url,
    /// The authorities for the host of published keys.
    #[error("there is no certificate of an authority in PEM")]
    Authorities,
    /// What fetches published keys could not be set up.
    #[error("published keys cannot be fetched")]
    Client(#[source] reqwest::Error),
}
