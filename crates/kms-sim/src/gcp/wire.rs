//! Values as Google's JSON writes them: bytes, whole numbers, times, checksums.

use data_encoding::{BASE64, BASE64URL};
use jiff::SignedDuration;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use strongroom_crypto::Timestamp;

use super::error::GcpError;

/// The members of a request's body.
pub(super) fn read<T: DeserializeOwned>(body: Value) -> Result<T, GcpError> {
    serde_json::from_value(body)
        .map_err(|error| GcpError::invalid(format!("Invalid JSON payload received. {error}")))
}

/// The body of a request, which is an object.
pub(super) fn parse(body: &[u8]) -> Result<Value, GcpError> {
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => Err(GcpError::invalid(
            "Invalid JSON payload received. It is no object.",
        )),
        Err(error) => Err(GcpError::invalid(format!(
            "Invalid JSON payload received. {error}"
        ))),
    }
}

/// Bytes of a request; none at all if they are not there.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Both alphabets are allowed.
        let bytes = BASE64.decode(text.as_bytes());
        let bytes = bytes.or_else(|_other| BASE64URL.decode(text.as_bytes()));
        bytes.map(Self).map_err(D::Error::custom)
    }
}

/// Bytes of an answer.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    Value::String(BASE64.encode(bytes))
}

/// A whole number of 64 bits: a text in JSON, whose numbers are not that exact. Numbers are read as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Int64(i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map(Self).map_err(D::Error::custom),
        }
    }
}

/// The CRC-32C of some bytes, for an answer.
pub(super) fn crc32c(bytes: &[u8]) -> Value {
    json!(::crc32c::crc32c(bytes).to_string())
}

/// Whether a checksum was sent; if it was, it must be that of the bytes that came.
pub(super) fn verified(field: &str, bytes: &[u8], sent: Option<Int64>) -> Result<bool, GcpError> {
    match sent {
        None => Ok(false),
        Some(Int64(sent)) if sent == i64::from(::crc32c::crc32c(bytes)) => Ok(true),
        Some(_) => Err(GcpError::invalid(format!(
            "The checksum in field {field}_crc32c did not match the data in field {field}."
        ))),
    }
}

/// A time of an answer (RFC 3339).
pub(super) fn time(time: Timestamp) -> Value {
    let text = jiff::Timestamp::from_microsecond(time.as_micros()).map(|time| time.to_string());
    text.map_or(Value::Null, Value::String)
}

/// A time of a request.
pub(super) fn read_time(text: &str) -> Result<Timestamp, GcpError> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| Timestamp::from_micros(time.as_microsecond()))
        .map_err(|error| GcpError::invalid(format!("Invalid time \"{text}\": {error}")))
}

/// A duration of a request in whole seconds: `86400s`.
pub(super) fn read_seconds(text: &str) -> Result<i64, GcpError> {
    let seconds = text
        .strip_suffix('s')
        .and_then(|text| text.parse::<f64>().ok());
    let duration = seconds.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    duration
        .map(|duration| duration.as_secs())
        .ok_or_else(|| GcpError::invalid(format!("Invalid duration \"{text}\"")))
}

/// A duration of an answer.
pub(super) fn seconds(seconds: i64) -> Value {
    json!(format!("{seconds}s"))
}
