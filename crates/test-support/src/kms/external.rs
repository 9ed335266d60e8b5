//! Rules for external keys. Each is checked for every spec that the capabilities name; one that is left with nothing to
//! check says that what it needs is not offered.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, KeySpec, KeyUsage, KeyUsages, PrivateKey, Signature,
    SignatureDelegation, SigningAlgorithms, SigningKeySpec, SigningPublicKey, SystemRandom,
    Timestamp, ValidityPeriod, delegation_hash,
};
use strongroom_kms::{
    ExternalKeyRequest, ExternalKeys, KeyState, KmsError, KmsKeyId, MAX_CIPHERTEXT_BYTES,
    WrapContext, WrappedKey, WrapperKeyRequest,
};
use strongroom_memory::SecretBytes;

use super::subject::{Failure, KmsUnderTest, NotOffered, assert_fails, keys_of, wrapper_of};

pub(super) const MESSAGE: &[u8] = b"the message of the conformance suite";

fn signing_specs(kms: &dyn KmsUnderTest) -> Vec<SigningKeySpec> {
    kms.provider().capabilities().signing_specs.clone()
}

fn encryption_specs(kms: &dyn KmsUnderTest) -> Vec<EncryptionKeySpec> {
    kms.provider().capabilities().encryption_specs.clone()
}

/// For rules that check nothing without such a key.
fn some_signing_specs(kms: &dyn KmsUnderTest) -> Result<Vec<SigningKeySpec>, NotOffered> {
    Some(signing_specs(kms))
        .filter(|specs| !specs.is_empty())
        .ok_or(NotOffered("signing keys"))
}

/// For rules that check nothing without such a key.
fn some_encryption_specs(kms: &dyn KmsUnderTest) -> Result<Vec<EncryptionKeySpec>, NotOffered> {
    Some(encryption_specs(kms))
        .filter(|specs| !specs.is_empty())
        .ok_or(NotOffered("encryption keys"))
}

/// A signing key and its published half.
pub(super) struct Signer {
    keys: Arc<dyn ExternalKeys>,
    spec: SigningKeySpec,
    id: KmsKeyId,
    public: SigningPublicKey,
}

impl Signer {
    async fn new(kms: &dyn KmsUnderTest, spec: SigningKeySpec) -> Result<Self, Failure> {
        let keys = keys_of(kms)?;
        let id = keys
            .generate_signing_key(spec, &ExternalKeyRequest::default())
            .await?;
        Self::over(keys, spec, id).await
    }

    /// Of a key that is there.
    pub(super) async fn over(
        keys: Arc<dyn ExternalKeys>,
        spec: SigningKeySpec,
        id: KmsKeyId,
    ) -> Result<Self, Failure> {
        assert_eq!(keys.key_state(&id).await?, KeyState::Enabled, "{spec}");
        let published = keys.public_key(&id).await?;
        assert_eq!(published.spec, KeySpec::Signing(spec));
        let public = SigningPublicKey::from_spki(spec, &published.spki, KeyUsages::ALL)?;
        Ok(Self {
            keys,
            spec,
            id,
            public,
        })
    }

    pub(super) async fn sign(&self) -> Result<Vec<u8>, KmsError> {
        self.keys.sign(&self.id, self.spec, MESSAGE).await
    }

    fn signature(&self, bytes: Vec<u8>) -> Signature {
        let algorithm = self.spec.algorithm();
        Signature {
            bytes,
            format: algorithm.format(),
            signed_by: self.public.fingerprint(),
            algorithm: Some(algorithm),
        }
    }

    pub(super) fn verifies(&self, bytes: Vec<u8>, message: &[u8]) -> bool {
        let signature = self.signature(bytes);
        self.public
            .verify(message, &signature, KeyUsages::ALL)
            .is_ok()
    }
}

/// An encryption key, its published half, and something encrypted to it.
pub(super) struct Decrypter {
    keys: Arc<dyn ExternalKeys>,
    spec: EncryptionKeySpec,
    id: KmsKeyId,
    ciphertext: Vec<u8>,
}

impl Decrypter {
    async fn new(kms: &dyn KmsUnderTest, spec: EncryptionKeySpec) -> Result<Self, Failure> {
        let keys = keys_of(kms)?;
        let id = keys
            .generate_encryption_key(spec, &ExternalKeyRequest::default())
            .await?;
        Self::over(keys, spec, id).await
    }

