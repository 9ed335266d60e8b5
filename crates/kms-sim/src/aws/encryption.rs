//! Encrypt, Decrypt, ReEncrypt.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::blob::{Blob, blob};
use super::error::AwsError;
use super::generation::no_recipient;
use super::input::{read, required, sized};
use super::session::Session;
use super::specs::{RSAES_OAEP_SHA_256, SYMMETRIC_DEFAULT, check_fits};
use crate::keys::{Key, KeyError, KeySpec, RSA_MAX_PLAINTEXT, SealedBy, context_bytes};

const MAX_PLAINTEXT: usize = 4096;
const MAX_CIPHERTEXT: usize = 6144;

pub(super) type Context = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt {
    key_id: Option<String>,
    plaintext: Option<Blob>,
    encryption_context: Option<Context>,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

pub(super) fn encrypt(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: Encrypt = read(body)?;
    let plaintext = sized(input.plaintext, "plaintext", 1..=MAX_PLAINTEXT)?;
    let algorithm = input.encryption_algorithm;
    let algorithm = algorithm.as_deref().unwrap_or(SYMMETRIC_DEFAULT);
    let key = session.resolve(&required(input.key_id, "keyId")?)?;
    let key = ready(session, key, "Encrypt", algorithm)?;
    dry_run(input.dry_run)?;
    let context = input.encryption_context.unwrap_or_default();
    Ok(json!({
        "CiphertextBlob": blob(&seal(session, &key, &plaintext, &context)?),
        "KeyId": session.key_arn(&key.id),
        "EncryptionAlgorithm": algorithm,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt {
    key_id: Option<String>,
    ciphertext_blob: Option<Blob>,
    encryption_context: Option<Context>,
    encryption_algorithm: Option<String>,
    recipient: Option<Value>,
    dry_run: Option<bool>,
}

pub(super) fn decrypt(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: Decrypt = read(body)?;
    no_recipient(input.recipient.as_ref())?;
    let ciphertext = sized(input.ciphertext_blob, "ciphertextBlob", 1..=MAX_CIPHERTEXT)?;
    let algorithm = input.encryption_algorithm;
    let algorithm = algorithm.as_deref().unwrap_or(SYMMETRIC_DEFAULT);
    let context = input.encryption_context.unwrap_or_default();
    let source = Source {
        key_id: input.key_id.as_deref(),
        operation: "Decrypt",
        algorithm,
    };
    let (key, plaintext) = open(session, &source, &ciphertext, &context)?;
    dry_run(input.dry_run)?;
    let mut answer = json!({
        "KeyId": session.key_arn(&key.id),
        "Plaintext": blob(&plaintext),
        "EncryptionAlgorithm": algorithm,
    });
    if let Some(material_id) = material_of(&key, &ciphertext)
        && let Some(members) = answer.as_object_mut()
    {
        members.insert("KeyMaterialId".to_owned(), json!(material_id));
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReEncrypt {
    ciphertext_blob: Option<Blob>,
    source_key_id: Option<String>,
    source_encryption_context: Option<Context>,
    source_encryption_algorithm: Option<String>,
    destination_key_id: Option<String>,
    destination_encryption_context: Option<Context>,
    destination_encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

pub(super) fn re_encrypt(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ReEncrypt = read(body)?;
    let ciphertext = sized(input.ciphertext_blob, "ciphertextBlob", 1..=MAX_CIPHERTEXT)?;
    let from = input.source_encryption_algorithm;
    let from = from.as_deref().unwrap_or(SYMMETRIC_DEFAULT);
    let to = input.destination_encryption_algorithm;
    let to = to.as_deref().unwrap_or(SYMMETRIC_DEFAULT);
    let target = required(input.destination_key_id, "destinationKeyId")?;
    let source = Source {
        key_id: input.source_key_id.as_deref(),
        operation: "ReEncrypt",
        algorithm: from,
    };
    let context = input.source_encryption_context.unwrap_or_default();
    let target = ready(session, session.resolve(&target)?, "ReEncrypt", to)?;
    let (key, plaintext) = open(session, &source, &ciphertext, &context)?;
    dry_run(input.dry_run)?;
    let context = input.destination_encryption_context.unwrap_or_default();
    Ok(json!({
        "CiphertextBlob": blob(&seal(session, &target, &plaintext, &context)?),
        "SourceKeyId": session.key_arn(&key.id),
        "KeyId": session.key_arn(&target.id),
        "SourceEncryptionAlgorithm": from,
        "DestinationEncryptionAlgorithm": to,
    }))
}

/// What a caller says about the key that a ciphertext is of.
struct Source<'a> {
    key_id: Option<&'a str>,
    operation: &'a str,
    algorithm: &'a str,
}

/// Encrypts with a key that is [`ready`].
pub(super) fn seal(
    session: &Session<'_>,
    key: &Key,
    plaintext: &[u8],
    context: &Context,
) -> Result<Vec<u8>, AwsError> {
    let sealed = if key.spec == KeySpec::Rsa2048 {
        no_context(context)?;
        if plaintext.len() > RSA_MAX_PLAINTEXT {
            return Err(AwsError::validation(format!(
                "Algorithm {RSAES_OAEP_SHA_256} and key spec RSA_2048 cannot encrypt data larger than \
                 {RSA_MAX_PLAINTEXT} bytes."
            )));
        }
        key.rsa_encrypt(plaintext)
    } else {
        let random = session.cloud.random.as_ref();
        key.seal(plaintext, &context_bytes(context), random)
    };
    sealed.map_err(session.about(&key.id))
}

/// Decrypts: under the key that the caller names, which must be the one that the ciphertext names.
fn open(
    session: &Session<'_>,
    source: &Source<'_>,
    ciphertext: &[u8],
    context: &Context,
) -> Result<(Key, Vec<u8>), AwsError> {
    let key = match source.key_id {
        Some(text) => session.resolve(text)?,
        None if source.algorithm != SYMMETRIC_DEFAULT => {
            return Err(AwsError::validation(
                "KeyId is required to decrypt with an asymmetric key",
            ));
        }
        None => key_of(session, ciphertext)?,
    };
    let key = ready(session, key, source.operation, source.algorithm)?;
    let opened = if key.spec == KeySpec::Rsa2048 {
        no_context(context)?;
        key.rsa_decrypt(ciphertext)
    } else {
        key.open(ciphertext, &context_bytes(context))
    };
    let plaintext = opened.map_err(session.about(&key.id))?;
    Ok((key, plaintext))
}

fn key_of(session: &Session<'_>, ciphertext: &[u8]) -> Result<Key, AwsError> {
    let by = SealedBy::read(ciphertext).map_err(session.about(""))?;
    match session.cloud.keys.find(session.region, &by.key_id) {
        Ok(key) => Ok(key),
        Err(KeyError::Unknown) => Err(AwsError::new(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or \
             you are not allowed to access.",
        )),
        Err(error) => Err(session.about(&by.key_id)(error)),
    }
}

/// The key, if it is for this and may be used.
pub(super) fn ready(
    session: &Session<'_>,
    key: Key,
    operation: &str,
    algorithm: &str,
) -> Result<Key, AwsError> {
    let arn = session.key_arn(&key.id);
    check_fits(&key, &arn, operation, false, algorithm)?;
    session.usable(key)
}

/// A caller who only wants to know whether it would work.
pub(super) fn dry_run(wanted: Option<bool>) -> Result<(), AwsError> {
    if wanted == Some(true) {
        return Err(AwsError::new(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set.",
        ));
    }
    Ok(())
}

fn no_context(context: &Context) -> Result<(), AwsError> {
    if context.is_empty() {
        return Ok(());
    }
    Err(AwsError::validation(
        "An encryption context is not supported with asymmetric keys",
    ))
}

fn material_of(key: &Key, ciphertext: &[u8]) -> Option<String> {
    if key.spec != KeySpec::Symmetric {
        return None;
    }
    let version = key.version(SealedBy::read(ciphertext).ok()?.version)?;
    Some(version.material_id.clone())
}
