//! `strongroom.v1.TopologyService`: what the vault keeps of topology, and what became of it.

mod import;
mod party;
mod write;

use std::{error::Error, pin::Pin, str::FromStr, sync::Arc};

use strongroom_topology::StoreId;
use strongroom_vault::Vault;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    context::{Context, Shared},
    contract::strongroom::{
        AddTransactionsRequest, AddTransactionsResponse, AuthorizeRequest, AuthorizeResponse,
        ImportSnapshotRequest, ListStoresRequest, ListStoresResponse, MigratePartyKeysRequest,
        MigratePartyKeysResponse, ProposeRequest, ReadStoreRequest, ReadStoreResponse,
        RotatePartyKeyRequest, SignTransactionsRequest, SignTransactionsResponse,
        topology_service_server::TopologyService,
    },
    failure::{Face, Failure, in_words},
    topology::pieces::Pieces,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct TopologyFace {
    pub(crate) shared: Shared,
}

type Answer<A> = Result<Response<A>, Status>;
type Chunks = Pin<Box<dyn Stream<Item = Result<ReadStoreResponse, Status>> + Send>>;
const FACE: Face = Face::Strongroom;

#[tonic::async_trait]
impl TopologyService for TopologyFace {
    type ReadStoreStream = Chunks;
    type ImportSnapshotStream = import::Decisions;

    async fn list_stores(&self, request: Request<ListStoresRequest>) -> Answer<ListStoresResponse> {
        self.shared.answer(FACE, request, list_stores).await
    }

    async fn read_store(&self, request: Request<ReadStoreRequest>) -> Answer<Chunks> {
        let pieces = self.shared.answer(FACE, request, read_store).await?;
        Ok(pieces.map(|pieces: Pieces| -> Chunks {
            let answers = pieces.map(|chunk| Ok(ReadStoreResponse { chunk }));
            Box::pin(tokio_stream::iter(answers))
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
        // It leaves a record, which is made to its end.
        self.shared.change(FACE, request, write::sign).await
    }

    async fn add_transactions(
        &self,
        request: Request<AddTransactionsRequest>,
    ) -> Answer<AddTransactionsResponse> {
        self.shared.change(FACE, request, write::add).await
    }

    async fn import_snapshot(
        &self,
        request: Request<Streaming<ImportSnapshotRequest>>,
    ) -> Answer<Self::ImportSnapshotStream> {
        let (limit, tasks) = (
            self.shared.concurrency.snapshots.clone(),
            self.shared.tasks.clone(),
        );
        let import = |vault, context, chunks| import::import(vault, context, chunks, limit, tasks);
        self.shared.answer(FACE, request, import).await
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
    context: Context,
    message: ReadStoreRequest,
) -> Result<Pieces, Failure> {
    let store = vault.topology(&store_id(&message.store)?).await?;
    Ok(Pieces::of_v2(&context, store.rows().to_vec()))
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
