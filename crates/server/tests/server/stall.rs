//! A store that does not answer for a while, or takes nothing.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use strongroom_store::StoreError;
use strongroom_test_support::store::{StoreCall, StoreHook};

/// Holds whoever makes one kind of call, as long as it is closed: for tests with several threads.
#[derive(Clone, Debug)]
pub(crate) struct Stall {
    call: StoreCall,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    waiting: usize,
    /// How long each call takes.
    pace: Duration,
    /// Calls fail for want of space.
    is_full: bool,
}

impl Stall {
    /// Of calls of this kind.
    pub(crate) fn of(call: StoreCall) -> Self {
        Self {
            call,
            state: Arc::default(),
        }
    }

    fn is_felt(&self) -> bool {
        let state = self.state();
        state.is_closed || !state.pace.is_zero()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }

    pub(crate) fn close(&self) {
        self.state().is_closed = true;
    }

    /// Each takes so long, until it is open again.
    pub(crate) fn slow_down(&self, pace: Duration) {
        self.state().pace = pace;
    }

    pub(crate) fn open(&self) {
        let mut state = self.state();
        (state.is_closed, state.pace) = (false, Duration::ZERO);
        self.state.1.notify_all();
    }

    /// As if there were no space left, or some again.
    pub(crate) fn fill(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Waits until so many are held.
    pub(crate) async fn holds(&self, number: usize) {
        while self.state().waiting < number {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl StoreHook for Stall {
    fn before(&self, call: StoreCall) -> Result<(), StoreError> {
        if call == self.call && self.state().is_full {
            let source = "on purpose".into();
            return Err(StoreError::Full { source });
        }
        if call == self.call && self.is_felt() {
            // What else this thread was about to do goes on on another one.
            tokio::task::block_in_place(|| {
                let pace = self.state().pace;
                std::thread::sleep(pace);
                let mut state = self.state();
                state.waiting += 1;
                let held = self.state.1.wait_while(state, |state| state.is_closed);
                held.unwrap().waiting -= 1;
            });
        }
        Ok(())
    }

    fn after(&self, _call: StoreCall) -> Result<(), StoreError> {
        Ok(())
    }
}
