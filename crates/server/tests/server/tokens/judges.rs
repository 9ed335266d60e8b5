//! Tokens that PyJWT makes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use strongroom_server::tokens::{TokenKey, TokenKeys};

use super::{ask, house};
use crate::issuer::service;

/// The Python that `cargo xtask setup` made.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("python/bin/python")
}

#[derive(Deserialize)]
struct Made {
    algorithm: String,
    /// A public key or a certificate.
    pem: String,
    token: String,
    /// A token with the same claims that is signed by HMAC with `pem`.
    confused: String,
}

/// One of each algorithm.
fn made() -> Vec<Made> {
    let python = python();
    assert!(
        python.exists(),
        "{} is not there: run 'cargo xtask setup'",
        python.display()
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/tokens.py");
    let output = Command::new(python)
        .arg(script)
        .arg(crate::issuer::AUDIENCE)
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn tokens_of_pyjwt_are_accepted_with_the_key_that_they_are_for() {
    let made = made();
    let algorithms: Vec<_> = made.iter().map(|made| made.algorithm.as_str()).collect();
    let all = ["RS256", "RS256", "ES256", "ES384", "ES512", "EdDSA"];
    assert_eq!(algorithms, all);
    for (index, one) in made.iter().enumerate() {
        let key = TokenKey::from_pem(one.pem.as_bytes()).unwrap();
        let house = house(vec![service(TokenKeys::Fixed(Box::new(key)))]).await;
        ask(&house, &one.token).await.unwrap();
        assert!(ask(&house, &one.confused).await.is_err());
        for (other, made) in made.iter().enumerate() {
            if other != index {
                assert!(ask(&house, &made.token).await.is_err());
            }
        }
    }
}
