//! Topology of a server.

mod write;

use std::sync::Arc;

use strongroom_proto::topology::{Container, DecodedItem, ItemReader, SnapshotItem};
use strongroom_server::contract::strongroom::{ListStoresRequest, ReadStoreRequest};
use strongroom_topology::{Member, StoreId, StoreIdError, StoredTransaction, TopologyStore};

pub(super) use self::write::{message, signed};
use super::{RemoteError, Server};
use crate::{client::Stores, failure::CliError};

/// A store may have so many bytes: it is held in memory.
const LIMIT: usize = 1024 * 1024 * 1024;

impl Server {
    pub(crate) async fn list_stores(&self) -> anyhow::Result<Stores> {
        let listed = self.topology().list_stores(ListStoresRequest {}).await;
        let listed = listed.map_err(RemoteError::from)?.into_inner();
        let ids = listed.stores.iter().map(|id| id.parse());
        let ids = ids.collect::<Result<_, StoreIdError>>();
        let member = Some(listed.member).filter(|member| !member.is_empty());
        let member = member.map(|member| member.parse::<Member>()).transpose();
        Ok(Stores {
            ids: ids.map_err(|error| RemoteError::unreadable(&error))?,
            member: member.map_err(|error| RemoteError::unreadable(&error))?,
        })
    }

    /// Every row of a store, with what became of it.
    pub(crate) async fn read_store(&self, id: &StoreId) -> anyhow::Result<TopologyStore> {
        let store = id.to_string();
        let read = self.topology().read_store(ReadStoreRequest { store }).await;
        let mut pieces = read.map_err(RemoteError::from)?.into_inner();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.message().await.map_err(RemoteError::from)? {
            bytes.extend_from_slice(&piece.chunk);
            if bytes.len() > LIMIT {
                let what = "the store of the server";
                return Err(CliError::TooLong { what, limit: LIMIT }.into());
            }
        }
        let items = items(&bytes)?.into_iter();
        let rows = items.zip(1..).map(|(item, ordinal)| row(item, ordinal));
        Ok(TopologyStore::restore(id.clone(), rows.collect()))
    }
}

fn items(bytes: &[u8]) -> Result<Vec<SnapshotItem>, RemoteError> {
    let mut items = Vec::new();
    for item in ItemReader::new(bytes, Container::SnapshotV2) {
        let item = item.map_err(|error| RemoteError::unreadable(&error))?;
        let item = item.decode();
        match item.map_err(|error| RemoteError::unreadable(&error))? {
            DecodedItem::Row(item) => items.push(item),
            DecodedItem::Transaction(_) => return Err(RemoteError::without("rows")),
        }
    }
    Ok(items)
}

fn row(item: SnapshotItem, ordinal: u64) -> StoredTransaction {
    StoredTransaction {
        ordinal,
        sequenced: item.sequenced,
        valid_from: item.valid_from,
        valid_until: item.valid_until,
        signed: Arc::new(item.signed),
        rejection: item.rejection.map(String::into_boxed_str),
    }
}
