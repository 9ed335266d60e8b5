//! Bringing a private key into Google Cloud KMS.

use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_kms_v1::model::{
    CryptoKeyVersion, crypto_key_version::CryptoKeyVersionAlgorithm as Algorithm,
    crypto_key_version::CryptoKeyVersionState as State,
};
use strongroom_crypto::{KeySpec, OaepHash, PrivateKey, WrappingKey};
use strongroom_kms::{
    ExternalKeyRequest, KmsError, KmsKeyId, KmsOperation, KmsProvider as _, importable,
};
use strongroom_memory::SecretBytes;

use crate::{
    checksums,
    provider::{GcpKms, Material},
    refusal::Refusal,
    specs,
};

mod job;

use job::{BETWEEN_LOOKS, Job, LOOKS};

const OPERATION: KmsOperation = KmsOperation::ImportKey;

pub(crate) async fn import_key(
    kms: &GcpKms,
    spec: KeySpec,
    pkcs8: &SecretBytes,
    request: &ExternalKeyRequest,
) -> Result<KmsKeyId, KmsError> {
    let private = importable(kms.capabilities(), spec, pkcs8)?;
    let unsupported = || KmsError::ImportUnsupported {
        provider: kms.capabilities().provider.clone(),
        spec,
    };
    let (kind, algorithm) = specs::kind_of(spec).ok_or_else(unsupported)?;
    // First what leaves no key behind.
    let job = job::active(kms).await?;
    let wrapped = wrap(kms, &job, &private)?;
    let (label, tags) = (request.label.as_ref(), &request.tags);
    let kind = (kind, algorithm.clone());
    let made = kms.create_key_whose(Material::Imported, OPERATION, kind, label, tags);
    let key = KmsKeyId::try_new(made.await?.name)?;
    match fill(kms, &key, algorithm, &job, wrapped).await {
        Ok(version) => Ok(KmsKeyId::try_new(version.name)?),
        Err(error) => Err(give_up(kms, key, error).await),
    }
}

fn wrap(kms: &GcpKms, job: &Job, private: &PrivateKey) -> Result<Vec<u8>, KmsError> {
    let key = WrappingKey::detect(job.pem.as_bytes());
    let key = key.map_err(|error| KmsError::answer_invalid(OPERATION, error))?;
    let wrapped = key.wrap(private, OaepHash::Sha256, &*kms.random);
    wrapped.map_err(|error| KmsError::InvalidPrivateKey {
        source: error.into(),
    })
}

/// Gives a key its only version, and waits until that is enabled.
async fn fill(
    kms: &GcpKms,
    key: &KmsKeyId,
    algorithm: Algorithm,
    job: &Job,
    wrapped: Vec<u8>,
) -> Result<CryptoKeyVersion, KmsError> {
    let request = kms.client.import_crypto_key_version();
    let request = request
        .set_parent(key.as_str())
        .set_algorithm(algorithm)
        .set_import_job(&job.name)
        .set_wrapped_key(wrapped);
    let mut version = match request.send().await {
        Ok(version) => version,
        Err(error) => return Err(Refusal::of(OPERATION, &error).about(OPERATION, key)),
    };
    checksums::check_name(OPERATION, key.as_str(), &version.name)?;
    for _look in 0..LOOKS {
        match version.state {
            State::Enabled => return Ok(version),
            State::PendingImport => {}
            State::ImportFailed => {
                return Err(KmsError::InvalidPrivateKey {
                    source: format!(
                        "Google could not import it: {}",
                        version.import_failure_reason
                    )
                    .into(),
                });
            }
            other => {
                let source = format!("an imported version is in the state {other:?}");
                return Err(KmsError::answer_invalid(OPERATION, source));
            }
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let name = version.name;
        version = kms.describe_version(OPERATION, key, &name).await?;
    }
    Err(KmsError::TimedOut {
        operation: OPERATION,
    })
}

/// Has what arrived destroyed, although no answer came, and says what became of it. A key without versions stays for ever, as
/// Google has it; it costs nothing and can do nothing.
async fn give_up(kms: &GcpKms, key: KmsKeyId, error: KmsError) -> KmsError {
    match destroy_versions(kms, &key).await {
        Ok(()) => error,
        Err(_stays) => KmsError::ImportInterrupted {
            id: key,
            source: error.into(),
        },
    }
}

async fn destroy_versions(kms: &GcpKms, key: &KmsKeyId) -> Result<(), KmsError> {
    let request = kms.client.list_crypto_key_versions();
    let mut listed = request.set_parent(key.as_str()).by_item();
    while let Some(version) = listed.next().await {
        let about = |refusal: Refusal| refusal.about(OPERATION, key);
        let version = version.map_err(|error| about(Refusal::of(OPERATION, &error)))?;
        // There is nothing in it.
        if version.state == State::ImportFailed {
            continue;
        }
        let request = kms.client.destroy_crypto_key_version();
        let destroyed = request.set_name(version.name).send().await;
        destroyed.map_err(|error| about(Refusal::of(OPERATION, &error)))?;
    }
    Ok(())
}
