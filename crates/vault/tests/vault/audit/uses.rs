//! Records of signatures and decryptions, at each level.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use parking_lot::Mutex;
use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, SigningPublicKey};
use strongroom_store::StoreError;
use strongroom_test_support::store::{HookedStore, StoreCall, StoreHook};
use strongroom_topology::{ForceFlags, Restriction, StoreId};
use strongroom_vault::{
    AuditEntry, AuditOperation, AuditSettings, Caller, NewSigningKey, Proposal, ReplicaSettings,
    Settings, UseRecords, Vault,
};

use super::records;
use crate::{
    faults::store::open_over,
    house::{House, caller, code, encryption_key, new_protocol_key, protocol, sign, signing_key},
    protocol::{follow, synchronizer},
    topology::{
        participant,
        statements::{delegation, namespace, public, rows, without_root},
    },
};

fn house(uses: UseRecords) -> House {
    House::new().with_settings(Settings {
        audit: AuditSettings {
            uses,
            ..AuditSettings::default()
        },
        ..Settings::default()
    })
}

async fn uses(vault: &Vault) -> Vec<AuditEntry> {
    let mut records = records(vault).await.unwrap();
    records
        .retain(|entry| [AuditOperation::Sign, AuditOperation::Decrypt].contains(&entry.operation));
    records
}

/// Commits that are counted, and records that are refused as long as somebody wants that.
#[derive(Debug, Default)]
struct Log {
    commits: Mutex<usize>,
    is_full: Mutex<bool>,
}

impl StoreHook for Log {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        if call == StoreCall::AppendAudit && *self.is_full.lock() {
            return Err(StoreError::Full {
                source: "on purpose".into(),
            });
        }
        Ok(())
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        *self.commits.lock() += usize::from(call == StoreCall::Commit);
        Ok(())
    }
}

async fn over_log(house: &House) -> (Vault, Arc<HookedStore<Log>>) {
    let store = house.store().await.unwrap();
    let store = Arc::new(HookedStore::around(store, Arc::<Log>::default()));
    let vault = open_over(house, Arc::<HookedStore<Log>>::clone(&store)).await;
    (vault, store)
}

#[tokio::test]
async fn each_signature_is_on_record_when_it_is_answered() {
    let house = house(UseRecords::Each);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let alice = Caller::new("alice").with_trace_id("trace-1");
    for _ in 0..3 {
        let signed = vault.sign_for(&alice, &key, b"message", protocol()).await;
        signed.unwrap();
    }
    sign(&vault, &key).await.unwrap();
    // As a crash leaves it.
    let copy = house.copy().open().await;
    let records = uses(&copy).await;
    assert_eq!(records.len(), 4);
    for record in &records[..3] {
        assert_eq!(record.caller, "alice");
        assert_eq!(record.trace_id.as_deref(), Some("trace-1"));
        assert_eq!(record.key, Some(key.to_string()));
        assert_eq!(record.details["usage"], protocol().to_string());
    }
    assert_eq!(records[3].caller, "library");
}

#[tokio::test]
async fn a_decryption_is_a_use_as_well() {
    let house = house(UseRecords::Each);
    let vault = house.create().await;
    let key = encryption_key(&vault).await;
    let encrypted = vault.encrypt(&key, b"content").unwrap();
    vault.decrypt_for(&caller(), &encrypted).await.unwrap();
    let records = uses(&vault).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].operation, AuditOperation::Decrypt);
    assert_eq!(records[0].key, Some(key.to_string()));
}

/// Records of signatures over topology that is kept elsewhere, as a crash now would leave them.
async fn topology_signatures(house: &House) -> Vec<AuditEntry> {
    let copy = house.copy().open().await;
    let mut records = records(&copy).await.unwrap();
    records.retain(|entry| entry.operation == AuditOperation::SignTopology);
    records
}

