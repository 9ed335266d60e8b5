use aws_lc_rs::digest::{self, SHA256, SHA256_OUTPUT_LEN};

use super::version::Version;
use super::{MAX_PAYLOAD_RECIPIENTS, PayloadError, PayloadPurpose};
use crate::encoding::{Decoder, Encoder, EncodingError};
use crate::encryption::AsymmetricEncrypted;
use crate::fingerprint::Fingerprint;
use crate::spec::EncryptionAlgorithm;
use crate::time::Timestamp;

const SALT_LEN: usize = 32;
/// Not the form of anything that Canton signs, which are multihashes of 34 bytes.
const SENDER_LABEL: &[u8] = b"strongroom payload sender v1\n";

/// Random, so that no two payloads have the same key whatever their secrets.
pub(super) type Salt = [u8; SALT_LEN];
pub(super) type HeaderHash = [u8; SHA256_OUTPUT_LEN];

/// What a payload says about itself. Nothing of it is secret, and nothing of it is true before the payload was opened, or the
/// sender's signature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadHeader {
    version: Version,
    salt: Salt,
    purpose: PayloadPurpose,
    at: Timestamp,
    sender: Option<Box<str>>,
    recipients: Vec<AsymmetricEncrypted>,
    encoded: Vec<u8>,
}

impl PayloadHeader {
    /// The recipients may come in any order.
    pub(super) fn new(
        version: Version,
        salt: Salt,
        purpose: PayloadPurpose,
        at: Timestamp,
        sender: Option<Box<str>>,
        mut recipients: Vec<AsymmetricEncrypted>,
    ) -> Result<Self, PayloadError> {
        recipients.sort_unstable_by_key(|recipient| recipient.encrypted_for);
        check(&recipients)?;
        let mut header = Self {
            version,
            salt,
            purpose,
            at,
            sender,
            recipients,
            encoded: Vec::new(),
        };
        header.encoded = header.encode();
        Ok(header)
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> &PayloadPurpose {
        &self.purpose
    }

    /// The time as of which topology named the keys, of recipients and sender.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Who claims to have made it; there is a signature then.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    /// The secret, for each recipient key, ascending by fingerprint.
    #[must_use]
    pub fn recipients(&self) -> &[AsymmetricEncrypted] {
        &self.recipients
    }

    /// What the sender signs: it stands for all of the header.
    #[must_use]
    pub fn signed_message(&self) -> Vec<u8> {
        [SENDER_LABEL, &self.hash()].concat()
    }

    pub(super) const fn version(&self) -> Version {
        self.version
    }

    pub(super) const fn salt(&self) -> &Salt {
        &self.salt
    }

    pub(super) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    pub(super) fn hash(&self) -> HeaderHash {
        let mut context = digest::Context::new(&SHA256);
        context.update(self.version.header_label());
        context.update(&self.encoded);
        let mut hash = [0; SHA256_OUTPUT_LEN];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder
            .raw(&self.salt)
            .string(self.purpose.as_str())
            .long(self.at.as_micros())
            .optional(self.sender.as_deref(), |encoder, sender| {
                encoder.string(sender)
            })
            .list(self.recipients.iter(), |encoder, recipient| {
                encoder
                    .raw(recipient.encrypted_for.as_bytes())
                    .int(recipient.algorithm.number())
                    .bytes(&recipient.ciphertext)
            });
        encoder.into_vec()
    }

    /// Reads what [`Self::encode`] wrote: there is one encoding of each header.
    pub(super) fn decode(version: Version, encoded: &[u8]) -> Result<Self, PayloadError> {
        let mut decoder = Decoder::new(encoded);
        let salt = decoder.array()?;
        let purpose = PayloadPurpose::try_new(decoder.string()?)?;
        let at = Timestamp::from_micros(decoder.long()?);
        let sender = decoder.optional(Decoder::string)?.map(Box::from);
        let recipients = decoder.list(recipient)?;
        decoder.finish()?;
        let recipients = recipients.into_iter().collect::<Option<_>>();
        let recipients: Vec<AsymmetricEncrypted> = recipients.ok_or(PayloadError::Malformed {
            what: "an unknown algorithm of encryption",
        })?;
        let header = Self::new(version, salt, purpose, at, sender, recipients)?;
        if header.encoded == encoded {
            Ok(header)
        } else {
            Err(PayloadError::Malformed {
                what: "recipients out of order",
            })
        }
    }
}

/// None: with an algorithm that we do not know.
fn recipient(decoder: &mut Decoder<'_>) -> Result<Option<AsymmetricEncrypted>, EncodingError> {
    let encrypted_for = Fingerprint::from_bytes(decoder.array()?);
    let algorithm = EncryptionAlgorithm::of_number(decoder.int()?);
    let ciphertext = decoder.bytes()?;
    Ok(algorithm.map(|algorithm| AsymmetricEncrypted {
        ciphertext: ciphertext.to_vec(),
        algorithm,
        encrypted_for,
    }))
}

/// In order, as they are now.
fn check(recipients: &[AsymmetricEncrypted]) -> Result<(), PayloadError> {
    let found = recipients.len();
    if found == 0 {
        return Err(PayloadError::NoRecipients);
    }
    if found > MAX_PAYLOAD_RECIPIENTS {
        return Err(PayloadError::TooManyRecipients { found });
    }
    let keys = recipients.iter().map(|recipient| recipient.encrypted_for);
    match keys
        .clone()
        .zip(keys.skip(1))
        .find(|(one, next)| one == next)
    {
        Some((fingerprint, _)) => Err(PayloadError::RecipientTwice { fingerprint }),
        None => Ok(()),
    }
}
