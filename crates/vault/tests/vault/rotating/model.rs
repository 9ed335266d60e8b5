//! Any sequence of making, moving, retiring and deleting keys, of rotations of the wrapper key, backups and restores, each
//! interrupted anywhere, held against a model of what must be true all the while.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::{
    collection::vec,
    option,
    prelude::{Just, ProptestConfig, Strategy, any},
    prop_oneof, proptest,
    sample::Index,
    test_runner::RngSeed,
};
use strongroom_backup::BackupStore;
use strongroom_crypto::{AsymmetricEncrypted, Fingerprint};
use strongroom_kms::KmsKeyId;
use strongroom_kms_local::KeyKind;
use strongroom_store::{Sealing, StoreError};
use strongroom_test_support::store::FlakyStore;
use strongroom_vault::{KeyEntry, Place, Vault};

use super::{in_small_steps, rotate};
use crate::{
    backups::restore,
    faults::store::open_over,
    house::{House, all_keys, caller, code, sign},
};

/// How often something was seen, so that a model in which nothing happens is noticed.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
static INTERRUPTED: AtomicUsize = AtomicUsize::new(0);
static RESTORED: AtomicUsize = AtomicUsize::new(0);
static IN_KMS: AtomicUsize = AtomicUsize::new(0);

fn seen(what: &AtomicUsize, times: usize) {
    what.fetch_add(times, Ordering::Relaxed);
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Generate,
    GenerateToEncrypt,
    Retire(u16),
    Delete(u16),
    Bring(u16),
    TakeBack(u16),
    DropCopy(u16),
    /// Begins a rotation of the wrapper key, or goes on with it.
    Rotate,
    Prune,
    BackUp,
}

#[derive(Clone, Debug)]
enum Step {
    /// An act; the store fails at this call of it, if that is said, and the process dies.
    Do(Act, Option<usize>),
    Reopen,
    /// The process dies; another one goes on with what is on the disk.
    Crash,
    /// The database is gone, and the last backup takes its place.
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || any::<Index>().prop_map(|index| u16::try_from(index.index(1000)).unwrap());
    let act = prop_oneof![
        4 => Just(Act::Generate),
        1 => Just(Act::GenerateToEncrypt),
        1 => key().prop_map(Act::Retire),
        1 => key().prop_map(Act::Delete),
        3 => key().prop_map(Act::Bring),
        2 => key().prop_map(Act::TakeBack),
        2 => key().prop_map(Act::DropCopy),
        2 => Just(Act::Prune),
        2 => Just(Act::BackUp),
    ];
    // Most acts make a dozen calls, a rotation seventy.
    let act = (act, option::weighted(0.4, 1..14_usize));
    let rotate = (Just(Act::Rotate), option::weighted(0.7, 1..70_usize));
    let step = prop_oneof![
        10 => act.prop_map(|(act, call)| Step::Do(act, call)),
        4 => rotate.prop_map(|(act, call)| Step::Do(act, call)),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
        1 => Just(Step::Restore),
    ];
    vec(step, 10..25)
}

/// What is known of a key.
#[derive(Clone, Debug)]
struct Known {
    /// None for one that signs.
    history: Option<AsymmetricEncrypted>,
    retired: bool,
}

type Model = BTreeMap<Fingerprint, Known>;

struct Run {
    house: House,
    store: Arc<FlakyStore>,
    vault: Option<Vault>,
    model: Model,
    /// The last backup, and what it is a backup of.
    backup: Option<(BackupStore, Model)>,
}

impl Run {
    async fn new() -> Self {
        let house = House::new().with_settings(in_small_steps(Sealing::DataKey));
        house.create().await.close().await.unwrap();
        let (store, vault) = open(&house).await;
        Self {
            house,
            store,
            vault: Some(vault),
            model: Model::new(),
            backup: None,
        }
    }

    fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    fn key(&self, number: u16) -> Option<Fingerprint> {
        let place = usize::from(number).checked_rem(self.model.len())?;
        self.model.keys().nth(place).copied()
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Do(act, None) => {
                self.run(*act).await;
                self.learn(*act).await;
            }
            Step::Do(act, Some(call)) => {
                let failure = || StoreError::Io {
                    operation: "do that",
                    source: "on purpose".into(),
                };
                self.store.hook().fail_call(*call, failure);
                self.run(*act).await;
                seen(&INTERRUPTED, usize::from(self.store.hook().has_struck()));
                self.store.hook().disarm();
                self.die().await;
                self.learn(*act).await;
            }
            Step::Reopen => {
                self.vault.take().unwrap().close().await.unwrap();
                self.reopen().await;
            }
            Step::Crash => self.die().await,
            Step::Restore => self.restore().await,
        }
        self.check().await;
    }

    /// Whether it is done is seen afterwards: what failed may have been done, and what was refused was not.
    async fn run(&self, act: Act) {
        let (vault, caller) = (self.vault(), &caller());
        let of = |number| self.key(number);
        match act {
            Act::Generate => drop(
                vault
                    .generate_signing_key(caller, crate::house::new_protocol_key())
                    .await,
            ),
            Act::GenerateToEncrypt => {
                let new = strongroom_vault::NewEncryptionKey {
                    spec: strongroom_crypto::EncryptionKeySpec::EcP256,
                    name: None,
                };
                drop(vault.generate_encryption_key(caller, new).await);
            }
            Act::Retire(number) => {
                if let Some(key) = of(number) {
                    drop(vault.retire_key(caller, &key).await);
                }
            }
            // What the KMS holds stays there: a backup may bring the key back.
            Act::Delete(number) => {
                if let Some(key) = of(number) {
                    let held = vault.key(&key).unwrap().is_held_by_kms();
                    if held {
                        drop(vault.release_key(caller, &key).await);
                    } else {
                        drop(vault.delete_key(caller, &key).await);
                    }
                }
            }
            Act::Bring(number) => {
                if let Some(key) = of(number) {
                    let place = Place::External { kms: None };
                    drop(vault.migrate_key(caller, &key, &place).await);
                }
            }
            Act::TakeBack(number) => {
                if let Some(key) = of(number) {
                    drop(vault.migrate_key(caller, &key, &Place::Envelope).await);
                }
            }
            Act::DropCopy(number) => {
                if let Some(key) = of(number) {
                    drop(vault.drop_copy(caller, &key).await);
                }
            }
            Act::Rotate => drop(rotate(vault).await),
            Act::Prune => {
                let needed = vault.data_keys_of_backups();
                drop(vault.prune_data_keys(caller, &needed).await);
            }
            Act::BackUp => {
                let _ = fs::remove_file(crate::backups::file_of(&self.house));
                drop(crate::backups::try_back_up(&self.house, vault).await);
            }
        }
    }

    /// Takes over into the model what only the act may have changed.
    async fn learn(&mut self, act: Act) {
        let vault = self.vault.as_ref().unwrap();
        match act {
            Act::Generate | Act::GenerateToEncrypt => {
                for entry in all_keys(vault) {
                    let key = entry.fingerprint();
                    if self.model.contains_key(&key) {
                        continue;
                    }
                    let encrypts = entry.usages().is_none();
                    let history = encrypts.then(|| vault.encrypt(&key, b"history").unwrap());
                    let retired = false;
                    self.model.insert(key, Known { history, retired });
                }
            }
            Act::Retire(number) => {
                if let Some(key) = self.key(number) {
                    let entry = vault.key(&key).unwrap();
                    let half = entry.private.as_ref().unwrap();
                    let retired = half.state == strongroom_store::KeyState::Retired;
                    self.model.get_mut(&key).unwrap().retired |= retired;
                }
            }
            Act::Delete(number) => {
                if let Some(key) = self.key(number)
                    && vault.key(&key).is_err()
                {
                    self.model.remove(&key);
                }
            }
            Act::BackUp => {
                let file = crate::backups::file_of(&self.house);
                if let Ok(file) = fs::File::open(file)
                    && let Ok(backup) = BackupStore::read(file)
                {
                    self.backup = Some((backup, self.model.clone()));
                }
            }
            _ => {}
        }
    }

    async fn die(&mut self) {
        let left = self.house.copy();
        drop(self.vault.take());
        self.house = left;
        self.reopen().await;
    }

    async fn reopen(&mut self) {
        let (store, vault) = open(&self.house).await;
        (self.store, self.vault) = (store, Some(vault));
    }

    async fn restore(&mut self) {
        let Some((backup, model)) = self.backup.clone() else {
            return;
        };
        self.vault.take().unwrap().close().await.unwrap();
        // A copy: nothing is left there that would be a newer vault.
        self.house = self.house.copy();
        fs::remove_dir_all(self.house.vault_folder()).unwrap();
        let restored = restore(&self.house, &backup, true).await.unwrap();
        for key in model.iter().filter(|(_, known)| known.history.is_none()) {
            let refused = sign(&restored.vault, key.0).await;
            assert_eq!(code(refused), "VAULT_IN_QUARANTINE");
        }
        restored.vault.release(&caller()).await.unwrap();
        restored.vault.close().await.unwrap();
        self.model = model;
        seen(&RESTORED, 1);
        self.reopen().await;
    }

    /// Every live key opens and does its work, a retired one signs nothing, and the old wrapper key is the one in force until
    /// every row has moved.
    async fn check(&self) {
        let vault = self.vault();
        let found: Vec<_> = all_keys(vault)
            .iter()
            .map(|key| key.fingerprint())
            .collect();
        assert!(self.model.keys().all(|key| found.contains(key)));
        assert_eq!(found.len(), self.model.len());
        for (key, known) in &self.model {
            match &known.history {
                Some(history) => {
                    let opened = vault.decrypt(history).await.unwrap();
                    assert_eq!(opened.expose(), b"history");
                }
                None if known.retired => assert_eq!(code(sign(vault, key).await), "KEY_RETIRED"),
                None => sign(vault, key).await.unwrap(),
            }
        }
        let held = all_keys(vault)
            .iter()
            .filter(|key| key.is_held_by_kms())
            .count();
        seen(&IN_KMS, held);
        if let Some(rotation) = vault.wrapper_key_rotation() {
            seen(&UNDER_WAY, 1);
            let in_force = vault.opening().wrapper_key_id;
            assert!(rotation.goes.iter().any(|(_, id)| *id == in_force));
            assert!(rotation.comes.iter().all(|(_, id)| *id != in_force));
        }
    }
}

