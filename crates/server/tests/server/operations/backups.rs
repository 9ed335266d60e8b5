//! Backups of a vault that is served.

use strongroom_server::contract::strongroom::{
    CreateBackupRequest, ForgetBackupRequest, ListBackupsRequest, ReleaseVaultRequest,
    create_backup_event as backup_event, operations_service_client::OperationsServiceClient,
};
use strongroom_vault::{AuditEntry, AuditOperation};
use tonic::{Code, Status, transport::Channel};

use super::{client, with_many_keys};
use crate::house::{House, told};

/// A public key whose secret half nobody here has.
pub(crate) const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// Whether some backup was made and is forgotten.
pub(crate) async fn is_forgotten(house: &House) -> bool {
    let mut found = false;
    let look = |entry: AuditEntry| found |= entry.operation == AuditOperation::ForgetBackup;
    house.vault.walk_audit(look).await.unwrap();
    found
}

/// The file, and what was said of it in the end.
async fn backup(
    client: &mut OperationsServiceClient<Channel>,
    recipients: &[&str],
) -> Result<(Vec<u8>, backup_event::Done), Status> {
    let request = CreateBackupRequest {
        recipients: recipients.iter().map(|text| (*text).to_owned()).collect(),
    };
    let mut events = client.create_backup(request).await?.into_inner();
    let mut file = Vec::new();
    while let Some(event) = events.message().await? {
        match event.event.unwrap() {
            backup_event::Event::Progress(_) => {}
            backup_event::Event::Chunk(piece) => file.extend(piece),
            backup_event::Event::Done(done) => return Ok((file, done)),
        }
    }
    panic!("it ended without a last event");
}

#[tokio::test]
async fn a_backup_is_handed_out_whole_and_remembered() {
    let house = with_many_keys(5000).await;
    let mut client = client(&house).await;
    let (file, done) = backup(&mut client, &[RECIPIENT]).await.unwrap();
    assert!(file.len() > 1 << 20, "more than one piece: {}", file.len());
    assert_eq!(done.bytes, file.len() as u64);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
    assert_eq!(done.file_hash, hash.as_ref());
    let known = house.vault.backups();
    let [only] = known.as_slice() else {
        panic!("{known:?}");
    };
    assert_eq!(only.id.to_string(), done.id);
    assert!(file.starts_with(b"age-encryption.org/v1"));
}

#[tokio::test]
async fn a_backup_that_nobody_takes_is_forgotten() {
    let house = with_many_keys(5000).await;
    let mut client = client(&house).await;
    let request = CreateBackupRequest {
        recipients: vec![RECIPIENT.to_owned()],
    };
    let events = client.create_backup(request).await.unwrap().into_inner();
    drop(events);
    drop(client);
    while !is_forgotten(&house).await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(house.vault.backups().is_empty());
}

#[tokio::test]
async fn a_backup_for_nobody_or_for_no_recipient_is_not_made() {
    let house = House::new().await;
    let mut client = client(&house).await;
    for recipients in [&[][..], &["age1nonsense"], &["passphrase"]] {
        let status = backup(&mut client, recipients).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    assert!(house.vault.backups().is_empty());
}

#[tokio::test]
async fn a_backup_is_listed_until_it_is_forgotten() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let (_file, done) = backup(&mut client, &[RECIPIENT]).await.unwrap();
    let listed = client.list_backups(ListBackupsRequest {}).await.unwrap();
    let listed = listed.into_inner();
    assert!(!listed.quarantined);
    let [only] = listed.backups.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!((&only.id, only.generation), (&done.id, done.generation));
    assert_eq!(only.file_hash, done.file_hash);
    assert!(only.verified_at.is_none() && only.data_key_ids.len() == 1);
    let forget = || ForgetBackupRequest {
        id: done.id.clone(),
    };
    let forgotten = client.forget_backup(forget()).await.unwrap().into_inner();
    assert_eq!(forgotten.forgotten.as_ref(), Some(only));
    let status = client.forget_backup(forget()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    let id = "no id".to_owned();
    let status = client.forget_backup(ForgetBackupRequest { id }).await;
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_vault_that_was_not_restored_has_nothing_to_be_released_from() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let released = client.release_vault(ReleaseVaultRequest {}).await;
    let status = released.unwrap_err();
    assert_eq!(told(&status).0, "VAULT_NOT_IN_QUARANTINE");
}
