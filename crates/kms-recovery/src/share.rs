use std::{fmt, str};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use strongroom_crypto::HashBuilder;
use strongroom_memory::{SecretBytes, SecretWriter};

use crate::{Recipient, RecoveryError};

/// What a share begins with: its kind and the version of its form.
const PREFIX: &str = "strongroom-share-1";
/// Bytes of the check at the end of a line.
const CHECK_BYTES: usize = 4;
/// A share is far shorter.
const MOST_TEXT_BYTES: usize = 4096;

/// A share of a recovery key. Fewer than `threshold` of them say nothing about it.
pub struct Share {
    pub(crate) recipient: Recipient,
    pub(crate) threshold: u8,
    pub(crate) total: u8,
    /// Which one it is (1), and its part of each byte of the key.
    pub(crate) part: SecretBytes,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("recipient", &self.recipient)
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}

impl Share {
    /// Which one it is, from 1.
    #[must_use]
    pub fn number(&self) -> u8 {
        // EXPOSE: the number is not secret.
        self.part.expose().first().copied().unwrap_or_default()
    }

    /// How many give the key back.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// How many were made.
    #[must_use]
    pub const fn total(&self) -> u8 {
        self.total
    }

    /// The public half of the key.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// The share as text: comments for whoever finds it, and one line
    /// `strongroom-share-1:threshold:total:recipient:part in base 32:check`. The check is the beginning of the SHA-256 of all
    /// before it, in hexadecimal digits.
    #[must_use]
    pub fn to_text(&self) -> SecretBytes {
        let Self {
            recipient,
            threshold,
            total,
            part,
        } = self;
        let mut line = SecretWriter::with_capacity(256);
        line.push(format!("{PREFIX}:{threshold}:{total}:{recipient}:").as_bytes());
        // EXPOSE: this is the share; the text of its part is wiped.
        let mut spelled = SecretBytes::zeroed(BASE32_NOPAD.encode_len(part.len()));
        BASE32_NOPAD.encode_mut(part.expose(), spelled.expose_mut());
        line.push(spelled.expose());
        let line = line.finish();
        let mut text = SecretWriter::with_capacity(line.len() + 512);
        text.push(
            format!(
                "# Share {} of {total} of a recovery key; any {threshold} of them open what is sealed under it.\n\
                 # Keep it secret, and apart from the others.\n",
                self.number()
            )
            .as_bytes(),
        );
        // EXPOSE: likewise.
        text.push(line.expose());
        text.push(format!(":{}\n", check(line.expose())).as_bytes());
        text.finish()
    }

    /// Reads what [`Self::to_text`] wrote; comments and empty lines do not matter.
    ///
    /// # Errors
    /// [`RecoveryError::ShareInvalid`].
    pub fn from_text(text: &SecretBytes) -> Result<Self, RecoveryError> {
        let invalid = |what| RecoveryError::ShareInvalid { what };
        if text.len() > MOST_TEXT_BYTES {
            return Err(invalid("it is too long"));
        }
        // EXPOSE: it is read; what is kept of it lies in memory of ours.
        let text = str::from_utf8(text.expose()).map_err(|_other| invalid("it is no text"))?;
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or_else(|| invalid("there is no line"))?;
        if lines.next().is_some() {
            return Err(invalid("there is more than one line"));
        }
        let (body, end) = line
            .rsplit_once(':')
            .ok_or_else(|| invalid("it has no check"))?;
        let fields: Vec<&str> = body.split(':').collect();
        let &[prefix, threshold, total, recipient, part] = fields.as_slice() else {
            return Err(invalid("it has not six fields"));
        };
        if prefix != PREFIX {
            return Err(invalid("it begins otherwise"));
        }
        if check(body.as_bytes()) != end {
            return Err(invalid("its check does not fit, so it was copied wrongly"));
        }
        let number = |text: &str| text.parse().map_err(|_other| invalid("it has no numbers"));
        let length = BASE32_NOPAD
            .decode_len(part.len())
            .map_err(|_other| invalid("its part is no base 32"))?;
        // EXPOSE: it is filled here.
        let mut decoded = SecretBytes::zeroed(length);
        BASE32_NOPAD
            .decode_mut(part.as_bytes(), decoded.expose_mut())
            .map_err(|_other| invalid("its part is no base 32"))?;
        Ok(Self {
            recipient: recipient.parse()?,
            threshold: number(threshold)?,
            total: number(total)?,
            part: decoded,
        })
    }
}

fn check(line: &[u8]) -> String {
    let hash = HashBuilder::without_purpose().raw(line).finish();
    let beginning = hash.as_bytes().get(..CHECK_BYTES).unwrap_or_default();
    HEXLOWER.encode(beginning)
}
