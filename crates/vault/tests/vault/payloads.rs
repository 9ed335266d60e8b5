//! Payloads for members.

use std::time::Duration;

use strongroom_crypto::{
    FrontReader, NewPayload, PayloadDraft, PayloadFront, PayloadSealer, PublicKey,
    SigningAlgorithm, SigningAlgorithms, SigningKeySpec, SystemRandom, Timestamp,
};
use strongroom_topology::StoreId;
use strongroom_vault::{
    OpenedPayload, PayloadExpectation, PayloadOrder, PayloadSender, RequiredSchemes, Rotate,
    Settings, SynchronizerSchemes, Vault, VaultError,
};

use crate::{
    backups::{back_up, restore},
    house::{ALLOW_PROTOCOL, caller, code},
    meeting::{Meeting, Party, meeting, meeting_at_a_kms, only_rsa, where_only},
    topology::{PATIENT, synchronizers::store},
};

fn order(recipients: &[&Party]) -> PayloadOrder {
    PayloadOrder {
        purpose: "test".parse().unwrap(),
        recipients: recipients
            .iter()
            .map(|party| party.member.clone())
            .collect(),
        store: store(),
        at: None,
        signed: false,
    }
}

fn expected() -> PayloadExpectation {
    PayloadExpectation {
        purpose: "test".parse().unwrap(),
        sender: None,
        store: store(),
    }
}

async fn seal(vault: &Vault, order: &PayloadOrder) -> Result<Vec<u8>, VaultError> {
    let sealed = vault.seal_payload(&caller(), order).await?;
    let mut payload = sealed.front;
    append_content(sealed.sealer, &mut payload)?;
    Ok(payload)
}

fn append_content(sealer: PayloadSealer, payload: &mut Vec<u8>) -> Result<(), VaultError> {
    sealer.finish(&mut b"content".to_vec(), |ciphertext, tag| {
        payload.extend([ciphertext, tag].concat());
        Ok(())
    })
}

/// The front, and the chunks.
fn front(payload: &[u8]) -> (PayloadFront, Vec<u8>) {
    let (front, length) = FrontReader::default().push(payload).unwrap().unwrap();
    (front, payload[length..].to_vec())
}

async fn open(
    vault: &Vault,
    payload: &[u8],
    expected: &PayloadExpectation,
) -> Result<Option<PayloadSender>, VaultError> {
    let (front, mut chunks) = front(payload);
    let OpenedPayload { opener, sender, .. } =
        vault.open_payload(&caller(), &front, expected).await?;
    let mut content = Vec::new();
    opener.finish(&mut chunks, |piece| {
        content.extend_from_slice(piece);
        Ok::<(), VaultError>(())
    })?;
    assert_eq!(content, b"content");
    Ok(sender)
}

#[tokio::test]
async fn every_member_that_a_payload_is_for_opens_it_and_nobody_else() {
    let Meeting { alice, bob, .. } = meeting().await;
    let for_both = seal(&alice.vault, &order(&[&alice, &bob])).await.unwrap();
    for party in [&alice, &bob] {
        assert_eq!(
            open(&party.vault, &for_both, &expected()).await.unwrap(),
            None
        );
    }
    let for_bob = seal(&alice.vault, &order(&[&bob])).await.unwrap();
    open(&bob.vault, &for_bob, &expected()).await.unwrap();
    let refused = open(&alice.vault, &for_bob, &expected()).await;
    assert_eq!(code(refused), "PAYLOAD_FOR_OTHERS");
}

#[tokio::test]
async fn a_member_without_an_encryption_key_or_named_twice_is_refused() {
    let Meeting { alice, bob, .. } = meeting().await;
    let unknown = PayloadOrder {
        store: StoreId::Authorized,
        ..order(&[&bob])
    };
    let refused = alice.vault.seal_payload(&caller(), &unknown).await;
    assert_eq!(code(refused), "MEMBER_WITHOUT_ENCRYPTION_KEY");
    let before_all = PayloadOrder {
        at: Some(Timestamp::from_micros(0)),
        ..order(&[&bob])
    };
    let refused = alice.vault.seal_payload(&caller(), &before_all).await;
    assert_eq!(code(refused), "MEMBER_WITHOUT_ENCRYPTION_KEY");
    for recipients in [&[][..], &[&bob, &bob]] {
        let refused = alice
            .vault
            .seal_payload(&caller(), &order(recipients))
            .await;
        assert_eq!(code(refused), "PAYLOAD_RECIPIENTS_INVALID");
    }
}

