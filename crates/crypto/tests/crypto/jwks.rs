//! JSON Web Keys.

use serde_json::Value;
use strongroom_crypto::{KeyError, KeyUsages, SigningKeySpec, SigningPublicKey};

use crate::support::{hex, pair};

fn json(spec: SigningKeySpec) -> (Value, SigningPublicKey) {
    let (_, key) = pair(spec, 1);
    (
        serde_json::from_str(&key.to_jwk().unwrap().to_json()).unwrap(),
        key,
    )
}

fn coordinate(jwk: &Value, name: &str) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD
        .decode(jwk[name].as_str().unwrap().as_bytes())
        .unwrap()
}

#[test]
fn a_curve_key_has_both_coordinates_in_full_width() {
    let cases = [
        (SigningKeySpec::EcP256, "P-256", "ES256", 32),
        (SigningKeySpec::EcP384, "P-384", "ES384", 48),
        (SigningKeySpec::EcSecp256k1, "secp256k1", "ES256K", 32),
    ];
    for (spec, crv, alg, width) in cases {
        let (jwk, key) = json(spec);
        assert_eq!(
            (&jwk["kty"], &jwk["crv"], &jwk["alg"], &jwk["use"]),
            (
                &Value::from("EC"),
                &Value::from(crv),
                &Value::from(alg),
                &Value::from("sig")
            )
        );
        let (x, y) = (coordinate(&jwk, "x"), coordinate(&jwk, "y"));
        assert_eq!((x.len(), y.len()), (width, width));
        let point = [vec![4], x, y].concat();
        assert!(
            key.spki().ends_with(&point),
            "{spec}: the JWK converts back"
        );
    }
}

#[test]
fn the_ed25519_key_of_rfc_8037_has_the_form_and_thumbprint_given_there() {
    let raw = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let jwk = SigningPublicKey::detect(&raw, KeyUsages::ALL)
        .unwrap()
        .to_jwk()
        .unwrap();
    assert_eq!(
        jwk.to_json(),
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#
    );
}

#[test]
fn an_ml_dsa_key_has_no_json_web_key() {
    let spec = SigningKeySpec::MlDsa65;
    let (_, key) = pair(spec, 2);
    assert_eq!(
        key.to_jwk(),
        Err(KeyError::NoJsonWebKey { spec: spec.into() })
    );
}
