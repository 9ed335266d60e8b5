//! The deterministic encoding of the ledger, which is also our canonical form for what a MAC or a seal covers.
//!
//! Integers are big endian, everything of variable length carries its length, so two different sequences of
//! values of the same types never have the same bytes. Reference: keys-and-schemes, section 1.

mod decoder;
mod encoder;
mod error;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::EncodingError;

pub(crate) use encoder::length_prefix;

/// More groups of seven bits than this are refused (multiformats unsigned varint).
const MAX_VARINT_LEN: usize = 9;

#[cfg(test)]
mod tests;
