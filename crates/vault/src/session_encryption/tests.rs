//! Whatever happens in whatever order, a secret is for those who ask for it, and not too old.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use strongroom_crypto::EncryptionAlgorithm;

use super::*;
use crate::settings::SessionCacheBounds;

const EXPIRE_AFTER: u64 = 10;
const MEMBERS: u8 = 3;

fn caches() -> SessionCaches {
    let bounds = SessionCacheBounds {
        maximum_size: 4,
        expire_after: Duration::from_secs(EXPIRE_AFTER),
    };
    SessionCaches::new(&SessionEncryptionSettings {
        enabled: true,
        sender: bounds,
        receiver: bounds,
    })
}

/// The key that a member has after so many rotations.
fn key(member: u8, rotations: u8) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&[member, rotations]);
    Fingerprint::from_bytes(bytes)
}

fn member(number: u8) -> Member {
    let namespace = key(0xff, 0);
    format!("PAR::member{number}::{namespace}").parse().unwrap()
}

/// Those whose bits are set.
fn members(group: u8) -> impl Iterator<Item = u8> {
    (0..MEMBERS).filter(move |number| group & (1 << number) != 0)
}

fn tree(group: u8, children: Vec<RecipientsTree>) -> RecipientsTree {
    RecipientsTree {
        members: members(group).map(member).collect(),
        children,
    }
}

const CALLERS: [Option<&str>; 3] = [None, Some("ann"), Some("ben")];

fn sender_key(group: u8) -> SenderKey {
    sender_key_of(None, group)
}

fn sender_key_of(caller: Option<&str>, group: u8) -> SenderKey {
    SenderKey {
        caller: caller.map(Arc::from),
        store: StoreId::Authorized,
        deterministic: false,
        required: RequiredEncryption::default(),
        recipients: tree(group, Vec::new()).hash(),
    }
}

fn encrypted(number: u64, encrypted_for: Fingerprint) -> AsymmetricEncrypted {
    AsymmetricEncrypted {
        ciphertext: number.to_be_bytes().to_vec(),
        algorithm: EncryptionAlgorithm::RsaOaepSha256,
        encrypted_for,
    }
}

fn secret(number: u64) -> Arc<SecretBytes> {
    Arc::new(SecretBytes::from_slice(&number.to_be_bytes()))
}

#[derive(Clone, Debug)]
enum Act {
    /// A caller's view for a group, below the view of another one if there was any.
    Send {
        caller: Option<&'static str>,
        group: u8,
        below: Option<u8>,
    },
    Rotate(u8),
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let group = 1_u8..1 << MEMBERS;
    let act = prop_oneof![
        6 => (proptest::sample::select(&CALLERS), group.clone(), proptest::option::of(group))
            .prop_map(|(caller, group, below)| Act::Send { caller, group, below }),
        1 => (0..MEMBERS).prop_map(Act::Rotate),
        2 => (0_u64..6).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 0..80)
}

/// What is true of a secret, by the number of its key.
struct Made {
    caller: Option<&'static str>,
    group: u8,
    parent: Option<u64>,
    at: u64,
}

