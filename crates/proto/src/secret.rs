//! Messages that carry private keys, written by hand so that key bytes are only ever borrowed or in wiped memory.

mod key_pair;
mod password;
mod private_key;
mod symmetric_key;

pub use key_pair::{decode_key_pair, encode_key_pair};
pub use password::{decode_encrypted_key_pair, encode_encrypted_key_pair};
pub use private_key::{KeyPair, decode_stored_private_key, encode_stored_private_key};
pub use symmetric_key::{decode_symmetric_key, encode_symmetric_key};
