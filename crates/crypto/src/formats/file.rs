//! Files of keys: PEM armour and the outermost shape of DER.

use der::{Decode, Header, Reader, SliceReader, Tag};
use pem_rfc7468::Decoder;
use strongroom_memory::SecretBytes;

use crate::key_error::KeyError;

/// Which half of a pair a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Public,
    Private,
}

impl Half {
    const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// The structure in a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `SubjectPublicKeyInfo` (RFC 5280).
    Spki,
    /// `RSAPublicKey` (RFC 8017).
    Pkcs1Public,
    /// `PrivateKeyInfo` or `OneAsymmetricKey` (RFC 5958).
    Pkcs8,
    /// `ECPrivateKey` (RFC 5915).
    Sec1,
    /// `RSAPrivateKey` (RFC 8017).
    Pkcs1,
    /// `EncryptedPrivateKeyInfo` (RFC 5958).
    Encrypted,
}

impl Shape {
    const fn half(self) -> Half {
        match self {
            Self::Spki | Self::Pkcs1Public => Half::Public,
            Self::Pkcs8 | Self::Sec1 | Self::Pkcs1 | Self::Encrypted => Half::Private,
        }
    }

    fn of_label(label: &str) -> Option<Self> {
        match label {
            "PUBLIC KEY" => Some(Self::Spki),
            "RSA PUBLIC KEY" => Some(Self::Pkcs1Public),
            "PRIVATE KEY" => Some(Self::Pkcs8),
            "EC PRIVATE KEY" => Some(Self::Sec1),
            "RSA PRIVATE KEY" => Some(Self::Pkcs1),
            "ENCRYPTED PRIVATE KEY" => Some(Self::Encrypted),
            _ => None,
        }
    }

    /// Tells the structures apart by the tags of their first two elements.
    fn of_der(der: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        if Header::decode(&mut reader).ok()?.tag() != Tag::Sequence {
            return None;
        }
        let first = reader.tlv_bytes().ok()?;
        let second = reader.peek_byte()?;
        match (*first.first()?, second) {
            (INTEGER, SEQUENCE) => Some(Self::Pkcs8),
            (INTEGER, OCTET_STRING) => Some(Self::Sec1),
            // The version has one byte, a modulus has many.
            (INTEGER, INTEGER) if first.len() == 3 => Some(Self::Pkcs1),
            (INTEGER, INTEGER) => Some(Self::Pkcs1Public),
            (SEQUENCE, BIT_STRING) => Some(Self::Spki),
            (SEQUENCE, OCTET_STRING) => Some(Self::Encrypted),
            _ => None,
        }
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The one key of a PEM or DER file, without its armour.
#[derive(Debug)]
pub(crate) struct KeyFile<'a> {
    shape: Shape,
    contents: Contents<'a>,
}

#[derive(Debug)]
enum Contents<'a> {
    Pem(SecretBytes),
    Der(&'a [u8]),
}

impl<'a> KeyFile<'a> {
    /// Finds the key in `bytes` and checks that it is the wanted half. In a PEM file parameters, certificates and
    /// text around the key are skipped.
    pub(crate) fn read(bytes: &'a [u8], wanted: Half) -> Result<Self, KeyError> {
        let file = match find(bytes, BEGIN) {
            Some(_) => Self::read_pem(bytes)?,
            None => {
                let shape = Shape::of_der(bytes).ok_or(KeyError::NotAKey {
                    wanted: wanted.name(),
                })?;
                Self {
                    shape,
                    contents: Contents::Der(bytes),
                }
            }
        };
        let found = file.shape.half();
        if found != wanted {
            return Err(KeyError::WrongHalf {
                wanted: wanted.name(),
                found: found.name(),
            });
        }
        if file.shape == Shape::Encrypted {
            return Err(KeyError::Encrypted);
        }
        Ok(file)
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The DER bytes; secret if the file holds a private key.
    pub(crate) fn der(&self) -> &[u8] {
        match &self.contents {
            // EXPOSE: parsed by the caller, who says why.
            Contents::Pem(der) => der.expose(),
            Contents::Der(der) => der,
        }
    }

    fn read_pem(bytes: &[u8]) -> Result<KeyFile<'static>, KeyError> {
        let mut found: Option<(Shape, &[u8])> = None;
        let mut other_label = None;
        let mut rest = bytes;
        while let Some(block) = next_block(rest) {
            match Shape::of_label(&block.label) {
                Some(_) if found.is_some() => return Err(KeyError::SeveralKeys),
                Some(shape) => found = Some((shape, block.text)),
                None => other_label = other_label.or(Some(block.label)),
            }
            rest = block.rest;
        }
        let damaged = || KeyError::MalformedPem(pem_rfc7468::Error::PostEncapsulationBoundary);
        match (found, other_label) {
            (Some((shape, text)), _) => Ok(KeyFile {
                shape,
                contents: Contents::Pem(decode(text)?),
            }),
            (None, Some(label)) => Err(KeyError::UnexpectedPem { label }),
            (None, None) => Err(damaged()),
        }
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

struct Block<'a> {
    label: String,
    /// From the first to the last dash.
    text: &'a [u8],
    rest: &'a [u8],
}

fn next_block(bytes: &[u8]) -> Option<Block<'_>> {
    /// Longer than any label of a key; what follows may be anything.
    const LONGEST_LABEL: usize = 64;
    let (_, from_begin) = bytes.split_at_checked(find(bytes, BEGIN)?)?;
    let after_begin = from_begin.strip_prefix(BEGIN)?;
    let (label, _) = after_begin.split_at_checked(find(after_begin, DASHES)?)?;
    let label = str::from_utf8(label)
        .ok()
        .filter(|label| label.len() <= LONGEST_LABEL)?;
    let end = format!("-----END {label}-----");
    let length = find(from_begin, end.as_bytes())?.checked_add(end.len())?;
    let (text, rest) = from_begin.split_at_checked(length)?;
    Some(Block {
        label: label.to_owned(),
        text,
        rest,
    })
}

fn decode(text: &[u8]) -> Result<SecretBytes, KeyError> {
    // OpenSSL's older armour: `Proc-Type: 4,ENCRYPTED`. Base64 has no comma.
    if find(text, b"4,ENCRYPTED").is_some() {
        return Err(KeyError::Encrypted);
    }
    let mut decoder = Decoder::new_detect_wrap(text).map_err(KeyError::MalformedPem)?;
    SecretBytes::fill_with(decoder.remaining_len(), |buffer| {
        decoder.decode(buffer).map(|_| ())
    })
    .map_err(KeyError::MalformedPem)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
