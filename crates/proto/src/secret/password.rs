//! `PasswordBasedEncrypted`: an exported key pair under a password.

use prost::Message;
use strongroom_crypto::{
    PasswordSealed, PrivateKey, PublicKey, Random, SecretBytes, open_with_password,
    seal_with_password,
};

use super::key_pair::{decode_key_pair, encode_key_pair};
use super::private_key::KeyPair;
use crate::enums::Place;
use crate::public_key::decode_wrapped;
use crate::{ProtoError, v30, versioned};

const NAME: &str = "PasswordBasedEncrypted";

/// A key pair under a password, as Canton exports it: the wrapped `PasswordBasedEncrypted` around what
/// [`encode_key_pair`] gives. `password` is UTF-8.
///
/// Deriving the key from the password takes tens of milliseconds and 12 MiB.
///
/// # Errors
/// What [`encode_key_pair`] gives; [`ProtoError::PasswordSealing`].
pub fn encode_encrypted_key_pair(
    private: &PrivateKey,
    public: &PublicKey,
    password: &SecretBytes,
    random: &dyn Random,
) -> Result<Vec<u8>, ProtoError> {
    let plaintext = encode_key_pair(private, public)?;
    let sealed = seal_with_password(&plaintext, password, random)
        .map_err(|source| ProtoError::PasswordSealing { source })?;
    let message = v30::PasswordBasedEncrypted {
        ciphertext: sealed.ciphertext,
        symmetric_key_scheme: v30::SymmetricKeyScheme::Aes128gcm.into(),
        pbkdf_scheme: v30::PbkdfScheme::Argon2idMode1.into(),
        salt: sealed.salt.to_vec(),
    };
    Ok(versioned::wrap_message(&message.encode_to_vec()))
}

/// Reads a key pair that was exported under a password.
///
/// # Errors
/// [`ProtoError::PasswordOpening`] for a wrong password or changed bytes; [`ProtoError::NotAKeyPair`] when what was
/// encrypted is no key pair; otherwise what is wrong with the message around the ciphertext.
pub fn decode_encrypted_key_pair(
    bytes: &[u8],
    password: &SecretBytes,
) -> Result<KeyPair, ProtoError> {
    let sealed = decode_sealed(bytes)?;
    let plaintext = open_with_password(&sealed, password)
        .map_err(|source| ProtoError::PasswordOpening { source })?;
    // EXPOSE: parsed in place.
    decode_key_pair(plaintext.expose())
}

/// Whether `bytes` are a key pair under a password, so far as can be told without it.
pub(super) fn is_encrypted_key_pair(bytes: &[u8]) -> bool {
    decode_sealed(bytes).is_ok()
}

fn decode_sealed(bytes: &[u8]) -> Result<PasswordSealed, ProtoError> {
    let message: v30::PasswordBasedEncrypted = decode_wrapped(NAME, bytes)?;
    let place = Place::new(NAME, "symmetric_key_scheme");
    match place.known(message.symmetric_key_scheme)? {
        v30::SymmetricKeyScheme::Aes128gcm => {}
        v30::SymmetricKeyScheme::Unspecified => return Err(place.not_set()),
    }
    let place = Place::new(NAME, "pbkdf_scheme");
    match place.known(message.pbkdf_scheme)? {
        v30::PbkdfScheme::Argon2idMode1 => {}
        v30::PbkdfScheme::Unspecified => return Err(place.not_set()),
    }
    let salt = message.salt.as_slice().try_into().ok();
    let salt = salt.ok_or(ProtoError::InvalidSalt {
        length: message.salt.len(),
    })?;
    Ok(PasswordSealed {
        ciphertext: message.ciphertext,
        salt,
    })
}
