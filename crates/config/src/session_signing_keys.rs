//! `[session-signing-keys]`: keys in memory that sign for keys which a KMS holds.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};
use strongroom_crypto::{SigningAlgorithm, SigningKeySpec};

use crate::{
    duration,
    error::ConfigError,
    kms::{KmsConfig, KmsProviderConfig},
};

/// Keys in memory that sign messages of the protocol for keys which a KMS holds. Names, defaults and rules are Canton's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SessionSigningKeysConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// How long a session key is valid, in whole seconds.
    #[serde(with = "duration")]
    pub key_validity_duration: Duration,
    /// The validity of a new key begins so long before the time of the first message.
    #[serde(with = "duration")]
    pub tolerance_shift_duration: Duration,
    /// Where the time of the state is known about only, a key is used no nearer to the ends of its validity than this.
    #[serde(with = "duration")]
    pub cut_off_duration: Duration,
    /// So long after it was made a key is wiped.
    #[serde(with = "duration")]
    pub key_eviction_period: Duration,
    /// The algorithm of session keys.
    pub signing_algorithm_spec: String,
    /// The spec of session keys.
    pub signing_key_spec: String,
    /// For how long the node's messages may wait to be sequenced, as it is configured there.
    #[serde(with = "duration")]
    pub max_sequencing_time_offset: Duration,
    /// Takes durations that do not go together. Needs `non-standard-config`.
    pub disable_bound_checks: bool,
    /// Takes what is of use in tests only: session keys without a KMS, and experimental specs.
    pub non_standard_config: bool,
}

impl Default for SessionSigningKeysConfig {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            enabled: false,
            key_validity_duration: minutes(5),
            tolerance_shift_duration: minutes(2),
            cut_off_duration: minutes(1),
            key_eviction_period: minutes(10),
            signing_algorithm_spec: SigningAlgorithm::Ed25519.name().to_owned(),
            signing_key_spec: SigningKeySpec::EcCurve25519.name().to_owned(),
            max_sequencing_time_offset: minutes(2),
            disable_bound_checks: false,
            non_standard_config: false,
        }
    }
}

impl SessionSigningKeysConfig {
    /// The spec of session keys.
    ///
    /// # Errors
    /// [`ConfigError::SessionSigningKeys`] for one that is not supported, also by the algorithm.
    pub fn spec(&self) -> Result<SigningKeySpec, ConfigError> {
        let is_taken = |spec: &SigningKeySpec| self.non_standard_config || !spec.is_experimental();
        let specs = SigningKeySpec::ALL.into_iter().filter(is_taken);
        let algorithms = SigningAlgorithm::ALL.into_iter();
        let algorithms = algorithms.filter(|it| specs.clone().any(|spec| it.supports(spec)));
        let (wanted, name) = (&self.signing_algorithm_spec, &self.signing_key_spec);
        let algorithm = algorithms.clone().find(|it| it.name() == wanted);
        let algorithm = algorithm.ok_or_else(|| {
            refused(format!(
                "The selected signing algorithm specification, {wanted}, for session signing keys is not supported. \
                 Supported algorithms: {}.",
                list(algorithms.map(SigningAlgorithm::name))
            ))
        })?;
        let specs = specs.filter(|spec| algorithm.supports(*spec));
        specs.clone().find(|spec| spec.name() == name).ok_or_else(|| {
            refused(format!(
                "The selected signing key specification, {name}, for session signing keys is not supported. \
                 Supported keys: {}.",
                list(specs.map(SigningKeySpec::name))
            ))
        })
    }

    /// [`Self::key_validity_duration`] in seconds.
    ///
    /// # Errors
    /// [`ConfigError::BadValue`] for one that is no number of seconds.
    pub fn validity_seconds(&self) -> Result<NonZeroU32, ConfigError> {
        let validity = self.key_validity_duration;
        let seconds = u32::try_from(validity.as_secs()).ok();
        let seconds = seconds.filter(|_| validity.subsec_nanos() == 0);
        seconds
            .and_then(NonZeroU32::new)
            .ok_or(ConfigError::BadValue {
                section: "session-signing-keys",
                field: "key-validity-duration",
                expected: "a whole number of seconds, such as '5m'",
            })
    }

    pub(crate) fn validate(&self, kms: &[KmsConfig]) -> Result<(), ConfigError> {
        if !self.enabled {
            return Ok(());
        }
        if !self.non_standard_config && !kms.iter().any(is_elsewhere) {
            return Err(refused(
                "Session signing keys should only be enabled when using a KMS provider, as they generate extra traffic \
                 and spare nothing where no call of a KMS is spared. To enable them all the same, set \
                 non-standard-config = true.",
            ));
        }
        self.spec()?;
        self.validity_seconds()?;
        match (self.disable_bound_checks, self.non_standard_config) {
            (true, true) => Ok(()),
            (true, false) => Err(refused(
                "Disabling bound checks on session signing key validity parameters is only allowed with \
                 non-standard-config = true, and must only be used for testing.",
            )),
            (false, _) => self.check_bounds(),
        }
    }