impl Run {
    /// Every key that the KMS still has is one of the vault, or is found as an orphan.
    async fn check_kms(&self) {
        let orphans = self.vault().find_orphans().await.unwrap();
        let entries = all_keys(self.vault());
        let held = |id: &KmsKeyId| entries.iter().any(|entry| is_held(entry, id));
        let found = |id: &KmsKeyId| orphans.found.iter().any(|orphan| orphan.key.id == *id);
        for key in self.house.kms.list_keys() {
            let is_alive = key.state.is_usable() && key.kind != KeyKind::Wrapper;
            let id = &key.id;
            assert!(!is_alive || held(id) || found(id), "nobody knows of {id}");
            assert!(!(held(id) && found(id)), "{id} is ours and an orphan");
        }
    }
}

fn is_held(entry: &KeyEntry, id: &KmsKeyId) -> bool {
    let half = entry.private.as_ref();
    let held = half.and_then(|half| half.external.as_ref());
    held.is_some_and(|held| held.key_id == id.as_str())
}

async fn open(house: &House) -> (Arc<FlakyStore>, Vault) {
    let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
    let vault = open_over(house, Arc::<FlakyStore>::clone(&store)).await;
    (store, vault)
}

async fn follow(steps: &[Step]) {
    let mut run = Run::new().await;
    // Enough of them that they do not move in one commit.
    for _ in 0..5 {
        run.step(&Step::Do(Act::Generate, None)).await;
    }
    for step in steps {
        run.step(step).await;
    }
    // Whatever was begun can be ended, and what is left is a sound vault.
    run.step(&Step::Do(Act::Rotate, None)).await;
    assert_eq!(run.vault().wrapper_key_rotation(), None);
    run.step(&Step::Reopen).await;
    let inspection = run.vault().inspect(|_, _| {}).await.unwrap();
    assert!(inspection.broken.is_empty(), "{inspection:?}");
    run.check_kms().await;
}

#[test]
fn any_sequence_of_rotations_moves_backups_and_crashes_keeps_every_key() {
    let config = ProptestConfig {
        cases: 48,
        // The counts below are those of these sequences.
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps())| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(follow(&steps));
    });
    let [under_way, interrupted, restored, in_kms] =
        [&UNDER_WAY, &INTERRUPTED, &RESTORED, &IN_KMS].map(|seen| seen.load(Ordering::Relaxed));
    tell!(
        "{interrupted} acts interrupted; looked {under_way} times in the middle of a rotation and at {in_kms} keys in \
         the KMS; {restored} restores"
    );
    assert!(
        [under_way, interrupted, restored, in_kms]
            .iter()
            .all(|times| *times > 2)
    );
}
