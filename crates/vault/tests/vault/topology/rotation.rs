//! Rotating the keys of a node.

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, PublicKey};
use strongroom_errors::Coded;
use strongroom_proto::topology::{encode_transaction, topology_signature};
use strongroom_store::KeyState;
use strongroom_topology::{
    At, Covers, Draft, ForceFlags, Mapping, Operation, Restriction, Serial, SignedTransaction,
    StoreId,
};
use strongroom_vault::{Proposal, PublicKeyImport, Rotate, RotationStep, Successor, Vault};

use super::{
    PATIENT, announced, announced_keys, begin_rotation, finish_rotations, node,
    picture::look,
    protocol_key, rotate_all, serial,
    statements::{add, authorize, delegation, namespace, namespace_key, outcomes, public},
    with_intermediate_key,
};
use crate::house::{ALLOW_PROTOCOL, House, all_keys, caller, code, name, signing_key};

#[tokio::test]
async fn rotating_one_key_takes_two_serials_and_leaves_only_the_new_key() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let before = announced_keys(&vault).await;
    let old = protocol_key(&vault).await;
    let begun = vault
        .begin_rotation(
            &caller(),
            Rotate::One {
                old,
                successor: Successor::Generated {
                    name: name("key_rotated"),
                    place: None,
                },
            },
        )
        .await
        .unwrap();
    let [rotation] = begun.as_slice() else {
        panic!("{begun:?}")
    };
    // The new key is there before anything is announced.
    assert_eq!(announced_keys(&vault).await, before);
    assert_eq!(vault.key(&rotation.new).unwrap().name, name("key_rotated"));
    let steps = finish_rotations(&vault).await;
    assert!(matches!(
        steps.as_slice(),
        [
            RotationStep::Announced(_),
            RotationStep::Withdrawn(_),
            RotationStep::Retired(_)
        ]
    ));
    let after = announced_keys(&vault).await;
    assert_eq!(after.len(), before.len());
    assert!(!after.contains(&old) && after.last() == Some(&rotation.new));
    assert_eq!(serial(&vault).await, 3);
    assert!(vault.rotations().is_empty());
}

#[tokio::test]
async fn between_the_two_serials_both_keys_are_announced_and_the_new_one_signs() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    begin_rotation(&vault, old).await;
    let step = vault
        .advance_rotation(&caller(), &PATIENT)
        .await
        .unwrap()
        .unwrap();
    let RotationStep::Announced(rotation) = step else {
        panic!("{step:?}")
    };
    let keys = announced_keys(&vault).await;
    assert!(keys.contains(&old) && keys.contains(&rotation.new));
    assert_eq!(protocol_key(&vault).await, rotation.new);
    // Messages under way may still be signed with the old key until it is withdrawn.
    vault.sign(&old, b"message", ALLOW_PROTOCOL).await.unwrap();
}

#[tokio::test]
async fn a_rotated_key_signs_nothing_and_decrypts_history() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (signing, encryption) = (
        protocol_key(&vault).await,
        vault.current_encryption_key().await.unwrap(),
    );
    let sent = vault.encrypt(&encryption, b"history").unwrap();
    let signed = vault
        .sign(&signing, b"message", ALLOW_PROTOCOL)
        .await
        .unwrap();
    rotate_all(&vault).await;
    assert_eq!(
        code(vault.sign(&signing, b"message", ALLOW_PROTOCOL).await),
        "KEY_RETIRED"
    );
    assert_eq!(code(vault.encrypt(&encryption, b"new")), "KEY_RETIRED");
    let opened = vault.decrypt(&sent).await.unwrap();
    assert_eq!(opened.expose(), b"history");
    vault.verify(b"message", &signed, ALLOW_PROTOCOL).unwrap();
    // Also after opening again, from the rows.
    vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(vault.decrypt(&sent).await.unwrap().expose(), b"history");
    assert_eq!(
        code(vault.sign(&signing, b"message", ALLOW_PROTOCOL).await),
        "KEY_RETIRED"
    );
}

#[tokio::test]
async fn rotating_all_keys_of_a_participant_takes_six_serials() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let before = announced_keys(&vault).await;
    rotate_all(&vault).await;
    let after = announced_keys(&vault).await;
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|key| !after.contains(key)));
    assert_eq!(serial(&vault).await, 7);
    // Order, specs and usages are those of before; the namespace key is untouched.
    for (old, new) in before.iter().zip(&after) {
        let (old, new) = (vault.key(old).unwrap(), vault.key(new).unwrap());
        assert_eq!((old.spec(), old.usages()), (new.spec(), new.usages()));
        assert_eq!(old.private.as_ref().unwrap().state, KeyState::Retired);
    }
    rotate_all(&vault).await;
    assert_eq!(serial(&vault).await, 13);
}

