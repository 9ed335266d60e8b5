//! CreateKey, DescribeKey, ListKeys, UpdateKeyDescription, EnableKey, DisableKey, ScheduleKeyDeletion,
//! CancelKeyDeletion.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AwsError;
use super::import::check_importable;
use super::input::{check_length, check_range, key_id, not_in_set, read, required};
use super::metadata::{metadata, state_name};
use super::paging::Page;
use super::session::{Session, seconds};
use super::specs::{SYMMETRIC_DEFAULT, check_usage, read_spec};
use super::tags::{Tag, read_tags};
use crate::keys::{KeyState, NewKey, Source};

pub(super) const MAX_DESCRIPTION: usize = 8192;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateKey {
    key_spec: Option<String>,
    /// The older name of the same.
    customer_master_key_spec: Option<String>,
    key_usage: Option<String>,
    origin: Option<String>,
    description: Option<String>,
    tags: Option<Vec<Tag>>,
    multi_region: Option<bool>,
}

pub(super) fn create_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: CreateKey = read(body)?;
    let spec = input.key_spec.or(input.customer_master_key_spec);
    let spec = read_spec(spec.as_deref().unwrap_or(SYMMETRIC_DEFAULT))?;
    check_usage(
        spec,
        input.key_usage.as_deref().unwrap_or("ENCRYPT_DECRYPT"),
    )?;
    let source = match input.origin.as_deref().unwrap_or("AWS_KMS") {
        "AWS_KMS" => Source::Cloud,
        "EXTERNAL" => {
            check_importable(spec)?;
            Source::Awaited
        }
        "AWS_CLOUDHSM" | "EXTERNAL_KEY_STORE" => {
            return Err(AwsError::unsupported(
                "The simulator has no custom key stores",
            ));
        }
        other => return Err(not_in_set(other, "origin")),
    };
    let description = input.description.unwrap_or_default();
    check_length(description.len(), "description", &(0..=MAX_DESCRIPTION))?;
    let wishes = NewKey {
        id: None,
        spec,
        source,
        multi_region: input.multi_region.unwrap_or_default(),
        description,
        tags: read_tags(input.tags.unwrap_or_default())?,
        visible_at: session.cloud.sky.visible_at(),
    };
    let key = session.cloud.keys.create(session.region, wishes);
    let key = key.map_err(session.about(""))?;
    Ok(json!({"KeyMetadata": metadata(&key, &session.cloud.account)}))
}

pub(super) fn describe_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let key = session.resolve(&key_id(body)?)?;
    Ok(json!({"KeyMetadata": metadata(&key, &session.cloud.account)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListKeys {
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list_keys(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ListKeys = read(body)?;
    let page = Page::read(input.marker, input.limit, 100, &(1..=1000))?;
    let ids = session.cloud.keys.list(session.region);
    let ids = ids.map_err(session.about(""))?.into_iter();
    let entries = ids.map(|id| {
        let entry = json!({"KeyId": id, "KeyArn": session.key_arn(&id)});
        (id, entry)
    });
    Ok(page.answer("Keys", entries.collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateKeyDescription {
    key_id: Option<String>,
    description: Option<String>,
}

pub(super) fn update_key_description(
    session: &Session<'_>,
    body: Value,
) -> Result<Value, AwsError> {
    let input: UpdateKeyDescription = read(body)?;
    let description = required(input.description, "description")?;
    check_length(description.len(), "description", &(0..=MAX_DESCRIPTION))?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    let keys = &session.cloud.keys;
    keys.describe(session.region, &key.id, description)
        .map_err(session.about(&key.id))?;
    Ok(Value::Null)
}

pub(super) fn enable_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    switch(session, body, true)
}

pub(super) fn disable_key(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    switch(session, body, false)
}

fn switch(session: &Session<'_>, body: Value, on: bool) -> Result<Value, AwsError> {
    let key = session.resolve_key(&key_id(body)?)?;
    let keys = &session.cloud.keys;
    keys.set_enabled(session.region, &key.id, on)
        .map_err(session.about(&key.id))?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleKeyDeletion {
    key_id: Option<String>,
    pending_window_in_days: Option<u32>,
}

pub(super) fn schedule_key_deletion(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ScheduleKeyDeletion = read(body)?;
    let days = input.pending_window_in_days.unwrap_or(30);
    let days = check_range(days, "pendingWindowInDays", &(7..=30))?;
    let key = session.resolve_key(&required(input.key_id, "keyId")?)?;
    let keys = &session.cloud.keys;
    let key = keys
        .schedule_deletion(session.region, &key.id, days)
        .map_err(session.about(&key.id))?;
    let mut answer = json!({
        "KeyId": session.key_arn(&key.id),
        "KeyState": state_name(key.state),
        "PendingWindowInDays": days,
    });
    if let (KeyState::PendingDeletion { at }, Some(members)) = (key.state, answer.as_object_mut()) {
        members.insert("DeletionDate".to_owned(), json!(seconds(at)));
    }
    Ok(answer)
}

pub(super) fn cancel_key_deletion(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let key = session.resolve_key(&key_id(body)?)?;
    let keys = &session.cloud.keys;
    keys.cancel_deletion(session.region, &key.id)
        .map_err(session.about(&key.id))?;
    Ok(json!({"KeyId": session.key_arn(&key.id)}))
}
