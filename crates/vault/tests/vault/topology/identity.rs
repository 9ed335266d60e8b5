//! Making a node's identity.

use std::collections::BTreeSet;

use strongroom_crypto::{KeyUsage, KeyUsages};
use strongroom_topology::{At, Mapping, MappingCode, MemberCode, Restriction, StoreId};
use strongroom_vault::{NewIdentity, Proposal};

use super::{
    announced, announced_keys, node, participant, protocol_key, rotate_all, serial,
    statements::{authorize, delegate, delegation, namespace, namespace_key, public},
    with_intermediate_key,
};
use crate::house::{House, all_keys, caller, check_signs, code, signing_key};

fn names(vault: &strongroom_vault::Vault) -> Vec<(String, Option<KeyUsages>)> {
    let mut keys = all_keys(vault);
    keys.sort_by_key(|key| key.created_at);
    keys.iter()
        .map(|key| {
            let name = key.name.as_ref().unwrap().as_str().to_owned();
            (name, key.usages())
        })
        .collect()
}

#[tokio::test]
async fn a_participant_gets_the_keys_that_canton_gives_it() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let usages = |usage| Some(KeyUsages::try_new([usage]).unwrap());
    let mut expected = vec![
        ("alice-namespace".to_owned(), usages(KeyUsage::Namespace)),
        (
            "alice-sequencer-auth".to_owned(),
            usages(KeyUsage::SequencerAuthentication),
        ),
        ("alice-signing".to_owned(), usages(KeyUsage::Protocol)),
        ("alice-encryption".to_owned(), None),
    ];
    let mut found = names(&vault);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found, expected);

    // Announced in this order; the namespace key is not announced but is the identity.
    let announced = announced_keys(&vault).await;
    let order: Vec<_> = announced
        .iter()
        .map(|key| vault.key(key).unwrap().name.clone().unwrap())
        .collect();
    let order: Vec<_> = order.iter().map(|name| name.as_str()).collect();
    assert_eq!(
        order,
        ["alice-sequencer-auth", "alice-signing", "alice-encryption"]
    );
    assert_eq!(Some(keys.namespace_signer), keys.root);
    assert_eq!(
        keys.member.to_string(),
        format!("PAR::alice::{}", keys.root.unwrap())
    );
    assert_eq!(serial(&vault).await, 1);
}

#[tokio::test]
async fn the_announcement_is_signed_by_the_namespace_and_by_both_signing_keys() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let announcement = store
        .head()
        .find(|row| row.signed.transaction().mapping().code() == MappingCode::OwnerToKeyMapping);
    let mut signers: Vec<_> = announcement.unwrap().signed.signed_by().collect();
    signers.sort();
    let mut expected = vec![keys.namespace_signer];
    expected.extend(keys.announced.signing_keys().map(|key| key.fingerprint()));
    expected.sort();
    assert_eq!(signers, expected);
}

#[tokio::test]
async fn an_intermediate_key_signs_the_announcement_so_that_the_root_can_rest() {
    let house = House::new();
    let vault = house.create().await;
    let keys = vault
        .initialize(&caller(), &with_intermediate_key())
        .await
        .unwrap();
    assert_ne!(Some(keys.namespace_signer), keys.root);
    let name = vault.key(&keys.namespace_signer).unwrap().name.clone();
    assert_eq!(name.unwrap().as_str(), "alice-intermediate-namespace");
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let delegations: Vec<_> = store
        .namespace_delegations(keys.member.uid.namespace(), At::Head)
        .map(|(_, delegation)| delegation.restriction().clone())
        .collect();
    assert_eq!(delegations.len(), 2);
    assert!(delegations.contains(&Restriction::AllMappings));
    assert!(delegations.contains(&Restriction::AllButNamespaceDelegations));
}

#[tokio::test]
async fn a_sequencer_needs_no_encryption_key() {
    let house = House::new();
    let vault = house.create().await;
    let new = NewIdentity {
        code: MemberCode::Sequencer,
        ..participant()
    };
    let keys = vault.initialize(&caller(), &new).await.unwrap();
    assert_eq!(keys.announced.keys().len(), 2);
    assert_eq!(keys.announced.encryption_keys().count(), 0);
    assert!(keys.member.to_string().starts_with("SEQ::alice::1220"));
}

#[tokio::test]
async fn making_it_again_changes_nothing() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let before = names(&vault);
    let again = vault.initialize(&caller(), &participant()).await.unwrap();
    assert_eq!(again.announced, keys.announced);
    assert_eq!(names(&vault), before);
    assert_eq!(serial(&vault).await, 1);
}

#[tokio::test]
async fn the_identity_is_there_after_opening_again() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(vault.identity().unwrap().member, keys.member);
    let announced = announced_keys(&vault).await;
    assert_eq!(announced.len(), 3);
}

#[tokio::test]
async fn a_vault_is_of_one_node_only() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let bob = NewIdentity {
        identifier: "bob".to_owned(),
        ..participant()
    };
    assert_eq!(
        code(vault.initialize(&caller(), &bob).await),
        "OTHER_IDENTITY"
    );
    // Nor are keys made for the other one.
    let before = names(&vault);
    let elsewhere = NewIdentity {
        node: "elsewhere".to_owned(),
        ..bob
    };
    assert_eq!(
        code(vault.initialize(&caller(), &elsewhere).await),
        "OTHER_IDENTITY"
    );
    assert_eq!(names(&vault), before);
}

