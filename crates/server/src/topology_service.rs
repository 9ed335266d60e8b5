//! `strongroom.v1.TopologyService`: what the vault keeps of topology, and what became of it.

mod party;
mod write;

use std::{error::Error, pin::Pin, str::FromStr, sync::Arc};

use strongroom_proto::topology::{SnapshotItem, write_snapshot_v2};
use strongroom_topology::{StoreId, StoredTransaction};
use strongroom_vault::Vault;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::{
    context::{Context, Shared},
    contract::strongroom::{
        AddTransactionsRequest, AddTransactionsResponse, AuthorizeRequest, AuthorizeResponse,
        ListStoresRequest, ListStoresResponse, MigratePartyKeysRequest, MigratePartyKeysResponse,
        ProposeRequest, ReadStoreRequest, ReadStoreResponse, RotatePartyKeyRequest,
        SignTransactionsRequest, SignTransactionsResponse,
        topology_service_server::TopologyService,
    },
    failure::{Face, Failure, codes, in_words},
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct TopologyFace {
    pub(crate) shared: Shared,
}

type Answer<A> = Result<Response<A>, Status>;
type Chunks = Pin<Box<dyn Stream<Item = Result<ReadStoreResponse, Status>> + Send>>;
const FACE: Face = Face::Strongroom;

/// A store goes out in pieces of so many bytes.
const CHUNK: usize = 2_000_000;

#[tonic::async_trait]
impl TopologyService for TopologyFace {
    type ReadStoreStream = Chunks;

    async fn list_stores(&self, request: Request<ListStoresRequest>) -> Answer<ListStoresResponse> {
        self.shared.answer(FACE, request, list_stores).await
    }

    async fn read_store(&self, request: Request<ReadStoreRequest>) -> Answer<Chunks> {
        let bytes = self.shared.answer(FACE, request, read_store).await?;
        Ok(bytes.map(|bytes: Vec<u8>| -> Chunks {
            let chunks: Vec<_> = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
            let answers = chunks.into_iter();
            Box::pin(tokio_stream::iter(
                answers.map(|chunk| Ok(ReadStoreResponse { chunk })),
            ))
        }))
    }

    async fn propose(&self, request: Request<ProposeRequest>) -> Answer<AuthorizeResponse> {
        self.shared.change(FACE, request, write::propose).await
    }

    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Answer<AuthorizeResponse> {
        self.shared.change(FACE, request, write::authorize).await
    }

    async fn sign_transactions(
        &self,
        request: Request<SignTransactionsRequest>,
    ) -> Answer<SignTransactionsResponse> {
        self.shared.answer(FACE, request, write::sign).await
    }

    async fn add_transactions(
        &self,
        request: Request<AddTransactionsRequest>,
    ) -> Answer<AddTransactionsResponse> {
        self.shared.change(FACE, request, write::add).await
    }

    async fn rotate_party_key(
        &self,
        request: Request<RotatePartyKeyRequest>,
    ) -> Answer<AuthorizeResponse> {
        self.shared.change(FACE, request, party::rotate).await
    }

    async fn migrate_party_keys(
        &self,
        request: Request<MigratePartyKeysRequest>,
    ) -> Answer<MigratePartyKeysResponse> {
        self.shared.change(FACE, request, party::migrate).await
    }
}

async fn list_stores(
    vault: Arc<Vault>,
    _context: Context,
    _message: ListStoresRequest,
) -> Result<ListStoresResponse, Failure> {
    let stores = vault.topology_stores().await?;
    let identity = vault.identity();
    Ok(ListStoresResponse {
        stores: stores.iter().map(ToString::to_string).collect(),
        member: identity
            .map(|identity| identity.member.to_string())
            .unwrap_or_default(),
    })
}

async fn read_store(
    vault: Arc<Vault>,
    _context: Context,
    message: ReadStoreRequest,
) -> Result<Vec<u8>, Failure> {
    let store = vault.topology(&store_id(&message.store)?).await?;
    let items: Vec<_> = store.rows().iter().map(item).collect();
    drop(store);
    let mut bytes = Vec::new();
    // Memory does not fail.
    write_snapshot_v2(&items, &mut bytes)
        .map_err(|error| Failure::own(codes::SERVER_BUG, error.to_string()))?;
    Ok(bytes)
}

/// The store that a request names.
fn store_id(text: &str) -> Result<StoreId, Failure> {
    read("store", text)
}

/// What the text of a field stands for.
fn read<T: FromStr<Err: Error + 'static>>(field: &str, text: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|error| Failure::unreadable(format!("Field `{field}`: {}", in_words(&error))))
}

fn item(row: &StoredTransaction) -> SnapshotItem {
    SnapshotItem {
        sequenced: row.sequenced,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        signed: row.signed.as_ref().clone(),
        rejection: row.rejection.as_deref().map(str::to_owned),
    }
}
