//! GenerateDataKey, GenerateRandom.

use serde::Deserialize;
use serde_json::{Value, json};

use super::blob::blob;
use super::encryption::{Context, dry_run, ready, seal};
use super::error::AwsError;
use super::input::{check_range, not_in_set, read, required};
use super::session::Session;
use super::specs::SYMMETRIC_DEFAULT;
use crate::keys::KeyError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateDataKey {
    key_id: Option<String>,
    encryption_context: Option<Context>,
    key_spec: Option<String>,
    number_of_bytes: Option<usize>,
    recipient: Option<Value>,
    dry_run: Option<bool>,
}

pub(super) fn generate_data_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: GenerateDataKey = read(body)?;
    no_recipient(input.recipient.as_ref())?;
    let length = match (input.key_spec.as_deref(), input.number_of_bytes) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (Some(other), None) => return Err(not_in_set(other, "keySpec")),
        (None, Some(length)) => check_range(length, "numberOfBytes", &(1..=1024))?,
        _ => {
            return Err(AwsError::validation(
                "Please specify either number of bytes or key spec.",
            ));
        }
    };
    let key = session.resolve(&required(input.key_id, "keyId")?)?;
    let key = ready(session, key, "GenerateDataKey", SYMMETRIC_DEFAULT)?;
    dry_run(input.dry_run)?;
    let plaintext = random_bytes(session, length)?;
    let context = input.encryption_context.unwrap_or_default();
    Ok(json!({
        "CiphertextBlob": blob(&seal(session, &key, &plaintext, &context)?),
        "Plaintext": blob(&plaintext),
        "KeyId": session.key_arn(&key.id),
        "KeyMaterialId": key.current.material_id,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateRandom {
    number_of_bytes: Option<usize>,
    recipient: Option<Value>,
}

pub(super) fn generate_random(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: GenerateRandom = read(body)?;
    no_recipient(input.recipient.as_ref())?;
    let length = required(input.number_of_bytes, "numberOfBytes")?;
    let length = check_range(length, "numberOfBytes", &(1..=1024))?;
    Ok(json!({"Plaintext": blob(&random_bytes(session, length)?)}))
}

fn random_bytes(session: &Session<'_>, length: usize) -> Result<Vec<u8>, AwsError> {
    let mut bytes = vec![0; length];
    let random = session.cloud.random.as_ref();
    random
        .fill(&mut bytes)
        .map_err(|error| session.about("")(KeyError::from(error)))?;
    Ok(bytes)
}

/// An answer in clear to who asked for one that only an enclave can read would be a trap.
pub(super) fn no_recipient(recipient: Option<&Value>) -> Result<(), AwsError> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(AwsError::unsupported(
            "The simulator does not encrypt to enclaves",
        )),
    }
}
