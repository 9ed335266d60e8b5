//! The keys under which material travels here.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use parking_lot::Mutex;
use strongroom_memory::SecretBytes;

use super::error::KeyError;

/// How long such a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrappingSize {
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

/// An RSA key that unwraps material: an AES-256 key under RSA-OAEP with SHA-256, then PKCS#8 under AES-KWP (RFC 5649).
pub(crate) struct WrappingKey {
    key: OaepPrivateDecryptingKey,
    spki: Vec<u8>,
}

/// One of each size for all simulators of a process: a key of 4096 bits takes seconds to make.
static MADE: [Mutex<Option<Arc<WrappingKey>>>; 3] = [const { Mutex::new(None) }; 3];

impl WrappingKey {
    /// The key of this size.
    pub(crate) fn of(size: WrappingSize) -> Result<Arc<Self>, KeyError> {
        let (place, size) = match size {
            WrappingSize::Rsa2048 => (&MADE[0], KeySize::Rsa2048),
            WrappingSize::Rsa3072 => (&MADE[1], KeySize::Rsa3072),
            WrappingSize::Rsa4096 => (&MADE[2], KeySize::Rsa4096),
        };
        let mut made = place.lock();
        if let Some(key) = &*made {
            return Ok(Arc::clone(key));
        }
        let failed = |_unspecified| KeyError::Library("generating a wrapping key");
        let key = PrivateDecryptingKey::generate(size).map_err(failed)?;
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(failed)?;
        let spki = spki.as_ref().to_vec();
        let key = OaepPrivateDecryptingKey::new(key).map_err(failed)?;
        let key = Arc::new(Self { key, spki });
        *made = Some(Arc::clone(&key));
        Ok(key)
    }

    /// Its public half as DER SPKI.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What was wrapped for it.
    pub(super) fn open(&self, wrapped: &[u8]) -> Result<SecretBytes, KeyError> {
        let undecryptable = |_unspecified| KeyError::Undecryptable;
        let split = wrapped.split_at_checked(self.key.key_size_bytes());
        let (encrypted, rest) = split.ok_or(KeyError::Undecryptable)?;
        let mut kek = vec![0; self.key.min_output_size()];
        let length = self
            .key
            .decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, &mut kek, None)
            .map_err(undecryptable)?
            .len();
        kek.truncate(length);
        let kek = SecretBytes::take(kek);
        // EXPOSE: read by the library, which wipes its copy.
        let kek = AesKek::new(&AES_256, kek.expose()).map_err(undecryptable)?;
        let mut material = vec![0; rest.len()];
        let length = kek
            .unwrap_with_padding(rest, &mut material)
            .map_err(undecryptable)?
            .len();
        material.truncate(length);
        Ok(SecretBytes::take(material))
    }
}
