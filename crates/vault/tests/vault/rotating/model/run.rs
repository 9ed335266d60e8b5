//! A vault, what is known of it, and what is done to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use strongroom_backup::BackupStore;
use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionKeySpec, Fingerprint, KeyUsage, KeyUsages, SigningKeySpec,
};
use strongroom_errors::Coded as _;
use strongroom_kms::KmsProvider as _;
use strongroom_kms_local::LocalKms;
use strongroom_store::{Custody, KeyState, Sealing, StoreError};
use strongroom_test_support::{kms::FlakyKms, store::FlakyStore};
use strongroom_vault::{
    Backup, Environment, KeyEntry, NamedKms, NamedWrapper, NewEncryptionKey, NewSigningKey, Place,
    Rotate, Settings, Vault, VaultError,
};

use super::{Act, Seen, Step, Strike, seen};
use crate::{
    backups::{file_of, try_back_up},
    house::{House, KMS_NAME, all_keys, caller, new_protocol_key},
    rotating::{in_small_steps, rotate},
    topology::{PATIENT, participant},
};

/// So many backups are kept.
const BACKUPS: usize = 3;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// None for one that signs.
    pub(super) history: Option<AsymmetricEncrypted>,
    pub(super) retired: bool,
}

pub(super) type Model = BTreeMap<Fingerprint, Known>;

/// A backup, and what it is a backup of.
pub(super) struct Kept {
    pub(super) backup: BackupStore,
    known_as: Backup,
    pub(super) model: Model,
}

pub(super) struct Run {
    pub(super) house: House,
    /// The house that has the key file of the KMS, once the vault has moved out of it.
    first: Option<House>,
    store: Arc<FlakyStore>,
    kms: FlakyKms,
    pub(super) vault: Option<Vault>,
    pub(super) model: Model,
    /// Whatever was restored since: they never sign again.
    pub(super) retired: BTreeSet<Fingerprint>,
    /// Oldest first.
    pub(super) backups: Vec<Kept>,
    /// What the rows of readable keys held, whenever there were any.
    pub(super) readable: BTreeMap<Fingerprint, Vec<u8>>,
    /// Wrapper keys of a time that was given up by a restore: none of them comes back by itself.
    pub(super) given_up: usize,
}

/// Keys that authenticate the node to sequencers are stored readable.
fn settings() -> Settings {
    let mut settings = in_small_steps(Sealing::DataKey);
    settings.custody.by_usage = vec![(KeyUsage::SequencerAuthentication, Custody::Clear)];
    settings
}

fn readable_key() -> NewSigningKey {
    NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::try_new([KeyUsage::SequencerAuthentication]).unwrap(),
        name: None,
    }
}

impl Run {
    pub(super) async fn new() -> Self {
        let house = House::new().with_settings(settings());
        let vault = house.create().await;
        vault.initialize(&caller(), &participant()).await.unwrap();
        vault.close().await.unwrap();
        let (store, kms, vault) = open(&house).await;
        let mut run = Self {
            house,
            first: None,
            store,
            kms,
            vault: Some(vault),
            model: Model::new(),
            retired: BTreeSet::new(),
            backups: Vec::new(),
            readable: BTreeMap::new(),
            given_up: 0,
        };
        run.learn_of_new_keys();
        run
    }

    pub(super) fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    fn key(&self, number: u16) -> Option<Fingerprint> {
        let place = usize::from(number).checked_rem(self.model.len())?;
        self.model.keys().nth(place).copied()
    }

    pub(super) async fn step(&mut self, step: &Step) {
        match step {
            Step::Do(act, strike) => self.act(*act, *strike).await,
            Step::Reopen => {
                self.vault.take().unwrap().close().await.unwrap();
                self.check_traces("closed");
                self.reopen().await;
            }
            Step::Crash => self.die().await,
            Step::Restore {
                retires,
                before,
                strike,
            } => {
                if let Some(number) = retires {
                    self.act(Act::Retire(*number), None).await;
                }
                self.restore(usize::from(*before), *strike).await;
            }
        }
        self.check().await;
    }