#[tokio::test]
async fn successors_are_named_after_their_predecessors() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    rotate_all(&vault).await;
    let key = vault.key(&protocol_key(&vault).await).unwrap();
    let name = key.name.as_ref().unwrap().as_str().to_owned();
    assert!(name.starts_with("alice-signing-rotated-"), "{name}");
    rotate_all(&vault).await;
    let key = vault.key(&protocol_key(&vault).await).unwrap();
    let name = key.name.as_ref().unwrap().as_str();
    assert_eq!(name.matches("-rotated").count(), 1, "{name}");
}

#[tokio::test]
async fn the_permanent_key_has_no_rotation() {
    let house = House::new();
    let vault = house.create().await;
    let keys = vault
        .initialize(&caller(), &with_intermediate_key())
        .await
        .unwrap();
    let rotate = |old| Rotate::one(old);
    let root = rotate(keys.root.unwrap());
    assert_eq!(
        code(vault.begin_rotation(&caller(), root).await),
        "PERMANENT_KEY"
    );
    // An intermediate namespace key is no node key either; neither is a key that nobody announced.
    for key in [keys.namespace_signer, signing_key(&vault).await] {
        let refused = vault.begin_rotation(&caller(), rotate(key)).await;
        let error = refused.unwrap_err();
        let text = format!("{key} is not announced by this node");
        assert_eq!(error.to_string(), text);
        assert_eq!(error.code().name(), "KEY_NOT_ANNOUNCED");
    }
    let unknown = Fingerprint::from_bytes([7; 32]);
    let refused = vault.begin_rotation(&caller(), rotate(unknown)).await;
    let error = refused.unwrap_err();
    let text = format!("The key {unknown} does not exist");
    assert_eq!(error.to_string(), text);
    assert_eq!(error.code().name(), "KEY_NOT_ANNOUNCED");
}

#[tokio::test]
async fn announced_keys_that_were_lost_are_rotated_away() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let before = announced_keys(&vault).await;
    for key in &before {
        let caller = caller();
        let deleted = vault.danger_delete_announced_key(&caller, key).await;
        deleted.unwrap();
        assert_eq!(code(vault.key(key)), "KEY_NOT_FOUND");
    }
    let refused = vault.current_signing_key(KeyUsage::Protocol).await;
    assert_eq!(code(refused), "NO_CURRENT_KEY");
    let begun = vault
        .begin_rotation(&caller(), Rotate::all())
        .await
        .unwrap();
    for rotation in &begun {
        // What is left of the old key is what was announced of it; nobody knows its name any more.
        let (old, new) = (
            vault.key(&rotation.old).unwrap(),
            vault.key(&rotation.new).unwrap(),
        );
        assert!(old.private.is_none() && old.name.is_none() && new.name.is_none());
        let announced = keys.announced.keys().iter();
        assert!(announced.into_iter().any(|key| *key == old.public));
        assert_eq!((old.spec(), old.usages()), (new.spec(), new.usages()));
    }
    // Also after a crash.
    vault.close().await.unwrap();
    let vault = house.open().await;
    finish_rotations(&vault).await;
    let after = announced_keys(&vault).await;
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|key| !after.contains(key)));
    let signing = protocol_key(&vault).await;
    vault
        .sign(&signing, b"message", ALLOW_PROTOCOL)
        .await
        .unwrap();
    let authenticates = KeyUsage::SequencerAuthentication;
    let key = vault.current_signing_key(authenticates).await.unwrap();
    let usages = KeyUsages::only(authenticates);
    vault.sign(&key, b"message", usages).await.unwrap();
    let encryption = vault.current_encryption_key().await.unwrap();
    let sent = vault.encrypt(&encryption, b"news").unwrap();
    assert_eq!(vault.decrypt(&sent).await.unwrap().expose(), b"news");
    look(&house, &vault).await;
}

#[tokio::test]
async fn a_key_of_which_only_the_public_half_is_here_is_rotated_away_under_its_name() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let old = protocol_key(&vault).await;
    vault
        .danger_delete_announced_key(&caller(), &old)
        .await
        .unwrap();
    let mut announced = keys.announced.keys().iter();
    let import = PublicKeyImport {
        public: announced
            .find(|key| key.fingerprint() == old)
            .unwrap()
            .clone(),
        name: name("alice-signing"),
    };
    vault.import_public_key(&caller(), import).await.unwrap();
    rotate_all(&vault).await;
    let key = vault.key(&protocol_key(&vault).await).unwrap();
    let name = key.name.as_ref().unwrap().as_str();
    assert!(name.starts_with("alice-signing-rotated-"), "{name}");
    assert!(vault.key(&old).unwrap().private.is_none());
}

