//! Who is asked to agree, and to what: to nothing that is refused anyway, and to exactly what is then done.

use strongroom_crypto::Fingerprint;
use strongroom_server::{
    access::Operation,
    contract::{
        strongroom::{
            CreateBackupRequest, Custody, DeleteKeyRequest, ExportForm, ExportKeyRequest,
            KeySelection, MigrateKeysRequest, Place, PruneDataKeysRequest, RetireKeyRequest,
            RotateWrapperKeyRequest, key_service_client::KeyServiceClient,
        },
        vault::{DeleteKeyPairRequest, ExportKeyPairRequest, vault_service_client},
    },
};
use tonic::{Code, Request, Status};

use super::{Office, required, to_the_end};
use crate::{house::told, operations::backups::RECIPIENT, vault_service::key};

/// Carol may do this with `test-*` only, and break the glass.
fn by_carol<M>(office: &Office, message: M, alone: bool) -> Request<M> {
    let mut request = office.by("carol", message);
    if alone {
        let reason = "nobody else is here".parse().unwrap();
        request
            .metadata_mut()
            .insert("strongroom-break-glass", reason);
    }
    request
}

/// Everything that she may not do with this key, asked for.
async fn asks(office: &Office, key: &Fingerprint, alone: bool) -> Vec<Result<(), Status>> {
    let channel = office.house.channel().await;
    let mut canton = vault_service_client::VaultServiceClient::new(channel.clone());
    let mut keys = KeyServiceClient::new(channel);
    let mut operations = office.client().await;
    let fingerprint = key.to_string();
    let delete_pair = DeleteKeyPairRequest {
        fingerprint: fingerprint.clone(),
    };
    let delete = DeleteKeyRequest {
        fingerprint: fingerprint.clone(),
        ..DeleteKeyRequest::default()
    };
    let retire = RetireKeyRequest {
        fingerprint: fingerprint.clone(),
    };
    let migrate = MigrateKeysRequest {
        keys: Some(KeySelection {
            fingerprints: vec![fingerprint],
            all: false,
        }),
        from: 0,
        to: place(Custody::External),
    };
    let delete_pair = canton.delete_key_pair(by_carol(office, delete_pair, alone));
    let delete = keys.delete_key(by_carol(office, delete, alone));
    let (delete_pair, delete) = (delete_pair.await.map(drop), delete.await.map(drop));
    let retire = operations.retire_key(by_carol(office, retire, alone)).await;
    let migrate = operations.migrate_keys(by_carol(office, migrate, alone));
    let migrate = to_the_end(migrate.await.unwrap().into_inner()).await;
    vec![delete_pair, delete, retire.map(drop), migrate.map(drop)]
}

fn place(custody: Custody) -> Option<Place> {
    Some(Place {
        custody: custody.into(),
        kms: String::new(),
    })
}

#[tokio::test]
async fn nobody_is_asked_to_agree_to_what_the_caller_may_not_do_with_this_key() {
    let guarded = [
        Operation::KeysDelete,
        Operation::KeysRetire,
        Operation::KeysMigrate,
    ];
    let office = Office::new(&guarded).await;
    let other = key(&office.house.vault, "other").await;
    for alone in [false, true] {
        for asked in asks(&office, &other, alone).await {
            let status = asked.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
        }
        assert!(office.listed().await.is_empty(), "alone: {alone}");
    }
    let own = key(&office.house.vault, "test-1").await;
    for asked in asks(&office, &own, false).await {
        required(&asked.unwrap_err());
    }
}

#[tokio::test]
async fn nobody_is_asked_to_agree_to_what_this_server_does_not_do() {
    let office = Office::new(&[Operation::KeysExport]).await;
    let fingerprint = key(&office.house.vault, "test-1").await.to_string();
    let channel = office.house.channel().await;
    let mut canton = vault_service_client::VaultServiceClient::new(channel.clone());
    let mut keys = KeyServiceClient::new(channel);
    for alone in [false, true] {
        let request = ExportKeyPairRequest {
            fingerprint: fingerprint.clone(),
            protocol_version: 34,
            password: String::new(),
        };
        let refused = canton.export_key_pair(by_carol(&office, request, alone));
        let text = refused.await.unwrap_err().message().to_owned();
        assert!(text.contains("only allowed when preview"), "{text}");
        let mut request = ExportKeyRequest::default();
        request.fingerprint.clone_from(&fingerprint);
        request.form = ExportForm::Pkcs8Der.into();
        let refused = keys.export_key(by_carol(&office, request, alone)).await;
        let text = refused.unwrap_err().message().to_owned();
        assert!(text.contains("EXPORT_DISABLED"), "{text}");
    }
    assert!(office.listed().await.is_empty());
}

