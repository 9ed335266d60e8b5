use std::fmt;

use super::chunks::ChunkKey;
use super::cutter::Cutter;
use super::secret::PayloadSecret;
use super::version::Version;
use super::{PayloadError, PayloadFront, PayloadHeader, PayloadPurpose};
use crate::encryption::EncryptionPublicKey;
use crate::random::Random;
use crate::signing::Signature;
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
            Version::CURRENT,
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
        let cutter = Cutter::new(self.header.version().chunk_len());
        let front = PayloadFront::new(self.header, signature, commitment)?;
        Ok((front.encode(), PayloadSealer { key, cutter }))
    }
}

impl fmt::Debug for PayloadDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadDraft")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Seals the content of one payload, in place. It takes the content in pieces of any length and gives chunk after chunk to a sink, each as
/// its ciphertext and the tag that stands behind it.
///
/// What is in a piece afterwards is of no use to anybody: ciphertext, or content that waits for the next piece and was copied.
/// Without [`Self::finish`] it is not whole: nobody opens the end of it.
pub struct PayloadSealer {
    key: ChunkKey,
    cutter: Cutter,
}

impl PayloadSealer {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`PayloadError::Refused`], and what the sink returns. Nothing can be sealed after an error.
    pub fn push<E: From<PayloadError>>(
        &mut self,
        piece: &mut [u8],
        mut sink: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = &mut self.key;
        self.cutter.push(piece, |chunk, place| {
            let tag = key.seal(chunk, place)?;
            sink(chunk, &tag)
        })
    }

    /// Takes the last piece, which may be empty, and ends the payload.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn finish<E: From<PayloadError>>(
        self,
        piece: &mut [u8],
        mut sink: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { mut key, cutter } = self;
        cutter.finish(piece, |chunk, place| {
            let tag = key.seal(chunk, place)?;
            sink(chunk, &tag)
        })
    }
}

impl fmt::Debug for PayloadSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadSealer").finish_non_exhaustive()
    }
}