#[tokio::test]
async fn a_node_that_cannot_announce_anything_begins_no_rotation() {
    // The one has lost its only namespace key, in the other's topology the namespace is no more.
    for is_burnt in [false, true] {
        let house = House::new();
        let (vault, keys) = node(&house).await;
        if is_burnt {
            let root = public(&vault, &keys.namespace_signer);
            let mapping = delegation(&namespace(&vault), &root, Restriction::AllMappings);
            authorize(&vault, Proposal::revoke(mapping)).await.unwrap();
        } else {
            let signer = keys.namespace_signer;
            let lost = vault.danger_delete_announced_key(&caller(), &signer).await;
            lost.unwrap();
        }
        let before = (look(&house, &vault).await, all_keys(&vault).len());
        let refused = vault.begin_rotation(&caller(), Rotate::all()).await;
        assert_eq!(code(refused), "NO_NAMESPACE_SIGNER");
        let after = (look(&house, &vault).await, all_keys(&vault).len());
        assert_eq!(after, before);
        assert!(vault.rotations().is_empty());
    }
}

#[tokio::test]
async fn one_rotation_comes_after_the_other() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    vault
        .begin_rotation(&caller(), Rotate::all())
        .await
        .unwrap();
    assert_eq!(
        code(vault.begin_rotation(&caller(), Rotate::all()).await),
        "ROTATION_UNDER_WAY"
    );
}

#[tokio::test]
async fn a_rotation_goes_on_after_the_vault_was_closed() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    vault
        .begin_rotation(&caller(), Rotate::all())
        .await
        .unwrap();
    let mut vault = Some(vault);
    let mut steps = 0;
    loop {
        vault.take().unwrap().close().await.unwrap();
        let opened = house.open().await;
        let step = opened.advance_rotation(&caller(), &PATIENT).await.unwrap();
        vault = Some(opened);
        match step {
            Some(_) => steps += 1,
            None => break,
        }
    }
    assert_eq!(steps, 9);
    let vault = vault.unwrap();
    assert!(!announced_keys(&vault).await.contains(&old));
    assert_eq!(serial(&vault).await, 7);
}

#[tokio::test]
async fn a_key_under_rotation_is_not_deleted() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    let begun = vault
        .begin_rotation(&caller(), Rotate::one(old))
        .await
        .unwrap();
    // Not announced yet, but the journal needs it.
    assert_eq!(
        code(vault.delete_key(&caller(), &begun[0].new).await),
        "ROTATION_UNDER_WAY"
    );
    assert_eq!(
        code(
            vault
                .danger_delete_announced_key(&caller(), &begun[0].new)
                .await
        ),
        "ROTATION_UNDER_WAY"
    );
}

#[tokio::test]
async fn a_rotation_that_was_given_up_leaves_keys_and_announcements_as_they_are() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    let before = announced_keys(&vault).await;
    begin_rotation(&vault, old).await;
    let given_up = vault.abandon_rotations(&caller()).await.unwrap();
    assert_eq!(given_up.len(), 1);
    assert!(vault.rotations().is_empty());
    assert_eq!(announced_keys(&vault).await, before);
    vault.sign(&old, b"message", ALLOW_PROTOCOL).await.unwrap();
    vault.key(&given_up[0].new).unwrap();
    // And another may begin.
    rotate_all(&vault).await;
}

#[tokio::test]
async fn a_rotation_that_is_given_up_after_the_old_key_was_withdrawn_retires_it() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let old = protocol_key(&vault).await;
    begin_rotation(&vault, old).await;
    for _step in ["announced", "withdrawn"] {
        vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    }
    assert!(!announced_keys(&vault).await.contains(&old));
    vault.abandon_rotations(&caller()).await.unwrap();
    assert_eq!(
        code(vault.sign(&old, b"message", ALLOW_PROTOCOL).await),
        "KEY_RETIRED"
    );
    assert!(vault.rotations().is_empty());
}

