//! GetPublicKey.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::enums::{ProtoEnum as _, PublicKeyFormat};
use super::error::GcpError;
use super::session::Session;
use super::wire::{bytes, crc32c};
use crate::keys::KeySpec;

/// The length of a public key of ML-DSA-65 (FIPS 204, table 2): what its SPKI ends with.
const ML_DSA_65_PUBLIC: usize = 1952;

/// Digits in a line of PEM (RFC 7468, 2).
const PEM_LINE: usize = 64;

pub(super) fn get_public_key(session: &Session<'_>, _body: Value) -> Result<Value, GcpError> {
    let key = session.key()?;
    let found = session.version(&key)?;
    let name = found.name.clone();
    let wanted = PublicKeyFormat::read(session.query.value("publicKeyFormat").as_ref())?;
    let spki = found.usable()?.spki();
    let spki = spki.map_err(|error| GcpError::of_key(error, &name))?;
    let spki = spki
        .ok_or_else(|| GcpError::invalid(format!("{name} is symmetric and has no public key.")))?;
    let encoding = session.encoding;
    let mut answer = json!({
        "name": name,
        "algorithm": key.spec.value(encoding),
        "protectionLevel": key.protection.value(encoding),
    });
    let Some(members) = answer.as_object_mut() else {
        return Ok(answer);
    };
    let pem = pem(&spki);
    if key.spec != KeySpec::MlDsa65 && matches!(wanted, None | Some(PublicKeyFormat::Pem)) {
        members.insert("pem".to_owned(), json!(pem));
        members.insert("pemCrc32c".to_owned(), crc32c(pem.as_bytes()));
    }
    let format = match wanted {
        Some(format) => format,
        None if key.spec == KeySpec::MlDsa65 => {
            return Err(GcpError::invalid(
                "public_key_format is required for post-quantum algorithms.",
            ));
        }
        None => PublicKeyFormat::Pem,
    };
    members.insert("publicKeyFormat".to_owned(), format.value(encoding));
    if wanted.is_some() {
        let data = match format {
            PublicKeyFormat::Pem => pem.into_bytes(),
            PublicKeyFormat::Der => spki,
            PublicKeyFormat::NistPqc => raw(key.spec, &spki)?,
        };
        let data = json!({"data": bytes(&data), "crc32cChecksum": crc32c(&data)});
        members.insert("publicKey".to_owned(), data);
    }
    Ok(answer)
}

/// The public key as FIPS 204 writes it.
fn raw(spec: KeySpec, spki: &[u8]) -> Result<Vec<u8>, GcpError> {
    let raw = match spec {
        KeySpec::MlDsa65 => spki.last_chunk::<ML_DSA_65_PUBLIC>(),
        _ => None,
    };
    raw.map(|raw| raw.to_vec()).ok_or_else(|| {
        GcpError::invalid("public_key_format NIST_PQC is for post-quantum algorithms.")
    })
}

pub(super) fn pem(spki: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    for (index, digit) in BASE64.encode(spki).chars().enumerate() {
        if index > 0 && index % PEM_LINE == 0 {
            text.push('\n');
        }
        text.push(digit);
    }
    text.push_str("\n-----END PUBLIC KEY-----\n");
    text
}
