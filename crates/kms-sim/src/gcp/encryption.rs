//! Encrypt, Decrypt.

use serde::Deserialize;
use serde_json::{Value, json};

use super::enums::{ProtectionLevel, ProtoEnum as _, Purpose};
use super::error::GcpError;
use super::inventory::CryptoKey;
use super::names::version_name;
use super::session::Session;
use super::wire::{Bytes, Int64, bytes, crc32c, read, verified};
use crate::keys::{KeyError, SealedBy};

/// The longest plaintext, and the longest additional authenticated data, of a key in software.
const MAX_SOFTWARE: usize = 64 * 1024;

/// The longest plaintext of a key in hardware, together with the additional authenticated data.
const MAX_HSM: usize = 8 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encrypt {
    #[serde(default)]
    plaintext: Bytes,
    plaintext_crc32c: Option<Int64>,
    #[serde(default)]
    additional_authenticated_data: Bytes,
    additional_authenticated_data_crc32c: Option<Int64>,
}

pub(super) fn encrypt(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let input: Encrypt = read(body)?;
    let (Bytes(plaintext), Bytes(aad)) = (input.plaintext, input.additional_authenticated_data);
    let plaintext_verified = verified("plaintext", &plaintext, input.plaintext_crc32c)?;
    let aad_verified = verified(AAD, &aad, input.additional_authenticated_data_crc32c)?;
    let key = session.key_for(Purpose::EncryptDecrypt)?;
    check_lengths(key.protection, plaintext.len(), aad.len())?;
    // A version may be named: it encrypts, whether it is the primary or not.
    let found = if session.name.version().is_some() {
        session.version(&key)?
    } else {
        let primary = key.primary.ok_or_else(|| {
            GcpError::precondition(format!("{} has no primary version.", key.name))
        })?;
        session.find(&key, primary)?
    };
    let name = found.name.clone();
    let sealed = found
        .usable()?
        .seal(&plaintext, &aad, session.cloud.random.as_ref());
    let sealed = sealed.map_err(|error| GcpError::of_key(error, &name))?;
    Ok(json!({
        "name": name,
        "ciphertext": bytes(&sealed),
        "ciphertextCrc32c": crc32c(&sealed),
        "verifiedPlaintextCrc32c": plaintext_verified,
        "verifiedAdditionalAuthenticatedDataCrc32c": aad_verified,
        "protectionLevel": key.protection.value(session.encoding),
    }))
}

const AAD: &str = "additional_authenticated_data";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decrypt {
    #[serde(default)]
    ciphertext: Bytes,
    ciphertext_crc32c: Option<Int64>,
    #[serde(default)]
    additional_authenticated_data: Bytes,
    additional_authenticated_data_crc32c: Option<Int64>,
}

pub(super) fn decrypt(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let input: Decrypt = read(body)?;
    let (Bytes(ciphertext), Bytes(aad)) = (input.ciphertext, input.additional_authenticated_data);
    verified("ciphertext", &ciphertext, input.ciphertext_crc32c)?;
    verified(AAD, &aad, input.additional_authenticated_data_crc32c)?;
    let key = session.key_for(Purpose::EncryptDecrypt)?;
    let refused = |error| GcpError::of_key(error, &key.name);
    let by = SealedBy::read(&ciphertext).map_err(refused)?;
    let number = sealed_by(&key, &by)
        .ok_or(KeyError::IncorrectKey)
        .map_err(refused)?;
    let opened = session
        .find(&key, number)?
        .usable()?
        .open(&ciphertext, &aad);
    let plaintext = opened.map_err(refused)?;
    Ok(json!({
        "plaintext": bytes(&plaintext),
        "plaintextCrc32c": crc32c(&plaintext),
        "usedPrimary": key.primary == Some(number),
        "protectionLevel": key.protection.value(session.encoding),
    }))
}

/// The version of `key` that made a ciphertext, if one of them did.
fn sealed_by(key: &CryptoKey, by: &SealedBy) -> Option<u32> {
    let mut numbers = key.versions.keys().copied();
    numbers.find(|number| version_name(&key.name, *number) == by.key_id)
}

fn check_lengths(level: ProtectionLevel, plaintext: usize, aad: usize) -> Result<(), GcpError> {
    let fits = match level {
        ProtectionLevel::Software => plaintext <= MAX_SOFTWARE && aad <= MAX_SOFTWARE,
        ProtectionLevel::Hsm => plaintext.saturating_add(aad) <= MAX_HSM,
    };
    if fits {
        return Ok(());
    }
    Err(GcpError::invalid(
        "The plaintext or the additional_authenticated_data is too long.",
    ))
}
