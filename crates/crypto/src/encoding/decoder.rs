use std::str;

use super::{EncodingError, MAX_VARINT_LEN};
use crate::time::Timestamp;

const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// Reads what [`Encoder`](super::Encoder) wrote, without copying.
///
/// Every method consumes its value or, on an error, leaves the decoder in an unspecified place: stop then. Call
/// [`Self::finish`] at the end, or bytes behind the last value go unnoticed.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    input: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the beginning of `input`.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { input }
    }

    /// How many bytes have not been read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.input.len()
    }

    /// The next `length` bytes as they are.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`].
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], EncodingError> {
        let truncated = EncodingError::Truncated {
            wanted: length,
            remaining: self.input.len(),
        };
        let (head, tail) = self.input.split_at_checked(length).ok_or(truncated)?;
        self.input = tail;
        Ok(head)
    }

    /// The next `N` bytes as they are.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], EncodingError> {
        let truncated = EncodingError::Truncated {
            wanted: N,
            remaining: self.input.len(),
        };
        let (head, tail) = self.input.split_first_chunk().ok_or(truncated)?;
        self.input = tail;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`].
    pub fn byte(&mut self) -> Result<u8, EncodingError> {
        self.array().map(|[byte]| byte)
    }

    /// Four bytes, big endian, two's complement.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`].
    pub fn int(&mut self) -> Result<i32, EncodingError> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes, big endian, two's complement.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`].
    pub fn long(&mut self) -> Result<i64, EncodingError> {
        self.array().map(i64::from_be_bytes)
    }

    /// Bytes after their length.
    ///
    /// # Errors
    /// [`EncodingError::NegativeLength`], [`EncodingError::Truncated`].
    pub fn bytes(&mut self) -> Result<&'a [u8], EncodingError> {
        let length = self.length()?;
        self.raw(length)
    }

    /// A text after the length of its UTF-8 form.
    ///
    /// # Errors
    /// As [`Self::bytes`], and [`EncodingError::NotUtf8`].
    pub fn string(&mut self) -> Result<&'a str, EncodingError> {
        str::from_utf8(self.bytes()?).map_err(EncodingError::NotUtf8)
    }

    /// Nothing after `00`, what `read` reads after `01`.
    ///
    /// # Errors
    /// [`EncodingError::UnknownTag`] for any other first byte, and what `read` returns.
    pub fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, EncodingError>,
    ) -> Result<Option<T>, EncodingError> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            tag => Err(EncodingError::UnknownTag { tag }),
        }
    }

    /// The number of elements, then each as `read` reads it.
    ///
    /// # Errors
    /// [`EncodingError::NegativeLength`]; [`EncodingError::Truncated`] already when there are fewer bytes than
    /// elements, so that a forged count reserves no memory; and what `read` returns.
    pub fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, EncodingError>,
    ) -> Result<Vec<T>, EncodingError> {
        let count = self.length()?;
        if count > self.input.len() {
            return Err(EncodingError::Truncated {
                wanted: count,
                remaining: self.input.len(),
            });
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// What `left` reads after `00`, what `right` reads after `02`.
    ///
    /// # Errors
    /// [`EncodingError::UnknownTag`] for any other first byte, and what `left` or `right` returns.
    pub fn either<T>(
        &mut self,
        left: impl FnOnce(&mut Self) -> Result<T, EncodingError>,
        right: impl FnOnce(&mut Self) -> Result<T, EncodingError>,
    ) -> Result<T, EncodingError> {
        match self.byte()? {
            0 => left(self),
            2 => right(self),
            tag => Err(EncodingError::UnknownTag { tag }),
        }
    }

    /// Seconds and nanoseconds since the epoch.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`], [`EncodingError::InstantOutOfRange`].
    pub fn instant(&mut self) -> Result<Timestamp, EncodingError> {
        let (seconds, nanos) = (self.long()?, self.int()?);
        whole_micros(seconds, nanos).ok_or(EncodingError::InstantOutOfRange { seconds, nanos })
    }

    /// An unsigned varint of multiformats in its shortest form, at most nine bytes.
    ///
    /// # Errors
    /// [`EncodingError::Truncated`], [`EncodingError::VarintTooLong`], [`EncodingError::VarintNotMinimal`].
    pub fn varint(&mut self) -> Result<u64, EncodingError> {
        let mut value = 0;
        for group in 0..MAX_VARINT_LEN {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * group);
            if byte & 0x80 == 0 {
                let padded = byte == 0 && group > 0;
                return if padded {
                    Err(EncodingError::VarintNotMinimal)
                } else {
                    Ok(value)
                };
            }
        }
        Err(EncodingError::VarintTooLong)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`EncodingError::TrailingBytes`] when something was not read.
    pub const fn finish(self) -> Result<(), EncodingError> {
        match self.input.len() {
            0 => Ok(()),
            count => Err(EncodingError::TrailingBytes { count }),
        }
    }

    fn length(&mut self) -> Result<usize, EncodingError> {
        let length = self.int()?;
        if length < 0 {
            return Err(EncodingError::NegativeLength { length });
        }
        let truncated = EncodingError::Truncated {
            wanted: usize::MAX,
            remaining: self.input.len(),
        };
        usize::try_from(length).ok().ok_or(truncated)
    }
}

fn whole_micros(seconds: i64, nanos: i32) -> Option<Timestamp> {
    if !(0..NANOS_PER_SECOND).contains(&nanos) || nanos % 1_000 != 0 {
        return None;
    }
    // The first second that `i64` microseconds reach into is not whole, so the sum needs the wider type.
    let micros = i128::from(seconds) * 1_000_000 + i128::from(nanos / 1_000);
    i64::try_from(micros).ok().map(Timestamp::from_micros)
}
