//! Which key is meant: one by its fingerprint, or the one that a member uses now.

use std::{error::Error, str::FromStr, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages};
use strongroom_vault::{KeyEntry, Vault};

use crate::{
    access::Operation,
    context::Context,
    contract::strongroom::MemberKey,
    failure::{Failure, codes, in_words},
};

/// The key of a fingerprint that a request names.
pub(super) fn by_fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    read("fingerprint", text)
}

/// What the text of a field stands for.
pub(super) fn read<T: FromStr<Err: Error + 'static>>(
    field: &str,
    text: &str,
) -> Result<T, Failure> {
    text.parse()
        .map_err(|error| Failure::unreadable(format!("Field `{field}`: {}", in_words(&error))))
}

/// The key with which a member signs now, for the first of these usages.
pub(super) async fn current_signing(
    vault: &Vault,
    member: &MemberKey,
    usages: KeyUsages,
) -> Result<Fingerprint, Failure> {
    check_member(vault, member)?;
    let usage: Option<KeyUsage> = usages.iter().next();
    let usage = usage.ok_or_else(|| Failure::not_set("usages"))?;
    Ok(vault.current_signing_key(usage).await?)
}

/// The key that others encrypt to now.
pub(super) async fn current_encryption(
    vault: &Vault,
    member: &MemberKey,
) -> Result<Fingerprint, Failure> {
    check_member(vault, member)?;
    Ok(vault.current_encryption_key().await?)
}

/// A vault holds the keys of one node.
fn check_member(vault: &Vault, member: &MemberKey) -> Result<(), Failure> {
    let identity = vault.identity();
    let is_ours = member.member.is_empty()
        || identity.is_some_and(|identity| identity.member.to_string() == member.member);
    if is_ours {
        return Ok(());
    }
    Err(Failure::own(
        codes::OTHER_MEMBER,
        format!("this vault does not hold the keys of {}", member.member),
    ))
}

/// The key, if the caller may do this with it. What it may not use does not exist for it.
pub(super) fn allowed(
    vault: &Vault,
    context: &Context,
    operation: Operation,
    fingerprint: &Fingerprint,
) -> Result<Arc<KeyEntry>, Failure> {
    let key = vault.key(fingerprint)?;
    context.check_key(operation, &key)?;
    Ok(key)
}