    async fn act(&mut self, act: Act, strike: Option<Strike>) {
        let leaving = self.vault().rotations();
        let leaving: Vec<_> = leaving.iter().map(|rotation| rotation.old).collect();
        let was_exposed = self.moved_by(act).is_some_and(|key| self.is_exposed(&key));
        let was_readable = self
            .moved_by(act)
            .is_some_and(|key| self.vault().clear_keys().contains(&key));
        let calls = self.kms.calls();
        arm(strike, &self.store, &self.kms);
        let outcome = self.run(act).await;
        if let Some(Strike::Kms(call, _)) = strike {
            seen(
                Seen::KmsFailed,
                usize::from(self.kms.calls() - calls >= call),
            );
        }
        if matches!(strike, Some(Strike::Store(_))) {
            seen(
                Seen::StoreFailed,
                usize::from(self.store.hook().has_struck()),
            );
        }
        self.store.hook().disarm();
        self.kms.heal();
        if was_exposed && outcome.is_ok() {
            self.check_traces("moved");
            seen(Seen::LeftClear, usize::from(was_readable));
        }
        if matches!(strike, Some(Strike::Store(_))) {
            self.die().await;
        }
        self.learn(act, &leaving);
    }

    /// The key that an act takes out of custody `clear`, if it was there.
    fn moved_by(&self, act: Act) -> Option<Fingerprint> {
        match act {
            Act::Bring(number) | Act::Seal(number) => self.key(number),
            _ => None,
        }
    }

    fn is_exposed(&self, key: &Fingerprint) -> bool {
        let entry = self.vault().key(key).unwrap();
        entry.private.as_ref().is_some_and(|half| half.exposed)
    }

    /// What is refused or fails is not done, or is: what it was is seen afterwards.
    async fn run(&mut self, act: Act) -> Result<(), VaultError> {
        let (vault, caller) = (self.vault.as_ref().unwrap(), &caller());
        match act {
            Act::Generate => {
                let made = vault.generate_signing_key(caller, new_protocol_key());
                made.await.map(drop)
            }
            Act::GenerateClear => {
                let made = vault.generate_signing_key(caller, readable_key());
                made.await.map(drop)
            }
            Act::GenerateToEncrypt => {
                let new = NewEncryptionKey {
                    spec: EncryptionKeySpec::EcP256,
                    name: None,
                };
                vault.generate_encryption_key(caller, new).await.map(drop)
            }
            Act::Rotate => rotate(vault).await.map(drop),
            Act::Prune => self.prune().await,
            Act::BackUp => self.back_up().await,
            Act::BeginNodeRotation { to_kms } => {
                let place = to_kms.then_some(Place::External { kms: None });
                let all = Rotate::All { place };
                vault.begin_rotation(caller, all).await.map(drop)
            }
            Act::AdvanceNodeRotation => match vault.advance_rotation(caller, &PATIENT).await {
                // Somebody retired the key that comes, or withdrew it.
                Err(error) if ["KEY_RETIRED", "ROTATION_STALE"].contains(&error.code().name()) => {
                    vault.abandon_rotations(caller).await.map(drop)
                }
                advanced => advanced.map(drop),
            },
            Act::Retire(number)
            | Act::Delete(number)
            | Act::Bring(number)
            | Act::Seal(number)
            | Act::Reveal(number)
            | Act::DropCopy(number) => match self.key(number) {
                Some(key) => self.run_with(act, &key).await,
                None => Ok(()),
            },
        }
    }

    async fn run_with(&self, act: Act, key: &Fingerprint) -> Result<(), VaultError> {
        let (vault, caller) = (self.vault(), &caller());
        let to = |place| async move { vault.migrate_key(caller, key, &place).await.map(drop) };
        let entry = vault.key(key)?;
        match act {
            // Without it nothing of the node could be announced any more.
            Act::Retire(_) if is_of_namespace(&entry) => Ok(()),
            Act::Retire(_) => vault.retire_key(caller, key).await.map(drop),
            // What the KMS holds stays there: a backup may bring the key back.
            Act::Delete(_) if entry.is_held_by_kms() => {
                vault.release_key(caller, key).await.map(drop)
            }
            Act::Delete(_) => vault.delete_key(caller, key).await,
            Act::Bring(_) => to(Place::External { kms: None }).await,
            Act::Seal(_) => to(Place::Envelope).await,
            Act::Reveal(_) => to(Place::Clear).await,
            Act::DropCopy(_) => vault.drop_copy(caller, key).await.map(drop),
            other => panic!("{other:?} is about no key"),
        }
    }

    async fn prune(&self) -> Result<(), VaultError> {
        let vault = self.vault();
        // Also those that a restored vault does not know.
        let kept = self.backups.iter().flat_map(|kept| &kept.known_as.needs);
        let mut needed = vault.data_keys_of_backups();
        needed.extend(kept);
        let pruned = vault.prune_data_keys(&caller(), &needed).await?;
        seen(Seen::Pruned, pruned.len());
        Ok(())
    }

