//! `ExportKeyPair`.

use std::sync::Arc;

use strongroom_memory::SecretBytes;
use strongroom_vault::{ExportForm, Vault, VaultError};
use zeroize::Zeroizing;

use super::names::fingerprint;
use crate::{
    access::Operation,
    concurrency::ConcurrencyLimit,
    context::{Checked, Context},
    contract::vault::{ExportKeyPairRequest, ExportKeyPairResponse},
    exporting,
    failure::Failure,
};

/// The versions of Canton's protocol in which keys are written as they are here.
const PROTOCOL_VERSIONS: [i32; 3] = [34, 35, 36];

pub(super) async fn export_key_pair(
    vault: Arc<Vault>,
    context: Context,
    mut message: ExportKeyPairRequest,
    enabled: bool,
    passwords: ConcurrencyLimit,
) -> Result<Checked<ExportKeyPairResponse>, Failure> {
    let password = Zeroizing::new(std::mem::take(&mut message.password));
    if !enabled {
        return Err(Failure::plain_precondition(
            "Remote export of private keys only allowed when preview is enabled",
        ));
    }
    let wanted = fingerprint(&message.fingerprint, "Failed to deserialize fingerprint")?;
    if !PROTOCOL_VERSIONS.contains(&message.protocol_version) {
        let version = message.protocol_version;
        return Err(Failure::unreadable(format!(
            "Protocol version failure: {version} is none of 34, 35 and 36"
        )));
    }
    let entry = vault.key(&wanted).map_err(refused)?;
    context.check_key(Operation::KeysExport, &entry)?;
    let form = if password.is_empty() {
        ExportForm::KeyPair
    } else {
        ExportForm::EncryptedKeyPair(SecretBytes::from_slice(password.as_bytes()))
    };
    Ok(Checked::of(async move {
        let exported = exporting::export_key(vault, &context, wanted, form, &passwords).await?;
        let exported = exported.map_err(refused)?;
        Ok(ExportKeyPairResponse {
            // EXPOSE: the answer, which is wiped when it was sent.
            key_pair: exported.expose().to_vec(),
        })
    }))
}

fn refused(error: VaultError) -> Failure {
    match error {
        VaultError::KeyNotFound { fingerprint } | VaultError::NoPrivateKey { fingerprint } => {
            Failure::plain_precondition(format!(
                "Error retrieving private key [{fingerprint}] no private key found for [{fingerprint}]"
            ))
        }
        VaultError::HeldByKms { .. } => Failure::plain_precondition(
            "The selected crypto provider does not support exporting of private keys.",
        ),
        other => other.into(),
    }
}