#[tokio::test]
async fn a_signature_over_topology_that_is_kept_elsewhere_is_on_record_at_any_level() {
    for level in [UseRecords::Off, UseRecords::Batched, UseRecords::Each] {
        let house = house(level);
        let vault = house.create().await;
        vault.initialize(&caller(), &participant()).await.unwrap();
        let alice = Caller::new("alice").with_trace_id("trace-1");
        // With one of its signatures only, as somebody else may send it.
        let own = rows(&vault).await.into_iter();
        let own = own.filter(|row| row.signed.signatures().len() > 1);
        let unsigned: Vec<_> = own
            .map(|row| without_root(&row.signed, &namespace(&vault)))
            .collect();
        let root = namespace(&vault).fingerprint().unwrap().to_string();
        assert!(!unsigned.is_empty());
        assert!(topology_signatures(&house).await.is_empty());
        let store = StoreId::Authorized;
        let (force, none) = (ForceFlags::default(), &[]);
        let signed = vault.sign_transactions(&alice, &store, unsigned, none, force);
        let signed = signed.await.unwrap();
        let records = topology_signatures(&house).await;
        for record in &records {
            assert_eq!(record.caller, "alice");
            assert_eq!(record.trace_id.as_deref(), Some("trace-1"));
            assert_eq!(record.details["store"], "authorized");
        }
        let named: Vec<_> = records.into_iter().filter_map(|it| it.key).collect();
        assert_eq!(named, [root]);

        // To have nothing to add is nothing to record.
        let again = vault.sign_transactions(&alice, &store, signed, none, force);
        again.await.unwrap();
        assert_eq!(topology_signatures(&house).await.len(), named.len());
        assert!(uses(&vault).await.is_empty(), "it is told once");
    }
}

fn root_key(vault: &Vault) -> SigningPublicKey {
    public(vault, &namespace(vault).fingerprint().unwrap())
}

#[tokio::test]
async fn what_a_key_of_a_namespace_signs_is_on_record_at_any_level_although_nobody_took_it_apart() {
    for level in [UseRecords::Off, UseRecords::Batched, UseRecords::Each] {
        let house = house(level);
        let vault = house.create().await;
        vault.initialize(&caller(), &participant()).await.unwrap();
        let root = namespace(&vault).fingerprint().unwrap();
        let row = rows(&vault).await.into_iter().next().unwrap();
        let hash = row.signed.hash();
        let alice = Caller::new("alice").with_trace_id("trace-1");
        let usage = KeyUsages::only(KeyUsage::Namespace);
        let message = hash.to_multihash();
        let signed = vault.sign_for(&alice, &root, &message, usage).await;
        signed.unwrap();
        let own = vault.sign(&root, b"no hash", usage).await;
        own.unwrap();
        let records = topology_signatures(&house).await;
        let told: Vec<_> = records
            .iter()
            .map(|it| (it.caller.as_str(), it.details.get("transaction").cloned()))
            .collect();
        assert_eq!(told, [("alice", Some(hash.to_string())), ("library", None)]);
        for record in records {
            assert_eq!(record.key, Some(root.to_string()));
            assert_eq!(record.details["usage"], usage.to_string());
        }
        assert!(uses(&vault).await.is_empty(), "it is told once");
    }
}

#[tokio::test]
async fn a_key_for_protocol_and_namespace_leaves_that_record_where_it_is_asked_to_sign_for_a_namespace()
 {
    let house = house(UseRecords::Off);
    let vault = house.create().await;
    let both = NewSigningKey {
        usages: [KeyUsage::Namespace, KeyUsage::Protocol]
            .into_iter()
            .collect(),
        ..new_protocol_key()
    };
    let both = vault.generate_signing_key(&caller(), both).await.unwrap();
    let both = both.fingerprint();
    for (usages, records) in [
        (KeyUsages::only(KeyUsage::Protocol), 0),
        (KeyUsages::only(KeyUsage::Namespace), 1),
        (KeyUsages::ALL, 2),
    ] {
        vault.sign(&both, b"message", usages).await.unwrap();
        assert_eq!(topology_signatures(&house).await.len(), records);
    }
}