#[tokio::test]
async fn topology_says_which_key_is_encrypted_to_at_a_time() {
    let mut meeting = meeting().await;
    let old = meeting.bob.encryption_key().await;
    let new = meeting.rotate(|meeting| &meeting.bob).await;
    let Meeting { alice, bob, .. } = &meeting;
    let key_at = async |at| {
        let order = PayloadOrder {
            at,
            ..order(&[bob])
        };
        alice
            .vault
            .seal_payload(&caller(), &order)
            .await
            .unwrap()
            .recipients[0]
            .1
    };
    assert_eq!(key_at(None).await, new);
    let first = crate::topology::synchronizers::second(0).effective;
    let just_after = Timestamp::from_micros(first.as_micros() + 1);
    // Alice knows nothing of Bob's key but what topology says, and she asked for that time.
    assert_eq!(key_at(Some(just_after)).await, old);
}

#[tokio::test]
async fn a_payload_from_before_a_rotation_opens_with_the_retired_key_after_backup_and_restore_too()
{
    let mut meeting = meeting().await;
    let payload = {
        let Meeting { alice, bob, .. } = &meeting;
        seal(&alice.vault, &order(&[bob])).await.unwrap()
    };
    let old = meeting.bob.encryption_key().await;
    meeting.rotate(|meeting| &meeting.bob).await;
    let bob = &meeting.bob;
    assert_ne!(bob.encryption_key().await, old);
    open(&bob.vault, &payload, &expected()).await.unwrap();

    let backup = back_up(&bob.house, &bob.vault).await;
    let elsewhere = bob.house.neighbour();
    restore(&elsewhere, &backup, true).await.unwrap();
    let restored = elsewhere.open().await;
    open(&restored, &payload, &expected()).await.unwrap();
}

#[tokio::test]
async fn nothing_is_sealed_to_a_retired_key() {
    let mut meeting = meeting().await;
    let first = crate::topology::synchronizers::second(0).effective;
    meeting.rotate(|meeting| &meeting.bob).await;
    let bob = &meeting.bob;
    let to_the_old_key = PayloadOrder {
        at: Some(Timestamp::from_micros(first.as_micros() + 1)),
        ..order(&[bob])
    };
    let refused = bob.vault.seal_payload(&caller(), &to_the_old_key).await;
    assert_eq!(code(refused), "KEY_RETIRED");
}

#[tokio::test]
async fn a_signed_payload_says_who_sent_it_also_after_the_sender_rotated() {
    let mut meeting = meeting().await;
    let signed_by = crate::topology::protocol_key(&meeting.alice.vault).await;
    let signed = {
        let Meeting { alice, bob, .. } = &meeting;
        let first = crate::topology::synchronizers::second(0).effective;
        let signed = PayloadOrder {
            signed: true,
            at: Some(Timestamp::from_micros(first.as_micros() + 1)),
            ..order(&[bob])
        };
        seal(&alice.vault, &signed).await.unwrap()
    };
    for rotated in [false, true] {
        if rotated {
            let all = Rotate::all();
            let vault = &meeting.alice.vault;
            vault.begin_rotation(&caller(), all).await.unwrap();
            while !meeting.alice.vault.rotations().is_empty() {
                let vault = &meeting.alice.vault;
                vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
                meeting.sequence().await;
            }
        }
        let Meeting { alice, bob, .. } = &meeting;
        let from_alice = PayloadExpectation {
            sender: Some(alice.member.clone()),
            ..expected()
        };
        let sender = open(&bob.vault, &signed, &from_alice).await.unwrap();
        let expected_sender = PayloadSender {
            member: alice.member.clone(),
            key: signed_by,
        };
        assert_eq!(
            sender.as_ref(),
            Some(&expected_sender),
            "rotated: {rotated}"
        );
        assert_eq!(
            open(&bob.vault, &signed, &expected()).await.unwrap(),
            sender
        );
    }
}

