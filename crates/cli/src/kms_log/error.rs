//! Why there is no KMS log.

use std::{io, path::PathBuf};

use strongroom_errors::{Category, Coded, ErrorCode};
use tracing_appender::rolling::InitError;

/// Why there is no KMS log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KmsLogError {
    #[error("the KMS log {} has no name", path.display())]
    NoName { path: PathBuf },
    #[error("{} is a file, and would be a link to the newest KMS log", path.display())]
    InUse { path: PathBuf },
    #[error("the KMS log {} cannot be opened", path.display())]
    Open { path: PathBuf, source: InitError },
    #[error("the link {} to the newest KMS log cannot be made", path.display())]
    Link { path: PathBuf, source: io::Error },
}

const KMS_LOG_NOT_OPENED: ErrorCode = ErrorCode::new(
    "KMS_LOG_NOT_OPENED",
    Category::FailedPrecondition,
    "Name a file in a folder that you may write, or move away what has that name: 'kms-log-file-name', 'KMS_LOG_FILE_NAME' or \
     [kms-log]. Nothing was sent to a KMS.",
);

impl KmsLogError {
    pub(crate) const CODES: &[ErrorCode] = &[KMS_LOG_NOT_OPENED];
}

impl Coded for KmsLogError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoName { .. } | Self::InUse { .. } | Self::Open { .. } | Self::Link { .. } => {
                KMS_LOG_NOT_OPENED
            }
        }
    }
}