    async fn back_up(&mut self) -> Result<(), VaultError> {
        let vault = self.vault.as_ref().unwrap();
        // Only those that are kept hold a data key back.
        for known in vault.backups() {
            let is_it = |kept: &Kept| kept.known_as.id == known.id;
            if !self.backups.iter().any(is_it) {
                vault.forget_backup(&caller(), known.id).await?;
            }
        }
        let _ = fs::remove_file(file_of(&self.house));
        let made = try_back_up(&self.house, vault).await?;
        let file = fs::File::open(file_of(&self.house)).unwrap();
        self.backups.push(Kept {
            backup: BackupStore::read(file).unwrap(),
            known_as: made.backup,
            model: self.model.clone(),
        });
        let surplus = self.backups.len().saturating_sub(BACKUPS);
        self.backups.drain(..surplus);
        Ok(())
    }

    /// Takes over into the model what only the act may have changed.
    fn learn(&mut self, act: Act, leaving: &[Fingerprint]) {
        match act {
            Act::Generate
            | Act::GenerateClear
            | Act::GenerateToEncrypt
            | Act::BeginNodeRotation { .. } => self.learn_of_new_keys(),
            Act::Retire(number) => {
                if let Some(key) = self.key(number) {
                    self.learn_of_retired(&key);
                }
            }
            Act::AdvanceNodeRotation => {
                let retired = leaving.iter().map(|key| self.learn_of_retired(key));
                seen(Seen::NodeKeyRetired, retired.filter(|is| *is).count());
            }
            Act::Delete(number) => {
                if let Some(key) = self.key(number)
                    && self.vault().key(&key).is_err()
                {
                    self.model.remove(&key);
                }
            }
            _ => {}
        }
    }

    pub(super) fn learn_of_new_keys(&mut self) {
        let vault = self.vault.as_ref().unwrap();
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

    /// Whether it was retired now. No act makes a retired key active again.
    fn learn_of_retired(&mut self, key: &Fingerprint) -> bool {
        let entry = self.vault.as_ref().unwrap().key(key).unwrap();
        let half = entry.private.as_ref().unwrap();
        let is_retired = half.state == KeyState::Retired;
        let known = self.model.get_mut(key).unwrap();
        let is_news = is_retired && !known.retired;
        known.retired |= is_retired;
        if is_retired {
            self.retired.insert(*key);
        }
        is_news
    }

    async fn die(&mut self) {
        let left = self.house.copy();
        drop(self.vault.take());
        self.move_to(left);
        self.reopen().await;
    }

    pub(super) fn move_to(&mut self, house: House) {
        let left = std::mem::replace(&mut self.house, house);
        self.first.get_or_insert(left);
    }

    pub(super) async fn reopen(&mut self) {
        let (store, kms, vault) = open(&self.house).await;
        (self.store, self.kms, self.vault) = (store, kms, Some(vault));
    }
}

fn is_of_namespace(entry: &KeyEntry) -> bool {
    let usages = entry.usages();
    usages.is_some_and(|usages| usages.contains(KeyUsage::Namespace))
}

async fn open(house: &House) -> (Arc<FlakyStore>, FlakyKms, Vault) {
    let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let environment = environment(house, &store, &kms);
    let vault = Vault::open(environment, house.settings.clone()).await;
    (store, kms, vault.unwrap())
}

pub(super) fn environment(house: &House, store: &Arc<FlakyStore>, kms: &FlakyKms) -> Environment {
    Environment {
        wrappers: vec![NamedWrapper {
            name: KMS_NAME.to_owned(),
            wrapper: kms.key_wrapper().unwrap(),
        }],
        kms: vec![NamedKms {
            name: KMS_NAME.to_owned(),
            provider: Arc::new(kms.clone()),
        }],
        ..house.environment(Arc::<FlakyStore>::clone(store))
    }
}

/// From now on this comes between.
pub(super) fn arm(strike: Option<Strike>, store: &FlakyStore, kms: &FlakyKms) {
    match strike {
        None => {}
        Some(Strike::Store(call)) => store.hook().fail_call(call, || StoreError::Io {
            operation: "do that",
            source: "on purpose".into(),
        }),
        Some(Strike::Kms(call, fault)) => kms.fail_at(call, fault),
    }
}
