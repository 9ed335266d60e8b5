//! One service that gives out tokens.

use std::sync::Arc;

use strongroom_crypto::clock::Clock;

use super::{
    claims::{TokenRules, Verified},
    error::TokenError,
    jwt::Jwt,
    key::TokenKey,
    published::PublishedKeys,
};

/// A service that gives out tokens, and which of them are for us.
#[derive(Debug)]
pub struct TokenService {
    /// Its name, by which callers say whose tokens they have; none, if there is no other service.
    pub name: Option<Arc<str>>,
    /// Its keys.
    pub keys: TokenKeys,
    /// What its tokens must say.
    pub rules: TokenRules,
}

/// The keys of a service.
#[derive(Debug)]
pub enum TokenKeys {
    /// This one.
    Fixed(Box<TokenKey>),
    /// Those that it publishes.
    Published(Box<PublishedKeys>),
}

impl TokenService {
    /// Goes on with what was fetched for the services before, as far as it comes from the same source.
    pub(super) fn go_on_from(&self, before: &[Self]) {
        let TokenKeys::Published(keys) = &self.keys else {
            return;
        };
        for service in before {
            if let TokenKeys::Published(fetched) = &service.keys {
                keys.go_on_from(fetched);
            }
        }
    }

    /// Whether it can say at once what it thinks of a token: its keys are here.
    pub(super) fn knows(&self, jwt: &Jwt<'_>, clock: &dyn Clock) -> bool {
        match &self.keys {
            TokenKeys::Fixed(_) => true,
            TokenKeys::Published(keys) => keys.are_here(jwt.key_id.as_deref(), clock),
        }
    }

    pub(super) async fn verify(
        &self,
        jwt: &Jwt<'_>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Verified, TokenError> {
        match &self.keys {
            TokenKeys::Fixed(key) => verify_with(key, jwt)?,
            TokenKeys::Published(keys) => {
                let keys = keys.get(jwt.key_id.as_deref(), clock).await?;
                verify_with(keys.fitting(jwt)?, jwt)?;
            }
        }
        self.rules
            .check(self.name.as_ref(), &jwt.claims, clock.now())
    }
}

/// The key says how it is verified; a token that says something else is refused before anything is computed.
fn verify_with(key: &TokenKey, jwt: &Jwt<'_>) -> Result<(), TokenError> {
    if !key.does(&jwt.algorithm) {
        return Err(TokenError::Algorithm);
    }
    key.verify(jwt.signed.as_bytes(), &jwt.signature)
}