#[tokio::test]
async fn what_a_key_of_a_namespace_signs_does_not_leave_without_its_record() {
    let house = house(UseRecords::Off);
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    let root = namespace(&vault).fingerprint().unwrap();
    vault.close().await.unwrap();
    let (vault, store) = over_log(&house).await;
    *store.hook().is_full.lock() = true;
    let usage = KeyUsages::only(KeyUsage::Namespace);
    let signed = vault.sign(&root, b"message", usage).await;
    assert_eq!(code(signed), "STORE_FULL");
}

#[tokio::test]
async fn a_vault_whose_last_change_could_not_be_kept_says_so_until_one_can_be_kept() {
    for (level, still_signs) in [(UseRecords::Each, false), (UseRecords::Off, true)] {
        let house = House::new().with_settings(Settings {
            audit: AuditSettings {
                uses: level,
                window: Duration::from_millis(20),
                ..AuditSettings::default()
            },
            ..Settings::default()
        });
        house.create().await.close().await.unwrap();
        let (vault, store) = over_log(&house).await;
        assert!(vault.keeps_use_records() && vault.standing().await.degraded.is_none());
        *store.hook().is_full.lock() = true;
        let (told, new) = (caller(), new_protocol_key());
        let made = vault.generate_signing_key(&told, new).await;
        assert_eq!(code(made), "STORE_FULL");
        assert_eq!(vault.write_failure(), Some("STORE_FULL"));
        let degraded = vault.standing().await.degraded;
        assert_eq!(degraded.as_deref(), Some("STORE_FULL"));
        assert_eq!(vault.keeps_use_records(), still_signs);
        // As long as nothing can be kept, nobody says otherwise.
        let told = caller();
        tokio::select! {
            () = vault.tend(&told) => {}
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
        assert_eq!(vault.write_failure(), Some("STORE_FULL"));
        // What speaks against one change alone says nothing.
        *store.hook().is_full.lock() = false;
        let unknown = Fingerprint::from_bytes([7; 32]);
        vault.delete_key(&caller(), &unknown).await.unwrap_err();
        assert_eq!(vault.write_failure(), Some("STORE_FULL"));
        // Nobody needs to ask for a change: it would get none while it is said to do no work.
        let recovered = async {
            while vault.write_failure().is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = vault.tend(&told) => {}
            recovered = tokio::time::timeout(Duration::from_secs(60), recovered) => recovered.unwrap(),
        }
        assert!(vault.keeps_use_records() && vault.standing().await.degraded.is_none());
    }
}

#[tokio::test]
async fn what_the_root_key_signs_for_a_store_that_does_not_last_is_on_record() {
    let house = house(UseRecords::Off);
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    let root = root_key(&vault);
    let name = "looking".parse().unwrap();
    let temporary = vault.create_temporary_store(name).await.unwrap();
    let mapping = delegation(&namespace(&vault), &root, Restriction::AllMappings);
    let (alice, proposal) = (Caller::new("alice"), Proposal::announce(mapping));
    let authorized = vault.authorize(&alice, &temporary, proposal);
    let hash = authorized.await.unwrap().signed.hash().to_string();
    let records = topology_signatures(&house).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].caller, "alice");
    assert_eq!(records[0].key, Some(root.fingerprint().to_string()));
    assert_eq!(records[0].details["store"], temporary.to_string());
    assert_eq!(records[0].details["transaction"], hash);

    // A store of a synchronizer: only what is sequenced comes into it.
    let member = vault.identity().unwrap().member;
    let synchronizer = synchronizer(&member, "da", 34);
    follow(&vault, &synchronizer).await;
    let store = StoreId::Synchronizer(synchronizer).to_string();
    let records = topology_signatures(&house).await;
    let of_store = records.iter().filter(|it| it.details["store"] == store);
    assert_eq!(of_store.count(), 1);
}

