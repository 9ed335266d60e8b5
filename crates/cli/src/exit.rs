//! Exit statuses.

use strongroom_errors::Category;

/// The answer is no: a signature does not verify, a check failed.
pub(crate) const NO: u8 = 1;
/// Wrong usage or input.
pub(crate) const USAGE: u8 = 2;

/// The status for a failure of this category, as `strongroom --help` lists them.
pub(crate) fn status(category: Category) -> u8 {
    match category {
        Category::InvalidRequest => USAGE,
        Category::FailedPrecondition | Category::NotFound | Category::AlreadyExists => 3,
        Category::PermissionDenied => 4,
        Category::DataCorrupted => 5,
        Category::Unavailable | Category::Contention | Category::ResourceExhausted => 6,
        Category::Unsupported => 7,
        _ => 70,
    }
}
