//! All kinds of mappings at once: `ListAll`, and snapshots.

use std::sync::Arc;

use strongroom_proto::topology::{
    SnapshotItem, snapshot_message, write_snapshot_v1, write_snapshot_v2,
};
use strongroom_topology::{Mapping, MappingCode};
use strongroom_vault::Vault;

use super::query::Query;
use crate::{
    context::Context,
    contract::topology::{
        BaseQuery, ExportTopologySnapshotRequest, ExportTopologySnapshotV2Request, ListAllRequest,
        ListAllResponse, ListAllV2Request, ListAllV2Response,
    },
    failure::{Failure, codes, in_words},
    topology::filters::begins,
};

/// A snapshot goes out in pieces of so many bytes.
const CHUNK: usize = 2_000_000;

pub(super) async fn but(
    vault: Arc<Vault>,
    _context: Context,
    message: ListAllRequest,
) -> Result<ListAllResponse, Failure> {
    let excluded = codes(&message.exclude_mappings)?;
    let kinds = |code| !excluded.contains(&code);
    let items = items(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    Ok(ListAllResponse {
        result: Some(snapshot_message(&items)),
    })
}

pub(super) async fn only(
    vault: Arc<Vault>,
    _context: Context,
    message: ListAllV2Request,
) -> Result<ListAllV2Response, Failure> {
    let included = codes(&message.include_mappings)?;
    let kinds = |code| included.is_empty() || included.contains(&code);
    let items = items(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    Ok(ListAllV2Response {
        result: Some(snapshot_message(&items)),
    })
}

pub(super) async fn export_v1(
    vault: Arc<Vault>,
    _context: Context,
    message: ExportTopologySnapshotRequest,
) -> Result<Vec<Vec<u8>>, Failure> {
    let excluded = codes(&message.exclude_mappings)?;
    let kinds = |code| !excluded.contains(&code);
    let items = items(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    let mut bytes = Vec::new();
    write_snapshot_v1(&items, &mut bytes).map_err(unwritable)?;
    Ok(in_chunks(&bytes))
}

pub(super) async fn export_v2(
    vault: Arc<Vault>,
    _context: Context,
    message: ExportTopologySnapshotV2Request,
) -> Result<Vec<Vec<u8>>, Failure> {
    let excluded = codes(&message.exclude_mappings)?;
    let kinds = |code| !excluded.contains(&code);
    let items = items(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    let mut bytes = Vec::new();
    write_snapshot_v2(&items, &mut bytes).map_err(unwritable)?;
    Ok(in_chunks(&bytes))
}

fn in_chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect()
}

/// Memory does not fail.
fn unwritable(error: std::io::Error) -> Failure {
    Failure::own(codes::SERVER_BUG, error.to_string())
}

fn codes(names: &[String]) -> Result<Vec<MappingCode>, Failure> {
    let codes = names.iter().map(|name| name.parse::<MappingCode>());
    codes
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::unreadable(in_words(&error)))
}

async fn items(
    vault: &Vault,
    query: Option<BaseQuery>,
    namespace: &str,
    kinds: impl Fn(MappingCode) -> bool + Send,
) -> Result<Vec<SnapshotItem>, Failure> {
    let query = Query::read(vault, query).await?;
    let mut items = Vec::new();
    for id in &query.stores {
        let store = vault.topology(id).await?;
        let wants =
            |mapping: &Mapping| kinds(mapping.code()) && begins(namespace, mapping.namespace());
        let rows = store.rows().iter();
        let rows =
            rows.filter(|row| query.wants(id, row) && wants(row.signed.transaction().mapping()));
        items.extend(rows.map(|row| SnapshotItem {
            sequenced: row.sequenced,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            signed: row.signed.as_ref().clone(),
            rejection: None,
        }));
    }
    Ok(items)
}
