//! The hash of a file that is being written.

use std::io::{self, Write};

use strongroom_crypto::HashBuilder;

/// Hashes and counts what passes through.
pub(crate) struct Hashing<W> {
    output: W,
    hash: HashBuilder,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(output: W) -> Self {
        Self {
            output,
            hash: HashBuilder::without_purpose(),
            bytes: 0,
        }
    }

    /// SHA-256 and number of the bytes that the output has taken.
    pub(crate) fn finish(self) -> ([u8; 32], u64) {
        (*self.hash.finish().as_bytes(), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.output.write(bytes)?;
        let (written, _not_yet) = bytes.split_at(count.min(bytes.len()));
        let hash = std::mem::replace(&mut self.hash, HashBuilder::without_purpose());
        self.hash = hash.raw(written);
        self.bytes += written.len() as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
