//! The three parts of a token (RFC 7515, section 7.1).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{claims::Claims, error::TokenError};

/// A token that is taken apart, and not verified.
pub(super) struct Jwt<'a> {
    pub(super) algorithm: String,
    pub(super) key_id: Option<String>,
    /// What is signed: header and claims as they came.
    pub(super) signed: &'a str,
    pub(super) claims: Claims,
    pub(super) signature: Vec<u8>,
}

/// The header, less what does not decide: a key that the token brings along is not even read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> Jwt<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let malformed = || TokenError::Malformed("it has not three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        if claims.contains('.') {
            return Err(malformed());
        }
        let part = |text: &str| {
            let decoded = BASE64URL_NOPAD.decode(text.as_bytes());
            decoded.map_err(|_where| TokenError::Malformed("a part is not base64url"))
        };
        let header: Header = serde_json::from_slice(&part(header)?)
            .map_err(|_what| TokenError::Malformed("its header cannot be read"))?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        Ok(Self {
            algorithm: header.alg,
            key_id: header.kid,
            signed,
            claims: Claims::parse(&part(claims)?)?,
            signature: part(signature)?,
        })
    }
}
