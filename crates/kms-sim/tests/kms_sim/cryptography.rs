//! Whether others can use what the simulator publishes: keys read by the vault's library, and by AWS-LC where that has
//! another one do the work.

use aws_lc_rs::signature::{ECDSA_P256K1_SHA256_ASN1, UnparsedPublicKey};
use data_encoding::BASE64;
use serde_json::{Value, json};
use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, KeyUsages, Signature, SigningKeySpec, SigningPublicKey,
    SystemRandom,
};
use strongroom_kms_sim::{Scenario, Simulator};

use crate::house::{call, new_key, standing};

const MESSAGE: &[u8] = b"the message";

fn bytes(value: &Value) -> Vec<u8> {
    BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn public_key(simulator: &Simulator, id: &str) -> Vec<u8> {
    let answer = call(simulator, "GetPublicKey", &json!({"KeyId": id})).good();
    bytes(&answer["PublicKey"])
}

/// A signature over [`MESSAGE`] by a new key, and that key's SPKI.
fn signed(simulator: &Simulator, spec: &str, algorithm: &str) -> (Vec<u8>, Vec<u8>) {
    let wishes = json!({"KeySpec": spec, "KeyUsage": "SIGN_VERIFY"});
    let id = new_key(simulator, &wishes);
    let question = json!({
        "KeyId": id,
        "Message": BASE64.encode(MESSAGE),
        "SigningAlgorithm": algorithm,
    });
    let answer = call(simulator, "Sign", &question).good();
    (bytes(&answer["Signature"]), public_key(simulator, &id))
}

#[test]
fn signatures_of_every_kind_of_key_verify_under_the_published_half() {
    let simulator = standing(Scenario::default());
    for (name, algorithm, spec) in [
        ("ECC_NIST_P256", "ECDSA_SHA_256", SigningKeySpec::EcP256),
        ("ECC_NIST_P384", "ECDSA_SHA_384", SigningKeySpec::EcP384),
        (
            "ECC_SECG_P256K1",
            "ECDSA_SHA_256",
            SigningKeySpec::EcSecp256k1,
        ),
        (
            "ECC_NIST_EDWARDS25519",
            "ED25519_SHA_512",
            SigningKeySpec::EcCurve25519,
        ),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", SigningKeySpec::MlDsa65),
    ] {
        let (bytes, spki) = signed(&simulator, name, algorithm);
        let public = SigningPublicKey::from_spki(spec, &spki, KeyUsages::ALL).unwrap();
        let algorithm = spec.algorithm();
        let signature = Signature {
            bytes,
            format: algorithm.format(),
            signed_by: public.fingerprint(),
            algorithm: Some(algorithm),
        };
        public.verify(MESSAGE, &signature, KeyUsages::ALL).unwrap();
        let other = public.verify(b"another", &signature, KeyUsages::ALL);
        assert!(other.is_err(), "{name}");
    }
}

#[test]
fn aws_lc_agrees_with_k256_about_secp256k1() {
    let simulator = standing(Scenario::default());
    let (signature, spki) = signed(&simulator, "ECC_SECG_P256K1", "ECDSA_SHA_256");
    let public = UnparsedPublicKey::new(&ECDSA_P256K1_SHA256_ASN1, &spki);
    public.verify(MESSAGE, &signature).unwrap();
    assert!(public.verify(b"another", &signature).is_err());
}

#[test]
fn what_is_encrypted_to_the_published_half_of_an_rsa_key_decrypts() {
    let simulator = standing(Scenario::default());
    let wishes = json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"});
    let id = new_key(&simulator, &wishes);
    let spki = public_key(&simulator, &id);
    let public = EncryptionPublicKey::from_spki(EncryptionKeySpec::Rsa2048, &spki).unwrap();
    let ciphertext = public.encrypt(MESSAGE, &SystemRandom).unwrap().ciphertext;
    let question = json!({
        "KeyId": id,
        "CiphertextBlob": BASE64.encode(&ciphertext),
        "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
    });
    let answer = call(&simulator, "Decrypt", &question).good();
    assert_eq!(bytes(&answer["Plaintext"]), MESSAGE);
}
