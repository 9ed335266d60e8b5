//! `ListKeyOwners`.

use std::sync::Arc;

use strongroom_topology::{Mapping, OwnerToKeyMapping, PhysicalSynchronizerId, StoreId};
use strongroom_vault::Vault;

use super::stores;
use crate::{
    client_release::ClientRelease,
    context::Context,
    contract::topology::{
        ListKeyOwnersRequest, ListKeyOwnersResponse, list_key_owners_response::Result as Owner,
    },
    failure::Failure,
    topology::filters::{member_code, uid},
};

pub(super) async fn list_key_owners(
    vault: Arc<Vault>,
    _context: Context,
    message: ListKeyOwnersRequest,
) -> Result<ListKeyOwnersResponse, Failure> {
    if let Some(base) = &message.base_aggregation_request {
        let _release: ClientRelease = base.client_version.parse()?;
    }
    let at = stores::at(&vault, "ListKeyOwnersRequest", message.as_of.as_ref())?;
    let limit = stores::limit(message.limit)?;
    let code = member_code(&message.filter_key_owner_type)?;
    let wants = |mapping: &OwnerToKeyMapping| {
        let member = mapping.member();
        code.is_none_or(|code| code == member.code)
            && uid(&message.filter_key_owner_uid, &member.uid)
    };
    let mut results = Vec::new();
    for synchronizer in stores::wanted(&vault, &message.synchronizer_ids).await? {
        let store = vault
            .topology(&StoreId::Synchronizer(synchronizer.clone()))
            .await?;
        let statements = store.in_force(at).filter_map(|row| row.stated());
        results.extend(statements.filter_map(|mapping| match mapping {
            Mapping::OwnerToKeyMapping(mapping) if wants(mapping) => {
                Some(owner(&synchronizer, mapping, limit))
            }
            _ => None,
        }));
    }
    Ok(ListKeyOwnersResponse { results })
}

/// The limit is one for the keys of each owner.
fn owner(
    synchronizer: &PhysicalSynchronizerId,
    mapping: &OwnerToKeyMapping,
    limit: usize,
) -> Owner {
    Owner {
        synchronizer_id: synchronizer.synchronizer.to_string(),
        key_owner: mapping.member().to_string(),
        signing_keys_v30: mapping.signing_keys().take(limit).map(Into::into).collect(),
        encryption_keys: mapping
            .encryption_keys()
            .take(limit)
            .map(Into::into)
            .collect(),
        physical_synchronizer_id: synchronizer.to_string(),
    }
}
