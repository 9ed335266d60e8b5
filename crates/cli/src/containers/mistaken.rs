//! The other files of an offline root key, which are given by mistake where signed topology is expected.

use strongroom_crypto::{KeyUsage, KeyUsages, SigningPublicKey};
use strongroom_proto::topology::decode_transaction;
use strongroom_topology::TransactionHash;

use crate::{failure::CliError, key_file::looks_like_message};

/// What `bytes`, the whole of the file `name`, are instead, and which command takes them; none for what nobody knows.
pub(super) fn recognised(bytes: &[u8], name: &str) -> Option<CliError> {
    let (found, command) = if TransactionHash::from_multihash(bytes).is_ok() {
        (
            "a hash that is to be signed",
            "'strongroom topology root sign --hash'",
        )
    } else if decode_transaction(bytes).is_ok() {
        (
            "a prepared transaction",
            "'strongroom topology root sign --prepared', then 'strongroom topology root assemble',",
        )
    } else if is_public_key(bytes) {
        (
            "a public key",
            "'strongroom topology root prepare' or 'strongroom topology delegate'",
        )
    } else {
        return None;
    };
    Some(CliError::NotSigned {
        file: name.to_owned(),
        found,
        command,
    })
}

fn is_public_key(bytes: &[u8]) -> bool {
    if looks_like_message(bytes) {
        return strongroom_proto::decode_public_key_for_import(bytes).is_ok();
    }
    SigningPublicKey::detect(bytes, KeyUsages::only(KeyUsage::Namespace)).is_ok()
}
