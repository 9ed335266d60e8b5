//! What every error of Strongroom carries: a stable code, a category and advice.
//!
//! Each crate has one error enum per failure domain. The enum says what happened in typed fields; its
//! [`ErrorCode`] says the same to programs, and tells the user what to do next. The category decides, in one
//! table of the server, which gRPC status is answered and whether a caller may try again.
//!
//! ```
//! use strongroom_errors::{Category, Coded, ErrorCode};
//!
//! #[derive(Debug)]
//! struct OutOfPaper;
//! impl std::fmt::Display for OutOfPaper {
//!     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
//!         f.write_str("the printer has no paper")
//!     }
//! }
//! impl std::error::Error for OutOfPaper {}
//! impl Coded for OutOfPaper {
//!     fn code(&self) -> ErrorCode {
//!         ErrorCode::new("PRINTER_OUT_OF_PAPER", Category::Unavailable, "Put paper into tray 1.")
//!     }
//! }
//! assert_eq!(OutOfPaper.code().name(), "PRINTER_OUT_OF_PAPER");
//! ```

/// Whose fault an error is, and so what may be done about it.
///
/// Follows the error categories of Canton (reference: vault-service, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The request is wrong whatever the state of the system is.
    InvalidRequest,
    /// The request is right but the system is not in a state for it.
    FailedPrecondition,
    /// What the request names does not exist.
    NotFound,
    /// What the request makes exists already.
    AlreadyExists,
    /// The caller may not do this, or proved no right to it.
    PermissionDenied,
    /// Stored data contradicts itself or was changed behind our back.
    DataCorrupted,
    /// A part we depend on does not answer now; the same request may succeed later.
    Unavailable,
    /// Somebody else holds what the request needs; the same request may succeed later.
    Contention,
    /// A limit was reached: disk space, memory, quota.
    ResourceExhausted,
    /// The operation is not offered here.
    Unsupported,
    /// Our own bug.
    Internal,
}

/// A stable name for one kind of failure, its category and what the user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    name: &'static str,
    category: Category,
    advice: &'static str,
}

impl ErrorCode {
    /// A code; `name` is `SCREAMING_SNAKE` and is never given to another failure later.
    #[must_use]
    pub const fn new(name: &'static str, category: Category, advice: &'static str) -> Self {
        Self {
            name,
            category,
            advice,
        }
    }

    /// The stable name, for programs: `KMS_KEY_NOT_FOUND`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn category(&self) -> Category {
        self.category
    }

    /// What to try next, one or two sentences for a person.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        self.advice
    }
}

/// An error with a stable code.
pub trait Coded: std::error::Error {
    /// The code of this very situation; for a wrapped error, the code of its source.
    fn code(&self) -> ErrorCode;
}
