//! AsymmetricSign, AsymmetricDecrypt.

use serde::Deserialize;
use serde_json::{Value, json};

use super::enums::{ProtoEnum as _, Purpose};
use super::error::GcpError;
use super::session::Session;
use super::wire::{Bytes, Int64, bytes, crc32c, read, verified};
use crate::keys::{Key, Signed};

/// The longest data that is signed.
const MAX_DATA: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AsymmetricSign {
    digest: Option<Digest>,
    digest_crc32c: Option<Int64>,
    #[serde(default)]
    data: Bytes,
    data_crc32c: Option<Int64>,
}

#[derive(Deserialize)]
struct Digest {
    sha256: Option<Bytes>,
    sha384: Option<Bytes>,
}

pub(super) fn asymmetric_sign(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let input: AsymmetricSign = read(body)?;
    let Bytes(data) = input.data;
    let digest = input.digest.map(Digest::bytes).transpose()?;
    if digest.is_some() != data.is_empty() {
        return Err(GcpError::invalid(
            "Exactly one of digest and data must be set.",
        ));
    }
    if data.len() > MAX_DATA {
        return Err(GcpError::invalid("The data is too long."));
    }
    let data_verified = verified("data", &data, input.data_crc32c)?;
    let sent = digest.as_deref().unwrap_or_default();
    let digest_verified = verified("digest", sent, input.digest_crc32c)?;
    let key = session.key_for(Purpose::AsymmetricSign)?;
    let found = session.version(&key)?;
    let name = found.name.clone();
    let signer = found.usable()?;
    let signed = match &digest {
        Some(digest) => checked_digest(&signer, digest)?,
        None => Signed::Message(&data),
    };
    let signature = signer.sign(signed);
    let signature = signature.map_err(|error| GcpError::of_key(error, &name))?;
    Ok(json!({
        "name": name,
        "signature": bytes(&signature),
        "signatureCrc32c": crc32c(&signature),
        "verifiedDigestCrc32c": digest_verified,
        "verifiedDataCrc32c": data_verified,
        "protectionLevel": key.protection.value(session.encoding),
    }))
}

impl Digest {
    /// The digest, whose name and length agree.
    fn bytes(self) -> Result<Vec<u8>, GcpError> {
        match (self.sha256, self.sha384) {
            (Some(Bytes(digest)), None) if digest.len() == 32 => Ok(digest),
            (None, Some(Bytes(digest))) if digest.len() == 48 => Ok(digest),
            _ => Err(GcpError::invalid(
                "The digest must be one of sha256 and sha384, of the length of that.",
            )),
        }
    }
}

/// A digest by the hash function of the key's algorithm.
fn checked_digest<'a>(key: &Key, digest: &'a [u8]) -> Result<Signed<'a>, GcpError> {
    if key.digest_bytes() == Some(digest.len()) {
        return Ok(Signed::Digest(digest));
    }
    let algorithm = key.spec.name();
    Err(GcpError::invalid(format!(
        "The digest does not match the algorithm {algorithm}."
    )))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AsymmetricDecrypt {
    #[serde(default)]
    ciphertext: Bytes,
    ciphertext_crc32c: Option<Int64>,
}

pub(super) fn asymmetric_decrypt(session: &Session<'_>, body: Value) -> Result<Value, GcpError> {
    let input: AsymmetricDecrypt = read(body)?;
    let Bytes(ciphertext) = input.ciphertext;
    let ciphertext_verified = verified("ciphertext", &ciphertext, input.ciphertext_crc32c)?;
    let key = session.key_for(Purpose::AsymmetricDecrypt)?;
    let found = session.version(&key)?;
    let name = found.name.clone();
    let plaintext = found.usable()?.rsa_decrypt(&ciphertext);
    let plaintext = plaintext.map_err(|error| GcpError::of_key(error, &name))?;
    Ok(json!({
        "plaintext": bytes(&plaintext),
        "plaintextCrc32c": crc32c(&plaintext),
        "verifiedCiphertextCrc32c": ciphertext_verified,
        "protectionLevel": key.protection.value(session.encoding),
    }))
}
