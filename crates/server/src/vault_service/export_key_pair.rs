//! `ExportKeyPair`.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_kms::in_trace;
use strongroom_memory::SecretBytes;
use strongroom_vault::{ExportForm, Vault, VaultError};
use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::names::fingerprint;
use crate::{
    access::Operation,
    bounds::Bound,
    context::Context,
    contract::vault::{ExportKeyPairRequest, ExportKeyPairResponse},
    failure::{Failure, codes},
};

/// The versions of Canton's protocol in which keys are written as they are here.
const PROTOCOL_VERSIONS: [i32; 3] = [34, 35, 36];

pub(super) async fn export_key_pair(
    vault: Arc<Vault>,
    context: Context,
    mut message: ExportKeyPairRequest,
    enabled: bool,
    passwords: Bound,
) -> Result<ExportKeyPairResponse, Failure> {
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
    let exported = if password.is_empty() {
        let form = ExportForm::KeyPair;
        vault.export_key(&context.caller(), &wanted, &form).await
    } else {
        let _place = passwords.enter().await?;
        let password = SecretBytes::from_slice(password.as_bytes());
        under_password(vault, &context, wanted, password).await?
    };
    let exported = exported.map_err(refused)?;
    Ok(ExportKeyPairResponse {
        // EXPOSE: the answer, which is wiped when it was sent.
        key_pair: exported.expose().to_vec(),
    })
}

/// A password takes long on purpose: the async threads are left alone.
async fn under_password(
    vault: Arc<Vault>,
    context: &Context,
    wanted: Fingerprint,
    password: SecretBytes,
) -> Result<Result<SecretBytes, VaultError>, Failure> {
    let (caller, trace) = (context.caller(), context.trace.clone());
    let runtime = Handle::current();
    let exporting = tokio::task::spawn_blocking(move || {
        let form = ExportForm::EncryptedKeyPair(password);
        let exporting = vault.export_key(&caller, &wanted, &form);
        runtime.block_on(in_trace(trace.id(), exporting))
    });
    let exported = exporting.await;
    exported.map_err(|panic| Failure::own(codes::SERVER_BUG, panic.to_string()))
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
