//! The plain part of a key file.

use strongroom_crypto::encoding::{Decoder, Encoder, EncodingError};
use strongroom_crypto::{Argon2Cost, DataKey, Random, derive_key};
use strongroom_memory::SecretBytes;

use super::secret_encoder::SecretEncoder;
use crate::error::{Damage, LocalKmsError};
use crate::protection::{Protection, ProtectionKind, is_acceptable};

/// So that `file` and `head` tell what it is.
const MAGIC: &[u8; 16] = b"strongroom keys\n";

/// The format of header and body together.
pub(crate) const FORMAT: u8 = 1;

const PASSPHRASE: u8 = 1;
const UNPROTECTED: u8 = 2;

const SALT_LEN: usize = 16;
const SEALING_KEY_LEN: usize = 32;

/// The plain part of a key file.
#[derive(Debug)]
pub(crate) struct Header {
    /// Random; names this KMS for people and logs.
    pub(crate) kms_id: [u8; 16],
    pub(crate) guard: Guard,
    /// As it stands in the file. Secret because that of an unprotected file is.
    encoded: SecretBytes,
}

/// What keeps the sealing key from others.
#[derive(Debug)]
pub(crate) enum Guard {
    /// It is derived from the passphrase.
    Passphrase {
        cost: Argon2Cost,
        salt: [u8; SALT_LEN],
    },
    /// Nothing: here it is.
    Unprotected { key: SecretBytes },
}

/// Why bytes are no header.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Of a format that we do not know.
    Newer { found: u8 },
    /// Not a header.
    Damaged(Damage),
}

impl From<Damage> for Refusal {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<EncodingError> for Refusal {
    fn from(error: EncodingError) -> Self {
        Self::Damaged(Damage::Encoding(error))
    }
}

impl Header {
    /// The header of a file that will be protected as asked, and the key that seals the file.
    ///
    /// # Errors
    /// An unacceptable cost, an empty passphrase, no randomness, no memory for Argon2.
    pub(crate) fn generate(
        kms_id: [u8; 16],
        protection: &Protection,
        random: &dyn Random,
    ) -> Result<(Self, DataKey), LocalKmsError> {
        let (guard, passphrase) = match protection {
            Protection::Passphrase(passphrase, cost) => {
                check(passphrase, cost)?;
                let mut salt = [0; SALT_LEN];
                random.fill(&mut salt)?;
                (Guard::Passphrase { cost: *cost, salt }, Some(passphrase))
            }
            Protection::UnprotectedKeyFile => {
                let key = SecretBytes::fill_with(SEALING_KEY_LEN, |bytes| random.fill(bytes))?;
                (Guard::Unprotected { key }, None)
            }
        };
        let sealing_key = guard.sealing_key(passphrase)?;
        Ok((
            Self {
                kms_id,
                encoded: encode(&kms_id, &guard),
                guard,
            },
            sealing_key,
        ))
    }

    /// Splits a file into its header and the sealed bytes behind it.
    pub(crate) fn parse(image: &[u8]) -> Result<(Self, &[u8]), Refusal> {
        let mut decoder = Decoder::new(image);
        if decoder.raw(MAGIC.len()).ok() != Some(MAGIC.as_slice()) {
            return Err(Damage::NotAKeyFile.into());
        }
        match decoder.byte()? {
            FORMAT => {}
            0 => return Err(Damage::Value { what: "format" }.into()),
            found => return Err(Refusal::Newer { found }),
        }
        let kms_id = decoder.array()?;
        let guard = Guard::decode(&mut decoder)?;
        let length = image.len() - decoder.remaining();
        let encoded = SecretBytes::from_slice(image.get(..length).unwrap_or_default());
        let sealed = sealed_bytes(&mut decoder)?;
        Ok((
            Self {
                kms_id,
                guard,
                encoded,
            },
            sealed,
        ))
    }

