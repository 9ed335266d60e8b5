//! Error codes that drivers bring along.

use std::sync::{LazyLock, Mutex, PoisonError};

use strongroom_errors::{Category, ErrorCode};
use strongroom_kms::KmsError;

use crate::error::{DriverError, code};

/// Codes live as long as the process, so a driver must not make any number of them.
const MOST: usize = 64;
const LONGEST_NAME: usize = 64;
/// In characters, which are as many as the contract allows.
const LONGEST_ADVICE: usize = 300;

static CODES: LazyLock<ForeignCodes> = LazyLock::new(ForeignCodes::default);

/// The code that a driver calls `name`: ours if we have one of that name; the driver's, if it is well-formed and not one too
/// many; else one that only says whether it passes by itself.
pub(crate) fn foreign_code(name: &str, category: Category, advice: &str) -> ErrorCode {
    CODES.code(name, category, advice)
}

/// The codes that drivers brought along so far.
#[derive(Default)]
struct ForeignCodes(Mutex<Vec<ErrorCode>>);

impl ForeignCodes {
    fn code(&self, name: &str, category: Category, advice: &str) -> ErrorCode {
        let ours = KmsError::CODES.iter().chain(DriverError::CODES);
        if let Some(code) = ours.copied().find(|code| code.name() == name) {
            return code;
        }
        // A poisoned list is still a list of codes.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |it: &ErrorCode| {
            it.name() == name && it.category() == category && it.advice() == advice
        };
        if let Some(code) = known.iter().copied().find(same) {
            return code;
        }
        if !is_well_formed(name, advice) || known.len() >= MOST {
            return general(category);
        }
        let (name, advice): (Box<str>, Box<str>) = (name.into(), advice.into());
        let code = ErrorCode::new(Box::leak(name), category, Box::leak(advice));
        known.push(code);
        code
    }
}

/// Whether a failure of this category passes by itself; see [`KmsError::is_retryable`].
pub(crate) const fn passes(category: Category) -> bool {
    matches!(
        category,
        Category::Unavailable | Category::Contention | Category::ResourceExhausted
    )
}

const fn general(category: Category) -> ErrorCode {
    if passes(category) {
        code::FAILED_FOR_NOW
    } else {
        code::FAILED
    }
}

fn is_well_formed(name: &str, advice: &str) -> bool {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.starts_with("KMS_")
        && name.len() <= LONGEST_NAME
        && name.chars().all(fits)
        && advice.chars().count() <= LONGEST_ADVICE
        && !advice.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_ours_stays_ours_whatever_the_driver_says_about_it() {
        let codes = ForeignCodes::default();
        let found = codes.code("KMS_KEY_NOT_FOUND", Category::Unavailable, "Wait.");
        assert_eq!(found.category(), Category::NotFound);
    }

    #[test]
    fn a_code_that_would_garble_a_log_is_replaced() {
        let codes = ForeignCodes::default();
        for name in ["", "KMS_a", "KMS_\n", "VAULT_GONE"] {
            assert_eq!(codes.code(name, Category::Internal, ""), code::FAILED);
        }
        let long = format!("KMS_{}", "X".repeat(61));
        let found = codes.code(&long, Category::Contention, "");
        assert_eq!(found, code::FAILED_FOR_NOW);
        let found = codes.code("KMS_TEST", Category::Internal, "two\nlines");
        assert_eq!(found, code::FAILED);
    }

    #[test]
    fn a_driver_cannot_make_any_number_of_codes() {
        let codes = ForeignCodes::default();
        let code = |n: usize| codes.code(&format!("KMS_TEST_{n}"), Category::Internal, "Read.");
        let found = (0..2 * MOST).filter(|n| code(*n) != code::FAILED);
        assert_eq!(found.count(), MOST);
        assert_eq!(code(0).name(), "KMS_TEST_0");
    }
}
