//! The canonical encoding of values of which some are secret.

use strongroom_crypto::encoding::Encoder;
use strongroom_memory::{SecretBytes, SecretWriter};

/// As [`Encoder`], but what is written never lies in ordinary memory.
#[derive(Debug, Default)]
pub(crate) struct SecretEncoder {
    writer: SecretWriter,
}

impl SecretEncoder {
    /// Appends values that are not secret.
    pub(crate) fn plain(&mut self, write: impl FnOnce(&mut Encoder) -> &mut Encoder) -> &mut Self {
        let mut encoder = Encoder::new();
        write(&mut encoder);
        self.writer.push(encoder.as_slice());
        self
    }

    /// Appends a secret of fixed length as it is.
    pub(crate) fn raw_secret(&mut self, secret: &SecretBytes) -> &mut Self {
        // EXPOSE: copied into memory of the same kind.
        self.writer.push(secret.expose());
        self
    }

    /// Appends a secret after its length, as [`Encoder::bytes`] would.
    pub(crate) fn secret(&mut self, secret: &SecretBytes) -> &mut Self {
        self.count(secret.len()).raw_secret(secret)
    }

    /// Appends a number of elements or bytes.
    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        // A list of nothings is its length: the encoder refuses what the encoding cannot express.
        self.plain(|encoder| encoder.list(std::iter::repeat_n((), count), |encoder, ()| encoder))
    }

    pub(crate) fn finish(self) -> SecretBytes {
        self.writer.finish()
    }
}
