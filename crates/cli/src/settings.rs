//! From the configuration to the settings of a vault.
//!
//! Nothing is left out silently: what a section says and this program does not understand is refused, since what is not listed
//! (what a synchronizer takes, for example) is not limited.

use anyhow::Context as _;
use strongroom_config::{
    ApprovalsConfig, AuditConfig, CacheConfig, Config, ConfigError, CustodyConfig, CustodyName,
    MaxKeyAgeConfig, ReplicaConfig, SealingName, ServerConfig, SessionCacheConfig,
    SessionEncryptionConfig, SessionSigningKeysConfig, SignatureRecordsName, SynchronizerConfig,
};
use strongroom_crypto::{KeyUsage, SigningAlgorithms};
use strongroom_store::{Custody, Sealing};
use strongroom_topology::PhysicalSynchronizerId;
use strongroom_vault::{
    AnchorTagSettings, ApprovalSettings, AuditSettings, CacheSettings, CustodyDefaults,
    FindingLimits, KeyAgeLimits, KmsWatchSettings, ReplicaSettings, RequiredEncryption,
    RequiredSchemes, SessionCacheBounds, SessionEncryptionSettings, SessionSigningSettings,
    Settings, SynchronizerSchemes, UseRecords,
};

/// Refuses a configuration that is right in form and that this program cannot go by.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    settings(config)?;
    rehearsal_synchronizer(&config.server)?;
    Ok(())
}

/// The vault's settings, from the configuration.
pub(crate) fn settings(config: &Config) -> anyhow::Result<Settings> {
    let synchronizers = config.synchronizers.iter().map(schemes);
    Ok(Settings {
        custody: custody(&config.custody),
        cache: cache(&config.cache),
        session_encryption: session_encryption(&config.session_encryption_keys),
        kms_watch: KmsWatchSettings {
            check_wrapper_keys_every: Some(config.kms_watch.check_wrapper_keys_every)
                .filter(|every| !every.is_zero()),
        },
        reverted: config.custody.reverted,
        max_key_age: key_age_limits(&config.policy.max_key_age),
        anchor_tag: config.anchor.kms_tag.as_ref().map(|kms| AnchorTagSettings {
            kms: kms.clone(),
            every: Some(config.anchor.kms_tag_every).filter(|every| !every.is_zero()),
        }),
        replica: replica(&config.replica),
        audit: audit(&config.audit),
        session_signing: session_signing(&config.session_signing_keys)?,
        clock_tolerance: config.vault.clock_tolerance,
        synchronizers: synchronizers.collect::<anyhow::Result<_>>()?,
        approvals: approvals(&config.approvals),
        ..Settings::default()
    })
}

/// Where private keys are kept of which nothing else is said.
pub(crate) fn custody(config: &CustodyConfig) -> CustodyDefaults {
    let named = [
        (KeyUsage::Namespace, config.namespace),
        (KeyUsage::SequencerAuthentication, config.sequencer_auth),
        (KeyUsage::Protocol, config.protocol),
    ];
    let by_usage = named
        .into_iter()
        .filter_map(|(usage, name)| Some((usage, custody_of(name?))))
        .collect();
    CustodyDefaults {
        by_usage,
        signing: custody_of(config.default),
        encryption: custody_of(config.encryption.unwrap_or(config.default)),
        sealing: match config.sealing {
            SealingName::DataKey => Sealing::DataKey,
            SealingName::Direct => Sealing::Direct,
        },
        external_kms: config.external_kms.clone(),
        destroy_after: config
            .destroy_after
            .unwrap_or(CustodyDefaults::default().destroy_after),
    }
}

/// From when on something is told by whoever looks the vault over.
pub(crate) fn finding_limits(config: &Config) -> FindingLimits {
    FindingLimits {
        max_backup_age: config.policy.max_backup_age,
        silent_after: config.replica.silent_after,
    }
}

pub(crate) fn approvals(config: &ApprovalsConfig) -> ApprovalSettings {
    ApprovalSettings {
        operations: config.operations.clone(),
        approvers: config.approvers.clone(),
        expire_after: config.expire_after,
        break_glass: config.break_glass,
    }
}

