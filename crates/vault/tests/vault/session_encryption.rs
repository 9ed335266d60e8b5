//! Session encryption keys: rows 120 to 124 of what Canton's tests say, and what follows from the rules.

#[path = "session_encryption/retiring.rs"]
mod retiring;
#[path = "session_encryption/waiting.rs"]
mod waiting;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionAlgorithm, EncryptionKeySpec, Fingerprint, Random as _,
    SecretBytes, SymmetricKey, SystemRandom, Timestamp,
};
use strongroom_test_support::SeededRandom;
use strongroom_topology::Member;
use strongroom_vault::{
    AuditOperation, AuditSettings, Caller, RecipientsTree, RequiredEncryption, SessionCacheBounds,
    SessionEncryptionKey, SessionEncryptionSettings, SessionSnapshot, SessionView, Settings,
    SynchronizerSchemes, UseRecords,
};

use crate::{
    audit::records,
    house::{caller, code},
    meeting::{Party, meeting, meeting_at_a_kms, where_only},
    topology::synchronizers::store,
};

const TIMEOUT: Duration = Duration::from_secs(10);

fn tree(members: BTreeSet<Member>) -> RecipientsTree {
    RecipientsTree {
        members,
        children: Vec::new(),
    }
}

fn view(members: BTreeSet<Member>) -> SessionView {
    SessionView {
        recipients: tree(members),
        subviews: Vec::new(),
    }
}

fn snapshot(deterministic: bool) -> SessionSnapshot {
    SessionSnapshot {
        store: store(),
        at: None,
        deterministic,
    }
}

/// The keys of one transaction of Alice's.
async fn transaction(alice: &Party, views: &[SessionView]) -> Vec<Arc<SessionEncryptionKey>> {
    let session = alice.vault.session_encryption();
    session.keys(views, &snapshot(false)).await.unwrap()
}

/// The encryption for `party`.
async fn for_party(key: &SessionEncryptionKey, party: &Party) -> AsymmetricEncrypted {
    let own = party.encryption_key().await;
    let mut all = key.encryptions().iter();
    all.find(|it| it.encrypted_for == own).unwrap().clone()
}

fn without_caches() -> Settings {
    Settings {
        session_encryption: SessionEncryptionSettings {
            enabled: false,
            ..SessionEncryptionSettings::default()
        },
        ..Settings::default()
    }
}

#[tokio::test]
async fn row_120_a_session_encryption_key_is_made_at_the_first_transaction_for_a_group_and_used_again_at_the_next()
 {
    let meeting = meeting_at_a_kms(&Settings::default()).await;
    let (alice, bob) = (&meeting.alice, &meeting.bob);
    let first = transaction(alice, &[view(meeting.both())]).await;
    let second = transaction(alice, &[view(meeting.both())]).await;
    assert!(Arc::ptr_eq(&first[0], &second[0]));
    // The sender knows what it has made, and asks no KMS for it.
    let own = for_party(&first[0], alice).await;
    let session = alice.vault.session_encryption();
    let secret = session.secret(&own).await.unwrap();
    assert_eq!(secret.expose(), first[0].secret().expose());
    assert_eq!(alice.decrypted_by_kms(), 0);
    // The receiver asks once.
    let received = for_party(&first[0], bob).await;
    for _ in 0..3 {
        let session = bob.vault.session_encryption();
        session.secret(&received).await.unwrap();
    }
    assert_eq!(bob.decrypted_by_kms(), 1);
    let numbers = bob.vault.session_encryption_numbers();
    assert_eq!((numbers.receiver_hits, numbers.receiver_misses), (2, 1));
    let numbers = alice.vault.session_encryption_numbers();
    assert_eq!((numbers.sender_hits, numbers.sender_misses), (1, 1));
}

#[tokio::test]
async fn row_121_the_cached_secret_decrypts_the_view_of_the_transaction() {
    let meeting = meeting().await;
    let (alice, bob) = (&meeting.alice, &meeting.bob);
    let keys = transaction(alice, &[view(meeting.both())]).await;
    let key = |secret: &SecretBytes| {
        SymmetricKey::try_new(SecretBytes::from_slice(secret.expose())).unwrap()
    };
    let sealed = key(keys[0].secret()).seal(b"view", &SystemRandom).unwrap();
    let received = for_party(&keys[0], bob).await;
    for _decrypted_then_cached in 0..2 {
        let session = bob.vault.session_encryption();
        let secret = session.secret(&received).await.unwrap();
        assert_eq!(key(&secret).open(&sealed).unwrap().expose(), b"view");
    }
}

