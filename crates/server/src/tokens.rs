//! Tokens with which callers prove who they are: JSON Web Tokens (RFC 7519), signed with an asymmetric key.
//!
//! No library that is well kept verifies ES512, and what they do beside the signature is what must be strict here. So the
//! three parts of a token are taken apart in `jwt`, and AWS-LC verifies the signature with a key that knows its one algorithm
//! (`key`): a token never chooses how it is verified.

mod claims;
mod error;
mod json_key;
mod jwt;
mod key;
mod memory;
mod published;
mod service;

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use strongroom_crypto::clock::Clock;
use tokio::time::Instant;

pub(crate) use self::error::TokenError;
pub use self::{
    claims::{Addressee, TokenRules},
    error::TokenServiceError,
    key::TokenKey,
    published::PublishedKeys,
    service::{TokenKeys, TokenService},
};
use self::{
    claims::{Verified, seconds},
    jwt::Jwt,
    memory::Memory,
};

/// The services whose tokens are accepted. Clones share what is remembered.
#[derive(Clone, Default)]
pub struct Tokens(Option<Arc<Inner>>);

struct Inner {
    services: ArcSwap<Vec<TokenService>>,
    clock: Arc<dyn Clock>,
    memory: Memory,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self
            .0
            .as_ref()
            .map_or(0, |inner| inner.services.load().len());
        write!(f, "Tokens({services} services)")
    }
}

/// Whose token it is, and until when that holds.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// The service that gave it out; none: it has no name.
    pub(crate) service: Option<Arc<str>>,
    pub(crate) subject: Arc<str>,
    pub(crate) until: Instant,
}

impl Proof {
    fn of(verified: &Verified, clock: &dyn Clock) -> Self {
        let left = verified.until - seconds(clock.now());
        let left = Duration::try_from_secs_f64(left).unwrap_or_default();
        let now = Instant::now();
        Self {
            service: verified.service.clone(),
            subject: Arc::clone(&verified.subject),
            until: now.checked_add(left).unwrap_or(now),
        }
    }
}

impl Tokens {
    /// These services, asked in this order, those last whose keys are not here: the first that accepts a token says whose it is.
    #[must_use]
    pub fn of(services: Vec<TokenService>, clock: Arc<dyn Clock>) -> Self {
        Self(Some(Arc::new(Inner {
            services: ArcSwap::from_pointee(services),
            clock,
            memory: Memory::default(),
        })))
    }

    /// Takes other services, and forgets what those before them accepted. Does nothing where there were none. Keys that were
    /// fetched stay for those that have the same source: a source that is out now must not keep everybody out.
    pub fn replace(&self, services: Vec<TokenService>) {
        if let Some(inner) = &self.0 {
            let before = inner.services.load_full();
            for service in &services {
                service.go_on_from(&before);
            }
            inner.services.store(Arc::new(services));
            inner.memory.clear();
        }
    }

    /// What a token proves that was verified a short while ago and is still good.
    pub(crate) fn remembered(&self, token: &str) -> Option<Proof> {
        let inner = self.0.as_ref()?;
        let verified = inner.memory.find(token, inner.clock.as_ref())?;
        Some(Proof::of(&verified, inner.clock.as_ref()))
    }

    /// What a token proves.
    pub(crate) async fn verify(&self, token: &str) -> Result<Proof, TokenError> {
        let inner = self.0.as_ref().ok_or(TokenError::NoService)?;
        let jwt = Jwt::parse(token)?;
        let services = inner.services.load_full();
        let verified = first_to_accept(&services, &jwt, &inner.clock).await?;
        let proof = Proof::of(&verified, inner.clock.as_ref());
        // What was replaced meanwhile must not be remembered.
        if Arc::ptr_eq(&services, &inner.services.load()) {
            inner.memory.keep(token, verified, inner.clock.as_ref());
        }
        Ok(proof)
    }
}

/// Asks the services whose keys are here, in their order, and then all others at once: one that hangs must not keep out whoever
/// has tokens of another.
async fn first_to_accept(
    services: &[TokenService],
    jwt: &Jwt<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Verified, TokenError> {
    let mut refused = TokenError::NoService;
    let mut note = |error| {
        // That one service cannot say it weighs more than that another says no.
        if refused != TokenError::KeysUnavailable {
            refused = error;
        }
    };
    let mut absent = FuturesUnordered::new();
    for service in services {
        if let Err(error) = service.rules.may_accept(&jwt.claims) {
            note(error);
        } else if !service.knows(jwt, clock.as_ref()) {
            absent.push(service.verify(jwt, clock));
        } else {
            match service.verify(jwt, clock).await {
                Ok(verified) => return Ok(verified),
                Err(error) => note(error),
            }
        }
    }
    while let Some(outcome) = absent.next().await {
        match outcome {
            Ok(verified) => return Ok(verified),
            Err(error) => note(error),
        }
    }
    Err(refused)
}