#[tokio::test]
async fn a_log_that_takes_no_record_gives_no_signature_over_topology_away() {
    let house = house(UseRecords::Off);
    let vault = house.create().await;
    vault.initialize(&caller(), &participant()).await.unwrap();
    vault.close().await.unwrap();
    let (vault, store) = over_log(&house).await;
    let root = root_key(&vault);
    let name = "looking".parse().unwrap();
    let temporary = vault.create_temporary_store(name).await.unwrap();
    let mapping = delegation(&namespace(&vault), &root, Restriction::AllMappings);
    *store.hook().is_full.lock() = true;
    let (by, proposal) = (caller(), Proposal::announce(mapping));
    let refused = vault.authorize(&by, &temporary, proposal).await;
    assert_eq!(code(refused), "STORE_FULL");
    let kept = vault.topology(&temporary).await.unwrap();
    assert!(kept.rows().is_empty(), "whoever reads the store has it");
}

#[tokio::test]
async fn signatures_that_wait_at_the_same_time_share_commits() {
    let house = house(UseRecords::Each);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let (vault, store) = over_log(&house).await;
    sign(&vault, &key).await.unwrap();
    let before = *store.hook().commits.lock();
    let signed = join_all((0..64).map(|_| sign(&vault, &key))).await;
    assert!(signed.iter().all(Result::is_ok));
    let commits = *store.hook().commits.lock() - before;
    assert!(commits <= 4, "64 signatures took {commits} commits");
    assert_eq!(uses(&vault).await.len(), 65);
}

#[tokio::test]
async fn a_level_that_cannot_be_kept_refuses_to_sign_and_nothing_else() {
    let house = house(UseRecords::Each);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let (vault, store) = over_log(&house).await;
    *store.hook().is_full.lock() = true;
    let signed = join_all((0..5).map(|_| sign(&vault, &key))).await;
    for refused in signed {
        assert_eq!(code(refused), "AUDIT_LEVEL_NOT_KEPT");
    }
    *store.hook().is_full.lock() = false;
    sign(&vault, &key).await.unwrap();
    assert_eq!(uses(&vault).await.len(), 1);
}

#[tokio::test]
async fn a_log_that_takes_no_record_refuses_what_is_administered() {
    let house = house(UseRecords::Off);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let (vault, store) = over_log(&house).await;
    *store.hook().is_full.lock() = true;
    let made = vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await;
    assert_eq!(code(made), "STORE_FULL");
    assert_eq!(code(vault.delete_key(&caller(), &key).await), "STORE_FULL");
    assert_eq!(code(vault.retire_key(&caller(), &key).await), "STORE_FULL");
    assert_eq!(vault.key_count(), 1);
    // What is not on record anyway goes on.
    sign(&vault, &key).await.unwrap();
    *store.hook().is_full.lock() = false;
    vault.delete_key(&caller(), &key).await.unwrap();
}

#[tokio::test]
async fn a_signature_whose_caller_goes_away_holds_up_nobody() {
    let house = house(UseRecords::Each);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    // Whoever leads is given up at every point where it waits.
    for polls in 1..40 {
        let mut leader = Box::pin(sign(&vault, &key));
        for _ in 0..polls {
            let polled = futures_util::poll!(leader.as_mut());
            if polled.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let mut follower = Box::pin(sign(&vault, &key));
        let _pending = futures_util::poll!(follower.as_mut());
        drop(leader);
        follower.await.unwrap();
    }
    vault.walk_audit(|_| {}).await.unwrap();
    assert!(uses(&vault).await.len() >= 39);
}

#[tokio::test]
async fn batched_uses_are_counted_by_who_used_what_for_what() {
    let house = house(UseRecords::Batched);
    let vault = house.create().await;
    let (one, other) = (signing_key(&vault).await, signing_key(&vault).await);
    let (alice, bob) = (Caller::new("alice"), Caller::new("bob"));
    for (who, key, times) in [(&alice, &one, 5), (&bob, &one, 2), (&alice, &other, 1)] {
        for _ in 0..times {
            let signed = vault.sign_for(who, key, b"message", protocol()).await;
            signed.unwrap();
            house.clock.advance(Duration::from_secs(1));
        }
    }
    assert_eq!(uses(&vault).await, []);
    let lag = vault.audit_lag();
    assert_eq!((lag.uses, lag.oldest), (8, Duration::from_secs(8)));
    vault.flush_audit().await.unwrap();
    assert_eq!(vault.audit_lag().uses, 0);
    let records = uses(&vault).await;
    let counts: Vec<_> = records
        .iter()
        .map(|entry| (entry.caller.as_str(), entry.details["uses"].as_str()))
        .collect();
    assert_eq!(counts, [("alice", "5"), ("bob", "2"), ("alice", "1")]);
    let micros = |name: &str| records[0].details[name].parse::<i64>().unwrap();
    assert_eq!(micros("last_micros") - micros("first_micros"), 4_000_000);
}

#[tokio::test]
async fn calls_that_each_have_a_trace_of_their_own_are_counted_together_and_name_none() {
    let house = house(UseRecords::Batched);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    for number in 0..3000 {
        let who = Caller::new("alice").with_trace_id(format!("trace-{number}"));
        let signed = vault.sign_for(&who, &key, b"message", protocol()).await;
        signed.unwrap();
    }
    assert_eq!(uses(&vault).await, []);
    vault.flush_audit().await.unwrap();
    let records = uses(&vault).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].details["uses"], "3000");
    assert_eq!(records[0].trace_id, None);
}

