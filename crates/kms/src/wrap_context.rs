//! What a wrap is bound to.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use strongroom_crypto::encoding::Encoder;
use strongroom_crypto::{Fingerprint, KeySpec, KeyUsages};
use strongroom_errors::{Category, Coded, ErrorCode};

/// What a wrap is bound to: name and value pairs, in the order of their names. It opens only under an equal context.
///
/// Nothing of a vault is wrapped without pairs; see [`WrapContext::none`].
///
/// Not secret: AWS writes it into its audit log. It holds only what never changes, so that a backup opens elsewhere,
/// while a wrap that was moved to another vault, key or record format does not.
///
/// ```
/// use strongroom_kms::WrapContext;
/// let context = WrapContext::for_data_key(&[1; 16], &[2; 16]);
/// assert!(context.pairs().any(|pair| pair == ("strongroom-vault", "01010101010101010101010101010101")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapContext(BTreeMap<String, String>);

const SUBJECT: &str = "strongroom-subject";
const VAULT: &str = "strongroom-vault";
const FORMAT: &str = "strongroom-format";
const DATA_KEY: &str = "strongroom-data-key";
const FINGERPRINT: &str = "strongroom-fingerprint";
const PURPOSE: &str = "strongroom-purpose";
const USAGES: &str = "strongroom-usages";
const SPEC: &str = "strongroom-spec";

/// The first byte of [`WrapContext::to_bytes`]; another layout gets another number.
const ENCODING_VERSION: u8 = 1;

/// The value of [`FORMAT`] in the wrap of a data key.
const DATA_KEY_FORMAT: u8 = 1;

impl WrapContext {
    /// For the wrap of a data key: vault and data key by their ids, and the format of such wraps.
    #[must_use]
    pub fn for_data_key(vault_id: &[u8; 16], data_key_id: &[u8; 16]) -> Self {
        Self::of([
            (SUBJECT, "data-key".to_owned()),
            (VAULT, HEXLOWER.encode(vault_id)),
            (DATA_KEY, HEXLOWER.encode(data_key_id)),
            (FORMAT, DATA_KEY_FORMAT.to_string()),
        ])
    }

    /// For a private key that is wrapped itself (`direct` sealing): the vault, what the key is, and the format of its row.
    ///
    /// `usages` is `None` for an encryption key. The purpose follows from `spec`.
    #[must_use]
    pub fn for_private_key(
        vault_id: &[u8; 16],
        fingerprint: &Fingerprint,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        format: u8,
    ) -> Self {
        let mut context = Self::of([
            (SUBJECT, "private-key".to_owned()),
            (VAULT, HEXLOWER.encode(vault_id)),
            (FINGERPRINT, fingerprint.to_string()),
            (PURPOSE, spec.purpose().name().to_owned()),
            (SPEC, spec.name().to_owned()),
            (FORMAT, format.to_string()),
        ]);
        if let Some(usages) = usages {
            let names: Vec<&str> = usages.iter().map(|usage| usage.label()).collect();
            context.0.insert(USAGES.to_owned(), names.join(","));
        }
        context
    }

    /// No pairs: what others than a vault wrapped, bound to nothing.
    ///
    /// For the import of keys that Canton encrypted, and to unwrap only. Who wraps with it lets anybody who writes the store
    /// move the wrap to another place.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// A context that was received, for a server that offers a KMS to others.
    ///
    /// # Errors
    /// [`WrapContextError`] if a name is empty or comes twice.
    pub fn try_from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, WrapContextError> {
        let mut context = BTreeMap::new();
        for (name, value) in pairs {
            if name.is_empty() {
                return Err(WrapContextError::EmptyName);
            }
            if context.contains_key(&name) {
                return Err(WrapContextError::RepeatedName { name });
            }
            context.insert(name, value);
        }
        Ok(Self(context))
    }

    fn of<const N: usize>(pairs: [(&str, String); N]) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// Name and value of each pair, ordered by name: the encryption context of AWS.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same as bytes: the additional authenticated data of a KMS that takes bytes. Equal contexts, and only those,
    /// give equal bytes.
    ///
    /// `version byte 1 ‖ number of pairs ‖ (name ‖ value)*` in the canonical encoding of `strongroom-crypto`; no bytes at all
    /// if there are no pairs, since those who wrapped without a context gave none.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut encoder = Encoder::new();
        encoder
            .byte(ENCODING_VERSION)
            .list(self.0.iter(), |encoder, (name, value)| {
                encoder.string(name).string(value)
            });
        encoder.into_vec()
    }
}

