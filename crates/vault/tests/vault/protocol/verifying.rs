//! What is refused, and with which error.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{
    KeyUsage, KeyUsages, PrivateKey, ProtocolSignature, SessionSignature, Signature,
    SignatureDelegation, SignatureFormat, SigningAlgorithm, SigningAlgorithms, SigningKey,
    SigningKeySpec, Timestamp, ValidityPeriod, delegation_hash,
};
use strongroom_store::Custody;
use strongroom_test_support::SeededRandom;
use strongroom_topology::StoreId;
use strongroom_vault::{
    RequiredSchemes, SessionSigningSettings, Settings, SigningTime, VaultError, VerifyAt,
};

use super::{MESSAGE, Node, custody_of_protocol};
use crate::house::{ALLOW_PROTOCOL, House, caller, code};

async fn verify_as(
    node: &Node,
    how: VerifyAt,
    signature: &ProtocolSignature,
) -> Result<(), VaultError> {
    let vault = &node.vault;
    vault
        .verify_protocol(&how, &node.member, MESSAGE, signature)
        .await
}

#[tokio::test]
async fn row_113_a_node_without_session_keys_verifies_delegated_signatures_of_others() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    let house = House::numbered(2).with_settings(Settings::default());
    let other = house.create().await;
    for (times, transactions) in &node.sequenced {
        let (by, transactions) = (caller(), transactions.clone());
        other
            .add_sequenced(&by, &node.synchronizer, *times, transactions)
            .await
            .unwrap();
    }
    let how = node.how();
    let verified = other.verify_protocol(&how, &node.member, MESSAGE, &signature);
    verified.await.unwrap();
    let others = other.verify_protocol(&how, &node.member, b"another message", &signature);
    assert_eq!(code(others.await), "SIGNATURE_INVALID");
    assert_eq!(other.verified_delegations(), 1);
}

#[tokio::test]
async fn row_117_nodes_with_a_kms_with_and_without_session_keys_and_without_a_kms_verify_each_other()
 {
    let without_session_keys = Settings {
        session_signing: None,
        ..custody_of_protocol(Custody::External)
    };
    let mut nodes = Vec::new();
    for (number, settings, is_session) in [
        (11, custody_of_protocol(Custody::External), true),
        (12, without_session_keys, false),
        (13, custody_of_protocol(Custody::Envelope), false),
    ] {
        let house = House::numbered(number).with_settings(settings);
        nodes.push((Node::at(house, |_| None).await, is_session));
    }
    for (sender, is_session) in &nodes {
        let signature = sender.signed_now().await;
        assert_eq!(signature.delegation().is_some(), *is_session);
        sender.verify(&signature).await.unwrap();
        let others = nodes.iter().map(|(node, _)| node);
        for receiver in others.filter(|node| node.member != sender.member) {
            for (times, transactions) in &sender.sequenced {
                let transactions = transactions.clone();
                let synchronizer = &sender.synchronizer;
                let by = caller();
                let added = receiver
                    .vault
                    .add_sequenced(&by, synchronizer, *times, transactions);
                added.await.unwrap();
            }
            let (how, member) = (sender.how(), &sender.member);
            let vault = &receiver.vault;
            let verified = vault.verify_protocol(&how, member, MESSAGE, &signature);
            verified.await.unwrap();
        }
    }
    for (node, is_session) in &nodes {
        let numbers = node.vault.numbers_as_known().await;
        assert_eq!(numbers.session_key_fallbacks, 0);
        assert_eq!(numbers.session_keys_made, u64::from(*is_session));
        assert_eq!(node.vault.verified_delegations(), 1);
    }
}

#[tokio::test]
async fn a_delegation_that_is_not_yet_or_no_longer_valid_at_the_time_of_the_state_is_refused() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    for (seconds, is_valid) in [(-121, false), (-120, true), (179, true), (180, false)] {
        let how = VerifyAt::protocol(node.synchronizer.clone(), node.now(seconds));
        let verified = verify_as(&node, how, &signature).await;
        if is_valid {
            verified.unwrap();
            continue;
        }
        let error = verified.unwrap_err();
        assert!(error.to_string().contains("is only valid from"), "{error}");
        assert_eq!(code::<()>(Err(error)), "SIGNATURE_DELEGATION_INVALID");
    }
    // What the clock of whoever verifies says is nobody's concern.
    let how = node.how();
    node.house.clock.advance(Duration::from_secs(86_400));
    verify_as(&node, how, &signature).await.unwrap();
}

#[tokio::test]
async fn a_delegation_for_other_usages_than_the_protocol_alone_is_refused() {
    let node = Node::new().await;
    let (delegated, plain) = {
        let far = SigningTime::Approximate {
            at: node.now(0),
            until: Some(node.now(3600)),
        };
        (node.signed_now().await, node.signed(far).await)
    };
    for (usages, takes_plain) in [
        (KeyUsages::only(KeyUsage::SequencerAuthentication), false),
        (
            KeyUsages::any_of(&[KeyUsage::Protocol, KeyUsage::Namespace]),
            true,
        ),
    ] {
        let how = || VerifyAt {
            usages,
            ..node.how()
        };
        let refused = code(verify_as(&node, how(), &delegated).await);
        assert_eq!(refused, "SIGNATURE_DELEGATION_UNSUPPORTED");
        // A long-term key needs one of them only.
        let verified = verify_as(&node, how(), &plain).await;
        assert_eq!(verified.is_ok(), takes_plain, "{verified:?}");
    }
}

