//! Why an export of the audit log is not believed.

use std::io;

use strongroom_crypto::Fingerprint;
use strongroom_errors::{Category, Coded, ErrorCode};

use crate::audit::AuditHead;

/// Why an export of the audit log is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditExportError {
    /// It cannot be read.
    #[error("the export cannot be read")]
    Read(#[from] io::Error),
    /// A line is none of an export.
    #[error("line {line} is none of an export of the audit log")]
    Malformed {
        /// From 1.
        line: u64,
    },
    /// It was written by a later version.
    #[error("the export has version {version}, which is unknown here")]
    UnknownVersion {
        /// What it says.
        version: u32,
    },
    /// A record was removed, changed, or put in another place.
    #[error("record {sequence} is missing, was changed, or stands in another place")]
    Broken {
        /// The first one.
        sequence: u64,
    },
    /// The end is missing.
    #[error("the export ends after {records} records, without its last line")]
    Unfinished {
        /// How many are there.
        records: u64,
    },
    /// There were more records once.
    #[error("the export ends with record {records}, but record {} was there before", head.records)]
    CutOff {
        /// How many are there.
        records: u64,
        /// The head that is known from elsewhere.
        head: AuditHead,
    },
    /// Another history leads to another head.
    #[error("record {} is not the one that is known from elsewhere", head.records)]
    OtherHistory {
        /// The head that is known from elsewhere.
        head: AuditHead,
    },
    /// No checkpoint in it is signed by the key.
    #[error(
        "no checkpoint in the export is signed by the audit key {key}, nor by one that it introduced"
    )]
    NotSigned {
        /// The audit key that is trusted.
        key: Fingerprint,
    },
    /// What comes last is not signed.
    #[error("the records after {vouched} are vouched for by no checkpoint of a trusted audit key")]
    UnsignedEnd {
        /// The last record that is.
        vouched: u64,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const UNREADABLE: ErrorCode = code(
    "AUDIT_EXPORT_UNREADABLE",
    Category::InvalidRequest,
    "Check the path, and that the file may be read.",
);
const MALFORMED: ErrorCode = code(
    "AUDIT_EXPORT_MALFORMED",
    Category::InvalidRequest,
    "Give the file that 'strongroom audit export' wrote, as it is; a newer one needs a newer strongroom.",
);
const BROKEN: ErrorCode = code(
    "AUDIT_EXPORT_BROKEN",
    Category::DataCorrupted,
    "Somebody changed the export, or the log before it was exported. Export it again: if that one is broken too, 'strongroom audit verify' \
     tells whether the vault's own log is.",
);
const INCOMPLETE: ErrorCode = code(
    "AUDIT_EXPORT_INCOMPLETE",
    Category::DataCorrupted,
    "Records at the end are missing: the copy was interrupted, the export is older than the head, or somebody cut it. Export the log again.",
);
const OTHER_HISTORY: ErrorCode = code(
    "AUDIT_EXPORT_OTHER_HISTORY",
    Category::DataCorrupted,
    "The head is of another vault, or somebody wrote another log in the place of this one. Compare the head with the anchor.",
);
const NOT_SIGNED: ErrorCode = code(
    "AUDIT_EXPORT_NOT_SIGNED",
    Category::DataCorrupted,
    "Check that the key is the one that 'strongroom audit key' showed; exports of before a rotation need the key of that time. Records \
     after the last checkpoint need another export.",
);

impl AuditExportError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        UNREADABLE,
        MALFORMED,
        BROKEN,
        INCOMPLETE,
        OTHER_HISTORY,
        NOT_SIGNED,
    ];
}

impl Coded for AuditExportError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read(_) => UNREADABLE,
            Self::Malformed { .. } | Self::UnknownVersion { .. } => MALFORMED,
            Self::Broken { .. } => BROKEN,
            Self::Unfinished { .. } | Self::CutOff { .. } => INCOMPLETE,
            Self::OtherHistory { .. } => OTHER_HISTORY,
            Self::NotSigned { .. } | Self::UnsignedEnd { .. } => NOT_SIGNED,
        }
    }
}
