//! Hashes over several values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::digest;

use crate::encoding::length_prefix;
use crate::hash::Hash;
use crate::hash_purpose::HashPurpose;

/// Feeds values to SHA-256 in the encoding of the ledger (reference: keys-and-schemes, section 2.1).
///
/// Every method takes the builder and gives it back, so a finished one cannot be used again.
///
/// ```
/// use strongroom_crypto::{HashBuilder, HashPurpose};
///
/// let hash = HashBuilder::new(HashPurpose::DecentralizedNamespace).string("owner-1").string("owner-2").finish();
/// assert_eq!(hash.to_string().len(), 68);
/// ```
///
/// ```compile_fail
/// use strongroom_crypto::{HashBuilder, HashPurpose};
///
/// let builder = HashBuilder::new(HashPurpose::AggregationId);
/// let first = builder.finish();
/// let second = builder.finish();
/// ```
pub struct HashBuilder {
    context: digest::Context,
}

impl HashBuilder {
    /// A builder that has been fed the id of `purpose`.
    #[must_use]
    pub fn new(purpose: HashPurpose) -> Self {
        Self::without_purpose().int(purpose.id())
    }

    /// A builder that has been fed nothing: for parts of a tree whose root feeds the purpose.
    #[must_use]
    pub fn without_purpose() -> Self {
        Self {
            context: digest::Context::new(&digest::SHA256),
        }
    }

    /// The bytes as they are, without their length.
    #[must_use]
    pub fn raw(mut self, value: &[u8]) -> Self {
        self.context.update(value);
        self
    }

    /// The bytes after their length.
    ///
    /// # Panics
    /// Above 2 GiB, which the encoding cannot express; so do the other methods that feed a length.
    #[must_use]
    pub fn bytes(self, value: &[u8]) -> Self {
        self.count(value.len()).raw(value)
    }

    /// The UTF-8 form as [`Self::bytes`].
    #[must_use]
    pub fn string(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// The text that the parts make together, as [`Self::string`].
    #[must_use]
    pub fn string_of(self, parts: &[&str]) -> Self {
        let counted = self.count(parts.iter().map(|part| part.len()).sum());
        parts
            .iter()
            .fold(counted, |builder, part| builder.raw(part.as_bytes()))
    }

    /// Four bytes, big endian.
    #[must_use]
    pub fn int(self, value: i32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// Eight bytes, big endian.
    #[must_use]
    pub fn long(self, value: i64) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// One byte.
    #[must_use]
    pub fn byte(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// `01` for true, `00` for false.
    #[must_use]
    pub fn bool(self, value: bool) -> Self {
        self.byte(u8::from(value))
    }

    /// The bare 32 bytes of a hash, without its multihash prefix.
    #[must_use]
    pub fn hash(self, value: &Hash) -> Self {
        self.raw(value.as_bytes())
    }

    /// `00` for nothing, `01` before what `feed` feeds.
    #[must_use]
    pub fn optional<T>(self, value: Option<T>, feed: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.byte(0),
            Some(value) => feed(self.byte(1), value),
        }
    }

    /// The number of elements, then each as `feed` feeds it.
    #[must_use]
    pub fn list<T>(
        self,
        values: impl IntoIterator<IntoIter: ExactSizeIterator<Item = T>>,
        feed: impl FnMut(Self, T) -> Self,
    ) -> Self {
        let values = values.into_iter();
        let counted = self.count(values.len());
        values.fold(counted, feed)
    }

    /// The number of entries, then key and value of each as `feed` feeds them, in the order of the keys.
    #[must_use]
    pub fn map<K: Ord, V>(
        self,
        entries: &BTreeMap<K, V>,
        mut feed: impl FnMut(Self, &K, &V) -> Self,
    ) -> Self {
        self.list(entries, |builder, (key, value)| feed(builder, key, value))
    }

    /// The number of texts, then each as [`Self::string`] in the order of their UTF-16 code units.
    ///
    /// That is the order of Java, which differs from the order of UTF-8 for characters beyond U+FFFF.
    #[must_use]
    pub fn string_set<S: AsRef<str> + Ord>(self, texts: &BTreeSet<S>) -> Self {
        let mut sorted: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        sorted.sort_unstable_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        self.list(sorted, Self::string)
    }

    /// A number in its decimal text, as [`Self::string`].
    #[must_use]
    pub fn numeric(self, value: impl fmt::Display) -> Self {
        self.string(&value.to_string())
    }

    /// The hash of everything fed.
    #[must_use]
    pub fn finish(self) -> Hash {
        Hash::from_digest(self.context.finish())
    }

    fn count(self, count: usize) -> Self {
        self.raw(&length_prefix(count))
    }
}

impl fmt::Debug for HashBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was fed may identify content that the log should not name.
        formatter
            .debug_struct("HashBuilder")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
