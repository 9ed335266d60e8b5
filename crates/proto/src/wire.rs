//! The Protocol Buffers wire format, read without copying: for messages that hold secrets.
//!
//! What Canton's own decoder does is done here: a field whose wire type is not the declared one counts as unknown
//! and is skipped, of a repeated scalar the last one holds, groups are refused (proto3 has none). Nothing recurses
//! and nothing is allocated, so hostile input costs no more than its length.
//!
//! Source: Protocol Buffers encoding specification, <https://protobuf.dev/programming-guides/encoding/>.

use strongroom_memory::SecretWriter;

/// Why bytes are no Protocol Buffers message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// A field promises more bytes than there are.
    #[error("the message ends inside a field")]
    Truncated,
    /// An integer is longer than ten bytes or does not fit 64 bits.
    #[error("an integer is too long")]
    IntegerTooLong,
    /// A field has the number 0 or one above 2^29 - 1.
    #[error("a field has a number that no field may have")]
    FieldNumber,
    /// A field starts or ends a group, or has a wire type that does not exist.
    #[error("a field has wire type {0}, which no message of today has")]
    WireType(u8),
}

/// The value of one field, as far as the wire tells.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Integer(u64),
    /// Wire type 2: bytes, text, a message, or packed integers.
    Bytes(&'a [u8]),
    /// Wire types 1 and 5, which none of our messages has; always skipped.
    Fixed,
}

impl Value<'_> {
    /// The value as an `int32` or enumeration: the low 32 bits, as every protobuf decoder takes them.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the format defines that higher bits are dropped"
    )]
    pub(crate) fn int32(self) -> Option<i32> {
        match self {
            Self::Integer(value) => Some(value as i32),
            Self::Bytes(_) | Self::Fixed => None,
        }
    }
}

impl<'a> Value<'a> {
    /// The value as bytes.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Integer(_) | Self::Fixed => None,
        }
    }
}

/// One field of a message.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
}

/// Reads the fields of `message` in order; after an error it yields nothing more.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// Iterator over the fields of a message.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<Field<'a>, WireError> {
        let tag = integer(&mut self.rest)?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or(WireError::FieldNumber)?;
        let value = match tag & 7 {
            0 => Value::Integer(integer(&mut self.rest)?),
            1 => self.fixed(8)?,
            2 => {
                let length = integer(&mut self.rest)?;
                // A length beyond the address space is beyond the input too.
                Value::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => self.fixed(4)?,
            #[expect(clippy::cast_possible_truncation, reason = "three bits")]
            other => return Err(WireError::WireType(other as u8)),
        };
        Ok(Field { number, value })
    }

    fn fixed(&mut self, length: usize) -> Result<Value<'a>, WireError> {
        self.take(length).map(|_skipped| Value::Fixed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Reads one base-128 integer from the front of `input`.
pub(crate) fn integer(input: &mut &[u8]) -> Result<u64, WireError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input.split_first().ok_or(WireError::Truncated)?;
        *input = rest;
        let bits = u64::from(byte & 0x7f);
        // Of the tenth byte only one bit fits.
        if shift == 63 && bits > 1 {
            return Err(WireError::IntegerTooLong);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireError::IntegerTooLong)
}

/// Where the fields of a message are written to: ordinary or wiped memory.
pub(crate) trait Sink {
    /// Appends `bytes`.
    fn push(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for SecretWriter {
    fn push(&mut self, bytes: &[u8]) {
        Self::push(self, bytes);
    }
}

/// Writes field `number` as an integer; the default value 0 is left out, as proto3 demands.
pub(crate) fn put_integer(sink: &mut impl Sink, number: u32, value: i32) {
    if value != 0 {
        put_varint(sink, u64::from(number) << 3);
        // A negative int32 is extended to 64 bits before it is written.
        put_varint(sink, i64::from(value).cast_unsigned());
    }
}

/// Writes field `number` as bytes, text or packed integers; nothing when empty, as proto3 demands.
pub(crate) fn put_bytes(sink: &mut impl Sink, number: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_message(sink, number, bytes);
    }
}

/// Writes field `number` as a message, present even when it is empty.
pub(crate) fn put_message(sink: &mut impl Sink, number: u32, message: &[u8]) {
    put_varint(sink, (u64::from(number) << 3) | 2);
    // usize has at most 64 bits on every platform of Rust.
    put_varint(sink, message.len() as u64);
    sink.push(message);
}

/// Writes one base-128 integer.
pub(crate) fn put_varint(sink: &mut impl Sink, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            sink.push(&[low & 0x7f]);
            return;
        }
        sink.push(&[low | 0x80]);
    }
}
