//! Sessions: as many as are allowed, opened when needed, opened anew when the token was lost.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;
use parking_lot::Mutex;
use strongroom_memory::SecretBytes;
use tokio::sync::Semaphore;

use crate::error::Pkcs11Error;
use crate::fault::{Fault, is_lost, is_refused_login, rv};
use crate::module::Module;
use crate::settings::{Settings, TokenName};

mod seat;

pub(crate) use seat::Seat;
use seat::require_login;

/// What to do when the token turns out to be lost in the middle of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Log in again and do it once more: it changes nothing, or the same again.
    Once,
    /// Make sure beforehand that the session is alive, and report what fails then: a second key might be made.
    Never,
}

/// The sessions with one token.
pub(crate) struct Pool {
    module: Module,
    token: TokenName,
    pin: SecretBytes,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts logins. Sessions and object handles are of use in the generation that they come from only.
    generation: u64,
    /// The same, for those who work.
    current: Arc<AtomicU64>,
    /// Generations before this one are from before the library was initialized anew: their handles may name others.
    first_valid: u64,
    login: Option<Login>,
    idle: Vec<Session>,
    /// The token refused the PIN: it is not tried again.
    refused: Option<String>,
}

struct Login {
    slot: Slot,
    /// Never worked with: when the last session is closed the token logs us out.
    anchor: Session,
}

impl Pool {
    /// Nothing is opened yet.
    pub(crate) fn new(module: Module, settings: Settings) -> Self {
        Self {
            module,
            token: settings.token,
            pin: settings.pin,
            permits: Arc::new(Semaphore::new(settings.sessions)),
            state: Mutex::new(State::default()),
        }
    }

    /// Works on a thread that may block, when a session is free. Dropped while it waits, nothing happens; dropped later, the
    /// work is done to its end.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        repeat: Repeat,
        work: impl Fn(&Seat) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let pool = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            // Held until the session is back. The semaphore is never closed.
            let _permit = permit;
            pool.work(repeat, work)
        });
        // Fails only if the work panicked or the runtime ends.
        task.await.unwrap_or(Err(Fault::Call(Error::Pkcs11(
            RvError::FunctionCanceled,
            Function::CancelFunction,
        ))))
    }

    /// The same on this thread, without waiting for its turn.
    pub(crate) fn work<T>(
        &self,
        repeat: Repeat,
        work: impl Fn(&Seat) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let seat = self.take(repeat)?;
        let answer = work(&seat);
        let Some(loss) = loss(&seat, &answer) else {
            self.give_back(seat, answer.is_ok());
            return answer;
        };
        self.lose(seat, loss);
        if repeat == Repeat::Never {
            return answer;
        }
        let seat = self.take(repeat)?;
        let answer = work(&seat);
        self.give_back(seat, answer.is_ok());
        answer
    }

    /// A session that is logged in. If the token was lost, that is found out here at the latest for [`Repeat::Never`].
    fn take(&self, repeat: Repeat) -> Result<Seat, Fault> {
        match self.try_take(repeat) {
            Err(Fault::Call(error)) if is_lost(&error) => self.try_take(repeat),
            other => other,
        }
    }

    fn try_take(&self, repeat: Repeat) -> Result<Seat, Fault> {
        let mut state = self.state.lock();
        let taken = self.take_from(&mut state, repeat);
        if let Err(Fault::Call(error)) = &taken
            && is_lost(error)
            && let Some(loss) = rv(error)
        {
            state.forget(loss);
        }
        taken
    }

    fn take_from(&self, state: &mut State, repeat: Repeat) -> Result<Seat, Fault> {
        let slot = match &state.login {
            Some(login) => login.slot,
            None => self.log_in(state)?,
        };
        let session = match state.idle.pop() {
            Some(session) => session,
            None => self.module.library().open_rw_session_no_drop(slot)?,
        };
        if repeat == Repeat::Never
            && let Err(error) = require_login(&session)
        {
            let _gone_already = session.close();
            return Err(error.into());
        }
        Ok(Seat {
            session,
            generation: state.generation,
            current: Arc::clone(&state.current),
        })
    }

    fn log_in(&self, state: &mut State) -> Result<Slot, Fault> {
        if let Some(reason) = &state.refused {
            let reason = reason.clone();
            return Err(Pkcs11Error::PinRefused { reason }.into());
        }
        self.module.revive()?;
        let slot = self.module.slot_of(&self.token)?;
        let anchor = self.module.library().open_rw_session_no_drop(slot)?;
        // EXPOSE: the library takes the PIN as plain bytes; this copy is wiped when it is dropped.
        let pin = RawAuthPin::new(Box::new(self.pin.expose().to_vec()));
        match anchor.login_with_raw(UserType::User, &pin) {
            Ok(()) => {}
            // The login belongs to the process: another part of it was there first.
            Err(error) if rv(&error) == Some(RvError::UserAlreadyLoggedIn) => {}
            Err(error) => {
                // What a failed login leaves of the session does not matter more than the failure.
                let _ignored = anchor.close();
                return Err(self.refusal(state, error));
            }
        }
        state.login = Some(Login { slot, anchor });
        Ok(slot)
    }

    fn refusal(&self, state: &mut State, error: Error) -> Fault {
        if !is_refused_login(&error) {
            return error.into();
        }
        let reason = error.to_string();
        state.refused = Some(reason.clone());
        Pkcs11Error::PinRefused { reason }.into()
    }

    /// A session on which something failed may have an operation half done, so it is not used again.
    fn give_back(&self, seat: Seat, sound: bool) {
        let mut state = self.state.lock();
        if seat.generation < state.first_valid {
            return;
        }
        if sound && seat.generation == state.generation {
            state.idle.push(seat.session);
        } else {
            let _ignored = seat.session.close();
        }
    }

    fn lose(&self, seat: Seat, loss: RvError) {
        // Another thread may have noticed first, and everything is new already.
        let mut state = self.state.lock();
        if seat.generation == state.generation {
            state.forget(loss);
        }
        drop(state);
        self.give_back(seat, false);
    }

    /// Whether the token refused the PIN, so that only a restart helps.
    pub(crate) fn refused(&self) -> Option<String> {
        self.state.lock().refused.clone()
    }

    /// The slot that the token was in when it was last logged in to.
    pub(crate) fn slot(&self) -> Option<Slot> {
        self.state.lock().login.as_ref().map(|login| login.slot)
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }
}

impl State {
    /// The login is gone: the next who needs a session logs in again.
    fn forget(&mut self, loss: RvError) {
        self.generation += 1;
        self.current.store(self.generation, Ordering::SeqCst);
        let sessions = self
            .idle
            .drain(..)
            .chain(self.login.take().map(|login| login.anchor));
        if loss == RvError::CryptokiNotInitialized {
            // They are gone with everything else, and their handles may soon be given to others: not to be closed.
            self.first_valid = self.generation;
            drop(sessions);
        } else {
            for session in sessions {
                let _gone_already = session.close();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        for session in state
            .idle
            .drain(..)
            .chain(state.login.take().map(|login| login.anchor))
        {
            let _ignored = session.close();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module, token, .. } = self;
        write!(f, "Pool({module:?}, {token})")
    }
}

/// How the token says that it was lost while somebody worked with it. Not every one says so by itself: after a logout some
/// know no more than that something went wrong.
fn loss<T>(seat: &Seat, answer: &Result<T, Fault>) -> Option<RvError> {
    let Err(Fault::Call(error)) = answer else {
        return None;
    };
    if is_lost(error) {
        return rv(error);
    }
    let login = seat.confirm_login().err()?;
    if is_lost(&login) { rv(&login) } else { None }
}
