//! The one container of secret bytes.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::arena::Block;

/// Secret bytes of variable length, in locked pages, wiped on drop.
///
/// There is no `Clone`, no `Display`, no `Serialize` and no `AsRef`: every look at the bytes goes through
/// [`expose`](Self::expose), where an `// EXPOSE:` comment says why. Moving a `SecretBytes` moves a pointer, never the
/// bytes. The length is not secret. Equality takes the same time wherever the bytes differ.
pub struct SecretBytes {
    block: Block,
    /// At most the block's length; the bytes beyond are zero.
    len: usize,
}

impl SecretBytes {
    /// `len` zero bytes, to be filled in place through [`expose_mut`](Self::expose_mut).
    ///
    /// When the system has no memory left the process ends, as with [`Vec`].
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        Self {
            block: Block::zeroed(len),
            len,
        }
    }

    /// A copy of `bytes`; wiping the original stays the caller's duty.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        let mut secret = Self::zeroed(bytes.len());
        // EXPOSE: filled in place.
        secret.expose_mut().copy_from_slice(bytes);
        secret
    }

    /// `len` bytes that `fill` writes in place, so that no copy is ever made.
    ///
    /// `fill` gets zeros.
    ///
    /// # Errors
    /// The error of `fill`; what it had written is wiped.
    pub fn fill_with<E>(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut secret = Self::zeroed(len);
        // EXPOSE: filled in place.
        fill(secret.expose_mut())?;
        Ok(secret)
    }

    /// The bytes of a vector, which is wiped with its spare capacity.
    ///
    /// A vector that grew left copies in freed memory which nothing can reach any more: reserve its capacity first, or
    /// use a [`SecretWriter`](crate::SecretWriter).
    #[must_use]
    pub fn take(mut bytes: Vec<u8>) -> Self {
        let secret = Self::from_slice(&bytes);
        bytes.zeroize();
        secret
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes. Each call carries an `// EXPOSE:` comment that says why they are needed.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        // `len` never exceeds the block, so the fallback is not reached.
        self.block.bytes().get(..self.len).unwrap_or_default()
    }

    /// The bytes, to be changed in place. Each call carries an `// EXPOSE:` comment.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut [u8] {
        self.block
            .bytes_mut()
            .get_mut(..self.len)
            .unwrap_or_default()
    }

    /// Keeps the first `len` bytes and wipes the others; nothing happens when there are no more than `len`.
    pub fn truncate(&mut self, len: usize) {
        // EXPOSE: wiped only.
        if let Some(tail) = self.expose_mut().get_mut(len..) {
            tail.zeroize();
            self.len = len;
        }
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.len)
    }
}

impl ConstantTimeEq for SecretBytes {
    fn ct_eq(&self, other: &Self) -> Choice {
        // EXPOSE: compared in constant time; nothing is kept.
        self.expose().ct_eq(other.expose())
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for SecretBytes {}

/// The block wipes its bytes when it is dropped.
impl ZeroizeOnDrop for SecretBytes {}
