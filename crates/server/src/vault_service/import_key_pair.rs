//! `ImportKeyPair`.

use std::sync::Arc;

use strongroom_memory::SecretBytes;
use strongroom_proto::{KeyPair, ProtoError, decode_encrypted_key_pair, decode_key_pair};
use strongroom_vault::{ImportedKey, Vault, VaultError};

use super::names::key_name;
use crate::{
    concurrency::ConcurrencyLimit,
    context::Context,
    contract::vault::{ImportKeyPairRequest, ImportKeyPairResponse},
    failure::{CantonCategory, Failure, codes, in_words},
};

pub(super) async fn import_key_pair(
    vault: Arc<Vault>,
    context: Context,
    message: ImportKeyPairRequest,
    passwords: ConcurrencyLimit,
) -> Result<ImportKeyPairResponse, Failure> {
    let name = key_name(&message.name)?;
    let shown = message.name.clone();
    let permit = if message.password.is_empty() {
        None
    } else {
        Some(passwords.acquire(&context.subject).await?)
    };
    // A password takes long on purpose: the async threads are left alone.
    let reading = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        read(&message)
    });
    let read = reading
        .await
        .map_err(|panic| Failure::own(codes::SERVER_BUG, panic.to_string()))?;
    let KeyPair {
        private, public, ..
    } = read?;
    let import = ImportedKey {
        private,
        public,
        name,
    };
    let imported = vault.import_key(&context.caller(), import).await;
    let imported = imported.map_err(refused)?;
    tracing::info!(
        fingerprint = %imported.fingerprint(),
        name = shown,
        "imported a key pair"
    );
    Ok(ImportKeyPairResponse {})
}

fn read(message: &ImportKeyPairRequest) -> Result<KeyPair, Failure> {
    let protected = !message.password.is_empty();
    let read = if protected {
        let password = SecretBytes::from_slice(message.password.as_bytes());
        decode_encrypted_key_pair(&message.key_pair, &password)
    } else {
        decode_key_pair(&message.key_pair)
    };
    read.map_err(|error| refused_reading(error, protected))
}

fn refused_reading(error: ProtoError, protected: bool) -> Failure {
    if let ProtoError::NotAKeyPair { source } = &error
        && let Some(id) = no_key(source)
    {
        let category = CantonCategory::InvalidGivenCurrentSystemStateOther;
        return Failure::coded(id, category, in_words(source));
    }
    match error {
        ProtoError::PasswordOpening { .. } | ProtoError::NotAKeyPair { .. } if protected => {
            Failure::plain_precondition(format!(
                "Failed to decrypt encrypted keypair with password: {}",
                in_words(&error)
            ))
        }
        other => other.into(),
    }
}

/// Canton's id for a pair that can be read, whose private bytes are no key: it makes the public half of them, and fails.
fn no_key(error: &ProtoError) -> Option<&'static str> {
    match error {
        ProtoError::InvalidKey { message, .. } => match *message {
            "SigningPrivateKey" => Some("SIGNING_KEY_CREATION_ERROR"),
            "EncryptionPrivateKey" => Some("ENCRYPTION_KEY_CREATION_ERROR"),
            _ => None,
        },
        _ => None,
    }
}

fn refused(error: VaultError) -> Failure {
    match &error {
        VaultError::KeyExists { .. } => Failure::coded(
            "CRYPTO_PRIVATE_STORE_ERROR",
            CantonCategory::InvalidGivenCurrentSystemStateOther,
            in_words(&error),
        ),
        VaultError::CustodyUnsupported { .. } => Failure::plain_precondition(
            "The selected crypto provider does not support importing of private keys.",
        ),
        _ => error.into(),
    }
}
