//! Every rpc, called by every role over the network.

use std::collections::BTreeSet;

use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Role},
};
use tonic::Code;

use super::matrix::MATRIX;
use crate::{
    house::{House, Plan},
    issuer::{TokenIssuer, tokens},
    raw::call,
};

/// Who calls, and its letter in the matrix; the last one is known and granted nothing.
const CALLERS: [(&str, Option<char>); 5] = [
    ("key-administrator", Some('K')),
    ("operator", Some('O')),
    ("node", Some('N')),
    ("auditor", Some('A')),
    ("idler", None),
];

/// A server that knows the callers by their tokens.
async fn house(issuer: &TokenIssuer) -> House {
    let rule = |(name, role): (&str, Option<char>)| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: match role {
            Some(_) => vec![Grant::role(name.parse().unwrap())],
            None => Vec::new(),
        },
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(CALLERS.map(rule).into()),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await
}

#[test]
fn every_rpc_has_one_row_in_the_matrix_and_every_role_a_column() {
    let rows: BTreeSet<_> = MATRIX.iter().map(|(path, _)| *path).collect();
    assert_eq!(rows.len(), MATRIX.len(), "a row is there twice");
    let rpcs: BTreeSet<_> = Rpc::ALL.iter().map(|rpc| rpc.path()).collect();
    assert_eq!(rows, rpcs);
    let roles = CALLERS.iter().filter(|(_, letter)| letter.is_some());
    assert_eq!(roles.count(), Role::ALL.len());
}

#[tokio::test]
async fn every_rpc_is_allowed_or_refused_for_every_role_as_the_matrix_says() {
    let issuer = TokenIssuer::new();
    let house = house(&issuer).await;
    let channel = house.channel().await;
    let ask = async |path, token: Option<&str>| {
        let answer = call(&channel, path, token).await;
        answer.err().map_or(Code::Ok, |status| status.code())
    };
    for (path, allowed) in MATRIX {
        for (name, letter) in CALLERS {
            let token = issuer.token(name);
            let code = ask(path, Some(&token)).await;
            let may = *allowed == "*" || letter.is_some_and(|letter| allowed.contains(letter));
            if may {
                let refused = [Code::PermissionDenied, Code::Unauthenticated];
                assert!(!refused.contains(&code), "{name} {path}: {code:?}");
            } else {
                assert_eq!(code, Code::PermissionDenied, "{name} {path}");
            }
        }
        let code = ask(path, None).await;
        let refused = code == Code::Unauthenticated;
        assert_eq!(refused, *allowed != "*", "nobody {path}: {code:?}");
    }
}
