//! A topology transaction as a row, and back.

use std::sync::Arc;

use strongroom_crypto::encoding::Encoder;
use strongroom_proto::topology::{decode_signed_transaction, encode_signed_transaction};
use strongroom_store::{DataKeyId, TopologyRow};
use strongroom_topology::{StoreId, StoredTransaction};

use crate::{
    data_keys::DataKeys,
    error::VaultError,
    rows::{self, Tag},
};

/// The row of a stored transaction, with its tag.
pub(super) fn write(
    store: &StoreId,
    stored: &StoredTransaction,
    data_keys: &DataKeys,
    data_key_id: DataKeyId,
) -> Result<TopologyRow, VaultError> {
    let transaction = stored.signed.transaction();
    let mapping = transaction.mapping();
    let mut row = TopologyRow {
        store: store.to_string(),
        ordinal: stored.ordinal,
        sequenced: stored.sequenced,
        valid_from: stored.valid_from,
        valid_until: stored.valid_until,
        operation: transaction.operation().number(),
        mapping_code: mapping.code().number(),
        serial: transaction.serial().get(),
        namespace: mapping.namespace().to_string(),
        identifier: mapping.identifier().unwrap_or_default().to_owned(),
        unique_key: *transaction.unique_key().as_bytes(),
        transaction_hash: *transaction.hash().as_bytes(),
        proposal: stored.signed.is_proposal(),
        rejection: stored.rejection.as_deref().map(str::to_owned),
        transaction: encode_signed_transaction(&stored.signed),
        data_key_id,
        mac: [0; 32],
    };
    row.mac = rows::tag_topology(&row, data_keys, &mut Encoder::new())?;
    Ok(row)
}

/// What an authentic row says.
pub(super) fn read(
    row: &TopologyRow,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<(StoreId, StoredTransaction, Tag), VaultError> {
    let place = format!("{} {}", row.store, row.ordinal);
    let tag = rows::tag_topology(row, data_keys, encoder)?;
    rows::check_tag(&tag, &row.mac, rows::TOPOLOGY, &place)?;
    let store = row
        .store
        .parse()
        .map_err(|_unreadable| rows::not_authentic(rows::TOPOLOGY, &place))?;
    let stored = StoredTransaction {
        ordinal: row.ordinal,
        sequenced: row.sequenced,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        signed: Arc::new(decode_signed_transaction(&row.transaction)?),
        rejection: row.rejection.as_deref().map(Box::from),
    };
    Ok((store, stored, tag))
}