#[tokio::test]
async fn row_122_rotating_the_key_of_sender_or_receiver_leads_to_a_new_secret_that_both_have() {
    let mut meeting = meeting().await;
    let both = meeting.both();
    let mut secrets = BTreeSet::new();
    for rotation in 0..3 {
        match rotation {
            0 => {}
            1 => drop(meeting.rotate(|meeting| &meeting.bob).await),
            _ => drop(meeting.rotate(|meeting| &meeting.alice).await),
        }
        let (alice, bob) = (&meeting.alice, &meeting.bob);
        let keys = transaction(alice, &[view(both.clone())]).await;
        for party in [alice, bob] {
            let encrypted = for_party(&keys[0], party).await;
            let session = party.vault.session_encryption();
            let secret = session.secret(&encrypted).await.unwrap();
            assert_eq!(secret.expose(), keys[0].secret().expose());
        }
        assert!(secrets.insert(keys[0].secret().expose().to_vec()));
    }
}

#[tokio::test]
async fn row_123_entries_vanish_after_the_timeout_however_often_they_are_used() {
    let meeting = meeting_at_a_kms(&Settings::default()).await;
    let (alice, bob) = (&meeting.alice, &meeting.bob);
    let first = transaction(alice, &[view(meeting.both())]).await;
    let received = for_party(&first[0], bob).await;
    let session = bob.vault.session_encryption();
    session.secret(&received).await.unwrap();
    meeting.advance(TIMEOUT - Duration::from_micros(1));
    assert!(Arc::ptr_eq(
        &transaction(alice, &[view(meeting.both())]).await[0],
        &first[0]
    ));
    session.secret(&received).await.unwrap();
    assert_eq!(bob.decrypted_by_kms(), 1);
    meeting.advance(Duration::from_micros(1));
    for party in [alice, bob] {
        let numbers = party.vault.session_encryption_numbers();
        assert_eq!((numbers.sender_entries, numbers.receiver_entries), (0, 0));
    }
    assert!(!Arc::ptr_eq(
        &transaction(alice, &[view(meeting.both())]).await[0],
        &first[0]
    ));
    session.secret(&received).await.unwrap();
    assert_eq!(bob.decrypted_by_kms(), 2);
}

#[tokio::test]
async fn row_123_without_caches_secrets_live_for_one_transaction() {
    let meeting = meeting_at_a_kms(&without_caches()).await;
    let (alice, bob) = (&meeting.alice, &meeting.bob);
    let session = alice.vault.session_encryption();
    let views = [view(meeting.both())];
    let one = session.keys(&views, &snapshot(false)).await.unwrap();
    let same = session.keys(&views, &snapshot(false)).await.unwrap();
    assert!(Arc::ptr_eq(&one[0], &same[0]));
    let other = transaction(alice, &views).await;
    assert!(!Arc::ptr_eq(&one[0], &other[0]));
    let received = for_party(&one[0], bob).await;
    for transactions in 1..3 {
        let session = bob.vault.session_encryption();
        for _twice_in_one in 0..2 {
            session.secret(&received).await.unwrap();
        }
        assert_eq!(bob.decrypted_by_kms(), transactions);
    }
    let numbers = bob.vault.session_encryption_numbers();
    assert_eq!((numbers.receiver_entries, numbers.receiver_hits), (0, 0));
}

#[tokio::test]
async fn row_124_with_transparency_checks_secrets_are_encrypted_deterministically() {
    let meeting = meeting().await;
    let session = meeting.alice.vault.session_encryption();
    let views = [view(meeting.both())];
    let keys = session.keys(&views, &snapshot(true)).await.unwrap();
    let topology = meeting.alice.vault.topology(&store()).await.unwrap();
    for (member, encrypted) in meeting.both().iter().zip(keys[0].encryptions()) {
        let mapping = topology.owner_to_key(member, strongroom_topology::At::Head);
        let key = strongroom_topology::current_encryption_key(mapping.unwrap()).unwrap();
        let secret = keys[0].secret().expose();
        assert_eq!(&key.encrypt_deterministically(secret).unwrap(), encrypted);
    }
    drop(topology);
    let randomised = session.keys(&views, &snapshot(false)).await.unwrap();
    assert!(!Arc::ptr_eq(&keys[0], &randomised[0]));
}

#[tokio::test]
async fn a_revoked_parent_revokes_what_is_below_it_and_nothing_beside_it() {
    let mut meeting = meeting().await;
    let both = meeting.both();
    let alone = BTreeSet::from([meeting.alice.member.clone()]);
    let under = |parent: &BTreeSet<Member>| RecipientsTree {
        members: alone.clone(),
        children: vec![tree(parent.clone())],
    };
    let views = [
        SessionView {
            recipients: tree(both.clone()),
            subviews: vec![SessionView {
                recipients: under(&both),
                subviews: Vec::new(),
            }],
        },
        view(alone.clone()),
    ];
    let before = transaction(&meeting.alice, &views).await;
    assert_eq!(before.len(), 3);
    let same = transaction(&meeting.alice, &views).await;
    assert!(
        before
            .iter()
            .zip(&same)
            .all(|(one, other)| Arc::ptr_eq(one, other))
    );
    // Only the key of the outer view is encrypted to Bob.
    meeting.rotate(|meeting| &meeting.bob).await;
    let after = transaction(&meeting.alice, &views).await;
    let kept: Vec<_> = before
        .iter()
        .zip(&after)
        .map(|(one, other)| Arc::ptr_eq(one, other))
        .collect();
    assert_eq!(kept, [false, false, true]);
}

