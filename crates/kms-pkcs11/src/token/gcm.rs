//! Wrapping with AES-256-GCM.
//!
//! ```text
//! ciphertext = 01 ‖ version of the wrapper key (4) ‖ IV (12) ‖ encrypted key ‖ tag (16)
//! ```

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use strongroom_crypto::encoding::{Decoder, Encoder};
use strongroom_crypto::{Random, RandomError};
use strongroom_memory::SecretBytes;

const FORMAT: u8 = 1;
const IV_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const TAG_BITS: u64 = 128;

/// A ciphertext taken apart; nothing proves yet that it is ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrap {
    /// The version of the wrapper key that made it.
    pub(crate) version: i32,
    iv: [u8; IV_LENGTH],
    sealed: Vec<u8>,
}

impl Wrap {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::with_capacity(5 + IV_LENGTH + self.sealed.len());
        encoder
            .byte(FORMAT)
            .int(self.version)
            .raw(&self.iv)
            .raw(&self.sealed);
        encoder.into_vec()
    }

    pub(crate) fn parse(ciphertext: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(ciphertext);
        if decoder.byte().ok()? != FORMAT {
            return None;
        }
        let (version, iv) = (decoder.int().ok()?, decoder.array().ok()?);
        let sealed = decoder.raw(decoder.remaining()).ok()?.to_vec();
        let complete = version > 0 && sealed.len() >= TAG_LENGTH;
        complete.then_some(Self {
            version,
            iv,
            sealed,
        })
    }
}

/// A fresh IV. 96 random bits: one key may make 2^32 wraps (NIST SP 800-38D, section 8.3), more than any vault asks for.
pub(crate) fn new_iv(random: &dyn Random) -> Result<[u8; IV_LENGTH], RandomError> {
    let mut iv = [0; IV_LENGTH];
    random.fill(&mut iv)?;
    Ok(iv)
}

pub(crate) fn wrap(
    session: &Session,
    key: ObjectHandle,
    version: i32,
    mut iv: [u8; IV_LENGTH],
    context: &[u8],
    plaintext: &SecretBytes,
) -> Result<Wrap, Error> {
    let parameters = GcmParams::new(&mut iv, context, Ulong::new(TAG_BITS))?;
    // EXPOSE: the plaintext of the wrap, which the token reads in place.
    let sealed = session.encrypt(&Mechanism::AesGcm(parameters), key, plaintext.expose())?;
    // Read after the call: a token that insists on an IV of its own writes it into the parameters.
    Ok(Wrap {
        version,
        iv,
        sealed,
    })
}

pub(crate) fn unwrap(
    session: &Session,
    key: ObjectHandle,
    wrap: &Wrap,
    context: &[u8],
) -> Result<SecretBytes, Error> {
    let mut iv = wrap.iv;
    let parameters = GcmParams::new(&mut iv, context, Ulong::new(TAG_BITS))?;
    let plaintext = session.decrypt(&Mechanism::AesGcm(parameters), key, &wrap.sealed)?;
    Ok(SecretBytes::take(plaintext))
}

/// Whether the token makes a sound wrap with this key and opens it under its context only.
///
/// `iv` must be fresh: the key may be one that wraps for the vault.
pub(crate) fn works(
    session: &Session,
    key: ObjectHandle,
    iv: [u8; IV_LENGTH],
) -> Result<bool, Error> {
    const CONTEXT: &[u8] = b"strongroom probe";
    let plaintext = SecretBytes::from_slice(b"is this token well?");
    let sound = wrap(session, key, 1, iv, CONTEXT, &plaintext)?;
    let length_fits = sound.sealed.len() == plaintext.len() + TAG_LENGTH;
    let opens = unwrap(session, key, &sound, CONTEXT)? == plaintext;
    let another = unwrap(session, key, &sound, b"another context");
    Ok(length_fits && opens && another.is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_is_read_as_it_is_written() {
        let wrap = Wrap {
            version: 7,
            iv: [9; 12],
            sealed: vec![3; 20],
        };
        let bytes = wrap.to_bytes();
        assert_eq!(
            bytes,
            [[1, 0, 0, 0, 7].as_slice(), &[9; 12], &[3; 20]].concat()
        );
        assert_eq!(Wrap::parse(&bytes), Some(wrap));
    }

    #[test]
    fn what_cannot_be_a_ciphertext_does_not_reach_the_token() {
        let sound = Wrap {
            version: 1,
            iv: [9; 12],
            sealed: vec![3; 16],
        }
        .to_bytes();
        assert!(Wrap::parse(&sound).is_some());
        assert!(
            Wrap::parse(&sound[..sound.len() - 1]).is_none(),
            "no room for a tag"
        );
        assert!(
            Wrap::parse(&[&[2], &sound[1..]].concat()).is_none(),
            "another format"
        );
        assert!(
            Wrap::parse(&[&[1, 0x80], &sound[2..]].concat()).is_none(),
            "no version"
        );
        assert!(Wrap::parse(&[]).is_none());
    }
}