fn session_encryption(config: &SessionEncryptionConfig) -> SessionEncryptionSettings {
    let bounds = |cache: &SessionCacheConfig| SessionCacheBounds {
        maximum_size: cache.maximum_size,
        expire_after: cache.expire_after_timeout,
    };
    SessionEncryptionSettings {
        enabled: config.enabled,
        sender: bounds(&config.sender_cache),
        receiver: bounds(&config.receiver_cache),
    }
}

fn audit(config: &AuditConfig) -> AuditSettings {
    AuditSettings {
        records_per_checkpoint: config.records_per_checkpoint,
        checkpoint_every: config.checkpoint_every,
        uses: match config.signatures {
            SignatureRecordsName::Off => UseRecords::Off,
            SignatureRecordsName::Batched => UseRecords::Batched,
            SignatureRecordsName::Each => UseRecords::Each,
        },
        window: config.window,
    }
}

/// None if they are not enabled.
fn session_signing(
    config: &SessionSigningKeysConfig,
) -> Result<Option<SessionSigningSettings>, ConfigError> {
    if !config.enabled {
        return Ok(None);
    }
    Ok(Some(SessionSigningSettings {
        validity: config.validity_seconds()?,
        tolerance: config.tolerance_shift_duration,
        cut_off: config.cut_off_duration,
        eviction: config.key_eviction_period,
        spec: config.spec()?,
        every_custody: config.non_standard_config,
    }))
}

fn schemes(
    config: &SynchronizerConfig,
) -> anyhow::Result<(PhysicalSynchronizerId, SynchronizerSchemes)> {
    let id = physical_id("synchronizers", "synchronizer", &config.synchronizer)?;
    let ((signing, signing_keys), (encryption, encryption_keys)) =
        (config.signing()?, config.encryption()?);
    let schemes = SynchronizerSchemes {
        signing: RequiredSchemes {
            algorithms: SigningAlgorithms::of(&signing),
            keys: signing_keys.into_iter().collect(),
            formats: config.signature_formats()?.into_iter().collect(),
        },
        encryption: RequiredEncryption {
            algorithms: encryption.into_iter().collect(),
            keys: encryption_keys.into_iter().collect(),
        },
    };
    Ok((id, schemes))
}

/// The synchronizer whose store sequences by itself, if there is one.
pub(crate) fn rehearsal_synchronizer(
    config: &ServerConfig,
) -> anyhow::Result<Option<PhysicalSynchronizerId>> {
    let named = config.rehearsal_synchronizer.as_ref();
    named
        .map(|text| physical_id("server", "rehearsal-synchronizer", text))
        .transpose()
}

/// What topology reads as one, with a namespace that can have keys: a text that no synchronizer is called by, such as a mistyped
/// fingerprint, would be about none.
fn physical_id(
    section: &'static str,
    field: &'static str,
    text: &str,
) -> anyhow::Result<PhysicalSynchronizerId> {
    let id = text.parse().ok();
    id.filter(|id: &PhysicalSynchronizerId| id.synchronizer.namespace().fingerprint().is_some())
        .ok_or(ConfigError::BadValue {
            section,
            field,
            expected: "the physical id of a synchronizer: NAME::NAMESPACE::VERSION-SERIAL, with a name of letters, digits, \
                       '-', '_', single ':' and spaces, a fingerprint as namespace, and numbers of at most 2147483647",
        })
        .with_context(|| format!("{text:?}"))
}

fn replica(config: &ReplicaConfig) -> ReplicaSettings {
    ReplicaSettings {
        writes: config.writes,
        wait_for_lease: config.wait_for_lease,
        longest_change: config.longest_change,
        look_every: config.look_every,
        use_without_store: config.use_without_store,
        strict: config.strict,
    }
}

fn cache(config: &CacheConfig) -> CacheSettings {
    CacheSettings {
        capacity: config.capacity,
        expire_after: config.expire_after,
        keep_while_kms_is_down: config.keep_while_kms_is_down,
    }
}

fn key_age_limits(config: &MaxKeyAgeConfig) -> KeyAgeLimits {
    KeyAgeLimits {
        namespace: config.namespace,
        sequencer_auth: config.sequencer_auth,
        protocol: config.protocol,
        encryption: config.encryption,
        wrapper_key: config.wrapper_key,
    }
}