#[tokio::test]
async fn each_use_of_a_secret_is_on_record_also_of_one_that_is_known() {
    let settings = Settings {
        audit: AuditSettings {
            uses: UseRecords::Each,
            ..AuditSettings::default()
        },
        ..Settings::default()
    };
    let meeting = meeting_at_a_kms(&settings).await;
    let bob = &meeting.bob;
    let keys = transaction(&meeting.alice, &[view(meeting.both())]).await;
    let received = for_party(&keys[0], bob).await;
    let before = records(&bob.vault).await.unwrap().len();
    for name in ["ann", "ben"] {
        let session = bob.vault.session_encryption();
        let session = session.on_behalf_of(Caller::new(name));
        session.secret(&received).await.unwrap();
    }
    assert_eq!(bob.decrypted_by_kms(), 1);
    let uses = records(&bob.vault).await.unwrap().split_off(before);
    let uses: Vec<_> = uses
        .iter()
        .map(|it| (it.caller.as_str(), it.operation, it.key.clone()))
        .collect();
    let key = Some(received.encrypted_for.to_string());
    let decrypted = |by| (by, AuditOperation::Decrypt, key.clone());
    assert_eq!(uses, [decrypted("ann"), decrypted("ben")]);
}

#[tokio::test]
async fn what_is_made_for_one_caller_is_used_for_no_other() {
    let meeting = meeting().await;
    let views = [view(meeting.both())];
    let keys = async |caller: Option<&str>| {
        let session = meeting.alice.vault.session_encryption();
        let session = match caller {
            Some(name) => session.on_behalf_of(Caller::new(name)),
            None => session,
        };
        let keys = session.keys(&views, &snapshot(false)).await.unwrap();
        Arc::clone(&keys[0])
    };
    let callers = [None, Some("ann"), Some("ben")];
    let mut secrets = BTreeSet::new();
    for caller in callers {
        let first = keys(caller).await;
        assert!(Arc::ptr_eq(&first, &keys(caller).await));
        assert!(secrets.insert(first.secret().expose().to_vec()));
    }
}

#[tokio::test]
async fn keys_of_views_of_the_future_are_refused() {
    let meeting = meeting().await;
    let alice = &meeting.alice;
    let session = alice.vault.session_encryption();
    let views = [view(meeting.both())];
    let at = async |seconds: i64| {
        let now = alice.vault.current_time().as_micros();
        let snapshot = SessionSnapshot {
            at: Some(Timestamp::from_micros(now + seconds * 1_000_000)),
            ..snapshot(false)
        };
        session.keys(&views, &snapshot).await
    };
    at(300).await.unwrap();
    assert_eq!(code(at(301).await), "PAYLOAD_OF_THE_FUTURE");
}

#[tokio::test]
async fn what_is_no_secret_of_16_bytes_is_refused_and_not_kept() {
    let meeting = meeting().await;
    let bob = &meeting.bob;
    let key = bob.encryption_key().await;
    let session = bob.vault.session_encryption();
    for message in [&b""[..], b"fifteen bytes..", b"seventeen bytes.."] {
        let encrypted = bob.vault.encrypt(&key, message).unwrap();
        assert_eq!(code(session.secret(&encrypted).await), "DECRYPT_FAILED");
    }
    let unknown = AsymmetricEncrypted {
        encrypted_for: Fingerprint::from_bytes([7; 32]),
        ..bob.vault.encrypt(&key, b"message").unwrap()
    };
    assert_eq!(code(session.secret(&unknown).await), "KEY_NOT_FOUND");
    assert_eq!(bob.vault.session_encryption_numbers().receiver_entries, 0);
}

