//! Keys of every spec, generated once, and small tools.

use std::sync::OnceLock;

use prost::Message;
use strongroom_crypto::{
    KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey, SigningKeySpec, SystemRandom,
};
use strongroom_proto::ProtoError;

use crate::canton::Versioned;

pub(crate) const ED25519: KeySpec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
pub(crate) const P256: KeySpec = KeySpec::Signing(SigningKeySpec::EcP256);

pub(crate) struct Sample {
    pub(crate) private: PrivateKey,
    pub(crate) public: PublicKey,
}

/// One key of every spec; signing keys are for protocol messages.
pub(crate) fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| KeySpec::ALL.into_iter().map(generate).collect())
}

pub(crate) fn sample(spec: KeySpec) -> &'static Sample {
    samples()
        .iter()
        .find(|sample| sample.private.spec() == spec)
        .unwrap()
}

pub(crate) fn generate(spec: KeySpec) -> Sample {
    let usages = matches!(spec, KeySpec::Signing(_))
        .then(|| KeyUsages::try_new([KeyUsage::Protocol]).unwrap());
    let private = PrivateKey::generate(spec, &SystemRandom).unwrap();
    let public = private.public_key(usages).unwrap();
    Sample { private, public }
}

pub(crate) fn wrap(message: &impl Message) -> Vec<u8> {
    Versioned {
        data: Some(message.encode_to_vec()),
        version: 30,
    }
    .encode_to_vec()
}

pub(crate) fn inside(bytes: &[u8]) -> Vec<u8> {
    let wrapper = Versioned::decode(bytes).unwrap();
    assert_eq!(wrapper.version, 30);
    wrapper.data.unwrap()
}

/// Adds fields that no message has, of every wire type, behind the last one.
pub(crate) fn with_unknown_fields(mut message: Vec<u8>) -> Vec<u8> {
    message.extend_from_slice(&[0xf8, 0x07, 0x01]); // 127: integer
    message.extend_from_slice(&[0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8]); // 127: 64 bits
    message.extend_from_slice(&[0xfa, 0x07, 2, b'h', b'i']); // 127: bytes
    message.extend_from_slice(&[0xfd, 0x07, 1, 2, 3, 4]); // 127: 32 bits
    message
}

/// The field an error complains about.
pub(crate) fn field(error: &ProtoError) -> (&'static str, &'static str) {
    match error {
        ProtoError::FieldNotSet { field, .. } => ("not set", field),
        ProtoError::UnrecognizedEnum { field, .. } => ("unrecognized", field),
        ProtoError::Symbolic { field, .. } => ("symbolic", field),
        ProtoError::InvalidFingerprint { field, .. } => ("invalid", field),
        ProtoError::InvalidKey { .. } | ProtoError::InvalidSymmetricKey { .. } => {
            ("invalid", "key")
        }
        ProtoError::InvalidName { .. } => ("invalid", "name"),
        ProtoError::InvalidUsages { .. } => ("invalid", "usage"),
        ProtoError::InvalidSalt { .. } => ("invalid", "salt"),
        ProtoError::NotAKeyPair { source } => field(source),
        other => panic!("{other:?} complains about no field"),
    }
}

/// The error and its causes as a person reads them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
