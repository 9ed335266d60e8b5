//! All of topology, as far as it can be seen from outside.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use strongroom_crypto::Timestamp;
use strongroom_proto::topology::encode_signed_transaction;
use strongroom_topology::{StoreId, StoredTransaction};
use strongroom_vault::{Identity, Rotation, Vault};

use crate::house::House;

/// What a vault knows of its node and of topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopologyPicture {
    pub(crate) identity: Option<Identity>,
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) stores: BTreeMap<StoreId, Vec<RowPicture>>,
}

/// A row, with its transaction byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowPicture {
    pub(crate) ordinal: u64,
    pub(crate) sequenced: Timestamp,
    pub(crate) valid_from: Timestamp,
    pub(crate) valid_until: Option<Timestamp>,
    /// In hexadecimal digits.
    pub(crate) signed: String,
    pub(crate) rejection: Option<String>,
}

impl RowPicture {
    pub(crate) fn of(row: &StoredTransaction) -> Self {
        Self {
            ordinal: row.ordinal,
            sequenced: row.sequenced,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            signed: HEXLOWER.encode(&encode_signed_transaction(&row.signed)),
            rejection: row.rejection.as_deref().map(str::to_owned),
        }
    }
}

impl TopologyPicture {
    pub(crate) async fn of(vault: &Vault) -> Self {
        let mut stores = BTreeMap::new();
        for id in vault.topology_stores().await.unwrap() {
            let store = vault.topology(&id).await.unwrap();
            let rows = store.rows().iter().map(RowPicture::of).collect();
            drop(store);
            stores.insert(id, rows);
        }
        Self {
            identity: vault.identity(),
            rotations: vault.rotations(),
            stores,
        }
    }

    /// What is there after a crash at this moment.
    pub(crate) async fn after_crash(house: &House) -> Self {
        let copy = house.copy();
        let vault = copy.open().await;
        let picture = Self::of(&vault).await;
        vault.close().await.unwrap();
        picture
    }

    /// The same without the stores that live in memory only.
    pub(crate) fn durable(mut self) -> Self {
        self.stores
            .retain(|id, _| !matches!(id, StoreId::Temporary(_)));
        self
    }
}

/// Looks, and checks that the database says the same.
pub(crate) async fn look(house: &House, vault: &Vault) -> TopologyPicture {
    let picture = TopologyPicture::of(vault).await;
    let on_disk = TopologyPicture::after_crash(house).await;
    assert_eq!(on_disk, picture.clone().durable());
    picture
}
