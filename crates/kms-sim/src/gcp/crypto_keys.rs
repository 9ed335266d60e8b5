//! CreateCryptoKey, GetCryptoKey, ListCryptoKeys.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::enums::{ProtectionLevel, ProtoEnum as _, Purpose};
use super::error::GcpError;
use super::inventory::CryptoKey;
use super::key_changes::{check_labels, read_rotation};
use super::names::wished_id;
use super::paging::page;
use super::resources;
use super::session::Session;
use super::wire::{read, read_seconds};
use crate::clock::DAY_MICROS;
use crate::keys::KeySpec;

const DAY_SECONDS: i64 = DAY_MICROS / 1_000_000;

/// How many days a version waits for its destruction if nobody says.
const DESTROY_DAYS: u32 = 30;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewCryptoKey {
    purpose: Option<Value>,
    version_template: Option<Template>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    rotation_period: Option<String>,
    next_rotation_time: Option<String>,
    destroy_scheduled_duration: Option<String>,
    #[serde(default)]
    import_only: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    algorithm: Option<Value>,
    protection_level: Option<Value>,
}

pub(super) fn create_crypto_key(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let inventory = &session.cloud.inventory;
    let id = wished_id(session.query.text("cryptoKeyId"), "crypto_key_id")?;
    let skips = session.query.flag("skipInitialVersionCreation")?;
    let mut key = wished(session, id, read(body)?)?;
    if key.import_only && !skips {
        return Err(GcpError::invalid(
            "skip_initial_version_creation must be set for a key that is import_only.",
        ));
    }
    inventory.ring(&session.name.item())?;
    // The name is taken before the material is made: of two callers at once, one is refused.
    let number = (!skips).then(|| key.next_number());
    inventory.add_key(key.clone())?;
    if let Some(number) = number
        && let Err(error) = generate_first(session, &key, number)
    {
        inventory.remove_key(&key.name);
        return Err(error);
    }
    resources::crypto_key(session, &session.key_named(&key.name)?)
}

/// The version that a new key begins with.
fn generate_first(session: &Session<'_>, key: &CryptoKey, number: u32) -> Result<(), GcpError> {
    let generated_at = session.cloud.sky.visible_at();
    session.generate(&key.name, key.spec, number, generated_at)?;
    let encrypts = key.spec == KeySpec::Symmetric;
    let inventory = &session.cloud.inventory;
    inventory.change_key(&key.name, |key| key.primary = encrypts.then_some(number))
}

/// The key that is wished for, without versions.
fn wished(session: &Session<'_>, id: &str, input: NewCryptoKey) -> Result<CryptoKey, GcpError> {
    let purpose = Purpose::read(input.purpose.as_ref())?
        .ok_or_else(|| GcpError::invalid("The purpose must be specified."))?;
    let template = input.version_template.unwrap_or_default();
    let spec = match (purpose, KeySpec::read(template.algorithm.as_ref())?) {
        (Purpose::EncryptDecrypt, None) => KeySpec::Symmetric,
        (_, Some(spec)) if Purpose::of(spec) == purpose => spec,
        (_, None) => return Err(GcpError::invalid("version_template.algorithm is required.")),
        (_, Some(spec)) => {
            return Err(GcpError::invalid(format!(
                "The algorithm {} does not fit the purpose {}.",
                spec.name(),
                purpose.name()
            )));
        }
    };
    check_labels(&input.labels)?;
    let level = ProtectionLevel::read(template.protection_level.as_ref())?;
    let level = level.unwrap_or(ProtectionLevel::Software);
    if spec == KeySpec::EcSecp256k1 && level != ProtectionLevel::Hsm {
        return Err(GcpError::invalid(format!(
            "The algorithm {} is only supported for the protection level HSM.",
            spec.name()
        )));
    }
    let (period, next) = (input.rotation_period, input.next_rotation_time);
    Ok(CryptoKey {
        name: format!("{}/cryptoKeys/{id}", session.name.item()),
        spec,
        import_only: input.import_only,
        protection: level,
        created_at: session.now(),
        labels: input.labels,
        rotation: read_rotation(session, spec, period.as_deref(), next.as_deref())?,
        destroy_days: destroy_days(input.destroy_scheduled_duration.as_deref())?,
        primary: None,
        versions: BTreeMap::new(),
        last_number: 0,
    })
}

/// Google counts seconds; here they are whole days.
fn destroy_days(text: Option<&str>) -> Result<u32, GcpError> {
    let Some(text) = text else {
        return Ok(DESTROY_DAYS);
    };
    let seconds = read_seconds(text)?;
    let days = u32::try_from(seconds / DAY_SECONDS).unwrap_or_default();
    if seconds % DAY_SECONDS == 0 && (1..=120).contains(&days) {
        return Ok(days);
    }
    Err(GcpError::invalid(
        "destroy_scheduled_duration must be 1 to 120 days, and in the simulator whole ones.",
    ))
}

pub(super) fn get_crypto_key(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    resources::crypto_key(session, &session.key()?)
}

pub(super) fn list_crypto_keys(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let ring = session.name.item();
    session.cloud.inventory.ring(&ring)?;
    let names = session.cloud.inventory.key_names(&ring);
    page(session.query, "cryptoKeys", names, |name| {
        resources::crypto_key(session, &session.key_named(&name)?)
    })
}
