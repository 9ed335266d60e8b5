//! Answers that changed on the way, and requests that did: none of them is used.

use std::sync::Arc;

use google_cloud_gax::{options::RequestOptions, response::Response};
use google_cloud_kms_v1::{
    Result as Answered,
    client::KeyManagementService,
    model::crypto_key_version::{
        CryptoKeyVersionAlgorithm as Algorithm, CryptoKeyVersionState as State,
    },
    model::*,
    stub,
};
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec, SystemRandom};
use strongroom_errors::Coded as _;
use strongroom_kms::{
    ExternalKeys as _, KeyWrapper as _, KmsError, KmsKeyId, WrapContext, WrappedKey,
};
use strongroom_memory::SecretBytes;

use crate::{GcpKms, GcpKmsSettings, checksums};

/// What is wrong with everything that a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// Another checksum than that of the bytes.
    Checksum,
    /// No checksum at all.
    NoChecksum,
    /// Another key than the one that was asked for.
    Key,
    /// It did not find the checksum that was sent.
    Unverified,
}

/// A service that answers everything, each time wrong in this respect.
#[derive(Debug)]
struct Service(Wrong);

const BYTES: &[u8] = &[7; 64];

impl Service {
    fn checksum(&self, bytes: &[u8]) -> Option<i64> {
        match self.0 {
            Wrong::NoChecksum => None,
            Wrong::Checksum => Some(checksums::of(bytes) ^ 1),
            _ => Some(checksums::of(bytes)),
        }
    }

    fn name(&self, asked: &str) -> String {
        let other = if self.0 == Wrong::Key { "0" } else { "" };
        format!("{asked}{other}")
    }

    /// Whether it says that it found these bytes as they were sent; it fails if they came without a checksum.
    fn verified(&self, bytes: &[u8], sent: Option<i64>) -> bool {
        assert_eq!(sent, Some(checksums::of(bytes)), "sent with its checksum");
        self.0 != Wrong::Unverified
    }
}

impl stub::KeyManagementService for Service {
    async fn encrypt(
        &self,
        asked: EncryptRequest,
        _options: RequestOptions,
    ) -> Answered<Response<EncryptResponse>> {
        let context = &asked.additional_authenticated_data;
        let context = self.verified(context, asked.additional_authenticated_data_crc32c);
        let answer = EncryptResponse::new()
            .set_name(self.name(&asked.name))
            .set_ciphertext(BYTES)
            .set_or_clear_ciphertext_crc32c(self.checksum(BYTES))
            .set_verified_plaintext_crc32c(self.verified(&asked.plaintext, asked.plaintext_crc32c))
            .set_verified_additional_authenticated_data_crc32c(context);
        Ok(Response::from(answer))
    }

    async fn decrypt(
        &self,
        asked: DecryptRequest,
        _options: RequestOptions,
    ) -> Answered<Response<DecryptResponse>> {
        let context = &asked.additional_authenticated_data;
        self.verified(context, asked.additional_authenticated_data_crc32c);
        self.verified(&asked.ciphertext, asked.ciphertext_crc32c);
        let answer = DecryptResponse::new()
            .set_plaintext(BYTES)
            .set_or_clear_plaintext_crc32c(self.checksum(BYTES));
        Ok(Response::from(answer))
    }

    async fn asymmetric_sign(
        &self,
        asked: AsymmetricSignRequest,
        _options: RequestOptions,
    ) -> Answered<Response<AsymmetricSignResponse>> {
        let answer = AsymmetricSignResponse::new()
            .set_name(self.name(&asked.name))
            .set_signature(BYTES)
            .set_or_clear_signature_crc32c(self.checksum(BYTES))
            .set_verified_data_crc32c(self.verified(&asked.data, asked.data_crc32c));
        Ok(Response::from(answer))
    }

