//! What topology says of the node, held against the keys that are here.

use strongroom_crypto::{
    Fingerprint,
    clock::{Clock, SystemClock},
};
use strongroom_store::KeyState;
use strongroom_topology::{At, Member, OwnerToKeyMapping, StoreId};
use strongroom_vault::{KeyFilter, Vault, VaultError};

use super::{Check, Status, check, failed};
use crate::output;

pub(super) async fn checks(vault: &Vault) -> Vec<Check> {
    match look(vault).await {
        Ok(checks) => checks,
        Err(error) => vec![failed("topology", &error.into())],
    }
}

async fn look(vault: &Vault) -> Result<Vec<Check>, VaultError> {
    let rows = rows(vault).await?;
    let identity = vault.identity();
    let counted = output::counted(rows, "transaction");
    let mut checks = vec![check(
        "topology",
        Status::Ok,
        format!("{counted}, which add up to the state record"),
    )];
    if let Some(identity) = identity {
        let member = identity.member;
        checks.push(check("identity", Status::Ok, member.to_string()));
        checks.push(delegations(vault, &member).await?);
        checks.extend(announced_keys(vault, &member).await?);
    } else {
        let detail = "none yet: 'strongroom init --kind' makes it";
        checks.push(check("identity", Status::Ok, detail));
    }
    checks.extend(followed(vault).await?);
    checks.extend(retired_keys(vault).await?);
    checks.extend(rotations(vault).await?);
    Ok(checks)
}

async fn rows(vault: &Vault) -> Result<usize, VaultError> {
    let mut rows = 0;
    for id in vault.topology_stores().await? {
        rows += vault.topology(&id).await?.rows().len();
    }
    Ok(rows)
}

/// Whether everybody who was let sign for the node's namespace may.
async fn delegations(vault: &Vault, member: &Member) -> Result<Check, VaultError> {
    let name = "delegations";
    let store = vault.topology(&StoreId::Authorized).await?;
    let graph = store.authorization_graph(member.uid.namespace(), At::Head);
    let dangling = graph.dangling();
    Ok(if !graph.has_root() {
        check(
            name,
            Status::Warning,
            "no root certificate is in force: nobody may sign for the namespace",
        )
    } else if dangling.is_empty() {
        let count = graph.delegations().count();
        check(
            name,
            Status::Ok,
            format!(
                "{} may sign for the namespace",
                output::counted(count, "key")
            ),
        )
    } else {
        let dangling: Vec<_> = dangling.iter().map(ToString::to_string).collect();
        let keys = dangling.join(", ");
        check(
            name,
            Status::Warning,
            format!("dangling, so that they may sign nothing: {keys}"),
        )
    })
}

/// Whether the node can do what others expect of each key that it announces.
async fn announced_keys(vault: &Vault, member: &Member) -> Result<Vec<Check>, VaultError> {
    let store = vault.topology(&StoreId::Authorized).await?;
    let Some(mapping) = store.owner_to_key(member, At::Head) else {
        let detail = "none: finish the identity with 'strongroom init --kind'";
        return Ok(vec![check("announced", Status::Warning, detail)]);
    };
    let keys = mapping.keys();
    let mut checks = Vec::new();
    for key in keys.iter().map(|key| key.fingerprint()) {
        let wrong = match private_state(vault, &key) {
            Some(KeyState::Active) => continue,
            Some(KeyState::Retired) => "is retired, and signs nothing",
            _ => "has no private half here",
        };
        let detail = format!("{key} is announced and {wrong}");
        checks.push(check("announced", Status::Failed, detail));
    }
    if checks.is_empty() {
        let count = output::counted(keys.len(), "announced key");
        let detail = format!("{count}, and every private half is here");
        checks.push(check("announced", Status::Ok, detail));
    }
    Ok(checks)
}

fn private_state(vault: &Vault, key: &Fingerprint) -> Option<KeyState> {
    let entry = vault.key(key).ok()?;
    entry.private.as_ref().map(|private| private.state)
}

/// Others may still use what this node has put away.
async fn retired_keys(vault: &Vault) -> Result<Vec<Check>, VaultError> {
    let announced = vault.announced_keys().await?;
    let keys = vault.list(&KeyFilter::default())?;
    let retired = keys.iter().map(|entry| entry.fingerprint());
    let retired = retired.filter(|key| private_state(vault, key) == Some(KeyState::Retired));
    let still = retired.filter_map(|key| Some((key, announced.get(&key)?)));
    let warn = |(key, places): (Fingerprint, &Vec<String>)| {
        let detail = format!(
            "{key} is retired and still announced: {}",
            places.join(", ")
        );
        check("retired", Status::Warning, detail)
    };
    Ok(still.map(warn).collect())
}

/// Of each synchronizer that is followed, whether what it sent was taken.
async fn followed(vault: &Vault) -> Result<Vec<Check>, VaultError> {
    let mut checks = Vec::new();
    for id in vault.topology_stores().await? {
        if !matches!(id, StoreId::Synchronizer(_)) {
            continue;
        }
        let store = vault.topology(&id).await?;
        let rows = store.rows().iter();
        let rejected = rows.filter(|row| row.rejection.is_some()).count();
        let (status, found) = match rejected {
            0 => (Status::Ok, "nothing rejected".to_owned()),
            count => (
                Status::Warning,
                format!("{count} rejected: 'strongroom topology list --rejected --store {id}'"),
            ),
        };
        let counted = output::counted(store.rows().len(), "transaction");
        checks.push(check(
            "followed",
            status,
            format!("{id}: {counted}, {found}"),
        ));
    }
    Ok(checks)
}

/// Rotations under way, and which stores each waits for.
async fn rotations(vault: &Vault) -> Result<Vec<Check>, VaultError> {
    let mut checks = Vec::new();
    for rotation in vault.rotations() {
        let since = output::moment(rotation.created_at);
        let (old, new) = (rotation.old, rotation.new);
        let waits = match waits_for(vault, &rotation).await? {
            stores if stores.is_empty() => String::new(),
            stores => format!(", waits for {}", stores.join(", ")),
        };
        let detail = format!(
            "of {old} to {new}, under way since {since}{waits}: 'strongroom keys rotate --resume'"
        );
        checks.push(check("rotation", Status::Warning, detail));
    }
    Ok(checks)
}

/// The stores that announce the node, and not the same of both keys as the node itself now.
async fn waits_for(
    vault: &Vault,
    rotation: &strongroom_vault::Rotation,
) -> Result<Vec<String>, VaultError> {
    let both = |mapping: &OwnerToKeyMapping| {
        (
            mapping.contains(&rotation.old),
            mapping.contains(&rotation.new),
        )
    };
    let authorized = vault.topology(&StoreId::Authorized).await?;
    let announced = authorized
        .owner_to_key(&rotation.member, At::Head)
        .map(both);
    let now = At::Time(SystemClock.now());
    let mut late = Vec::new();
    for id in vault.topology_stores().await? {
        let store = vault.topology(&id).await?;
        let there = store.owner_to_key(&rotation.member, now).map(both);
        if id != StoreId::Authorized && there.is_some() && there != announced {
            late.push(id.to_string());
        }
    }
    Ok(late)
}
