//! Keys of external parties.

#[path = "parties/signing.rs"]
mod signing;

use strongroom_crypto::{
    Fingerprint, Hash, HashBuilder, HashPurpose, KeyUsage, KeyUsages, Signature, SigningKeySpec,
    SigningPublicKey, Timestamp, VerifyError,
};
use strongroom_store::{Custody, Sealing};
use strongroom_topology::{
    At, HostingParticipant, Mapping, Namespace, Operation, ParticipantPermission, PartyId,
    PartyToKeyMapping, PartyToParticipant, SigningKeysWithThreshold, StoreId, UniqueIdentifier,
};
use strongroom_vault::{
    NewSigningKey, PartySigning, PartySuccessor, Proposal, SignatureCheckError, Vault, VaultError,
};

use crate::{
    house::{House, caller, code, settings},
    topology::{
        node,
        statements::{authorize, namespace, public, rows},
    },
};

const STORE: StoreId = StoreId::Authorized;

/// The hash of a prepared submission.
fn submission() -> Hash {
    HashBuilder::new(HashPurpose::PreparedSubmission)
        .string("a transfer")
        .finish()
}

async fn key(vault: &Vault, usages: &[KeyUsage], spec: SigningKeySpec) -> SigningPublicKey {
    let new = NewSigningKey {
        spec,
        usages: KeyUsages::try_new(usages.iter().copied()).unwrap(),
        name: crate::house::name("party"),
    };
    let entry = vault.generate_signing_key(&caller(), new).await.unwrap();
    public(vault, &entry.fingerprint())
}

/// So many keys for submissions, the first of which is the party's namespace.
async fn keys(vault: &Vault, count: usize) -> Vec<SigningPublicKey> {
    let mut keys = Vec::new();
    for number in 0..count {
        let usages: &[_] = if number == 0 {
            &[KeyUsage::Namespace, KeyUsage::Protocol]
        } else {
            &[KeyUsage::Protocol]
        };
        let spec = if number == 1 {
            SigningKeySpec::EcP256
        } else {
            SigningKeySpec::EcCurve25519
        };
        keys.push(key(vault, usages, spec).await);
    }
    keys
}

fn party_of(root: &SigningPublicKey) -> PartyId {
    let namespace = Namespace::from(root.fingerprint());
    UniqueIdentifier::try_new("bob", namespace).unwrap()
}

/// The party is hosted by the vault's own node.
fn hosted(
    vault: &Vault,
    party: &PartyId,
    keys: Option<(&[SigningPublicKey], u32)>,
) -> PartyToParticipant {
    let hosting = HostingParticipant {
        participant: vault.identity().unwrap().member.uid,
        permission: ParticipantPermission::Confirmation,
        onboarding: false,
    };
    let keys = keys.map(|(keys, threshold)| {
        SigningKeysWithThreshold::try_new(keys.to_vec(), threshold).unwrap()
    });
    PartyToParticipant::try_new(party.clone(), 1, vec![hosting], keys).unwrap()
}

async fn announce(vault: &Vault, mapping: PartyToParticipant) -> Result<(), VaultError> {
    let mapping = Mapping::PartyToParticipant(mapping);
    authorize(vault, Proposal::announce(mapping))
        .await
        .map(drop)
}

/// A vault with a party of which so many of its keys must sign.
async fn party(
    house: &House,
    count: usize,
    threshold: u32,
) -> (Vault, PartyId, Vec<SigningPublicKey>) {
    let (vault, _) = node(house).await;
    let keys = keys(&vault, count).await;
    let party = party_of(&keys[0]);
    let mapping = hosted(&vault, &party, Some((&keys, threshold)));
    announce(&vault, mapping).await.unwrap();
    (vault, party, keys)
}

async fn verify(
    vault: &Vault,
    party: &PartyId,
    signatures: &[Signature],
) -> Result<usize, VaultError> {
    let message = submission().to_multihash();
    vault
        .verify_for_party(&STORE, party, At::Head, &message, signatures)
        .await
}

