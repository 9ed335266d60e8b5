//! What verifying a backup finds.

use std::sync::Arc;

use strongroom_backup::Section;
use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded;
use strongroom_kms::{ExternalKeys, KmsKeyId};
use strongroom_vault::{Environment, Vault, VaultError};

use super::{Everything, back_up, file_of, read, verify};
use crate::house::{House, KMS_NAME, code, signing_key};

#[tokio::test]
async fn every_key_of_a_sound_backup_is_used() {
    let everything = Everything::new().await;
    let house = &everything.house;
    let vault = house.open().await;
    let keys = vault.key_count();
    let backup = back_up(house, &vault).await;
    let report = verify(house, &backup).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    let used = report.used;
    assert_eq!((used.compared, used.public_only, used.external), (1, 1, 2));
    assert_eq!(used.decrypted, 3);
    assert_eq!(used.signed + used.decrypted + 2, keys);
    assert_eq!(report.opened_by.0, KMS_NAME);
    assert_eq!(report.header.vault, vault.id());
    assert_eq!(
        report.audit.unwrap(),
        backup.manifest().rows(Section::Audit)
    );
    let topology = report.topology.unwrap();
    assert_eq!(topology, backup.manifest().rows(Section::Topology));
    assert!(topology > 0);
    for section in Section::ALL {
        let expected = !matches!(
            section,
            Section::KmsJournal | Section::Backups | Section::Approvals | Section::Manifest
        );
        assert_eq!(backup.manifest().rows(section) > 0, expected, "{section}");
    }
}

#[tokio::test]
async fn a_backup_opens_by_one_call_of_the_kms_and_another_for_each_wrap() {
    let house = House::new();
    let vault = house.create().await;
    for _ in 0..20 {
        signing_key(&vault).await;
    }
    let backup = back_up(&house, &vault).await;
    let before = house.metered.calls().total();
    verify(&house, &backup).await.unwrap();
    assert_eq!(house.metered.calls().total() - before, 2);
}

/// What the backup of a database says in which somebody edited a row while the vault was open.
async fn verdict_on(edit: &str) -> &'static str {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    assert_eq!(house.database().execute(edit, ()).unwrap(), 1, "{edit}");
    let backup = back_up(&house, &vault).await;
    code(verify(&house, &backup).await)
}

#[tokio::test]
async fn broken_rows_that_were_backed_up_are_found() {
    for edit in [
        "UPDATE private_keys SET stored_key = zeroblob(81)",
        "UPDATE public_keys SET spki = zeroblob(44)",
        "UPDATE public_keys SET created_at = created_at + 1",
        "UPDATE wraps SET created_at = created_at + 1",
    ] {
        let verdict = verdict_on(edit).await;
        let expected = if edit.contains("wraps") {
            "STATE_MISMATCH"
        } else {
            "ROW_NOT_AUTHENTIC"
        };
        assert_eq!(verdict, expected, "{edit}");
    }
    assert_eq!(
        verdict_on("DELETE FROM private_keys").await,
        "STATE_MISMATCH"
    );
}

#[tokio::test]
async fn a_broken_audit_chain_is_found() {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    let edit = "UPDATE audit SET body = x'7b7d' WHERE sequence = 1";
    assert_eq!(house.database().execute(edit, ()).unwrap(), 1);
    let report = verify(&house, &back_up(&house, &vault).await)
        .await
        .unwrap();
    assert!(!report.is_sound());
    assert_eq!(code(report.audit), "AUDIT_BROKEN");
}

fn failed_with(failed: &[(Fingerprint, VaultError)], key: Fingerprint) -> &'static str {
    let [(found, error)] = failed else {
        panic!("one key fails, not {failed:?}");
    };
    assert_eq!(*found, key);
    error.code().name()
}

#[tokio::test]
async fn a_key_that_is_gone_from_its_kms_is_found() {
    let everything = Everything::new().await;
    let house = &everything.house;
    let vault = house.open().await;
    let backup = back_up(house, &vault).await;
    let entry = vault.key(&everything.external).unwrap();
    let held = entry.private.as_ref().unwrap().external.clone().unwrap();
    let key = KmsKeyId::try_new(held.key_id.as_str()).unwrap();
    house.kms.delete_key(&key).await.unwrap();
    let report = verify(house, &backup).await.unwrap();
    assert!(!report.is_sound());
    let code = failed_with(&report.failed, everything.external);
    assert!(code.starts_with("KMS_"), "{code}");
    assert_eq!(report.used.external, 1);
}

#[tokio::test]
async fn a_backup_whose_wrapper_key_is_nowhere_names_it() {
    let house = House::new();
    let vault = house.create().await;
    let wrapper_key_id = vault.opening().wrapper_key_id;
    let backup = back_up(&house, &vault).await;
    let other = House::numbered(2);
    other.create().await.close().await.unwrap();
    let elsewhere = verify(&other, &backup).await.unwrap_err();
    let VaultError::NoWrapOpens { attempts } = &elsewhere else {
        panic!("{elsewhere:?}");
    };
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].wrapper_key_id, wrapper_key_id);
    assert_eq!(attempts[0].kms, KMS_NAME);

    let environment = Environment {
        wrappers: Vec::new(),
        ..house.environment(Arc::new(backup.clone()))
    };
    let settings = house.settings.clone();
    let unconfigured = Vault::verify_backup(environment, settings, &backup, |_, _| {}).await;
    let unconfigured = unconfigured.unwrap_err();
    let VaultError::NoWrapOpens { attempts } = &unconfigured else {
        panic!("{unconfigured:?}");
    };
    assert_eq!(attempts[0].wrapper_key_id, wrapper_key_id);
    assert_eq!(attempts[0].code, "KMS_NOT_CONFIGURED");
}

#[tokio::test]
async fn a_backup_that_somebody_without_the_data_key_put_together_is_refused() {
    let house = House::new();
    let vault = house.create().await;
    back_up(&house, &vault).await;
    // The date in the header, with the hash of the manifest made to fit, as anybody can.
    let mut bytes = std::fs::read(file_of(&house)).unwrap();
    forge_header(&mut bytes);
    std::fs::write(file_of(&house), bytes).unwrap();
    assert_eq!(
        code(verify(&house, &read(&house)).await),
        "BACKUP_NOT_AUTHENTIC"
    );
}

/// Changes the time of a backup, and the hash of its header with it.
fn forge_header(bytes: &mut [u8]) {
    let magic = b"strongroom backup\n".len() + 1;
    let length = |at: usize| u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
    let header = length(magic);
    let frame = magic..magic + 5 + header;
    let sum = |bytes: &[u8]| {
        let hash = strongroom_crypto::HashBuilder::without_purpose();
        *hash.raw(bytes).finish().as_bytes()
    };
    let before = sum(&bytes[frame.clone()]);
    // The last byte of the program's version.
    bytes[frame.end - 1] ^= 1;
    let after = sum(&bytes[frame]);
    let at = memchr::memmem::rfind(bytes, &before).unwrap();
    bytes[at..at + 32].copy_from_slice(&after);
}
