//! Session keys do not outlive the key that delegated them.

use std::time::Duration;

use futures_util::future::join_all;
use strongroom_crypto::Fingerprint;
use strongroom_store::{Custody, KeyState};
use strongroom_topology::SignedTransaction;
use strongroom_vault::{Place, Rotate, SigningTime};

use super::{Node, Slow, custody_of_protocol, session_key};
use crate::house::{caller, code};

#[tokio::test]
async fn session_keys_of_a_key_that_is_retired_or_deleted_are_wiped_at_once_and_nothing_signs_any_more()
 {
    for is_deleted in [false, true] {
        let node = Node::new().await;
        let key = node.protocol_key().await;
        session_key(&node.signed_now().await);
        assert_eq!(node.vault.session_keys(), 1);
        if is_deleted {
            let deleted = node
                .vault
                .danger_delete_announced_key(&caller(), &key)
                .await;
            deleted.unwrap();
        } else {
            let retired = node.vault.retire_key(&caller(), &key).await.unwrap();
            let state = retired.private.as_ref().unwrap().state;
            assert_eq!(state, KeyState::Retired);
        }
        assert_eq!(node.vault.session_keys(), 0);
        let refused = node.sign(node.about_now()).await;
        assert_eq!(code(refused), "NO_CURRENT_KEY");
        node.vault.close().await.unwrap();
    }
}

#[tokio::test]
async fn session_keys_of_a_key_that_comes_home_from_the_kms_are_wiped_at_once_and_it_signs_itself()
{
    let node = Node::with(custody_of_protocol(Custody::Envelope), |_| None).await;
    let key = node.protocol_key().await;
    let to_the_kms = Place::External { kms: None };
    let moved = node.vault.migrate_key(&caller(), &key, &to_the_kms).await;
    moved.unwrap();
    session_key(&node.signed_now().await);
    assert_eq!(node.vault.session_keys(), 1);
    let moved = node
        .vault
        .migrate_key(&caller(), &key, &Place::Envelope)
        .await;
    moved.unwrap();
    assert_eq!(node.vault.session_keys(), 0);
    let signature = node.signed_now().await;
    assert!(signature.delegation().is_none());
    node.verify(&signature).await.unwrap();
}

/// A node that signs with a slow KMS, and what withdraws the key that it has used so far: its successor is announced.
async fn about_to_withdraw() -> (Node, Fingerprint, SignedTransaction) {
    let slow = Duration::from_millis(40);
    let mut node = Node::with(custody_of_protocol(Custody::External), |house| {
        Some(Slow::around(house.metered.clone(), slow))
    })
    .await;
    let old = node.protocol_key().await;
    let rotated = Rotate::one(old);
    node.vault.begin_rotation(&caller(), rotated).await.unwrap();
    node.advance_rotation().await;
    let withdrawal = super::advance_rotation(&node.vault).await;
    (node, old, withdrawal)
}

#[tokio::test]
async fn a_long_term_key_that_is_withdrawn_while_a_session_key_is_made_signs_itself_and_leaves_none_behind()
 {
    let (node, old, withdrawal) = about_to_withdraw().await;
    // Whoever looks at the state before uses the old one.
    let before = SigningTime::Exact(node.now(-30));
    let signing = node.signed(before);
    let withdrawing = async {
        let all = vec![withdrawal];
        super::sequence(&node.vault, &node.synchronizer, -1, all).await;
    };
    let (signature, ()) = tokio::join!(signing, withdrawing);
    assert_eq!(node.vault.session_keys(), 0);
    assert_eq!(signature.long_term_key(), old);
    assert!(signature.delegation().is_none());
    // Nor is another one made for it afterwards, which would cost a call each time.
    let calls = node.kms_signatures();
    let signature = node.signed(before).await;
    assert!(signature.delegation().is_none());
    assert_eq!(node.kms_signatures() - calls, 1);
}

#[tokio::test]
async fn many_who_wait_for_a_session_key_of_a_key_that_is_withdrawn_cost_one_call_each_and_no_more()
{
    const MANY: u64 = 30;
    let (node, old, withdrawal) = about_to_withdraw().await;
    let before = SigningTime::Exact(node.now(-30));
    let calls = node.kms_signatures();
    let signing = join_all((0..MANY).map(|_| node.signed(before)));
    let withdrawing = async {
        let all = vec![withdrawal];
        super::sequence(&node.vault, &node.synchronizer, -1, all).await;
    };
    let (signatures, ()) = tokio::join!(signing, withdrawing);
    assert!(signatures.iter().all(|it| it.long_term_key() == old));
    assert!(signatures.iter().all(|it| it.delegation().is_none()));
    // The first of them had a session key made when the key was withdrawn.
    assert_eq!(node.kms_signatures() - calls, MANY + 1);
}
