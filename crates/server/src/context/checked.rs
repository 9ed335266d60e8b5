//! Requests that are checked before anybody is asked to agree to them.

use futures_util::future::BoxFuture;

use crate::failure::Failure;

/// What a request has come to once it was read and its caller may do it: the work, of which nothing is begun.
///
/// Whoever approves a request must not be asked about one that is refused anyway, and nobody breaks the glass for that.
pub(crate) struct Checked<A> {
    pub(crate) work: BoxFuture<'static, Result<A, Failure>>,
    /// What exactly it is done to, where the request leaves that open.
    pub(crate) about: Option<Vec<String>>,
    /// Whether it changes anything.
    pub(crate) changes: bool,
}

impl<A> Checked<A> {
    pub(crate) fn of(work: impl Future<Output = Result<A, Failure>> + Send + 'static) -> Self {
        Self {
            work: Box::pin(work),
            about: None,
            changes: true,
        }
    }

    /// The same, which is done to exactly these: what "all" means now is approved, and not what it means later. To do it to none
    /// changes nothing.
    pub(crate) fn about<N: ToString>(self, these: &[N]) -> Self {
        let about = these.iter().map(ToString::to_string).collect();
        Self {
            about: Some(about),
            changes: !these.is_empty(),
            ..self
        }
    }

    /// The same, which nobody needs to agree to if there is nothing to do.
    pub(crate) fn if_it_changes(self, changes: bool) -> Self {
        Self { changes, ..self }
    }
}
