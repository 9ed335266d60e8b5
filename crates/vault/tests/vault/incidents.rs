//! Plans for incidents, over vaults: what is affected, and that looking changes nothing.

use std::time::Duration;

use strongroom_crypto::Fingerprint;
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{
    Act, Affected, AffectedKey, AffectedWrapperKey, ExportForm, KeyRole, Loss, Suspect, Vault,
};

use crate::{
    backups::back_up,
    house::{House, KMS_NAME, Picture, caller, code, encryption_key, settings, signing_key},
    rotating::rotate,
    topology::{announced_keys, participant, protocol_key, with_intermediate_key},
};

async fn of_key(vault: &Vault, key: Fingerprint) -> AffectedKey {
    match vault.incident(&Suspect::Key(key)).await.unwrap().affected {
        Affected::Key(key) => key,
        other => panic!("{other:?}"),
    }
}

async fn of_wrapper_key(vault: &Vault, id: Option<&str>) -> AffectedWrapperKey {
    let suspect = Suspect::WrapperKey(id.map(str::to_owned));
    match vault.incident(&suspect).await.unwrap().affected {
        Affected::WrapperKey(key) => key,
        other => panic!("{other:?}"),
    }
}

fn root(vault: &Vault) -> Fingerprint {
    let member = vault.identity().unwrap().member;
    member.uid.namespace().fingerprint().unwrap()
}

/// A participant with an intermediate key.
async fn node(house: &House) -> Vault {
    let vault = house.create().await;
    let new = with_intermediate_key();
    vault.initialize(&caller(), &new).await.unwrap();
    vault
}

#[tokio::test]
async fn each_key_has_the_role_that_topology_gives_it() {
    let house = House::new();
    let vault = node(&house).await;
    let unannounced = signing_key(&vault).await;
    let announced = announced_keys(&vault).await;
    let intermediate = vault.list(&strongroom_vault::KeyFilter::default()).unwrap();
    let intermediate = intermediate.iter().map(|entry| entry.fingerprint());
    let known =
        |key: &Fingerprint| announced.contains(key) || *key == root(&vault) || *key == unannounced;
    let delegates: Vec<_> = intermediate.filter(|key| !known(key)).collect();
    let [delegate] = delegates[..] else {
        panic!("{delegates:?}");
    };
    for (key, role) in [
        (root(&vault), KeyRole::Root),
        (delegate, KeyRole::Delegate),
        (announced[0], KeyRole::Node),
        (unannounced, KeyRole::Unannounced),
    ] {
        let affected = of_key(&vault, key).await;
        assert_eq!(affected.role, role);
        assert_eq!(affected.announced.is_empty(), role == KeyRole::Unannounced);
    }
}

#[tokio::test]
async fn a_plan_names_the_backups_that_hold_the_key_and_each_export() {
    let house = House::new();
    let vault = house.create().await;
    let first = signing_key(&vault).await;
    house.clock.advance(Duration::from_secs(1));
    back_up(&house, &vault).await;
    house.clock.advance(Duration::from_secs(1));
    let second = signing_key(&vault).await;
    let form = ExportForm::Pkcs8Der;
    vault.export_key(&caller(), &second, &form).await.unwrap();
    let (first, second) = (of_key(&vault, first).await, of_key(&vault, second).await);
    assert_eq!((first.backups.len(), first.exports.len()), (1, 0));
    assert_eq!(first.backups[0].id, vault.backups()[0].id);
    assert_eq!((second.backups.len(), second.exports.len()), (0, 1));
    assert_eq!(second.exports[0].caller, caller().name());
}

#[tokio::test]
async fn the_plan_for_a_key_is_what_renews_it() {
    let house = House::new();
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    let key = protocol_key(&vault).await;
    let before = Picture::of(&vault).await;
    let plan = vault.incident(&Suspect::Key(key)).await.unwrap();
    let acts: Vec<_> = plan.steps.iter().map(|step| &step.act).collect();
    assert!(acts.contains(&&Act::BeginRotation(Some(key))), "{acts:?}");
    assert_eq!(Picture::of(&vault).await, before, "looking changes nothing");
    crate::topology::begin_rotation(&vault, key).await;
    assert!(of_key(&vault, key).await.rotating);
    crate::topology::finish_rotations(&vault).await;
    let after = of_key(&vault, key).await;
    assert_eq!(after.role, KeyRole::Unannounced);
    let unknown = house.neighbour();
    let elsewhere = unknown.create().await;
    let refused = elsewhere.incident(&Suspect::Key(key)).await;
    assert_eq!(code(refused), "KEY_NOT_FOUND");
}

#[tokio::test]
async fn a_wrapper_key_opens_what_is_sealed_and_after_a_rotation_only_old_backups() {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::DataKey));
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    encryption_key(&vault).await;
    back_up(&house, &vault).await;
    let before = of_wrapper_key(&vault, None).await;
    assert_eq!(before.kms, KMS_NAME);
    assert_eq!(before.sealed.len(), vault.key_count());
    assert_eq!((before.wraps.len(), before.backups.len()), (1, 1));
    assert!(before.wraps[0].in_use && before.has_node);
    let suspect = Suspect::WrapperKey(None);
    let plan = vault.incident(&suspect).await.unwrap();
    assert!(plan.losses.contains(&Loss::RootForEver), "it is sealed too");

    rotate(&vault).await.unwrap();
    let former = of_wrapper_key(&vault, Some(&before.wrapper_key_id)).await;
    assert!(former.sealed.is_empty() && !former.wraps[0].in_use);
    assert_eq!(former.backups, before.backups);
    let now = of_wrapper_key(&vault, None).await;
    assert_eq!(now.sealed.len(), vault.key_count());
    assert!(now.backups.is_empty());
    let unknown = Suspect::WrapperKey(Some("unknown".to_owned()));
    assert_eq!(code(vault.incident(&unknown).await), "WRAP_NOT_FOUND");
}

#[tokio::test]
async fn rows_that_a_kms_sealed_are_opened_by_their_wrapper_key() {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let affected = of_wrapper_key(&vault, None).await;
    let [sealed] = &affected.sealed[..] else {
        panic!("{affected:?}");
    };
    assert!(sealed.direct && sealed.fingerprint == key);
}

#[tokio::test]
async fn a_namespace_is_the_nodes_and_a_vault_without_a_node_has_none() {
    let house = House::new();
    let vault = node(&house).await;
    let plan = vault.incident(&Suspect::Root).await.unwrap();
    let Affected::Root(affected) = &plan.affected else {
        panic!("{plan:?}");
    };
    assert_eq!(affected.root, root(&vault));
    assert!(affected.root_is_here && affected.certified);
    assert_eq!(affected.delegates.len(), 1);
    assert_eq!(affected.node_keys, announced_keys(&vault).await);
    let empty = house.neighbour();
    let empty = empty.create().await;
    assert_eq!(code(empty.incident(&Suspect::Root).await), "NOT_IDENTIFIED");
}
