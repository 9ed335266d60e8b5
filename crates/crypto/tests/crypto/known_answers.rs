//! Answers that are known from elsewhere.

use strongroom_crypto::{
    KeyPurpose, KeySpec, KeyUsages, PrivateKey, PublicKey, SigningKey, SigningKeySpec,
    SigningPublicKey,
};

use crate::support::{hex, protocol, sample, secret};

/// RFC 8032, section 7.1: seed, public key, message, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24\
         655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee\
         b00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d\
         c027beceea1ec40a",
    ],
];

#[test]
fn ed25519_signs_as_rfc_8032_shows() {
    for [seed, public, message, signature] in RFC_8032.map(|vector| vector.map(hex)) {
        let spec = SigningKeySpec::EcCurve25519;
        let private = PrivateKey::from_stored(spec.into(), secret(seed)).unwrap();
        let key = private.signing_public_key(protocol()).unwrap();
        assert_eq!(key.raw_ed25519().unwrap().as_slice(), public);
        let signed = SigningKey::new(&private, &key)
            .unwrap()
            .sign(&message, KeyUsages::ALL)
            .unwrap();
        assert_eq!(signed.bytes, signature);
        key.verify(&message, &signed, KeyUsages::ALL).unwrap();
    }
}

#[test]
fn an_ed25519_seed_is_exported_in_48_bytes() {
    let spec = KeySpec::Signing(SigningKeySpec::EcCurve25519);
    let private = PrivateKey::from_stored(spec, secret(hex(RFC_8032[0][0]))).unwrap();
    let expected = [hex("302e020100300506032b657004220420"), hex(RFC_8032[0][0])].concat();
    // EXPOSE: a key of an RFC.
    assert_eq!(private.to_pkcs8().unwrap().expose(), expected);
}

/// From the tutorial on signing topology transactions outside of the node.
#[test]
fn the_fingerprint_of_the_ed25519_key_of_cantons_documentation_is_known() {
    let raw = hex("d91c148881d551576e971cc3f0d2ad3e621a681a8c7abd40f74ac38e892524f6");
    let expected = "1220205057e331cc8929dd217e2f8e63f503b7081773de60d01fb46839700bc5caaa";
    let key = SigningPublicKey::detect(&raw, KeyUsages::ALL).unwrap();
    assert_eq!(key.fingerprint().to_string(), expected);
    let same = SigningPublicKey::from_spki(key.spec(), key.spki(), KeyUsages::ALL).unwrap();
    assert_eq!(same.fingerprint().to_string(), expected);
}

/// SEC 2 gives the generators, compressed.
#[test]
fn the_public_key_of_the_scalar_one_is_the_generator() {
    let cases = [
        (
            SigningKeySpec::EcP256,
            "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        ),
        (
            SigningKeySpec::EcP384,
            "03aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
        ),
        (
            SigningKeySpec::EcSecp256k1,
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
    ];
    for (spec, generator) in cases {
        let generator = hex(generator);
        let mut one = vec![0; generator.len() - 1];
        *one.last_mut().unwrap() = 1;
        let public = PrivateKey::from_stored(spec.into(), secret(one))
            .unwrap()
            .public_spki()
            .unwrap();
        let point = &public[public.len() - (2 * generator.len() - 1)..];
        assert_eq!(point[0], 4);
        assert_eq!(point[1..generator.len()], generator[1..], "{spec}");
        assert_eq!(point.last().unwrap() & 1, generator[0] & 1, "{spec}");
    }
}

/// OpenSSL 4.0 derived this public key from the seed 00 01 02 … 1f.
#[test]
fn an_ml_dsa_seed_gives_the_key_that_openssl_derives() {
    let seed: Vec<u8> = (0..32).collect();
    let spec = KeySpec::Signing(SigningKeySpec::MlDsa65);
    let private = PrivateKey::from_stored(spec, secret(&seed)).unwrap();
    let fingerprint = private
        .signing_public_key(KeyUsages::ALL)
        .unwrap()
        .fingerprint();
    assert_eq!(
        fingerprint.to_string(),
        "12205ce1dbc3224ebade3fe98f4d372fb8d5da829f27c914b38bba78a0da3e9edea8"
    );
    let from_openssl = secret(sample!("ml-dsa-65-pkcs8.pem"));
    let read = PrivateKey::from_file(&from_openssl, KeyPurpose::Signing).unwrap();
    // EXPOSE: a key of this test.
    assert_eq!(read.stored().expose(), seed);
}

#[test]
fn fingerprints_do_not_depend_on_the_encoding_the_key_came_in() {
    let files: [(&str, &str); 2] = [
        (
            sample!("p256-public.pem"),
            sample!("p256-public-compressed.pem"),
        ),
        (
            sample!("rsa2048-public.pem"),
            sample!("rsa2048-public-pkcs1.pem"),
        ),
    ];
    for ((one, other), purpose) in files
        .into_iter()
        .zip([KeyPurpose::Signing, KeyPurpose::Encryption])
    {
        let usages = (purpose == KeyPurpose::Signing).then_some(KeyUsages::ALL);
        let one = PublicKey::detect(one.as_bytes(), purpose, usages).unwrap();
        let other = PublicKey::detect(other.as_bytes(), purpose, usages).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.fingerprint(), other.fingerprint());
    }
}
