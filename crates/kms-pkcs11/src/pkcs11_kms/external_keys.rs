//! The token as a holder of private keys.

use async_trait::async_trait;
use cryptoki::object::ObjectHandle;
use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, ExternalPublicKey, KeyState, KmsError, KmsKeyId,
    KmsOperation, MAX_CIPHERTEXT_BYTES, MAX_MESSAGE_BYTES, check_size, importable,
};
use strongroom_memory::SecretBytes;

use super::lookup::not_found;
use super::{Pkcs11Kms, Shared};
use crate::fault::{Fault, is_lost, is_of_decrypting};
use crate::key_id::{KeyId, ObjectId};
use crate::objects;
use crate::pool::{Repeat, Seat};
use crate::record::KeyKind;
use crate::templates::{self, Origin, Place};
use crate::token::{import, oaep, public_key};

#[async_trait]
impl ExternalKeys for Pkcs11Kms {
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let means = *self
            .shared
            .abilities
            .means(spec)
            .ok_or_else(|| self.shared.capabilities.unsupported(spec))?;
        let ExternalKeyRequest { label, tags } = request.clone();
        let operation = KmsOperation::GenerateSigningKey;
        let generate = move |seat: &Seat, place: &Place| {
            let (public, private) = templates::signing_pair(place, means.curve);
            let generation = means.generation();
            let pair = seat
                .session
                .generate_key_pair(&generation, &public, &private)?;
            Ok(pair.1)
        };
        self.create(
            (KeyKind::Signing(spec), Origin::Generated),
            label,
            tags,
            operation,
            generate,
        )
        .await
    }

    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        if !self.shared.capabilities.encryption_specs.contains(&spec) {
            return Err(self.shared.capabilities.unsupported(spec));
        }
        let ExternalKeyRequest { label, tags } = request.clone();
        let operation = KmsOperation::GenerateEncryptionKey;
        let generate = |seat: &Seat, place: &Place| {
            let (public, private) = templates::rsa_pair(place);
            let pair = seat
                .session
                .generate_key_pair(&oaep::GENERATION, &public, &private)?;
            Ok(pair.1)
        };
        self.create(
            (KeyKind::Encryption(spec), Origin::Generated),
            label,
            tags,
            operation,
            generate,
        )
        .await
    }

    /// The private key passes through the library of the token in clear: in this process, and on to the token as the library
    /// sends everything.
    async fn import_key(
        &self,
        spec: KeySpec,
        private_key: &SecretBytes,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let private = importable(&self.shared.capabilities, spec, private_key)?;
        let ExternalKeyRequest { label, tags } = request.clone();
        let (kind, curve) = match spec {
            KeySpec::Signing(spec) => {
                let means = self.shared.abilities.means(spec);
                let curve = means.map(|means| means.curve);
                (KeyKind::Signing(spec), curve)
            }
            KeySpec::Encryption(spec) => (KeyKind::Encryption(spec), None),
        };
        let operation = KmsOperation::ImportKey;
        let create = move |seat: &Seat, place: &Place| {
            let (_public, private) = import::create(&seat.session, place, &private, curve)?;
            Ok(private)
        };
        self.create((kind, Origin::Imported), label, tags, operation, create)
            .await
    }

    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::KeyState;
        let (id, name) = (KeyId::of(key)?, key.clone());
        self.run(Repeat::Once, OPERATION, Some(key), move |shared, seat| {
            let record = shared.fresh_record(seat, id)?;
            record.require_external(&name, OPERATION)?;
            shared.require_key(seat, ObjectId::Pair(id))?;
            Ok(record.key_state())
        })
        .await
    }

    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::PublicKey;
        let (id, name) = (KeyId::of(key)?, key.clone());
        self.run(Repeat::Once, OPERATION, Some(key), move |shared, seat| {
            let record = shared.record(seat, id)?;
            record.require_usable(&name)?;
            let spec = record.require_external(&name, OPERATION)?;
            let object = objects::find_public_key(seat, id)?;
            let object = object.ok_or_else(|| not_found(id))?;
            let spki = public_key::spki(&seat.session, object, spec)?;
            let spki =
                spki.ok_or_else(|| KmsError::answer_invalid(OPERATION, "no public key is shown"))?;
            Ok(ExternalPublicKey { spec, spki })
        })
        .await
    }

    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::Sign;
        check_size(OPERATION, message.len(), MAX_MESSAGE_BYTES)?;
        let (id, name) = (KeyId::of(key)?, key.clone());
        let means = self.shared.abilities.means(spec).copied();
        let message = message.to_vec();
        let work = move |shared: &Shared, seat: &Seat| {
            let record = shared.record(seat, id)?;
            record.require_usable(&name)?;
            record.require_kind(KeyKind::Signing(spec), &name, OPERATION)?;
            let means = means.ok_or_else(|| shared.capabilities.unsupported(spec))?;
            shared.with_private_key(seat, id, |handle| {
                let signature = means.sign(&seat.session, handle, &message)?;
                Ok(signature
                    .ok_or_else(|| KmsError::answer_invalid(OPERATION, "this is no signature"))?)
            })
        };
        self.run(Repeat::Once, OPERATION, Some(key), work).await
    }

    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        const OPERATION: KmsOperation = KmsOperation::Decrypt;
        check_size(OPERATION, ciphertext.len(), MAX_CIPHERTEXT_BYTES)?;
        let (id, name) = (KeyId::of(key)?, key.clone());
        let ciphertext = ciphertext.to_vec();
        let work = move |shared: &Shared, seat: &Seat| {
            let record = shared.record(seat, id)?;
            record.require_usable(&name)?;
            record.require_kind(KeyKind::Encryption(spec), &name, OPERATION)?;
            let failed = || KmsError::DecryptFailed { id: name.clone() };
            if ciphertext.len() != oaep::CIPHERTEXT_LENGTH {
                return Err(failed().into());
            }
            shared.with_private_key(seat, id, |handle| {
                decrypt(seat, handle, &ciphertext)?.ok_or_else(|| failed().into())
            })
        };
        self.run(Repeat::Once, OPERATION, Some(key), work).await
    }

    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError> {
        const OPERATION: KmsOperation = KmsOperation::DeleteKey;
        let (id, name) = (KeyId::of(key)?, key.clone());
        self.run(Repeat::Once, OPERATION, Some(key), move |shared, seat| {
            let _one_at_a_time = shared.changing.lock();
            let found = objects::find_record(seat, id)?;
            let found = found.ok_or_else(|| not_found(id))?;
            found.record.require_external(&name, OPERATION)?;
            // The record goes last: interrupted, the deletion can be asked for again.
            objects::destroy_keys(seat, ObjectId::Pair(id))?;
            objects::destroy(seat, &found.objects)?;
            shared.known.forget(id);
            Ok(())
        })
        .await
    }
}

/// `None`: it does not decrypt. Why is not told apart: for RSA that would be an oracle.
fn decrypt(
    seat: &Seat,
    key: ObjectHandle,
    ciphertext: &[u8],
) -> Result<Option<SecretBytes>, Fault> {
    match oaep::decrypt(&seat.session, key, ciphertext) {
        Ok(plaintext) => Ok(Some(plaintext)),
        Err(error) if is_lost(&error) || !is_of_decrypting(&error) => Err(error.into()),
        // Some tokens have only their general error for a wrong padding, and the same one for a lost login.
        Err(_not_decrypted) => {
            seat.confirm_login()?;
            Ok(None)
        }
    }
}
