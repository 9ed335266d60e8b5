use std::fmt;

use strongroom_memory::SecretBytes;
use subtle::ConstantTimeEq;

use super::chunks::ChunkKey;
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
        let sealed_len = self.header().version().chunk_len() + TAG_LEN;
        Ok(PayloadOpener {
            key,
            cutter: Cutter::new(sealed_len),
        })
    }
}

/// Opens the chunks of one payload, in place. It takes them in pieces of any length and gives content to a sink, all of which is
/// authentic; but only after [`Self::finish`] it is known to be everything.
///
/// A piece holds content afterwards: whoever owns its memory wipes it.
pub struct PayloadOpener {
    key: ChunkKey,
    cutter: Cutter,
}

impl PayloadOpener {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`PayloadError::NotAuthentic`], and what the sink returns. Nothing can be opened after an error; of a chunk that is not
    /// authentic, zeros are left in the piece.
    pub fn push<E: From<PayloadError>>(
        &mut self,
        piece: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = &mut self.key;
        self.cutter
            .push(piece, |chunk, place| sink(key.open(chunk, place)?))
    }

    /// Takes the last piece, which may be empty: afterwards all of the content was given.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish<E: From<PayloadError>>(
        self,
        piece: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { mut key, cutter } = self;
        cutter.finish(piece, |chunk, place| sink(key.open(chunk, place)?))
    }
}

impl fmt::Debug for PayloadOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadOpener").finish_non_exhaustive()
    }
}