fn fingerprints(keys: &[SigningPublicKey]) -> Vec<Fingerprint> {
    let mut all: Vec<_> = keys.iter().map(SigningPublicKey::fingerprint).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn row_115_a_party_signs_a_submission_with_k_of_its_n_keys_and_that_many_are_needed() {
    let house = House::new();
    let (vault, party, all) = party(&house, 3, 2).await;
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    assert_eq!(
        (signed.signatures.len(), signed.threshold, signed.missing()),
        (2, 2, 0)
    );
    assert_eq!(verify(&vault, &party, &signed.signatures).await.unwrap(), 2);
    // Any two of the three.
    let everybody = fingerprints(&all);
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &everybody)
        .await
        .unwrap();
    let by: Vec<_> = signed.signatures.iter().map(|it| it.signed_by).collect();
    assert_eq!(by, everybody);
    assert_eq!(verify(&vault, &party, &signed.signatures).await.unwrap(), 3);
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let two = pair.map(|index: usize| signed.signatures[index].clone());
        assert_eq!(verify(&vault, &party, &two).await.unwrap(), 2);
    }
    // One alone, and one that counts twice, is refused.
    let one = &signed.signatures[0];
    for too_few in [vec![], vec![one.clone()], vec![one.clone(), one.clone()]] {
        let refused = verify(&vault, &party, &too_few).await;
        assert_eq!(code(refused), "SIGNATURE_THRESHOLD_NOT_REACHED");
    }
}

#[tokio::test]
async fn row_115_wrong_bytes_a_wrong_party_and_a_strangers_key_are_refused() {
    let house = House::new();
    let (vault, party, _) = party(&house, 1, 1).await;
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    let signatures = &signed.signatures;
    verify(&vault, &party, signatures).await.unwrap();
    let wrong = vault.verify_for_party(&STORE, &party, At::Head, b"other bytes", signatures);
    let VaultError::SignatureCheck(SignatureCheckError::ThresholdNotReached { errors, .. }) =
        wrong.await.unwrap_err()
    else {
        panic!("the threshold was not reached");
    };
    let invalid = SignatureCheckError::Signature {
        source: VerifyError::InvalidSignature,
    };
    assert_eq!(errors, [invalid]);
    let other_key = key(
        &vault,
        &[KeyUsage::Namespace, KeyUsage::Protocol],
        SigningKeySpec::EcP256,
    )
    .await;
    let other = party_of(&other_key);
    assert_eq!(
        code(verify(&vault, &other, signatures).await),
        "PARTY_KEYS_NOT_FOUND"
    );
    let mapping = hosted(&vault, &other, Some((&[other_key], 1)));
    announce(&vault, mapping).await.unwrap();
    let error = verify(&vault, &other, signatures).await.unwrap_err();
    assert!(
        error.to_string().contains("is no signing key of party"),
        "{error}"
    );
    let stranger = Fingerprint::from_bytes([9; 32]);
    let refused = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[stranger])
        .await;
    assert_eq!(code(refused), "SIGNER_KEY_NOT_VALID");
}