#[tokio::test]
async fn a_payload_from_somebody_else_or_from_nobody_is_refused_when_a_sender_is_expected() {
    let Meeting { alice, bob, .. } = meeting().await;
    let signed = PayloadOrder {
        signed: true,
        ..order(&[&bob])
    };
    let signed = seal(&alice.vault, &signed).await.unwrap();
    let unsigned = seal(&alice.vault, &order(&[&bob])).await.unwrap();
    let from = |party: &Party| PayloadExpectation {
        sender: Some(party.member.clone()),
        ..expected()
    };
    let refused = open(&bob.vault, &signed, &from(&bob)).await;
    assert_eq!(code(refused), "PAYLOAD_SENDER_DIFFERS");
    let refused = open(&bob.vault, &unsigned, &from(&alice)).await;
    assert_eq!(code(refused), "PAYLOAD_SENDER_DIFFERS");
    // Where nobody knows the sender, nobody can tell.
    let elsewhere = PayloadExpectation {
        store: StoreId::Authorized,
        ..expected()
    };
    let refused = open(&bob.vault, &signed, &elsewhere).await;
    assert_eq!(code(refused), "PAYLOAD_SENDER_UNVERIFIED");
}

/// A payload for Bob in the name of Alice, which Bob signs.
async fn forged(alice: &Party, bob: &Party, signed_by_alice: bool) -> Vec<u8> {
    let key = bob.vault.key(&bob.encryption_key().await).unwrap();
    let PublicKey::Encryption(key) = key.public.clone() else {
        panic!("an encryption key")
    };
    let sender = alice.member.to_string();
    let new = NewPayload {
        purpose: "test".parse().unwrap(),
        at: alice.house.clock_time(),
        sender: Some(&sender),
        recipients: &[key],
    };
    let draft = PayloadDraft::new(&new, &SystemRandom).unwrap();
    let signer = crate::topology::protocol_key(&bob.vault).await;
    let message = draft.header().signed_message();
    let signed = bob.vault.sign(&signer, &message, ALLOW_PROTOCOL).await;
    let mut signature = signed.unwrap();
    if signed_by_alice {
        signature.signed_by = crate::topology::protocol_key(&alice.vault).await;
    }
    let (mut payload, sealer) = draft.seal(Some(signature)).unwrap();
    append_content(sealer, &mut payload).unwrap();
    payload
}

#[tokio::test]
async fn nobody_sends_in_the_name_of_another() {
    let Meeting { alice, bob, .. } = meeting().await;
    let with_his_key = forged(&alice, &bob, false).await;
    let refused = open(&bob.vault, &with_his_key, &expected()).await;
    assert_eq!(code(refused), "PAYLOAD_SENDER_UNVERIFIED");
    let with_her_key = forged(&alice, &bob, true).await;
    let refused = open(&bob.vault, &with_her_key, &expected()).await;
    assert_eq!(code(refused), "SIGNATURE_INVALID");
}

#[tokio::test]
async fn a_payload_for_another_purpose_or_changed_is_not_opened() {
    let Meeting { alice, bob, .. } = meeting().await;
    let payload = seal(&alice.vault, &order(&[&bob])).await.unwrap();
    let other = PayloadExpectation {
        purpose: "other".parse().unwrap(),
        ..expected()
    };
    let refused = open(&bob.vault, &payload, &other).await;
    assert_eq!(code(refused), "PAYLOAD_PURPOSE_DIFFERS");
    let mut changed = payload.clone();
    *changed.last_mut().unwrap() ^= 1;
    let refused = open(&bob.vault, &changed, &expected()).await;
    assert_eq!(code(refused), "PAYLOAD_NOT_AUTHENTIC");
}

#[tokio::test]
async fn a_payload_costs_the_kms_one_decryption() {
    let Meeting { alice, bob, .. } = meeting_at_a_kms(&Settings::default()).await;
    let payload = seal(&alice.vault, &order(&[&alice, &bob])).await.unwrap();
    assert_eq!(alice.decrypted_by_kms(), 0);
    for party in [&alice, &bob] {
        open(&party.vault, &payload, &expected()).await.unwrap();
        assert_eq!(party.decrypted_by_kms(), 1);
    }
}

