//! Announcing one more key of the node, and taking one back.

use strongroom_crypto::{EncryptionKeySpec, Fingerprint, KeyUsage};
use strongroom_errors::Coded;
use strongroom_topology::{MemberCode, Restriction};
use strongroom_vault::{
    AuditOperation, NewEncryptionKey, NewIdentity, Proposal, PublicKeyImport, Rotate, Vault,
};

use super::{
    PATIENT, announced_keys, node, participant,
    picture::look,
    protocol_key, rotate_all, serial,
    statements::{authorize, delegation, namespace, namespace_key, public},
};
use crate::house::{House, all_keys, caller, code, encryption_key, foreign_key, signing_key};

/// The act is refused with this code, and nothing has changed.
async fn check_refused(house: &House, vault: &Vault, act: Act, key: &Fingerprint, expected: &str) {
    let before = look(house, vault).await;
    assert_eq!(code(act.run(vault, key).await), expected, "{act:?}");
    assert_eq!(look(house, vault).await, before);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Announce,
    Withdraw,
}

impl Act {
    async fn run(
        self,
        vault: &Vault,
        key: &Fingerprint,
    ) -> Result<(), strongroom_vault::VaultError> {
        let caller = &caller();
        match self {
            Self::Announce => vault.announce_key(caller, key).await.map(drop),
            Self::Withdraw => vault.withdraw_key(caller, key).await.map(drop),
        }
    }
}

#[tokio::test]
async fn a_key_is_announced_behind_the_others_and_withdrawn_again() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let before = announced_keys(&vault).await;
    let (old, key) = (protocol_key(&vault).await, signing_key(&vault).await);
    let mapping = vault.announce_key(&caller(), &key).await.unwrap();
    assert_eq!(mapping.keys().len(), 4);
    assert_eq!(announced_keys(&vault).await, [&before[..], &[key]].concat());
    // The last one is the one in use.
    assert_eq!(protocol_key(&vault).await, key);
    let mapping = vault.withdraw_key(&caller(), &key).await.unwrap();
    assert_eq!(mapping.keys().len(), 3);
    assert_eq!(announced_keys(&vault).await, before);
    assert_eq!(protocol_key(&vault).await, old);
    assert_eq!(serial(&vault).await, 3);
    vault.announce_key(&caller(), &key).await.unwrap();
    vault.withdraw_key(&caller(), &old).await.unwrap();
    assert_eq!(protocol_key(&vault).await, key);
    look(&house, &vault).await;
}

#[tokio::test]
async fn the_log_tells_which_key_was_announced_and_withdrawn() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let key = encryption_key(&vault).await;
    vault.announce_key(&caller(), &key).await.unwrap();
    vault.withdraw_key(&caller(), &key).await.unwrap();
    let mut told = Vec::new();
    vault
        .walk_audit(|entry| {
            if entry.key == Some(key.to_string()) && entry.details.contains_key("transaction") {
                told.push((entry.operation, entry.details["signed_by"].clone()));
            }
        })
        .await
        .unwrap();
    // An encryption key proves nothing by a signature.
    let signer = keys.namespace_signer.to_string();
    let expected = [
        (AuditOperation::AnnounceKey, signer.clone()),
        (AuditOperation::WithdrawKey, signer),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_no_usable_key_of_the_node_is_not_announced() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let retired = signing_key(&vault).await;
    vault.retire_key(&caller(), &retired).await.unwrap();
    let public = foreign_key(7).public;
    let public_only = public.fingerprint();
    let import = PublicKeyImport { public, name: None };
    vault.import_public_key(&caller(), import).await.unwrap();
    for (key, expected) in [
        (Fingerprint::from_bytes([7; 32]), "KEY_NOT_FOUND"),
        (public_only, "NO_PRIVATE_KEY"),
        (retired, "KEY_RETIRED"),
        (protocol_key(&vault).await, "KEY_ALREADY_ANNOUNCED"),
        (keys.namespace_signer, "NOT_A_NODE_KEY"),
    ] {
        check_refused(&house, &vault, Act::Announce, &key, expected).await;
    }
}

#[tokio::test]
async fn the_twenty_first_key_is_not_announced() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    for _ in 3..20 {
        let key = encryption_key(&vault).await;
        vault.announce_key(&caller(), &key).await.unwrap();
    }
    let key = encryption_key(&vault).await;
    let expected = "TOO_MANY_ANNOUNCED_KEYS";
    check_refused(&house, &vault, Act::Announce, &key, expected).await;
    let error = vault.announce_key(&caller(), &key).await.unwrap_err();
    let text = "20 keys are announced, and no node announces more";
    assert_eq!(error.to_string(), text);
    // Nor has a successor room beside them.
    let keys = all_keys(&vault).len();
    for which in [Rotate::all(), Rotate::one(protocol_key(&vault).await)] {
        let refused = vault.begin_rotation(&caller(), which).await;
        assert_eq!(code(refused), expected);
        assert_eq!(all_keys(&vault).len(), keys);
    }
    let last = announced_keys(&vault).await[19];
    vault.withdraw_key(&caller(), &last).await.unwrap();
    rotate_all(&vault).await;
}

