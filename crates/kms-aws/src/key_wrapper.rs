//! AWS KMS as a holder of wrapper keys.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_kms::{
    primitives::{Blob, DateTime},
    types::{KeySpec as AwsSpec, KeyUsageType},
};
use strongroom_crypto::Timestamp;
use strongroom_kms::{
    KeyState, KeyWrapper, KmsError, KmsKeyId, KmsOperation, MAX_CIPHERTEXT_BYTES,
    MAX_PLAINTEXT_BYTES, WrapContext, WrappedKey, WrapperKeyRequest, check_size,
};
use strongroom_memory::SecretBytes;

use crate::{
    provider::{AwsKms, state},
    refusal::Refusal,
};

#[async_trait]
impl KeyWrapper for AwsKms {
    async fn generate_wrapper_key(
        &self,
        request: &WrapperKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let kind = (AwsSpec::SymmetricDefault, KeyUsageType::EncryptDecrypt);
        let (label, tags) = (request.label.as_ref(), &request.tags);
        let operation = KmsOperation::GenerateWrapperKey;
        self.create_key(operation, kind, label, tags, |create| {
            create.multi_region(self.multi_region || request.multi_region)
        })
        .await
    }

    async fn wrapper_key_state(&self, wrapper_key: &KmsKeyId) -> Result<KeyState, KmsError> {
        let operation = KmsOperation::WrapperKeyState;
        let known = self.describe(operation, wrapper_key).await?;
        if known.key_spec != Some(AwsSpec::SymmetricDefault) {
            return Err(Refusal::WrongUsage.about(operation, wrapper_key));
        }
        state(&known)
    }

    async fn wrap_key(
        &self,
        wrapper_key: &KmsKeyId,
        context: &WrapContext,
        key: &SecretBytes,
    ) -> Result<WrappedKey, KmsError> {
        let operation = KmsOperation::WrapKey;
        check_size(operation, key.len(), MAX_PLAINTEXT_BYTES)?;
        // EXPOSE: the plaintext travels to the KMS, inside TLS; the client has no type that wipes it.
        let plaintext = Blob::new(key.expose());
        let request = self.client.encrypt().key_id(wrapper_key.as_str());
        let request = request.set_encryption_context(pairs(context));
        match request.plaintext(plaintext).send().await {
            Ok(answer) => wrapped(operation, wrapper_key, answer.ciphertext_blob),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                Err(self.explain(refusal, operation, wrapper_key).await)
            }
        }
    }

    async fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &WrapContext,
    ) -> Result<SecretBytes, KmsError> {
        let operation = KmsOperation::UnwrapKey;
        check_size(operation, wrapped.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        // The ciphertext names a key by itself; the one that we mean must be it.
        let request = self
            .client
            .decrypt()
            .key_id(wrapped.wrapper_key_id.as_str());
        let request = request.set_encryption_context(pairs(context));
        let ciphertext = Blob::new(wrapped.ciphertext.as_slice());
        match request.ciphertext_blob(ciphertext).send().await {
            Ok(answer) => answer
                .plaintext
                .map(|plaintext| SecretBytes::take(plaintext.into_inner()))
                .ok_or_else(|| {
                    KmsError::answer_invalid(operation, "AWS decrypted and gave no plaintext")
                }),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                let key = &wrapped.wrapper_key_id;
                Err(self.explain(refusal, operation, key).await)
            }
        }
    }

    async fn rewrap_key(
        &self,
        old: &WrappedKey,
        context: &WrapContext,
        new_wrapper_key: &KmsKeyId,
    ) -> Result<WrappedKey, KmsError> {
        let operation = KmsOperation::RewrapKey;
        check_size(operation, old.ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let request = self.client.re_encrypt();
        let request = request
            .source_key_id(old.wrapper_key_id.as_str())
            .set_source_encryption_context(pairs(context))
            .ciphertext_blob(Blob::new(old.ciphertext.as_slice()))
            .destination_key_id(new_wrapper_key.as_str())
            .set_destination_encryption_context(pairs(context));
        match request.send().await {
            Ok(answer) => wrapped(operation, new_wrapper_key, answer.ciphertext_blob),
            Err(error) => {
                let refusal = Refusal::of(operation, error);
                let key = self.at_fault(&refusal, old, new_wrapper_key).await;
                Err(self.explain(refusal, operation, key).await)
            }
        }
    }

    async fn rotated_at(&self, wrapper_key: &KmsKeyId) -> Result<Option<Timestamp>, KmsError> {
        let operation = KmsOperation::WrapperKeyState;
        let mut newest = None;
        let mut marker = None;
        // AWS tells the oldest first, in pages of this many: a key that rotates monthly has one page in a lifetime.
        for _page in 0..MOST_PAGES {
            let request = self.client.list_key_rotations();
            let request = request.key_id(wrapper_key.as_str()).limit(1000);
            let answer = request.set_marker(marker).send().await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    let refusal = Refusal::of(operation, error);
                    return Err(self.explain(refusal, operation, wrapper_key).await);
                }
            };
            let dates = answer.rotations().iter();
            let dates = dates.filter_map(|rotation| rotation.rotation_date.as_ref());
            newest = newest.max(dates.map(moment).max());
            marker = answer.next_marker;
            if marker.is_none() {
                break;
            }
        }
        Ok(newest)
    }
}

/// Pages of rotations that are read: more than there are.
const MOST_PAGES: usize = 8;

fn moment(at: &DateTime) -> Timestamp {
    let micros = at.as_nanos() / 1000;
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

impl AwsKms {
    /// Which of two keys a refusal is about: AWS does not say. The ciphertext is the old one's in any case.
    async fn at_fault<'k>(
        &self,
        refusal: &Refusal,
        old: &'k WrappedKey,
        new_wrapper_key: &'k KmsKeyId,
    ) -> &'k KmsKeyId {
        if matches!(refusal, Refusal::Ciphertext | Refusal::Other(_)) {
            return &old.wrapper_key_id;
        }
        match self.wrapper_key_state(new_wrapper_key).await {
            Ok(state) if state.is_usable() => &old.wrapper_key_id,
            _ => new_wrapper_key,
        }
    }
}

fn pairs(context: &WrapContext) -> Option<HashMap<String, String>> {
    let pairs = context.pairs();
    Some(
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

fn wrapped(
    operation: KmsOperation,
    wrapper_key: &KmsKeyId,
    ciphertext: Option<Blob>,
) -> Result<WrappedKey, KmsError> {
    let ciphertext = ciphertext
        .filter(|ciphertext| (1..=MAX_CIPHERTEXT_BYTES).contains(&ciphertext.as_ref().len()))
        .ok_or_else(|| {
            KmsError::answer_invalid(operation, "AWS gave no ciphertext, or one that is too long")
        })?;
    Ok(WrappedKey {
        wrapper_key_id: wrapper_key.clone(),
        ciphertext: ciphertext.into_inner(),
    })
}