fn only_p256() -> SynchronizerSchemes {
    SynchronizerSchemes {
        signing: RequiredSchemes {
            algorithms: SigningAlgorithms::of(&[SigningAlgorithm::EcDsaSha256]),
            keys: [SigningKeySpec::EcP256].into(),
            ..RequiredSchemes::default()
        },
        ..SynchronizerSchemes::default()
    }
}

#[tokio::test]
async fn row_116_payloads_that_are_encrypted_as_the_synchronizer_does_not_take_it_are_neither_sealed_nor_opened()
 {
    let Meeting { alice, bob, .. } = meeting().await;
    let payload = seal(&alice.vault, &order(&[&bob])).await.unwrap();
    let for_bob = order(&[&bob]);
    let alice_now = where_only(alice, only_rsa()).await;
    let refused = alice_now.seal_payload(&caller(), &for_bob).await;
    assert_eq!(code(refused), "ENCRYPTION_SCHEME_NOT_ALLOWED");
    let bob_now = where_only(bob, only_rsa()).await;
    let refused = open(&bob_now, &payload, &expected()).await;
    assert_eq!(code(refused), "ENCRYPTION_SCHEME_NOT_ALLOWED");
    // Of another store nothing is known.
    let elsewhere = PayloadExpectation {
        store: StoreId::Authorized,
        ..expected()
    };
    open(&bob_now, &payload, &elsewhere).await.unwrap();
}

#[tokio::test]
async fn row_116_senders_sign_payloads_with_keys_that_the_synchronizer_takes_and_others_are_refused()
 {
    let Meeting { alice, bob, .. } = meeting().await;
    let signed = PayloadOrder {
        signed: true,
        ..order(&[&bob])
    };
    let payload = seal(&alice.vault, &signed).await.unwrap();
    let alice_now = where_only(alice, only_p256()).await;
    let refused = alice_now.seal_payload(&caller(), &signed).await;
    assert_eq!(code(refused), "SIGNATURE_SCHEME_NOT_ALLOWED");
    seal(&alice_now, &order(&[&bob])).await.unwrap();
    let bob_now = where_only(bob, only_p256()).await;
    let refused = open(&bob_now, &payload, &expected()).await;
    assert_eq!(code(refused), "SIGNATURE_SCHEME_NOT_ALLOWED");
}

#[tokio::test]
async fn a_payload_of_the_future_is_neither_sealed_nor_opened_beyond_what_clocks_may_be_apart() {
    let Meeting { alice, bob, .. } = meeting().await;
    let clock = &alice.house.clock;
    let ahead = |seconds: i64| PayloadOrder {
        at: Some(Timestamp::from_micros(
            alice.vault.current_time().as_micros() + seconds * 1_000_000,
        )),
        signed: true,
        ..order(&[&bob])
    };
    let refused = alice.vault.seal_payload(&caller(), &ahead(301)).await;
    assert_eq!(code(refused), "PAYLOAD_OF_THE_FUTURE");
    let a_little = seal(&alice.vault, &ahead(299)).await.unwrap();
    open(&bob.vault, &a_little, &expected()).await.unwrap();
    // Her clock is a year ahead.
    clock.advance(Duration::from_secs(365 * 86_400));
    for signed in [true, false] {
        let order = PayloadOrder {
            signed,
            ..order(&[&bob])
        };
        let payload = seal(&alice.vault, &order).await.unwrap();
        for store in [store(), StoreId::Authorized] {
            let expected = PayloadExpectation {
                store,
                ..expected()
            };
            let refused = open(&bob.vault, &payload, &expected).await;
            assert_eq!(code(refused), "PAYLOAD_OF_THE_FUTURE");
        }
    }
}

#[tokio::test]
async fn whoever_says_so_takes_a_payload_of_the_future() {
    let Meeting { alice, bob, .. } = meeting().await;
    let year = Duration::from_secs(365 * 86_400);
    alice.house.clock.advance(year);
    let payload = seal(&alice.vault, &order(&[&bob])).await.unwrap();
    bob.vault.close().await.unwrap();
    let settings = Settings {
        clock_tolerance: year,
        ..bob.house.settings.clone()
    };
    let environment = bob.house.environment(bob.house.store().await.unwrap());
    let bob_now = Vault::open(environment, settings).await.unwrap();
    open(&bob_now, &payload, &expected()).await.unwrap();
}
