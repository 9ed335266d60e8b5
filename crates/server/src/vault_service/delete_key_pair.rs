//! `DeleteKeyPair`.

use std::sync::Arc;

use strongroom_vault::{Vault, VaultError};

use super::names::fingerprint;
use crate::{
    access::Operation,
    context::{Checked, Context},
    contract::vault::{DeleteKeyPairRequest, DeleteKeyPairResponse},
    failure::{Failure, in_words},
};

pub(super) async fn delete_key_pair(
    vault: Arc<Vault>,
    context: Context,
    message: DeleteKeyPairRequest,
) -> Result<Checked<DeleteKeyPairResponse>, Failure> {
    let wanted = fingerprint(&message.fingerprint, "Failed to parse key fingerprint")?;
    if vault.key(&wanted).is_err() {
        // It may only be unknown here. That it is gone is said by the process that writes, as it would be of a key that is here.
        vault.check_writes().await.map_err(not_removed)?;
    }
    let entry = vault.key(&wanted).ok();
    let is_there = entry.is_some();
    if let Some(entry) = entry {
        context.check_key(Operation::KeysDelete, &entry)?;
    }
    let work = async move {
        if is_there {
            match vault.delete_key(&context.caller(), &wanted).await {
                // Somebody else was faster: it is gone, as was asked for.
                Ok(()) | Err(VaultError::KeyNotFound { .. }) => {}
                Err(error) => return Err(not_removed(error)),
            }
        }
        Ok(DeleteKeyPairResponse {})
    };
    Ok(Checked::of(work).if_it_changes(is_there))
}

fn not_removed(error: VaultError) -> Failure {
    Failure::plain_precondition(format!(
        "Failed to remove private key: {}",
        in_words(&error)
    ))
}
