//! Who writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use strongroom_crypto::{KeyUsage, KeyUsages};
use strongroom_kms::KeyState;
use strongroom_store::{Custody, Replicas};
use strongroom_vault::{
    AuditEntry, AuditOperation, AuditSettings, CustodyDefaults, FindingLimits, ReplicaSettings,
    Role, Settings, UseRecords,
};

use super::company::{Company, Process, settings};
use crate::{
    audit::records,
    house::{KMS_NAME, caller, check_signs, code, new_protocol_key, signing_key},
};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Keys are made in the KMS, and stay.
fn in_kms() -> Settings {
    Settings {
        custody: CustodyDefaults {
            signing: Custody::External,
            ..CustodyDefaults::default()
        },
        ..settings()
    }
}

#[tokio::test]
async fn a_process_that_does_not_hold_the_lease_writes_nothing_and_names_who_does() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let refused = two
        .vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await
        .unwrap_err();
    let said = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(said, "this process is not the one that writes: one is");
    assert_eq!(code::<()>(Err(refused)), "STORE_NOT_WRITER");
    signing_key(&one.vault).await;
}

#[tokio::test]
async fn what_a_process_does_not_know_is_gone_only_if_it_writes_and_has_caught_up() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let key = signing_key(&one.vault).await;
    assert_eq!(code(two.vault.key(&key)), "KEY_NOT_FOUND");
    assert_eq!(code(two.vault.check_writes().await), "STORE_NOT_WRITER");
    one.vault.step_down(&caller()).await.unwrap();
    two.vault.check_writes().await.unwrap();
    two.vault.key(&key).unwrap();
    let before = two.vault.standing().await.generation;
    two.vault.check_writes().await.unwrap();
    assert_eq!(
        two.vault.standing().await.generation,
        before,
        "nothing changes"
    );
}

#[tokio::test]
async fn with_records_of_uses_only_the_process_that_writes_says_that_keys_can_be_used() {
    for uses in [UseRecords::Off, UseRecords::Batched, UseRecords::Each] {
        let level = || Settings {
            audit: AuditSettings {
                uses,
                ..AuditSettings::default()
            },
            ..settings()
        };
        let (company, one) = Company::new_with(level()).await;
        let two = company.open_with("two", level()).await;
        let key = signing_key(&one.vault).await;
        two.vault.catch_up().await.unwrap();
        two.vault.check_writes().await.unwrap_err();
        // What it says is what it does.
        let signed = two.vault.sign(&key, b"message", KeyUsages::ALL).await;
        assert_eq!(two.vault.keeps_use_records(), signed.is_ok(), "{uses:?}");
        assert_eq!(signed.is_ok(), uses == UseRecords::Off);
        assert!(one.vault.keeps_use_records());

        let findings = one
            .vault
            .findings(&FindingLimits::default(), |_, _| {})
            .await;
        let told = findings
            .iter()
            .filter(|it| it.code == Some("AUDIT_LEVEL_NOT_KEPT"));
        let told: Vec<_> = told.map(|it| it.detail.ends_with(": two")).collect();
        let expected: &[bool] = if signed.is_ok() { &[] } else { &[true] };
        assert_eq!(told, expected);

        one.vault.step_down(&caller()).await.unwrap();
        two.vault.check_writes().await.unwrap();
        // Once it has heard of its lease.
        for _look in 0..1000 {
            if two.vault.keeps_use_records() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(two.vault.keeps_use_records());
        check_signs(&two.vault, &key).await;
    }
}

#[tokio::test]
async fn a_process_takes_a_free_lease_when_it_writes() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    one.vault.step_down(&caller()).await.unwrap();
    two.vault.catch_up().await.unwrap();
    let key = signing_key(&two.vault).await;
    one.vault.catch_up().await.unwrap();
    check_signs(&one.vault, &key).await;
    assert_eq!(
        code(one.vault.retire_key(&caller(), &key).await),
        "STORE_NOT_WRITER"
    );
}

