//! A service that gives out tokens, good ones and others.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};
use strongroom_crypto::clock::{Clock, SystemClock};
use strongroom_server::{
    access::{CallerRule, Grant, Identity},
    tokens::{Addressee, TokenKey, TokenKeys, TokenRules, TokenService, Tokens},
};
use strongroom_test_support::FixedClock;

pub(crate) const AUDIENCE: &str = "https://vault.example";

/// Gives out tokens that it signs with Ed25519.
pub(crate) struct TokenIssuer(Ed25519KeyPair);

impl TokenIssuer {
    pub(crate) fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }

    /// Its public key, in PEM.
    pub(crate) fn pem(&self) -> String {
        // RFC 8410: the kind of the key, and the key.
        let mut der = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
        der.extend(self.0.public_key().as_ref());
        let text = BASE64.encode(&der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// The same, as it is published.
    pub(crate) fn published(&self, id: &str) -> Value {
        let x = BASE64URL_NOPAD.encode(self.0.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig" })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }

    /// A good token.
    pub(crate) fn token(&self, subject: &str) -> String {
        self.sign(&json!({ "alg": "EdDSA" }), &claims(subject))
    }

    /// This service, whose tokens must be for us.
    pub(crate) fn service(&self) -> TokenService {
        let key = TokenKey::from_pem(self.pem().as_bytes()).unwrap();
        service(TokenKeys::Fixed(Box::new(key)))
    }
}

pub(crate) fn service(keys: TokenKeys) -> TokenService {
    let rules = TokenRules {
        addressee: Addressee::Audience(AUDIENCE.to_owned()),
        issuer: None,
        leeway: Duration::ZERO,
        max_lifetime: Duration::from_secs(300),
    };
    TokenService {
        name: None,
        keys,
        rules,
    }
}

pub(crate) fn tokens(services: Vec<TokenService>) -> Tokens {
    Tokens::of(services, Arc::new(SystemClock))
}

/// The same, by a clock that stands still now. Tokens for it are made before.
pub(crate) fn tokens_that_stand_still(services: Vec<TokenService>) -> (Tokens, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    (
        Tokens::of(services, Arc::<FixedClock>::clone(&clock)),
        clock,
    )
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().as_micros() / 1_000_000
}

/// The claims of a good token.
pub(crate) fn claims(subject: &str) -> Value {
    json!({ "sub": subject, "aud": AUDIENCE, "iat": now() - 1, "exp": now() + 200 })
}

/// Somebody who comes with a token of this name, and has this grant.
pub(crate) fn granted(name: &str, grant: Grant) -> CallerRule {
    CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![grant],
        rate_limit: None,
    }
}
