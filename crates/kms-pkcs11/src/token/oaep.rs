//! Decrypting with RSA-OAEP: SHA-256 for both hashes, no label (reference: keys-and-schemes, section 7).

use cryptoki::error::Error;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use strongroom_memory::SecretBytes;

/// Bytes of every ciphertext under a modulus of 2048 bits.
pub(crate) const CIPHERTEXT_LENGTH: usize = 256;

pub(crate) const GENERATION: Mechanism<'static> = Mechanism::RsaPkcsKeyPairGen;

pub(crate) fn is_listed(mechanisms: &[MechanismType]) -> bool {
    [
        MechanismType::RSA_PKCS_KEY_PAIR_GEN,
        MechanismType::RSA_PKCS_OAEP,
    ]
    .iter()
    .all(|mechanism| mechanisms.contains(mechanism))
}

pub(crate) fn decrypt(
    session: &Session,
    key: ObjectHandle,
    ciphertext: &[u8],
) -> Result<SecretBytes, Error> {
    let parameters = PkcsOaepParams::new(
        MechanismType::SHA256,
        PkcsMgfType::MGF1_SHA256,
        PkcsOaepSource::empty(),
    );
    let plaintext = session.decrypt(&Mechanism::RsaPkcsOaep(parameters), key, ciphertext)?;
    Ok(SecretBytes::take(plaintext))
}
