//! `ListMyKeys` and `ListPublicKeys`.

use std::sync::Arc;

use strongroom_proto::{NamedPublicKey, v30};
use strongroom_vault::{KeyEntry, KeyFilter, Vault, VaultError};

use super::filters;
use crate::{
    access::Operation,
    context::Context,
    contract::vault::{
        ListMyKeysRequest, ListMyKeysResponse, ListPublicKeysRequest, ListPublicKeysResponse,
        PrivateKeyMetadata, private_key_metadata::PublicKeyWithName,
    },
    failure::Failure,
};

pub(super) async fn my_keys(
    vault: Arc<Vault>,
    context: Context,
    message: ListMyKeysRequest,
) -> Result<ListMyKeysResponse, Failure> {
    let filter = filters::read(message.filters, message.base_request, false)?;
    let keys = list(&vault, &context, &filter)?;
    Ok(ListMyKeysResponse {
        private_keys_metadata: keys.iter().map(|key| metadata(key)).collect(),
    })
}

pub(super) async fn public_keys(
    vault: Arc<Vault>,
    context: Context,
    message: ListPublicKeysRequest,
) -> Result<ListPublicKeysResponse, Failure> {
    let filter = filters::read(message.filters, message.base_request, true)?;
    let keys = list(&vault, &context, &filter)?;
    Ok(ListPublicKeysResponse {
        public_keys_v30: keys.iter().map(|key| named(key)).collect(),
    })
}

/// The keys that pass the filter, and that the caller may see.
fn list(
    vault: &Vault,
    context: &Context,
    filter: &KeyFilter,
) -> Result<Vec<Arc<KeyEntry>>, Failure> {
    let mut keys = vault.list(filter).map_err(|error| match error {
        VaultError::UsageOfEncryptionKeys => {
            Failure::unreadable("Cannot specify a usage when listing encryption keys")
        }
        other => other.into(),
    })?;
    keys.retain(|key| context.subject.may_with(Operation::KeysList, key));
    Ok(keys)
}

fn metadata(key: &KeyEntry) -> PrivateKeyMetadata {
    let half = key.private.as_ref();
    let held = half.and_then(|half| half.external.as_ref());
    let sealed_by = half.and_then(|half| half.wrapper_key_id.as_ref());
    PrivateKeyMetadata {
        public_key_with_name: Some(PublicKeyWithName::V30(named(key))),
        // Never both: a key that a KMS holds is sealed by nothing.
        wrapper_key_id: sealed_by
            .filter(|_| held.is_none())
            .map(|id| id.to_string()),
        kms_key_id: held.map(|held| held.key_id.clone()),
    }
}

fn named(key: &KeyEntry) -> v30::PublicKeyWithName {
    (&NamedPublicKey {
        key: key.public.clone(),
        name: key.name.clone(),
    })
        .into()
}