proptest! {
    #[test]
    fn a_sent_secret_is_used_for_its_caller_its_group_its_parent_and_keys_in_force_only_and_never_past_its_time(acts in acts()) {
        let caches = caches();
        let (mut made, mut last): (BTreeMap<u64, Made>, BTreeMap<_, u64>) = Default::default();
        let (mut rotations, mut now) = ([0_u8; MEMBERS as usize], 0);
        for act in acts {
            let (caller, group, parent) = match act {
                Act::Rotate(member) => {
                    rotations[usize::from(member)] += 1;
                    continue;
                }
                Act::Wait(seconds) => {
                    now += seconds;
                    continue;
                }
                Act::Send { caller, group, below } => {
                    let below = below.and_then(|it| last.get(&(caller, it)).copied());
                    (caller, group, below)
                }
            };
            let key_of = |member: u8| key(member, rotations[usize::from(member)]);
            let active: HashSet<_> = members(group).map(key_of).collect();
            let elapsed = Duration::from_secs(now);
            let asked = sender_key_of(caller, group);
            let used = match caches.reusable(&asked, parent, &active, elapsed) {
                Some(known) => known,
                None => {
                    let number = made.len() as u64;
                    let keys = members(group).map(|member| encrypted(number, key_of(member)));
                    let kept = caches.keep_sent(asked, parent, &secret(number), keys.collect(), elapsed);
                    made.insert(kept.id(), Made { caller, group, parent, at: now });
                    kept
                }
            };
            let truth = &made[&used.id()];
            prop_assert_eq!((truth.caller, truth.group), (caller, group));
            prop_assert_eq!(truth.parent, parent);
            prop_assert!(now - truth.at < EXPIRE_AFTER);
            let encrypted_for: HashSet<_> = used.encryptions().iter().map(|it| it.encrypted_for).collect();
            prop_assert_eq!(encrypted_for, active);
            last.insert((caller, group), used.id());
        }
    }

    #[test]
    fn a_received_secret_is_that_of_its_encryption_and_never_given_past_its_time(
        acts in proptest::collection::vec((0_u64..6, any::<bool>(), 0_u64..6), 0..80),
    ) {
        let caches = caches();
        let (mut kept, mut now) = (BTreeMap::new(), 0);
        for (number, keeps, seconds) in acts {
            now += seconds;
            let elapsed = Duration::from_secs(now);
            let encryption = encrypted(number, key(0, 0));
            if keeps {
                caches.keep_received(None, &encryption, &secret(number), elapsed);
                kept.insert(number, now);
            }
            if let Some(found) = caches.received(&encryption.session_key_hash(), elapsed) {
                prop_assert_eq!(&*found, &*secret(number));
                prop_assert!(now - kept[&number] < EXPIRE_AFTER);
            } else {
                prop_assert!(!keeps, "what was just kept is there");
            }
            let same_bytes_for_another = encrypted(number, key(1, 0));
            let found = caches.received(&same_bytes_for_another.session_key_hash(), elapsed);
            prop_assert!(found.is_none());
        }
    }
}

#[test]
fn trees_with_the_same_members_in_other_places_are_other_recipients() {
    let leaf = |group| tree(group, Vec::new());
    let trees = [
        leaf(0b11),
        tree(0b01, vec![leaf(0b10)]),
        tree(0b10, vec![leaf(0b01)]),
        tree(0, vec![leaf(0b01), leaf(0b10)]),
        tree(0, vec![tree(0b01, vec![leaf(0b10)])]),
    ];
    let keys = trees.map(|tree| SenderKey {
        recipients: tree.hash(),
        ..sender_key(0)
    });
    let caches = caches();
    let encrypted = vec![encrypted(0, key(0, 0))];
    let active = HashSet::from([key(0, 0)]);
    for (number, kept) in keys.iter().enumerate() {
        let now = Duration::from_secs(20 * u64::try_from(number).unwrap());
        caches.keep_sent(kept.clone(), None, &secret(0), encrypted.clone(), now);
        for asked in &keys {
            let found = caches.reusable(asked, None, &active, now).is_some();
            assert_eq!(found, asked == kept);
        }
    }
}

#[test]
fn what_was_made_for_one_caller_on_one_synchronizer_is_for_no_other() {
    let caches = caches();
    let asked = |caller: Option<&str>, store: StoreId| SenderKey {
        caller: caller.map(Arc::from),
        store,
        ..sender_key(1)
    };
    let namespace = key(0xff, 0);
    let synchronizer = format!("da::{namespace}::35-0").parse().unwrap();
    let made = asked(Some("ann"), StoreId::Authorized);
    let encrypted = vec![encrypted(0, key(0, 0))];
    caches.keep_sent(made.clone(), None, &secret(0), encrypted, Duration::ZERO);
    let active = HashSet::from([key(0, 0)]);
    let found = |asked| {
        let found = caches.reusable(&asked, None, &active, Duration::ZERO);
        found.is_some()
    };
    assert!(!found(asked(None, StoreId::Authorized)));
    assert!(!found(asked(Some("ben"), StoreId::Authorized)));
    assert!(!found(asked(
        Some("ann"),
        StoreId::Synchronizer(synchronizer)
    )));
    assert!(found(made));
}
