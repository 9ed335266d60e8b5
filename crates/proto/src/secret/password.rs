//! `PasswordBasedEncrypted`: an exported key pair under a password.

use prost::Message;
use strongroom_crypto::{
    PasswordSealed, PrivateKey, PublicKey, Random, SecretBytes, open_with_password,
    seal_with_password,
};

use super::key_pair::{decode_key_pair, encode_key_pair};
use super::private_key::KeyPair;
use crate::enums::Place;
use crate::{ProtoError, v30, versioned, wire};

const NAME: &str = "PasswordBasedEncrypted";
const CIPHERTEXT: u32 = 1;
const SYMMETRIC_KEY_SCHEME: u32 = 2;
const PBKDF_SCHEME: u32 = 3;
const SALT: u32 = 4;

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
    let sealed = SealedFields::read(bytes)?.into_sealed();
    let plaintext = open_with_password(&sealed, password)
        .map_err(|source| ProtoError::PasswordOpening { source })?;
    // EXPOSE: parsed in place.
    decode_key_pair(plaintext.expose())
}

/// Whether `bytes` are a key pair under a password, so far as can be told without it.
pub(super) fn is_encrypted_key_pair(bytes: &[u8]) -> bool {
    SealedFields::read(bytes).is_ok()
}

/// The fields of a `PasswordBasedEncrypted`, checked.
///
/// Borrowed, though a ciphertext is no secret: bytes that turn out not to be encrypted, such as a key pair without a
/// password, have field 1 too, and it is the private key. No copy of it may be made to find that out.
struct SealedFields<'a> {
    ciphertext: &'a [u8],
    salt: [u8; 16],
}

impl<'a> SealedFields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, ProtoError> {
        let (mut ciphertext, mut salt) = ([].as_slice(), [].as_slice());
        let (mut symmetric_key_scheme, mut pbkdf_scheme) = (0, 0);
        for field in wire::fields(versioned::unwrap_message(bytes)?.data) {
            let field = field.map_err(|source| ProtoError::MalformedSecret {
                message: NAME,
                source,
            })?;
            let value = field.value;
            match field.number {
                CIPHERTEXT => ciphertext = value.bytes().unwrap_or(ciphertext),
                SYMMETRIC_KEY_SCHEME => {
                    symmetric_key_scheme = value.int32().unwrap_or(symmetric_key_scheme);
                }
                PBKDF_SCHEME => pbkdf_scheme = value.int32().unwrap_or(pbkdf_scheme),
                SALT => salt = value.bytes().unwrap_or(salt),
                _ => {}
            }
        }
        let place = Place::new(NAME, "symmetric_key_scheme");
        match place.known(symmetric_key_scheme)? {
            v30::SymmetricKeyScheme::Aes128gcm => {}
            v30::SymmetricKeyScheme::Unspecified => return Err(place.not_set()),
        }
        let place = Place::new(NAME, "pbkdf_scheme");
        match place.known(pbkdf_scheme)? {
            v30::PbkdfScheme::Argon2idMode1 => {}
            v30::PbkdfScheme::Unspecified => return Err(place.not_set()),
        }
        let length = salt.len();
        let salt = salt.try_into().ok();
        let salt = salt.ok_or(ProtoError::InvalidSalt { length })?;
        Ok(Self { ciphertext, salt })
    }

    fn into_sealed(self) -> PasswordSealed {
        PasswordSealed {
            ciphertext: self.ciphertext.to_vec(),
            salt: self.salt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_whether_a_file_is_encrypted_copies_nothing_of_it() {
        let message = v30::PasswordBasedEncrypted {
            ciphertext: vec![7; 40],
            symmetric_key_scheme: v30::SymmetricKeyScheme::Aes128gcm.into(),
            pbkdf_scheme: v30::PbkdfScheme::Argon2idMode1.into(),
            salt: vec![9; 16],
        };
        let bytes = versioned::wrap_message(&message.encode_to_vec());
        let fields = SealedFields::read(&bytes).unwrap();
        assert_eq!(fields.ciphertext, [7; 40]);
        assert!(
            bytes
                .as_ptr_range()
                .contains(&fields.ciphertext.as_ptr_range().start)
        );
        assert_eq!(fields.into_sealed().salt, [9; 16]);
    }
}
