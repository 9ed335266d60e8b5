//! Who signs: a session key or the long-term key, and for how long.

use std::time::Duration;

use strongroom_crypto::{Fingerprint, ProtocolSignature, SigningKeySpec, Timestamp};
use strongroom_store::Custody;
use strongroom_test_support::HeardLog;
use strongroom_topology::{Mapping, StoreId, SynchronizerParameters};
use strongroom_vault::{Proposal, Rotate, SessionSigningSettings, Settings, SigningTime};

use super::{MESSAGE, Node, custody_of_protocol, session_key, synchronizer};
use crate::{
    house::{House, caller, code},
    topology::statements::rows,
};

#[tokio::test]
async fn row_103_a_session_key_signs_when_enabled_for_a_key_in_a_kms_and_the_long_term_key_otherwise()
 {
    let disabled = Settings {
        session_signing: None,
        ..custody_of_protocol(Custody::External)
    };
    let everywhere = Settings {
        session_signing: Some(SessionSigningSettings {
            every_custody: true,
            ..SessionSigningSettings::default()
        }),
        ..custody_of_protocol(Custody::Envelope)
    };
    for (settings, is_session) in [
        (custody_of_protocol(Custody::External), true),
        (disabled, false),
        (custody_of_protocol(Custody::Envelope), false),
        (everywhere, true),
    ] {
        let node = Node::with(settings, |_| None).await;
        let signature = node.signed_now().await;
        assert_eq!(signature.delegation().is_some(), is_session);
        assert_eq!(signature.long_term_key(), node.protocol_key().await);
        node.verify(&signature).await.unwrap();
        assert_eq!(node.vault.session_keys(), usize::from(is_session));
    }
}

#[tokio::test]
async fn row_104_a_session_signature_carries_a_delegation_by_the_active_key_and_verifying_remembers_exactly_that()
 {
    let node = Node::new().await;
    let before = node.kms_signatures();
    let signature = node.signed_now().await;
    let delegation = signature.delegation().unwrap();
    assert_eq!(delegation.long_term_key(), node.protocol_key().await);
    let session_key = delegation.session_key().fingerprint();
    assert_eq!(signature.signature().signed_by, session_key);
    assert_ne!(session_key, delegation.long_term_key());
    assert_eq!(delegation.validity().from(), node.now(-120));
    assert_eq!(delegation.validity().until(), node.now(180));
    assert_eq!(node.kms_signatures() - before, 1);
    assert_eq!(node.vault.verified_delegations(), 0);
    for _ in 0..3 {
        node.verify(&signature).await.unwrap();
        assert_eq!(node.vault.verified_delegations(), 1);
    }
    for _ in 0..100 {
        assert_eq!(node.signed_now().await.delegation(), Some(delegation));
    }
    assert_eq!(node.kms_signatures() - before, 1);
}

#[tokio::test]
async fn session_keys_of_every_spec_sign_and_are_verified() {
    for spec in SigningKeySpec::ALL {
        let settings = Settings {
            session_signing: Some(SessionSigningSettings {
                spec,
                ..SessionSigningSettings::default()
            }),
            ..custody_of_protocol(Custody::External)
        };
        let node = Node::with(settings, |_| None).await;
        let signature = node.signed_now().await;
        assert_eq!(signature.delegation().unwrap().session_key().spec(), spec);
        node.verify(&signature).await.unwrap();
    }
}

#[tokio::test]
async fn row_106_different_synchronizers_use_different_session_keys_of_the_same_validity() {
    let mut node = Node::new().await;
    let first = node.signed_now().await;
    let other = synchronizer(&node.member, "other", 35);
    node.follow(other.clone()).await;
    let signing = node.vault.sign_protocol(&other, node.about_now(), MESSAGE);
    let second = signing.await.unwrap();
    assert_ne!(session_key(&first), session_key(&second));
    let validity = |signature: &ProtocolSignature| signature.delegation().unwrap().validity();
    assert_eq!(validity(&first), validity(&second));
    // A delegation is for one synchronizer, although it does not name it.
    assert_eq!(
        code(node.verify(&second).await),
        "SIGNATURE_DELEGATION_INVALID"
    );
    node.verify(&first).await.unwrap();
}