#[tokio::test]
async fn where_fewer_keys_are_here_than_the_party_needs_others_must_sign_as_well() {
    let (house, elsewhere) = (House::new(), House::numbered(2));
    let (vault, _) = node(&house).await;
    let other_vault = elsewhere.create().await;
    let here = keys(&vault, 1).await;
    let there = [key(&other_vault, &[KeyUsage::Protocol], SigningKeySpec::EcP384).await];
    let party = party_of(&here[0]);
    // The key elsewhere proves itself there.
    let both: Vec<_> = here.iter().chain(&there).cloned().collect();
    let mapping = Mapping::PartyToParticipant(hosted(&vault, &party, Some((&both, 2))));
    let waits = Proposal {
        must_fully_authorize: false,
        ..Proposal::announce(mapping)
    };
    let proposed = authorize(&vault, waits).await.unwrap();
    assert_eq!(proposed.outcome.name(), "proposed");
    let message = submission().to_multihash();
    let refused = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await;
    assert_eq!(code(refused), "PARTY_KEYS_NOT_FOUND");
    let hash = proposed.signed.transaction().hash().to_multihash();
    let proof = KeyUsages::only(KeyUsage::ProofOfOwnership);
    let proof = other_vault
        .sign(&there[0].fingerprint(), &hash, proof)
        .await
        .unwrap();
    let proof =
        strongroom_proto::topology::topology_signature(proof, strongroom_topology::Covers::This);
    let complete = proposed.signed.with_more_signatures(vec![proof]);
    crate::topology::statements::add(&vault, vec![complete])
        .await
        .unwrap();

    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    assert_eq!((signed.signatures.len(), signed.missing()), (1, 1));
    let mut signatures = signed.signatures;
    let refused = verify(&vault, &party, &signatures).await;
    assert_eq!(code(refused), "SIGNATURE_THRESHOLD_NOT_REACHED");
    let protocol = KeyUsages::only(KeyUsage::Protocol);
    let other = other_vault
        .sign(&there[0].fingerprint(), &message, protocol)
        .await;
    signatures.push(other.unwrap());
    assert_eq!(verify(&vault, &party, &signatures).await.unwrap(), 2);
    let absent = vault
        .sign_for_party(
            &caller(),
            &STORE,
            (&party, At::Head),
            &message,
            &[there[0].fingerprint()],
        )
        .await;
    assert_eq!(code(absent), "KEY_NOT_FOUND");
}

#[tokio::test]
async fn keys_that_a_kms_holds_sign_for_a_party_too() {
    let house = House::new().with_settings(settings(Custody::External, Sealing::DataKey));
    let vault = house.create().await;
    let mediator = strongroom_vault::NewIdentity {
        code: strongroom_topology::MemberCode::Mediator,
        ..crate::topology::participant()
    };
    vault.initialize(&caller(), &mediator).await.unwrap();
    let all = keys(&vault, 2).await;
    let party = party_of(&all[0]);
    announce(&vault, hosted(&vault, &party, Some((&all, 2))))
        .await
        .unwrap();
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    assert_eq!(verify(&vault, &party, &signed.signatures).await.unwrap(), 2);
}

/// A party of the node's namespace with its keys in the deprecated mapping.
async fn deprecated(vault: &Vault, threshold: u32) -> (PartyId, SigningKeysWithThreshold) {
    let mut all = Vec::new();
    for _ in 0..2 {
        all.push(key(vault, &[KeyUsage::Protocol], SigningKeySpec::EcCurve25519).await);
    }
    let party = UniqueIdentifier::try_new("carol", namespace(vault)).unwrap();
    let signing_keys = SigningKeysWithThreshold::try_new(all, threshold).unwrap();
    let mapping = PartyToKeyMapping {
        party: party.clone(),
        signing_keys: signing_keys.clone(),
    };
    let proposal = Proposal::announce(Mapping::PartyToKeyMapping(mapping));
    authorize(vault, proposal).await.unwrap();
    (party, signing_keys)
}

