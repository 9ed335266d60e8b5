//! Resources as documents.

use serde_json::{Map, Value, json};
use strongroom_crypto::Timestamp;

use super::enums::{ProtoEnum as _, Purpose};
use super::error::GcpError;
use super::inventory::CryptoKey;
use super::session::{Found, Session};
use super::version_states::State;
use super::wire::{seconds, time};
use crate::clock::DAY_MICROS;

pub(super) fn key_ring(name: &str, created_at: Timestamp) -> Value {
    json!({"name": name, "createTime": time(created_at)})
}

/// A crypto key, with its primary version.
pub(super) fn crypto_key(session: &Session<'_>, key: &CryptoKey) -> Result<Value, GcpError> {
    let encoding = session.encoding;
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    add("name", json!(key.name));
    add("purpose", Purpose::of(key.spec).value(encoding));
    add("createTime", time(key.created_at));
    add("labels", json!(key.labels));
    if key.import_only {
        add("importOnly", json!(true));
    }
    let template = json!({
        "protectionLevel": key.protection.value(encoding),
        "algorithm": key.spec.value(encoding),
    });
    add("versionTemplate", template);
    let wait = i64::from(key.destroy_days).saturating_mul(DAY_MICROS / 1_000_000);
    add("destroyScheduledDuration", seconds(wait));
    if let Some(period) = key.rotation.period_seconds {
        add("rotationPeriod", seconds(period));
    }
    if let Some(at) = key.rotation.next_at {
        add("nextRotationTime", time(at));
    }
    if let Some(primary) = key.primary {
        add(
            "primary",
            version(session, key, &session.find(key, primary)?),
        );
    }
    Ok(Value::Object(members))
}

pub(super) fn version(session: &Session<'_>, key: &CryptoKey, found: &Found) -> Value {
    let encoding = session.encoding;
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    add("name", json!(found.name));
    add("state", found.state.value(encoding));
    add("protectionLevel", key.protection.value(encoding));
    add("algorithm", key.spec.value(encoding));
    add("createTime", time(found.record.created_at));
    let arrived = !matches!(
        found.state,
        State::PendingGeneration | State::PendingImport | State::ImportFailed
    );
    match &found.record.imported {
        None if arrived => {
            add("generateTime", time(found.record.generated_at));
        }
        None => {}
        Some(imported) => {
            add("importJob", json!(imported.job));
            if arrived {
                add("importTime", time(found.record.generated_at));
            }
            if let (State::ImportFailed, Some(reason)) = (found.state, imported.failed) {
                add("importFailureReason", json!(reason));
            }
        }
    }
    if let Some(at) = found.destroyed_at {
        let member = if found.state == State::Destroyed {
            "destroyEventTime"
        } else {
            "destroyTime"
        };
        add(member, time(at));
    }
    Value::Object(members)
}
