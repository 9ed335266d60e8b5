//! `ImportSnapshot`.

use std::{pin::Pin, sync::Arc};

use strongroom_proto::topology::{Container, DecodedItem, ItemReader, SnapshotItem};
use strongroom_vault::Vault;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::{store_id, write::decision};
use crate::{
    bounds::Bound,
    context::Context,
    contract::strongroom::{ImportSnapshotRequest, ImportSnapshotResponse},
    failure::{Failure, codes, in_words},
    tasks::Tasks,
    topology::{MOST_SNAPSHOT_BYTES, RECEIVE_SNAPSHOT_WITHIN},
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
    bound: Bound,
    tasks: Tasks,
) -> Result<Decisions, Failure> {
    let _place = bound.enter().await?;
    let received = tokio::time::timeout(RECEIVE_SNAPSHOT_WITHIN, received(chunks)).await;
    let (store, bytes) = received.unwrap_or_else(|_late| Err(Failure::too_late()))?;
    let store = store_id(&store)?;
    let items = items(&bytes)?;
    drop(bytes);
    let caller = context.caller();
    // From here on it is finished, whoever goes.
    let importing = async move {
        let added = vault.import_snapshot(&caller, &store, items).await?;
        Ok::<_, Failure>(added)
    };
    let added = tasks.run(importing).await?;
    let decisions: Vec<_> = added.iter().map(decision).collect();
    let answers: Vec<_> = decisions
        .chunks(MOST_AT_ONCE)
        .map(|some| {
            Ok(ImportSnapshotResponse {
                decisions: some.to_vec(),
            })
        })
        .collect();
    Ok(Box::pin(tokio_stream::iter(answers)))
}

/// The store, and all of the snapshot.
async fn received(
    mut chunks: Streaming<ImportSnapshotRequest>,
) -> Result<(String, Vec<u8>), Failure> {
    let (mut store, mut bytes) = (String::new(), Vec::new());
    loop {
        let chunk = chunks.message().await;
        let chunk = chunk.map_err(|status| Failure::Told(Box::new(status)))?;
        // Whoever is cut off ends its stream as whoever has said everything.
        let chunk = chunk.ok_or_else(|| Failure::not_set("last"))?;
        if bytes.len() + chunk.chunk.len() > MOST_SNAPSHOT_BYTES {
            return Err(Failure::own(
                codes::SNAPSHOT_TOO_LARGE,
                format!("a snapshot has at most {MOST_SNAPSHOT_BYTES} bytes"),
            ));
        }
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