fn custody_of(name: CustodyName) -> Custody {
    match name {
        CustodyName::Clear => Custody::Clear,
        CustodyName::Envelope => Custody::Envelope,
        CustodyName::External => Custody::External,
    }
}

#[cfg(test)]
mod tests {
    use strongroom_config::EXAMPLE;
    use strongroom_crypto::SigningKeySpec;

    use super::*;
    use crate::failure::code_of;

    const NAMESPACE: &str = "1220abababababababababababababababababababababababababababababababab";

    fn configured(section: &str) -> Config {
        Config::parse(&format!("{EXAMPLE}\n{section}")).unwrap()
    }

    fn with_synchronizer(id: &str) -> Config {
        configured(&format!(
            "[[synchronizers]]\nsynchronizer = {id:?}\n\
             required-signing-specs = {{ algorithms = ['ec-dsa-sha-256'], keys = ['ec-p-256'] }}"
        ))
    }

    /// What is no physical id of a synchronizer that there can be.
    fn no_synchronizers() -> Vec<String> {
        vec![
            "da".to_owned(),
            format!("da::{NAMESPACE}"),
            format!("da::{NAMESPACE}::35"),
            format!("da::{NAMESPACE}::035-0"),
            format!("da::{NAMESPACE}::35-2147483648"),
            format!("da::{NAMESPACE}::2147483648-0"),
            format!("da::{NAMESPACE}::Dev-0"),
            format!("da::{}::35-0", &NAMESPACE[1..]),
            format!("da::{}::35-0", NAMESPACE.replace('a', "A")),
            format!("da:::{NAMESPACE}::35-0"),
            format!("::{NAMESPACE}::35-0"),
            format!("d\u{e4}::{NAMESPACE}::35-0"),
            format!("{}::{NAMESPACE}::35-0", "d".repeat(186)),
        ]
    }

    #[test]
    fn what_a_synchronizer_takes_is_what_its_section_says() {
        for id in [
            format!("da::{NAMESPACE}::35-2147483647"),
            format!("da::{NAMESPACE}::dev-1"),
        ] {
            let settings = settings(&with_synchronizer(&id)).unwrap();
            let known = settings.synchronizers.get(&id.parse().unwrap()).unwrap();
            assert_eq!(known.signing.keys, [SigningKeySpec::EcP256].into());
            assert_eq!(known.encryption, RequiredEncryption::default());
        }
    }

    #[test]
    fn no_section_about_a_synchronizer_is_left_out() {
        for wrong in no_synchronizers() {
            let refused = check(&with_synchronizer(&wrong)).unwrap_err();
            let told = format!("{refused:#}");
            assert!(told.contains(&wrong), "{told}");
            assert!(
                told.contains("synchronizers.synchronizer must be"),
                "{told}"
            );
            assert_eq!(code_of(&refused).unwrap().name(), "CONFIG_INVALID");
        }
    }

    #[test]
    fn the_synchronizer_of_rehearsals_is_one() {
        let named = |id: &str| configured(&format!("[server]\nrehearsal-synchronizer = {id:?}"));
        for wrong in no_synchronizers() {
            let told = format!("{:#}", check(&named(&wrong)).unwrap_err());
            assert!(
                told.contains("server.rehearsal-synchronizer must be"),
                "{told}"
            );
        }
        check(&named(&format!("da::{NAMESPACE}::35-0"))).unwrap();
    }

    /// A configuration that a program made, and that nobody has validated.
    #[test]
    fn session_keys_that_are_enabled_are_made_or_refused() {
        let mut config = configured("");
        config.session_signing_keys.enabled = true;
        assert!(settings(&config).unwrap().session_signing.is_some());
        config.session_signing_keys.signing_key_spec = "ec-p-257".to_owned();
        let refused = settings(&config).unwrap_err();
        assert_eq!(code_of(&refused).unwrap().name(), "CONFIG_INVALID");
        config.session_signing_keys.enabled = false;
        assert!(settings(&config).unwrap().session_signing.is_none());
    }
}