#[tokio::test]
async fn keys_in_the_deprecated_mapping_sign_and_move_beside_the_participants_without_a_gap() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (party, expected) = deprecated(&vault, 2).await;
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    verify(&vault, &party, &signed.signatures).await.unwrap();

    let early = vault
        .migrate_party_keys(&caller(), &STORE, &party, &PartySigning::default())
        .await;
    assert_eq!(code(early), "PARTY_NOT_HOSTED");
    announce(&vault, hosted(&vault, &party, None))
        .await
        .unwrap();
    let before = rows(&vault).await.len();
    let done = vault
        .migrate_party_keys(&caller(), &STORE, &party, &PartySigning::default())
        .await
        .unwrap();
    let operations: Vec<_> = done
        .iter()
        .map(|it| it.signed.transaction().operation())
        .collect();
    assert_eq!(operations, [Operation::AddReplace, Operation::Remove]);
    assert_eq!(rows(&vault).await.len(), before + 2);
    assert_eq!(
        vault.party_keys(&STORE, &party, At::Head).await.unwrap(),
        expected
    );
    verify(&vault, &party, &signed.signatures).await.unwrap();
    // At every moment in between as well.
    for row in rows(&vault).await.split_off(before) {
        let keys = vault
            .party_keys(&STORE, &party, At::Including(row.valid_from))
            .await;
        assert_eq!(keys.unwrap(), expected);
    }
    let again = vault
        .migrate_party_keys(&caller(), &STORE, &party, &PartySigning::default())
        .await;
    assert_eq!(code(again), "PARTY_KEYS_MIGRATED");
}

#[tokio::test]
async fn an_interrupted_migration_goes_on_and_other_keys_beside_the_participants_stop_it() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (party, keys) = deprecated(&vault, 1).await;
    let half_done = hosted(&vault, &party, Some((keys.keys(), 1)));
    announce(&vault, half_done).await.unwrap();
    let done = vault
        .migrate_party_keys(&caller(), &STORE, &party, &PartySigning::default())
        .await
        .unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].signed.transaction().operation(), Operation::Remove);

    let house = House::numbered(2);
    let (vault, _) = node(&house).await;
    let (party, keys) = deprecated(&vault, 2).await;
    let fewer = hosted(&vault, &party, Some((keys.keys(), 1)));
    announce(&vault, fewer).await.unwrap();
    let refused = vault
        .migrate_party_keys(&caller(), &STORE, &party, &PartySigning::default())
        .await;
    assert_eq!(code(refused), "PARTY_KEYS_DIFFER");
}

#[tokio::test]
async fn a_rotated_key_of_a_party_signs_no_more_for_it_and_its_successor_does() {
    let house = House::new();
    let (vault, party, all) = party(&house, 2, 2).await;
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    let (root, old) = (all[0].fingerprint(), all[1].fingerprint());
    let generated = PartySuccessor::Generated { name: None };
    let rotated = vault
        .rotate_party_key(
            &caller(),
            &STORE,
            &party,
            (old, generated.clone()),
            &PartySigning::default(),
        )
        .await
        .unwrap();
    assert_eq!(rotated.old, old);
    let entry = vault.key(&rotated.new).unwrap();
    assert_eq!(entry.spec(), all[1].spec().into());
    assert!(
        entry
            .name
            .as_ref()
            .unwrap()
            .as_str()
            .starts_with("party-rotated-")
    );
    let keys = vault.party_keys(&STORE, &party, At::Head).await.unwrap();
    assert_eq!(keys.threshold(), 2);
    assert!(keys.key(&old).is_none() && keys.key(&rotated.new).is_some());
    let refused = verify(&vault, &party, &signed.signatures).await;
    assert_eq!(code(refused), "SIGNATURE_THRESHOLD_NOT_REACHED");
    // What was signed before still verifies by the state before.
    let before = rows(&vault).await.last().unwrap().valid_from;
    let by_then = vault.verify_for_party(
        &STORE,
        &party,
        At::Time(before),
        &message,
        &signed.signatures,
    );
    assert_eq!(by_then.await.unwrap(), 2);
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    assert_eq!(verify(&vault, &party, &signed.signatures).await.unwrap(), 2);

    let rotate = async |which| {
        vault
            .rotate_party_key(&caller(), &STORE, &party, which, &PartySigning::default())
            .await
            .map(|rotated| rotated.new)
    };
    assert_eq!(
        code(rotate((root, generated.clone())).await),
        "PERMANENT_KEY"
    );
    assert_eq!(code(rotate((old, generated)).await), "SIGNER_KEY_NOT_VALID");
    let own = PartySuccessor::Key(rotated.new);
    assert_eq!(
        code(rotate((rotated.new, own)).await),
        "KEY_ALREADY_ANNOUNCED"
    );
    // One that was made beforehand, and once more the old one, which is still here.
    let back = rotate((rotated.new, PartySuccessor::Key(old)))
        .await
        .unwrap();
    assert_eq!(back, old);
}