#[tokio::test]
async fn a_yes_to_all_keys_is_one_to_those_of_then() {
    let office = Office::new(&[Operation::KeysMigrate]).await;
    let vault = &office.house.vault;
    let first = key(vault, "one").await;
    let mut client = office.client().await;
    let mut migrate = async || {
        let request = MigrateKeysRequest {
            keys: Some(KeySelection {
                fingerprints: Vec::new(),
                all: true,
            }),
            from: 0,
            to: place(Custody::External),
        };
        let events = client.migrate_keys(office.by("alice", request)).await;
        to_the_end(events.unwrap().into_inner()).await
    };
    let id = required(&migrate().await.unwrap_err());
    let shown = office.listed().await.remove(0).summary;
    assert!(shown.ends_with(&format!(" about 1: {first}")), "{shown}");
    office.approve("bob", &id).await.unwrap();
    let second = key(vault, "two").await;
    let again = required(&migrate().await.unwrap_err());
    assert_ne!(again, id);
    for stays in [first, second] {
        assert!(!vault.key(&stays).unwrap().is_held_by_kms());
    }
    office.approve("bob", &again).await.unwrap();
    migrate().await.unwrap();
    for moved in [first, second] {
        assert!(vault.key(&moved).unwrap().is_held_by_kms());
    }
}

#[tokio::test]
async fn a_yes_to_pruning_is_one_to_the_data_keys_of_then() {
    let office = Office::new(&[Operation::WrapperKeysPrune]).await;
    let vault = &office.house.vault;
    let mut client = office.client().await;
    let mut other = office.client().await;
    let mut rotate = async || {
        let request = office.by("alice", RotateWrapperKeyRequest::default());
        let events = other.rotate_wrapper_key(request).await.unwrap();
        to_the_end(events.into_inner()).await.unwrap();
    };
    let mut prune = async || {
        let request = PruneDataKeysRequest::default();
        client.prune_data_keys(office.by("alice", request)).await
    };
    // There is nothing to agree to.
    let none = prune().await.unwrap().into_inner().data_key_ids;
    assert!(none.is_empty() && office.listed().await.is_empty());
    rotate().await;
    let id = required(&prune().await.unwrap_err());
    let first = vault.retired_data_keys()[0].to_string();
    let shown = office.listed().await.remove(0).summary;
    assert!(shown.ends_with(&format!(" about 1: {first}")), "{shown}");
    office.approve("bob", &id).await.unwrap();
    rotate().await;
    let again = required(&prune().await.unwrap_err());
    assert_ne!(again, id);
    assert_eq!(vault.retired_data_keys().len(), 2);
    office.approve("bob", &again).await.unwrap();
    let pruned = prune().await.unwrap().into_inner().data_key_ids;
    assert_eq!(pruned.len(), 2);
    assert_eq!(vault.retired_data_keys(), []);
}

#[tokio::test]
async fn nobody_is_asked_to_agree_to_a_pruning_that_a_backup_forbids() {
    let office = Office::new(&[Operation::WrapperKeysPrune]).await;
    let mut client = office.client().await;
    let backup = CreateBackupRequest {
        recipients: vec![RECIPIENT.to_owned()],
    };
    let events = client.create_backup(office.by("operator", backup)).await;
    to_the_end(events.unwrap().into_inner()).await.unwrap();
    let rotation = office.by("alice", RotateWrapperKeyRequest::default());
    let events = client.rotate_wrapper_key(rotation).await.unwrap();
    to_the_end(events.into_inner()).await.unwrap();

    let mut prune = async |even_if_backups_need_them| {
        let request = PruneDataKeysRequest {
            even_if_backups_need_them,
        };
        client.prune_data_keys(office.by("alice", request)).await
    };
    let refused = prune(false).await.unwrap_err();
    assert_eq!(told(&refused).0, "DATA_KEY_NEEDED");
    assert!(office.listed().await.is_empty());
    required(&prune(true).await.unwrap_err());
}
