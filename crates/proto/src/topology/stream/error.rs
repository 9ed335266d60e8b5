use std::io;

use strongroom_errors::{Category, Coded, ErrorCode};

use super::MAX_ITEM_BYTES;

/// Why the items of a container could not be read to the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The system could not read on.
    #[error("the input could not be read at byte {offset}")]
    Io {
        /// Where.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The input ends in the middle of an item.
    #[error("the input ends in the middle of the item that begins at byte {offset}")]
    Truncated {
        /// Where the item begins.
        offset: u64,
    },
    /// An item says that it is larger than any may be.
    #[error("the item at byte {offset} has {length} bytes, at most {MAX_ITEM_BYTES} are read")]
    TooLarge {
        /// Where.
        offset: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// Something that the container does not have.
    #[error("the field at byte {offset} does not belong here")]
    UnexpectedField {
        /// Where.
        offset: u64,
    },
    /// A number that is too long.
    #[error("the number at byte {offset} is too long")]
    Malformed {
        /// Where.
        offset: u64,
    },
    /// Bytes behind a length that are no wrapped item.
    #[error("the record at byte {offset} is no wrapped item")]
    NotARecord {
        /// Where.
        offset: u64,
    },
}

impl StreamError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        Self::UNREADABLE,
        Self::TRUNCATED,
        Self::TOO_LARGE,
        Self::MALFORMED,
    ];

    const UNREADABLE: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INPUT_UNREADABLE",
        Category::Unavailable,
        "Check the file, its rights and its disk.",
    );
    const TRUNCATED: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INPUT_TRUNCATED",
        Category::InvalidRequest,
        "The file is not complete: fetch or export it again. A compressed one may have been cut.",
    );
    const TOO_LARGE: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INPUT_TOO_LARGE",
        Category::InvalidRequest,
        "Check that the file is what you think it is: no transaction of a ledger is that large.",
    );
    const MALFORMED: ErrorCode = ErrorCode::new(
        "TOPOLOGY_INPUT_MALFORMED",
        Category::InvalidRequest,
        "Check that the file is of the kind that was found or given with --as, and that it was not changed on its way. A \
         compressed file may be damaged.",
    );
}

impl Coded for StreamError {
    fn code(&self) -> ErrorCode {
        match self {
            // What decompresses the input tells in this way that the file is cut or no such file.
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::UnexpectedEof => Self::TRUNCATED,
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::MALFORMED,
                _ => Self::UNREADABLE,
            },
            Self::Truncated { .. } => Self::TRUNCATED,
            Self::TooLarge { .. } => Self::TOO_LARGE,
            Self::UnexpectedField { .. } | Self::Malformed { .. } | Self::NotARecord { .. } => {
                Self::MALFORMED
            }
        }
    }
}
