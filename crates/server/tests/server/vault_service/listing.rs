use strongroom_crypto::{EncryptionKeySpec, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_proto::v30;
use strongroom_server::contract::vault::{
    BaseVaultRequest, ListKeysFilters, ListMyKeysRequest, ListPublicKeysRequest,
    private_key_metadata::PublicKeyWithName,
};
use strongroom_store::Custody;
use strongroom_vault::{Caller, CustodyDefaults, NewEncryptionKey, NewSigningKey, Settings};
use tonic::Code;

use super::{NAMESPACE, PROTOCOL, key};
use crate::house::{House, Plan, told};

const SIGNING: i32 = v30::KeyPurpose::Signing as i32;
const ENCRYPTION: i32 = v30::KeyPurpose::Encryption as i32;

async fn names(house: &House, filters: ListKeysFilters) -> Vec<String> {
    let request = ListMyKeysRequest {
        filters: Some(filters),
        base_request: None,
    };
    let mut client = house.vault_service().await;
    let keys = client.list_my_keys(request).await.unwrap().into_inner();
    let names = keys.private_keys_metadata.into_iter().map(|key| {
        let Some(PublicKeyWithName::V30(named)) = key.public_key_with_name else {
            panic!("a key without its public half");
        };
        named.name
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

async fn refusal(house: &House, filters: ListKeysFilters) -> Option<String> {
    let mut client = house.vault_service().await;
    let my_keys = ListMyKeysRequest {
        filters: Some(filters.clone()),
        base_request: None,
    };
    let of_mine = client.list_my_keys(my_keys).await.unwrap_err();
    let public_keys = ListPublicKeysRequest {
        filters: Some(filters),
        base_request: None,
    };
    let of_public = client.list_public_keys(public_keys).await.unwrap_err();
    assert_eq!(of_mine.code(), Code::InvalidArgument);
    assert_eq!(told(&of_mine), told(&of_public));
    let (id, reason) = told(&of_mine);
    assert_eq!(id, "PROTO_DESERIALIZATION_FAILURE");
    reason
}

async fn house() -> House {
    let house = House::new().await;
    let caller = Caller::new("test");
    for (name, usage) in [
        ("node-signing", KeyUsage::Protocol),
        ("node-namespace", KeyUsage::Namespace),
    ] {
        let new = NewSigningKey {
            spec: SigningKeySpec::EcCurve25519,
            usages: KeyUsages::only(usage),
            name: Some(name.parse().unwrap()),
        };
        house
            .vault
            .generate_signing_key(&caller, new)
            .await
            .unwrap();
    }
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: Some("node-encryption".parse().unwrap()),
    };
    house
        .vault
        .generate_encryption_key(&caller, new)
        .await
        .unwrap();
    house
}

#[tokio::test]
async fn keys_are_listed_that_pass_every_filter() {
    let house = house().await;
    let all = ["node-encryption", "node-namespace", "node-signing"];
    assert_eq!(names(&house, ListKeysFilters::default()).await, all);
    let by = |name: &str, purpose: &[i32], usage: &[i32]| ListKeysFilters {
        fingerprint: String::new(),
        name: name.to_owned(),
        purpose: purpose.to_vec(),
        usage_v30: usage.to_vec(),
    };
    assert_eq!(
        names(&house, by("ode-sig", &[], &[])).await,
        ["node-signing"]
    );
    let encryption = names(&house, by("", &[ENCRYPTION], &[])).await;
    assert_eq!(encryption, ["node-encryption"]);
    let signing = names(&house, by("", &[SIGNING], &[])).await;
    assert_eq!(signing, ["node-namespace", "node-signing"]);
    // Encryption keys have no usage that could exclude them.
    let namespace = names(&house, by("", &[], &[NAMESPACE])).await;
    assert_eq!(namespace, ["node-encryption", "node-namespace"]);
    let both = names(&house, by("signing", &[SIGNING], &[NAMESPACE])).await;
    assert!(both.is_empty(), "{both:?}");
}

#[tokio::test]
async fn a_fingerprint_is_compared_whole() {
    let house = House::new().await;
    let fingerprint = key(&house.vault, "one").await.to_string();
    let by = |fingerprint: &str| ListKeysFilters {
        fingerprint: fingerprint.to_owned(),
        ..ListKeysFilters::default()
    };
    assert_eq!(names(&house, by(&fingerprint)).await, ["one"]);
    let reason = refusal(&house, by(&fingerprint[..20])).await.unwrap();
    assert!(
        reason.starts_with("Failed to parse key fingerprint"),
        "{reason}"
    );
}

#[tokio::test]
async fn filters_that_cannot_be_meant_are_refused() {
    let house = House::new().await;
    let by = |purpose: &[i32], usage: &[i32]| ListKeysFilters {
        purpose: purpose.to_vec(),
        usage_v30: usage.to_vec(),
        ..ListKeysFilters::default()
    };
    let both = refusal(&house, by(&[ENCRYPTION], &[PROTOCOL])).await;
    let wanted = "Cannot specify a usage when listing encryption keys";
    assert_eq!(both.as_deref(), Some(wanted));
    for filters in [by(&[0], &[]), by(&[9], &[]), by(&[], &[0]), by(&[], &[99])] {
        assert!(refusal(&house, filters).await.is_some());
    }
}

#[tokio::test]
async fn a_client_whose_release_cannot_be_read_is_refused() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let mut ask = async |version: &str| {
        let request = ListMyKeysRequest {
            filters: Some(ListKeysFilters::default()),
            base_request: Some(BaseVaultRequest {
                client_version: version.to_owned(),
            }),
        };
        client.list_my_keys(request).await
    };
    ask("3.5.0-rc3").await.unwrap();
    let status = ask("new").await.unwrap_err();
    assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
}

#[tokio::test]
async fn a_key_says_what_opens_it_or_which_key_of_a_kms_it_is() {
    let settings = Settings {
        custody: CustodyDefaults {
            by_usage: [
                (KeyUsage::Protocol, Custody::External),
                (KeyUsage::Namespace, Custody::Clear),
            ]
            .into(),
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    };
    let house = House::planned(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    let caller = Caller::new("test");
    for usage in [
        KeyUsage::Protocol,
        KeyUsage::Namespace,
        KeyUsage::SequencerAuthentication,
    ] {
        let new = NewSigningKey {
            spec: SigningKeySpec::EcP256,
            usages: KeyUsages::only(usage),
            name: None,
        };
        house
            .vault
            .generate_signing_key(&caller, new)
            .await
            .unwrap();
    }
    let request = ListMyKeysRequest {
        filters: Some(ListKeysFilters::default()),
        base_request: None,
    };
    let mut client = house.vault_service().await;
    let keys = client.list_my_keys(request).await.unwrap().into_inner();
    let wrapper_key = house.vault.opening().wrapper_key_id;
    let (mut sealed, mut held, mut readable) = (0, 0, 0);
    for key in keys.private_keys_metadata {
        match (key.wrapper_key_id, key.kms_key_id) {
            (Some(id), None) if id == wrapper_key => sealed += 1,
            (None, Some(_)) => held += 1,
            (None, None) => readable += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sealed, held, readable), (1, 1, 1));
}
