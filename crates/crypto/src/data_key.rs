//! The key of a vault, from which every row's own key comes.

use aws_lc_rs::aead::AES_256_GCM;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use strongroom_memory::SecretBytes;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::hmac::{SecretLengthError, TAG_LEN as MAC_LEN, tag};
use crate::key_error::KeyError;
use crate::private_key::PrivateKey;
use crate::random::{Random, RandomError};
use crate::spec::SigningKeySpec;
use crate::symmetric::{NONCE_LEN, OpenError, SealError, TAG_LEN, open_to, seal_onto, split_tag};

/// Bytes of a data key and of every key derived from it.
pub(crate) const DATA_KEY_LEN: usize = 32;
/// Bytes of the random salt in front of each sealed content.
const SALT_LEN: usize = 32;
/// Each derived key seals once, so its nonce need not differ from anything.
const NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// Salts of the keys that are not for sealing. They are longer than [`SALT_LEN`] and HMAC pads shorter keys with
/// zeros, so no salt that somebody writes into a row derives one of these keys, whatever the label.
const MAC_SALT: &[u8] = b"strongroom: salt of the MAC keys of a data key, version 1";
const COMMITMENT_SALT: &[u8] = b"strongroom: salt of the commitment to a data key, version 1";
const SIGNING_SALT: &[u8] = b"strongroom: salt of the signing keys of a data key, version 1";
const COMMITMENT_LABEL: &str = "strongroom commit v1";

/// A 256-bit key that seals any number of contents and authenticates records.
///
/// It is never used itself: each content has a key of its own, so no number of contents wears the data key out,
/// and nonces cannot collide.
///
/// ```text
/// sealed = salt(32, random) || AES-256-GCM(key, nonce 0, associated data = context, plaintext) || tag(16)
/// key    = HKDF-SHA256(data key, salt, info = label)                           RFC 5869, NIST SP 800-38D
/// ```
///
/// A *label* says for what kind of content the key is (a constant beside its user); a *context* binds the content
/// to its place and is not stored with it. Sealed bytes name neither their version nor their key: records do.
///
/// ```
/// use strongroom_crypto::{DataKey, SystemRandom};
///
/// let key = DataKey::generate(&SystemRandom)?;
/// let sealed = key.seal("example v1", b"row 7", b"content", &SystemRandom)?;
/// // EXPOSE: an example without a secret.
/// assert_eq!(key.open("example v1", b"row 7", &sealed)?.expose(), b"content");
/// assert!(key.open("example v1", b"row 8", &sealed).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DataKey {
    secret: SecretBytes,
}