#[tokio::test]
async fn making_it_again_needs_no_root_key_once_another_signs() {
    let house = House::new();
    let vault = house.create().await;
    let new = with_intermediate_key();
    let keys = vault.initialize(&caller(), &new).await.unwrap();
    let root = keys.root.unwrap();
    vault
        .danger_delete_announced_key(&caller(), &root)
        .await
        .unwrap();
    let before = names(&vault);
    let again = vault.initialize(&caller(), &new).await.unwrap();
    assert_eq!(again.root, None);
    assert_eq!(again.announced, keys.announced);
    assert_eq!(again.namespace_signer, keys.namespace_signer);
    assert_eq!(names(&vault), before);
}

#[tokio::test]
async fn a_key_of_the_name_without_a_private_half_stops_it() {
    let house = House::new();
    let vault = house.create().await;
    let key = crate::house::foreign_key(7);
    vault
        .import_public_key(
            &caller(),
            strongroom_vault::PublicKeyImport {
                public: key.public,
                name: crate::house::name("alice-namespace"),
            },
        )
        .await
        .unwrap();
    let error = vault
        .initialize(&caller(), &participant())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Broken private key store: Could not find signing key 1220"),
        "{error}"
    );
    assert!(vault.identity().is_none());
}

#[tokio::test]
async fn the_current_key_is_the_last_announced_one_that_is_here() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let current = vault.current_signing_key(KeyUsage::Protocol).await.unwrap();
    let announced: Vec<_> = keys.announced.signing_keys().collect();
    assert_eq!(current, announced[1].fingerprint());
    let other = signing_key(&vault).await;
    let entry = vault.key(&other).unwrap();
    let mapping = keys.announced.with_key(entry.public.clone()).unwrap();
    vault
        .authorize(
            &caller(),
            &StoreId::Authorized,
            Proposal::announce(Mapping::OwnerToKeyMapping(mapping)),
        )
        .await
        .unwrap();
    assert_eq!(
        vault.current_signing_key(KeyUsage::Protocol).await.unwrap(),
        other
    );
    // The usage that only shows that one has the key is no usage of its own.
    assert_eq!(
        vault
            .current_signing_key(KeyUsage::SequencerAuthentication)
            .await
            .unwrap(),
        announced[0].fingerprint()
    );
}

#[tokio::test]
async fn a_vault_without_identity_has_no_current_key() {
    let house = House::new();
    let vault = house.create().await;
    assert_eq!(
        code(vault.current_signing_key(KeyUsage::Protocol).await),
        "NOT_IDENTIFIED"
    );
}

#[tokio::test]
async fn the_namespace_signer_is_a_key_that_may_sign_announcements() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let namespace = namespace(&vault);
    let signer = async || {
        let again = vault.initialize(&caller(), &participant()).await;
        again.unwrap().namespace_signer
    };
    let root = keys.namespace_signer;
    // The last one that may, however many were delegated to afterwards that may not.
    let middle = delegate(&vault, Restriction::AllMappings).await;
    assert_eq!(signer().await, middle.fingerprint());
    let only_parties = BTreeSet::from([MappingCode::PartyToKeyMapping]);
    delegate(&vault, Restriction::SpecificMappings(only_parties)).await;
    assert_eq!(signer().await, middle.fingerprint());
    // A key that only the middle one delegated to, and that dangles without it.
    let dangling = namespace_key(&vault).await;
    let by_middle = Proposal {
        signing_keys: vec![middle.fingerprint()],
        ..Proposal::announce(delegation(&namespace, &dangling, Restriction::AllMappings))
    };
    authorize(&vault, by_middle).await.unwrap();
    assert_eq!(signer().await, dangling.fingerprint());
    let revoked = delegation(&namespace, &middle, Restriction::AllMappings);
    authorize(&vault, Proposal::revoke(revoked)).await.unwrap();
    assert_eq!(signer().await, root);
    // One that does not sign any more, although topology would let it.
    let resting = delegate(&vault, Restriction::AllMappings).await;
    assert_eq!(signer().await, resting.fingerprint());
    let retired = vault.retire_key(&caller(), &resting.fingerprint()).await;
    retired.unwrap();
    assert_eq!(signer().await, root);
}

#[tokio::test]
async fn a_node_whose_only_delegations_dangle_has_no_namespace_signer() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    delegate(&vault, Restriction::AllMappings).await;
    let root = public(&vault, &keys.namespace_signer);
    let burnt = delegation(&namespace(&vault), &root, Restriction::AllMappings);
    authorize(&vault, Proposal::revoke(burnt)).await.unwrap();
    let refused = vault.initialize(&caller(), &participant()).await;
    assert_eq!(code(refused), "NO_NAMESPACE_SIGNER");
}

#[tokio::test]
async fn keys_that_were_rotated_out_are_not_announced_again() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    rotate_all(&vault).await;
    let rotated = announced(&vault).await.unwrap();
    let removal = Proposal::revoke(Mapping::OwnerToKeyMapping(rotated.clone()));
    authorize(&vault, removal).await.unwrap();
    let again = vault.initialize(&caller(), &participant()).await.unwrap();
    let names: Vec<_> = again
        .announced
        .keys()
        .iter()
        .map(|key| vault.key(&key.fingerprint()).unwrap().name.clone().unwrap())
        .collect();
    let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
    assert_eq!(
        names,
        ["alice-sequencer-auth", "alice-signing", "alice-encryption"]
    );
    let fresh = |key: &strongroom_crypto::PublicKey| {
        let key = key.fingerprint();
        !keys.announced.contains(&key) && !rotated.contains(&key)
    };
    assert!(again.announced.keys().iter().all(fresh));
    check_signs(&vault, &protocol_key(&vault).await).await;
}
