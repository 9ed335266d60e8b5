//! secp256k1 comes from `k256`; AWS-LC, which computes it too, is the cross-check.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256K1_SHA256_ASN1, ECDSA_P256K1_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use strongroom_crypto::{PrivateKey, Signature, SigningAlgorithm, SigningKey, SigningKeySpec};

use crate::support::{generate, hex, protocol, secret};

const SPEC: SigningKeySpec = SigningKeySpec::EcSecp256k1;

#[test]
fn aws_lc_verifies_what_we_sign_and_we_verify_what_aws_lc_signs() {
    for seed in 0..50 {
        let private = generate(SPEC, seed);
        let public = private.signing_public_key(protocol()).unwrap();
        let point = &public.spki()[23..];
        let key = SigningKey::new(&private, &public).unwrap();
        let message = seed.to_be_bytes();
        let ours = key.sign(&message, protocol()).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256K1_SHA256_ASN1, point)
            .verify(&message, &ours.bytes)
            .unwrap();

        // EXPOSE: a key of this test.
        let scalar = private.stored().expose();
        let theirs = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256K1_SHA256_ASN1_SIGNING,
            scalar,
            point,
        )
        .unwrap();
        let bytes = theirs
            .sign(&SystemRandom::new(), &message)
            .unwrap()
            .as_ref()
            .to_vec();
        let theirs = Signature { bytes, ..ours };
        public.verify(&message, &theirs, protocol()).unwrap();
    }
}

#[test]
fn aws_lc_reads_our_pkcs8_and_our_spki() {
    let private = generate(SPEC, 100);
    let exported = private.to_pkcs8().unwrap();
    // EXPOSE: a key of this test.
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256K1_SHA256_ASN1_SIGNING, exported.expose()).unwrap();
    let message = b"message";
    let bytes = pair
        .sign(&SystemRandom::new(), message)
        .unwrap()
        .as_ref()
        .to_vec();
    UnparsedPublicKey::new(&ECDSA_P256K1_SHA256_ASN1, private.public_spki().unwrap())
        .verify(message, &bytes)
        .unwrap();
}

/// The widely used vector for RFC 6979 on this curve: key 1, SHA-256, "Satoshi Nakamoto".
#[test]
fn the_nonce_comes_from_key_and_message_and_s_is_low() {
    let mut one = [0; 32];
    one[31] = 1;
    let private = PrivateKey::from_stored(SPEC.into(), secret(one)).unwrap();
    let public = private.signing_public_key(protocol()).unwrap();
    let key = SigningKey::new(&private, &public).unwrap();
    let signature = key.sign(b"Satoshi Nakamoto", protocol()).unwrap();
    let expected = "3045022100934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d802202442ce9d2b916064108014783e\
                    923ec36b49743e2ffa1c4496f01a512aafd9e5";
    assert_eq!(signature.bytes, hex(expected));
    assert_eq!(signature.algorithm, Some(SigningAlgorithm::EcDsaSha256));
}
