//! Following a synchronizer.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use strongroom_crypto::{KeyUsage, SignatureFormat, SigningKeySpec, Timestamp};
use strongroom_topology::{
    At, ForceFlags, Mapping, Outcome, PhysicalSynchronizerId, Restriction, SignedTransaction,
    StoreId, SynchronizerTrustCertificate, Times,
};
use strongroom_vault::{
    Added, AuditOperation, Proposal, RequiredSchemes, Rotate, RotationStep, Settings,
    SynchronizerSchemes, Vault, VaultError,
};

use super::{
    PATIENT, begin_rotation, finish_rotations, node,
    picture::{TopologyPicture, look},
    protocol_key,
    statements::{
        authorize, delegate, delegation, namespace, outcomes, party, protocol_key_of, rows,
    },
};
use crate::{
    house::{House, caller, code},
    meeting::only_rsa,
};

/// When the first transaction of these tests is sequenced.
pub(crate) const BEGINNING: i64 = 1_700_000_000_000_000;
/// How much later it holds.
const DELAY: i64 = 250_000;

pub(crate) fn synchronizer() -> PhysicalSynchronizerId {
    "da::12200000000000000000000000000000000000000000000000000000000000000000::34-0"
        .parse()
        .unwrap()
}

pub(crate) fn store() -> StoreId {
    StoreId::Synchronizer(synchronizer())
}

/// Sequenced so many seconds after the beginning, effective a moment later.
pub(crate) fn second(number: i64) -> Times {
    let sequenced = BEGINNING + number * 1_000_000;
    Times {
        sequenced: Timestamp::from_micros(sequenced),
        effective: Timestamp::from_micros(sequenced + DELAY),
    }
}

pub(crate) async fn sequence(
    vault: &Vault,
    times: Times,
    transactions: Vec<SignedTransaction>,
) -> Result<Vec<Added>, VaultError> {
    vault
        .add_sequenced(&caller(), &synchronizer(), times, transactions)
        .await
}

/// The transactions of the node's own store.
async fn own(vault: &Vault) -> Vec<SignedTransaction> {
    let rows = rows(vault).await.into_iter();
    rows.map(|row| Arc::unwrap_or_clone(row.signed)).collect()
}

/// Sequences what the node's own store has from this place on.
async fn sequence_own(vault: &Vault, number: i64, from: usize) {
    let transactions = own(vault).await.split_off(from);
    let added = sequence(vault, second(number), transactions).await.unwrap();
    assert!(
        outcomes(&added)
            .iter()
            .all(|outcome| *outcome == "accepted")
    );
}

#[tokio::test]
async fn keys_hold_from_after_their_effective_time_until_that_of_their_successors() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let old = protocol_key(&vault).await;
    sequence_own(&vault, 0, 0).await;
    let which = Rotate::one(old);
    let new = vault.begin_rotation(&caller(), which).await.unwrap()[0].new;
    vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    sequence_own(&vault, 10, 2).await;
    house.clock.set(second(11).sequenced);
    vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    sequence_own(&vault, 20, 3).await;

    let moment = |number: i64, after: i64| {
        let time = second(number).effective.as_micros() + after;
        Timestamp::from_micros(time)
    };
    for reopened in [false, true] {
        let vault = if reopened {
            &house.copy().open().await
        } else {
            &vault
        };
        let store = vault.topology(&store()).await.unwrap();
        let has = |at| {
            let mapping = store.owner_to_key(&keys.member, at);
            mapping.map(|mapping| (mapping.contains(&old), mapping.contains(&new)))
        };
        for (at, expected) in [
            (At::Time(second(0).sequenced), None),
            (At::Time(moment(0, 0)), None),
            (At::Including(moment(0, 0)), Some((true, false))),
            (At::Time(moment(0, 1)), Some((true, false))),
            (At::Time(second(10).sequenced), Some((true, false))),
            (At::Time(moment(10, 0)), Some((true, false))),
            (At::Including(moment(10, 0)), Some((true, true))),
            (At::Time(moment(10, 1)), Some((true, true))),
            (At::Time(moment(20, 0)), Some((true, true))),
            (At::Time(moment(20, 1)), Some((false, true))),
            (At::Head, Some((false, true))),
        ] {
            assert_eq!(has(at), expected, "{at:?}, reopened: {reopened}");
        }
    }
    look(&house, &vault).await;
}

