//! Private keys from bytes.

use aws_lc_rs::signature::{ML_DSA_65_SIGNING, PqdsaKeyPair};
use strongroom_memory::SecretBytes;

use super::PrivateKey;
use crate::formats::{
    Curve, EXPANDED_LENGTH, Half, KeyFile, KeyKind, Migrated, Parsed, SEED_LENGTH, Shape,
    canonical_rsa, expect_length, key_bits, parse_pkcs1, parse_pkcs8, parse_sec1,
};
use crate::key_error::KeyError;
use crate::spec::{KeyFormat, KeyPurpose, KeySpec, SigningKeySpec};

impl PrivateKey {
    /// Reads the form that [`Self::stored`] gives and checks it: length, `1 <= scalar < n`, an RSA key whose
    /// numbers belong together.
    ///
    /// # Errors
    /// The [`KeyError`] of the check that failed.
    pub fn from_stored(spec: KeySpec, stored: SecretBytes) -> Result<Self, KeyError> {
        // EXPOSE: checked by the library.
        let bytes = stored.expose();
        match KeyKind::of(spec) {
            KeyKind::Ed25519 => expect_length("Ed25519 seed", SEED_LENGTH, bytes)?,
            KeyKind::Ec(curve) => check_scalar(spec, curve, bytes)?,
            KeyKind::MlDsa65 => check_ml_dsa(bytes)?,
            KeyKind::Rsa => {
                let stored = canonical_rsa(bytes)?;
                return Ok(Self { spec, stored });
            }
        }
        Ok(Self { spec, stored })
    }

    /// Reads PKCS#8 in DER, version 1 or 2, in every form of section 4.7.
    ///
    /// Without an expected spec it is found from the key; P-256, which serves both purposes, is then taken for a
    /// signing key.
    ///
    /// # Errors
    /// [`KeyError::SpecMismatch`] if the key is not of the expected spec; [`KeyError::HalvesDiffer`] if a public
    /// key inside does not belong to the private one; else the [`KeyError`] of the check that failed.
    pub fn from_pkcs8(expected: Option<KeySpec>, pkcs8: &SecretBytes) -> Result<Self, KeyError> {
        // EXPOSE: parsed; the parts that are kept are copied into locked memory.
        let parsed = parse_pkcs8(pkcs8.expose())?;
        let spec = match (expected, parsed.kind) {
            (Some(spec), kind) => {
                kind.expect(spec)?;
                spec
            }
            (None, KeyKind::Rsa) => KeyKind::Rsa.spec_for(KeyPurpose::Encryption)?,
            (None, kind) => kind.spec_for(KeyPurpose::Signing)?,
        };
        Self::from_parsed(spec, parsed)
    }

    /// Reads a key file, PEM or DER: PKCS#8, SEC 1 for elliptic curves, PKCS#1 for RSA. The spec is found from
    /// the key and its `purpose`.
    ///
    /// Bare seeds are not taken from files: any 32 bytes would do, the public half too.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] for a file that is not a key, [`KeyError::WrongHalf`] for a public key,
    /// [`KeyError::Encrypted`] for one with a password, [`KeyError::PurposeMismatch`] for a key that cannot serve
    /// the purpose; else the [`KeyError`] of the check that failed.
    pub fn from_file(bytes: &SecretBytes, purpose: KeyPurpose) -> Result<Self, KeyError> {
        // EXPOSE: parsed; the parts that are kept are copied into locked memory.
        let file = KeyFile::read(bytes.expose(), Half::Private)?;
        let parsed = match file.shape() {
            Shape::Sec1 => parse_sec1(file.der())?,
            Shape::Pkcs1 => parse_pkcs1(file.der())?,
            Shape::Pkcs8 | Shape::Encrypted | Shape::Spki | Shape::Pkcs1Public => {
                parse_pkcs8(file.der())?
            }
        };
        Self::from_parsed(parsed.kind.spec_for(purpose)?, parsed)
    }

    /// Reads a key of declared spec and format, as Canton's messages and databases hold it. The legacy formats of
    /// section 4.8 are read too.
    ///
    /// # Errors
    /// [`KeyError::UnexpectedFormat`] for a format that private keys of this spec never had; else as
    /// [`Self::from_pkcs8`].
    pub fn from_encoded(
        spec: KeySpec,
        format: KeyFormat,
        bytes: &SecretBytes,
    ) -> Result<Migrated<Self>, KeyError> {
        const ED25519: KeySpec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
        const SECP256K1: KeySpec = KeySpec::Signing(SigningKeySpec::EcSecp256k1);
        match (format, spec) {
            (KeyFormat::DerPkcs8PrivateKeyInfo, _) => Ok(Migrated {
                key: Self::from_pkcs8(Some(spec), bytes)?,
                was_legacy: false,
            }),
            (KeyFormat::Raw, ED25519) => {
                // EXPOSE: copied, since the caller keeps its own.
                let key = Self::from_stored(spec, SecretBytes::from_slice(bytes.expose()))?;
                Ok(Migrated {
                    key,
                    was_legacy: true,
                })
            }
            (KeyFormat::LegacyDer, spec) if spec != ED25519 && spec != SECP256K1 => Ok(Migrated {
                key: Self::from_pkcs8(Some(spec), bytes)?,
                was_legacy: true,
            }),
            _ => Err(KeyError::UnexpectedFormat { spec, format }),
        }
    }

    fn from_parsed(spec: KeySpec, parsed: Parsed) -> Result<Self, KeyError> {
        let Parsed {
            kind: _,
            secret,
            embedded,
        } = parsed;
        let key = Self::from_stored(spec, secret)?;
        if !embedded.is_empty() {
            key.check_embedded(&embedded)?;
        }
        Ok(key)
    }

    /// A public key that came with the private one is not used, but if it is another key then something is wrong:
    /// signing with mismatched Ed25519 halves would give the private key away.
    fn check_embedded(&self, embedded: &[Vec<u8>]) -> Result<(), KeyError> {
        let spki = self.public_spki()?;
        let ours = key_bits(self.spec, &spki);
        for bits in embedded {
            let same = match KeyKind::of(self.spec) {
                KeyKind::Ec(curve) => curve
                    .normalise_point(bits)
                    .is_some_and(|point| point == ours),
                KeyKind::Ed25519 | KeyKind::MlDsa65 | KeyKind::Rsa => bits == ours,
            };
            if !same {
                return Err(KeyError::HalvesDiffer);
            }
        }
        Ok(())
    }
}

fn check_scalar(spec: KeySpec, curve: Curve, scalar: &[u8]) -> Result<(), KeyError> {
    expect_length("private scalar", curve.field_length(), scalar)?;
    if curve.public_point(scalar).is_some() {
        Ok(())
    } else {
        Err(KeyError::ScalarOutOfRange { spec })
    }
}

fn check_ml_dsa(bytes: &[u8]) -> Result<(), KeyError> {
    if bytes.len() == SEED_LENGTH {
        return Ok(());
    }
    expect_length("expanded ML-DSA-65 private key", EXPANDED_LENGTH, bytes)?;
    PqdsaKeyPair::from_raw_private_key(&ML_DSA_65_SIGNING, bytes)
        .map(|_| ())
        .map_err(KeyError::MlDsaInconsistent)
}
