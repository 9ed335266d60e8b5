//! Rows as answers have them.

use strongroom_proto::topology::{
    v30::{enums::TopologyChangeOp, topology_mapping},
    write_mapping, write_timestamp,
};
use strongroom_topology::{Mapping, Operation, StoreId, StoredTransaction};
use strongroom_vault::Vault;

use super::query::Query;
use crate::{
    contract::topology::{BaseQuery, BaseResult},
    failure::Failure,
    topology::store_id,
};

/// A row: what is said of every one, and its statement.
pub(crate) type Row = (BaseResult, topology_mapping::Mapping);

/// The rows that pass the query and `wants`, store by store.
pub(super) async fn list(
    vault: &Vault,
    query: Option<BaseQuery>,
    wants: impl Fn(&Mapping) -> bool + Send,
) -> Result<Vec<Row>, Failure> {
    let query = Query::read(vault, query).await?;
    let mut rows = Vec::new();
    for id in &query.stores {
        let store = vault.topology(id).await?;
        let found = store
            .rows()
            .iter()
            .filter(|row| query.wants(id, row) && wants(row.signed.transaction().mapping()));
        rows.extend(found.filter_map(|row| {
            let mapping = write_mapping(row.signed.transaction().mapping());
            Some((context(id, row), mapping.mapping?))
        }));
    }
    Ok(rows)
}

fn context(store: &StoreId, row: &StoredTransaction) -> BaseResult {
    let transaction = row.signed.transaction();
    let operation = match transaction.operation() {
        Operation::AddReplace => TopologyChangeOp::AddReplace,
        Operation::Remove => TopologyChangeOp::Remove,
    };
    BaseResult {
        store: Some(store_id::write(store)),
        sequenced: Some(write_timestamp(row.sequenced)),
        valid_from: Some(write_timestamp(row.valid_from)),
        valid_until: row.valid_until.map(write_timestamp),
        operation: operation.into(),
        transaction_hash: transaction.hash().to_multihash().to_vec(),
        // At most 2^31 - 1.
        serial: i32::try_from(transaction.serial().get()).unwrap_or(i32::MAX),
        signed_by_fingerprints: row.signed.signed_by().map(|key| key.to_string()).collect(),
    }
}