#[tokio::test]
async fn row_116_encryptions_that_the_synchronizer_does_not_take_are_neither_made_nor_decrypted() {
    let all = RequiredEncryption::default();
    for required in [
        RequiredEncryption {
            algorithms: [EncryptionAlgorithm::RsaOaepSha256].into(),
            ..all.clone()
        },
        RequiredEncryption {
            keys: [EncryptionKeySpec::Rsa2048].into(),
            ..all
        },
    ] {
        let meeting = meeting().await;
        let views = [view(meeting.both())];
        let keys = transaction(&meeting.alice, &views).await;
        let received = for_party(&keys[0], &meeting.bob).await;
        let bob = meeting.bob.vault.session_encryption().on(&store());
        bob.secret(&received).await.unwrap();
        let schemes = SynchronizerSchemes {
            encryption: required,
            ..SynchronizerSchemes::default()
        };
        let bob = where_only(meeting.bob, schemes.clone()).await;
        let session = bob.session_encryption().on(&store());
        let refused = session.secret(&received).await;
        assert_eq!(code(refused), "ENCRYPTION_SCHEME_NOT_ALLOWED");
        let alice = where_only(meeting.alice, schemes).await;
        // The snapshot names the synchronizer.
        let session = alice.session_encryption();
        let refused = session.keys(&views, &snapshot(false)).await;
        assert_eq!(code(refused), "ENCRYPTION_SCHEME_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn secrets_of_a_key_that_is_deleted_leave_memory_with_it() {
    let meeting = meeting().await;
    let keys = transaction(&meeting.alice, &[view(meeting.both())]).await;
    // Bob was sent his, and Alice has kept what she encrypted to herself.
    for party in [&meeting.alice, &meeting.bob] {
        let received = for_party(&keys[0], party).await;
        let session = party.vault.session_encryption();
        session.secret(&received).await.unwrap();
        let entries = || party.vault.session_encryption_numbers().receiver_entries;
        assert_eq!(entries(), 1);
        let key = received.encrypted_for;
        let by = caller();
        let deleted = party.vault.danger_delete_announced_key(&by, &key);
        deleted.await.unwrap();
        assert_eq!(entries(), 0);
        let numbers = party.vault.session_encryption_numbers();
        assert_eq!(numbers.sender_entries, 0);
        assert_eq!(code(session.secret(&received).await), "KEY_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_secret_for_longer() {
    let meeting = meeting().await;
    let alice = &meeting.alice;
    let first = transaction(alice, &[view(meeting.both())]).await;
    let clock = &alice.house.clock;
    let earlier = alice.house.clock_time().as_micros() - 3_600_000_000;
    clock.set(Timestamp::from_micros(earlier));
    meeting.advance(TIMEOUT);
    let second = transaction(alice, &[view(meeting.both())]).await;
    assert!(!Arc::ptr_eq(&first[0], &second[0]));
}

/// 400 transactions at random: each secret is of one group, encrypted to exactly its keys, and not used past its time.
#[tokio::test]
async fn a_secret_is_never_used_past_its_time_nor_for_other_recipients() {
    let meeting = meeting().await;
    let alice = &meeting.alice;
    let members = [alice, &meeting.bob].map(|party| party.member.clone());
    let keys = [
        alice.encryption_key().await,
        meeting.bob.encryption_key().await,
    ];
    let random = SeededRandom::new(9);
    let mut made: BTreeMap<Vec<u8>, (u8, Duration)> = BTreeMap::new();
    let mut now = Duration::ZERO;
    for _ in 0..400 {
        let mut draw = [0; 2];
        random.fill(&mut draw).unwrap();
        let group = draw[0] % 3 + 1;
        let wait = Duration::from_millis(u64::from(draw[1]) * 20);
        meeting.advance(wait);
        now += wait;
        let chosen = |index: &usize| group & (1 << index) != 0;
        let recipients = (0..2).filter(chosen).map(|index| members[index].clone());
        let expected: BTreeSet<_> = (0..2).filter(chosen).map(|index| keys[index]).collect();
        let key = transaction(alice, &[view(recipients.collect())]).await;
        let found = key[0].encryptions().iter().map(|it| it.encrypted_for);
        assert_eq!(found.collect::<BTreeSet<_>>(), expected);
        let secret = key[0].secret().expose().to_vec();
        let (of, since) = *made.entry(secret).or_insert((group, now));
        assert_eq!(of, group);
        assert!(now - since < TIMEOUT, "{:?}", now - since);
    }
    assert!(made.len() > 20 && made.len() < 350, "{}", made.len());
}

#[tokio::test]
async fn no_more_secrets_are_held_than_allowed() {
    let bounds = SessionCacheBounds {
        maximum_size: 2,
        expire_after: TIMEOUT,
    };
    let settings = Settings {
        session_encryption: SessionEncryptionSettings {
            enabled: true,
            sender: bounds,
            receiver: bounds,
        },
        ..Settings::default()
    };
    let meeting = meeting_at_a_kms(&settings).await;
    let alice = &meeting.alice;
    for group in [
        meeting.both(),
        [alice.member.clone()].into(),
        [meeting.bob.member.clone()].into(),
    ] {
        transaction(alice, &[view(group)]).await;
    }
    let numbers = alice.vault.session_encryption_numbers();
    assert_eq!((numbers.sender_entries, numbers.receiver_entries), (2, 2));
}
