//! Every rpc, called by every role over the network.

use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation, Role, operation_of},
};
use tonic::Code;

use crate::{
    house::{House, Plan},
    issuer::{TokenIssuer, tokens},
    raw::call,
};

/// A server that knows one caller of each role, by its token, and one who is granted nothing.
async fn house(issuer: &TokenIssuer) -> House {
    let rule = |name: &str, grants| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::Token(name.to_owned())],
        grants,
        rate_limit: None,
    };
    let by_role = Role::ALL.map(|role| rule(role.name(), vec![Grant::role(role)]));
    let mut rules = Vec::from(by_role);
    rules.push(rule("idler", Vec::new()));
    let server = ServerSettings {
        access: Access::of(rules),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await
}

#[tokio::test]
async fn every_rpc_is_allowed_or_refused_for_every_role_as_the_table_says() {
    let issuer = TokenIssuer::new();
    let house = house(&issuer).await;
    let channel = house.channel().await;
    let mut counted = 0;
    for rpc in Rpc::ALL {
        let operation = operation_of(rpc);
        let for_all = operation == Operation::Health;
        let idler: (&str, &[Operation]) = ("idler", &[]);
        let roles = Role::ALL.map(|role| (role.name(), role.operations()));
        for (name, operations) in roles.into_iter().chain([idler]) {
            let token = issuer.token(name);
            let answer = call(&channel, rpc.path(), Some(&token)).await;
            let code = answer.err().map_or(Code::Ok, |status| status.code());
            if for_all || operations.contains(&operation) {
                let refused = [Code::PermissionDenied, Code::Unauthenticated];
                assert!(!refused.contains(&code), "{name} {rpc:?}: {code:?}");
            } else {
                assert_eq!(code, Code::PermissionDenied, "{name} {rpc:?}");
            }
            counted += 1;
        }
        let answer = call(&channel, rpc.path(), None).await;
        let code = answer.err().map_or(Code::Ok, |status| status.code());
        assert_eq!(code == Code::Unauthenticated, !for_all, "{rpc:?}: {code:?}");
        counted += 1;
    }
    assert_eq!(counted, Rpc::ALL.len() * (Role::ALL.len() + 2));
}
