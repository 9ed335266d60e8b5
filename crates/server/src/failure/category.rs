//! Whose fault a failure is, in Canton's numbers.

use std::time::Duration;

use strongroom_errors::Category;
use tonic::Code;

/// A category of Canton's errors (reference: vault service, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CantonCategory {
    TransientServerFailure,
    ContentionOnSharedResources,
    SystemInternalAssumptionViolated,
    SecurityAlert,
    InvalidAuthenticationCredentials,
    InsufficientPermission,
    InvalidIndependentOfSystemState,
    InvalidGivenCurrentSystemStateOther,
    InvalidGivenCurrentSystemStateResourceExists,
    InvalidGivenCurrentSystemStateResourceMissing,
    InternalUnsupportedOperation,
}

impl CantonCategory {
    /// As it stands in the description.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::TransientServerFailure => 1,
            Self::ContentionOnSharedResources => 2,
            Self::SystemInternalAssumptionViolated => 4,
            Self::SecurityAlert => 5,
            Self::InvalidAuthenticationCredentials => 6,
            Self::InsufficientPermission => 7,
            Self::InvalidIndependentOfSystemState => 8,
            Self::InvalidGivenCurrentSystemStateOther => 9,
            Self::InvalidGivenCurrentSystemStateResourceExists => 10,
            Self::InvalidGivenCurrentSystemStateResourceMissing => 11,
            Self::InternalUnsupportedOperation => 14,
        }
    }

    /// The status that a caller sees.
    pub(crate) const fn grpc(self) -> Code {
        match self {
            Self::TransientServerFailure => Code::Unavailable,
            Self::ContentionOnSharedResources => Code::Aborted,
            Self::SystemInternalAssumptionViolated => Code::Internal,
            Self::InvalidAuthenticationCredentials => Code::Unauthenticated,
            Self::InsufficientPermission => Code::PermissionDenied,
            Self::SecurityAlert | Self::InvalidIndependentOfSystemState => Code::InvalidArgument,
            Self::InvalidGivenCurrentSystemStateOther => Code::FailedPrecondition,
            Self::InvalidGivenCurrentSystemStateResourceExists => Code::AlreadyExists,
            Self::InvalidGivenCurrentSystemStateResourceMissing => Code::NotFound,
            Self::InternalUnsupportedOperation => Code::Unimplemented,
        }
    }

    /// Whether the text stays here: it may say something about the inside.
    pub(crate) const fn is_redacted(self) -> bool {
        matches!(
            self,
            Self::SystemInternalAssumptionViolated
                | Self::SecurityAlert
                | Self::InvalidAuthenticationCredentials
                | Self::InsufficientPermission
                | Self::InternalUnsupportedOperation
        )
    }

    /// When the same call may be made again; none: it will not help.
    pub(crate) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TransientServerFailure | Self::ContentionOnSharedResources => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }

    /// How loud the log says it.
    pub(crate) const fn level(self) -> tracing::Level {
        match self {
            Self::SystemInternalAssumptionViolated | Self::InternalUnsupportedOperation => {
                tracing::Level::ERROR
            }
            Self::SecurityAlert
            | Self::InvalidAuthenticationCredentials
            | Self::InsufficientPermission => tracing::Level::WARN,
            _ => tracing::Level::INFO,
        }
    }
}

/// The one table from our categories to Canton's.
impl From<Category> for CantonCategory {
    fn from(category: Category) -> Self {
        match category {
            Category::InvalidRequest => Self::InvalidIndependentOfSystemState,
            Category::FailedPrecondition => Self::InvalidGivenCurrentSystemStateOther,
            Category::NotFound => Self::InvalidGivenCurrentSystemStateResourceMissing,
            Category::AlreadyExists => Self::InvalidGivenCurrentSystemStateResourceExists,
            Category::PermissionDenied => Self::InsufficientPermission,
            Category::Unavailable => Self::TransientServerFailure,
            // A limit that is reached is what others took.
            Category::Contention | Category::ResourceExhausted => Self::ContentionOnSharedResources,
            Category::Unsupported => Self::InternalUnsupportedOperation,
            // Damaged data and bugs: for the operator.
            _ => Self::SystemInternalAssumptionViolated,
        }
    }
}