#[tokio::test]
async fn whoever_is_asked_to_step_down_and_does_not_write_says_so_and_takes_a_free_lease_all_the_same()
 {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    assert_eq!(
        code(two.vault.step_down(&caller()).await),
        "STORE_NOT_WRITER"
    );
    one.vault.step_down(&caller()).await.unwrap();
    two.vault.catch_up().await.unwrap();
    signing_key(&two.vault).await;
    // Who wanted it is on record, once: what was refused is not.
    let records = records(&two.vault).await.unwrap();
    let asked = |it: &&AuditEntry| it.operation == AuditOperation::StepDown;
    let [stepped_down] = *records.iter().filter(asked).collect::<Vec<_>>() else {
        panic!("{records:?}");
    };
    assert_eq!(stepped_down.caller, caller().name());
}

#[tokio::test]
async fn a_process_that_shall_not_write_does_not_take_the_lease() {
    let (company, one) = Company::new().await;
    one.vault.step_down(&caller()).await.unwrap();
    let reader = Settings {
        replica: ReplicaSettings {
            writes: false,
            ..settings().replica
        },
        ..settings()
    };
    let two = company.open_with("two", reader).await;
    let refused = two
        .vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await;
    assert_eq!(code(refused), "STORE_NOT_WRITER");
}

#[tokio::test]
async fn a_change_that_was_built_on_an_older_state_is_refused_and_succeeds_when_it_is_tried_again()
{
    let (company, one) = Company::new().await;
    let key = signing_key(&one.vault).await;
    let two = company.open("two").await;
    one.vault.retire_key(&caller(), &key).await.unwrap();
    one.vault.step_down(&caller()).await.unwrap();
    // Two does not know of it, and would delete an active key.
    let new = async || {
        two.vault
            .generate_signing_key(&caller(), new_protocol_key())
            .await
    };
    assert_eq!(code(new().await), "REPLICA_BEHIND");
    two.vault.catch_up().await.unwrap();
    new().await.unwrap();
}

#[tokio::test]
async fn a_fenced_writer_writes_nothing_more() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    one.store.fall_silent(true);
    two.store.take_lease().await.unwrap();
    let key = signing_key(&two.vault).await;
    // One believes to hold the lease still.
    let refused = one
        .vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await;
    assert_eq!(code(refused), "STORE_NOT_WRITER");
    one.vault.catch_up().await.unwrap();
    assert_eq!(one.vault.key_count(), 1);
    check_signs(&one.vault, &key).await;
}

#[tokio::test]
async fn a_writer_that_is_fenced_in_the_middle_of_a_commit_has_written_nothing() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let vault = Arc::clone(&one.vault);
    let writing = tokio::spawn(async move {
        vault
            .generate_signing_key(&caller(), new_protocol_key())
            .await
    });
    // Somewhere in the middle; wherever that is, either side is right.
    tokio::task::yield_now().await;
    one.store.fall_silent(true);
    two.store.take_lease().await.unwrap();
    let outcome = writing.await.unwrap();
    two.vault.catch_up().await.unwrap();
    one.vault.catch_up().await.unwrap();
    let expected = usize::from(outcome.is_ok());
    assert_eq!(two.vault.key_count(), expected);
    assert_eq!(one.vault.key_count(), expected);
}

