//! The numbers of a vault, as OpenMetrics has them. No number names a key of the vault.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use strongroom_crypto::Timestamp;
use strongroom_vault::{Numbers, SessionEncryptionNumbers};

/// A number by labels.
pub(super) type Labels = Vec<(&'static str, String)>;
pub(super) type Float = Gauge<f64, AtomicU64>;

/// The numbers of a vault as OpenMetrics text. Gauges only: a textfile collector refuses the kinds that OpenMetrics added.
///
/// # Errors
/// None but what the encoder may say.
pub fn vault_metrics(numbers: &Numbers) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("strongroom");
    register(&mut registry, numbers);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

/// Puts the numbers of a vault into a registry whose prefix is `strongroom`.
pub(super) fn register(registry: &mut Registry, numbers: &Numbers) {
    of_keys(registry, numbers);
    of_ages(registry, numbers);
    of_backups(registry, numbers);
    of_wrapper_keys(registry, numbers);
    of_session_secrets(registry, &numbers.session_encryption);
    count(
        registry,
        "generation",
        "Commits of the vault",
        numbers.generation,
    );
    let (records, lag) = (numbers.audit_records, numbers.audit_lag);
    count(
        registry,
        "audit_records",
        "Records of the audit log",
        records,
    );
    let help = "Uses of keys whose audit records are not durable yet";
    count(registry, "audit_lag_uses", help, lag.uses);
    let help = "How long ago the first of those uses was";
    let oldest = Float::default();
    oldest.set(lag.oldest.as_secs_f64());
    registry.register("audit_lag_seconds", help, oldest);
    of_session_keys(registry, numbers);
    let quarantined = u64::from(numbers.quarantined);
    let help = "1 if the vault was restored and signs nothing yet";
    count(registry, "quarantined", help, quarantined);
    let pending = numbers.pending_approvals as u64;
    let help = "Requests that wait for a second person";
    count(registry, "approvals_pending", help, pending);
    let help = "Keys of parties that failed since the vault was opened, so that another one was asked in their place";
    count(
        registry,
        "party_keys_passed_over",
        help,
        numbers.party_keys_passed_over,
    );
    let broken = numbers.broken_glass as u64;
    let help = "What was done without the second person that it needs, and nobody has acknowledged";
    count(registry, "break_glass_unacknowledged", help, broken);
}

fn of_keys(registry: &mut Registry, numbers: &Numbers) {
    let keys = family(registry, "private_keys", "Keys with a private half");
    for ((custody, state), count) in &numbers.private_keys {
        let labels = vec![
            ("custody", (*custody).to_owned()),
            ("state", (*state).to_owned()),
        ];
        keys.get_or_create(&labels).set(to_f64(*count as u64));
    }
    for (name, help, keys) in [
        (
            "public_keys",
            "Keys with a public half only",
            numbers.public_keys,
        ),
        (
            "exposed_keys",
            "Keys that are or were stored readable",
            numbers.exposed_keys,
        ),
        (
            "copied_keys",
            "Keys that a KMS holds and of which a sealed copy is left",
            numbers.copied_keys,
        ),
    ] {
        count(registry, name, help, keys as u64);
    }
}

fn of_session_keys(registry: &mut Registry, numbers: &Numbers) {
    for (name, help, number) in [
        (
            "session_signing_keys",
            "Session keys in memory",
            numbers.session_keys as u64,
        ),
        (
            "session_signing_keys_made",
            "Session keys made since the vault was opened",
            numbers.session_keys_made,
        ),
        (
            "session_signing_keys_fallback",
            "Signatures by a long-term key because no session key could make them",
            numbers.session_key_fallbacks,
        ),
    ] {
        count(registry, name, help, number);
    }
}

fn of_ages(registry: &mut Registry, numbers: &Numbers) {
    let oldest = family(
        registry,
        "key_age_max_seconds",
        "Age of the oldest key in use",
    );
    let limits = family(registry, "key_age_limit_seconds", "The configured limit");
    let overdue = family(
        registry,
        "keys_overdue",
        "Keys in use that are older than the limit",
    );
    for (class, ages) in &numbers.ages {
        let labels = vec![("usage", class.name().to_owned())];
        if let Some(age) = ages.oldest {
            oldest.get_or_create(&labels).set(age.as_secs_f64());
        }
        if let Some(limit) = ages.limit {
            limits.get_or_create(&labels).set(limit.as_secs_f64());
        }
        let count = ages.overdue as u64;
        overdue.get_or_create(&labels).set(to_f64(count));
    }
}

fn of_backups(registry: &mut Registry, numbers: &Numbers) {
    let backups = family(registry, "backups", "Backups that the vault remembers");
    let unverified = numbers.backups.saturating_sub(numbers.verified_backups);
    for (verified, count) in [("true", numbers.verified_backups), ("false", unverified)] {
        let labels = vec![("verified", verified.to_owned())];
        backups.get_or_create(&labels).set(to_f64(count as u64));
    }
    let help = "When the newest verified backup was made; 0 without one";
    let gauge = Float::default();
    gauge.set(numbers.last_verified_backup.map_or(0.0, seconds));
    registry.register("last_verified_backup_timestamp_seconds", help, gauge);
}

fn of_wrapper_keys(registry: &mut Registry, numbers: &Numbers) {
    let help = "1 for the state that the KMS tells of a wrapper key in use";
    let states = family(registry, "wrapper_key_state", help);
    for key in &numbers.wrapper_keys {
        for state in [
            "usable",
            "disabled",
            "pending-deletion",
            "gone",
            "not-known",
        ] {
            let labels = vec![
                ("kms", key.kms.clone()),
                ("wrapper_key_id", key.wrapper_key_id.clone()),
                ("state", state.to_owned()),
            ];
            let is_it = u64::from(key.state.name() == state);
            states.get_or_create(&labels).set(to_f64(is_it));
        }
    }
    let rotated = numbers.rotated_in_kms.len();
    for (name, help, number) in [
        (
            "wrapper_keys_rotated_in_kms",
            "Wrapper keys in use whose material their KMS rotated after the data key was wrapped",
            rotated,
        ),
        (
            "wrapper_key_rotation_under_way",
            "1 while the wrapper key is rotated",
            usize::from(numbers.wrapper_key_rotation),
        ),
        (
            "node_key_rotations_under_way",
            "Rotations of node keys that were begun and not finished",
            numbers.node_key_rotations,
        ),
        (
            "retired_data_keys",
            "Data keys that only backups need",
            numbers.retired_data_keys,
        ),
    ] {
        count(registry, name, help, number as u64);
    }
}

fn of_session_secrets(registry: &mut Registry, numbers: &SessionEncryptionNumbers) {
    for (name, help, sender, receiver) in [
        (
            "session_secrets",
            "Secrets of session encryption keys in memory",
            numbers.sender_entries as u64,
            numbers.receiver_entries as u64,
        ),
        (
            "session_secrets_found",
            "Uses of keys that they spared since the start",
            numbers.sender_hits,
            numbers.receiver_hits,
        ),
        (
            "session_secrets_made",
            "Secrets that were encrypted or decrypted since the start",
            numbers.sender_misses,
            numbers.receiver_misses,
        ),
    ] {
        let caches = family(registry, name, help);
        for (cache, number) in [("sender", sender), ("receiver", receiver)] {
            let labels = vec![("cache", cache.to_owned())];
            caches.get_or_create(&labels).set(to_f64(number));
        }
    }
}

pub(super) fn family(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
) -> Family<Labels, Float> {
    let family = Family::<Labels, Float>::default();
    registry.register(name, help, family.clone());
    family
}

pub(super) fn count(registry: &mut Registry, name: &'static str, help: &'static str, value: u64) {
    let gauge = Float::default();
    gauge.set(to_f64(value));
    registry.register(name, help, gauge);
}

fn seconds(at: Timestamp) -> f64 {
    to_f64(at.as_micros().max(0).unsigned_abs()) / 1_000_000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "monitoring knows floating point only; it is exact to 2^53"
)]
pub(super) fn to_f64(value: u64) -> f64 {
    value as f64
}
