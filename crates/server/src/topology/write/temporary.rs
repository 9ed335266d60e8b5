//! `CreateTemporaryTopologyStore` and `DropTemporaryTopologyStore`.

use std::sync::Arc;

use strongroom_vault::Vault;

use crate::{
    context::Context,
    contract::topology::{
        CreateTemporaryTopologyStoreRequest, CreateTemporaryTopologyStoreResponse,
        DropTemporaryTopologyStoreRequest, DropTemporaryTopologyStoreResponse, store_id::Temporary,
    },
    failure::Failure,
    topology::store_id::temporary_name,
};

pub(super) async fn create(
    vault: Arc<Vault>,
    _context: Context,
    message: CreateTemporaryTopologyStoreRequest,
) -> Result<CreateTemporaryTopologyStoreResponse, Failure> {
    let store_id = Temporary { name: message.name };
    vault
        .create_temporary_store(temporary_name(&store_id)?)
        .await?;
    Ok(CreateTemporaryTopologyStoreResponse {
        store_id: Some(store_id),
    })
}

pub(super) async fn drop_store(
    vault: Arc<Vault>,
    _context: Context,
    message: DropTemporaryTopologyStoreRequest,
) -> Result<DropTemporaryTopologyStoreResponse, Failure> {
    let id = message
        .store_id
        .ok_or_else(|| Failure::not_set("store_id"))?;
    vault.drop_temporary_store(temporary_name(&id)?).await?;
    Ok(DropTemporaryTopologyStoreResponse {})
}
