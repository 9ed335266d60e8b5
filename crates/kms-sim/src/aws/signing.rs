//! GetPublicKey, Sign, Verify.

use serde::Deserialize;
use serde_json::{Value, json};

use super::blob::{Blob, blob};
use super::encryption::dry_run;
use super::error::AwsError;
use super::input::{key_id, not_in_set, read, required, sized};
use super::session::Session;
use super::specs::{algorithm_name, check_fits, spec_name, usage_name};
use crate::keys::{Key, KeyError, Signed};

const MAX_MESSAGE: usize = 4096;
const MAX_SIGNATURE: usize = 6144;

pub(super) fn get_public_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let key = session.resolve(&key_id(body)?)?;
    let spki = key.spki().map_err(session.about(&key.id))?;
    let Some(spki) = spki else {
        let error = KeyError::Unsupported("show a public key");
        return Err(session.about(&key.id)(error));
    };
    let key = session.usable(key)?;
    let spec = spec_name(key.spec);
    let algorithms = if key.spec.signs() {
        "SigningAlgorithms"
    } else {
        "EncryptionAlgorithms"
    };
    Ok(json!({
        "KeyId": session.key_arn(&key.id),
        "PublicKey": blob(&spki),
        "CustomerMasterKeySpec": spec,
        "KeySpec": spec,
        "KeyUsage": usage_name(key.spec),
        algorithms: [algorithm_name(key.spec)],
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignatureInput {
    key_id: Option<String>,
    message: Option<Blob>,
    message_type: Option<String>,
    signing_algorithm: Option<String>,
    signature: Option<Blob>,
    dry_run: Option<bool>,
}

pub(super) fn sign(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let mut input: SignatureInput = read(body)?;
    let question = Question::read(session, &mut input, "Sign")?;
    let signed = question.signed()?;
    dry_run(input.dry_run)?;
    let signature = question.key.sign(signed);
    let signature = signature.map_err(session.about(&question.key.id))?;
    Ok(json!({
        "KeyId": session.key_arn(&question.key.id),
        "Signature": blob(&signature),
        "SigningAlgorithm": question.algorithm,
    }))
}

pub(super) fn verify(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let mut input: SignatureInput = read(body)?;
    let signature = sized(input.signature.take(), "signature", 1..=MAX_SIGNATURE)?;
    let question = Question::read(session, &mut input, "Verify")?;
    let verdict = question.key.verify(question.signed()?, &signature);
    verdict.map_err(session.about(&question.key.id))?;
    dry_run(input.dry_run)?;
    Ok(json!({
        "KeyId": session.key_arn(&question.key.id),
        "SignatureValid": true,
        "SigningAlgorithm": question.algorithm,
    }))
}

/// What a key is asked to sign, or to have signed.
struct Question {
    key: Key,
    algorithm: String,
    message: Vec<u8>,
    is_digest: bool,
}

impl Question {
    fn read(
        session: &Session<'_>,
        input: &mut SignatureInput,
        operation: &str,
    ) -> Result<Self, AwsError> {
        let message = sized(input.message.take(), "message", 1..=MAX_MESSAGE)?;
        let is_digest = match input.message_type.as_deref() {
            None | Some("RAW") => false,
            Some("DIGEST") => true,
            Some("EXTERNAL_MU") => {
                return Err(AwsError::unsupported(
                    "The simulator signs messages and digests, not EXTERNAL_MU",
                ));
            }
            Some(other) => return Err(not_in_set(other, "messageType")),
        };
        let algorithm = required(input.signing_algorithm.take(), "signingAlgorithm")?;
        let key = session.resolve(&required(input.key_id.take(), "keyId")?)?;
        let arn = session.key_arn(&key.id);
        check_fits(&key, &arn, operation, true, &algorithm)?;
        Ok(Self {
            key: session.usable(key)?,
            algorithm,
            message,
            is_digest,
        })
    }

    fn signed(&self) -> Result<Signed<'_>, AwsError> {
        let algorithm = &self.algorithm;
        if !self.is_digest {
            return Ok(Signed::Message(&self.message));
        }
        match self.key.digest_bytes() {
            Some(length) if self.message.len() == length => Ok(Signed::Digest(&self.message)),
            Some(_) => Err(AwsError::validation(format!(
                "Digest is invalid length for algorithm {algorithm}."
            ))),
            None => Err(AwsError::validation(format!(
                "Algorithm {algorithm} signs messages of the type RAW, not DIGEST."
            ))),
        }
    }
}