#[tokio::test]
async fn the_keys_that_a_party_has_at_the_time_of_the_submission_sign_it() {
    let house = House::new();
    let (vault, party, all) = party(&house, 2, 2).await;
    let old = all[1].fingerprint();
    let generated = PartySuccessor::Generated { name: None };
    let exchange = (old, generated);
    let rotated = vault
        .rotate_party_key(
            &caller(),
            &STORE,
            &party,
            exchange,
            &PartySigning::default(),
        )
        .await
        .unwrap();
    let message = submission().to_multihash();
    let exchanged = rows(&vault).await.last().unwrap().valid_from;
    // At that very time the old key is still the party's; an instant later its successor is.
    for (at, signer) in [
        (At::Time(exchanged), old),
        (At::Including(exchanged), rotated.new),
        (At::Head, rotated.new),
    ] {
        let by = caller();
        let signed = vault.sign_for_party(&by, &STORE, (&party, at), &message, &[]);
        let signatures = signed.await.unwrap().signatures;
        assert!(signatures.iter().any(|it| it.signed_by == signer), "{at:?}");
        let verified = vault.verify_for_party(&STORE, &party, at, &message, &signatures);
        assert_eq!(verified.await.unwrap(), 2, "{at:?}");
        // One that is not the party's then is not taken for it by its name either.
        let other = if signer == old { rotated.new } else { old };
        let named = [other];
        let refused = vault.sign_for_party(&by, &STORE, (&party, at), &message, &named);
        assert_eq!(code(refused.await), "SIGNER_KEY_NOT_VALID", "{at:?}");
    }
    let before = Timestamp::from_micros(0);
    let by = caller();
    let refused = vault.sign_for_party(&by, &STORE, (&party, At::Time(before)), &message, &[]);
    assert_eq!(code(refused.await), "PARTY_KEYS_NOT_FOUND");
}

#[tokio::test]
async fn a_key_in_the_deprecated_mapping_is_not_rotated_before_it_has_moved() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (party, keys) = deprecated(&vault, 1).await;
    announce(&vault, hosted(&vault, &party, None))
        .await
        .unwrap();
    let (by, signing) = (caller(), PartySigning::default());
    let old = keys.keys()[0].fingerprint();
    let rotate = async || {
        let exchange = (old, PartySuccessor::Generated { name: None });
        vault
            .rotate_party_key(&by, &STORE, &party, exchange, &signing)
            .await
    };
    let before = vault.key_count();
    assert_eq!(code(rotate().await), "PARTY_KEYS_DEPRECATED");
    assert_eq!(vault.key_count(), before, "no key was made");
    let migrated = vault.migrate_party_keys(&by, &STORE, &party, &signing);
    migrated.await.unwrap();
    let rotated = rotate().await.unwrap();
    let keys = vault.party_keys(&STORE, &party, At::Head).await.unwrap();
    assert!(keys.key(&old).is_none() && keys.key(&rotated.new).is_some());
}

#[tokio::test]
async fn a_retired_key_signs_for_no_party() {
    let house = House::new();
    let (vault, party, all) = party(&house, 1, 1).await;
    vault
        .retire_key(&caller(), &all[0].fingerprint())
        .await
        .unwrap();
    let message = submission().to_multihash();
    let refused = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await;
    assert_eq!(code(refused), "PARTY_KEY_NOT_HERE");
    let requested = [all[0].fingerprint()];
    let refused = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &requested)
        .await;
    assert_eq!(code(refused), "KEY_RETIRED");
}
