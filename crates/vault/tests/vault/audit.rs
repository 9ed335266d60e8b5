//! Every administrative act is on record, in a chain.

#[path = "audit/exports.rs"]
mod exports;
#[path = "audit/uses.rs"]
mod uses;

use std::collections::BTreeMap;

use strongroom_vault::{
    AuditEntry, AuditHead, AuditOperation, AuditOutcome, Caller, ExportForm, PublicKeyImport,
    Vault, VaultError,
};

use crate::house::{House, caller, check_signs, code, foreign_key, settings, signing_key};

pub(crate) async fn records(vault: &Vault) -> Result<Vec<AuditEntry>, VaultError> {
    let mut records = Vec::new();
    vault.walk_audit(|entry| records.push(entry)).await?;
    Ok(records)
}

#[tokio::test]
async fn each_act_is_one_record_in_order() {
    use AuditOperation::{
        CreateVault, DeleteKey, ExportKey, GenerateKey, ImportKey, ImportPublicKey, RetireKey,
        SealKey,
    };
    let clear = settings(
        strongroom_store::Custody::Clear,
        strongroom_store::Sealing::DataKey,
    );
    let house = House::new().with_settings(clear);
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.seal_clear_key(&caller(), &key).await.unwrap();
    vault.import_key(&caller(), foreign_key(1)).await.unwrap();
    let public = PublicKeyImport {
        public: foreign_key(2).public,
        name: None,
    };
    vault.import_public_key(&caller(), public).await.unwrap();
    let form = ExportForm::Pkcs8Der;
    vault.export_key(&caller(), &key, &form).await.unwrap();
    vault.retire_key(&caller(), &key).await.unwrap();
    vault.delete_key(&caller(), &key).await.unwrap();
    let records = records(&vault).await.unwrap();
    let operations: Vec<_> = records.iter().map(|entry| entry.operation).collect();
    assert_eq!(
        operations,
        [
            CreateVault,
            GenerateKey,
            SealKey,
            ImportKey,
            ImportPublicKey,
            ExportKey,
            RetireKey,
            DeleteKey
        ]
    );
    for (position, entry) in (1..).zip(&records) {
        assert_eq!(entry.sequence, position);
        assert_eq!(entry.caller, "test");
    }
    let verified = vault.walk_audit(|_| {}).await.unwrap();
    assert_eq!(verified.records, 8);
}

#[tokio::test]
async fn using_a_key_is_not_an_administrative_act() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    check_signs(&vault, &key).await;
    assert_eq!(records(&vault).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_refused_act_leaves_no_record() {
    let house = House::new();
    let vault = house.create().await;
    let unknown = foreign_key(1).public.fingerprint();
    assert_eq!(
        code(vault.delete_key(&caller(), &unknown).await),
        "KEY_NOT_FOUND"
    );
    assert_eq!(records(&vault).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_record_says_when_who_what_and_on_which_key() {
    let house = House::new();
    let vault = house.create().await;
    house.clock.advance(std::time::Duration::from_secs(5));
    let caller = Caller::new("alice").with_trace_id("trace-1");
    let new = strongroom_vault::NewSigningKey {
        name: crate::house::name("node-signing"),
        ..crate::house::new_protocol_key()
    };
    let key = vault.generate_signing_key(&caller, new).await.unwrap();
    let records = records(&vault).await.unwrap();
    assert_eq!(
        records[1],
        AuditEntry {
            sequence: 2,
            time_micros: vault.created_at().as_micros() + 5_000_000,
            caller: "alice".to_owned(),
            operation: AuditOperation::GenerateKey,
            outcome: AuditOutcome::Done,
            key: Some(key.fingerprint().to_string()),
            lease: None,
            trace_id: Some("trace-1".to_owned()),
            details: BTreeMap::from(
                [
                    ("custody", "envelope"),
                    ("name", "node-signing"),
                    ("spec", "ec-curve-25519"),
                    ("usage", "protocol, proof-of-ownership"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
            ),
        }
    );
}

#[tokio::test]
async fn a_chain_longer_than_a_page_is_walked_to_its_end() {
    let house = House::new();
    let vault = house.create().await;
    let new = vec![crate::house::new_protocol_key(); 1100];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    let verified = vault.walk_audit(|_| {}).await.unwrap();
    assert_eq!(verified.records, 1101);
    drop(vault);
    let again = house.open().await.walk_audit(|_| {}).await.unwrap();
    assert_eq!(again, verified);
}

#[tokio::test]
async fn a_page_is_verified_to_follow_on_its_place_and_no_further() {
    let house = House::new();
    let vault = house.create().await;
    let new = vec![crate::house::new_protocol_key(); 20];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    let read = async |after: AuditHead, most: usize| {
        let mut seen = Vec::new();
        let take = |entry: AuditEntry, _place| {
            seen.push(entry.sequence);
            true
        };
        let upto = vault.read_audit(after, most, take).await;
        upto.map(|upto| (upto, seen))
    };
    let (fifth, seen) = read(AuditHead::default(), 5).await.unwrap();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let (end, seen) = read(fifth.unwrap(), 100).await.unwrap();
    assert_eq!(seen, (6..=21).collect::<Vec<_>>());
    assert_eq!(end, Some(vault.audit_head().await));
    assert_eq!(read(end.unwrap(), 100).await.unwrap(), (end, Vec::new()));
    // Whoever does not take a record reads on from before it.
    let stopped = vault.read_audit(fifth.unwrap(), 9, |entry, _place| entry.sequence < 8);
    assert_eq!(stopped.await.unwrap().unwrap().records, 7);
    let elsewhere = AuditHead {
        hash: [7; 32],
        ..fifth.unwrap()
    };
    assert_eq!(read(elsewhere, 5).await.unwrap().0, None);

    let edit = "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), '\"test\"', '\"else\"') AS BLOB) WHERE sequence = 9";
    assert_eq!(house.database().execute(edit, ()).unwrap(), 1);
    assert_eq!(read(fifth.unwrap(), 3).await.unwrap().1, [6, 7, 8]);
    assert_eq!(code(read(fifth.unwrap(), 4).await), "AUDIT_BROKEN");
    assert_eq!(code(vault.walk_audit(|_| {}).await), "AUDIT_BROKEN");
}