    /// The header as it stands in the file.
    pub(crate) const fn as_secret(&self) -> &SecretBytes {
        &self.encoded
    }

    /// The whole file.
    pub(crate) fn followed_by(&self, sealed: &[u8]) -> SecretBytes {
        let mut image = SecretEncoder::default();
        image
            .raw_secret(&self.encoded)
            .plain(|encoder| encoder.bytes(sealed));
        image.finish()
    }

    pub(crate) const fn protection(&self) -> ProtectionKind {
        match self.guard {
            Guard::Passphrase { cost, .. } => ProtectionKind::Passphrase(cost),
            Guard::Unprotected { .. } => ProtectionKind::UnprotectedKeyFile,
        }
    }
}

impl Guard {
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Refusal> {
        match decoder.byte()? {
            PASSPHRASE => {
                let [memory_kib, iterations, lanes] =
                    [decoder.array()?, decoder.array()?, decoder.array()?].map(u32::from_be_bytes);
                let cost = Argon2Cost {
                    memory_kib,
                    iterations,
                    lanes,
                };
                if !is_acceptable(&cost) {
                    return Err(Damage::Cost.into());
                }
                Ok(Self::Passphrase {
                    cost,
                    salt: decoder.array()?,
                })
            }
            UNPROTECTED => Ok(Self::Unprotected {
                key: SecretBytes::from_slice(decoder.raw(SEALING_KEY_LEN)?),
            }),
            _ => Err(Damage::Value { what: "protection" }.into()),
        }
    }

    /// The key that seals the file; takes as long as the cost of the passphrase says.
    pub(crate) fn sealing_key(
        &self,
        passphrase: Option<&SecretBytes>,
    ) -> Result<DataKey, LocalKmsError> {
        let secret = match self {
            Self::Passphrase { cost, salt } => {
                let nothing = SecretBytes::zeroed(0);
                derive_key(passphrase.unwrap_or(&nothing), salt, *cost, SEALING_KEY_LEN)?
            }
            // EXPOSE: the stored key becomes the key in use.
            Self::Unprotected { key } => SecretBytes::from_slice(key.expose()),
        };
        Ok(DataKey::from_secret(secret)?)
    }
}

fn check(passphrase: &SecretBytes, cost: &Argon2Cost) -> Result<(), LocalKmsError> {
    if passphrase.is_empty() {
        return Err(LocalKmsError::EmptyPassphrase);
    }
    if !is_acceptable(cost) {
        return Err(LocalKmsError::CostInvalid { cost: *cost });
    }
    Ok(())
}

fn encode(kms_id: &[u8; 16], guard: &Guard) -> SecretBytes {
    let mut header = SecretEncoder::default();
    header.plain(|encoder| encoder.raw(MAGIC).byte(FORMAT).raw(kms_id));
    match guard {
        Guard::Passphrase { cost, salt } => {
            header.plain(|encoder| encode_passphrase(encoder, cost, salt))
        }
        Guard::Unprotected { key } => header
            .plain(|encoder| encoder.byte(UNPROTECTED))
            .raw_secret(key),
    };
    header.finish()
}

fn encode_passphrase<'a>(
    encoder: &'a mut Encoder,
    cost: &Argon2Cost,
    salt: &[u8; SALT_LEN],
) -> &'a mut Encoder {
    encoder.byte(PASSPHRASE);
    for number in [cost.memory_kib, cost.iterations, cost.lanes] {
        encoder.raw(&number.to_be_bytes());
    }
    encoder.raw(salt)
}

/// The rest of the file, which must be exactly as long as the header announces it.
fn sealed_bytes<'a>(decoder: &mut Decoder<'a>) -> Result<&'a [u8], Refusal> {
    let expected = i64::from(decoder.int()?);
    let found = decoder.remaining();
    if i64::try_from(found) != Ok(expected) {
        return Err(Damage::BodyLength { expected, found }.into());
    }
    Ok(decoder.raw(found)?)
}
