//! What topology says of the node, held against the keys that are here.

use strongroom_crypto::Fingerprint;
use strongroom_store::KeyState;
use strongroom_topology::{At, Member, OwnerToKeyMapping, StoreId};

use super::{Finding, Severity, counted, failed, finding, moment};
use crate::{KeyFilter, Rotation, Vault, VaultError};

pub(super) async fn findings(vault: &Vault) -> Vec<Finding> {
    match look(vault).await {
        Ok(findings) => findings,
        Err(error) => vec![failed("topology", &error)],
    }
}

async fn look(vault: &Vault) -> Result<Vec<Finding>, VaultError> {
    let rows = rows(vault).await?;
    let identity = vault.identity();
    let counted = counted(rows, "transaction");
    let mut findings = vec![finding(
        "topology",
        Severity::Ok,
        format!("{counted}, which add up to the state record"),
    )];
    if let Some(identity) = identity {
        let member = identity.member;
        findings.push(finding("identity", Severity::Ok, member.to_string()));
        findings.push(delegations(vault, &member).await?);
        findings.extend(announced_keys(vault, &member).await?);
    } else {
        let detail = "none yet: 'strongroom init --kind' makes it";
        findings.push(finding("identity", Severity::Ok, detail));
    }
    findings.extend(followed(vault).await?);
    findings.extend(retired_keys(vault).await?);
    findings.extend(rotations(vault).await?);
    Ok(findings)
}

async fn rows(vault: &Vault) -> Result<usize, VaultError> {
    let mut rows = 0;
    for id in vault.topology_stores().await? {
        rows += vault.topology(&id).await?.rows().len();
    }
    Ok(rows)
}

/// Whether everybody who was let sign for the node's namespace may.
async fn delegations(vault: &Vault, member: &Member) -> Result<Finding, VaultError> {
    let name = "delegations";
    let store = vault.topology(&StoreId::Authorized).await?;
    let graph = store.authorization_graph(member.uid.namespace(), At::Head);
    let dangling = graph.dangling();
    Ok(if !graph.has_root() {
        finding(
            name,
            Severity::Warning,
            "no root certificate is in force: nobody may sign for the namespace",
        )
    } else if dangling.is_empty() {
        let count = graph.delegations().count();
        finding(
            name,
            Severity::Ok,
            format!("{} may sign for the namespace", counted(count, "key")),
        )
    } else {
        let dangling: Vec<_> = dangling.iter().map(ToString::to_string).collect();
        let keys = dangling.join(", ");
        finding(
            name,
            Severity::Warning,
            format!("dangling, so that they may sign nothing: {keys}"),
        )
    })
}

/// Whether the node can do what others expect of each key that it announces.
async fn announced_keys(vault: &Vault, member: &Member) -> Result<Vec<Finding>, VaultError> {
    let store = vault.topology(&StoreId::Authorized).await?;
    let Some(mapping) = store.owner_to_key(member, At::Head) else {
        let detail = "none: finish the identity with 'strongroom init --kind'";
        return Ok(vec![finding("announced", Severity::Warning, detail)]);
    };
    let keys = mapping.keys();
    let mut findings = Vec::new();
    for key in keys.iter().map(|key| key.fingerprint()) {
        let wrong = match private_state(vault, &key) {
            Some(KeyState::Active) => continue,
            Some(KeyState::Retired) => "is retired, and signs nothing",
            _ => "has no private half here",
        };
        let detail = format!("{key} is announced and {wrong}");
        findings.push(finding("announced", Severity::Failed, detail));
    }
    if findings.is_empty() {
        let count = counted(keys.len(), "announced key");
        let detail = format!("{count}, and every private half is here");
        findings.push(finding("announced", Severity::Ok, detail));
    }
    Ok(findings)
}

fn private_state(vault: &Vault, key: &Fingerprint) -> Option<KeyState> {
    let entry = vault.key(key).ok()?;
    entry.private.as_ref().map(|private| private.state)
}

/// Others may still use what this node has put away.
async fn retired_keys(vault: &Vault) -> Result<Vec<Finding>, VaultError> {
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
        finding("retired", Severity::Warning, detail)
    };
    Ok(still.map(warn).collect())
}

/// Of each synchronizer that is followed, whether what it sent was taken.
async fn followed(vault: &Vault) -> Result<Vec<Finding>, VaultError> {
    let mut findings = Vec::new();
    for id in vault.topology_stores().await? {
        if !matches!(id, StoreId::Synchronizer(_)) {
            continue;
        }
        let store = vault.topology(&id).await?;
        let rows = store.rows().iter();
        let rejected = rows.filter(|row| row.rejection.is_some()).count();
        let (severity, found) = match rejected {
            0 => (Severity::Ok, "nothing rejected".to_owned()),
            count => (
                Severity::Warning,
                format!("{count} rejected: 'strongroom topology list --rejected --store {id}'"),
            ),
        };
        let counted = counted(store.rows().len(), "transaction");
        findings.push(finding(
            "followed",
            severity,
            format!("{id}: {counted}, {found}"),
        ));
    }
    Ok(findings)
}

/// Rotations under way, and which stores each waits for.
async fn rotations(vault: &Vault) -> Result<Vec<Finding>, VaultError> {
    let mut findings = Vec::new();
    for rotation in vault.rotations() {
        let since = moment(rotation.created_at);
        let (old, new) = (rotation.old, rotation.new);
        let waits = match waits_for(vault, &rotation).await? {
            stores if stores.is_empty() => String::new(),
            stores => format!(", waits for {}", stores.join(", ")),
        };
        let detail = format!(
            "of {old} to {new}, under way since {since}{waits}: 'strongroom keys rotate --resume'"
        );
        findings.push(finding("rotation", Severity::Warning, detail));
    }
    Ok(findings)
}

/// The stores that announce the node, and not the same of both keys as the node itself now.
async fn waits_for(vault: &Vault, rotation: &Rotation) -> Result<Vec<String>, VaultError> {
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
    let now = At::Time(vault.now());
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
