//! `ImportSnapshot`.

use std::{iter, pin::Pin, sync::Arc};

use strongroom_proto::topology::{Container, DecodedItem, ItemReader, SnapshotItem};
use strongroom_vault::Vault;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::{store_id, write::decision};
use crate::{
    concurrency::ConcurrencyLimit,
    context::Context,
    contract::strongroom::{ImportSnapshotRequest, ImportSnapshotResponse},
    failure::{Failure, in_words},
    tasks::Tasks,
    topology::{RECEIVE_SNAPSHOT_WITHIN, hold_snapshot},
};

/// What was decided, some at a time.
pub(super) type Decisions =
    Pin<Box<dyn Stream<Item = Result<ImportSnapshotResponse, Status>> + Send>>;

/// Decisions of one answer.
const MOST_AT_ONCE: usize = 5000;

pub(super) async fn import(
    vault: Arc<Vault>,
    context: Context,
    chunks: Streaming<ImportSnapshotRequest>,
    limit: ConcurrencyLimit,
    tasks: Tasks,
) -> Result<Decisions, Failure> {
    let received = received(chunks, &context);
    let received = tokio::time::timeout(RECEIVE_SNAPSHOT_WITHIN, received).await;
    let (store, bytes) = received.unwrap_or_else(|_late| Err(Failure::too_late()))?;
    let store = store_id(&store)?;
    // Not before all of it is there: whoever sends slowly is in nobody's way.
    let permit = limit.acquire(&context.subject).await?;
    let items = items(&bytes)?;
    drop(bytes);
    // From here on it is finished, whoever goes.
    let importing = async move {
        let (_permit, caller) = (permit, context.caller());
        let added = vault.import_snapshot(&caller, &store, items).await?;
        Ok::<_, Failure>(added)
    };
    let added = tasks.run(importing).await?;
    let mut added = added.into_iter();
    let answers = iter::from_fn(move || {
        let some = added.by_ref().take(MOST_AT_ONCE);
        let decisions: Vec<_> = some.map(|added| decision(&added)).collect();
        (!decisions.is_empty()).then_some(Ok(ImportSnapshotResponse { decisions }))
    });
    Ok(Box::pin(tokio_stream::iter(answers)))
}

/// The store, and all of the snapshot.
async fn received(
    mut chunks: Streaming<ImportSnapshotRequest>,
    context: &Context,
) -> Result<(String, Vec<u8>), Failure> {
    let (mut store, mut bytes) = (String::new(), Vec::new());
    loop {
        let chunk = chunks.message().await;
        let chunk = chunk.map_err(|status| Failure::Told(Box::new(status)))?;
        // Whoever is cut off ends its stream as whoever has said everything.
        let chunk = chunk.ok_or_else(|| Failure::not_set("last"))?;
        hold_snapshot(context, bytes.len(), chunk.chunk.len())?;
        if store.is_empty() {
            store = chunk.store;
        }
        bytes.extend(chunk.chunk);
        if chunk.last {
            return Ok((store, bytes));
        }
    }
}

fn items(bytes: &[u8]) -> Result<Vec<SnapshotItem>, Failure> {
    let mut items = Vec::new();
    for item in ItemReader::new(bytes, Container::SnapshotV2) {
        let item = item.map_err(|error| Failure::unreadable(in_words(&error)))?;
        match item.decode()? {
            DecodedItem::Row(row) => items.push(row),
            DecodedItem::Transaction(_) => {
                return Err(Failure::unreadable("Field `chunk`: no snapshot"));
            }
        }
    }
    Ok(items)
}