#[tokio::test]
async fn closing_writes_what_was_counted() {
    let house = house(UseRecords::Batched);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    sign(&vault, &key).await.unwrap();
    vault.close().await.unwrap();
    assert_eq!(uses(&house.open().await).await.len(), 1);
}

#[tokio::test]
async fn counts_that_cannot_be_written_for_too_long_refuse_and_are_not_lost() {
    let house = house(UseRecords::Batched);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.close().await.unwrap();
    let (vault, store) = over_log(&house).await;
    sign(&vault, &key).await.unwrap();
    *store.hook().is_full.lock() = true;
    house.clock.advance(Duration::from_secs(15));
    sign(&vault, &key).await.unwrap();
    house.clock.advance(Duration::from_secs(15));
    assert_eq!(code(sign(&vault, &key).await), "AUDIT_LEVEL_NOT_KEPT");
    assert_eq!(vault.audit_lag().uses, 2);
    *store.hook().is_full.lock() = false;
    sign(&vault, &key).await.unwrap();
    vault.flush_audit().await.unwrap();
    let counted: u64 = uses(&vault)
        .await
        .iter()
        .map(|entry| entry.details["uses"].parse::<u64>().unwrap())
        .sum();
    assert_eq!(counted, 3);
}

#[tokio::test]
async fn memory_of_counts_is_bounded_however_many_callers_there_are() {
    let house = house(UseRecords::Batched);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    for number in 0..1100 {
        let who = Caller::new(format!("caller-{number}"));
        let signed = vault.sign_for(&who, &key, b"message", protocol()).await;
        signed.unwrap();
    }
    assert!(vault.audit_lag().uses <= 1024);
    assert_eq!(
        uses(&vault).await.len() as u64 + vault.audit_lag().uses,
        1100
    );
}

#[tokio::test]
async fn with_several_processes_the_one_that_writes_keeps_the_level_and_the_others_refuse() {
    let settings = Settings {
        replica: ReplicaSettings {
            wait_for_lease: Duration::ZERO,
            ..ReplicaSettings::default()
        },
        ..house(UseRecords::Batched).settings.clone()
    };
    let house = House::on_postgres().with_settings(settings);
    let writer = house.create().await;
    let key = signing_key(&writer).await;
    let other = house.open().await;
    assert_eq!(code(sign(&other, &key).await), "AUDIT_LEVEL_NOT_KEPT");
    sign(&writer, &key).await.unwrap();
    writer.close().await.unwrap();
    // What was heard of the lease is old by then. It is free, and a use that must be on record takes it as any change does.
    house.clock.advance(Duration::from_secs(60));
    other.catch_up().await.unwrap();
    sign(&other, &key).await.unwrap();
    assert_eq!(uses(&other).await.len(), 2);
}
