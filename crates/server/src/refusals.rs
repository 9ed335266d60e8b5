//! Refusals of callers that are known, on record: an auditor sees who tried what.
//!
//! Strangers leave a line in the log only. Of a caller and an operation there is one record in a minute, and the next one says how many
//! there were beside it: whoever asks again and again fills no log.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use strongroom_crypto::Fingerprint;
use strongroom_vault::{Caller, ServerAct, Vault};

use crate::{
    access::operation_of,
    context::Context,
    failure::{CodedFailure, Failure},
    tasks::Tasks,
};

/// Of a caller and an operation there is one record within this time.
const WINDOW: Duration = Duration::from_secs(60);

/// How often it is looked what was passed over.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Callers and operations that are counted at the same time. Configurations do not have so many; others are in the log only.
const MOST: usize = 10_000;

/// Puts refusals on record. Clones count into one place.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Record>);

struct Record {
    vault: Arc<Vault>,
    tasks: Tasks,
    windows: Mutex<Windows>,
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusals").finish_non_exhaustive()
    }
}

/// What was refused, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    caller: Caller,
    operation: String,
    key: Option<Fingerprint>,
    code: &'static str,
}

impl Refused {
    fn of(context: &Context, failure: &CodedFailure) -> Self {
        let field = |name: &str| failure.fields.get(name);
        let operation = field("operation").cloned();
        Self {
            caller: context.caller(),
            operation: operation
                .unwrap_or_else(|| operation_of(context.call.rpc).name().to_owned()),
            key: field("key").and_then(|key| key.parse().ok()),
            code: failure.id,
        }
    }

    fn into_act(self, passed_over: u64) -> (Caller, ServerAct) {
        let act = ServerAct::Refuse {
            operation: self.operation,
            key: self.key,
            code: self.code.to_owned(),
            passed_over,
        };
        (self.caller, act)
    }
}

impl Refusals {
    pub(crate) fn new(vault: Arc<Vault>, tasks: Tasks) -> Self {
        Self(Arc::new(Record {
            vault,
            tasks,
            windows: Mutex::default(),
        }))
    }

    /// Puts it on record if it is a refusal, and one that is not passed over. Nobody waits for that: nothing was done.
    pub(crate) fn note(&self, context: &Context, failure: &Failure) {
        let Failure::Coded(failure) = failure else {
            return;
        };
        if failure.is_refusal {
            let refused = Refused::of(context, failure);
            let passed_over = self.0.windows.lock().note(&refused, Instant::now());
            if let Some(passed_over) = passed_over {
                self.record(refused, passed_over);
            }
        }
    }

    /// Puts on record what was passed over, once its minute is over. Never ends.
    pub(crate) async fn keep(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.record_all(|began| began.elapsed() >= WINDOW);
        }
    }

    /// Puts on record what was passed over so far, since the server ends.
    pub(crate) fn end(&self) {
        self.record_all(|_began| true);
    }

    fn record_all(&self, is_due: impl Fn(Instant) -> bool) {
        let due = self.0.windows.lock().take(is_due);
        for (refused, passed_over) in due {
            self.record(refused, passed_over);
        }
    }

    fn record(&self, refused: Refused, passed_over: u64) {
        let vault = Arc::clone(&self.0.vault);
        let (caller, act) = refused.into_act(passed_over);
        self.0.tasks.begin(async move {
            // Another process writes: here the log has it.
            if let Err(error) = vault.record(&caller, act).await {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error, "a refusal could not be put on record");
            }
        });
    }
}

/// When the last record was, and how many refusals came since: by caller and operation.
#[derive(Default)]
struct Windows(HashMap<(String, String), Window>);

struct Window {
    began: Instant,
    /// The last one of them.
    last: Refused,
    passed_over: u64,
}

impl Windows {
    /// Whether this one is to be recorded, and with how many that were not.
    fn note(&mut self, refused: &Refused, now: Instant) -> Option<u64> {
        let key = (refused.caller.name().to_owned(), refused.operation.clone());
        let is_full = self.0.len() >= MOST;
        match self.0.get_mut(&key) {
            None if is_full => None,
            Some(window) if now.duration_since(window.began) < WINDOW => {
                window.passed_over += 1;
                window.last = refused.clone();
                None
            }
            known => {
                let passed_over = known.map_or(0, |window| window.passed_over);
                let window = Window {
                    began: now,
                    last: refused.clone(),
                    passed_over: 0,
                };
                self.0.insert(key, window);
                Some(passed_over)
            }
        }
    }

    /// Ends windows; answers the last refusal of each that passed any over, and how many more.
    fn take(&mut self, is_due: impl Fn(Instant) -> bool) -> Vec<(Refused, u64)> {
        let due = self.0.extract_if(|_of, window| is_due(window.began));
        let passed_over = due.filter(|(_of, window)| window.passed_over > 0);
        passed_over
            .map(|(_of, window)| (window.last, window.passed_over - 1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(caller: &str, operation: &str) -> Refused {
        Refused {
            caller: Caller::new(caller),
            operation: operation.to_owned(),
            key: None,
            code: "PERMISSION_DENIED",
        }
    }

    #[test]
    fn of_a_caller_and_an_operation_one_refusal_in_a_minute_is_recorded_and_the_others_are_counted()
    {
        let (mut windows, start) = (Windows::default(), Instant::now());
        let (delete, export) = (refused("a", "keys.delete"), refused("a", "keys.export"));
        assert_eq!(windows.note(&delete, start), Some(0));
        assert_eq!(windows.note(&export, start), Some(0));
        assert_eq!(windows.note(&refused("b", "keys.delete"), start), Some(0));
        for _again in 0..1000 {
            assert_eq!(windows.note(&delete, start + WINDOW / 2), None);
        }
        assert_eq!(windows.note(&delete, start + WINDOW), Some(1000));
        assert_eq!(windows.note(&delete, start + WINDOW), None);
        assert_eq!(windows.take(|_began| false), []);
        // Of those that were passed over the last one stands for all.
        assert_eq!(windows.take(|_began| true), [(delete, 0)]);
        assert!(windows.0.is_empty());
    }

    #[test]
    fn callers_that_nobody_configured_take_bounded_memory() {
        let (mut windows, now) = (Windows::default(), Instant::now());
        for number in 0..=MOST {
            let caller = format!("network:{number}");
            let noted = windows.note(&refused(&caller, "keys.delete"), now);
            assert_eq!(noted.is_some(), number < MOST);
        }
        assert_eq!(windows.0.len(), MOST);
    }
}
