//! Wraps: one more, one less, each tried, and data keys that nothing needs any more.

use std::sync::Arc;

use strongroom_crypto::Timestamp;
use strongroom_vault::{ProviderLoss, Vault, WrapStatus, WrapperKeyState, WrapperKeyStatus};

use super::fields::{kms_key_id, wrapper_key, wrapper_keys};
use crate::{
    concurrency::ConcurrencyLimit,
    context::{Checked, Context},
    contract::strongroom::{
        AddWrapRequest, AddWrapResponse, CheckWrapsRequest, CheckWrapsResponse,
        PruneDataKeysRequest, PruneDataKeysResponse, RemoveWrapRequest, RemoveWrapResponse,
        check_wraps_response::{Loss, State, Tried},
    },
    failure::Failure,
};

pub(super) async fn add(
    vault: Arc<Vault>,
    context: Context,
    message: AddWrapRequest,
) -> Result<AddWrapResponse, Failure> {
    if message.kms.is_empty() {
        return Err(Failure::not_set("kms"));
    }
    let wrapper_key = kms_key_id(message.wrapper_key_id)?;
    let caller = context.caller();
    let added = vault.add_wrap(&caller, &message.kms, wrapper_key).await?;
    Ok(AddWrapResponse {
        wrapper_key_id: added.as_str().to_owned(),
    })
}

pub(super) async fn remove(
    vault: Arc<Vault>,
    context: Context,
    message: RemoveWrapRequest,
) -> Result<RemoveWrapResponse, Failure> {
    let (kms, id) = (&message.kms, &message.wrapper_key_id);
    vault.remove_wrap(&context.caller(), kms, id).await?;
    Ok(RemoveWrapResponse {})
}

pub(super) async fn prune(
    vault: Arc<Vault>,
    context: Context,
    message: PruneDataKeysRequest,
) -> Result<Checked<PruneDataKeysResponse>, Failure> {
    vault.check_writes().await?;
    let (retired, even) = (vault.retired_data_keys(), message.even_if_backups_need_them);
    if !even {
        vault.check_unneeded(&retired)?;
    }
    let these = retired.clone();
    let work = async move {
        let caller = context.caller();
        vault.prune_exactly(&caller, &these, even).await?;
        Ok(PruneDataKeysResponse {
            data_key_ids: these.iter().map(ToString::to_string).collect(),
        })
    };
    Ok(Checked::of(work).about(&retired))
}

pub(super) async fn check(
    vault: Arc<Vault>,
    context: Context,
    _message: CheckWrapsRequest,
    limit: ConcurrencyLimit,
) -> Result<CheckWrapsResponse, Failure> {
    let _permit = limit.acquire(&context.subject).await?;
    let checked = vault.check_wraps().await;
    let keys = vault.check_wrapper_keys().await;
    Ok(CheckWrapsResponse {
        wraps: checked.wraps.into_iter().map(tried).collect(),
        wrapper_keys: keys.into_iter().map(state).collect(),
        losses: checked.losses.into_iter().map(loss).collect(),
        alone: checked.alone,
    })
}

fn tried(wrap: WrapStatus) -> Tried {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Tried {
        wrapper_key: Some(wrapper_key((wrap.kms, wrap.wrapper_key_id))),
        data_key_id: wrap.data_key_id.to_string(),
        code: wrap.failure.unwrap_or_default().to_owned(),
        reason: wrap.reason.unwrap_or_default(),
        offline: wrap.offline,
        latency: wrap.latency.map(micros),
    }
}

fn state(key: WrapperKeyStatus) -> State {
    let name = key.state.name();
    let (code, reason, known_since) = match key.state {
        WrapperKeyState::Unusable { code, since, .. } => (code, String::new(), Some(since)),
        WrapperKeyState::NotKnown { code, reason, .. } => (code, reason, None),
        _ => ("", String::new(), None),
    };
    State {
        wrapper_key: Some(wrapper_key((key.kms, key.wrapper_key_id))),
        state: name.to_owned(),
        code: code.to_owned(),
        reason,
        known_since: known_since.map(Timestamp::as_micros),
    }
}

fn loss(loss: ProviderLoss) -> Loss {
    Loss {
        kms: loss.kms,
        vault_lost: loss.vault_lost,
        remaining: wrapper_keys(loss.remaining),
        offline: wrapper_keys(loss.offline),
        keys_lost: loss.keys_lost.iter().map(ToString::to_string).collect(),
    }
}