    /// The first rule that the durations break.
    fn check_bounds(&self) -> Result<(), ConfigError> {
        let (validity, tolerance) = (self.key_validity_duration, self.tolerance_shift_duration);
        let (cut_off, eviction) = (self.cut_off_duration, self.key_eviction_period);
        let offset = self.max_sequencing_time_offset;
        // Otherwise nothing of the validity would be left to be used.
        let shortest = cut_off
            .saturating_mul(2)
            .max(tolerance.saturating_add(cut_off));
        if validity <= shortest {
            return Err(refused(format!(
                "The selected session signing key validity duration of {validity:?} is too short. It must be longer than \
                 {shortest:?}."
            )));
        }
        // A new key must do for the message that it was made for.
        if tolerance <= cut_off {
            return Err(refused(format!(
                "The selected session signing key tolerance shift duration of {tolerance:?} must be longer than the cut-off \
                 ({cut_off:?})."
            )));
        }
        if validity.saturating_sub(cut_off) <= offset {
            return Err(refused(format!(
                "The selected session signing key validity parameters do not align with the current default max sequencing \
                 time offset ({offset:?}). Parameters must be chosen so that key-validity-duration - cut-off-duration > \
                 max-sequencing-time-offset."
            )));
        }
        if eviction <= validity {
            return Err(refused(format!(
                "The selected session signing key eviction period of {eviction:?} must be longer than the key validity \
                 duration ({validity:?})."
            )));
        }
        Ok(())
    }
}

/// Whether calls of this KMS go out of the process and cost something.
fn is_elsewhere(kms: &KmsConfig) -> bool {
    !matches!(
        kms.provider,
        KmsProviderConfig::Local(_) | KmsProviderConfig::Recovery(_)
    )
}

fn refused(problem: impl Into<String>) -> ConfigError {
    ConfigError::SessionSigningKeys {
        problem: problem.into(),
    }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AwsConfig, Config, EXAMPLE};

    fn enabled() -> SessionSigningKeysConfig {
        SessionSigningKeysConfig {
            enabled: true,
            ..SessionSigningKeysConfig::default()
        }
    }

    fn cloud() -> Vec<KmsConfig> {
        let aws = KmsProviderConfig::Aws(AwsConfig::default());
        vec![KmsConfig::new("cloud", aws)]
    }

    fn embedded() -> Vec<KmsConfig> {
        Config::parse(EXAMPLE).unwrap().kms
    }

    #[track_caller]
    fn check_refused(config: &SessionSigningKeysConfig, kms: &[KmsConfig], expected: &str) {
        let error = config.validate(kms).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn session_signing_keys_are_accepted_with_a_kms_and_refused_without_unless_that_is_said() {
        enabled().validate(&cloud()).unwrap();
        let only_with = "should only be enabled when using a KMS provider";
        check_refused(&enabled(), &embedded(), only_with);
        let said = SessionSigningKeysConfig {
            non_standard_config: true,
            ..enabled()
        };
        said.validate(&embedded()).unwrap();
        SessionSigningKeysConfig::default()
            .validate(&embedded())
            .unwrap();
    }

    #[test]
    fn an_algorithm_and_a_key_that_are_not_supported_are_refused() {
        let with = |algorithm: &str, key: &str| SessionSigningKeysConfig {
            signing_algorithm_spec: algorithm.to_owned(),
            signing_key_spec: key.to_owned(),
            ..enabled()
        };
        let p256 = with("ec-dsa-sha-256", "ec-p-256");
        p256.validate(&cloud()).unwrap();
        assert_eq!(p256.spec().unwrap(), SigningKeySpec::EcP256);
        for unknown in ["rsa", "ml-dsa-65", ""] {
            let expected =
                format!("The selected signing algorithm specification, {unknown}, for session");
            check_refused(&with(unknown, "ec-p-256"), &cloud(), &expected);
        }
        for unfit in ["rsa-2048", "ec-p-256"] {
            let expected = format!("The selected signing key specification, {unfit}, for session");
            check_refused(&with("ed-25519", unfit), &cloud(), &expected);
        }
        let experimental = SessionSigningKeysConfig {
            non_standard_config: true,
            ..with("ml-dsa-65", "ml-dsa-65")
        };
        experimental.validate(&cloud()).unwrap();
    }

    #[test]
    fn durations_out_of_bounds_are_refused_each_at_its_bound() {
        let with = |[validity, tolerance, cut_off, eviction]: [u64; 4]| SessionSigningKeysConfig {
            key_validity_duration: Duration::from_secs(validity),
            tolerance_shift_duration: Duration::from_secs(tolerance),
            cut_off_duration: Duration::from_secs(cut_off),
            key_eviction_period: Duration::from_secs(eviction),
            max_sequencing_time_offset: Duration::from_secs(5),
            ..enabled()
        };
        with([10, 3, 2, 11]).validate(&cloud()).unwrap();
        for (durations, expected) in [
            ([5, 3, 2, 11], "is too short. It must be longer than 5s"),
            ([10, 2, 5, 11], "is too short. It must be longer than 10s"),
            ([10, 2, 2, 11], "must be longer than the cut-off (2s)"),
            ([7, 3, 2, 11], "max sequencing time offset (5s)"),
            (
                [10, 3, 2, 10],
                "must be longer than the key validity duration (10s)",
            ),
        ] {
            check_refused(&with(durations), &cloud(), expected);
            let unchecked = SessionSigningKeysConfig {
                disable_bound_checks: true,
                ..with(durations)
            };
            check_refused(&unchecked, &cloud(), "Disabling bound checks");
            let said = SessionSigningKeysConfig {
                non_standard_config: true,
                ..unchecked
            };
            said.validate(&cloud()).unwrap();
        }
    }

    #[test]
    fn a_validity_is_a_whole_number_of_seconds() {
        for wrong in [Duration::from_millis(300_500), Duration::MAX] {
            let config = SessionSigningKeysConfig {
                key_validity_duration: wrong,
                ..enabled()
            };
            check_refused(&config, &cloud(), "key-validity-duration");
        }
    }
}
