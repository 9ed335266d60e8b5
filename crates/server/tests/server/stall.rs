//! A store that does not answer for a while, when the audit log is read.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use strongroom_store::StoreError;
use strongroom_test_support::store::{StoreCall, StoreHook};

/// Holds whoever reads the audit log, as long as it is closed. They hold their threads too: run tests with some to spare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stall(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    closed: bool,
    waiting: usize,
}

impl Stall {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    pub(crate) fn open(&self) {
        self.state().closed = false;
        self.0.1.notify_all();
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
        if call == StoreCall::AuditAfter {
            let mut state = self.state();
            state.waiting += 1;
            let held = self.0.1.wait_while(state, |state| state.closed);
            held.unwrap().waiting -= 1;
        }
        Ok(())
    }

    fn after(&self, _call: StoreCall) -> Result<(), StoreError> {
        Ok(())
    }
}