/// A signature by a session key that `long_term` of nobody delegated.
fn forged(synchronizer: &str, from: Timestamp, claimed: Option<&Signature>) -> ProtocolSignature {
    let random = SeededRandom::new(77);
    let pair = || {
        let private = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &random).unwrap();
        let usages = KeyUsages::try_new([KeyUsage::Protocol]).unwrap();
        let public = private.signing_public_key(usages).unwrap();
        (SigningKey::new(&private, &public).unwrap(), public)
    };
    let ((long_term, _), (session, public)) = (pair(), pair());
    let validity = ValidityPeriod::new(from, 300.try_into().unwrap());
    let hash = delegation_hash(&public, validity, synchronizer).to_multihash();
    let mut signature = long_term.sign(&hash, ALLOW_PROTOCOL).unwrap();
    if let Some(claimed) = claimed {
        signature.signed_by = claimed.signed_by;
    }
    let delegation = SignatureDelegation::try_new(public, validity, signature).unwrap();
    let message = session.sign(MESSAGE, ALLOW_PROTOCOL).unwrap();
    ProtocolSignature::Session(SessionSignature::new(message, Arc::new(delegation)))
}

#[tokio::test]
async fn a_delegation_by_another_key_or_with_a_forged_signer_is_refused_and_not_remembered() {
    let node = Node::new().await;
    let far = SigningTime::Approximate {
        at: node.now(0),
        until: Some(node.now(3600)),
    };
    let own = node.signed(far).await;
    let synchronizer = node.synchronizer.synchronizer.as_str();
    let stranger = forged(synchronizer, node.now(-60), None);
    assert_eq!(code(node.verify(&stranger).await), "SIGNER_KEY_NOT_VALID");
    let liar = forged(synchronizer, node.now(-60), Some(own.signature()));
    let refused = code(node.verify(&liar).await);
    assert_eq!(refused, "SIGNATURE_DELEGATION_INVALID");
    assert_eq!(node.vault.verified_delegations(), 0);
}

#[tokio::test]
async fn the_key_of_another_member_is_refused_and_a_member_without_keys_is_named() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    let nobody = format!("SEQ::nobody::{}", node.member.uid.namespace());
    let how = node.how();
    let nobody = nobody.parse().unwrap();
    let verified = node
        .vault
        .verify_protocol(&how, &nobody, MESSAGE, &signature);
    let error = verified.await.unwrap_err();
    assert!(error.to_string().contains("nobody"), "{error}");
    assert_eq!(code::<()>(Err(error)), "SIGNER_HAS_NO_VALID_KEYS");
}

#[tokio::test]
async fn row_116_algorithms_keys_and_formats_that_the_synchronizer_does_not_take_are_refused() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    let with = |schemes| VerifyAt {
        schemes,
        ..node.how()
    };
    let all = RequiredSchemes::default();
    for (schemes, expected) in [
        (
            RequiredSchemes {
                algorithms: SigningAlgorithms::of(&[SigningAlgorithm::EcDsaSha256]),
                ..all.clone()
            },
            "SIGNATURE_DELEGATION_INVALID",
        ),
        (
            RequiredSchemes {
                keys: [SigningKeySpec::EcP256].into(),
                ..all.clone()
            },
            "SIGNATURE_SCHEME_NOT_ALLOWED",
        ),
        (
            RequiredSchemes {
                formats: [SignatureFormat::Der].into(),
                ..all.clone()
            },
            "SIGNATURE_SCHEME_NOT_ALLOWED",
        ),
    ] {
        let refused = verify_as(&node, with(schemes), &signature).await;
        assert_eq!(code(refused), expected);
    }
    // A delegation that was taken under other schemes is held against these, too.
    node.verify(&signature).await.unwrap();
    let only = RequiredSchemes {
        algorithms: SigningAlgorithms::of(&[SigningAlgorithm::EcDsaSha256]),
        ..all.clone()
    };
    let refused = verify_as(&node, with(only), &signature).await;
    assert_eq!(code(refused), "SIGNATURE_DELEGATION_INVALID");
    node.verify(&signature).await.unwrap();
    assert_eq!(node.vault.verified_delegations(), 1);
    // One that names no algorithm needs some that runs on its key.
    let ProtocolSignature::Session(session) = &signature else {
        panic!("a session key should have signed");
    };
    let unnamed = Signature {
        algorithm: None,
        ..session.signature().clone()
    };
    let unnamed = SessionSignature::new(unnamed, Arc::clone(session.delegation()));
    let unnamed = ProtocolSignature::Session(unnamed);
    node.verify(&unnamed).await.unwrap();
    let others = RequiredSchemes {
        algorithms: SigningAlgorithms::of(&[SigningAlgorithm::EcDsaSha256]),
        ..all.clone()
    };
    // Its delegation is refused first, although it is remembered.
    let refused = verify_as(&node, with(others), &unnamed).await;
    assert_eq!(code(refused), "SIGNATURE_DELEGATION_INVALID");
}

