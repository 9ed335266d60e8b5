//! Canton's services of topology, as its console uses them.

mod captured;
mod following;
mod identity;
mod proposals;
mod reading;
mod writing;

use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_server::contract::topology::{
    BaseQuery, StoreId,
    base_query::TimeQuery,
    store_id::{Authorized, Store},
    topology_manager_read_service_client::TopologyManagerReadServiceClient,
    topology_manager_write_service_client::TopologyManagerWriteServiceClient,
};
use strongroom_topology::MemberCode;
use strongroom_vault::{Caller, NewIdentity, NodeKeys};
use tonic::transport::Channel;

use crate::house::House;

/// The store of the node itself.
fn authorized() -> Option<StoreId> {
    Some(StoreId {
        store: Some(Store::Authorized(Authorized {})),
    })
}

/// What holds in the store of the node itself.
fn head() -> Option<BaseQuery> {
    Some(BaseQuery {
        store: authorized(),
        operation: 1,
        time_query: Some(TimeQuery::HeadState(())),
        ..BaseQuery::default()
    })
}

async fn reader(house: &House) -> TopologyManagerReadServiceClient<Channel> {
    TopologyManagerReadServiceClient::new(house.channel().await)
}

async fn writer(house: &House) -> TopologyManagerWriteServiceClient<Channel> {
    TopologyManagerWriteServiceClient::new(house.channel().await)
}

/// Makes the vault the one of a participant.
pub(crate) async fn identified(house: &House) -> NodeKeys {
    let new = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    };
    let made = house.vault.initialize(&Caller::new("test"), &new).await;
    made.unwrap()
}
