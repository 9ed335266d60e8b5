//! `KeyMetadata`: what AWS tells about a key.

use serde_json::{Map, Value, json};

use super::session::{arn, seconds};
use super::specs::{algorithm_name, spec_name, usage_name};
use crate::keys::{Key, KeySpec, KeyState};

/// The metadata of a key.
pub(super) fn metadata(key: &Key, account: &str) -> Value {
    let spec = spec_name(key.spec);
    let mut members = json!({
        "AWSAccountId": account,
        "KeyId": key.id,
        "Arn": key_arn(key, &key.region, account),
        "CreationDate": seconds(key.created_at),
        "Enabled": key.state == KeyState::Enabled,
        "Description": key.description,
        "KeyUsage": usage_name(key.spec),
        "KeyState": state_name(key.state),
        "Origin": if key.external { "EXTERNAL" } else { "AWS_KMS" },
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": spec,
        "KeySpec": spec,
        "MultiRegion": key.regions.is_some(),
    });
    if let Value::Object(members) = &mut members {
        add_what_depends(members, key, account);
    }
    members
}

fn add_what_depends(members: &mut Map<String, Value>, key: &Key, account: &str) {
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    let algorithms = json!([algorithm_name(key.spec)]);
    if key.spec.signs() {
        add("SigningAlgorithms", algorithms);
    } else {
        add("EncryptionAlgorithms", algorithms);
    }
    if key.spec == KeySpec::Symmetric {
        add(
            "CurrentKeyMaterialId",
            json!(key.current.material_id.clone()),
        );
    }
    if key.external && key.has_material() {
        add("ExpirationModel", json!("KEY_MATERIAL_DOES_NOT_EXPIRE"));
    }
    match key.state {
        KeyState::Enabled | KeyState::Disabled | KeyState::PendingImport => {}
        KeyState::PendingDeletion { at } => {
            add("DeletionDate", json!(seconds(at)));
        }
        KeyState::PendingReplicaDeletion { days } => {
            add("PendingDeletionWindowInDays", json!(days));
        }
    }
    if let Some((primary, replicas)) = &key.regions {
        let place = |region: &String| {
            let arn = key_arn(key, region, account);
            json!({"Arn": arn, "Region": region})
        };
        let kind = if *primary == key.region {
            "PRIMARY"
        } else {
            "REPLICA"
        };
        let configuration = json!({
            "MultiRegionKeyType": kind,
            "PrimaryKey": place(primary),
            "ReplicaKeys": replicas.iter().map(place).collect::<Vec<_>>(),
        });
        add("MultiRegionConfiguration", configuration);
    }
}

pub(super) const fn state_name(state: KeyState) -> &'static str {
    match state {
        KeyState::Enabled => "Enabled",
        KeyState::Disabled => "Disabled",
        KeyState::PendingImport => "PendingImport",
        KeyState::PendingDeletion { .. } => "PendingDeletion",
        KeyState::PendingReplicaDeletion { .. } => "PendingReplicaDeletion",
    }
}

fn key_arn(key: &Key, region: &str, account: &str) -> String {
    arn(region, account, &format!("key/{}", key.id))
}