impl DataKey {
    /// A new key.
    ///
    /// # Errors
    /// [`RandomError`] when `random` gives nothing.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        SecretBytes::fill_with(DATA_KEY_LEN, |bytes| random.fill(bytes))
            .map(|secret| Self { secret })
    }

    /// The key that these bytes are.
    ///
    /// # Errors
    /// [`SecretLengthError::DataKey`] unless they are 32.
    pub fn from_secret(secret: SecretBytes) -> Result<Self, SecretLengthError> {
        match secret.len() {
            DATA_KEY_LEN => Ok(Self { secret }),
            found => Err(SecretLengthError::DataKey { found }),
        }
    }

    /// The bytes of the key, for wrapping it.
    #[must_use]
    pub const fn expose(&self) -> &SecretBytes {
        &self.secret
    }

    /// Seals `plaintext` for one place: 48 bytes longer than it.
    ///
    /// # Errors
    /// [`SealError`] when `random` gives nothing or the library refuses.
    pub fn seal(
        &self,
        label: &str,
        context: &[u8],
        plaintext: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, SealError> {
        let mut salt = [0; SALT_LEN];
        random.fill(&mut salt)?;
        let mut sealed = Vec::with_capacity(SALT_LEN + plaintext.len() + TAG_LEN);
        sealed.extend_from_slice(&salt);
        let key = self
            .derive(&salt, label.as_bytes())
            .map_err(SealError::Refused)?;
        seal_onto(&mut sealed, &AES_256_GCM, &*key, NONCE, context, plaintext)?;
        Ok(sealed)
    }

    /// What [`Self::seal`] sealed under the same label and context.
    ///
    /// # Errors
    /// [`OpenError`] when anything was changed, moved, or the key is another.
    pub fn open(
        &self,
        label: &str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OpenError> {
        let sealed = Sealed::parse(sealed)?;
        let key = self.derive(sealed.salt, label.as_bytes())?;
        SecretBytes::fill_with(sealed.ciphertext.len(), |plaintext| {
            sealed.open_to(plaintext, &key, context)
        })
    }

    /// As [`Self::open`], into memory that is used again and again: no allocation while `scratch` is long enough;
    /// it is replaced by a longer one when it is not.
    ///
    /// The plaintext stays in `scratch` until it is overwritten, wiped or dropped.
    ///
    /// # Errors
    /// [`OpenError`] as for [`Self::open`]; `scratch` then holds nothing of use.
    pub fn open_into<'scratch>(
        &self,
        label: &str,
        context: &[u8],
        sealed: &[u8],
        scratch: &'scratch mut SecretBytes,
    ) -> Result<&'scratch [u8], OpenError> {
        let sealed = Sealed::parse(sealed)?;
        let key = self.derive(sealed.salt, label.as_bytes())?;
        let length = sealed.ciphertext.len();
        if scratch.len() < length {
            *scratch = SecretBytes::zeroed(length);
        }
        // EXPOSE: handed to the caller, who owns the scratch.
        let plaintext = scratch
            .expose_mut()
            .get_mut(..length)
            .ok_or(OpenError::NotAuthentic)?;
        sealed.open_to(plaintext, &key, context)?;
        Ok(plaintext)
    }

    /// A value that only this key has, not secret: 32 bytes.
    ///
    /// Kept beside the wrapped key, it shows that what a KMS unwrapped is the key it was; without it, whoever may
    /// encrypt under the wrapper key could substitute a key of their own.
    #[must_use]
    pub fn commitment(&self) -> [u8; DATA_KEY_LEN] {
        *self.derive_fixed(COMMITMENT_SALT, COMMITMENT_LABEL)
    }

    /// The key that authenticates one kind of record.
    #[must_use]
    pub fn mac_key(&self, label: &str) -> MacKey {
        MacKey {
            key: Box::new(hmac::Key::new(
                hmac::HMAC_SHA256,
                &*self.derive_fixed(MAC_SALT, label),
            )),
        }
    }

    /// The Ed25519 key that signs one kind of record: its seed is derived, so that it is there with the data key and needs
    /// no row of its own (RFC 8032, section 5.1.5: a private key is 32 bytes that nobody can guess).
    ///
    /// # Errors
    /// [`KeyError::Library`] if AWS-LC fails.
    pub fn signing_key(&self, label: &str) -> Result<PrivateKey, KeyError> {
        let seed = self.derive_fixed(SIGNING_SALT, label);
        PrivateKey::from_stored(
            SigningKeySpec::EcCurve25519.into(),
            SecretBytes::from_slice(&*seed),
        )
    }

    fn derive(
        &self,
        salt: &[u8],
        info: &[u8],
    ) -> Result<Zeroizing<[u8; DATA_KEY_LEN]>, Unspecified> {
        let mut key = Zeroizing::new([0; DATA_KEY_LEN]);
        // EXPOSE: HKDF input; the library wipes its copy.
        let extracted = Salt::new(HKDF_SHA256, salt).extract(self.secret.expose());
        extracted.expand(&[info], DerivedKey)?.fill(&mut *key)?;
        Ok(key)
    }

    /// The library fails only for lengths that HKDF does not have, or without memory for a few bytes.
    #[expect(
        clippy::expect_used,
        reason = "a key of zeros instead would be worse than a panic"
    )]
    fn derive_fixed(&self, salt: &[u8], label: &str) -> Zeroizing<[u8; DATA_KEY_LEN]> {
        self.derive(salt, label.as_bytes())
            .expect("HKDF-SHA256 gives 32 bytes")
    }
}

/// Length of what HKDF derives here.
struct DerivedKey;

impl KeyType for DerivedKey {
    fn len(&self) -> usize {
        DATA_KEY_LEN
    }
}

/// The parts of sealed bytes.
struct Sealed<'a> {
    salt: &'a [u8; SALT_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Sealed<'a> {
    fn parse(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let (salt, rest) = sealed.split_first_chunk().ok_or(OpenError::NotAuthentic)?;
        let (ciphertext, tag) = split_tag(rest)?;
        Ok(Self {
            salt,
            ciphertext,
            tag,
        })
    }

    fn open_to(
        &self,
        plaintext: &mut [u8],
        key: &[u8; DATA_KEY_LEN],
        context: &[u8],
    ) -> Result<(), OpenError> {
        open_to(
            plaintext,
            &AES_256_GCM,
            key,
            NONCE,
            context,
            self.ciphertext,
            self.tag,
        )
    }
}

/// Authenticates one kind of record of a vault with HMAC-SHA256.
///
/// Holds the state of the library, not the key itself; it is wiped when dropped.
pub struct MacKey {
    // On the heap, so that moving the key leaves no copies behind.
    key: Box<hmac::Key>,
}

impl MacKey {
    /// The tag of `message`, 32 bytes.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> [u8; MAC_LEN] {
        tag(&self.key, &[message])
    }

    /// Whether `expected` is the tag of `message`; takes the same time either way.
    #[must_use]
    pub fn verify(&self, message: &[u8], expected: &[u8; MAC_LEN]) -> bool {
        self.tag(message).ct_eq(expected).into()
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MacKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
