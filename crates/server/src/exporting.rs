//! Private keys that leave: a password takes long on purpose.

use std::sync::Arc;

use strongroom_crypto::Fingerprint;
use strongroom_kms::in_trace;
use strongroom_memory::SecretBytes;
use strongroom_vault::{ExportForm, Vault, VaultError};
use tokio::runtime::Handle;
use tracing::{Instrument as _, Span};

use crate::{
    concurrency::ConcurrencyLimit,
    context::Context,
    failure::{Failure, codes},
};

/// Exports a private key, what the vault says of it inside. Under a password it leaves the async threads alone, and waits for a
/// place among `passwords`.
pub(crate) async fn export_key(
    vault: Arc<Vault>,
    context: &Context,
    wanted: Fingerprint,
    form: ExportForm,
    passwords: &ConcurrencyLimit,
) -> Result<Result<SecretBytes, VaultError>, Failure> {
    let caller = context.caller();
    if !matches!(form, ExportForm::EncryptedKeyPair(_)) {
        return Ok(vault.export_key(&caller, &wanted, &form).await);
    }
    let permit = passwords.acquire(&context.subject).await?;
    let (trace, span, runtime) = (
        context.call.trace.clone(),
        Span::current(),
        Handle::current(),
    );
    let exporting = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let exporting = vault.export_key(&caller, &wanted, &form);
        runtime.block_on(in_trace(trace.id(), exporting).instrument(span))
    });
    let exported = exporting.await;
    exported.map_err(|panic| Failure::own(codes::SERVER_BUG, panic.to_string()))
}
