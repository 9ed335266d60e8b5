//! UpdateCryptoKey, UpdateCryptoKeyPrimaryVersion.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::enums::Purpose;
use super::error::GcpError;
use super::inventory::Rotation;
use super::resources;
use super::session::Session;
use super::version_states::State;
use super::wire::{read, read_seconds, read_time};
use crate::keys::KeySpec;

/// The shortest and the longest rotation period, in seconds: a day and 876000 hours.
const PERIODS: std::ops::RangeInclusive<i64> = 86_400..=876_000 * 3600;

const MAX_LABELS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    rotation_period: Option<String>,
    next_rotation_time: Option<String>,
}

pub(super) fn update_crypto_key(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let mask = session.query.update_mask()?;
    let changes: Changes = read(body)?;
    let mut key = session.key()?;
    for field in &mask {
        match field.as_str() {
            "labels" => {
                check_labels(&changes.labels)?;
                key.labels.clone_from(&changes.labels);
            }
            "rotationPeriod" => {
                let period = changes.rotation_period.as_deref();
                key.rotation.period_seconds = period.map(read_seconds).transpose()?;
            }
            "nextRotationTime" => {
                let next = changes.next_rotation_time.as_deref();
                key.rotation.next_at = next.map(read_time).transpose()?;
            }
            other => {
                return Err(GcpError::unimplemented(format!(
                    "The simulator does not change {other} of a crypto key."
                )));
            }
        }
    }
    if mask.iter().any(|field| field != "labels") {
        check_rotation(session, key.spec, key.rotation)?;
    }
    session.cloud.inventory.change_key(&key.name, |there| {
        there.labels.clone_from(&key.labels);
        there.rotation = key.rotation;
    })?;
    resources::crypto_key(session, &session.key()?)
}

/// The rotation that is wished for with a new key.
pub(super) fn read_rotation(
    session: &Session<'_>,
    spec: KeySpec,
    period: Option<&str>,
    next: Option<&str>,
) -> Result<Rotation, GcpError> {
    let rotation = Rotation {
        period_seconds: period.map(read_seconds).transpose()?,
        next_at: next.map(read_time).transpose()?,
    };
    check_rotation(session, spec, rotation)?;
    Ok(rotation)
}

fn check_rotation(
    session: &Session<'_>,
    spec: KeySpec,
    rotation: Rotation,
) -> Result<(), GcpError> {
    if rotation == Rotation::default() {
        return Ok(());
    }
    let wrong = if spec != KeySpec::Symmetric {
        "Only keys with the purpose ENCRYPT_DECRYPT rotate."
    } else if rotation
        .period_seconds
        .is_some_and(|period| !PERIODS.contains(&period))
    {
        "rotation_period must be at least 24 hours and at most 876,000 hours."
    } else if rotation.period_seconds.is_some() && rotation.next_at.is_none() {
        "If rotation_period is set, next_rotation_time must also be set."
    } else if rotation.next_at.is_some_and(|at| at <= session.now()) {
        "next_rotation_time must be in the future."
    } else {
        return Ok(());
    };
    Err(GcpError::invalid(wrong))
}

/// Refuses labels as Google does: at most 64, in small letters, digits, `_` and `-`.
pub(super) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), GcpError> {
    let allowed = |c: char| c.is_lowercase() || c.is_numeric() || c == '_' || c == '-';
    let fits = |text: &str| text.chars().count() <= 63 && text.chars().all(allowed);
    let begins = |name: &str| name.chars().next().is_some_and(char::is_lowercase);
    let all_fit = labels
        .iter()
        .all(|(name, value)| begins(name) && fits(name) && fits(value));
    if all_fit && labels.len() <= MAX_LABELS {
        Ok(())
    } else {
        Err(GcpError::invalid("Invalid labels."))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewPrimary {
    crypto_key_version_id: Option<String>,
}

pub(super) fn update_primary_version(
    session: &Session<'_>,
    body: Value,
) -> Result<Value, GcpError> {
    let input: NewPrimary = read(body)?;
    let key = session.key_for(Purpose::EncryptDecrypt)?;
    let number = input.crypto_key_version_id.and_then(|id| id.parse().ok());
    let number = number.ok_or_else(|| GcpError::invalid("Invalid crypto_key_version_id."))?;
    let found = session.find(&key, number)?;
    if found.state != State::Enabled {
        return Err(GcpError::not_enabled(&found.name, found.state));
    }
    let inventory = &session.cloud.inventory;
    inventory.change_key(&key.name, |key| key.primary = Some(number))?;
    resources::crypto_key(session, &session.key()?)
}
