use strongroom_errors::{Category, Coded, ErrorCode};
use thiserror::Error;

/// Why bytes are not what the deterministic encoding would have written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// The input ends in the middle of a value.
    #[error("{wanted} more bytes expected, {remaining} remain")]
    Truncated {
        /// How many bytes the value needs.
        wanted: usize,
        /// How many there are.
        remaining: usize,
    },
    /// A length or count is negative.
    #[error("negative length {length}")]
    NegativeLength {
        /// The length as read.
        length: i32,
    },
    /// Bytes follow the last value.
    #[error("{count} bytes follow the last value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The tag of an option or a choice is none of those defined.
    #[error("unknown tag {tag:#04x}")]
    UnknownTag {
        /// The tag as read.
        tag: u8,
    },
    /// A text is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// An unsigned varint has more than nine groups.
    #[error("varint too long")]
    VarintTooLong,
    /// An unsigned varint is longer than its value needs, so the value would have two encodings.
    #[error("varint is not in its shortest form")]
    VarintNotMinimal,
    /// An instant is outside of what [`Timestamp`](crate::Timestamp) can hold, or has nanoseconds that are not
    /// whole microseconds.
    #[error("instant of {seconds} s and {nanos} ns is not a whole number of microseconds in range")]
    InstantOutOfRange {
        /// Seconds since the epoch.
        seconds: i64,
        /// Nanoseconds within the second.
        nanos: i32,
    },
}

impl EncodingError {
    /// Every code of this error.
    pub const CODES: &'static [ErrorCode] = &[Self::MALFORMED];

    const MALFORMED: ErrorCode = ErrorCode::new(
        "ENCODING_MALFORMED",
        Category::InvalidRequest,
        "The bytes were cut, changed, or are something else. Compare their length and origin with the original.",
    );
}

impl Coded for EncodingError {
    fn code(&self) -> ErrorCode {
        Self::MALFORMED
    }
}
