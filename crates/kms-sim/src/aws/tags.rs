//! TagResource, UntagResource, ListResourceTags.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AwsError;
use super::input::{read, required};
use super::paging::Page;
use super::session::Session;

/// Tags of one key.
const MAX_TAGS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    tag_key: String,
    tag_value: String,
}

/// Refuses tags as AWS does; at most 50, each name once, none of AWS's own.
pub(super) fn read_tags(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, AwsError> {
    let wrong = |message: &str| AwsError::new("TagException", message);
    if tags.len() > MAX_TAGS {
        return Err(wrong("Too many tags"));
    }
    let mut read = BTreeMap::new();
    for Tag { tag_key, tag_value } in tags {
        if !(1..=128).contains(&tag_key.chars().count()) || tag_value.chars().count() > 256 {
            return Err(wrong(
                "A tag key has 1 to 128 characters, a tag value at most 256",
            ));
        }
        if tag_key.starts_with("aws:") {
            return Err(wrong("Tag keys that begin with aws: are reserved"));
        }
        if read.insert(tag_key, tag_value).is_some() {
            return Err(wrong("Duplicate tag keys"));
        }
    }
    Ok(read)
}

pub(super) fn tag_values(tags: &BTreeMap<String, String>) -> Vec<(String, Value)> {
    let values = tags.iter();
    values
        .map(|(name, value)| (name.clone(), json!({"TagKey": name, "TagValue": value})))
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    key_id: Option<String>,
    tags: Option<Vec<Tag>>,
}

pub(super) fn tag_resource(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: TagResource = read(body)?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    let tags = read_tags(required(input.tags, "tags")?)?;
    let keys = &session.cloud.keys;
    keys.tag(session.region, &key.id, tags, MAX_TAGS)
        .map_err(session.about(&key.id))?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResource {
    key_id: Option<String>,
    tag_keys: Option<Vec<String>>,
}

pub(super) fn untag_resource(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: UntagResource = read(body)?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    let names = required(input.tag_keys, "tagKeys")?;
    let keys = &session.cloud.keys;
    keys.untag(session.region, &key.id, &names)
        .map_err(session.about(&key.id))?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListResourceTags {
    key_id: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list_resource_tags(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ListResourceTags = read(body)?;
    let page = Page::read(input.marker, input.limit, 50, &(1..=50))?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    Ok(page.answer("Tags", tag_values(&key.tags)))
}