#[tokio::test]
async fn time_goes_on_and_what_was_sequenced_together_shares_its_time() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let transactions = own(&vault).await;
    // The keys come before the certificate that they need.
    let reversed = transactions.iter().rev().cloned().collect();
    let added = sequence(&vault, second(5), reversed).await.unwrap();
    assert_eq!(outcomes(&added), ["rejected", "accepted"]);
    let before = look(&house, &vault).await;
    let early = sequence(&vault, second(4), transactions.clone()).await;
    assert_eq!(code(early), "SEQUENCED_TOO_EARLY");
    assert_eq!(look(&house, &vault).await, before);
    // More of the same time may follow.
    let added = sequence(&vault, second(5), transactions).await.unwrap();
    assert_eq!(outcomes(&added), ["unchanged", "accepted"]);
    let picture = look(&house, &vault).await;
    let rows = &picture.stores[&store()];
    assert_eq!(rows.len(), 3);
    for (row, ordinal) in rows.iter().zip(1..) {
        let Times {
            sequenced,
            effective,
        } = second(5);
        assert_eq!(row.ordinal, ordinal);
        assert_eq!((row.sequenced, row.valid_from), (sequenced, effective));
    }
    let unknown = "Not authorized by any namespace key";
    assert_eq!(rows[0].rejection.as_deref(), Some(unknown));
    assert_eq!(rows[0].valid_until, Some(second(5).effective));
}

#[tokio::test]
async fn a_synchronizer_is_stricter_than_the_own_store() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let encryption = vault.current_encryption_key().await.unwrap();
    sequence_own(&vault, 0, 0).await;
    let key = delegate(&vault, Restriction::AllMappings).await;
    let mapping = delegation(&namespace(&vault), &key, Restriction::AllMappings);
    let back = Proposal::announce(mapping.clone());
    authorize(&vault, Proposal::revoke(mapping)).await.unwrap();
    authorize(&vault, back).await.unwrap();
    let without = keys.announced.without_key(&encryption).unwrap().unwrap();
    let without = Proposal::announce(Mapping::OwnerToKeyMapping(without));
    authorize(&vault, without).await.unwrap();
    let other = "other::12200000000000000000000000000000000000000000000000000000000000000000";
    let trust = SynchronizerTrustCertificate {
        participant: keys.member.uid.clone(),
        synchronizer: other.parse().unwrap(),
        feature_flags: Vec::new(),
    };
    let trust = Proposal::announce(Mapping::SynchronizerTrustCertificate(trust));
    authorize(&vault, trust).await.unwrap();

    let transactions = own(&vault).await.split_off(2);
    let added = sequence(&vault, second(1), transactions).await.unwrap();
    let expected = ["accepted", "accepted", "rejected", "rejected", "rejected"];
    assert_eq!(outcomes(&added), expected);
    let picture = look(&house, &vault).await;
    let reasons = picture.stores[&store()].iter();
    let reasons: Vec<_> = reasons.filter_map(|row| row.rejection.clone()).collect();
    let expected = [
        format!(
            "The namespace {} has previously been revoked.",
            namespace(&vault)
        ),
        format!("No encryption keys provided for {}", keys.member),
        format!("Invalid synchronizer {other}, expected da::"),
    ];
    for (reason, expected) in reasons.iter().zip(&expected) {
        assert!(reason.starts_with(expected.as_str()), "{reason}");
    }
    assert_eq!(reasons.len(), 3);
}

#[tokio::test]
async fn keys_that_the_synchronizer_does_not_take_by_its_parameters_announce_nothing_there() {
    let all = RequiredSchemes::default();
    let signing = |keys| SynchronizerSchemes {
        signing: RequiredSchemes {
            keys,
            ..all.clone()
        },
        ..SynchronizerSchemes::default()
    };
    let only_der = SynchronizerSchemes {
        signing: RequiredSchemes {
            formats: [SignatureFormat::Der].into(),
            ..all.clone()
        },
        ..SynchronizerSchemes::default()
    };
    // The node has signing keys on Curve25519 and an encryption key on P-256.
    for (taken, expected) in [
        (
            signing([SigningKeySpec::EcCurve25519].into()),
            ["accepted", "accepted"],
        ),
        (
            signing([SigningKeySpec::EcP256].into()),
            ["rejected", "rejected"],
        ),
        (only_der, ["rejected", "rejected"]),
        (only_rsa(), ["accepted", "rejected"]),
    ] {
        let house = House::new().with_settings(Settings {
            synchronizers: [(synchronizer(), taken)].into(),
            ..Settings::default()
        });
        let (vault, _) = node(&house).await;
        let own = own(&vault).await;
        let added = sequence(&vault, second(0), own.clone()).await.unwrap();
        assert_eq!(outcomes(&added), expected);
        // Whoever asks beforehand is told the same; what is taken already changes nothing.
        let (by, store, force) = (caller(), store(), ForceFlags::default());
        let ahead = vault.add_transactions(&by, &store, own, force).await;
        assert_eq!(ahead.is_ok(), expected == ["accepted", "accepted"]);
    }
}

