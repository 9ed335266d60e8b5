//! Which store a request means.

use strongroom_topology::{PhysicalSynchronizerId, StoreId, SynchronizerId, TemporaryName};
use strongroom_vault::Vault;

use crate::{
    contract::topology::{self as wire, store_id::Store, synchronizer::Kind},
    failure::{CantonCategory, Failure, in_words},
};

/// The store that a request must name.
pub(super) async fn required(vault: &Vault, id: Option<wire::StoreId>) -> Result<StoreId, Failure> {
    let id = id.ok_or_else(|| Failure::not_set("store"))?;
    read(vault, id).await
}

/// The store with this id; that of a logical synchronizer is the newest one that there is.
pub(super) async fn read(vault: &Vault, id: wire::StoreId) -> Result<StoreId, Failure> {
    match id.store {
        None => Err(Failure::not_set("store")),
        Some(Store::Authorized(_)) => Ok(StoreId::Authorized),
        Some(Store::Temporary(temporary)) => Ok(StoreId::Temporary(temporary_name(&temporary)?)),
        Some(Store::Synchronizer(synchronizer)) => match synchronizer.kind {
            None => Err(Failure::not_set("kind")),
            Some(Kind::PhysicalId(text)) => {
                let id: PhysicalSynchronizerId = text.parse().map_err(unreadable)?;
                Ok(StoreId::Synchronizer(id))
            }
            Some(Kind::Id(text)) => active(vault, &text.parse().map_err(unreadable)?).await,
        },
    }
}

/// Whether a request means the store of this synchronizer, by either of its names.
pub(super) fn names(id: Option<&wire::StoreId>, synchronizer: &PhysicalSynchronizerId) -> bool {
    match id.and_then(|id| id.store.as_ref()) {
        Some(Store::Synchronizer(named)) => match &named.kind {
            Some(Kind::Id(text)) => *text == synchronizer.synchronizer.to_string(),
            Some(Kind::PhysicalId(text)) => *text == synchronizer.to_string(),
            None => false,
        },
        _ => false,
    }
}

/// The name of a temporary store.
pub(super) fn temporary_name(
    temporary: &wire::store_id::Temporary,
) -> Result<TemporaryName, Failure> {
    temporary
        .name
        .parse()
        .map_err(|error| Failure::unreadable(in_words(&error)))
}

/// As answers name a store: always with the physical id of a synchronizer.
pub(super) fn write(id: &StoreId) -> wire::StoreId {
    let store = match id {
        StoreId::Authorized => Store::Authorized(wire::store_id::Authorized {}),
        StoreId::Temporary(name) => Store::Temporary(wire::store_id::Temporary {
            name: name.as_str().to_owned(),
        }),
        StoreId::Synchronizer(id) => Store::Synchronizer(wire::Synchronizer {
            kind: Some(Kind::PhysicalId(id.to_string())),
        }),
    };
    wire::StoreId { store: Some(store) }
}

async fn active(vault: &Vault, logical: &SynchronizerId) -> Result<StoreId, Failure> {
    let stores = vault.topology_stores().await?;
    let physical = stores.into_iter().filter_map(|store| match store {
        StoreId::Synchronizer(id) if id.synchronizer == *logical => Some(id),
        _ => None,
    });
    let newest = physical.max_by_key(|id| (id.protocol_version, id.serial));
    newest.map(StoreId::Synchronizer).ok_or_else(|| {
        Failure::coded(
            "TOPOLOGY_STORE_NOT_FOUND",
            CantonCategory::InvalidGivenCurrentSystemStateResourceMissing,
            format!("No active synchronizer found for {logical}"),
        )
    })
}

fn unreadable(error: strongroom_topology::IdentifierError) -> Failure {
    Failure::unreadable(in_words(&error))
}
