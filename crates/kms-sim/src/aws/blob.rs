//! Bytes in JSON: Base64.

use data_encoding::BASE64;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Bytes of a request.
pub(super) struct Blob(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Bytes of an answer.
pub(super) fn blob(bytes: &[u8]) -> Value {
    Value::String(BASE64.encode(bytes))
}
