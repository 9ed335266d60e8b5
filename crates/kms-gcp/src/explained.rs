//! What a refusal means, where the codes of Google leave it open.
//!
//! `INVALID_ARGUMENT` is said of a key of another kind and of a ciphertext that does not open, `FAILED_PRECONDITION` of every
//! state that forbids use. The words beside them are for people and may change, so the key itself is looked at.

use strongroom_kms::{KeyKind, KeyState, KmsError, KmsKeyId, KmsOperation};

use crate::{
    error::GcpKmsError,
    names::Name,
    provider::{GcpKms, state},
    refusal::Refusal,
    specs,
};

/// What Google knows of the key that a call was about.
struct Known {
    /// None: a kind that nothing here uses.
    kind: Option<KeyKind>,
    state: Result<KeyState, KmsError>,
}

impl GcpKms {
    /// The error about `key`. Asks what it is for and what its state is if that may be what forbids the call.
    pub(crate) async fn explain(
        &self,
        refusal: Refusal,
        operation: KmsOperation,
        key: &KmsKeyId,
        name: &Name,
    ) -> KmsError {
        if !matches!(refusal, Refusal::Argument(_) | Refusal::State(_)) {
            return refusal.about(operation, key);
        }
        let known = match self.look_at(operation, key, name).await {
            Ok(known) => known,
            // Who may not look at the key hears what Google said.
            Err(KmsError::Denied { .. }) => return refusal.about(operation, key),
            Err(error) => return error,
        };
        let id = key.clone();
        if !is_made_for(operation, known.kind) {
            return KmsError::WrongPurpose { id, operation };
        }
        match (refusal, known.state) {
            (Refusal::State(_), Ok(KeyState::Disabled)) => KmsError::KeyDisabled { id },
            (Refusal::State(_), Ok(KeyState::PendingDeletion)) => {
                KmsError::KeyPendingDeletion { id }
            }
            (Refusal::State(_), Ok(KeyState::Enabled)) if operation == KmsOperation::UnwrapKey => {
                GcpKmsError::OlderVersionUnusable { id }.into()
            }
            // Usable again since, or soon.
            (Refusal::State(_), Ok(_)) => KmsError::KeyNotReady { id },
            (Refusal::State(_), Err(error)) => error,
            (refusal, _) => refusal.about(operation, key),
        }
    }

    async fn look_at(
        &self,
        operation: KmsOperation,
        key: &KmsKeyId,
        name: &Name,
    ) -> Result<Known, KmsError> {
        if let Some(version) = name.version() {
            let found = self.describe_version(operation, key, version).await?;
            return Ok(Known {
                kind: specs::known(&found.algorithm),
                state: state(key, &found.state),
            });
        }
        let found = self.describe(operation, key, name.crypto_key()).await?;
        let template = found.version_template.as_ref();
        Ok(Known {
            kind: template.and_then(|template| specs::known(&template.algorithm)),
            state: match &found.primary {
                Some(primary) => state(key, &primary.state),
                // Nothing encrypts.
                None => Ok(KeyState::Disabled),
            },
        })
    }
}

fn is_made_for(operation: KmsOperation, kind: Option<KeyKind>) -> bool {
    match operation {
        KmsOperation::WrapKey | KmsOperation::UnwrapKey | KmsOperation::RewrapKey => {
            kind == Some(KeyKind::Wrapper)
        }
        KmsOperation::Sign => matches!(kind, Some(KeyKind::Signing(_))),
        KmsOperation::Decrypt => matches!(kind, Some(KeyKind::Encryption(_))),
        _ => true,
    }
}
