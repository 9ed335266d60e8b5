//! `[[synchronizers]]`: what synchronizers take of signatures and encryptions.

use serde::{Deserialize, Serialize};
use strongroom_crypto::{
    EncryptionAlgorithm, EncryptionKeySpec, SignatureFormat, SigningAlgorithm, SigningKeySpec,
};

use crate::error::ConfigError;

/// What a synchronizer takes, by its static parameters, which topology does not tell. Names are Canton's. What is left out is
/// everything that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SynchronizerConfig {
    /// Its physical id: each physical synchronizer has static parameters of its own. Whoever reads ids says whether it is one.
    pub synchronizer: String,
    /// Algorithms and keys of signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_signing_specs: Option<RequiredSpecsConfig>,
    /// Algorithms and keys of encryptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_encryption_specs: Option<RequiredSpecsConfig>,
    /// Formats of signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_signature_formats: Option<Vec<String>>,
}

/// Algorithms, and the keys that they run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequiredSpecsConfig {
    /// Names of algorithms.
    pub algorithms: Vec<String>,
    /// Names of specs of keys.
    pub keys: Vec<String>,
}

impl SynchronizerConfig {
    /// Algorithms and keys of the signatures that are taken.
    ///
    /// # Errors
    /// [`ConfigError::BadValue`] for names that are not known, and for none.
    pub fn signing(&self) -> Result<(Vec<SigningAlgorithm>, Vec<SigningKeySpec>), ConfigError> {
        let specs = self.required_signing_specs.as_ref();
        let algorithms = known(
            specs.map(|specs| &specs.algorithms),
            &SigningAlgorithm::ALL,
            SigningAlgorithm::name,
        );
        let keys = known(
            specs.map(|specs| &specs.keys),
            &SigningKeySpec::ALL,
            SigningKeySpec::name,
        );
        algorithms
            .zip(keys)
            .ok_or_else(|| bad("required-signing-specs", "algorithms such as ['ed-25519', 'ec-dsa-sha-256'] and keys such as ['ec-curve-25519', 'ec-p-256']"))
    }

    /// Algorithms and keys of the encryptions that are taken.
    ///
    /// # Errors
    /// As [`Self::signing`].
    pub fn encryption(
        &self,
    ) -> Result<(Vec<EncryptionAlgorithm>, Vec<EncryptionKeySpec>), ConfigError> {
        let specs = self.required_encryption_specs.as_ref();
        let algorithms = known(
            specs.map(|specs| &specs.algorithms),
            &EncryptionAlgorithm::ALL,
            EncryptionAlgorithm::name,
        );
        let keys = known(
            specs.map(|specs| &specs.keys),
            &EncryptionKeySpec::ALL,
            EncryptionKeySpec::name,
        );
        algorithms
            .zip(keys)
            .ok_or_else(|| bad("required-encryption-specs", "algorithms of 'ecies-hkdf-hmac-sha-256-aes-128-cbc' and 'rsa-oaep-sha-256', and keys of 'ec-p-256' and 'rsa-2048'"))
    }

    /// Formats of the signatures that are taken.
    ///
    /// # Errors
    /// As [`Self::signing`].
    pub fn signature_formats(&self) -> Result<Vec<SignatureFormat>, ConfigError> {
        known(
            self.required_signature_formats.as_ref(),
            &SignatureFormat::ALL,
            SignatureFormat::name,
        )
        .ok_or_else(|| bad("required-signature-formats", "some of 'der' and 'concat'"))
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.signing()?;
        self.encryption()?;
        self.signature_formats()?;
        Ok(())
    }
}

/// No two sections are about the same synchronizer.
pub(crate) fn validate(synchronizers: &[SynchronizerConfig]) -> Result<(), ConfigError> {
    for (index, config) in synchronizers.iter().enumerate() {
        config.validate()?;
        let mut before = synchronizers.iter().take(index);
        if before.any(|other| other.synchronizer == config.synchronizer) {
            return Err(bad("synchronizer", "another one in each section"));
        }
    }
    Ok(())
}

/// What the names stand for: all without names, none if one is not known or there are none.
fn known<T: Copy>(
    names: Option<&Vec<String>>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Option<Vec<T>> {
    let Some(names) = names else {
        return Some(all.to_vec());
    };
    let find = |wanted: &String| all.iter().copied().find(|it| name(*it) == wanted);
    let known: Option<Vec<_>> = names.iter().map(find).collect();
    known.filter(|known| !known.is_empty())
}

const fn bad(field: &'static str, expected: &'static str) -> ConfigError {
    ConfigError::BadValue {
        section: "synchronizers",
        field,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, EXAMPLE};

    fn id() -> String {
        format!("da::1220{}::35-0", "ab".repeat(32))
    }

    fn with(section: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!("{EXAMPLE}\n{section}"))
    }

    fn one(rest: &str) -> Result<SynchronizerConfig, ConfigError> {
        let section = format!("[[synchronizers]]\nsynchronizer = \"{}\"\n{rest}", id());
        Ok(with(&section)?.synchronizers.remove(0))
    }

    #[test]
    fn what_is_left_out_is_everything() {
        let all = one("").unwrap();
        let (algorithms, keys) = all.signing().unwrap();
        assert_eq!(algorithms, SigningAlgorithm::ALL);
        assert_eq!(keys, SigningKeySpec::ALL);
        let (algorithms, keys) = all.encryption().unwrap();
        assert_eq!(algorithms, EncryptionAlgorithm::ALL);
        assert_eq!(keys, EncryptionKeySpec::ALL);
        assert_eq!(all.signature_formats().unwrap(), SignatureFormat::ALL);
    }

    #[test]
    fn names_are_those_of_canton() {
        let some = one(
            "required-signing-specs = { algorithms = ['ec-dsa-sha-256'], keys = ['ec-p-256'] }\n\
             required-encryption-specs = { algorithms = ['rsa-oaep-sha-256'], keys = ['rsa-2048'] }\n\
             required-signature-formats = ['der']",
        )
        .unwrap();
        let signing = (
            vec![SigningAlgorithm::EcDsaSha256],
            vec![SigningKeySpec::EcP256],
        );
        assert_eq!(some.signing().unwrap(), signing);
        let encryption = (
            vec![EncryptionAlgorithm::RsaOaepSha256],
            vec![EncryptionKeySpec::Rsa2048],
        );
        assert_eq!(some.encryption().unwrap(), encryption);
        assert_eq!(some.signature_formats().unwrap(), [SignatureFormat::Der]);
    }

    #[test]
    fn unknown_names_and_empty_lists_are_refused() {
        for wrong in [
            "required-signing-specs = { algorithms = ['ed25519!'], keys = ['ec-p-256'] }",
            "required-signing-specs = { algorithms = ['ed-25519'], keys = [] }",
            "required-encryption-specs = { algorithms = [], keys = ['rsa-2048'] }",
            "required-signature-formats = ['raw']",
            "required-hash-algorithms = ['sha-256']",
        ] {
            assert!(one(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_synchronizer_has_one_section() {
        let twice = format!("[[synchronizers]]\nsynchronizer = \"{}\"\n", id()).repeat(2);
        assert!(with(&twice).is_err());
    }
}
