use super::secret::{COMMITMENT_LEN, Commitment};
use super::version::Version;
use super::{MAGIC, MAX_PAYLOAD_RECIPIENTS, PayloadError, PayloadHeader};
use crate::encoding::{Decoder, Encoder, EncodingError};
use crate::fingerprint::Fingerprint;
use crate::public_key::SigningPublicKey;
use crate::signing::{Signature, VerifyError};
use crate::spec::{SignatureFormat, SigningAlgorithm, SigningAlgorithms};
use crate::usage::{KeyUsage, KeyUsages};

/// Bytes before the front: first line, version, length.
const PREFIX_LEN: usize = MAGIC.len() + 1 + 4;
/// More than the longest front has: texts, an ML-DSA signature, and RSA ciphertexts of 256 bytes for everybody.
const MAX_LEN: usize = 16 * 1024 + MAX_PAYLOAD_RECIPIENTS * 512;

/// What stands before the chunks: header, signature and commitment. Nothing of it is known to be true yet.
#[derive(Clone, Debug)]
pub struct PayloadFront {
    header: PayloadHeader,
    signature: Option<Signature>,
    commitment: Commitment,
}

impl PayloadFront {
    pub(super) fn new(
        header: PayloadHeader,
        signature: Option<Signature>,
        commitment: Commitment,
    ) -> Result<Self, PayloadError> {
        if header.sender().is_some() != signature.is_some() {
            return Err(PayloadError::SenderAndSignature);
        }
        Ok(Self {
            header,
            signature,
            commitment,
        })
    }

    /// What the payload says about itself.
    #[must_use]
    pub const fn header(&self) -> &PayloadHeader {
        &self.header
    }

    /// The key that signed for the sender, if the header names one.
    #[must_use]
    pub fn signed_by(&self) -> Option<Fingerprint> {
        self.signature.as_ref().map(|signature| signature.signed_by)
    }

    /// The format of the signature, if there is one.
    #[must_use]
    pub fn signature_format(&self) -> Option<SignatureFormat> {
        self.signature.as_ref().map(|signature| signature.format)
    }

    /// Whether `key` signed the header, by one of these algorithms. That `key` is the sender's is for the caller to know.
    ///
    /// # Errors
    /// [`VerifyError`], also for a payload without a signature.
    pub fn verify_sender(
        &self,
        key: &SigningPublicKey,
        algorithms: SigningAlgorithms,
    ) -> Result<(), VerifyError> {
        let signature = self
            .signature
            .as_ref()
            .ok_or(VerifyError::InvalidSignature)?;
        let message = self.header.signed_message();
        let protocol = KeyUsages::only(KeyUsage::Protocol);
        key.verify_restricted(&message, signature, protocol, algorithms)
    }

    pub(super) const fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// As it stands in a payload, with all that is before it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut front = Encoder::default();
        front
            .bytes(self.header.encoded())
            .optional(self.signature.as_ref(), |encoder, signature| {
                encoder
                    .raw(signature.signed_by.as_bytes())
                    .string(signature.algorithm.map_or("", SigningAlgorithm::name))
                    .bytes(&signature.bytes)
            })
            .raw(&self.commitment);
        let mut encoded = Encoder::default();
        let version = self.header.version().number();
        encoded.raw(MAGIC).byte(version).bytes(front.as_slice());
        encoded.into_vec()
    }

    fn decode(version: Version, front: &[u8]) -> Result<Self, PayloadError> {
        let mut decoder = Decoder::new(front);
        let header = PayloadHeader::decode(version, decoder.bytes()?)?;
        let signature = decoder.optional(signature)?;
        let commitment = decoder.array::<COMMITMENT_LEN>()?;
        decoder.finish()?;
        let unknown = || PayloadError::Malformed {
            what: "an unknown algorithm of signatures",
        };
        let signature = signature.map(|it| it.ok_or_else(unknown)).transpose()?;
        Self::new(header, signature, commitment)
    }
}

/// None: with an algorithm that we do not know.
fn signature(decoder: &mut Decoder<'_>) -> Result<Option<Signature>, EncodingError> {
    let signed_by = Fingerprint::from_bytes(decoder.array()?);
    let name = decoder.string()?;
    let mut known = SigningAlgorithm::ALL.into_iter();
    let algorithm = known.find(|algorithm| algorithm.name() == name);
    let bytes = decoder.bytes()?;
    Ok(algorithm.map(|algorithm| Signature {
        bytes: bytes.to_vec(),
        format: algorithm.format(),
        signed_by,
        algorithm: Some(algorithm),
    }))
}

/// Waits for the front of a payload that comes in pieces. Holds nothing of what stands behind it.
#[derive(Debug, Default)]
pub struct FrontReader {
    held: Vec<u8>,
}

impl FrontReader {
    /// Takes the next piece. With the front comes how many bytes of the piece belong to it: behind them the chunks begin.
    ///
    /// # Errors
    /// [`PayloadError::NotAPayload`], [`PayloadError::UnknownVersion`], as soon as they are certain; else what is wrong with the
    /// front.
    pub fn push(&mut self, piece: &[u8]) -> Result<Option<(PayloadFront, usize)>, PayloadError> {
        let mut used = 0;
        loop {
            let prefix = Prefix::read(&self.held)?;
            if let Prefix::Whole { version, end } = prefix
                && let Some(front) = self.held.get(PREFIX_LEN..end)
            {
                return Ok(Some((PayloadFront::decode(version, front)?, used)));
            }
            let missing = prefix.wanted() - self.held.len();
            let rest = piece.get(used..).unwrap_or_default();
            let next = rest.get(..missing).unwrap_or(rest);
            if next.is_empty() {
                return Ok(None);
            }
            self.held.extend_from_slice(next);
            used += next.len();
        }
    }

    /// What there is to say when no more pieces come.
    #[must_use]
    pub fn ended(&self) -> PayloadError {
        if self.held.len() < MAGIC.len() {
            PayloadError::NotAPayload
        } else {
            PayloadError::Malformed { what: "it was cut" }
        }
    }
}

/// What stands before the front.
#[derive(Clone, Copy)]
enum Prefix {
    /// Not all of it is there.
    Part,
    /// It is, and the front reaches as far as this.
    Whole { version: Version, end: usize },
}

impl Prefix {
    fn read(held: &[u8]) -> Result<Self, PayloadError> {
        let magic = held.get(..MAGIC.len()).unwrap_or(held);
        if !MAGIC.starts_with(magic) {
            return Err(PayloadError::NotAPayload);
        }
        let Some(&number) = held.get(MAGIC.len()) else {
            return Ok(Self::Part);
        };
        let version =
            Version::of_number(number).ok_or(PayloadError::UnknownVersion { found: number })?;
        let Some(length) = held.get(MAGIC.len() + 1..PREFIX_LEN) else {
            return Ok(Self::Part);
        };
        let length = Decoder::new(length).int()?;
        let too_long = PayloadError::Malformed {
            what: "it is longer than any can be",
        };
        match usize::try_from(length) {
            Ok(length) if length <= MAX_LEN => Ok(Self::Whole {
                version,
                end: PREFIX_LEN + length,
            }),
            _ => Err(too_long),
        }
    }

    /// How many bytes are to be held next.
    const fn wanted(self) -> usize {
        match self {
            Self::Part => PREFIX_LEN,
            Self::Whole { end, .. } => end,
        }
    }
}
