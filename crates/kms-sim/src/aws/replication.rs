//! ReplicateKey.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AwsError;
use super::input::{check_length, read, required};
use super::lifecycle::MAX_DESCRIPTION;
use super::metadata::metadata;
use super::session::Session;
use super::tags::{Tag, read_tags, tag_values};
use crate::keys::ReplicaRequest;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReplicateKey {
    key_id: Option<String>,
    replica_region: Option<String>,
    description: Option<String>,
    tags: Option<Vec<Tag>>,
}

pub(super) fn replicate_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ReplicateKey = read(body)?;
    let region = required(input.replica_region, "replicaRegion")?;
    if !is_region(&region) {
        return Err(AwsError::validation(format!("'{region}' is no region")));
    }
    let description = input.description.unwrap_or_default();
    check_length(description.len(), "description", &(0..=MAX_DESCRIPTION))?;
    let request = ReplicaRequest {
        region,
        description,
        tags: read_tags(input.tags.unwrap_or_default())?,
        visible_at: session.cloud.sky.visible_at(),
    };
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    let keys = &session.cloud.keys;
    let replica = keys
        .replicate(session.region, &key.id, request)
        .map_err(session.about(&key.id))?;
    let tags = tag_values(&replica.tags).into_iter();
    let tags: Vec<Value> = tags.map(|(_, tag)| tag).collect();
    Ok(json!({
        "ReplicaKeyMetadata": metadata(&replica, &session.cloud.account),
        "ReplicaTags": tags,
    }))
}

/// Two or three words and a number, joined by `-`: `eu-central-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let Some((number, names)) = words.split_last() else {
        return false;
    };
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    (2..=3).contains(&names.len())
        && names.iter().all(is_name)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}
