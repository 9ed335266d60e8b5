//! Turns: what several want and one of them makes. The others wait for what becomes of it, and then look for themselves.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;
use strongroom_errors::{Coded, ErrorCode};
use strongroom_kms::{KmsError, KmsOperation};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    background::LONGEST,
    error::{SessionKeyError, VaultError, in_words},
};

/// Whoever waits tries again so often after others failed.
const MOST_RETRIES: u32 = 5;

/// What became of a making.
#[derive(Clone, Debug)]
enum Outcome {
    Made,
    Failed(Failure),
}

/// Why something was not made, for those who waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) reason: String,
}

impl Failure {
    pub(crate) fn of(error: &VaultError) -> Self {
        Self {
            code: error.code(),
            reason: match error {
                VaultError::Kms(source) => in_words(source),
                other => other.to_string(),
            },
        }
    }

    fn late() -> Self {
        let operation = KmsOperation::Sign;
        Self {
            code: KmsError::TimedOut { operation }.code(),
            reason: format!("nothing was heard of it for {} seconds", LONGEST.as_secs()),
        }
    }
}

/// The right to make something. Dropped without a word, those who wait try themselves.
#[derive(Debug)]
pub(crate) struct Making(watch::Sender<Option<Outcome>>);

impl Making {
    /// The right, and a place behind it.
    pub(crate) fn begin() -> (Self, Waiting) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Waiting(receiver))
    }

    pub(crate) fn made(self) {
        self.0.send_replace(Some(Outcome::Made));
    }

    pub(crate) fn failed(self, failure: Failure) {
        self.0.send_replace(Some(Outcome::Failed(failure)));
    }
}

/// A place in the queue behind whoever makes something.
#[derive(Clone, Debug)]
pub(crate) struct Waiting(watch::Receiver<Option<Outcome>>);

impl Waiting {
    /// Whether it is still being made: whoever made it may have failed, or left without a word.
    pub(crate) fn is_under_way(&self) -> bool {
        self.0.has_changed().is_ok() && self.0.borrow().is_none()
    }

    /// Waits until it is made, or not. A failure is told; one who left without a word has not failed.
    pub(crate) async fn wait(mut self) -> Result<(), Failure> {
        match self.0.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Outcome::Failed(failure))) => Err(failure.clone()),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// How much more somebody bears: so many failures of others, and no longer than one making may take, however many there were.
pub(crate) struct Patience {
    end: Instant,
    failures: u32,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self {
            end: Instant::now() + LONGEST,
            failures: 0,
        }
    }

    /// Waits for what somebody else makes, and says why they failed if they did.
    pub(crate) async fn wait(
        &mut self,
        waiting: Waiting,
    ) -> Result<Option<Failure>, SessionKeyError> {
        let heard = timeout_at(self.end, waiting.wait()).await;
        let is_over = heard.is_err();
        let Err(failure) = heard.unwrap_or_else(|_elapsed| Err(Failure::late())) else {
            return Ok(None);
        };
        self.failures += 1;
        if is_over || self.failures > MOST_RETRIES {
            return Err(exhausted(self.failures, failure));
        }
        Ok(Some(failure))
    }

    /// Makes it oneself.
    pub(crate) async fn make<T>(
        &self,
        making: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, VaultError> {
        let made = timeout_at(self.end, making).await;
        made.unwrap_or_else(|_elapsed| Err(exhausted(self.failures + 1, Failure::late()).into()))
    }
}

fn exhausted(attempts: u32, last: Failure) -> SessionKeyError {
    SessionKeyError::RetriesExhausted {
        attempts,
        code: last.code.name(),
        reason: last.reason,
    }
}

/// What is being made, one making for each thing that is wanted.
pub(crate) struct Turns<K>(Mutex<HashMap<K, Waiting>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// What whoever wants something does next.
pub(crate) enum Next<K: Copy + Eq + Hash> {
    /// Waits, and asks again.
    Wait(Waiting),
    /// Looks once more whether it is there, and makes it.
    Make(Turn<K>),
}

impl<K: Copy + Eq + Hash> Turns<K> {
    pub(crate) fn take(self: &Arc<Self>, key: K) -> Next<K> {
        let mut under_way = self.0.lock();
        if let Some(waiting) = under_way.get(&key).filter(|it| it.is_under_way()) {
            return Next::Wait(waiting.clone());
        }
        let (making, waiting) = Making::begin();
        under_way.insert(key, waiting);
        Next::Make(Turn {
            turns: Arc::clone(self),
            key,
            making: Some(making),
        })
    }
}

/// The turn of whoever makes something, for work that may go on when its caller goes. Without a word, the next one tries.
pub(crate) struct Turn<K: Copy + Eq + Hash> {
    turns: Arc<Turns<K>>,
    key: K,
    making: Option<Making>,
}

impl<K: Copy + Eq + Hash> Turn<K> {
    pub(crate) fn failed(mut self, failure: Failure) {
        if let Some(making) = self.making.take() {
            making.failed(failure);
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Turn<K> {
    fn drop(&mut self) {
        drop(self.making.take());
        let mut under_way = self.turns.0.lock();
        // Whoever waited may have the turn by now.
        let is_ours = |it: &Waiting| !it.is_under_way();
        if under_way.get(&self.key).is_some_and(is_ours) {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn turn(turns: &Arc<Turns<u8>>, key: u8) -> Turn<u8> {
        match turns.take(key) {
            Next::Make(turn) => turn,
            Next::Wait(_) => panic!("somebody is at it"),
        }
    }

    fn place(turns: &Arc<Turns<u8>>, key: u8) -> Waiting {
        match turns.take(key) {
            Next::Make(_) => panic!("nobody is at it"),
            Next::Wait(waiting) => waiting,
        }
    }

    #[test]
    fn one_is_at_a_thing_others_wait_for_it_and_what_ends_leaves_nothing_behind() {
        let turns = Arc::default();
        let (one, other) = (turn(&turns, 1), turn(&turns, 2));
        let waiting = place(&turns, 1);
        assert_eq!(waiting.clone().wait().now_or_never(), None);
        let failure = Failure::late();
        one.failed(failure.clone());
        assert_eq!(waiting.wait().now_or_never(), Some(Err(failure)));
        let waiting = place(&turns, 2);
        drop(other);
        assert_eq!(waiting.wait().now_or_never(), Some(Ok(())));
        assert!(turns.0.lock().is_empty());
        drop(turn(&turns, 1));
        assert!(turns.0.lock().is_empty());
    }

    #[test]
    fn the_turn_of_a_successor_is_not_taken_away_by_whoever_was_there_before() {
        let turns = Arc::default();
        let mut first = turn(&turns, 1);
        // It has told, and is not gone yet.
        first.making.take().unwrap().made();
        let second = turn(&turns, 1);
        drop(first);
        assert!(place(&turns, 1).is_under_way());
        drop(second);
        assert!(turns.0.lock().is_empty());
    }
}
