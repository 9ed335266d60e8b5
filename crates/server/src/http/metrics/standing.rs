//! How this process stands: its role, and what it has in memory.

use prometheus_client::registry::Registry;
use strongroom_vault::{Role, Vault};

use super::vault::{Float, count, family, to_f64};

pub(super) async fn register(registry: &mut Registry, vault: &Vault) {
    let (standing, readiness) = (vault.standing().await, vault.readiness());
    let roles = family(registry, "replica_role", "1 for the role of this process");
    for role in [Role::Alone, Role::Writer, Role::Replica] {
        let labels = vec![("role", role.name().to_owned())];
        let is_it = u64::from(role == standing.role);
        roles.get_or_create(&labels).set(to_f64(is_it));
    }
    let silence = Float::default();
    silence.set(standing.silence.as_secs_f64());
    let help = "How long ago the database was looked at; 0 if nobody else writes";
    registry.register("replica_silence_seconds", help, silence);
    for (name, help, value) in [
        (
            "in_touch",
            "1 if keys are used here",
            u64::from(standing.in_touch),
        ),
        (
            "degraded",
            "1 if the last look at the database failed, or the last change could not be kept",
            u64::from(standing.degraded.is_some()),
        ),
        (
            "opened_keys",
            "Private keys that are opened in memory",
            vault.opened_keys() as u64,
        ),
        (
            "waiting_keys",
            "Private keys that cannot be used now",
            readiness.keys_waiting as u64,
        ),
        (
            "in_doubt",
            "1 if it is not known whether the last change was done",
            u64::from(readiness.in_doubt),
        ),
        (
            "reopens",
            "1 if some key management system would open the vault again, as far as is known",
            u64::from(readiness.reopens),
        ),
    ] {
        count(registry, name, help, value);
    }
}
