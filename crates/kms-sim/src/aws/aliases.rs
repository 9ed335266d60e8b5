//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::AwsError;
use super::input::{check_length, read, required};
use super::paging::Page;
use super::session::{Session, seconds};
use crate::keys::KeyError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasInput {
    alias_name: Option<String>,
    target_key_id: Option<String>,
}

pub(super) fn create_alias(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: AliasInput = read(body)?;
    let name = read_name(input.alias_name)?;
    let key = session.resolve_key(&required(input.target_key_id, "targetKeyId")?)?;
    let keys = &session.cloud.keys;
    keys.create_alias(session.region, &name, &key.id)
        .map_err(|error| about(session, error, &name, &key.id))?;
    Ok(Value::Null)
}

pub(super) fn update_alias(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: AliasInput = read(body)?;
    let name = read_name(input.alias_name)?;
    let key = session.resolve_key(&required(input.target_key_id, "targetKeyId")?)?;
    let keys = &session.cloud.keys;
    keys.update_alias(session.region, &name, &key.id)
        .map_err(|error| match error {
            KeyError::Unsupported(_) => AwsError::validation(format!(
                "Alias {name} can only be moved to a key of the same type and usage"
            )),
            error => about(session, error, &name, &key.id),
        })?;
    Ok(Value::Null)
}

pub(super) fn delete_alias(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: AliasInput = read(body)?;
    let name = read_name(input.alias_name)?;
    let keys = &session.cloud.keys;
    keys.delete_alias(session.region, &name)
        .map_err(|error| about(session, error, &name, ""))?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAliases {
    key_id: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list_aliases(session: &Session<'_>, body: Value) -> Result<Value, AwsError> {
    let input: ListAliases = read(body)?;
    let page = Page::read(input.marker, input.limit, 50, &(1..=100))?;
    let of_key = match input.key_id {
        Some(id) => Some(session.resolve_key(&id)?.id),
        None => None,
    };
    let all = session.cloud.keys.aliases(session.region);
    let all = all.map_err(session.about(""))?.into_iter();
    let wanted = all.filter(|alias| of_key.as_ref().is_none_or(|id| *id == alias.key_id));
    let entries = wanted.map(|alias| {
        let entry = json!({
            "AliasName": alias.name,
            "AliasArn": session.arn(&alias.name),
            "TargetKeyId": alias.key_id,
            "CreationDate": seconds(alias.created_at),
            "LastUpdatedDate": seconds(alias.updated_at),
        });
        (alias.name, entry)
    });
    Ok(page.answer("Aliases", entries.collect()))
}

fn read_name(name: Option<String>) -> Result<String, AwsError> {
    let name = required(name, "aliasName")?;
    check_length(name.len(), "aliasName", &(1..=256))?;
    if !name.starts_with("alias/") {
        return Err(AwsError::validation(
            "Alias must start with the prefix \"alias/\".",
        ));
    }
    if name.starts_with("alias/aws/") {
        return Err(AwsError::validation(
            "Aliases that begin with alias/aws/ are reserved",
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || ":/_-".contains(c);
    if name == "alias/" || !name.chars().all(allowed) {
        return Err(AwsError::new("InvalidAliasNameException", name));
    }
    Ok(name)
}

/// An error is about the alias, or about the key that it is to stand for.
fn about(session: &Session<'_>, error: KeyError, name: &str, key_id: &str) -> AwsError {
    let subject = match error {
        KeyError::AliasUnknown | KeyError::Exists => session.arn(name),
        _ => session.key_arn(key_id),
    };
    AwsError::of_key(error, &subject)
}
