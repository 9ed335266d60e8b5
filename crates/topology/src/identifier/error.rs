use strongroom_errors::{Category, Coded, ErrorCode};

/// A text that is no name on the ledger. The texts of unique identifiers are Canton's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Nothing at all.
    #[error("Empty string is not a valid unique identifier.")]
    Empty,
    /// Nothing in front of the first `::`.
    #[error("Invalid unique identifier `{text}` with empty identifier.")]
    EmptyIdentifier {
        /// What was given, cut to 200 characters.
        text: String,
    },
    /// No `::` in it.
    #[error("Invalid unique identifier `{text}` with missing namespace.")]
    MissingNamespace {
        /// What was given, cut to 200 characters.
        text: String,
    },
    /// The identifier is too long, or has a character that none may have.
    #[error("Identifier decoding of `{text}` failed with: {reason}")]
    Identifier {
        /// What was given, cut to 200 characters.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The fingerprint is too long, or has a character that none may have.
    #[error("Fingerprint decoding of `{text}` failed with: {reason}")]
    Fingerprint {
        /// What was given, cut to 200 characters.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `::` in a place where it would end the part, or `:` where it would become one.
    #[error("String contains reserved delimiter `::`.")]
    Delimiter,
    /// Neither `PAR::`, `SEQ::` nor `MED::` and a unique identifier.
    #[error("`{text}` is not a member: PAR, SEQ or MED, then `::`, then its unique identifier")]
    Member {
        /// What was given, cut to 200 characters.
        text: String,
    },
    /// No kind of node.
    #[error("{text:?} is no kind of node: participant, sequencer or mediator")]
    MemberCode {
        /// What was given, cut to 200 characters.
        text: String,
    },
    /// Not a synchronizer's name with its protocol version and serial.
    #[error("`{text}` is not a physical synchronizer: NAME::NAMESPACE::VERSION-SERIAL")]
    PhysicalSynchronizer {
        /// What was given, cut to 200 characters.
        text: String,
    },
}

impl IdentifierError {
    /// Every code of this type.
    pub const CODES: &'static [ErrorCode] = &[
        Self::IDENTIFIER_INVALID,
        Self::MEMBER_KIND_UNKNOWN,
        Self::SYNCHRONIZER_INVALID,
    ];

    const IDENTIFIER_INVALID: ErrorCode = ErrorCode::new(
        "TOPOLOGY_IDENTIFIER_INVALID",
        Category::InvalidRequest,
        "Write NAME::NAMESPACE, where the name has letters, digits, '-', '_', single ':' and spaces, and the namespace is a \
         fingerprint; in front of a member stands PAR::, SEQ:: or MED::.",
    );
    const MEMBER_KIND_UNKNOWN: ErrorCode = ErrorCode::new(
        "TOPOLOGY_MEMBER_KIND_UNKNOWN",
        Category::InvalidRequest,
        "Use participant (PAR), sequencer (SEQ) or mediator (MED).",
    );
    const SYNCHRONIZER_INVALID: ErrorCode = ErrorCode::new(
        "TOPOLOGY_SYNCHRONIZER_INVALID",
        Category::InvalidRequest,
        "Write NAME::NAMESPACE::VERSION-SERIAL, such as global::1220...::34-0: behind the synchronizer's name stand the version of \
         its protocol, or dev, and its serial, mostly 0.",
    );
}

impl Coded for IdentifierError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::MemberCode { .. } => Self::MEMBER_KIND_UNKNOWN,
            Self::PhysicalSynchronizer { .. } => Self::SYNCHRONIZER_INVALID,
            Self::Empty
            | Self::EmptyIdentifier { .. }
            | Self::MissingNamespace { .. }
            | Self::Identifier { .. }
            | Self::Fingerprint { .. }
            | Self::Delimiter
            | Self::Member { .. } => Self::IDENTIFIER_INVALID,
        }
    }
}