#[tokio::test]
async fn row_116_what_the_owner_says_of_a_synchronizer_counts_whatever_a_verifier_asks_for() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    let node = node.where_only(only(SigningKeySpec::EcP256)).await;
    assert_eq!(
        code(node.verify(&signature).await),
        "SIGNATURE_SCHEME_NOT_ALLOWED"
    );
    let long_term = node.sign(node.about_now()).await;
    // The announced key is an Ed25519 key, which others would refuse.
    assert_eq!(code(long_term), "SIGNATURE_SCHEME_NOT_ALLOWED");
}

#[tokio::test]
async fn row_116_a_session_key_of_a_spec_that_the_synchronizer_does_not_take_is_not_made() {
    let node = Node::with(
        Settings {
            session_signing: Some(SessionSigningSettings {
                spec: SigningKeySpec::EcP256,
                ..SessionSigningSettings::default()
            }),
            ..custody_of_protocol(Custody::External)
        },
        |_| None,
    )
    .await;
    let by_session_key = node.signed_now().await;
    assert!(by_session_key.delegation().is_some());
    let node = node.where_only(only(SigningKeySpec::EcCurve25519)).await;
    let by_long_term_key = node.signed_now().await;
    assert!(by_long_term_key.delegation().is_none());
    node.verify(&by_long_term_key).await.unwrap();
    assert_eq!(node.vault.numbers_as_known().await.session_key_fallbacks, 1);
    assert_eq!(
        code(node.verify(&by_session_key).await),
        "SIGNATURE_SCHEME_NOT_ALLOWED"
    );
}

fn only(spec: SigningKeySpec) -> RequiredSchemes {
    RequiredSchemes {
        algorithms: SigningAlgorithms::of(&[spec.algorithm()]),
        keys: [spec].into(),
        ..RequiredSchemes::default()
    }
}

#[tokio::test]
async fn a_remembered_delegation_is_forgotten_when_nothing_can_be_verified_with_it_any_more() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    node.verify(&signature).await.unwrap();
    // 180 s of validity, twice half a minute for members, half a minute more.
    node.house.clock.advance(Duration::from_secs(269));
    node.vault.sweep();
    assert_eq!(node.vault.verified_delegations(), 1);
    node.house.clock.advance(Duration::from_secs(1));
    node.vault.sweep();
    assert_eq!(node.vault.verified_delegations(), 0);
}

#[tokio::test]
async fn a_second_delegation_of_one_session_key_is_accepted_and_not_remembered() {
    let node = Node::new().await;
    let first = node.signed_now().await;
    node.verify(&first).await.unwrap();
    let delegation = first.delegation().unwrap();
    let longer = ValidityPeriod::new(node.now(-60), 600.try_into().unwrap());
    let key = delegation.session_key().clone();
    let synchronizer = node.synchronizer.synchronizer.as_str();
    let hash = delegation_hash(&key, longer, synchronizer).to_multihash();
    let long_term_key = node.protocol_key().await;
    let signature = node.vault.sign(&long_term_key, &hash, ALLOW_PROTOCOL).await;
    let other = SignatureDelegation::try_new(key, longer, signature.unwrap()).unwrap();
    let again = SessionSignature::new(first.signature().clone(), Arc::new(other));
    node.verify(&ProtocolSignature::Session(again))
        .await
        .unwrap();
    node.verify(&first).await.unwrap();
    assert_eq!(node.vault.verified_delegations(), 1);
}

#[tokio::test]
async fn without_parameters_of_the_synchronizer_no_delegation_is_accepted() {
    let node = Node::new().await;
    let signature = node.signed_now().await;
    let (times, own) = node.sequenced[0].clone();
    let house = House::numbered(3);
    let other = house.create().await;
    other
        .add_sequenced(&caller(), &node.synchronizer, times, own)
        .await
        .unwrap();
    let how = node.how();
    let refused = other.verify_protocol(&how, &node.member, MESSAGE, &signature);
    assert_eq!(code(refused.await), "SYNCHRONIZER_PARAMETERS_MISSING");
    let stores = other.topology_stores().await.unwrap();
    assert!(stores.contains(&StoreId::Synchronizer(node.synchronizer.clone())));
}

#[tokio::test]
async fn a_signature_by_the_long_term_key_needs_no_parameters_and_no_protocol_version() {
    let node = Node::with(custody_of_protocol(Custody::Envelope), |_| None).await;
    let signature = node.signed_now().await;
    assert!(matches!(signature, ProtocolSignature::LongTerm(_)));
    node.verify(&signature).await.unwrap();
    assert_eq!(node.vault.verified_delegations(), 0);
}
