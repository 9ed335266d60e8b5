//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AwsError;
use super::input::{check_range, key_id, not_in_set, read, required};
use super::paging::Page;
use super::session::{Session, seconds};
use crate::keys::{Key, KeyError, KeySpec, KeyState, RotationCause};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnableKeyRotation {
    key_id: Option<String>,
    rotation_period_in_days: Option<u32>,
}

pub(super) fn enable_key_rotation(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: EnableKeyRotation = read(body)?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    // Whoever only says "rotate" keeps the period that there is.
    let standing = key.plan.map_or(365, |plan| plan.period_days);
    let days = input.rotation_period_in_days.unwrap_or(standing);
    let days = check_range(days, "rotationPeriodInDays", &(90..=2560))?;
    let keys = &session.cloud.keys;
    keys.plan_rotation(session.region, &key.id, days)
        .map_err(session.about(&key.id))?;
    Ok(Value::Null)
}

pub(super) fn disable_key_rotation(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let key = session.resolve_key(&key_id(body)?)?;
    let keys = &session.cloud.keys;
    keys.unplan_rotation(session.region, &key.id)
        .map_err(session.about(&key.id))?;
    Ok(Value::Null)
}

pub(super) fn rotate_key_on_demand(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let key = session.resolve_key(&key_id(body)?)?;
    let keys = &session.cloud.keys;
    keys.rotate(session.region, &key.id)
        .map_err(session.about(&key.id))?;
    Ok(json!({"KeyId": session.key_arn(&key.id)}))
}

pub(super) fn get_key_rotation_status(
    session: &Session<'_>,
    body: Value,
) -> Result<Value, AwsError> {
    let key = rotating(session, &key_id(body)?)?;
    let arn = session.key_arn(&key.id);
    // AWS keeps the plan of a key that is disabled, and tells that nothing rotates while it is to be deleted.
    let deletion = !matches!(key.state, KeyState::Enabled | KeyState::Disabled);
    Ok(match key.plan.filter(|_| !deletion) {
        None => json!({"KeyId": arn, "KeyRotationEnabled": false}),
        Some(plan) => json!({
            "KeyId": arn,
            "KeyRotationEnabled": true,
            "RotationPeriodInDays": plan.period_days,
            "NextRotationDate": seconds(plan.next_at),
        }),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListKeyRotations {
    key_id: Option<String>,
    include_key_material: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list_key_rotations(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ListKeyRotations = read(body)?;
    let page = Page::read(input.marker, input.limit, 100, &(1..=1000))?;
    let with_first = match input.include_key_material.as_deref() {
        None | Some("ROTATIONS_ONLY") => false,
        Some("ALL_KEY_MATERIAL") => true,
        Some(other) => return Err(not_in_set(other, "includeKeyMaterial")),
    };
    let key = rotating(session, &required(input.key_id, "keyId")?)?;
    let arn = session.key_arn(&key.id);
    let current = &key.current.material_id;
    let entry = |material_id: &str| {
        let state = if material_id == current {
            "CURRENT"
        } else {
            "NON_CURRENT"
        };
        json!({"KeyId": arn, "KeyMaterialId": material_id, "KeyMaterialState": state})
    };
    let mut entries = Vec::new();
    if let Some(first) = key.version(1).filter(|_| with_first) {
        entries.push(entry(&first.material_id));
    }
    for rotation in &key.rotations {
        let mut entry = entry(&rotation.material_id);
        let cause = match rotation.cause {
            RotationCause::Plan => "AUTOMATIC",
            RotationCause::Demand => "ON_DEMAND",
        };
        if let Some(members) = entry.as_object_mut() {
            members.insert("RotationType".to_owned(), json!(cause));
            members.insert("RotationDate".to_owned(), json!(seconds(rotation.at)));
        }
        entries.push(entry);
    }
    let numbered = entries.into_iter().enumerate();
    let numbered = numbered.map(|(index, entry)| (format!("{index:08}"), entry));
    Ok(page.answer("Rotations", numbered.collect()))
}

/// A key of the kind that rotates, whatever its state.
fn rotating(session: &Session<'_>, text: &str) -> Result<Key, AwsError> {
    let key = session.resolve_key(text)?;
    if key.spec == KeySpec::Symmetric {
        Ok(key)
    } else {
        Err(session.about(&key.id)(KeyError::Unsupported("rotate")))
    }
}
