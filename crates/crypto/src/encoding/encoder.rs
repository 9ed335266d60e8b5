use crate::time::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Appends values to a buffer; methods chain.
///
/// The buffer is an ordinary one: no secrets here.
///
/// ```
/// use strongroom_crypto::encoding::Encoder;
///
/// let mut encoder = Encoder::new();
/// encoder.int(7).string("key").optional(None::<&str>, |encoder, text| encoder.string(text));
/// assert_eq!(encoder.into_vec(), b"\0\0\0\x07\0\0\0\x03key\0");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoder {
    buffer: Vec<u8>,
}

impl Encoder {
    /// An empty encoder.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Vec::new() }
    }

    /// An empty encoder with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(capacity),
        }
    }

    /// One byte.
    pub fn byte(&mut self, value: u8) -> &mut Self {
        self.buffer.push(value);
        self
    }

    /// Four bytes, big endian, two's complement.
    pub fn int(&mut self, value: i32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Eight bytes, big endian, two's complement.
    pub fn long(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// The bytes after their length as [`Self::int`].
    ///
    /// # Panics
    /// Above 2 GiB, which the encoding cannot express.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.raw(&length_prefix(value.len())).raw(value)
    }

    /// The bytes as they are: for values whose length is fixed.
    pub fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(value);
        self
    }

    /// The UTF-8 form as [`Self::bytes`].
    ///
    /// # Panics
    /// Above 2 GiB, which the encoding cannot express.
    pub fn string(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// `00` for nothing, `01` before the value that `write` appends.
    pub fn optional<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        match value {
            None => self.byte(0),
            Some(value) => write(self.byte(1), value),
        }
    }

    /// The number of elements as [`Self::int`], then each as `write` appends it.
    ///
    /// # Panics
    /// Above 2³¹ elements, which the encoding cannot express.
    pub fn list<T>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        self.raw(&length_prefix(values.len()));
        for value in values {
            write(self, value);
        }
        self
    }

    /// `00` before the left value of a choice, which `write` appends.
    pub fn left(&mut self, write: impl FnOnce(&mut Self) -> &mut Self) -> &mut Self {
        write(self.byte(0))
    }

    /// `02` before the right value of a choice, which `write` appends.
    pub fn right(&mut self, write: impl FnOnce(&mut Self) -> &mut Self) -> &mut Self {
        write(self.byte(2))
    }

    /// Seconds since the epoch as [`Self::long`], then nanoseconds as [`Self::int`].
    pub fn instant(&mut self, value: Timestamp) -> &mut Self {
        let micros = value.as_micros();
        let nanos = micros.rem_euclid(MICROS_PER_SECOND) * 1_000;
        self.long(micros.div_euclid(MICROS_PER_SECOND))
            .raw(&low_half(nanos))
    }

    /// An unsigned varint of multiformats: groups of seven bits, lowest first.
    pub fn varint(&mut self, mut value: u32) -> &mut Self {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                return self.byte(low & 0x7f);
            }
            self.byte(low | 0x80);
        }
    }

    /// Forgets what was written and keeps the room, for the next value.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// The bytes written so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer
    }

    /// The bytes written.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.buffer
    }
}

/// The big-endian form of a number of nanoseconds below 10⁹.
fn low_half(nanos: i64) -> [u8; 4] {
    let [_, _, _, _, a, b, c, d] = nanos.to_be_bytes();
    [a, b, c, d]
}

/// The four bytes in front of `length` bytes or elements.
///
/// Nothing shorter than a panic is safe: a wrapped or saturated length would give two inputs the same bytes, and
/// so the same hash or MAC. Inputs are bounded far below this at every edge.
#[expect(
    clippy::expect_used,
    reason = "see above: an ambiguous encoding must never leave this function"
)]
pub(crate) fn length_prefix(length: usize) -> [u8; 4] {
    i32::try_from(length)
        .expect("the encoding holds at most 2^31 - 1 bytes or elements")
        .to_be_bytes()
}
