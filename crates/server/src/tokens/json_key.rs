//! Keys as services publish them (RFC 7517).

use data_encoding::BASE64URL_NOPAD;
use pkcs1::{RsaPublicKey, UintRef, der::Encode as _};
use serde::Deserialize;

use super::key::{Algorithm, TokenKey};

/// What a service publishes. What cannot be read as a key that verifies tokens is left out, not refused: services publish
/// keys for other purposes beside.
#[derive(Deserialize)]
pub(super) struct JsonKeys {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct JsonKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl JsonKeys {
    /// The keys that verify tokens, with their ids.
    pub(super) fn usable(self) -> Vec<(Option<String>, TokenKey)> {
        let keys = self.keys.into_iter();
        let read = keys.filter_map(|value| serde_json::from_value::<JsonKey>(value).ok());
        read.filter_map(|key| Some((key.kid.clone(), key.usable()?)))
            .collect()
    }
}

impl JsonKey {
    fn usable(&self) -> Option<TokenKey> {
        let signs = self
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig");
        let verifies = self
            .key_ops
            .as_ref()
            .is_none_or(|all| all.iter().any(|it| it == "verify"));
        if !signs || !verifies {
            return None;
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => {
                let (n, e) = (bytes(self.n.as_ref())?, bytes(self.e.as_ref())?);
                let key = RsaPublicKey {
                    modulus: UintRef::new(&n).ok()?,
                    public_exponent: UintRef::new(&e).ok()?,
                };
                TokenKey::new(Algorithm::Rs256, &key.to_der().ok()?)
            }
            ("EC", Some("P-256")) => self.point(Algorithm::Es256, 32),
            ("EC", Some("P-384")) => self.point(Algorithm::Es384, 48),
            ("EC", Some("P-521")) => self.point(Algorithm::Es512, 66),
            ("OKP", Some("Ed25519")) => TokenKey::new(Algorithm::EdDsa, &bytes(self.x.as_ref())?),
            _ => None,
        }?;
        let fits = self.alg.as_deref().is_none_or(|name| key.does(name));
        fits.then_some(key)
    }

    /// SEC 1, section 2.3.3: uncompressed.
    fn point(&self, algorithm: Algorithm, length: usize) -> Option<TokenKey> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        if x.len() != length || y.len() != length {
            return None;
        }
        let mut point = vec![4];
        point.extend(x);
        point.extend(y);
        TokenKey::new(algorithm, &point)
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text?.as_bytes()).ok()
}
