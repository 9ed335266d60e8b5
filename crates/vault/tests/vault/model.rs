//! Any sequence of acts, interrupted anywhere between them, held against a model of what a vault is.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::{Just, Strategy},
    prop_oneof, proptest,
    sample::Index,
};
use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, Signature};
use strongroom_store::{Custody, KeyState, Sealing};
use strongroom_vault::{ExportForm, PublicKeyImport, Vault};

use crate::{
    histories::histories,
    house::{
        ALLOW_PROTOCOL, House, KeyPicture, Picture, all_keys, caller, code, encryption_key,
        foreign_key, settings, signing_key,
    },
};

#[derive(Clone, Debug)]
enum Step {
    Generate,
    GenerateToEncrypt,
    Import(u8),
    ImportPublic(u8),
    Delete(Index),
    Retire(Index),
    Seal(Index),
    Export(Index),
    Use(Index),
    /// New keys go there from the next opening on.
    Settle(Custody, Sealing),
    Reopen,
    /// The process dies; another one goes on with what is on the disk.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || proptest::arbitrary::any::<Index>();
    let step = prop_oneof![
        3 => Just(Step::Generate),
        1 => Just(Step::GenerateToEncrypt),
        1 => (0..3_u8).prop_map(Step::Import),
        1 => (0..3_u8).prop_map(Step::ImportPublic),
        2 => key().prop_map(Step::Delete),
        2 => key().prop_map(Step::Retire),
        2 => key().prop_map(Step::Seal),
        1 => key().prop_map(Step::Export),
        4 => key().prop_map(Step::Use),
        1 => prop_oneof![
            Just(Step::Settle(Custody::Clear, Sealing::DataKey)),
            Just(Step::Settle(Custody::Envelope, Sealing::DataKey)),
            Just(Step::Settle(Custody::Envelope, Sealing::Direct)),
        ],
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ];
    vec(step, 1..30)
}

/// What the vault should be.
#[derive(Default)]
struct Model {
    keys: BTreeMap<Fingerprint, ModelKey>,
    audit_records: u64,
}

struct ModelKey {
    is_for_signing: bool,
    half: Option<ModelHalf>,
    /// From when the key was active: it must stay verifiable and decryptable.
    history: Option<History>,
}

#[derive(Clone, Copy)]
struct ModelHalf {
    custody: Custody,
    sealing: Sealing,
    retired: bool,
    exposed: bool,
}

enum History {
    Signed(Signature),
    Encrypted(AsymmetricEncrypted),
}

/// The vault under test, the house that it is in now, and the model.
struct Run {
    house: House,
    vault: Option<Vault>,
    custody: Custody,
    sealing: Sealing,
    model: Model,
}

impl Run {
    async fn new() -> Self {
        let house = House::new();
        let vault = house.create().await;
        let model = Model {
            audit_records: 1,
            ..Model::default()
        };
        Self {
            house,
            vault: Some(vault),
            custody: Custody::Envelope,
            sealing: Sealing::DataKey,
            model,
        }
    }

    fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    /// The key that `index` means, if there is any.
    fn key(&self, index: &Index) -> Option<Fingerprint> {
        let keys: Vec<_> = self.model.keys.keys().copied().collect();
        (!keys.is_empty()).then(|| *index.get(&keys))
    }

    fn new_half(&self) -> ModelHalf {
        ModelHalf {
            custody: self.custody,
            sealing: match self.custody {
                Custody::Clear => Sealing::None,
                _ => self.sealing,
            },
            retired: false,
            exposed: self.custody == Custody::Clear,
        }
    }

