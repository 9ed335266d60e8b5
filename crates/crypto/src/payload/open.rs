use std::fmt;

use strongroom_memory::SecretBytes;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::chunks::{ChunkKey, Place, SEALED_CHUNK_LEN};
use super::cutter::Cutter;
use super::secret::PayloadSecret;
use super::{PayloadError, PayloadFront, PayloadPurpose};
use crate::symmetric::TAG_LEN;

impl PayloadFront {
    /// The opener for the chunks, with the secret that one of the recipients decrypted.
    ///
    /// # Errors
    /// [`PayloadError::OtherPurpose`] when it was not made for `purpose`; [`PayloadError::NotAuthentic`] when the secret and the
    /// header do not belong together.
    pub fn open(
        &self,
        purpose: &PayloadPurpose,
        secret: SecretBytes,
    ) -> Result<PayloadOpener, PayloadError> {
        if self.header().purpose() != purpose {
            return Err(PayloadError::OtherPurpose {
                found: self.header().purpose().clone(),
                expected: purpose.clone(),
            });
        }
        let (key, commitment) = PayloadSecret::received(secret)?.into_key(self.header())?;
        if !bool::from(commitment.ct_eq(self.commitment())) {
            return Err(PayloadError::NotAuthentic);
        }
        Ok(PayloadOpener {
            key,
            cutter: Cutter::new(SEALED_CHUNK_LEN),
            plaintext: Zeroizing::default(),
        })
    }
}

/// Opens the chunks of one payload. It takes them in pieces of any length and gives content to a sink, all of which is
/// authentic; but only after [`Self::finish`] it is known to be everything.
pub struct PayloadOpener {
    key: ChunkKey,
    cutter: Cutter,
    /// The content that is being given out; wiped at the end.
    plaintext: Zeroizing<Vec<u8>>,
}

impl PayloadOpener {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`PayloadError::NotAuthentic`], and what the sink returns. Nothing can be opened after an error.
    pub fn push<E: From<PayloadError>>(
        &mut self,
        piece: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (key, plaintext) = (&mut self.key, &mut self.plaintext);
        self.cutter.push(piece, |chunk, place| {
            sink(open(key, plaintext, chunk, place)?)
        })
    }

    /// Takes the last piece, which may be empty: afterwards all of the content was given.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish<E: From<PayloadError>>(
        self,
        piece: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            mut key,
            cutter,
            mut plaintext,
        } = self;
        cutter.finish(piece, |chunk, place| {
            sink(open(&mut key, &mut plaintext, chunk, place)?)
        })
    }
}

/// The content of a chunk; `room` is used again.
fn open<'p>(
    key: &mut ChunkKey,
    room: &'p mut Zeroizing<Vec<u8>>,
    chunk: &[u8],
    place: Place,
) -> Result<&'p [u8], PayloadError> {
    let length = chunk
        .len()
        .checked_sub(TAG_LEN)
        .ok_or(PayloadError::NotAuthentic)?;
    if room.len() < length {
        *room = Zeroizing::new(vec![0; length]);
    }
    let plaintext = room.get_mut(..length).unwrap_or_default();
    key.open(chunk, place, plaintext)?;
    Ok(plaintext)
}

impl fmt::Debug for PayloadOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadOpener").finish_non_exhaustive()
    }
}