    /// Of a key that is there.
    pub(super) async fn over(
        keys: Arc<dyn ExternalKeys>,
        spec: EncryptionKeySpec,
        id: KmsKeyId,
    ) -> Result<Self, Failure> {
        assert_eq!(keys.key_state(&id).await?, KeyState::Enabled, "{spec}");
        let published = keys.public_key(&id).await?;
        assert_eq!(published.spec, KeySpec::Encryption(spec));
        let public = EncryptionPublicKey::from_spki(spec, &published.spki)?;
        let ciphertext = public.encrypt(MESSAGE, &SystemRandom)?.ciphertext;
        Ok(Self {
            keys,
            spec,
            id,
            ciphertext,
        })
    }

    async fn decrypt(&self, ciphertext: &[u8]) -> Result<SecretBytes, KmsError> {
        self.keys.decrypt(&self.id, self.spec, ciphertext).await
    }

    pub(super) async fn assert_decrypts(&self) -> Result<(), Failure> {
        assert_eq!(
            self.decrypt(&self.ciphertext).await?,
            SecretBytes::from_slice(MESSAGE),
            "{}",
            self.spec
        );
        Ok(())
    }

    async fn assert_does_not_decrypt(&self, what: &str, ciphertext: &[u8]) {
        let wanted = format!("DecryptFailed ({}, {what})", self.spec);
        assert_fails(self.decrypt(ciphertext).await, &wanted, |error| {
            matches!(error, KmsError::DecryptFailed { .. })
        });
    }
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_signature_verifies_under_the_published_key(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    for spec in some_signing_specs(kms)? {
        let signer = Signer::new(kms, spec).await?;
        let signature = signer.sign().await?;
        assert!(signer.verifies(signature.clone(), MESSAGE), "{spec}");
        assert!(
            !signer.verifies(signature.clone(), b"another message"),
            "{spec}"
        );
        let other = Signer::new(kms, spec).await?;
        assert!(
            !other.verifies(signature, MESSAGE),
            "{spec}: under another key"
        );
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_session_key_that_it_vouches_for_signs_for_one_synchronizer(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    for spec in some_signing_specs(kms)? {
        let signer = Signer::new(kms, spec).await?;
        let validity = ValidityPeriod::new(Timestamp::from_micros(0), NonZeroU32::MIN);
        let private = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &SystemRandom)?;
        let public = private.signing_public_key(KeyUsages::only(KeyUsage::Protocol))?;
        let hash = delegation_hash(&public, validity, "one::synchronizer");
        let signature = signer
            .keys
            .sign(&signer.id, spec, &hash.to_multihash())
            .await?;
        let signature = signer.signature(signature);
        let delegation = SignatureDelegation::try_new(public, validity, signature)?;
        let is_for =
            |synchronizer| delegation.verify(&signer.public, synchronizer, SigningAlgorithms::ALL);
        assert_eq!(is_for("one::synchronizer"), Ok(()), "{spec}");
        assert!(is_for("another::synchronizer").is_err(), "{spec}");
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn what_is_encrypted_to_the_published_key_decrypts(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    for spec in some_encryption_specs(kms)? {
        Decrypter::new(kms, spec).await?.assert_decrypts().await?;
    }
    Ok(())
}

/// How many bytes at the start of a ciphertext nothing authenticates: the IV of ECIES (reference: keys-and-schemes,
/// section 7.1). Changing them changes the plaintext.
const fn unauthenticated_bytes(spec: EncryptionKeySpec) -> usize {
    match spec {
        EncryptionKeySpec::EcP256 => 16,
        EncryptionKeySpec::Rsa2048 => 0,
    }
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_changed_ciphertext_does_not_decrypt_to_the_message(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    for spec in some_encryption_specs(kms)? {
        let it = Decrypter::new(kms, spec).await?;
        for position in 0..it.ciphertext.len() {
            let mut changed = it.ciphertext.clone();
            if let Some(byte) = changed.get_mut(position) {
                *byte ^= 0x01;
            }
            if position < unauthenticated_bytes(spec) {
                let answer = it.decrypt(&changed).await;
                let message = SecretBytes::from_slice(MESSAGE);
                let unchanged = answer.is_ok_and(|plaintext| plaintext == message);
                assert!(!unchanged, "{spec}: byte {position} has no effect");
            } else {
                it.assert_does_not_decrypt(&format!("byte {position}"), &changed)
                    .await;
            }
        }
        let shorter = it
            .ciphertext
            .get(..it.ciphertext.len() - 1)
            .unwrap_or_default();
        it.assert_does_not_decrypt("a byte less", shorter).await;
        it.assert_does_not_decrypt("a single byte", &[1]).await;
        let oversized = vec![1; MAX_CIPHERTEXT_BYTES + 1];
        assert_fails(it.decrypt(&oversized).await, "PayloadTooLarge", |error| {
            matches!(error, KmsError::PayloadTooLarge { .. })
        });
        it.assert_decrypts().await?;
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_ciphertext_for_another_key_does_not_decrypt(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    for spec in some_encryption_specs(kms)? {
        let (one, other) = (
            Decrypter::new(kms, spec).await?,
            Decrypter::new(kms, spec).await?,
        );
        one.assert_does_not_decrypt("for another key", &other.ciphertext)
            .await;
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn an_unknown_key_is_not_found(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let (keys, unknown) = (keys_of(kms)?, kms.unknown_key());
    let fits = |error: &KmsError| matches!(error, KmsError::KeyNotFound { id } if *id == unknown);
    assert_fails(keys.key_state(&unknown).await, "KeyNotFound", fits);
    assert_fails(keys.public_key(&unknown).await, "KeyNotFound", fits);
    assert_fails(keys.delete_key(&unknown).await, "KeyNotFound", fits);
    for spec in signing_specs(kms) {
        assert_fails(
            keys.sign(&unknown, spec, MESSAGE).await,
            "KeyNotFound",
            fits,
        );
    }
    for spec in encryption_specs(kms) {
        assert_fails(
            keys.decrypt(&unknown, spec, &[1; 100]).await,
            "KeyNotFound",
            fits,
        );
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_key_does_only_what_it_was_made_for(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let fits = |error: &KmsError| matches!(error, KmsError::WrongPurpose { .. });
    for made_for in signing_specs(kms) {
        let signer = Signer::new(kms, made_for).await?;
        for asked in signing_specs(kms)
            .into_iter()
            .filter(|asked| *asked != made_for)
        {
            match signer.keys.sign(&signer.id, asked, MESSAGE).await {
                // A KMS that is told the algorithm, which two curves share, signs with the curve of the key.
                Ok(signature) if asked.algorithm() == made_for.algorithm() => {
                    assert!(signer.verifies(signature, MESSAGE), "{made_for} as {asked}");
                }
                answer => assert_fails(answer, "WrongPurpose", fits),
            }
        }
        for asked in encryption_specs(kms) {
            assert_fails(
                signer.keys.decrypt(&signer.id, asked, &[1; 100]).await,
                "WrongPurpose",
                fits,
            );
        }
    }
    for made_for in encryption_specs(kms) {
        let it = Decrypter::new(kms, made_for).await?;
        for asked in encryption_specs(kms)
            .into_iter()
            .filter(|asked| *asked != made_for)
        {
            assert_fails(
                it.keys.decrypt(&it.id, asked, &it.ciphertext).await,
                "WrongPurpose",
                fits,
            );
        }
        for asked in signing_specs(kms) {
            assert_fails(
                it.keys.sign(&it.id, asked, MESSAGE).await,
                "WrongPurpose",
                fits,
            );
        }
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_wrapper_key_is_no_external_key_and_the_other_way_round(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let (wrapper, keys) = (wrapper_of(kms)?, keys_of(kms)?);
    let fits = |error: &KmsError| matches!(error, KmsError::WrongPurpose { .. });
    let wrapper_key = wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await?;
    assert_fails(keys.key_state(&wrapper_key).await, "WrongPurpose", fits);
    assert_fails(keys.public_key(&wrapper_key).await, "WrongPurpose", fits);
    assert_fails(keys.delete_key(&wrapper_key).await, "WrongPurpose", fits);
    let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
    let wrapped = wrapper
        .wrap_key(&wrapper_key, &context, &SecretBytes::from_slice(&[7; 32]))
        .await?;
    for spec in signing_specs(kms) {
        assert_fails(
            keys.sign(&wrapper_key, spec, MESSAGE).await,
            "WrongPurpose",
            fits,
        );
        let id = keys
            .generate_signing_key(spec, &ExternalKeyRequest::default())
            .await?;
        assert_fails(wrapper.wrapper_key_state(&id).await, "WrongPurpose", fits);
        let key = SecretBytes::from_slice(&[7; 32]);
        assert_fails(
            wrapper.wrap_key(&id, &context, &key).await,
            "WrongPurpose",
            fits,
        );
        let moved = WrappedKey {
            wrapper_key_id: id,
            ..wrapped.clone()
        };
        assert_fails(
            wrapper.unwrap_key(&moved, &context).await,
            "WrongPurpose",
            fits,
        );
    }
    for spec in encryption_specs(kms) {
        let answer = keys.decrypt(&wrapper_key, spec, &wrapped.ciphertext).await;
        assert_fails(answer, "WrongPurpose", fits);
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_disabled_key_works_only_after_it_was_enabled(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let fits = |error: &KmsError| matches!(error, KmsError::KeyDisabled { .. });
    for spec in signing_specs(kms) {
        let signer = Signer::new(kms, spec).await?;
        kms.disable_key(&signer.id).await?;
        assert_eq!(signer.keys.key_state(&signer.id).await?, KeyState::Disabled);
        assert_fails(signer.sign().await, "KeyDisabled", fits);
        kms.enable_key(&signer.id).await?;
        assert!(signer.verifies(signer.sign().await?, MESSAGE), "{spec}");
    }
    for spec in encryption_specs(kms) {
        let it = Decrypter::new(kms, spec).await?;
        kms.disable_key(&it.id).await?;
        assert_fails(it.decrypt(&it.ciphertext).await, "KeyDisabled", fits);
        kms.enable_key(&it.id).await?;
        it.assert_decrypts().await?;
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_deleted_key_is_of_no_more_use(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    // A provider destroys at once or after a while.
    let fits = |error: &KmsError| {
        matches!(
            error,
            KmsError::KeyPendingDeletion { .. } | KmsError::KeyNotFound { .. }
        )
    };
    for spec in signing_specs(kms) {
        let signer = Signer::new(kms, spec).await?;
        signer.keys.delete_key(&signer.id).await?;
        assert_fails(
            signer.sign().await,
            "KeyPendingDeletion or KeyNotFound",
            fits,
        );
        match signer.keys.key_state(&signer.id).await {
            Ok(state) => {
                assert_eq!(state, KeyState::PendingDeletion);
                signer.keys.delete_key(&signer.id).await?;
            }
            gone => assert_fails(gone, "KeyNotFound", |error| {
                matches!(error, KmsError::KeyNotFound { .. })
            }),
        }
    }
    for spec in encryption_specs(kms) {
        let it = Decrypter::new(kms, spec).await?;
        it.keys.delete_key(&it.id).await?;
        assert_fails(
            it.decrypt(&it.ciphertext).await,
            "KeyPendingDeletion or KeyNotFound",
            fits,
        );
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn a_message_of_the_largest_size_is_signed_and_one_byte_more_is_not(
    kms: &dyn KmsUnderTest,
) -> Result<(), Failure> {
    let max = kms.provider().capabilities().max_message_bytes;
    for spec in some_signing_specs(kms)? {
        let signer = Signer::new(kms, spec).await?;
        let largest = vec![0x5a; max];
        let signature = signer.keys.sign(&signer.id, spec, &largest).await?;
        assert!(signer.verifies(signature, &largest), "{spec}");
        let too_large = signer
            .keys
            .sign(&signer.id, spec, &vec![0x5a; max + 1])
            .await;
        assert_fails(too_large, "PayloadTooLarge", |error| {
            matches!(error, KmsError::PayloadTooLarge { .. })
        });
    }
    Ok(())
}

/// The rule that its name says.
///
/// # Errors
/// See [`Failure`].
pub async fn every_key_is_a_new_one(kms: &dyn KmsUnderTest) -> Result<(), Failure> {
    let request = ExternalKeyRequest {
        label: Some("external".parse()?),
        tags: vec![("strongroom-intent".to_owned(), "1".to_owned())],
    };
    let keys = keys_of(kms)?;
    for spec in some_signing_specs(kms)? {
        let (mut ids, mut public_keys) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..2 {
            let id = keys.generate_signing_key(spec, &request).await?;
            public_keys.insert(keys.public_key(&id).await?.spki);
            ids.insert(id);
        }
        assert_eq!((ids.len(), public_keys.len()), (2, 2), "{spec}");
    }
    Ok(())
}
