//! Trying out what the token can do, since what it lists is not always what it does.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, KeySpec, KeyUsages, PrivateKey, Random, Signature,
    SigningKeySpec, SigningPublicKey,
};
use strongroom_memory::SecretBytes;

use super::{gcm, import, oaep, public_key, signing};
use crate::error::Pkcs11Error;
use crate::fault::{Fault, is_lost};
use crate::templates::{self, Place};

const MESSAGE: &[u8] = b"can this token do that?";

/// What a token was seen to do right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abilities {
    /// AES-256-GCM with associated data.
    pub(crate) wraps: bool,
    pub(crate) signing: Vec<signing::Means>,
    /// RSA-OAEP with SHA-256.
    pub(crate) decrypts_oaep: bool,
    /// Private keys that can be brought in.
    pub(crate) imports: Vec<KeySpec>,
}

impl Abilities {
    pub(crate) fn means(&self, spec: SigningKeySpec) -> Option<&signing::Means> {
        self.signing.iter().find(|means| means.spec == spec)
    }
}

/// Tries everything with keys that vanish with the session. What fails is something the token cannot do, unless the token
/// itself is lost.
pub(crate) fn probe(
    session: &Session,
    listed: &[MechanismType],
    random: &dyn Random,
) -> Result<Abilities, Fault> {
    let mut abilities = Abilities::default();
    let gcm = [MechanismType::AES_KEY_GEN, MechanismType::AES_GCM];
    if gcm.iter().all(|mechanism| listed.contains(mechanism)) {
        abilities.wraps = outcome(wraps(session, random))?;
    }
    for spec in SigningKeySpec::ALL {
        for means in signing::means(spec) {
            if means.is_listed(listed) && outcome(signs(session, &means))? {
                abilities.signing.push(means);
                break;
            }
        }
    }
    if oaep::is_listed(listed) {
        abilities.decrypts_oaep = outcome(decrypts(session, random))?;
    }
    for means in &abilities.signing {
        if outcome(signs_imported(session, means, random))? {
            abilities.imports.push(means.spec.into());
        }
    }
    if abilities.decrypts_oaep && outcome(decrypts_imported(session, random))? {
        abilities.imports.push(EncryptionKeySpec::Rsa2048.into());
    }
    Ok(abilities)
}

fn outcome(tried: Result<bool, Fault>) -> Result<bool, Fault> {
    match tried {
        Err(Fault::Call(error)) if is_lost(&error) => Err(error.into()),
        other => Ok(other.unwrap_or(false)),
    }
}

fn wraps(session: &Session, random: &dyn Random) -> Result<bool, Fault> {
    let iv = gcm::new_iv(random).map_err(Pkcs11Error::from)?;
    let key = session.generate_key(
        &Mechanism::AesKeyGen,
        &templates::wrapper_key(&Place::Session),
    )?;
    let works = gcm::works(session, key, iv);
    session.destroy_object(key)?;
    Ok(works?)
}

fn signs(session: &Session, means: &signing::Means) -> Result<bool, Fault> {
    let (public, private) = templates::signing_pair(&Place::Session, means.curve);
    let (public, private) = session.generate_key_pair(&means.generation(), &public, &private)?;
    let works = signature_verifies(session, means, public, private);
    session.destroy_object(private)?;
    session.destroy_object(public)?;
    works
}

fn signs_imported(
    session: &Session,
    means: &signing::Means,
    random: &dyn Random,
) -> Result<bool, Fault> {
    let key = PrivateKey::generate(means.spec.into(), random).map_err(Pkcs11Error::from)?;
    let (public, private) = import::create(session, &Place::Session, &key, Some(means.curve))?;
    let works = signature_verifies(session, means, public, private);
    session.destroy_object(private)?;
    session.destroy_object(public)?;
    works
}

fn signature_verifies(
    session: &Session,
    means: &signing::Means,
    public: ObjectHandle,
    private: ObjectHandle,
) -> Result<bool, Fault> {
    let Some(bytes) = means.sign(session, private, MESSAGE)? else {
        return Ok(false);
    };
    let Some(spki) = public_key::spki(session, public, means.spec.into())? else {
        return Ok(false);
    };
    let Ok(key) = SigningPublicKey::from_spki(means.spec, &spki, KeyUsages::ALL) else {
        return Ok(false);
    };
    let algorithm = means.spec.algorithm();
    let signature = Signature {
        bytes,
        format: algorithm.format(),
        signed_by: key.fingerprint(),
        algorithm: Some(algorithm),
    };
    Ok(key.verify(MESSAGE, &signature, KeyUsages::ALL).is_ok())
}

fn decrypts(session: &Session, random: &dyn Random) -> Result<bool, Fault> {
    let (public, private) = templates::rsa_pair(&Place::Session);
    let (public, private) = session.generate_key_pair(&oaep::GENERATION, &public, &private)?;
    let works = plaintext_returns(session, random, public, private);
    session.destroy_object(private)?;
    session.destroy_object(public)?;
    works
}

fn decrypts_imported(session: &Session, random: &dyn Random) -> Result<bool, Fault> {
    let key = PrivateKey::generate(EncryptionKeySpec::Rsa2048.into(), random)
        .map_err(Pkcs11Error::from)?;
    let (public, private) = import::create(session, &Place::Session, &key, None)?;
    let works = plaintext_returns(session, random, public, private);
    session.destroy_object(private)?;
    session.destroy_object(public)?;
    works
}

fn plaintext_returns(
    session: &Session,
    random: &dyn Random,
    public: ObjectHandle,
    private: ObjectHandle,
) -> Result<bool, Fault> {
    const SPEC: EncryptionKeySpec = EncryptionKeySpec::Rsa2048;
    let Some(spki) = public_key::spki(session, public, SPEC.into())? else {
        return Ok(false);
    };
    let encrypted = EncryptionPublicKey::from_spki(SPEC, &spki)
        .ok()
        .and_then(|key| key.encrypt(MESSAGE, random).ok());
    let Some(encrypted) = encrypted else {
        return Ok(false);
    };
    let plaintext = oaep::decrypt(session, private, &encrypted.ciphertext)?;
    Ok(plaintext == SecretBytes::from_slice(MESSAGE))
}
