//! The secret of one key version, in the form in which it is used.

use std::sync::OnceLock;

use strongroom_crypto::{
    DataKey, DecryptionKey, EncryptionKeySpec, EncryptionPublicKey, KeySpec, KeyUsages, PrivateKey,
    Random, SigningKey, SigningKeySpec, SigningPublicKey,
};
use strongroom_memory::SecretBytes;

use super::KeyKind;
use crate::error::{Damage, LocalKmsError};

/// The secret of one key version.
#[derive(Debug)]
pub(crate) enum Material {
    Wrapper(DataKey),
    Signing(SigningMaterial),
    Encryption(EncryptionMaterial),
}

/// A signing key; parsed when first used.
#[derive(Debug)]
pub(crate) struct SigningMaterial {
    spec: SigningKeySpec,
    private: PrivateKey,
    parsed: OnceLock<(SigningPublicKey, SigningKey)>,
}

/// An encryption key; parsed when first used.
#[derive(Debug)]
pub(crate) struct EncryptionMaterial {
    spec: EncryptionKeySpec,
    private: PrivateKey,
    parsed: OnceLock<(EncryptionPublicKey, DecryptionKey)>,
}

impl Material {
    /// New material for a key of this kind.
    pub(crate) fn generate(kind: KeyKind, random: &dyn Random) -> Result<Self, LocalKmsError> {
        Ok(match kind {
            KeyKind::Wrapper => Self::Wrapper(DataKey::generate(random)?),
            KeyKind::Signing(spec) => {
                Self::signing(spec, PrivateKey::generate(spec.into(), random)?)
            }
            KeyKind::Encryption(spec) => {
                Self::encryption(spec, PrivateKey::generate(spec.into(), random)?)
            }
        })
    }

    /// The material of a private key from elsewhere.
    pub(crate) fn of(private: PrivateKey) -> Self {
        match private.spec() {
            KeySpec::Signing(spec) => Self::signing(spec, private),
            KeySpec::Encryption(spec) => Self::encryption(spec, private),
        }
    }

    /// What a key of this material is for.
    pub(crate) const fn kind(&self) -> KeyKind {
        match self {
            Self::Wrapper(_) => KeyKind::Wrapper,
            Self::Signing(key) => KeyKind::Signing(key.spec),
            Self::Encryption(key) => KeyKind::Encryption(key.spec),
        }
    }

    /// The material whose secret was kept in the file.
    pub(crate) fn from_secret(kind: KeyKind, secret: SecretBytes) -> Result<Self, Damage> {
        let damage = Damage::Value { what: "secret" };
        match kind {
            KeyKind::Wrapper => DataKey::from_secret(secret).ok().map(Self::Wrapper),
            KeyKind::Signing(spec) => PrivateKey::from_stored(spec.into(), secret)
                .ok()
                .map(|key| Self::signing(spec, key)),
            KeyKind::Encryption(spec) => PrivateKey::from_stored(spec.into(), secret)
                .ok()
                .map(|key| Self::encryption(spec, key)),
        }
        .ok_or(damage)
    }

    /// The secret as the file keeps it.
    pub(crate) fn secret(&self) -> &SecretBytes {
        match self {
            // EXPOSE: hands the secret on as a secret, to be sealed into the file.
            Self::Wrapper(key) => key.expose(),
            Self::Signing(key) => key.private.stored(),
            Self::Encryption(key) => key.private.stored(),
        }
    }

    const fn signing(spec: SigningKeySpec, private: PrivateKey) -> Self {
        Self::Signing(SigningMaterial {
            spec,
            private,
            parsed: OnceLock::new(),
        })
    }

    const fn encryption(spec: EncryptionKeySpec, private: PrivateKey) -> Self {
        Self::Encryption(EncryptionMaterial {
            spec,
            private,
            parsed: OnceLock::new(),
        })
    }
}

impl SigningMaterial {
    /// Public half and parsed key. A KMS does not know what its signatures are for: every usage is allowed.
    pub(crate) fn parsed(&self) -> Result<&(SigningPublicKey, SigningKey), LocalKmsError> {
        if let Some(parsed) = self.parsed.get() {
            return Ok(parsed);
        }
        let public =
            SigningPublicKey::from_spki(self.spec, &self.private.public_spki()?, KeyUsages::ALL)?;
        let key = SigningKey::new(&self.private, &public)?;
        // Another thread may have been faster; both results are the same.
        Ok(self.parsed.get_or_init(|| (public, key)))
    }
}

impl EncryptionMaterial {
    /// Public half and parsed key.
    pub(crate) fn parsed(&self) -> Result<&(EncryptionPublicKey, DecryptionKey), LocalKmsError> {
        if let Some(parsed) = self.parsed.get() {
            return Ok(parsed);
        }
        let public = EncryptionPublicKey::from_spki(self.spec, &self.private.public_spki()?)?;
        let key = DecryptionKey::new(&self.private, &public)?;
        Ok(self.parsed.get_or_init(|| (public, key)))
    }
}
