//! Grants for some keys and some usages.

use strongroom_crypto::{Fingerprint, KeyUsage, SigningKeySpec};
use strongroom_proto::v30::SigningKeyUsage;
use strongroom_server::{
    ServerSettings,
    access::{Access, Grant, KeyPattern, Operation, Role},
    contract::{
        strongroom::{
            SignBatchRequest, SignItem, SignRequest, sign_item,
            signing_service_client::SigningServiceClient,
        },
        vault::{ListKeysFilters, ListMyKeysRequest, vault_service_client::VaultServiceClient},
    },
};
use strongroom_vault::{Caller, NewSigningKey};
use tonic::Code;

use crate::{
    house::{House, Plan},
    issuer::{TokenIssuer, granted, tokens},
    raw::with_token,
    vault_service::key,
};

fn item(key: &Fingerprint, usage: SigningKeyUsage) -> SignItem {
    SignItem {
        key: Some(sign_item::Key::Fingerprint(key.to_string())),
        content: Some(sign_item::Content::Message(b"message".to_vec())),
        usages: vec![usage.into()],
    }
}

/// A server, the keys `p1-signing` and `p2-signing`, and a token of a node with this grant.
async fn with_grant(grant: Grant) -> (House, Fingerprint, Fingerprint, String) {
    let issuer = TokenIssuer::new();
    let rule = granted("p1", grant);
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let own = key(&house.vault, "p1-signing").await;
    let other = key(&house.vault, "p2-signing").await;
    (house, own, other, issuer.token("p1"))
}

#[tokio::test]
async fn a_node_signs_with_its_keys_for_its_usages_only() {
    let keys = vec![KeyPattern::Name("p1-*".to_owned())];
    let usages = Some([KeyUsage::Protocol].into_iter().collect());
    let grant = Grant::role(Role::Node).with_keys(keys).with_usages(usages);
    let (house, own, other, token) = with_grant(grant).await;
    let mut client = SigningServiceClient::new(house.channel().await);
    let mut sign = async |key: &Fingerprint, usage| {
        let request = SignRequest {
            item: Some(item(key, usage)),
        };
        client.sign(with_token(request, Some(&token))).await
    };
    sign(&own, SigningKeyUsage::Protocol).await.unwrap();
    for (key, usage) in [
        (&other, SigningKeyUsage::Protocol),
        (&own, SigningKeyUsage::Namespace),
        (&other, SigningKeyUsage::Namespace),
    ] {
        let status = sign(key, usage).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
        assert!(!format!("{status:?}").contains(&key.to_string()));
    }
    // In a batch each item is judged alone.
    let request = SignBatchRequest {
        items: vec![
            item(&own, SigningKeyUsage::Protocol),
            item(&other, SigningKeyUsage::Protocol),
        ],
    };
    let results = client.sign_batch(with_token(request, Some(&token))).await;
    let results = results.unwrap().into_inner().results;
    let text = format!("{results:?}");
    assert_eq!(text.matches("ItemError").count(), 1, "{text}");
}

#[tokio::test]
async fn a_usage_that_is_not_granted_is_not_signed_for_although_the_key_has_it() {
    let usages = Some([KeyUsage::Namespace].into_iter().collect());
    let grant = Grant::role(Role::Node).with_usages(usages);
    let (house, own, _other, token) = with_grant(grant).await;
    let mut client = SigningServiceClient::new(house.channel().await);
    let request = SignRequest {
        item: Some(item(&own, SigningKeyUsage::Protocol)),
    };
    let status = client.sign(with_token(request, Some(&token))).await;
    assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_key_of_a_namespace_signs_for_nobody_who_may_not_sign_topology() {
    use KeyUsage::{Namespace, Protocol, SequencerAuthentication};
    let node = Grant::role(Role::Node);
    let topology = Grant::of([Operation::Sign, Operation::TopologySign]);
    for (grant, may_sign_topology) in [(node, false), (topology, true)] {
        let (house, _own, _other, token) = with_grant(grant).await;
        let mut client = SigningServiceClient::new(house.channel().await);
        for (of_key, usage, is_topology) in [
            (vec![Namespace], SigningKeyUsage::Namespace, true),
            // A signature does not say for which usage it was asked for.
            (
                vec![Namespace, SequencerAuthentication],
                SigningKeyUsage::SequencerAuthentication,
                true,
            ),
            // A party that has one key for everything signs its messages with it.
            (vec![Namespace, Protocol], SigningKeyUsage::Namespace, true),
            (vec![Namespace, Protocol], SigningKeyUsage::Protocol, false),
        ] {
            let new = NewSigningKey {
                spec: SigningKeySpec::EcCurve25519,
                usages: of_key.iter().copied().collect(),
                name: None,
            };
            let caller = Caller::new("test");
            let key = house.vault.generate_signing_key(&caller, new).await;
            let item = Some(item(&key.unwrap().fingerprint(), usage));
            let request = with_token(SignRequest { item }, Some(&token));
            let signed = client.sign(request).await;
            if may_sign_topology || !is_topology {
                signed.unwrap();
            } else {
                let code = signed.unwrap_err().code();
                assert_eq!(code, Code::PermissionDenied, "{of_key:?} for {usage:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_node_sees_its_keys_only() {
    for pattern in ["p1-signing", "p1-*"] {
        let pattern = KeyPattern::Name(pattern.to_owned());
        let grant = Grant::role(Role::Node).with_keys(vec![pattern]);
        let (house, own, other, token) = with_grant(grant).await;
        let mut client = VaultServiceClient::new(house.channel().await);
        let request = ListMyKeysRequest {
            filters: Some(ListKeysFilters::default()),
            ..ListMyKeysRequest::default()
        };
        let listed = client.list_my_keys(with_token(request, Some(&token))).await;
        let listed = listed.unwrap().into_inner().private_keys_metadata;
        assert_eq!(listed.len(), 1);
        let text = format!("{listed:?}");
        assert!(text.contains("p1-signing") && !text.contains("p2-signing"));
        // The same by its fingerprint.
        let own = house.vault.key(&own).unwrap();
        let grant =
            Grant::role(Role::Node).with_keys(vec![KeyPattern::Fingerprint(own.fingerprint())]);
        assert!(grant.allows_with(Operation::Sign, &own));
        let other = house.vault.key(&other).unwrap();
        assert!(!grant.allows_with(Operation::Sign, &other));
    }
}
