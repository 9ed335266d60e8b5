//! `ImportTopologySnapshot` in both formats: only the signed transactions of it count, not its times.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use strongroom_proto::topology::{Container, DecodedItem, ItemReader};
use strongroom_topology::{ForceFlags, SignedTransaction};
use strongroom_vault::Vault;
use tonic::{Status, Streaming};

use super::add::check_accepted;
use crate::{
    concurrency::{ConcurrencyLimit, Permit},
    context::Context,
    contract::topology::{
        ImportTopologySnapshotRequest, ImportTopologySnapshotResponse,
        ImportTopologySnapshotV2Request, ImportTopologySnapshotV2Response, StoreId,
    },
    failure::{Failure, in_words},
    tasks::Tasks,
    topology::{RECEIVE_SNAPSHOT_WITHIN, hold_snapshot, store_id},
};

pub(super) async fn import_v1(
    vault: Arc<Vault>,
    context: Context,
    chunks: Streaming<ImportTopologySnapshotRequest>,
    limit: ConcurrencyLimit,
    tasks: Tasks,
) -> Result<ImportTopologySnapshotResponse, Failure> {
    let mut snapshot = Snapshot::default();
    let pieces = chunks.map_ok(|chunk| (chunk.topology_snapshot, chunk.store));
    snapshot.receive(&context, pieces).await?;
    let permit = limit.acquire(&context.subject).await?;
    snapshot
        .add(vault, context, Container::SnapshotV1, permit, tasks)
        .await?;
    Ok(ImportTopologySnapshotResponse {})
}

pub(super) async fn import_v2(
    vault: Arc<Vault>,
    context: Context,
    chunks: Streaming<ImportTopologySnapshotV2Request>,
    limit: ConcurrencyLimit,
    tasks: Tasks,
) -> Result<ImportTopologySnapshotV2Response, Failure> {
    let mut snapshot = Snapshot::default();
    let pieces = chunks.map_ok(|chunk| (chunk.topology_snapshot, chunk.store));
    snapshot.receive(&context, pieces).await?;
    let permit = limit.acquire(&context.subject).await?;
    snapshot
        .add(vault, context, Container::SnapshotV2, permit, tasks)
        .await?;
    Ok(ImportTopologySnapshotV2Response {})
}

/// What has come of a snapshot.
#[derive(Default)]
struct Snapshot {
    bytes: Vec<u8>,
    store: Option<StoreId>,
}

impl Snapshot {
    /// Takes pieces until the last one, or until it has taken too long.
    async fn receive(
        &mut self,
        context: &Context,
        mut pieces: impl Stream<Item = Result<(Vec<u8>, Option<StoreId>), Status>> + Unpin,
    ) -> Result<(), Failure> {
        let receiving = async {
            while let Some(piece) = pieces.next().await {
                let (bytes, store) = piece.map_err(|status| Failure::Told(Box::new(status)))?;
                hold_snapshot(context, self.bytes.len(), bytes.len())?;
                self.append(bytes, store);
            }
            Ok::<(), Failure>(())
        };
        let received = tokio::time::timeout(RECEIVE_SNAPSHOT_WITHIN, receiving).await;
        received.unwrap_or_else(|_late| Err(Failure::too_late()))
    }

    fn append(&mut self, chunk: Vec<u8>, store: Option<StoreId>) {
        self.bytes.extend(chunk);
        // The first piece says where it belongs.
        self.store = self.store.take().or(store);
    }

    /// Adds what has come. From here on it is finished, whoever goes: before, a caller that never ends held up nobody.
    async fn add(
        self,
        vault: Arc<Vault>,
        context: Context,
        container: Container,
        permit: Permit,
        tasks: Tasks,
    ) -> Result<(), Failure> {
        let store = store_id::required(&vault, self.store).await?;
        let transactions = transactions(&self.bytes, container)?;
        let adding = async move {
            let (_permit, caller) = (permit, context.caller());
            let force = ForceFlags::all();
            let added = vault
                .add_transactions(&caller, &store, transactions, force)
                .await?;
            check_accepted(added)
        };
        tasks.run(adding).await
    }
}

fn transactions(bytes: &[u8], container: Container) -> Result<Vec<SignedTransaction>, Failure> {
    let unreadable =
        |error: &(dyn std::error::Error + 'static)| Failure::unreadable(in_words(error));
    let mut transactions = Vec::new();
    for item in ItemReader::new(bytes, container) {
        let item = item.map_err(|error| unreadable(&error))?;
        match item.decode()? {
            // What the other side rejected is no statement.
            DecodedItem::Row(row) if row.rejection.is_some() => {}
            DecodedItem::Row(row) => transactions.push(row.signed),
            DecodedItem::Transaction(signed) => transactions.push(signed),
        }
    }
    Ok(transactions)
}