/// Why pairs are no [`WrapContext`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrapContextError {
    /// A pair without a name.
    #[error("a name in the wrap context is empty")]
    EmptyName,
    /// Two pairs of one name.
    #[error("the wrap context names \"{name}\" twice")]
    RepeatedName {
        /// The name.
        name: String,
    },
}

impl WrapContextError {
    pub(crate) const CODE: ErrorCode = ErrorCode::new(
        "KMS_WRAP_CONTEXT_INVALID",
        Category::InvalidRequest,
        "Send the context exactly as it was given when the key was wrapped: each name once, none empty.",
    );
}

impl Coded for WrapContextError {
    fn code(&self) -> ErrorCode {
        Self::CODE
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};

    use super::*;

    fn context(pairs: &[(&str, &str)]) -> Result<WrapContext, WrapContextError> {
        WrapContext::try_from_pairs(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn the_order_in_which_pairs_are_given_does_not_matter() {
        let one = context(&[("a", "1"), ("b", "2")]).unwrap();
        let other = context(&[("b", "2"), ("a", "1")]).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.to_bytes(), other.to_bytes());
    }

    #[test]
    fn different_contexts_never_have_the_same_bytes() {
        let contexts = [
            context(&[]).unwrap(),
            context(&[("a", "")]).unwrap(),
            context(&[("a", "bc")]).unwrap(),
            context(&[("ab", "c")]).unwrap(),
            context(&[("a", "b"), ("c", "")]).unwrap(),
            WrapContext::for_data_key(&[1; 16], &[2; 16]),
            WrapContext::for_data_key(&[2; 16], &[1; 16]),
        ];
        let distinct: std::collections::BTreeSet<_> =
            contexts.iter().map(WrapContext::to_bytes).collect();
        assert_eq!(distinct.len(), contexts.len());
    }

    #[test]
    fn no_context_is_no_pairs_and_no_bytes() {
        assert_eq!(WrapContext::none(), context(&[]).unwrap());
        assert_eq!(WrapContext::none().pairs().len(), 0);
        assert_eq!(WrapContext::none().to_bytes(), b"");
    }

    #[test]
    fn a_name_that_comes_twice_or_is_empty_is_refused() {
        let repeated = WrapContextError::RepeatedName {
            name: "a".to_owned(),
        };
        assert_eq!(context(&[("a", "1"), ("a", "1")]), Err(repeated));
        assert_eq!(context(&[("", "1")]), Err(WrapContextError::EmptyName));
    }

    /// Every wrap ever made is bound to these bytes: a change here would lock all vaults.
    #[track_caller]
    fn check_frozen(context: &WrapContext, expected: &[(&str, &str)]) {
        assert_eq!(context.pairs().collect::<Vec<_>>(), expected);
        let mut bytes = vec![1, 0, 0, 0, u8::try_from(expected.len()).unwrap()];
        for text in expected.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        assert_eq!(context.to_bytes(), bytes);
    }

    #[test]
    fn the_context_of_a_data_key_is_frozen() {
        check_frozen(
            &WrapContext::for_data_key(&[1; 16], &[2; 16]),
            &[
                ("strongroom-data-key", "02020202020202020202020202020202"),
                ("strongroom-format", "1"),
                ("strongroom-subject", "data-key"),
                ("strongroom-vault", "01010101010101010101010101010101"),
            ],
        );
    }

    #[test]
    fn the_context_of_a_private_key_is_frozen() {
        let fingerprint = Fingerprint::from_bytes([0xab; 32]);
        let hex = format!("1220{}", "ab".repeat(32));
        let spec = KeySpec::Signing(SigningKeySpec::EcP256);
        check_frozen(
            &WrapContext::for_private_key(&[1; 16], &fingerprint, spec, Some(KeyUsages::ALL), 3),
            &[
                ("strongroom-fingerprint", &hex),
                ("strongroom-format", "3"),
                ("strongroom-purpose", "signing"),
                ("strongroom-spec", "ec-p-256"),
                ("strongroom-subject", "private-key"),
                (
                    "strongroom-usages",
                    "namespace,sequencer-authentication,protocol,proof-of-ownership",
                ),
                ("strongroom-vault", "01010101010101010101010101010101"),
            ],
        );
        let spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
        check_frozen(
            &WrapContext::for_private_key(&[1; 16], &fingerprint, spec, None, 3),
            &[
                ("strongroom-fingerprint", &hex),
                ("strongroom-format", "3"),
                ("strongroom-purpose", "encryption"),
                ("strongroom-spec", "ec-p-256"),
                ("strongroom-subject", "private-key"),
                ("strongroom-vault", "01010101010101010101010101010101"),
            ],
        );
    }
}
