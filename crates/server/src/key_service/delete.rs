//! `DeleteKey`.

use std::sync::Arc;

use strongroom_crypto::Timestamp;
use strongroom_vault::Vault;

use super::read;
use crate::{
    access::Operation,
    context::{Checked, Context},
    contract::strongroom::{DeleteKeyRequest, DeleteKeyResponse},
    failure::Failure,
};

pub(super) async fn delete(
    vault: Arc<Vault>,
    context: Context,
    message: DeleteKeyRequest,
) -> Result<Checked<DeleteKeyResponse>, Failure> {
    let wanted = read::fingerprint(&message.fingerprint)?;
    context.check_key(Operation::KeysDelete, &*vault.key(&wanted)?)?;
    if message.keep_in_kms && message.even_if_announced {
        return Err(Failure::unreadable(
            "Fields `keep_in_kms` and `even_if_announced` exclude each other",
        ));
    }
    Ok(Checked::of(async move {
        let caller = context.caller();
        let mut announced = None;
        if message.keep_in_kms {
            vault.release_key(&caller, &wanted).await?;
        } else if message.even_if_announced {
            announced = vault.announced_keys().await?.remove(&wanted);
            vault.danger_delete_announced_key(&caller, &wanted).await?;
        } else {
            vault.delete_key(&caller, &wanted).await?;
        }
        let due = vault.destroyed_at(&wanted);
        Ok(DeleteKeyResponse {
            announced: announced.unwrap_or_default(),
            destroyed_at: due.map_or(0, Timestamp::as_micros),
        })
    }))
}