#[tokio::test]
async fn row_108_a_new_long_term_key_in_the_state_gets_a_session_key_of_its_own_and_those_of_the_old_one_are_wiped_at_once()
 {
    let mut node = Node::new().await;
    let (old, announced) = (node.protocol_key().await, rows(&node.vault).await.len());
    let first = node.signed_now().await;
    let which = Rotate::one(old);
    let begun = node.vault.begin_rotation(&caller(), which).await.unwrap();
    let new = begun[0].new;
    node.advance_rotation().await;
    assert_eq!(rows(&node.vault).await.len(), announced + 1);
    // Both are announced: the new one signs, and what was signed with the old one's session key still verifies.
    let second = node.signed_now().await;
    assert_eq!(second.long_term_key(), new);
    assert_ne!(session_key(&first), session_key(&second));
    assert_eq!(node.vault.session_keys(), 2);
    for signature in [&first, &second] {
        node.verify(signature).await.unwrap();
    }
    // Whoever looks at the state before uses the old one.
    let before = SigningTime::Exact(node.now(-30));
    assert_eq!(session_key(&node.signed(before).await), session_key(&first));
    node.advance_rotation().await;
    assert_eq!(node.vault.session_keys(), 1, "the old key was withdrawn");
    let refused = code(node.verify(&first).await);
    assert_eq!(refused, "SIGNER_KEY_NOT_VALID");
    assert_eq!(session_key(&node.signed_now().await), session_key(&second));
}

#[tokio::test]
async fn row_109_a_session_key_disappears_from_memory_after_the_eviction_period_and_clocks_that_jump_change_nothing()
 {
    let node = Node::new().await;
    let start = node.now(0);
    node.signed_now().await;
    let jumps: [i64; 3] = [-86_400, 86_400, 0];
    for jump in jumps {
        let to = Timestamp::from_micros(start.as_micros() + jump * 1_000_000);
        node.house.clock.set(to);
        node.vault.sweep();
        assert_eq!(node.vault.session_keys(), 1, "no time has passed");
    }
    node.house.clock.advance(Duration::from_secs(599));
    node.vault.sweep();
    assert_eq!(node.vault.session_keys(), 1);
    // A clock that was set back does not make it stay.
    node.house.clock.set(start);
    node.house.clock.advance(Duration::from_secs(1));
    node.vault.sweep();
    assert_eq!(node.vault.session_keys(), 0);
}

#[tokio::test]
async fn row_119_short_durations_need_no_fallback_before_and_after_expiry() {
    let seconds = Duration::from_secs;
    let settings = Settings {
        session_signing: Some(SessionSigningSettings {
            validity: 10.try_into().unwrap(),
            tolerance: seconds(2),
            cut_off: seconds(2),
            eviction: seconds(20),
            ..SessionSigningSettings::default()
        }),
        ..custody_of_protocol(Custody::External)
    };
    let node = Node::with(settings, |_| None).await;
    let before = node.kms_signatures();
    for _ in 0..60 {
        let signature = node.signed_now().await;
        assert!(signature.delegation().is_some());
        node.verify(&signature).await.unwrap();
        node.house.clock.advance(seconds(1));
    }
    let numbers = node.vault.numbers_as_known().await;
    assert_eq!(numbers.session_key_fallbacks, 0);
    // Each key does for validity - tolerance - cut-off.
    assert_eq!(node.kms_signatures() - before, 10);
    assert_eq!(numbers.session_keys_made, 10);
    assert!(
        node.vault.session_keys() <= 4,
        "{}",
        node.vault.session_keys()
    );
}

#[tokio::test]
async fn row_118_with_default_durations_nothing_falls_back_and_with_a_long_confirmation_timeout_it_is_counted()
 {
    let node = Node::new().await;
    let at = node.now(0);
    let until = |seconds| SigningTime::Approximate {
        at,
        until: Some(node.now(seconds)),
    };
    for seconds in [-5, 0, 30, 120] {
        let signature = node.signed(until(seconds)).await;
        assert!(signature.delegation().is_some(), "{seconds}");
    }
    assert_eq!(node.vault.numbers_as_known().await.session_key_fallbacks, 0);
    let signature = node.signed(until(300)).await;
    assert!(signature.delegation().is_none());
    node.verify(&signature).await.unwrap();
    assert_eq!(node.vault.numbers_as_known().await.session_key_fallbacks, 1);
    let for_ever = SigningTime::Approximate {
        at,
        until: Some(Timestamp::LEDGER_MAX),
    };
    assert!(node.signed(for_ever).await.delegation().is_none());
    assert_eq!(node.vault.numbers_as_known().await.session_key_fallbacks, 1);
}

