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

use std::{error::Error, iter::successors};

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
pub trait Coded: Error {
    /// The code of this very situation; for a wrapped error, the code of its source.
    fn code(&self) -> ErrorCode;
}

/// An error and what led to it, in one line. What a cause only repeats is said once.
#[must_use]
pub fn in_words(error: &dyn Error) -> String {
    let links = successors(Some(error), |link| (*link).source());
    let mut words: Vec<String> = links.map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Self>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            let source: &Self = self.1.as_ref()?;
            Some(source)
        }
    }

    fn because(words: &'static str, source: Link) -> Link {
        Link(words, Some(Box::new(source)))
    }

    #[test]
    fn an_error_is_told_with_all_of_its_causes_and_each_repetition_once() {
        let root = Link("the disk is full", None);
        assert_eq!(in_words(&root), "the disk is full");
        let repeated = because("the disk is full", root);
        let error = because("nothing was written", because("the log stopped", repeated));
        assert_eq!(
            in_words(&error),
            "nothing was written: the log stopped: the disk is full"
        );
    }
}
