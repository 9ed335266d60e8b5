//! Private key bytes, in every form in which they could lie about.

use aws_lc_rs::digest::{SHA512, digest};
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use memchr::memmem;

/// As long as a word of a number in a library; shorter pieces could be found by chance.
const PIECE: usize = 8;

/// The secret parts of one private key.
#[derive(Debug)]
pub(crate) struct Needles {
    pub(crate) name: String,
    secrets: Vec<Vec<u8>>,
}

impl Needles {
    /// The parts of the private key in `pkcs8`: seeds, scalars, and for RSA each private number.
    pub(crate) fn of_pkcs8(name: &str, pkcs8: &[u8]) -> Self {
        let inner = octet_string(children(element(pkcs8).1)[2]);
        let secrets = match inner {
            // Ed25519: an OCTET STRING with the seed. What is derived from it signs as well (RFC 8032, 5.1.5); the outer
            // bits of the scalar are fixed, so its middle is looked for.
            [0x04, 32, seed @ ..] => {
                let derived = digest(&SHA512, seed);
                let (scalar, prefix) = derived.as_ref().split_at(32);
                vec![seed.to_vec(), scalar[8..24].to_vec(), prefix.to_vec()]
            }
            _ => {
                let parts = children(element(inner).1);
                match parts.len() {
                    // RSAPrivateKey: version, n, e, d, p, q, dp, dq, qinv.
                    9 => parts[3..].iter().map(|part| integer(part)).collect(),
                    // ML-DSA: seed and expanded key, of which the first 32 bytes are public.
                    2 => {
                        let expanded = octet_string(parts[1]);
                        vec![
                            octet_string(parts[0]).to_vec(),
                            expanded[32..64].to_vec(),
                            expanded[128..192].to_vec(),
                        ]
                    }
                    // ECPrivateKey: version, scalar, curve, point.
                    _ => vec![octet_string(parts[1]).to_vec()],
                }
            }
        };
        assert!(secrets.iter().all(|secret| secret.len() >= PIECE));
        Self {
            name: name.to_owned(),
            secrets,
        }
    }

    /// How often a piece of the key stands in `haystack`, forwards or backwards: libraries keep numbers with the least
    /// byte first.
    pub(crate) fn count(&self, haystack: &[u8]) -> usize {
        let mut count = 0;
        for secret in &self.secrets {
            let mut reversed = secret.clone();
            reversed.reverse();
            for bytes in [secret, &reversed] {
                let pieces = bytes.chunks_exact(PIECE);
                count += pieces
                    .map(|piece| memmem::find_iter(haystack, piece).count())
                    .sum::<usize>();
            }
        }
        count
    }

    /// The same for its forms as text: hexadecimal of either case, and base64 at any alignment.
    pub(crate) fn count_texts(&self, haystack: &[u8]) -> usize {
        let texts = self.secrets.iter().flat_map(|secret| texts(secret));
        texts
            .map(|text| memmem::find_iter(haystack, &text).count())
            .sum()
    }

    /// Whether the key stands in `haystack` in any of these forms.
    pub(crate) fn stand_in(&self, haystack: &[u8]) -> bool {
        self.count(haystack) + self.count_texts(haystack) > 0
    }
}

/// The forms of a secret as text. Base64 packs three bytes into four characters, so it has three faces; the
/// characters at the ends of each mix with their neighbours and are left out.
fn texts(secret: &[u8]) -> Vec<String> {
    let mut texts = vec![
        HEXLOWER.encode(&secret[..PIECE]),
        HEXUPPER.encode(&secret[..PIECE]),
    ];
    for skip in 0..3 {
        let inner = &secret[skip..];
        let whole = &inner[..inner.len() - inner.len() % 3];
        texts.push(BASE64.encode(whole));
        texts.push(BASE64URL.encode(whole));
    }
    texts
}

/// The first DER element: itself, and its contents.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (start, length) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let length = der[2..2 + count]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (2 + count, length)
        }
    };
    (&der[..start + length], &der[start..start + length])
}

/// The elements that follow each other in `contents`.
fn children(mut contents: &[u8]) -> Vec<&[u8]> {
    let mut children = Vec::new();
    while !contents.is_empty() {
        let (child, _) = element(contents);
        children.push(child);
        contents = &contents[child.len()..];
    }
    children
}

fn octet_string(der: &[u8]) -> &[u8] {
    assert_eq!(der[0], 0x04);
    element(der).1
}

fn integer(der: &[u8]) -> Vec<u8> {
    assert_eq!(der[0], 0x02);
    let bytes = element(der).1;
    bytes.strip_prefix(&[0]).unwrap_or(bytes).to_vec()
}

mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_form_and_at_every_offset() {
        let seed: Vec<u8> = (100..132).collect();
        let pkcs8 = [
            b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20",
            &seed[..],
        ]
        .concat();
        let needles = Needles::of_pkcs8("key", &pkcs8);
        let mut reversed = seed.clone();
        reversed.reverse();
        for bytes in [seed.clone(), seed[24..].to_vec(), reversed] {
            assert!(needles.stand_in(&[b"before", &bytes[..], b"after"].concat()));
        }
        for offset in 0..3 {
            let surrounded = [&vec![7; offset], &seed[..], b"after"].concat();
            assert!(needles.stand_in(BASE64.encode(&surrounded).as_bytes()));
            assert!(needles.stand_in(BASE64URL.encode(&surrounded).as_bytes()));
        }
        assert!(needles.stand_in(HEXLOWER.encode(&seed).as_bytes()));
        assert!(needles.stand_in(HEXUPPER.encode(&seed).as_bytes()));
        assert!(!needles.stand_in(&seed[1..15]));
        assert!(!needles.stand_in(b""));
    }
}
