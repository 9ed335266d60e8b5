//! A secret that is put together piece by piece.

use std::fmt;

use crate::SecretBytes;

/// Collects a secret whose length is not known beforehand.
///
/// Unlike a growing [`Vec`], it wipes the old place whenever it moves to a larger one.
pub struct SecretWriter {
    /// As long as the capacity; zero beyond `len`.
    buffer: SecretBytes,
    len: usize,
}

impl SecretWriter {
    /// An empty writer with room for `capacity` bytes before it has to move.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: SecretBytes::zeroed(capacity),
            len: 0,
        }
    }

    /// The number of bytes pushed so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends `bytes`; wiping the original stays the caller's duty.
    pub fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        self.make_room(end);
        // EXPOSE: written in place.
        if let Some(free) = self.buffer.expose_mut().get_mut(self.len..end) {
            free.copy_from_slice(bytes);
            self.len = end;
        }
    }

    /// What was pushed.
    #[must_use]
    pub fn finish(self) -> SecretBytes {
        let mut secret = self.buffer;
        secret.truncate(self.len);
        secret
    }

    fn make_room(&mut self, needed: usize) {
        if needed <= self.buffer.len() {
            return;
        }
        let capacity = needed.max(self.buffer.len().saturating_mul(2));
        let mut larger = SecretBytes::zeroed(capacity);
        // EXPOSE: moved to a larger place; the old one is wiped when it is dropped below.
        if let Some((place, _)) = larger.expose_mut().split_at_mut_checked(self.buffer.len()) {
            place.copy_from_slice(self.buffer.expose());
        }
        self.buffer = larger;
    }
}

impl Default for SecretWriter {
    fn default() -> Self {
        Self::with_capacity(64)
    }
}

impl fmt::Debug for SecretWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretWriter({} bytes)", self.len)
    }
}
