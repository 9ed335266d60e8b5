use std::fmt;

use super::chunks::{ChunkKey, Place};
use super::cutter::Cutter;
use super::secret::PayloadSecret;
use super::{PAYLOAD_CHUNK_LEN, PayloadError, PayloadFront, PayloadHeader, PayloadPurpose};
use crate::encryption::EncryptionPublicKey;
use crate::random::Random;
use crate::signing::Signature;
use crate::symmetric::TAG_LEN;
use crate::time::Timestamp;

/// What a payload shall be.
#[derive(Clone, Debug)]
pub struct NewPayload<'a> {
    /// What it is for.
    pub purpose: PayloadPurpose,
    /// The time as of which topology names the keys.
    pub at: Timestamp,
    /// Who will sign it, as topology names them; none: nobody does.
    pub sender: Option<&'a str>,
    /// Who shall be able to open it.
    pub recipients: &'a [EncryptionPublicKey],
}

/// A payload whose header is there and waits for a signature, if it names a sender. Holds the secret.
pub struct PayloadDraft {
    secret: PayloadSecret,
    header: PayloadHeader,
}

impl PayloadDraft {
    /// Draws a secret and encrypts it to every recipient.
    ///
    /// # Errors
    /// [`PayloadError`] for no, too many or doubled recipients, and without random bytes.
    pub fn new(new: &NewPayload<'_>, random: &dyn Random) -> Result<Self, PayloadError> {
        let secret = PayloadSecret::generate(random)?;
        let mut salt = [0; 32];
        random.fill(&mut salt)?;
        let recipients = new.recipients.iter();
        let recipients = recipients.map(|key| secret.encrypt_to(key, random));
        let header = PayloadHeader::new(
            salt,
            new.purpose.clone(),
            new.at,
            new.sender.map(Box::from),
            recipients.collect::<Result<_, _>>()?,
        )?;
        Ok(Self { secret, header })
    }

    /// What it will say about itself.
    #[must_use]
    pub const fn header(&self) -> &PayloadHeader {
        &self.header
    }

    /// The front, which stands before all that the sealer gives, and the sealer.
    ///
    /// # Errors
    /// [`PayloadError::SenderAndSignature`] unless there is a signature exactly if the header names a sender.
    pub fn seal(
        self,
        signature: Option<Signature>,
    ) -> Result<(Vec<u8>, PayloadSealer), PayloadError> {
        let (key, commitment) = self.secret.into_key(&self.header)?;
        let front = PayloadFront::new(self.header, signature, commitment)?;
        let sealer = PayloadSealer {
            key,
            cutter: Cutter::new(PAYLOAD_CHUNK_LEN),
            sealed: Vec::new(),
        };
        Ok((front.encode(), sealer))
    }
}

impl fmt::Debug for PayloadDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadDraft")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Seals the content of one payload. It takes the content in pieces of any length and gives chunk after chunk to a sink.
///
/// Without [`Self::finish`] it is not whole: nobody opens the end of it.
pub struct PayloadSealer {
    key: ChunkKey,
    cutter: Cutter,
    /// The chunk that is being given out.
    sealed: Vec<u8>,
}

impl PayloadSealer {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`PayloadError::Refused`], and what the sink returns. Nothing can be sealed after an error.
    pub fn push<E: From<PayloadError>>(
        &mut self,
        piece: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (key, sealed) = (&mut self.key, &mut self.sealed);
        self.cutter
            .push(piece, |chunk, place| sink(seal(key, sealed, chunk, place)?))
    }

    /// Takes the last piece, which may be empty, and ends the payload.
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
            mut sealed,
        } = self;
        cutter.finish(piece, |chunk, place| {
            sink(seal(&mut key, &mut sealed, chunk, place)?)
        })
    }
}

/// The sealed chunk; `sealed` is room that is used again.
fn seal<'s>(
    key: &mut ChunkKey,
    sealed: &'s mut Vec<u8>,
    chunk: &[u8],
    place: Place,
) -> Result<&'s [u8], PayloadError> {
    sealed.resize(chunk.len() + TAG_LEN, 0);
    key.seal(chunk, place, sealed)?;
    Ok(sealed)
}

impl fmt::Debug for PayloadSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadSealer").finish_non_exhaustive()
    }
}