#[tokio::test]
async fn what_is_meant_for_a_synchronizer_is_looked_at_and_kept_nowhere() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    sequence_own(&vault, 0, 0).await;
    let key = protocol_key_of(&vault).await;
    let proposal = Proposal::announce(party(&namespace(&vault), "party", &[&key]));
    let before = look(&house, &vault).await;
    let records = async || vault.inspect(|_, _| {}).await.unwrap().audit_records;
    let logged = records().await;

    let authorized = vault
        .authorize(&caller(), &store(), proposal.clone())
        .await
        .unwrap();
    assert_eq!(authorized.outcome, Outcome::Accepted);
    assert_eq!(authorized.signed.signatures().len(), 2);
    let force = ForceFlags::default();
    let signed = authorized.signed;
    let add = async |transactions| {
        vault
            .add_transactions(&caller(), &store(), transactions, force)
            .await
    };
    let added = add(vec![signed.clone()]).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"]);
    // All or none: one that would be rejected is the answer.
    let (other_house, wrong) = (House::numbered(2), second(1));
    let (other, _) = node(&other_house).await;
    let key = protocol_key_of(&other).await;
    let foreign = party(&namespace(&other), "foreign", &[&key]);
    let foreign = authorize(&other, Proposal::announce(foreign))
        .await
        .unwrap();
    let refused = add(vec![signed.clone(), foreign.signed]).await;
    assert_eq!(code(refused), "TOPOLOGY_UNAUTHORIZED_TRANSACTION");

    assert_eq!(look(&house, &vault).await, before);
    assert_eq!(records().await, logged + 2, "that two keys signed it");
    // It comes back sequenced.
    let added = sequence(&vault, wrong, vec![signed]).await.unwrap();
    assert_eq!(outcomes(&added), ["accepted"]);
    let again = vault.authorize(&caller(), &store(), proposal).await;
    assert_eq!(code(again), "TOPOLOGY_MAPPING_ALREADY_EXISTS");
}

#[tokio::test]
async fn a_rotation_waits_until_every_synchronizer_announces_the_new_key_and_then_no_longer_the_old()
 {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let quick: PhysicalSynchronizerId = synchronizer()
        .to_string()
        .replace("da::", "quick::")
        .parse()
        .unwrap();
    let own_to = async |id: &PhysicalSynchronizerId, number, from| {
        let transactions = own(&vault).await.split_off(from);
        let added = vault
            .add_sequenced(&caller(), id, second(number), transactions)
            .await;
        assert_eq!(outcomes(&added.unwrap()).last(), Some(&"accepted"));
    };
    for id in [&quick, &synchronizer()] {
        own_to(id, 0, 0).await;
    }
    house.clock.set(second(1).sequenced);
    let old = protocol_key(&vault).await;
    begin_rotation(&vault, old).await;
    let step = async || vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
    let waits_for = async |expected: &[StoreId]| {
        let before = look(&house, &vault).await;
        let found = step().await;
        let Some(RotationStep::Waiting { stores, .. }) = found else {
            panic!("{found:?}")
        };
        assert_eq!(stores, expected);
        assert_eq!(look(&house, &vault).await, before);
    };
    let (slow, quick_store) = (store(), StoreId::Synchronizer(quick.clone()));
    let both = [slow.clone(), quick_store.clone()];

    assert!(matches!(step().await, Some(RotationStep::Announced(_))));
    waits_for(&both).await;
    own_to(&quick, 10, 2).await;
    // Sequenced, but not effective yet.
    house.clock.set(second(10).effective);
    waits_for(&both).await;
    house.clock.advance(Duration::from_micros(1));
    waits_for(&both[..1]).await;
    own_to(&synchronizer(), 11, 2).await;
    house.clock.set(second(12).sequenced);
    assert!(matches!(step().await, Some(RotationStep::Withdrawn(_))));
    waits_for(&both).await;
    own_to(&synchronizer(), 20, 3).await;
    house.clock.set(second(21).sequenced);
    waits_for(&both[1..]).await;
    own_to(&quick, 22, 3).await;
    house.clock.set(second(23).sequenced);
    let steps = finish_rotations(&vault).await;
    assert!(
        matches!(steps.as_slice(), [RotationStep::Retired(_)]),
        "{steps:?}"
    );
    let signed = vault
        .sign(
            &old,
            b"message",
            strongroom_crypto::KeyUsages::only(KeyUsage::Protocol),
        )
        .await;
    assert_eq!(code(signed), "KEY_RETIRED");
}