#[tokio::test]
async fn a_rotation_given_up_after_the_announcement_was_removed_retires_only_what_it_withdrew() {
    for steps in 0..3 {
        let house = House::new();
        let (vault, _) = node(&house).await;
        let old = protocol_key(&vault).await;
        let which = Rotate::one(old);
        vault.begin_rotation(&caller(), which).await.unwrap();
        for _ in 0..steps {
            vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
        }
        let mapping = Mapping::OwnerToKeyMapping(announced(&vault).await.unwrap());
        let removal = Proposal {
            force: ForceFlags::all(),
            ..Proposal::revoke(mapping)
        };
        authorize(&vault, removal).await.unwrap();
        assert_eq!(announced(&vault).await, None);
        let stale = vault.advance_rotation(&caller(), &PATIENT).await;
        assert_eq!(code(stale), "ROTATION_STALE");
        vault.abandon_rotations(&caller()).await.unwrap();
        let state = vault.key(&old).unwrap().private.as_ref().unwrap().state;
        let expected = [KeyState::Active, KeyState::Active, KeyState::Retired];
        assert_eq!(state, expected[steps]);
        look(&house, &vault).await;
    }
}

/// Announces a key that signs for namespaces only, as old nodes did: the vault itself would not.
async fn announce_namespace_key(vault: &Vault, signer: &Fingerprint) -> Fingerprint {
    let key = namespace_key(vault).await;
    let fingerprint = key.fingerprint();
    let mapping = announced(vault).await.unwrap();
    let mapping = mapping.with_key(PublicKey::Signing(key)).unwrap();
    let transaction = encode_transaction(Draft {
        operation: Operation::AddReplace,
        serial: Serial::try_new(serial(vault).await + 1).unwrap(),
        mapping: Mapping::OwnerToKeyMapping(mapping),
    });
    let message = transaction.hash().to_multihash();
    let mut signatures = Vec::new();
    for key in [signer, &fingerprint] {
        let usages = KeyUsages::only(KeyUsage::Namespace);
        let signature = vault.sign(key, &message, usages).await.unwrap();
        signatures.push(topology_signature(signature, Covers::This));
    }
    let signed = SignedTransaction::received(transaction, signatures, false);
    let added = add(vault, vec![signed.unwrap()]).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"]);
    fingerprint
}

#[tokio::test]
async fn a_key_that_signs_for_namespaces_only_has_no_rotation_though_it_is_announced() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let before = announced_keys(&vault).await;
    let old = announce_namespace_key(&vault, &keys.namespace_signer).await;
    assert_eq!(announced_keys(&vault).await, [&before[..], &[old]].concat());
    let look_before = (look(&house, &vault).await, all_keys(&vault).len());
    let which = Rotate::one(old);
    let refused = vault.begin_rotation(&caller(), which).await;
    assert_eq!(code(refused), "NOT_A_NODE_KEY");
    let look_after = (look(&house, &vault).await, all_keys(&vault).len());
    assert_eq!(look_after, look_before);
    // It does not keep the others from being rotated.
    rotate_all(&vault).await;
    let after = announced_keys(&vault).await;
    assert_eq!(after.len(), 4);
    assert_eq!(after.first(), Some(&old));
    assert!(before.iter().all(|key| !after.contains(key)));
    look(&house, &vault).await;
}

#[tokio::test]
async fn an_old_key_does_not_leave_its_work_to_a_successor_that_was_retired() {
    for is_announced in [false, true] {
        let house = House::new();
        let (vault, _) = node(&house).await;
        let old = protocol_key(&vault).await;
        let which = Rotate::one(old);
        let begun = vault.begin_rotation(&caller(), which).await.unwrap();
        if is_announced {
            vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
        }
        vault.retire_key(&caller(), &begun[0].new).await.unwrap();
        let before = (look(&house, &vault).await, announced_keys(&vault).await);
        let refused = vault.advance_rotation(&caller(), &PATIENT).await;
        assert_eq!(code(refused), "KEY_RETIRED", "{is_announced}");
        let after = (look(&house, &vault).await, announced_keys(&vault).await);
        assert_eq!(after, before);
        assert_eq!(vault.rotations(), begun);
        vault.abandon_rotations(&caller()).await.unwrap();
        assert!(vault.rotations().is_empty());
        vault.sign(&old, b"message", ALLOW_PROTOCOL).await.unwrap();
        if is_announced {
            vault.withdraw_key(&caller(), &begun[0].new).await.unwrap();
        }
        rotate_all(&vault).await;
    }
}

#[tokio::test]
async fn what_a_rotation_announced_is_signed_by_the_new_key_as_well() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let old = vault
        .current_signing_key(KeyUsage::SequencerAuthentication)
        .await
        .unwrap();
    begin_rotation(&vault, old).await;
    let rotation = vault.rotations()[0].clone();
    vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let latest = store.rows().last().unwrap();
    let mut signers: Vec<_> = latest.signed.signed_by().collect();
    let mut expected = vec![keys.namespace_signer, rotation.new];
    signers.sort();
    expected.sort();
    assert_eq!(signers, expected);
    assert!(store.owner_to_key(&keys.member, At::Head).is_some());
}
