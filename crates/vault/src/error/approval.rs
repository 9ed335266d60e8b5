//! Why something is not done without a second person.

use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_store::ApprovalId;

/// Why something is not done without a second person, or was not approved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// It was asked for, and another person has to approve it.
    #[error("{operation} needs the approval of another person: {id} was asked for")]
    Required {
        /// What was asked for.
        id: ApprovalId,
        /// The operation.
        operation: String,
    },
    /// Somebody said no.
    #[error("{by} rejected {id}")]
    Rejected {
        /// What was asked for.
        id: ApprovalId,
        /// Who.
        by: String,
    },
    /// Nobody approves what he asked for himself.
    #[error("{id} was asked for by {requester}, and another person has to approve it")]
    Own {
        /// What was asked for.
        id: ApprovalId,
        /// Who asked, and wants to approve.
        requester: String,
    },
    /// The configuration names who may approve.
    #[error("{caller} is none of those who may approve")]
    NoApprover {
        /// Who wants to.
        caller: String,
    },
    /// It is too late.
    #[error("{id} has expired")]
    Expired {
        /// What was asked for.
        id: ApprovalId,
    },
    /// It was decided, or needs no decision.
    #[error("{id} is {state} already")]
    Decided {
        /// What was asked for.
        id: ApprovalId,
        /// What became of it.
        state: &'static str,
    },
    /// Only what was done without approval is acknowledged.
    #[error("{id} was not done without approval: there is nothing to acknowledge")]
    NotBypassed {
        /// What was asked for.
        id: ApprovalId,
    },
    /// Too much waits for approval.
    #[error("{waiting} requests wait for approval already")]
    TooMany {
        /// How many.
        waiting: usize,
    },
    /// Whoever approves it would not see all of it.
    #[error(
        "the request takes {bytes} bytes to be shown, and whoever approves it is shown {most} at most"
    )]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// The configuration does not let anybody go on without a second person.
    #[error("the configuration lets nobody break the glass")]
    BreakGlassOff,
    /// The configuration is another one than the vault remembers, and that needs a second person.
    #[error(
        "the configuration is not the one that the vault remembers ({differs}), and no other person has approved that"
    )]
    Configuration {
        /// The sections in which it differs.
        differs: String,
    },
    /// Whoever breaks the glass says why.
    #[error("a reason has between 1 and {most} characters")]
    BadReason {
        /// Its most characters.
        most: usize,
    },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const APPROVAL_REQUIRED: ErrorCode = code(
    "APPROVAL_REQUIRED",
    Category::FailedPrecondition,
    "Have another person approve it ('strongroom approvals approve ID'), and ask for exactly the same again: it is let through once.",
);
const APPROVAL_REJECTED: ErrorCode = code(
    "APPROVAL_REJECTED",
    Category::FailedPrecondition,
    "Talk to whoever rejected it. The same can be asked for anew when the request has expired.",
);
const APPROVAL_OWN: ErrorCode = code(
    "APPROVAL_OWN",
    Category::FailedPrecondition,
    "Have another person approve it.",
);
const NO_APPROVER: ErrorCode = code(
    "NO_APPROVER",
    Category::PermissionDenied,
    "Have one of those approve it whom [approvals] of the configuration names.",
);
const APPROVAL_EXPIRED: ErrorCode = code(
    "APPROVAL_EXPIRED",
    Category::FailedPrecondition,
    "Have it asked for again.",
);
const APPROVAL_DECIDED: ErrorCode = code(
    "APPROVAL_DECIDED",
    Category::FailedPrecondition,
    "'strongroom approvals list' shows what became of it.",
);
const NOT_BYPASSED: ErrorCode = code(
    "NOT_BYPASSED",
    Category::FailedPrecondition,
    "'strongroom approvals list' shows what was done without approval: acknowledge that.",
);
const TOO_MANY_APPROVALS: ErrorCode = code(
    "TOO_MANY_APPROVALS",
    Category::ResourceExhausted,
    "Have some of them approved and used, or wait until they expire: 'strongroom approvals list'.",
);
const APPROVAL_TOO_LONG: ErrorCode = code(
    "APPROVAL_TOO_LONG",
    Category::InvalidRequest,
    "Ask for less at once, such as fewer keys, or for all of them: that is shown as how many there are, with a sum over them.",
);
const BREAK_GLASS_OFF: ErrorCode = code(
    "BREAK_GLASS_OFF",
    Category::FailedPrecondition,
    "Have another person approve it. Whoever keeps the configuration can let people go on without: break-glass in [approvals].",
);
const CONFIGURATION_NOT_APPROVED: ErrorCode = code(
    "CONFIGURATION_NOT_APPROVED",
    Category::FailedPrecondition,
    "Put back the file that the vault remembers ('strongroom config hash' tells files apart). To change it: 'strongroom config propose --file NEW' while that one is in use, and have another person approve it.",
);
const BREAK_GLASS_REASON: ErrorCode = code(
    "BREAK_GLASS_REASON",
    Category::InvalidRequest,
    "Say in a sentence why nobody else can be asked.",
);

impl ApprovalError {
    /// Every code of this domain.
    pub const CODES: &[ErrorCode] = &[
        APPROVAL_REQUIRED,
        APPROVAL_REJECTED,
        APPROVAL_OWN,
        NO_APPROVER,
        APPROVAL_EXPIRED,
        APPROVAL_DECIDED,
        NOT_BYPASSED,
        TOO_MANY_APPROVALS,
        APPROVAL_TOO_LONG,
        BREAK_GLASS_OFF,
        CONFIGURATION_NOT_APPROVED,
        BREAK_GLASS_REASON,
    ];
}

impl Coded for ApprovalError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Required { .. } => APPROVAL_REQUIRED,
            Self::Rejected { .. } => APPROVAL_REJECTED,
            Self::Own { .. } => APPROVAL_OWN,
            Self::NoApprover { .. } => NO_APPROVER,
            Self::Expired { .. } => APPROVAL_EXPIRED,
            Self::Decided { .. } => APPROVAL_DECIDED,
            Self::NotBypassed { .. } => NOT_BYPASSED,
            Self::TooMany { .. } => TOO_MANY_APPROVALS,
            Self::TooLong { .. } => APPROVAL_TOO_LONG,
            Self::BreakGlassOff => BREAK_GLASS_OFF,
            Self::Configuration { .. } => CONFIGURATION_NOT_APPROVED,
            Self::BadReason { .. } => BREAK_GLASS_REASON,
        }
    }
}
