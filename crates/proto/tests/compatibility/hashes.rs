//! Hashes over several transactions.

use serde_json::Value;
use strongroom_topology::TransactionHash;

use crate::{
    Counts,
    keys::{hex, items, text},
};

pub(crate) fn check_all(section: &Value, counts: &mut Counts) {
    for case in items(section, "cases") {
        let mut hashes: Vec<TransactionHash> = items(case, "transaction_hashes_hex")
            .map(|hash| hash.as_str().unwrap().parse().unwrap())
            .collect();
        let expected = text(case, "combined_hash_hex");
        let combined = TransactionHash::combined(&hashes);
        assert_eq!(combined.to_string(), expected);
        assert_eq!(
            combined.to_multihash(),
            hex(case, "combined_hash_hex").as_slice()
        );
        hashes.reverse();
        assert_eq!(TransactionHash::combined(&hashes).to_string(), expected);
        counts.add("hash over several transactions");
    }
}
