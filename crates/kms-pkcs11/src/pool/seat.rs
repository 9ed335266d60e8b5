//! One session at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState};

/// A session that somebody works with.
pub(crate) struct Seat {
    pub(crate) session: Session,
    /// The login that it is from.
    pub(crate) generation: u64,
    /// The login in force now.
    pub(super) current: Arc<AtomicU64>,
}

impl Seat {
    /// Fails, as a call on a lost session does, unless the login still holds.
    ///
    /// To be asked whenever the token shows nothing: to who is logged out it shows no private object, and does not say so.
    pub(crate) fn confirm_login(&self) -> Result<(), Error> {
        require_login(&self.session)?;
        // Lost and restored by another thread between the search and this question.
        if self.current.load(Ordering::SeqCst) == self.generation {
            Ok(())
        } else {
            Err(logged_out())
        }
    }
}

/// Fails as a call on the session would if the session or the login were gone.
pub(super) fn require_login(session: &Session) -> Result<(), Error> {
    match session.get_session_info()?.session_state() {
        SessionState::RwUser => Ok(()),
        _ => Err(logged_out()),
    }
}

fn logged_out() -> Error {
    Error::Pkcs11(RvError::UserNotLoggedIn, Function::GetSessionInfo)
}
