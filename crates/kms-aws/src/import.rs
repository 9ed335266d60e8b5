//! Bringing a private key into AWS KMS.

use std::time::Duration;

use aws_sdk_kms::{
    primitives::Blob,
    types::{AlgorithmSpec, ExpirationModelType, OriginType, WrappingKeySpec},
};
use strongroom_crypto::{KeySpec, OaepHash, PrivateKey, SystemRandom, WrappingKey};
use strongroom_kms::{
    ExternalKeyRequest, KmsError, KmsKeyId, KmsOperation, KmsProvider as _, importable,
};
use strongroom_memory::SecretBytes;

use crate::{external_keys::DELETION_DAYS, provider::AwsKms, refusal::Refusal, specs};

const OPERATION: KmsOperation = KmsOperation::ImportKey;

/// How often a key that was just made is looked for where AWS does not know it yet, and how long between.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

pub(crate) async fn import_key(
    kms: &AwsKms,
    spec: KeySpec,
    pkcs8: &SecretBytes,
    request: &ExternalKeyRequest,
) -> Result<KmsKeyId, KmsError> {
    let private = importable(kms.capabilities(), spec, pkcs8)?;
    let unsupported = || KmsError::ImportUnsupported {
        provider: kms.capabilities().provider.clone(),
        spec,
    };
    let kind = specs::kind_of(spec).ok_or_else(unsupported)?;
    let (label, tags) = (request.label.as_ref(), &request.tags);
    let empty = |create: aws_sdk_kms::operation::create_key::builders::CreateKeyFluentBuilder| {
        create.origin(OriginType::External)
    };
    let key = kms.create_key(OPERATION, kind, label, tags, empty).await?;
    match fill(kms, &key, &private).await {
        Ok(()) => Ok(key),
        Err(error) => Err(give_up(kms, key, error).await),
    }
}

/// Gives a key without material its material, for good.
async fn fill(kms: &AwsKms, key: &KmsKeyId, private: &PrivateKey) -> Result<(), KmsError> {
    let (wrapping_key, token) = parameters(kms, key).await?;
    let wrapping_key = WrappingKey::detect(&wrapping_key);
    let wrapping_key = wrapping_key.map_err(|error| KmsError::answer_invalid(OPERATION, error))?;
    let wrapped = wrapping_key.wrap(private, OaepHash::Sha256, &SystemRandom);
    let wrapped = wrapped.map_err(|error| KmsError::InvalidPrivateKey {
        source: error.into(),
    })?;
    let request = kms.client.import_key_material().key_id(key.as_str());
    let request = request
        .import_token(token)
        .encrypted_key_material(Blob::new(wrapped))
        .expiration_model(ExpirationModelType::KeyMaterialDoesNotExpire);
    match request.send().await {
        Ok(_imported) => Ok(()),
        Err(error) => {
            let refusal = Refusal::of(OPERATION, error);
            Err(kms.explain(refusal, OPERATION, key).await)
        }
    }
}

/// The public key to wrap for, in DER, and the token that goes with it.
async fn parameters(kms: &AwsKms, key: &KmsKeyId) -> Result<(Vec<u8>, Blob), KmsError> {
    let mut looks = 1;
    let answer = loop {
        let request = kms.client.get_parameters_for_import().key_id(key.as_str());
        let request = request
            .wrapping_algorithm(AlgorithmSpec::RsaAesKeyWrapSha256)
            .wrapping_key_spec(WrappingKeySpec::Rsa4096);
        match request.send().await {
            Ok(answer) => break answer,
            Err(error) => {
                let refusal = Refusal::of(OPERATION, error);
                match kms.explain(refusal, OPERATION, key).await {
                    // No repetition of ours: it is the next step that has to wait for the one before.
                    KmsError::KeyNotReady { .. } if looks < LOOKS => looks += 1,
                    error => return Err(error),
                }
            }
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    };
    let missing = || KmsError::answer_invalid(OPERATION, "AWS gave no parameters for the import");
    let wrapping_key = answer.public_key.ok_or_else(missing)?;
    let token = answer.import_token.ok_or_else(missing)?;
    Ok((wrapping_key.into_inner(), token))
}

/// Has a key deleted that did not get its material, and says what became of it. Material that arrived although no answer came
/// goes with it.
async fn give_up(kms: &AwsKms, key: KmsKeyId, error: KmsError) -> KmsError {
    let request = kms.client.schedule_key_deletion().key_id(key.as_str());
    match request.pending_window_in_days(DELETION_DAYS).send().await {
        Ok(_scheduled) => error,
        Err(_stays) => KmsError::ImportInterrupted {
            id: key,
            source: error.into(),
        },
    }
}