    async fn asymmetric_decrypt(
        &self,
        asked: AsymmetricDecryptRequest,
        _options: RequestOptions,
    ) -> Answered<Response<AsymmetricDecryptResponse>> {
        let verified = self.verified(&asked.ciphertext, asked.ciphertext_crc32c);
        let answer = AsymmetricDecryptResponse::new()
            .set_plaintext(BYTES)
            .set_or_clear_plaintext_crc32c(self.checksum(BYTES))
            .set_verified_ciphertext_crc32c(verified);
        Ok(Response::from(answer))
    }

    async fn get_crypto_key_version(
        &self,
        asked: GetCryptoKeyVersionRequest,
        _options: RequestOptions,
    ) -> Answered<Response<CryptoKeyVersion>> {
        let version = CryptoKeyVersion::new()
            .set_name(asked.name)
            .set_state(State::Enabled)
            .set_algorithm(Algorithm::EcSignEd25519);
        Ok(Response::from(version))
    }

    async fn get_public_key(
        &self,
        asked: GetPublicKeyRequest,
        _options: RequestOptions,
    ) -> Answered<Response<PublicKey>> {
        let pem = "-----BEGIN PUBLIC KEY-----\nMAAwAA==\n-----END PUBLIC KEY-----\n";
        let data = ChecksummedData::new()
            .set_data(pem)
            .set_or_clear_crc32c_checksum(self.checksum(pem.as_bytes()));
        let answer = PublicKey::new().set_name(self.name(&asked.name));
        Ok(Response::from(answer.set_public_key(data)))
    }
}

/// What becomes of each use of a key, by name.
async fn uses(wrong: Wrong) -> Vec<(&'static str, Result<(), KmsError>)> {
    let client = KeyManagementService::from_stub(Service(wrong));
    let settings = GcpKmsSettings::new("p", "global", "r");
    let kms = GcpKms::with_client(client, settings, Arc::new(SystemRandom)).unwrap();
    let wrapper = KmsKeyId::try_new("wrapper").unwrap();
    let key = KmsKeyId::try_new("key/cryptoKeyVersions/1").unwrap();
    let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
    let data_key = SecretBytes::from_slice(BYTES);
    let wrapped = WrappedKey {
        wrapper_key_id: wrapper.clone(),
        ciphertext: BYTES.to_vec(),
    };
    let (ed25519, rsa) = (SigningKeySpec::EcCurve25519, EncryptionKeySpec::Rsa2048);
    let wrap = kms.wrap_key(&wrapper, &context, &data_key).await;
    let unwrap = kms.unwrap_key(&wrapped, &context).await;
    vec![
        ("wrap", wrap.map(drop)),
        ("unwrap", unwrap.map(drop)),
        ("sign", kms.sign(&key, ed25519, BYTES).await.map(drop)),
        ("decrypt", kms.decrypt(&key, rsa, BYTES).await.map(drop)),
        ("public key", kms.public_key(&key).await.map(drop)),
    ]
}

/// Checks which uses fail, and that they do so by saying that the answer is invalid.
async fn check(wrong: Wrong, wanted: &[&str]) {
    let mut failed = Vec::new();
    for (name, answer) in uses(wrong).await {
        if let Err(error) = answer {
            assert_eq!(error.code().name(), "KMS_ANSWER_INVALID", "{name}");
            failed.push(name);
        }
    }
    assert_eq!(failed, wanted, "{wrong:?}");
}

const ALL: &[&str] = &["wrap", "unwrap", "sign", "decrypt", "public key"];

#[tokio::test]
async fn an_answer_whose_checksum_is_wrong_is_not_used() {
    check(Wrong::Nothing, &[]).await;
    check(Wrong::Checksum, ALL).await;
}

#[tokio::test]
async fn an_answer_without_a_checksum_is_not_used() {
    check(Wrong::NoChecksum, ALL).await;
}

#[tokio::test]
async fn what_google_did_not_check_is_not_used() {
    check(Wrong::Unverified, &["wrap", "sign", "decrypt"]).await;
}

#[tokio::test]
async fn an_answer_about_another_key_is_not_used() {
    check(Wrong::Key, &["wrap", "sign", "public key"]).await;
}
