//! JSON Web Keys (RFC 7517) and their thumbprints (RFC 7638).

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;

use crate::key_error::KeyError;
use crate::public_key::SigningPublicKey;
use crate::spec::SigningKeySpec;

/// A public signing key as a JSON Web Key. All values are public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// `EC` or `OKP`.
    pub kty: &'static str,
    /// `P-256`, `P-384`, `secp256k1` or `Ed25519`.
    pub crv: &'static str,
    /// `ES256`, `ES384`, `ES256K` or `EdDSA`.
    pub alg: &'static str,
    /// The x coordinate, or the bare Ed25519 key; base64url without padding, fixed width.
    pub x: String,
    /// The y coordinate; `None` for Ed25519.
    pub y: Option<String>,
}

impl Jwk {
    /// The JSON Web Key of `key`.
    ///
    /// # Errors
    /// [`KeyError::NoJsonWebKey`] for ML-DSA-65.
    pub fn of(key: &SigningPublicKey) -> Result<Self, KeyError> {
        let bits = key.bits();
        match key.spec() {
            SigningKeySpec::EcP256 => Ok(Self::ec("P-256", "ES256", bits)),
            SigningKeySpec::EcP384 => Ok(Self::ec("P-384", "ES384", bits)),
            SigningKeySpec::EcSecp256k1 => Ok(Self::ec("secp256k1", "ES256K", bits)),
            SigningKeySpec::EcCurve25519 => Ok(Self {
                kty: "OKP",
                crv: "Ed25519",
                alg: "EdDSA",
                x: BASE64URL_NOPAD.encode(bits),
                y: None,
            }),
            SigningKeySpec::MlDsa65 => Err(KeyError::NoJsonWebKey {
                spec: key.spec().into(),
            }),
        }
    }

    /// From an uncompressed point: `04`, x, y.
    fn ec(crv: &'static str, alg: &'static str, point: &[u8]) -> Self {
        let (_, coordinates) = point.split_at_checked(1).unwrap_or_default();
        let (x, y) = coordinates
            .split_at_checked(coordinates.len() / 2)
            .unwrap_or_default();
        Self {
            kty: "EC",
            crv,
            alg,
            x: BASE64URL_NOPAD.encode(x),
            y: Some(BASE64URL_NOPAD.encode(y)),
        }
    }

    /// The SHA-256 thumbprint, base64url without padding; it serves as the `kid`.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let required = [("crv", self.crv), ("kty", self.kty), ("x", &self.x)];
        thumbprint(
            required
                .into_iter()
                .chain(self.y.as_deref().map(|y| ("y", y))),
        )
    }

    /// The key as one JSON object, with `kid` and `"use":"sig"`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let kid = self.thumbprint();
        let mut members = vec![("kty", self.kty), ("crv", self.crv), ("x", self.x.as_str())];
        members.extend(self.y.as_deref().map(|y| ("y", y)));
        members.extend([("use", "sig"), ("alg", self.alg), ("kid", kid.as_str())]);
        json_object(members)
    }
}

impl fmt::Display for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// The RFC 7638 thumbprint of a JSON Web Key with these required members, `kty` among them, whatever its type:
/// base64url without padding of the SHA-256 of the compact object with its members sorted by name.
#[must_use]
pub fn thumbprint<'a>(required: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let sorted: BTreeMap<&str, &str> = required.into_iter().collect();
    let hash = digest::digest(&digest::SHA256, json_object(sorted).as_bytes());
    BASE64URL_NOPAD.encode(hash.as_ref())
}

fn json_object<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut json = String::from("{");
    for (name, value) in members {
        if json.len() > 1 {
            json.push(',');
        }
        push_json_string(&mut json, name);
        json.push(':');
        push_json_string(&mut json, value);
    }
    json.push('}');
    json
}

fn push_json_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            // Writing to a string cannot fail.
            control if control < ' ' => drop(write!(json, "\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_of_the_rsa_example_of_rfc_7638_is_known() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF\
                 V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7\
                 d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44\
                 -csFCur-kEgU8awapJzKnqDKgw";
        let members = [("kty", "RSA"), ("n", n), ("e", "AQAB")];
        assert_eq!(
            thumbprint(members),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn the_thumbprint_of_the_ed25519_example_of_rfc_8037_is_known() {
        let members = [
            ("crv", "Ed25519"),
            ("kty", "OKP"),
            ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        ];
        assert_eq!(
            thumbprint(members),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn names_and_values_are_escaped() {
        assert_eq!(
            json_object([("a\"b", "c\\d\u{1}é")]),
            "{\"a\\\"b\":\"c\\\\d\\u0001é\"}"
        );
    }
}