    fn add(&mut self, key: Fingerprint, is_for_signing: bool, half: Option<ModelHalf>) {
        let added = ModelKey {
            is_for_signing,
            half,
            history: None,
        };
        self.model.keys.insert(key, added);
        self.model.audit_records += 1;
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Generate => {
                let key = signing_key(self.vault()).await;
                self.add(key, true, Some(self.new_half()));
            }
            Step::GenerateToEncrypt => {
                let key = encryption_key(self.vault()).await;
                self.add(key, false, Some(self.new_half()));
            }
            Step::Import(seed) => self.import(i64::from(*seed)).await,
            Step::ImportPublic(seed) => self.import_public(i64::from(*seed)).await,
            Step::Settle(custody, sealing) => (self.custody, self.sealing) = (*custody, *sealing),
            Step::Reopen => {
                self.vault.take().unwrap().close().await.unwrap();
                self.reopen().await;
            }
            Step::Crash => {
                let left = self.house.copy();
                drop(self.vault.take());
                self.house = left;
                self.reopen().await;
            }
            Step::Delete(index)
            | Step::Retire(index)
            | Step::Seal(index)
            | Step::Export(index)
            | Step::Use(index) => {
                if let Some(key) = self.key(index) {
                    self.step_on(step, key).await;
                }
            }
        }
        if matches!(step, Step::Settle(..)) {
            // Settings take effect when the vault is opened.
            self.vault.take().unwrap().close().await.unwrap();
            self.reopen().await;
        }
    }

    async fn reopen(&mut self) {
        self.house.settings = settings(self.custody, self.sealing);
        self.vault = Some(self.house.open().await);
        self.check().await;
    }

    async fn import(&mut self, seed: i64) {
        let import = foreign_key(seed);
        let key = import.public.fingerprint();
        self.vault().import_key(&caller(), import).await.unwrap();
        let half = self.new_half();
        match self.model.keys.get_mut(&key) {
            None => self.add(key, true, Some(half)),
            Some(known) if known.half.is_none() => {
                known.half = Some(half);
                self.model.audit_records += 1;
            }
            Some(_) => {}
        }
    }

    async fn import_public(&mut self, seed: i64) {
        let public = foreign_key(seed).public;
        let key = public.fingerprint();
        let import = PublicKeyImport { public, name: None };
        self.vault()
            .import_public_key(&caller(), import)
            .await
            .unwrap();
        if !self.model.keys.contains_key(&key) {
            self.add(key, true, None);
        }
    }

    async fn step_on(&mut self, step: &Step, key: Fingerprint) {
        let (vault, caller) = (self.vault.as_ref().unwrap(), &caller());
        let known = self.model.keys.get_mut(&key).unwrap();
        let records = match step {
            Step::Delete(_) => {
                vault.delete_key(caller, &key).await.unwrap();
                self.model.keys.remove(&key);
                1
            }
            Step::Use(_) => {
                use_key(vault, &key, known).await;
                0
            }
            _ if known.half.is_none() => {
                let refused = match step {
                    Step::Retire(_) => code(vault.retire_key(caller, &key).await),
                    Step::Seal(_) => code(vault.seal_clear_key(caller, &key).await),
                    _ => code(vault.export_key(caller, &key, &ExportForm::Pkcs8Der).await),
                };
                assert_eq!(refused, "NO_PRIVATE_KEY");
                0
            }
            Step::Retire(_) => {
                vault.retire_key(caller, &key).await.unwrap();
                let half = known.half.as_mut().unwrap();
                u64::from(!std::mem::replace(&mut half.retired, true))
            }
            Step::Seal(_) => {
                vault.seal_clear_key(caller, &key).await.unwrap();
                let half = known.half.as_mut().unwrap();
                let was_clear = half.custody == Custody::Clear;
                if was_clear {
                    half.custody = Custody::Envelope;
                    half.sealing = self.sealing;
                }
                u64::from(was_clear)
            }
            _ => {
                let form = ExportForm::Pkcs8Der;
                vault.export_key(caller, &key, &form).await.unwrap();
                1
            }
        };
        self.model.audit_records += records;
    }

    /// The vault is what the model says; every private key opens, and the audit chain holds.
    async fn check(&self) {
        let vault = self.vault();
        let picture = Picture::of(vault).await;
        assert_eq!(picture.audit_records, self.model.audit_records);
        assert!(picture.keys.keys().eq(self.model.keys.keys()));
        for (key, model) in &self.model.keys {
            let KeyPicture {
                private, usages, ..
            } = &picture.keys[key];
            assert_eq!(usages.is_some(), model.is_for_signing);
            let found = private.as_ref().map(|half| {
                let retired = half.state == KeyState::Retired;
                (half.custody, half.sealing, retired, half.exposed)
            });
            let expected = model
                .half
                .map(|half| (half.custody, half.sealing, half.retired, half.exposed));
            assert_eq!(found, expected, "{key}");
            check_history(vault, model).await;
        }
        assert_eq!(all_keys(vault).len(), self.model.keys.len());
    }
}

/// An active key signs or is encrypted to; a retired one never; a public one alone signs nothing.
async fn use_key(vault: &Vault, key: &Fingerprint, known: &mut ModelKey) {
    if known.is_for_signing {
        let signed = vault.sign(key, b"message", ALLOW_PROTOCOL).await;
        match known.half {
            None => assert_eq!(code(signed), "NO_PRIVATE_KEY"),
            Some(half) if half.retired => assert_eq!(code(signed), "KEY_RETIRED"),
            Some(_) => known.history = Some(History::Signed(signed.unwrap())),
        }
    } else {
        let encrypted = vault.encrypt(key, b"message");
        match known.half {
            Some(half) if half.retired => assert_eq!(code(encrypted), "KEY_RETIRED"),
            _ => known.history = Some(History::Encrypted(encrypted.unwrap())),
        }
    }
}

async fn check_history(vault: &Vault, model: &ModelKey) {
    match &model.history {
        None => {}
        Some(History::Signed(signature)) => {
            vault.verify(b"message", signature, ALLOW_PROTOCOL).unwrap()
        }
        Some(History::Encrypted(encrypted)) => drop(vault.decrypt(encrypted).await.unwrap()),
    }
}

async fn follow(steps: &[Step]) {
    let mut run = Run::new().await;
    for step in steps {
        run.step(step).await;
    }
    run.check().await;
    run.step(&Step::Crash).await;
    run.step(&Step::Reopen).await;
}

#[test]
fn any_sequence_of_acts_reopenings_and_crashes_leaves_what_the_model_says() {
    let (config, _called) = histories(40);
    proptest!(config, |(steps in steps())| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(follow(&steps));
    });
}
