//! Everything about topology at once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use strongroom_crypto::{Fingerprint, KeyUsage};
use strongroom_errors::Coded;
use strongroom_kms_local::LocalKms;
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_topology::{At, ForceFlags, Mapping, Restriction, StoreId};
use strongroom_vault::{
    AuditOperation, NamedKms, Proposal, Rotate, RotationStep, Vault, VaultError,
};

use super::{
    PATIENT, announced_keys, node, participant,
    picture::look,
    protocol_key, rotate_all, serial,
    statements::{authorize, delegate, namespace, party, protocol_key_of, rows, without_root},
    synchronizers::{second, sequence},
};
use crate::house::{
    ALLOW_PROTOCOL, House, KMS_NAME, all_keys, caller, check_signs, encryption_key, settings,
    signing_key,
};

/// Runs `act` in so many tasks at once.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    tasks: usize,
    vault: &Arc<Vault>,
    act: impl Fn(Arc<Vault>, usize) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(act(Arc::clone(vault), task)))
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

/// How often each code was the answer; `ok` for success.
fn count<T>(outcomes: Vec<Result<T, VaultError>>) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        let code = outcome.map_or_else(|error| error.code().name(), |_| "ok");
        *counts.entry(code).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn steps_of_a_rotation_taken_by_many_at_once_are_taken_once() {
    for round in 0..5 {
        let house = House::numbered(round);
        let (vault, _) = node(&house).await;
        let before = announced_keys(&vault).await;
        let vault = Arc::new(vault);
        let begun = at_once(6, &vault, |vault, _| async move {
            vault.begin_rotation(&caller(), Rotate::all()).await
        });
        let expected = BTreeMap::from([("ok", 1), ("ROTATION_UNDER_WAY", 5)]);
        assert_eq!(count(begun.await), expected);
        // The new keys of those who came too late are kept nowhere.
        assert_eq!(all_keys(&vault).len(), 4 + 3);
        let steps = at_once(6, &vault, |vault, _| async move {
            let mut steps = Vec::new();
            while let Some(step) = vault.advance_rotation(&caller(), &PATIENT).await.unwrap() {
                steps.push(step);
            }
            steps
        });
        let steps: Vec<RotationStep> = steps.await.into_iter().flatten().collect();
        assert_eq!(steps.len(), 9, "{steps:?}");
        let after = announced_keys(&vault).await;
        assert_eq!((after.len(), serial(&vault).await), (3, 7));
        assert!(before.iter().all(|key| !after.contains(key)));
        look(&house, &vault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rotation_given_up_while_others_advance_it_is_over_or_given_up() {
    for round in 0..8 {
        let house = House::numbered(round);
        let (vault, _) = node(&house).await;
        let vault = Arc::new(vault);
        vault
            .begin_rotation(&caller(), Rotate::all())
            .await
            .unwrap();
        at_once(4, &vault, |vault, task| async move {
            if task == 3 {
                vault.abandon_rotations(&caller()).await.unwrap();
            }
            while vault
                .advance_rotation(&caller(), &PATIENT)
                .await
                .unwrap()
                .is_some()
            {}
        })
        .await;
        assert!(vault.rotations().is_empty());
        // Keys were retired only once they were withdrawn.
        for key in announced_keys(&vault).await {
            let entry = vault.key(&key).unwrap();
            if entry.usages().is_some() {
                let usages = entry.usages().unwrap();
                vault.sign(&key, b"message", usages).await.unwrap();
            }
        }
        look(&house, &vault).await;
        rotate_all(&vault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_statement_announced_by_many_at_once_is_there_once() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let vault = Arc::new(vault);
    let mapping = party(
        &namespace(&vault),
        "party",
        &[&protocol_key_of(&vault).await],
    );
    let outcomes = at_once(12, &vault, |vault, _| {
        let proposal = Proposal::announce(mapping.clone());
        async move { authorize(&vault, proposal).await }
    });
    let expected = BTreeMap::from([("ok", 1), ("TOPOLOGY_MAPPING_ALREADY_EXISTS", 11)]);
    assert_eq!(count(outcomes.await), expected);
    assert_eq!(rows(&vault).await.len(), 3);
    look(&house, &vault).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_identity_made_by_many_at_once_is_one() {
    let house = House::new();
    let vault = Arc::new(house.create().await);
    let made = at_once(6, &vault, |vault, _| async move {
        vault.initialize(&caller(), &participant()).await.unwrap()
    })
    .await;
    let first = &made[0];
    for keys in &made {
        assert_eq!((&keys.member, keys.root), (&first.member, first.root));
        assert_eq!(keys.announced, first.announced);
    }
    assert_eq!(all_keys(&vault).len(), 4);
    assert_eq!(rows(&vault).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_deleted_or_announced_but_never_both() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let vault = Arc::new(vault);
    let mut seen = BTreeMap::new();
    for turn in 0..16 {
        let key = signing_key(&vault).await;
        let public = vault.key(&key).unwrap().public.clone();
        let mapping = keys.announced.with_key(public).unwrap();
        let outcomes = at_once(2, &vault, |vault, task| {
            let proposal = Proposal::announce(Mapping::OwnerToKeyMapping(mapping.clone()));
            async move {
                // Each has its turns at being first.
                if (task + turn) % 2 == 0 {
                    vault.delete_key(&caller(), &key).await.err()
                } else {
                    authorize(&vault, proposal).await.err()
                }
            }
        });
        let refused: Vec<_> = outcomes.await.into_iter().flatten().collect();
        let [refused] = refused.as_slice() else {
            panic!("{refused:?}")
        };
        *seen.entry(refused.code().name()).or_insert(0) += 1;
        let is_announced = announced_keys(&vault).await.contains(&key);
        assert_eq!(is_announced, vault.key(&key).is_ok());
    }
    let known = [
        "KEY_ANNOUNCED",
        "TOPOLOGY_UNAUTHORIZED_TRANSACTION",
        "KEY_NOT_FOUND",
    ];
    assert!(seen.keys().all(|code| known.contains(code)), "{seen:?}");
    look(&house, &vault).await;
}

#[tokio::test]
async fn keys_are_used_while_somebody_looks_at_topology_and_another_waits_to_change_it() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let vault = Arc::new(vault);
    let (warm, cold) = (protocol_key(&vault).await, signing_key(&vault).await);
    let encryption = encryption_key(&vault).await;
    check_signs(&vault, &warm).await;
    let party_key = protocol_key_of(&vault).await;
    let proposal = Proposal::announce(party(&namespace(&vault), "party", &[&party_key]));

    let view = vault.topology(&StoreId::Authorized).await.unwrap();
    let writer = {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move { authorize(&vault, proposal).await })
    };
    tokio::task::yield_now().await;
    check_signs(&vault, &warm).await;
    check_signs(&vault, &cold).await;
    let encrypted = vault.encrypt(&encryption, b"message").unwrap();
    vault.decrypt(&encrypted).await.unwrap();
    let new = signing_key(&vault).await;
    vault.retire_key(&caller(), &new).await.unwrap();
    assert!(!writer.is_finished());
    assert_eq!(view.rows().len(), 2);
    drop(view);
    writer.await.unwrap().unwrap();
    assert_eq!(rows(&vault).await.len(), 3);
}

/// Has the vault sign what it has signed before, of which the signature of the namespace was lost.
async fn sign_again(vault: &Vault) -> Result<(), VaultError> {
    let mut rows = rows(vault).await.into_iter();
    let row = rows.find(|row| row.signed.signatures().len() > 1).unwrap();
    let signed = without_root(&row.signed, &namespace(vault));
    let (store, force) = (StoreId::Authorized, ForceFlags::default());
    let told = caller();
    let signing = vault.sign_transactions(&told, &store, vec![signed], &[], force);
    signing.await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_a_kms_does_not_answer_others_look_at_topology_and_only_the_next_change_waits() {
    let house = House::new().with_settings(settings(Custody::External, Sealing::DataKey));
    node(&house).await.0.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(kms.clone()),
    }];
    let vault = Vault::open(environment, house.settings.clone()).await;
    let vault = Arc::new(vault.unwrap());
    let key = protocol_key_of(&vault).await;
    let mapping = party(&namespace(&vault), "party", &[&key]);
    let begun = vault.begin_rotation(&caller(), Rotate::all()).await;
    begun.unwrap();
    let of = || Arc::clone(&vault);
    let (announcing, signing, rotating) = (of(), of(), of());
    let acts: [(&str, BoxFuture<'static, Result<(), VaultError>>); 3] = [
        (
            "authorize",
            async move {
                let proposal = Proposal::announce(mapping);
                authorize(&announcing, proposal).await.map(drop)
            }
            .boxed(),
        ),
        ("sign", async move { sign_again(&signing).await }.boxed()),
        (
            "rotate",
            async move {
                let step = rotating.advance_rotation(&caller(), &PATIENT).await;
                step.map(drop)
            }
            .boxed(),
        ),
    ];
    for (name, act) in acts {
        kms.fail_from(1, Fault::Stalled);
        let before = kms.calls();
        let acting = tokio::spawn(act);
        while kms.calls() == before {
            if acting.is_finished() {
                panic!("{name} asked no KMS: {:?}", acting.await);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let vault_of_next = of();
        let next = tokio::spawn(async move {
            let temporary = name.parse().unwrap();
            vault_of_next.create_temporary_store(temporary).await
        });
        // What is being advanced is not given up meanwhile.
        let giving_up = of();
        let giving_up =
            tokio::spawn(async move { giving_up.abandon_rotations(&caller()).await.map(drop) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let looking = async {
            let rows = vault.topology(&StoreId::Authorized).await.unwrap();
            assert_eq!(rows.rows().len(), 2, "{name}");
            drop(rows);
            let current = vault.current_signing_key(KeyUsage::Protocol).await;
            current.unwrap();
        };
        let looked = tokio::time::timeout(Duration::from_secs(60), looking).await;
        looked.expect("nobody waits for a KMS to look at topology");
        assert!(!acting.is_finished() && !next.is_finished(), "{name}");
        assert!(!giving_up.is_finished(), "{name}");
        giving_up.abort();
        acting.abort();
        next.await.unwrap().unwrap();
        kms.heal();
    }
    look(&house, &vault).await;
}

/// What the tasks share.
struct Bustle {
    vault: Arc<Vault>,
    /// Announcements that were made.
    announced: AtomicU64,
}

impl Bustle {
    async fn act(&self, task: usize, turn: usize) {
        let (vault, caller) = (&self.vault, &caller());
        match task % 6 {
            0 => {
                let key = protocol_key_of(vault).await;
                let mapping = party(&namespace(vault), &format!("p{task}-{turn}"), &[&key]);
                authorize(vault, Proposal::announce(mapping)).await.unwrap();
                self.announced.fetch_add(1, Ordering::SeqCst);
            }
            1 => {
                let which = Rotate::all();
                expect(
                    vault.begin_rotation(caller, which).await,
                    &["ROTATION_UNDER_WAY"],
                );
                while let Some(step) = vault.advance_rotation(caller, &PATIENT).await.unwrap() {
                    if matches!(step, RotationStep::Waiting { .. }) {
                        break;
                    }
                }
            }
            2 => {
                let key = protocol_key(vault).await;
                let signed = vault.sign(&key, b"message", ALLOW_PROTOCOL).await;
                expect(signed, &["KEY_RETIRED"]);
                vault.current_encryption_key().await.unwrap();
            }
            3 => {
                let unused = signing_key(vault).await;
                vault.delete_key(caller, &unused).await.unwrap();
                let key = protocol_key(vault).await;
                let codes = ["KEY_ANNOUNCED", "ROTATION_UNDER_WAY"];
                expect(vault.delete_key(caller, &key).await, &codes);
            }
            4 => {
                let signed = rows(vault).await.into_iter();
                let signed = signed.filter(|row| row.is_accepted());
                let signed = signed.map(|row| row.signed.as_ref().clone()).collect();
                let times = second(i64::try_from(turn).unwrap());
                let early = ["TOPOLOGY_SEQUENCED_TOO_EARLY", "SEQUENCED_TOO_EARLY"];
                expect(sequence(vault, times, signed).await, &early);
            }
            _ => {
                for id in vault.topology_stores().await.unwrap() {
                    let view = vault.topology(&id).await.unwrap();
                    assert!(view.head().count() <= view.rows().len());
                }
            }
        }
    }
}

/// Nothing else may go wrong when others are faster.
#[track_caller]
fn expect<T>(outcome: Result<T, VaultError>, codes: &[&str]) {
    if let Err(error) = outcome {
        assert!(codes.contains(&error.code().name()), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_announce_rotate_sign_delete_follow_and_look_at_once_leave_a_sound_vault() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    delegate(&vault, Restriction::AllMappings).await;
    let bustle = Arc::new(Bustle {
        vault: Arc::new(vault),
        announced: AtomicU64::new(0),
    });
    let tasks: Vec<_> = (0..12)
        .map(|task| {
            let bustle = Arc::clone(&bustle);
            tokio::spawn(async move {
                for turn in 0..5 {
                    bustle.act(task, turn).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let vault = &bustle.vault;
    look(&house, vault).await;
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let parties = store.head().filter(|row| {
        let transaction = row.signed.transaction();
        transaction.mapping().code() == strongroom_topology::MappingCode::PartyToKeyMapping
    });
    let parties = u64::try_from(parties.count()).unwrap();
    assert_eq!(parties, bustle.announced.load(Ordering::SeqCst));
    assert!(store.rows().iter().all(|row| row.rejection.is_none()));
    let announced = store.owner_to_key(&keys.member, At::Head).unwrap().clone();
    drop(store);
    let mut retired: Vec<Option<String>> = Vec::new();
    vault
        .walk_audit(|entry| {
            if entry.operation == AuditOperation::RetireKey {
                retired.push(entry.key);
            }
        })
        .await
        .unwrap();
    let is_retired = |key: Fingerprint| retired.contains(&Some(key.to_string()));
    let keys: Vec<_> = announced
        .keys()
        .iter()
        .map(|key| key.fingerprint())
        .collect();
    assert!(keys.iter().all(|key| !is_retired(*key)));
}
