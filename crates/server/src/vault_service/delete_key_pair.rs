//! `DeleteKeyPair`.

use std::sync::Arc;

use strongroom_vault::{Vault, VaultError};

use super::names::fingerprint;
use crate::{
    access::Operation,
    context::Context,
    contract::vault::{DeleteKeyPairRequest, DeleteKeyPairResponse},
    failure::{Failure, in_words},
};

pub(super) async fn delete_key_pair(
    vault: Arc<Vault>,
    context: Context,
    message: DeleteKeyPairRequest,
) -> Result<DeleteKeyPairResponse, Failure> {
    let wanted = fingerprint(&message.fingerprint, "Failed to parse key fingerprint")?;
    if vault.key(&wanted).is_err() {
        // It may only be unknown here. That it is gone is said by the process that writes, as it would be of a key that is here.
        vault.check_writes().await.map_err(not_removed)?;
    }
    let Ok(entry) = vault.key(&wanted) else {
        return Ok(DeleteKeyPairResponse {});
    };
    context.check_key(Operation::KeysDelete, &entry)?;
    match vault.delete_key(&context.caller(), &wanted).await {
        // Somebody else was faster: it is gone, as was asked for.
        Ok(()) | Err(VaultError::KeyNotFound { .. }) => Ok(DeleteKeyPairResponse {}),
        Err(error) => Err(not_removed(error)),
    }
}

fn not_removed(error: VaultError) -> Failure {
    Failure::plain_precondition(format!(
        "Failed to remove private key: {}",
        in_words(&error)
    ))
}
