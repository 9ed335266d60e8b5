//! Reading the members of a request, and refusing them as AWS does.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::blob::Blob;
use super::error::AwsError;

/// The members of a request.
pub(super) fn read<T: DeserializeOwned>(body: Value) -> Result<T, AwsError> {
    serde_json::from_value(body)
        .map_err(|error| AwsError::new("SerializationException", error.to_string()))
}

/// A request whose only member that counts names a key.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OnlyKeyId {
    key_id: Option<String>,
}

/// The key id of a request that has nothing else.
pub(super) fn key_id(body: Value) -> Result<String, AwsError> {
    required(read::<OnlyKeyId>(body)?.key_id, "keyId")
}

/// A member that must be there.
pub(super) fn required<T>(member: Option<T>, name: &str) -> Result<T, AwsError> {
    member.ok_or_else(|| violation("Value null", name, "not be null"))
}

/// A member of bytes that must be there, so many of them.
pub(super) fn sized(
    member: Option<Blob>,
    name: &str,
    sizes: RangeInclusive<usize>,
) -> Result<Vec<u8>, AwsError> {
    let Blob(bytes) = required(member, name)?;
    check_length(bytes.len(), name, &sizes)?;
    Ok(bytes)
}

/// Refuses a text or bytes of a length that may not be.
pub(super) fn check_length(
    length: usize,
    name: &str,
    lengths: &RangeInclusive<usize>,
) -> Result<(), AwsError> {
    let (least, most) = (lengths.start(), lengths.end());
    if length < *least {
        let must = format!("have length greater than or equal to {least}");
        return Err(violation("Value", name, &must));
    }
    if length > *most {
        let must = format!("have length less than or equal to {most}");
        return Err(violation("Value", name, &must));
    }
    Ok(())
}

/// Refuses a number out of its range.
pub(super) fn check_range<N: PartialOrd + Display>(
    value: N,
    name: &str,
    range: &RangeInclusive<N>,
) -> Result<N, AwsError> {
    let (least, most) = (range.start(), range.end());
    if value < *least {
        let must = format!("have value greater than or equal to {least}");
        return Err(violation(&format!("Value '{value}'"), name, &must));
    }
    if value > *most {
        let must = format!("have value less than or equal to {most}");
        return Err(violation(&format!("Value '{value}'"), name, &must));
    }
    Ok(value)
}

/// A text that is none of those that it may be.
pub(super) fn not_in_set(value: &str, name: &str) -> AwsError {
    violation(&format!("Value '{value}'"), name, "satisfy enum value set")
}

fn violation(value: &str, name: &str, must: &str) -> AwsError {
    AwsError::validation(format!(
        "1 validation error detected: {value} at '{name}' failed to satisfy constraint: Member must {must}"
    ))
}