#[tokio::test]
async fn row_112_under_protocol_version_34_the_long_term_key_signs_and_a_delegation_is_refused() {
    let mut node = Node::new().await;
    let delegated = node.signed_now().await;
    node.synchronizer = synchronizer(&node.member, "da", 34);
    node.follow(node.synchronizer.clone()).await;
    let warnings = HeardLog::warnings();
    let _heard = warnings.hear();
    let signature = node.signed_now().await;
    assert!(signature.delegation().is_none());
    // Said once, not with each signature.
    node.signed_now().await;
    assert_eq!(warnings.count("need protocol version 35 or higher"), 1);
    node.verify(&signature).await.unwrap();
    let refused = node.verify(&delegated).await;
    assert_eq!(code(refused), "SIGNATURE_DELEGATION_UNSUPPORTED");
    assert_eq!(node.vault.numbers_as_known().await.session_key_fallbacks, 0);
}

#[tokio::test]
async fn nothing_is_signed_for_a_synchronizer_or_a_time_that_does_not_know_the_node() {
    let node = Node::new().await;
    let unknown = synchronizer(&node.member, "unknown", 35);
    let refused = node
        .vault
        .sign_protocol(&unknown, node.about_now(), MESSAGE);
    assert_eq!(code(refused.await), "TOPOLOGY_STORE_NOT_FOUND");
    for early in [node.now(-1000), Timestamp::from_micros(i64::MIN)] {
        let refused = node.sign(SigningTime::Exact(early)).await;
        assert_eq!(code(refused), "NO_CURRENT_KEY");
    }
    let later = SigningTime::Exact(Timestamp::from_micros(i64::MAX));
    assert!(node.signed(later).await.delegation().is_none());
}

#[tokio::test]
async fn a_vault_that_is_no_nodes_signs_no_messages_of_the_protocol() {
    let vault = House::new().create().await;
    let namespace = Fingerprint::from_bytes([0; 32]);
    let synchronizer = format!("da::{namespace}::35-0").parse().unwrap();
    let time = SigningTime::Exact(vault.current_time());
    let refused = vault.sign_protocol(&synchronizer, time, MESSAGE).await;
    assert_eq!(code(refused), "NOT_IDENTIFIED");
}

#[tokio::test]
async fn no_session_key_signs_as_of_a_time_that_is_far_ahead_of_clock_and_topology() {
    let node = Node::new().await;
    let calls = node.kms_signatures();
    let until = |node: &Node, seconds| {
        let (at, until) = (node.now(seconds), Some(node.now(seconds + 10)));
        SigningTime::Approximate { at, until }
    };
    let warnings = HeardLog::warnings();
    let _heard = warnings.hear();
    // Clocks may be five minutes apart.
    for seconds in [301, 3600, 10 * 365 * 86_400] {
        let exact = SigningTime::Exact(node.now(seconds));
        for time in [exact, until(&node, seconds)] {
            // A node whose clock is behind signs all the same, by its long-term key.
            let signature = node.signed(time).await;
            assert!(signature.delegation().is_none(), "{seconds}");
        }
    }
    assert_eq!(node.vault.session_keys(), 0);
    assert_eq!(node.kms_signatures() - calls, 6, "nothing was delegated");
    let numbers = node.vault.numbers_as_known().await;
    assert_eq!(numbers.session_key_fallbacks, 6);
    assert_eq!(warnings.count("ahead of the clock"), 1);
    session_key(&node.signed(SigningTime::Exact(node.now(300))).await);
}

#[tokio::test]
async fn session_keys_sign_as_of_times_that_topology_has_reached_before_the_clock() {
    let mut node = Node::new().await;
    let hour = 3600;
    let time = |node: &Node, seconds| SigningTime::Exact(node.now(hour + seconds));
    assert!(node.signed(time(&node, 0)).await.delegation().is_none());
    let synchronizer = node.synchronizer.clone();
    let parameters = Mapping::SynchronizerParametersState(SynchronizerParameters {
        synchronizer: synchronizer.synchronizer.clone(),
        // A minute to confirm, and half a minute for the mediators.
        parameters: Some(Box::from(*b"\x0a\x02\x08\x3c\x12\x02\x08\x1e")),
    });
    let store = StoreId::Synchronizer(synchronizer.clone());
    let (vault, by) = (&node.vault, caller());
    let proposal = vault.authorize(&by, &store, Proposal::announce(parameters));
    let signed = proposal.await.unwrap().signed;
    node.sequence(&synchronizer, hour, vec![signed]).await;
    session_key(&node.signed(time(&node, 0)).await);
    session_key(&node.signed(time(&node, 299)).await);
    assert!(node.signed(time(&node, 301)).await.delegation().is_none());
}
