//! Material that comes from elsewhere.

use std::sync::Arc;

use aws_lc_rs::rsa::PrivateDecryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    ML_DSA_65_SIGNING, PqdsaKeyPair,
};
use strongroom_crypto::{EncryptionKeySpec, KeySpec as Spec, PrivateKey, SigningKeySpec};
use strongroom_memory::SecretBytes;

use super::error::KeyError;
use super::family::Version;
use super::key::{Key, KeyState};
use super::material::Material;
use super::ring::Keys;
use super::spec::KeySpec;
use super::wrapping::WrappingKey;

impl Version {
    /// Whether it waits for its material.
    pub(super) const fn is_awaited(&self) -> bool {
        matches!(self.material, Material::Awaited)
    }
}

/// The material in `wrapped`, if it is a private key of `spec`. [`KeyError::Undecryptable`] if it does not unwrap,
/// [`KeyError::IncorrectMaterial`] if it is no such key.
pub(crate) fn unwrapped(
    key: &WrappingKey,
    wrapped: &[u8],
    spec: KeySpec,
) -> Result<Material, KeyError> {
    Material::read(spec, &key.open(wrapped)?)
}

impl Keys {
    /// Gives a key the material that it waits for, or once more the material that it has or had: it takes no other.
    pub(crate) fn import(
        &self,
        region: &str,
        id: &str,
        material: Material,
    ) -> Result<Key, KeyError> {
        let spki = material.spki()?;
        self.with(|store, now| {
            let state = {
                let key = store.regional(region, id, now)?;
                key.alterable()?;
                key.state
            };
            let family = external(store.families.get_mut(id))?;
            if family.bound_to.is_some() && family.bound_to != spki {
                return Err(KeyError::IncorrectMaterial);
            }
            family.current = Arc::new(Version::of(1, material, self.random.as_ref())?);
            family.bound_to = spki;
            if state == KeyState::PendingImport {
                store.regional(region, id, now)?.state = KeyState::Enabled;
            }
            store.key(region, id)
        })
    }

    /// Takes the material from a key, which can be given the same one again.
    pub(crate) fn forget_material(&self, region: &str, id: &str) -> Result<Key, KeyError> {
        self.with(|store, now| {
            store.regional(region, id, now)?.alterable()?;
            let family = external(store.families.get_mut(id))?;
            let nothing = Version::of(1, Material::Awaited, self.random.as_ref())?;
            family.current = Arc::new(nothing);
            store.regional(region, id, now)?.state = KeyState::PendingImport;
            store.key(region, id)
        })
    }
}

fn external(
    family: Option<&mut super::family::Family>,
) -> Result<&mut super::family::Family, KeyError> {
    let family = family.ok_or(KeyError::Unknown)?;
    if family.external {
        Ok(family)
    } else {
        Err(KeyError::Unsupported("take in material"))
    }
}

impl Material {
    /// Reads PKCS#8.
    fn read(spec: KeySpec, pkcs8: &SecretBytes) -> Result<Self, KeyError> {
        let asked = match spec {
            KeySpec::Symmetric => return Err(KeyError::Unsupported("take in such material")),
            KeySpec::EcP256 => Spec::Signing(SigningKeySpec::EcP256),
            KeySpec::EcP384 => Spec::Signing(SigningKeySpec::EcP384),
            KeySpec::EcSecp256k1 => Spec::Signing(SigningKeySpec::EcSecp256k1),
            KeySpec::Ed25519 => Spec::Signing(SigningKeySpec::EcCurve25519),
            KeySpec::MlDsa65 => Spec::Signing(SigningKeySpec::MlDsa65),
            KeySpec::Rsa2048 => Spec::Encryption(EncryptionKeySpec::Rsa2048),
        };
        let key = PrivateKey::from_pkcs8(Some(asked), pkcs8);
        let key = key.map_err(|_unsound| KeyError::IncorrectMaterial)?;
        // EXPOSE: seed, scalar or PKCS#8, read by the libraries below.
        let secret = key.stored().expose();
        let refused = |_| KeyError::IncorrectMaterial;
        Ok(match spec {
            KeySpec::Symmetric => return Err(KeyError::IncorrectMaterial),
            // EXPOSE: parsed by the library.
            KeySpec::EcP256 => Self::Ecdsa(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.expose())
                    .map_err(refused)?,
            ),
            // EXPOSE: parsed by the library.
            KeySpec::EcP384 => Self::Ecdsa(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8.expose())
                    .map_err(refused)?,
            ),
            KeySpec::EcSecp256k1 => Self::Secp256k1(Box::new(
                k256::ecdsa::SigningKey::from_slice(secret)
                    .map_err(|_unsound| KeyError::IncorrectMaterial)?,
            )),
            KeySpec::Ed25519 => {
                Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(secret).map_err(refused)?)
            }
            // Without its seed it is imported as it is.
            KeySpec::MlDsa65 if secret.len() == 32 => {
                Self::MlDsa(PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, secret).map_err(refused)?)
            }
            KeySpec::MlDsa65 => Self::MlDsa(
                PqdsaKeyPair::from_raw_private_key(&ML_DSA_65_SIGNING, secret).map_err(refused)?,
            ),
            KeySpec::Rsa2048 => {
                Self::Rsa(PrivateDecryptingKey::from_pkcs8(secret).map_err(refused)?)
            }
        })
    }
}
