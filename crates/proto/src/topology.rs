//! Topology transactions and everything around them: read, written, streamed.
//!
//! What was received is kept as it was: a transaction keeps its wrapper, a signature its message. Writing a transaction
//! that was read gives the same bytes back.
//!
//! Source: reference, topology, sections 4, 5, 6 and 8.

mod container;
mod detect;
mod frame;
mod list;
mod mapping;
mod read_mapping;
mod script;
mod signed;
mod snapshot;
mod stream;
mod text;
mod timeouts;
mod transaction;
mod write_mapping;

/// The messages of package `com.digitalasset.canton.protocol.v30`, generated from `/proto`.
pub mod v30 {
    include!(concat!(
        env!("OUT_DIR"),
        "/com.digitalasset.canton.protocol.v30.rs"
    ));
}

/// The messages of package `com.digitalasset.canton.topology.admin.v30`, generated from `/proto`.
pub mod admin {
    include!(concat!(
        env!("OUT_DIR"),
        "/com.digitalasset.canton.topology.admin.v30.rs"
    ));
}

pub use container::{Container, UnknownContainer};
pub use detect::{DetectError, detect};
pub use list::{
    decode_broadcast, decode_signed_transactions, encode_broadcast, encode_signed_transactions,
};
pub use read_mapping::read_mapping;
pub use script::{
    DelegationTarget, assemble_as_script, encode_delegation_as_script, encode_revocation_as_script,
    encode_transaction_as_script,
};
pub use signed::{
    decode_signed_transaction, encode_signed_transaction, read_signed_message, signed_message,
    topology_signature,
};
pub use snapshot::{
    SnapshotItem, decode_snapshot_item, read_timestamp, snapshot_message, snapshot_record,
    write_snapshot_v1, write_snapshot_v2, write_timestamp,
};
pub use stream::{DecodedItem, ItemReader, MAX_ITEM_BYTES, ReceivedItem, StreamError};
pub use timeouts::{ReactionTimeouts, decode_reaction_timeouts};
pub use transaction::{decode_transaction, encode_transaction};
pub use write_mapping::write_mapping;
