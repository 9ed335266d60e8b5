//! A key that is retired at the worst moment.

use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use strongroom_crypto::{Random, RandomError};
use strongroom_vault::Vault;
use tokio::sync::oneshot;

use super::{snapshot, view};
use crate::{
    house::{caller, code},
    meeting::meeting,
};

/// What happens at the draw of so many.
type Event = Box<dyn FnOnce() + Send>;

/// A source of randomness in which something happens meanwhile.
struct Interrupted {
    random: Arc<dyn Random>,
    at: Mutex<Option<(u32, Event)>>,
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupted").finish_non_exhaustive()
    }
}

impl Random for Interrupted {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        let due = {
            let mut at = self.at.lock();
            if let Some((left, _)) = at.as_mut() {
                *left -= 1;
            }
            at.take_if(|(left, _)| *left == 0)
        };
        if let Some((_, event)) = due {
            event();
        }
        self.random.fill(buffer)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_encrypted_while_its_key_is_retired_is_neither_given_out_nor_kept() {
    let meeting = meeting().await;
    let (views, alice) = ([view(meeting.both())], meeting.alice);
    let key = alice.encryption_key().await;
    alice.vault.close().await.unwrap();
    let store = alice.house.store().await.unwrap();
    let mut environment = alice.house.environment(store);
    let random = Arc::new(Interrupted {
        random: environment.random,
        at: Mutex::new(None),
    });
    environment.random = Arc::<Interrupted>::clone(&random);
    let settings = alice.house.settings.clone();
    let vault = Arc::new(Vault::open(environment, settings).await.unwrap());
    let ((now, is_now), (done, is_done)) = (oneshot::channel(), mpsc::channel());
    let retiring = tokio::spawn({
        let vault = Arc::clone(&vault);
        async move {
            is_now.await.unwrap();
            vault.retire_key(&caller(), &key).await.unwrap();
            done.send(()).unwrap();
        }
    });
    // The first draw is the secret; at the second one it is encrypted, after the key was found to be in force.
    let retire: Event = Box::new(move || {
        now.send(()).unwrap();
        is_done.recv().unwrap();
    });
    *random.at.lock() = Some((2, retire));
    let session = vault.session_encryption();
    let refused = session.keys(&views, &snapshot(false)).await;
    assert_eq!(code(refused), "KEY_RETIRED");
    retiring.await.unwrap();
    assert_eq!(vault.session_encryption_numbers().sender_entries, 0);
    let refused = session.keys(&views, &snapshot(false)).await;
    assert_eq!(code(refused), "KEY_RETIRED");
}
