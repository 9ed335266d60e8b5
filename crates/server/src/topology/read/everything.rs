//! All kinds of mappings at once: `ListAll`, and snapshots.

use std::sync::Arc;

use strongroom_proto::topology::{admin::TopologyTransactions, snapshot_message};
use strongroom_topology::{Mapping, MappingCode, StoredTransaction};
use strongroom_vault::Vault;

use super::query::Query;
use crate::{
    context::Context,
    contract::topology::{
        BaseQuery, ExportTopologySnapshotRequest, ExportTopologySnapshotV2Request, ListAllRequest,
        ListAllResponse, ListAllV2Request, ListAllV2Response,
    },
    failure::{Failure, in_words},
    topology::{
        filters::begins,
        pieces::{Pieces, item},
    },
};

pub(super) async fn but(
    vault: Arc<Vault>,
    _context: Context,
    message: ListAllRequest,
) -> Result<ListAllResponse, Failure> {
    let excluded = codes(&message.exclude_mappings)?;
    let kinds = |code| !excluded.contains(&code);
    let rows = rows(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    Ok(ListAllResponse {
        result: Some(in_one_message(&rows)),
    })
}

pub(super) async fn only(
    vault: Arc<Vault>,
    _context: Context,
    message: ListAllV2Request,
) -> Result<ListAllV2Response, Failure> {
    let included = codes(&message.include_mappings)?;
    let kinds = |code| included.is_empty() || included.contains(&code);
    let rows = rows(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    Ok(ListAllV2Response {
        result: Some(in_one_message(&rows)),
    })
}

pub(super) async fn export_v1(
    vault: Arc<Vault>,
    context: Context,
    message: ExportTopologySnapshotRequest,
) -> Result<Pieces, Failure> {
    let excluded = codes(&message.exclude_mappings)?;
    let kinds = |code| !excluded.contains(&code);
    let rows = rows(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    Pieces::of_v1(&context, &rows)
}

pub(super) async fn export_v2(
    vault: Arc<Vault>,
    context: Context,
    message: ExportTopologySnapshotV2Request,
) -> Result<Pieces, Failure> {
    let excluded = codes(&message.exclude_mappings)?;
    let kinds = |code| !excluded.contains(&code);
    let rows = rows(&vault, message.base_query, &message.filter_namespace, kinds).await?;
    Ok(Pieces::of_v2(&context, rows))
}

fn in_one_message(rows: &[StoredTransaction]) -> TopologyTransactions {
    let items: Vec<_> = rows.iter().map(item).collect();
    snapshot_message(&items)
}

fn codes(names: &[String]) -> Result<Vec<MappingCode>, Failure> {
    let codes = names.iter().map(|name| name.parse::<MappingCode>());
    codes
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::unreadable(in_words(&error)))
}

async fn rows(
    vault: &Vault,
    query: Option<BaseQuery>,
    namespace: &str,
    kinds: impl Fn(MappingCode) -> bool + Send,
) -> Result<Vec<StoredTransaction>, Failure> {
    let query = Query::read(vault, query).await?;
    let mut wanted = Vec::new();
    for id in &query.stores {
        let store = vault.topology(id).await?;
        let wants =
            |mapping: &Mapping| kinds(mapping.code()) && begins(namespace, mapping.namespace());
        let rows = store.rows().iter();
        let rows =
            rows.filter(|row| query.wants(id, row) && wants(row.signed.transaction().mapping()));
        wanted.extend(rows.cloned());
    }
    Ok(wanted)
}
