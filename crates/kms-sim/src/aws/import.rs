//! GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_crypto::Timestamp;
use strongroom_crypto::clock::Clock;

use super::blob::{Blob, blob};
use super::error::AwsError;
use super::input::{key_id, not_in_set, read, required, sized};
use super::session::{Session, seconds};
use super::specs::spec_name;
use crate::clock::after_days;
use crate::keys::{Key, KeyError, KeySpec, KeyState, WrappingKey, WrappingSize, unwrapped};

/// How long a token is good for.
const TOKEN_DAYS: u32 = 1;

const MAX_WRAPPED: usize = 6144;

const ALGORITHMS: &[&str] = &[
    "RSAES_PKCS1_V1_5",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256",
    "SM2PKE",
];

/// The tokens that were given out, by what they say.
#[derive(Debug, Default)]
pub(crate) struct ImportTokens(Mutex<BTreeMap<Vec<u8>, Token>>);

/// What a token is good for.
#[derive(Clone, Debug)]
struct Token {
    region: String,
    key_id: String,
    size: WrappingSize,
    valid_to: Timestamp,
}

/// Whether material of this kind can be imported here. AWS wraps RSA and elliptic curve keys so; symmetric ones it takes
/// under another algorithm, which the simulator has not.
pub(super) fn check_importable(spec: KeySpec) -> Result<(), AwsError> {
    match spec {
        KeySpec::EcP256
        | KeySpec::EcP384
        | KeySpec::EcSecp256k1
        | KeySpec::Ed25519
        | KeySpec::Rsa2048 => Ok(()),
        KeySpec::Symmetric | KeySpec::MlDsa65 => Err(AwsError::unsupported(format!(
            "The simulator imports no keys with KeySpec {}",
            spec_name(spec)
        ))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParametersForImport {
    key_id: Option<String>,
    wrapping_algorithm: Option<String>,
    wrapping_key_spec: Option<String>,
}

pub(super) fn get_parameters_for_import(
    session: &Session<'_>,
    body: Value,
) -> Result<Value, AwsError> {
    let input: GetParametersForImport = read(body)?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    match required(input.wrapping_algorithm, "wrappingAlgorithm")?.as_str() {
        "RSA_AES_KEY_WRAP_SHA_256" => {}
        other if ALGORITHMS.contains(&other) => {
            return Err(AwsError::unsupported(format!(
                "The simulator does not unwrap {other}"
            )));
        }
        other => return Err(not_in_set(other, "wrappingAlgorithm")),
    }
    let size = match required(input.wrapping_key_spec, "wrappingKeySpec")?.as_str() {
        "RSA_2048" => WrappingSize::Rsa2048,
        "RSA_3072" => WrappingSize::Rsa3072,
        "RSA_4096" => WrappingSize::Rsa4096,
        other => return Err(not_in_set(other, "wrappingKeySpec")),
    };
    let key = open_to_import(session, key)?;
    let failed = session.about(&key.id);
    let wrapping_key = WrappingKey::of(size).map_err(&failed)?;
    let mut token = vec![0; 64];
    let filled = session.cloud.random.fill(&mut token);
    filled.map_err(|error| failed(KeyError::from(error)))?;
    let valid_to = after_days(session.cloud.clock.now(), TOKEN_DAYS);
    let answer = json!({
        "KeyId": session.key_arn(&key.id),
        "ImportToken": blob(&token),
        "PublicKey": blob(wrapping_key.spki()),
        "ParametersValidTo": seconds(valid_to),
    });
    let good_for = Token {
        region: session.region.to_owned(),
        key_id: key.id,
        size,
        valid_to,
    };
    session.cloud.import_tokens.0.lock().insert(token, good_for);
    Ok(answer)
}

/// The key, if it is one for imported material and its state allows giving it some.
fn open_to_import(session: &Session<'_>, key: Key) -> Result<Key, AwsError> {
    let refused = |error| session.about(&key.id)(error);
    if !key.external {
        return Err(refused(KeyError::Unsupported("take in material")));
    }
    match key.state {
        KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. } => {
            Err(refused(KeyError::PendingDeletion))
        }
        KeyState::Enabled | KeyState::Disabled | KeyState::PendingImport => Ok(key),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImportKeyMaterial {
    key_id: Option<String>,
    import_token: Option<Blob>,
    encrypted_key_material: Option<Blob>,
    expiration_model: Option<String>,
    valid_to: Option<Value>,
}

pub(super) fn import_key_material(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ImportKeyMaterial = read(body)?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    let token = sized(input.import_token, "importToken", 1..=MAX_WRAPPED)?;
    let wrapped = sized(
        input.encrypted_key_material,
        "encryptedKeyMaterial",
        1..=MAX_WRAPPED,
    )?;
    check_expiration(input.expiration_model.as_deref(), input.valid_to.is_some())?;
    let key = open_to_import(session, key)?;
    let size = size_for(session, &key, &token)?;
    let failed = session.about(&key.id);
    let wrapping_key = WrappingKey::of(size).map_err(&failed)?;
    let material = unwrapped(&wrapping_key, &wrapped, key.spec).map_err(&failed)?;
    let keys = &session.cloud.keys;
    let key = keys.import(session.region, &key.id, material);
    let key = key.map_err(failed)?;
    Ok(json!({"KeyId": session.key_arn(&key.id)}))
}

/// Material stays for good here.
fn check_expiration(model: Option<&str>, has_end: bool) -> Result<(), AwsError> {
    match (model.unwrap_or("KEY_MATERIAL_EXPIRES"), has_end) {
        ("KEY_MATERIAL_DOES_NOT_EXPIRE", false) => Ok(()),
        ("KEY_MATERIAL_DOES_NOT_EXPIRE", true) => Err(AwsError::validation(
            "ValidTo must be omitted if ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        )),
        ("KEY_MATERIAL_EXPIRES", false) => Err(AwsError::validation(
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        )),
        ("KEY_MATERIAL_EXPIRES", true) => Err(AwsError::unsupported(
            "The simulator has no material that expires",
        )),
        (other, _) => Err(not_in_set(other, "expirationModel")),
    }
}

/// The size of the wrapping key that came with the token, if the token is for this key.
fn size_for(session: &Session<'_>, key: &Key, token: &[u8]) -> Result<WrappingSize, AwsError> {
    let known = session.cloud.import_tokens.0.lock().get(token).cloned();
    let ours = known.filter(|it| it.region == session.region && it.key_id == key.id);
    let good_for = ours.ok_or_else(|| AwsError::new("InvalidImportTokenException", ""))?;
    if good_for.valid_to <= session.cloud.clock.now() {
        return Err(AwsError::new("ExpiredImportTokenException", ""));
    }
    Ok(good_for.size)
}

pub(super) fn delete_imported_key_material(
    session: &Session<'_>,
    body: Value,
) -> Result<Value, AwsError> {
    let key = session.resolve_key(&key_id(body)?)?;
    let keys = &session.cloud.keys;
    keys.forget_material(session.region, &key.id)
        .map_err(session.about(&key.id))?;
    Ok(json!({"KeyId": session.key_arn(&key.id)}))
}