#[tokio::test]
async fn the_last_key_for_a_work_is_not_withdrawn() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    for (key, work) in announced_keys(&vault).await.iter().zip([
        KeyUsage::SequencerAuthentication.label(),
        KeyUsage::Protocol.label(),
        "encryption",
    ]) {
        check_refused(&house, &vault, Act::Withdraw, key, "LAST_ANNOUNCED_KEY").await;
        let error = vault.withdraw_key(&caller(), key).await.unwrap_err();
        let text = format!("{key} is the last announced key for {work}");
        assert_eq!(error.to_string(), text);
    }
    let not_announced = signing_key(&vault).await;
    for (key, expected) in [
        (keys.namespace_signer, "PERMANENT_KEY"),
        (not_announced, "KEY_NOT_ANNOUNCED"),
        (Fingerprint::from_bytes([7; 32]), "KEY_NOT_ANNOUNCED"),
    ] {
        check_refused(&house, &vault, Act::Withdraw, &key, expected).await;
    }
}

#[tokio::test]
async fn a_key_that_works_does_not_leave_the_work_to_one_that_was_lost() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (lost, works) = (protocol_key(&vault).await, signing_key(&vault).await);
    vault.announce_key(&caller(), &works).await.unwrap();
    let deleted = vault.danger_delete_announced_key(&caller(), &lost).await;
    deleted.unwrap();
    let expected = "LAST_ANNOUNCED_KEY";
    check_refused(&house, &vault, Act::Withdraw, &works, expected).await;
    vault.withdraw_key(&caller(), &lost).await.unwrap();
    assert!(!announced_keys(&vault).await.contains(&lost));
}

#[tokio::test]
async fn a_sequencer_may_withdraw_its_encryption_key() {
    let house = House::new();
    let vault = house.create().await;
    let new = NewIdentity {
        code: MemberCode::Sequencer,
        ..participant()
    };
    vault.initialize(&caller(), &new).await.unwrap();
    let request = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: None,
    };
    let key = vault.generate_encryption_key(&caller(), request).await;
    let key = key.unwrap().fingerprint();
    vault.announce_key(&caller(), &key).await.unwrap();
    vault.withdraw_key(&caller(), &key).await.unwrap();
    assert_eq!(announced_keys(&vault).await.len(), 2);
}

#[tokio::test]
async fn keys_under_rotation_are_left_to_the_rotation() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    let which = Rotate::one(old);
    let begun = vault.begin_rotation(&caller(), which).await.unwrap();
    let expected = "ROTATION_UNDER_WAY";
    for (act, key) in [(Act::Announce, begun[0].new), (Act::Withdraw, old)] {
        check_refused(&house, &vault, act, &key, expected).await;
    }
    vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    check_refused(&house, &vault, Act::Withdraw, &begun[0].new, expected).await;
    // What a rotation leaves behind that was given up is withdrawn by hand.
    vault.abandon_rotations(&caller()).await.unwrap();
    vault.withdraw_key(&caller(), &old).await.unwrap();
    assert_eq!(protocol_key(&vault).await, begun[0].new);
}

#[tokio::test]
async fn a_node_without_a_namespace_key_changes_no_announcement() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let (first, second) = (signing_key(&vault).await, signing_key(&vault).await);
    vault.announce_key(&caller(), &first).await.unwrap();
    let root = public(&vault, &keys.namespace_signer);
    let burnt = delegation(&namespace(&vault), &root, Restriction::AllMappings);
    authorize(&vault, Proposal::revoke(burnt)).await.unwrap();
    let expected = "NO_NAMESPACE_SIGNER";
    for (act, key) in [(Act::Announce, second), (Act::Withdraw, first)] {
        check_refused(&house, &vault, act, &key, expected).await;
    }
}

#[tokio::test]
async fn a_vault_that_is_no_nodes_announces_nothing() {
    let house = House::new();
    let vault = house.create().await;
    let key = namespace_key(&vault).await.fingerprint();
    for act in [Act::Announce, Act::Withdraw] {
        let error = act.run(&vault, &key).await.unwrap_err();
        assert_eq!(error.code().name(), "NOT_IDENTIFIED");
        assert!(error.code().advice().contains("--kind participant"));
    }
}