#[tokio::test]
async fn a_store_that_never_catches_up_is_passed_over_by_whoever_says_so() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    sequence_own(&vault, 0, 0).await;
    house.clock.set(second(1).sequenced);
    let old = protocol_key(&vault).await;
    begin_rotation(&vault, old).await;
    let passed_over = BTreeSet::from([store()]);
    let step = async |stores: &BTreeSet<StoreId>| {
        let step = vault.advance_rotation(&caller(), stores).await;
        step.unwrap()
    };
    let first = step(&PATIENT).await;
    assert!(matches!(first, Some(RotationStep::Announced(_))));
    for is_done in [
        |step: &RotationStep| matches!(step, RotationStep::Withdrawn(_)),
        |step: &RotationStep| matches!(step, RotationStep::Retired(_)),
    ] {
        let waits = step(&PATIENT).await;
        assert!(matches!(waits, Some(RotationStep::Waiting { .. })));
        assert!(is_done(&step(&passed_over).await.unwrap()));
    }
    assert!(vault.rotations().is_empty());
    // A store that there is none of is a mistake, also when nothing is under way.
    let mut other = synchronizer();
    other.serial = 7;
    let mistyped = BTreeSet::from([StoreId::Synchronizer(other)]);
    let before = look(&house, &vault).await;
    let refused = vault.advance_rotation(&caller(), &mistyped).await;
    assert_eq!(code(refused), "TOPOLOGY_STORE_NOT_FOUND");
    assert_eq!(look(&house, &vault).await, before);
}

#[tokio::test]
async fn a_synchronizer_that_does_not_know_the_node_is_not_waited_for() {
    let (house, other_house) = (House::new(), House::numbered(2));
    let (vault, _) = node(&house).await;
    let (other, _) = node(&other_house).await;
    let foreign = own(&other).await;
    sequence(&vault, second(0), foreign).await.unwrap();
    let old = protocol_key(&vault).await;
    begin_rotation(&vault, old).await;
    assert_eq!(finish_rotations(&vault).await.len(), 3);
}

#[tokio::test]
async fn a_key_that_a_synchronizer_still_announces_is_not_deleted() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    sequence_own(&vault, 0, 0).await;
    let old = protocol_key(&vault).await;
    let without = keys.announced.without_key(&old).unwrap().unwrap();
    let without = Proposal::announce(Mapping::OwnerToKeyMapping(without));
    authorize(&vault, without).await.unwrap();
    let refused = vault.delete_key(&caller(), &old).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.ends_with(&format!("in {}", store())), "{text}");
    sequence_own(&vault, 1, 2).await;
    vault.delete_key(&caller(), &old).await.unwrap();
}

#[tokio::test]
async fn a_synchronizer_of_which_nothing_came_has_no_store() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let added = sequence(&vault, second(0), Vec::new()).await.unwrap();
    assert!(added.is_empty());
    assert_eq!(
        vault.topology_stores().await.unwrap(),
        [StoreId::Authorized]
    );
    look(&house, &vault).await;
}

#[tokio::test]
async fn two_nodes_that_follow_a_synchronizer_hold_the_same_and_the_log_counts_it() {
    let (house, other_house) = (House::new(), House::numbered(2));
    let (vault, _) = node(&house).await;
    let (other, _) = node(&other_house).await;
    let both = [own(&vault).await, own(&other).await].concat();
    for follower in [&vault, &other] {
        let added = sequence(follower, second(0), both.clone()).await.unwrap();
        assert_eq!(outcomes(&added), ["accepted"; 4]);
        let mut told = None;
        follower
            .walk_audit(|entry| {
                if entry.operation == AuditOperation::AddTopology {
                    told = Some(entry.details);
                }
            })
            .await
            .unwrap();
        let told = told.unwrap();
        assert_eq!(told["store"], store().to_string());
        assert_eq!(
            (told["transactions"].as_str(), told["rejected"].as_str()),
            ("4", "0")
        );
    }
    let (one, two) = (
        TopologyPicture::of(&vault).await,
        TopologyPicture::of(&other).await,
    );
    assert_eq!(one.stores[&store()], two.stores[&store()]);
}