#[tokio::test]
async fn whoever_keeps_up_takes_the_lease_of_a_dead_writer_and_gives_it_up_on_request() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let (vault, store) = (Arc::clone(&two.vault), Arc::clone(&two.store));
    let keeping_up = tokio::spawn(async move { vault.tend(&caller()).await });
    let becomes = |role: Role| {
        let vault = Arc::clone(&two.vault);
        async move {
            while vault.standing().await.role != role {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    becomes(Role::Replica).await;
    one.store.fall_silent(true);
    becomes(Role::Writer).await;
    signing_key(&two.vault).await;
    one.store.fall_silent(false);
    store.ask_to_step_down().await.unwrap();
    becomes(Role::Replica).await;
    // Nobody else wants it yet, and still it is left alone for a while.
    one.vault.catch_up().await.unwrap();
    signing_key(&one.vault).await;
    keeping_up.abort();
}

#[tokio::test]
async fn a_free_lease_is_left_to_the_others_for_a_while_by_whoever_stepped_down() {
    let (_company, one) = Company::new().await;
    one.vault.step_down(&caller()).await.unwrap();
    let writes = async || {
        one.vault
            .generate_signing_key(&caller(), new_protocol_key())
            .await
    };
    assert_eq!(code(writes().await), "REPLICA_STEPPED_DOWN");
    // Nobody wants it.
    one.clock.advance(one.store.beat_every() * 10);
    writes().await.unwrap();
}

/// A command writes one unit of work after another, and looks after nothing else.
#[tokio::test]
async fn who_is_asked_to_step_down_while_at_work_does_so_before_the_next_unit_of_work() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    two.store.ask_to_step_down().await.unwrap();
    let refused = loop {
        let written = one
            .vault
            .generate_signing_key(&caller(), new_protocol_key())
            .await;
        match written {
            // It has not heard of it yet.
            Ok(_key) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(code::<()>(Err(refused)), "REPLICA_STEPPED_DOWN");
    two.vault.catch_up().await.unwrap();
    signing_key(&two.vault).await;
}

/// Wherever the lease is lost: what was not decided can be kept by the next writer, and nobody destroys it after that; what was
/// decided cannot.
#[tokio::test]
async fn a_fenced_process_destroys_no_key_that_another_one_keeps() {
    let (mut kept, mut destroyed) = (0, 0);
    for number in 1.. {
        let (company, first) = Company::new_with(in_kms()).await;
        company.house.make_hasty();
        first.store.give_lease().await.unwrap();
        drop(first);
        let one = company.open_with("one", in_kms()).await;
        let two = company.open_with("two", in_kms()).await;
        // Its first look was a write.
        two.store.give_lease().await.unwrap();
        one.store.take_lease().await.unwrap();
        one.vault.catch_up().await.unwrap();
        let key = signing_key(&one.vault).await;
        one.vault.delete_key(&caller(), &key).await.unwrap();
        let [entry] = &one.vault.kms_journal()[..] else {
            panic!("one entry");
        };
        let id = entry.progress().key().unwrap().clone();
        one.clock.advance(WEEK);
        two.clock.advance(WEEK);
        one.store.lose_lease_at(number, &two.store);
        let outcome = one.vault.destroy_due(&caller()).await;
        let has_lost = one.store.has_lost_lease();
        two.vault.catch_up().await.unwrap();
        let state = || {
            let keys = company.house.kms.list_keys();
            keys.iter().find(|it| it.id == id).map(|it| it.state)
        };
        match two.vault.keep_key(&caller(), KMS_NAME, &id).await {
            Ok(()) => {
                kept += 1;
                assert_eq!(code(outcome), "STORE_NOT_WRITER", "{number}");
                one.vault.catch_up().await.unwrap();
                assert_eq!(one.vault.destroy_due(&caller()).await.unwrap(), 0);
                two.vault.destroy_due(&caller()).await.unwrap();
                assert_eq!(state(), Some(KeyState::Enabled), "{number}");
            }
            refused => {
                destroyed += 1;
                let code = code(refused);
                assert!(
                    ["EXTERNAL_KEY_DISCARDED", "NO_JOURNAL_ENTRY"].contains(&code),
                    "{number}: {code}"
                );
                two.vault.destroy_due(&caller()).await.unwrap();
                assert_eq!(state(), Some(KeyState::PendingDeletion), "{number}");
                assert_eq!(two.vault.kms_journal(), []);
            }
        }
        if !has_lost {
            break;
        }
    }
    assert!(kept >= 2 && destroyed >= 3, "{kept}, {destroyed}");
}

/// What a process cannot use as its anchor any more.
fn break_anchor(company: &Company, name: &str) {
    let path = company.anchor_path(name);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
}

async fn until(process: &Process, role: Role) {
    for _look in 0..2000 {
        if process.vault.standing().await.role == role {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not become {role:?}");
}

fn keep_up(process: &Process) -> tokio::task::JoinHandle<()> {
    let vault = Arc::clone(&process.vault);
    tokio::spawn(async move { vault.tend(&caller()).await })
}

#[tokio::test]
async fn a_process_that_cannot_follow_leaves_the_lease_to_one_that_can() {
    let (company, one) = Company::new().await;
    let (broken, whole) = (company.open("broken").await, company.open("whole").await);
    break_anchor(&company, "broken");
    signing_key(&one.vault).await;
    broken.vault.catch_up().await.unwrap_err();
    let first = keep_up(&broken);
    one.vault.step_down(&caller()).await.unwrap();
    // It had all the time to take it.
    for _look in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(broken.vault.standing().await.role, Role::Replica);
    }
    let second = keep_up(&whole);
    until(&whole, Role::Writer).await;
    // It may still be reading what the one before has left.
    whole.vault.catch_up().await.unwrap();
    signing_key(&whole.vault).await;
    first.abort();
    second.abort();
}

#[tokio::test]
async fn a_writer_whose_anchor_takes_nothing_any_more_gives_the_lease_to_one_that_can_write() {
    let (company, one) = Company::new().await;
    let two = company.open("two").await;
    let keeping_up = [keep_up(&one), keep_up(&two)];
    until(&one, Role::Writer).await;
    break_anchor(&company, "one");
    let refused = one
        .vault
        .generate_signing_key(&caller(), new_protocol_key())
        .await;
    refused.unwrap_err();
    until(&two, Role::Writer).await;
    two.vault.catch_up().await.unwrap();
    signing_key(&two.vault).await;
    for task in keeping_up {
        task.abort();
    }
}

#[tokio::test]
async fn whoever_has_not_heard_of_its_lease_for_long_does_not_say_that_it_writes() {
    let (_company, one) = Company::new().await;
    while one.vault.standing().await.role != Role::Writer {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    one.store.cut_off(true);
    // One beat may be on its way: the next one comes after it.
    while one.store.lost_beats() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    one.clock.advance(Duration::from_secs(10));
    assert_eq!(one.vault.standing().await.role, Role::Replica);
}

/// What one process counts of uses nobody else can write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_that_a_process_answered_are_on_record_when_it_has_given_the_lease_up() {
    let counting = || Settings {
        audit: AuditSettings {
            uses: UseRecords::Batched,
            ..AuditSettings::default()
        },
        ..settings()
    };
    for asked_by_another in [false, true] {
        let (company, one) = Company::new_with(counting()).await;
        let key = signing_key(&one.vault).await;
        let two = company.open_with("two", counting()).await;
        let keeping_up = [keep_up(&one), keep_up(&two)];
        until(&one, Role::Writer).await;
        let answered = Arc::new(AtomicU64::new(0));
        let signers = [(); 4].map(|()| {
            let (vault, answered) = (Arc::clone(&one.vault), Arc::clone(&answered));
            tokio::spawn(async move {
                let usages = KeyUsages::only(KeyUsage::Protocol);
                while vault
                    .sign_for(&caller(), &key, b"message", usages)
                    .await
                    .is_ok()
                {
                    answered.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_micros(100)).await;
                }
            })
        });
        while answered.load(Ordering::SeqCst) < 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if asked_by_another {
            two.store.ask_to_step_down().await.unwrap();
        } else {
            one.vault.step_down(&caller()).await.unwrap();
        }
        // From then on each use is refused: nothing can be written here.
        for signer in signers {
            signer.await.unwrap();
        }
        until(&two, Role::Writer).await;
        for task in keeping_up {
            task.abort();
        }
        two.vault.catch_up().await.unwrap();
        let records = records(&two.vault).await.unwrap();
        let uses = records
            .iter()
            .filter(|it| it.operation == AuditOperation::Sign)
            .map(|it| it.details["uses"].parse::<u64>().unwrap());
        let answered = answered.load(Ordering::SeqCst);
        // One whose answer was lost may be there beside.
        let recorded: u64 = uses.sum();
        assert!(
            (answered..=answered + 4).contains(&recorded),
            "{recorded} of {answered}"
        );
        assert_eq!(one.vault.audit_lag().uses, 0);
    }
}
