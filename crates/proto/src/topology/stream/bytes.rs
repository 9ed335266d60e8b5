use std::io::{BufRead, Read};

use super::{MAX_ITEM_BYTES, StreamError};

/// Bytes of an input, counted.
#[derive(Debug)]
pub(super) struct Source<R> {
    input: R,
    offset: u64,
    failed: bool,
}

impl<R: BufRead> Source<R> {
    pub(super) const fn new(input: R) -> Self {
        Self {
            input,
            offset: 0,
            failed: false,
        }
    }

    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    pub(super) const fn fail(&mut self) {
        self.failed = true;
    }

    /// One base-128 integer, or none at the end of the input.
    pub(super) fn varint_or_end(&mut self) -> Result<Option<u64>, StreamError> {
        let start = self.offset;
        let Some(first) = self.byte()? else {
            return Ok(None);
        };
        let mut value = u64::from(first & 0x7f);
        let mut last = first;
        for shift in (7..64).step_by(7) {
            if last & 0x80 == 0 {
                return Ok(Some(value));
            }
            last = self
                .byte()?
                .ok_or(StreamError::Truncated { offset: start })?;
            // Of the tenth byte only one bit fits.
            if shift == 63 && last > 1 {
                return Err(StreamError::Malformed { offset: start });
            }
            value |= u64::from(last & 0x7f) << shift;
        }
        Ok(Some(value))
    }

    /// One base-128 integer.
    pub(super) fn varint(&mut self) -> Result<u64, StreamError> {
        let offset = self.offset;
        self.varint_or_end()?
            .ok_or(StreamError::Truncated { offset })
    }

    /// So many bytes.
    pub(super) fn take(&mut self, length: u64) -> Result<Vec<u8>, StreamError> {
        let offset = self.offset;
        let wanted = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_ITEM_BYTES)
            .ok_or(StreamError::TooLarge { offset, length })?;
        // Grows as bytes arrive: a length alone makes nobody reserve memory.
        let mut bytes = Vec::with_capacity(wanted.min(64 * 1024));
        self.read_up_to(length, &mut bytes)?;
        if bytes.len() == wanted {
            Ok(bytes)
        } else {
            Err(StreamError::Truncated { offset })
        }
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>, StreamError> {
        let offset = self.offset;
        let mut bytes = Vec::new();
        let limit = MAX_ITEM_BYTES as u64 + 1;
        self.read_up_to(limit, &mut bytes)?;
        if bytes.len() > MAX_ITEM_BYTES {
            return Err(StreamError::TooLarge {
                offset,
                length: limit,
            });
        }
        Ok(bytes)
    }

    fn read_up_to(&mut self, limit: u64, bytes: &mut Vec<u8>) -> Result<(), StreamError> {
        let read = self.input.by_ref().take(limit).read_to_end(bytes);
        let read = read.map_err(|source| StreamError::Io {
            offset: self.offset,
            source,
        })?;
        self.offset += read as u64;
        Ok(())
    }

    fn byte(&mut self) -> Result<Option<u8>, StreamError> {
        // Through the iterator, which goes on after a signal.
        let byte = self.input.by_ref().bytes().next().transpose();
        let byte = byte.map_err(|source| StreamError::Io {
            offset: self.offset,
            source,
        })?;
        self.offset += u64::from(byte.is_some());
        Ok(byte)
    }
}
