//! Tokens that were verified a short while ago: a token comes with each call, and not each call costs a verification.

use std::{collections::HashMap, fmt, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use strongroom_crypto::clock::Clock;

use super::claims::{Verified, seconds};

/// Tokens that are remembered.
const MOST: usize = 4096;

/// After that a token is verified again: its key may have been withdrawn.
const LONGEST: Duration = Duration::from_secs(60);

/// Verified tokens, by their hashes: who reads this memory finds none of them.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<[u8; 32], Entry>>);

struct Entry {
    verified: Verified,
    forgotten: Duration,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} tokens)", self.0.lock().len())
    }
}

impl Memory {
    pub(super) fn find(&self, token: &str, clock: &dyn Clock) -> Option<Verified> {
        let key = hash(token)?;
        let entries = self.0.lock();
        let entry = entries.get(&key)?;
        let good = seconds(clock.now()) < entry.verified.until && clock.elapsed() < entry.forgotten;
        good.then(|| entry.verified.clone())
    }

    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    pub(super) fn keep(&self, token: &str, verified: Verified, clock: &dyn Clock) {
        let Some(key) = hash(token) else { return };
        let (now, elapsed) = (seconds(clock.now()), clock.elapsed());
        let mut entries = self.0.lock();
        if entries.len() >= MOST {
            entries.retain(|_, entry| now < entry.verified.until && elapsed < entry.forgotten);
        }
        // Whoever has so many good tokens verifies each of them anew.
        if entries.len() < MOST {
            let forgotten = elapsed + LONGEST;
            entries.insert(
                key,
                Entry {
                    verified,
                    forgotten,
                },
            );
        }
    }
}

fn hash(token: &str) -> Option<[u8; 32]> {
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}
