//! Tokens: which are accepted, and which are refused how.

mod judges;
mod published;
mod streams;

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Role},
    tokens::{TokenService, Tokens},
};
use tonic::{Code, Status};

use crate::{
    house::{House, Plan},
    issuer::{AUDIENCE, TokenIssuer, claims, now, tokens, tokens_that_stand_still},
    raw::call,
};

/// A server that knows `auditor`, by tokens of these services.
async fn house(services: Vec<TokenService>) -> House {
    house_with(tokens(services)).await
}

async fn house_with(tokens: Tokens) -> House {
    house_of(tokens, vec![Identity::token("auditor")]).await
}

/// The same, which knows `auditor` by these proofs.
async fn house_of(tokens: Tokens, identities: Vec<Identity>) -> House {
    let rule = CallerRule {
        name: "auditor".to_owned(),
        identities,
        grants: vec![Grant::role(Role::Auditor)],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens,
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await
}

/// Asks for the wrapper key with this token.
async fn ask(house: &House, token: &str) -> Result<(), Status> {
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&house.channel().await, path, Some(token)).await
}

fn with(subject: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(subject);
    claims[name] = value;
    claims
}

fn without(subject: &str, name: &str) -> Value {
    let mut claims = claims(subject);
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn a_good_token_says_who_calls_each_time() {
    let issuer = TokenIssuer::new();
    let house = house(vec![issuer.service()]).await;
    let token = issuer.token("auditor");
    for _call in 0..3 {
        ask(&house, &token).await.unwrap();
    }
    let several = with("auditor", "aud", json!(["other", AUDIENCE]));
    let token = issuer.sign(&json!({ "alg": "EdDSA", "typ": "at+jwt" }), &several);
    ask(&house, &token).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_and_nothing_of_it_is_told() {
    let issuer = TokenIssuer::new();
    let house = house(vec![issuer.service()]).await;
    let usual = json!({ "alg": "EdDSA" });
    let token = |claims: Value| issuer.sign(&usual, &claims);
    let good = issuer.token("auditor");
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = TokenIssuer::new();
    let with_key = |header: Value| issuer.sign(&header, &claims("auditor"));
    for (what, token) in [
        ("garbage", "garbage".to_owned()),
        ("two parts", signed.to_owned()),
        ("five parts", format!("{good}.a.b")),
        ("no signature", format!("{signed}.")),
        ("a cut signature", format!("{signed}.{}", &signature[..80])),
        ("another signer", other.token("auditor")),
        ("expired", token(with("auditor", "exp", json!(now() - 5)))),
        ("never expires", token(without("auditor", "exp"))),
        (
            "too long",
            token(with("auditor", "exp", json!(now() + 400))),
        ),
        ("no number", token(with("auditor", "exp", json!("soon")))),
        (
            "not yet valid",
            token(with("auditor", "nbf", json!(now() + 60))),
        ),
        (
            "of tomorrow",
            token(with("auditor", "iat", json!(now() + 60))),
        ),
        (
            "another audience",
            token(with("auditor", "aud", json!("x"))),
        ),
        ("no audience", token(without("auditor", "aud"))),
        ("no subject", token(without("auditor", "sub"))),
        ("an empty subject", token(with("auditor", "sub", json!("")))),
        ("an unknown subject", token(claims("mallory"))),
        ("none", with_key(json!({ "alg": "none" }))),
        ("no algorithm", with_key(json!({}))),
        ("another algorithm", with_key(json!({ "alg": "RS256" }))),
        ("a symmetric algorithm", with_key(json!({ "alg": "HS256" }))),
        (
            "critical headers",
            with_key(json!({ "alg": "EdDSA", "crit": ["b64"] })),
        ),
        (
            "null is critical too",
            with_key(json!({ "alg": "EdDSA", "crit": [] })),
        ),
    ] {
        let status = ask(&house, &token).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{what}: {status:?}");
        assert!(status.message().starts_with("An error occurred."), "{what}");
        let told = format!("{status:?}");
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!told.contains(part), "{what}: {told}");
        }
    }
    ask(&house, &good).await.unwrap();
}

#[tokio::test]
async fn the_first_service_that_accepts_a_token_wins() {
    let (first, second) = (TokenIssuer::new(), TokenIssuer::new());
    let house = house(vec![first.service(), second.service()]).await;
    for issuer in [&first, &second] {
        ask(&house, &issuer.token("auditor")).await.unwrap();
    }
    let stranger = TokenIssuer::new().token("auditor");
    let status = ask(&house, &stranger).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

/// Of two services each could give out tokens with the subjects of the other.
#[tokio::test]
async fn a_subject_counts_only_for_the_caller_of_the_service_that_gave_it_out() {
    let (people, robots) = (TokenIssuer::new(), TokenIssuer::new());
    let named = |issuer: &TokenIssuer, name: &str| TokenService {
        name: Some(name.into()),
        ..issuer.service()
    };
    let rule = |service: &str, role| CallerRule {
        name: format!("auditor-of-{service}"),
        identities: vec![Identity::Token {
            service: Some(service.to_owned()),
            subject: "auditor".to_owned(),
        }],
        grants: vec![Grant::role(role)],
        rate_limit: None,
    };
    for (rules, of_robots) in [
        (vec![rule("people", Role::Auditor)], Code::Unauthenticated),
        (
            vec![rule("people", Role::Auditor), rule("robots", Role::Node)],
            Code::PermissionDenied,
        ),
    ] {
        let server = ServerSettings {
            access: Access::of(rules),
            tokens: tokens(vec![named(&robots, "robots"), named(&people, "people")]),
            ..ServerSettings::default()
        };
        let house = House::planned(Plan {
            server,
            ..Plan::default()
        })
        .await;
        // Also once they are remembered.
        for _again in 0..2 {
            ask(&house, &people.token("auditor")).await.unwrap();
            let status = ask(&house, &robots.token("auditor")).await.unwrap_err();
            assert_eq!(status.code(), of_robots, "{status:?}");
        }
    }
}

#[tokio::test]
async fn a_remembered_token_is_not_good_any_longer_than_it_says() {
    let issuer = TokenIssuer::new();
    // It would be remembered for longer.
    let claims = with("auditor", "exp", json!(now() + 40));
    let token = issuer.sign(&json!({ "alg": "EdDSA" }), &claims);
    let (tokens, clock) = tokens_that_stand_still(vec![issuer.service()]);
    let house = house_with(tokens).await;
    ask(&house, &token).await.unwrap();
    clock.advance(Duration::from_secs(41));
    let status = ask(&house, &token).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn what_a_replaced_service_accepted_is_forgotten() {
    let (before, after) = (TokenIssuer::new(), TokenIssuer::new());
    let tokens = tokens(vec![before.service()]);
    let house = house_with(tokens.clone()).await;
    let token = before.token("auditor");
    ask(&house, &token).await.unwrap();
    tokens.replace(vec![after.service()]);
    let status = ask(&house, &token).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    ask(&house, &after.token("auditor")).await.unwrap();
}
