//! What a ciphertext is bound to, as bytes.

use std::collections::BTreeMap;

/// Equal contexts, and only those, give equal bytes: each name and value stands after its length.
pub(crate) fn context_bytes(context: &BTreeMap<String, String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
