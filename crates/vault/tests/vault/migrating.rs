//! Moving private keys to another place, with the same identity.

#[path = "migrating/copies.rs"]
mod copies;
#[path = "migrating/crashes.rs"]
mod crashes;
#[path = "migrating/faults.rs"]
mod faults;
#[path = "migrating/provers.rs"]
mod provers;
#[path = "migrating/together.rs"]
mod together;
#[path = "migrating/twice.rs"]
mod twice;

use std::collections::BTreeSet;

use strongroom_crypto::{
    AsymmetricEncrypted, EncryptionKeySpec, Fingerprint, KeySpec, SigningKeySpec,
};
use strongroom_kms::{KmsKeyId, KmsOperation};
use strongroom_kms_local::KeyKind;
use strongroom_store::{Custody, KeyState, Sealing};
use strongroom_vault::{
    AuditOperation, Move, NewEncryptionKey, NewSigningKey, Place, Rotate, Settings, Vault,
    VaultError,
};

use crate::{
    house::{
        House, KMS_NAME, Picture, all_keys, caller, check_signs, code, encryption_key, name,
        protocol, settings, signing_key,
    },
    topology::{announced_keys, node},
};

const IN_KMS: Place = Place::External { kms: None };
const HISTORY: &[u8] = b"what only the decryption key tells";

/// What is to be done with every key of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Sealed keys are brought into the KMS.
    Bring,
    /// Readable keys are brought into the KMS.
    BringReadable,
    /// Readable keys are sealed.
    Seal,
    /// Sealed keys are stored readable.
    Unseal,
    /// Keys in the KMS are taken back from the copy that is still here.
    TakeBack,
    /// The copies of keys in the KMS are given up.
    Drop,
}

impl Act {
    pub(crate) const ALL: [Self; 6] = [
        Self::Bring,
        Self::BringReadable,
        Self::Seal,
        Self::Unseal,
        Self::TakeBack,
        Self::Drop,
    ];

    /// Under which it is done, and would not be undone by the next start.
    pub(crate) fn settings(self) -> Settings {
        let custody = match self {
            Self::Unseal | Self::BringReadable => Custody::Clear,
            _ => Custody::Envelope,
        };
        settings(custody, Sealing::DataKey)
    }

    /// Under which the keys are made.
    pub(crate) fn first_settings(self) -> Settings {
        let custody = match self {
            Self::Seal | Self::BringReadable => Custody::Clear,
            _ => Custody::Envelope,
        };
        settings(custody, Sealing::DataKey)
    }

    /// Whether it is done to keys that are in the KMS already.
    pub(crate) const fn needs_keys_in_kms(self) -> bool {
        matches!(self, Self::TakeBack | Self::Drop)
    }

    pub(crate) fn place(self) -> Place {
        match self {
            Self::Bring | Self::BringReadable | Self::Drop => IN_KMS,
            Self::Seal | Self::TakeBack => Place::Envelope,
            Self::Unseal => Place::Clear,
        }
    }

    const fn takes_readable_keys_away(self) -> bool {
        matches!(self, Self::BringReadable | Self::Seal)
    }

    /// Does it, or goes on with it.
    pub(crate) async fn run(self, vault: &Vault) -> Result<(), VaultError> {
        for key in all_keys(vault) {
            let key = key.fingerprint();
            if self == Self::Drop {
                if vault.copied_keys().contains(&key) {
                    vault.drop_copy(&caller(), &key).await?;
                }
            } else {
                vault.migrate_key(&caller(), &key, &self.place()).await?;
            }
        }
        Ok(())
    }
}

/// A closed vault with keys to move: one signs, one decrypts, one is retired.
struct Estate {
    house: House,
    act: Act,
    signing: Fingerprint,
    retired: Fingerprint,
    history: AsymmetricEncrypted,
    /// What must not stand in the database when it is done.
    readable: Vec<Vec<u8>>,
}

impl Estate {
    async fn for_act(act: Act) -> Self {
        Self::in_house(House::new(), act).await
    }

    async fn in_house(house: House, act: Act) -> Self {
        let house = house.with_settings(act.first_settings());
        let vault = house.create().await;
        let (signing, encryption) = (signing_key(&vault).await, encryption_key(&vault).await);
        let retired = signing_key(&vault).await;
        vault.retire_key(&caller(), &retired).await.unwrap();
        let history = vault.encrypt(&encryption, HISTORY).unwrap();
        if act.needs_keys_in_kms() {
            Act::Bring.run(&vault).await.unwrap();
        }
        vault.close().await.unwrap();
        let house = house.with_settings(act.settings());
        let readable = if act.takes_readable_keys_away() {
            house.stored_keys()
        } else {
            Vec::new()
        };
        Self {
            house,
            act,
            signing,
            retired,
            history,
            readable,
        }
    }

    /// What a crash at this moment would leave, with a KMS of its own.
    fn copy(&self) -> House {
        self.house.copy_with_key_file().with_key_file_again()
    }

    /// Every key does what it did, and no other.
    async fn check(&self, vault: &Vault, when: &str) {
        check_signs(vault, &self.signing).await;
        let decrypted = vault.decrypt(&self.history).await.unwrap();
        assert_eq!(decrypted.expose(), HISTORY, "{when}");
        let refused = crate::house::sign(vault, &self.retired).await;
        assert_eq!(code(refused), "KEY_RETIRED", "{when}");
        let inspection = vault.inspect(|_, _| {}).await.unwrap();
        assert!(inspection.broken.is_empty(), "{when}: {inspection:?}");
        assert_eq!(vault.key_count(), 3, "{when}");
        if self.act.takes_readable_keys_away() {
            // Where it was readable a copy may be left, wherever it is now: only a new key helps.
            let keys = all_keys(vault);
            let mut halves = keys.iter().filter_map(|key| key.private.as_ref());
            assert!(halves.all(|half| half.exposed), "{when}");
        }
        Picture::of(vault).await;
    }

    /// Of a key that is not stored readable any more nothing readable is left, though the process that took it away died: opening the
    /// vault ended that.
    fn check_traces(&self, house: &House, when: &str) {
        if self.readable.is_empty() {
            return;
        }
        let rows = house.stored_keys();
        for key in self.readable.iter().filter(|key| !rows.contains(key)) {
            let found = house.holds(key);
            assert!(!found, "{when}: a readable key is still in the files");
        }
    }

    /// The act is done: every key is where it was to be, and nothing is left of where it was.
    async fn check_done(&self, vault: Vault, house: &House, when: &str) {
        self.check(&vault, when).await;
        for key in all_keys(&vault) {
            let half = key.private.as_ref().unwrap();
            assert_eq!(half.custody, self.act.place().custody(), "{when}");
            let copied = matches!(self.act, Act::Bring | Act::BringReadable);
            assert_eq!(half.has_copy(), copied, "{when}");
            let was_readable = self.act.takes_readable_keys_away() || self.act == Act::Unseal;
            assert_eq!(half.exposed, was_readable, "{when}");
        }
        check_kms(&vault, house, when).await;
        vault.close().await.unwrap();
        for key in &self.readable {
            let found = house.holds(key);
            assert!(!found, "{when}: a readable key is still in the database");
        }
    }
}

/// Every key in the KMS is one of the vault, or is found and can be destroyed; then the journal is empty.
pub(crate) async fn check_kms(vault: &Vault, house: &House, when: &str) {
    let orphans = vault.find_orphans().await.unwrap();
    assert!(orphans.unsearched.is_empty(), "{when}");
    for orphan in &orphans.found {
        vault
            .delete_orphan(&caller(), &orphan.kms, &orphan.key.id)
            .await
            .unwrap();
    }
    for entry in vault.kms_journal() {
        let forgotten = vault.forget_journal_entry(&caller(), entry.id()).await;
        forgotten.unwrap();
    }
    assert_eq!(vault.kms_journal(), [], "{when}");
    let held: BTreeSet<_> = all_keys(vault)
        .iter()
        .filter_map(|key| key.private.as_ref().unwrap().external.clone())
        .map(|held| held.key_id.clone())
        .collect();
    for key in house.kms.list_keys() {
        let is_alive = key.state.is_usable() && key.kind != KeyKind::Wrapper;
        assert!(
            !is_alive || held.contains(key.id.as_str()),
            "{when}: {} is in the KMS, and nobody knows of it",
            key.id
        );
    }
}

fn custody(vault: &Vault, key: &Fingerprint) -> Custody {
    vault.key(key).unwrap().private.as_ref().unwrap().custody
}

fn key_in_kms(vault: &Vault, key: &Fingerprint) -> KmsKeyId {
    let entry = vault.key(key).unwrap();
    let held = entry.private.as_ref().unwrap().external.clone().unwrap();
    KmsKeyId::try_new(held.key_id.as_str()).unwrap()
}

#[tokio::test]
async fn every_key_moves_and_does_its_work_wherever_it_is() {
    for act in Act::ALL {
        let estate = Estate::for_act(act).await;
        let vault = estate.house.open().await;
        estate.check(&vault, "before").await;
        act.run(&vault).await.unwrap();
        let picture = Picture::of(&vault).await;
        // Done once more, it does nothing.
        act.run(&vault).await.unwrap();
        assert_eq!(Picture::of(&vault).await, picture, "{act:?}");
        estate.check(&vault, "after").await;
        vault.close().await.unwrap();
        let vault = estate.house.open().await;
        estate
            .check_done(vault, &estate.house, &format!("{act:?}"))
            .await;
    }
}

#[tokio::test]
async fn a_kms_takes_in_keys_of_every_spec_that_it_says_it_does() {
    let house = House::new();
    let vault = house.create().await;
    for spec in KeySpec::ALL {
        let key = match spec {
            KeySpec::Signing(spec) => {
                let usages = protocol();
                let name = name("signing");
                let new = NewSigningKey { spec, usages, name };
                vault.generate_signing_key(&caller(), new).await.unwrap()
            }
            KeySpec::Encryption(spec) => {
                let name = name("encryption");
                let new = NewEncryptionKey { spec, name };
                vault.generate_encryption_key(&caller(), new).await.unwrap()
            }
        };
        let fingerprint = key.fingerprint();
        let moved = vault.migrate_key(&caller(), &fingerprint, &IN_KMS).await;
        let (done, held) = moved.unwrap();
        assert_eq!(done, Move::Bring(KMS_NAME.to_owned()));
        assert_eq!(held.public, key.public);
        assert_eq!(held.name, key.name);
        assert_eq!(held.created_at, key.created_at);
        vault.drop_copy(&caller(), &fingerprint).await.unwrap();
        match spec {
            KeySpec::Signing(_) => check_signs(&vault, &fingerprint).await,
            KeySpec::Encryption(_) => {
                let encrypted = vault.encrypt(&fingerprint, HISTORY).unwrap();
                let decrypted = vault.decrypt(&encrypted).await.unwrap();
                assert_eq!(decrypted.expose(), HISTORY);
            }
        }
    }
}

#[tokio::test]
async fn a_node_moves_into_a_kms_with_its_root_key_and_announces_nothing() {
    let house = House::new();
    let (vault, keys) = node(&house).await;
    let before = announced_keys(&vault).await;
    let serial = crate::topology::serial(&vault).await;
    for key in all_keys(&vault) {
        vault
            .migrate_key(&caller(), &key.fingerprint(), &IN_KMS)
            .await
            .unwrap();
        vault
            .drop_copy(&caller(), &key.fingerprint())
            .await
            .unwrap();
    }
    assert_eq!(announced_keys(&vault).await, before);
    assert_eq!(crate::topology::serial(&vault).await, serial);
    assert_eq!(custody(&vault, &keys.namespace_signer), Custody::External);
    // The root signs from there: a rotation is announced.
    vault
        .begin_rotation(&caller(), Rotate::all())
        .await
        .unwrap();
    crate::topology::finish_rotations(&vault).await;
    assert_eq!(crate::topology::serial(&vault).await, serial + 6);
}

#[tokio::test]
async fn the_log_says_what_was_moved_where() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault = estate.house.open().await;
    let key = estate.signing;
    vault.migrate_key(&caller(), &key, &IN_KMS).await.unwrap();
    let held = key_in_kms(&vault, &key);
    vault
        .migrate_key(&caller(), &key, &Place::Envelope)
        .await
        .unwrap();
    vault.migrate_key(&caller(), &key, &IN_KMS).await.unwrap();
    vault.drop_copy(&caller(), &key).await.unwrap();
    let mut records = Vec::new();
    vault.walk_audit(|entry| records.push(entry)).await.unwrap();
    let acts = records.iter().rev().take(4).rev();
    let operations: Vec<_> = acts.clone().map(|entry| entry.operation).collect();
    assert_eq!(
        operations,
        [
            AuditOperation::BringKey,
            AuditOperation::TakeBackKey,
            AuditOperation::BringKey,
            AuditOperation::DropCopy
        ]
    );
    for entry in acts.clone() {
        assert_eq!(entry.key, Some(key.to_string()));
        assert_eq!(entry.details["kms"], KMS_NAME);
    }
    let first = acts.clone().next().unwrap();
    assert_eq!(first.details["from"], "envelope");
    assert_eq!(first.details["kms_key_id"], held.as_str());
    // It was given up for another one, and waits to be destroyed.
    assert_ne!(key_in_kms(&vault, &key), held);
    let journal = vault.kms_journal();
    assert_eq!(journal[0].progress().key(), Some(&held));
}

#[tokio::test]
async fn moving_costs_few_calls_and_planning_none() {
    let estate = Estate::for_act(Act::Bring).await;
    let vault = estate.house.open().await;
    let before = estate.house.metered.calls();
    let planned = vault.plan_move(&estate.signing, &IN_KMS).unwrap();
    assert_eq!(planned, Move::Bring(KMS_NAME.to_owned()));
    assert_eq!(estate.house.metered.calls().total(), before.total());
    vault
        .migrate_key(&caller(), &estate.signing, &IN_KMS)
        .await
        .unwrap();
    let after = estate.house.metered.calls();
    let sent = |operation| after.of(operation) - before.of(operation);
    assert_eq!(sent(KmsOperation::ImportKey), 1);
    assert_eq!(sent(KmsOperation::Sign), 1, "the proof");
    assert_eq!(after.total() - before.total(), 2);
}

#[tokio::test]
async fn what_cannot_be_moved_is_refused_and_changes_nothing() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let held = signing_key(&vault).await;
    vault.migrate_key(&caller(), &held, &IN_KMS).await.unwrap();
    let picture = Picture::of(&vault).await;
    let elsewhere = Place::External {
        kms: Some("elsewhere".to_owned()),
    };
    let nobody = Fingerprint::from_bytes([9; 32]);
    for (key, place, expected) in [
        (key, Place::Clear, "CLEAR_NOT_CONFIGURED"),
        (key, elsewhere.clone(), "UNKNOWN_KMS"),
        (held, elsewhere.clone(), "TAKE_BACK_FIRST"),
        (held, Place::Clear, "TAKE_BACK_FIRST"),
        (nobody, IN_KMS, "KEY_NOT_FOUND"),
    ] {
        let refused = vault.migrate_key(&caller(), &key, &place).await;
        assert_eq!(code(refused), expected, "{place:?}");
    }
    assert_eq!(code(vault.drop_copy(&caller(), &key).await), "NO_COPY");
    assert_eq!(Picture::of(&vault).await, picture);

    // Without the copy, the KMS has the only one.
    vault.drop_copy(&caller(), &held).await.unwrap();
    for place in [Place::Envelope, Place::Clear, elsewhere] {
        let refused = vault.migrate_key(&caller(), &held, &place).await;
        assert_eq!(code(refused), "KEY_ONLY_IN_KMS");
    }
    assert_eq!(code(vault.drop_copy(&caller(), &held).await), "NO_COPY");
    let entry = vault.key(&held).unwrap();
    assert_eq!(entry.private.as_ref().unwrap().state, KeyState::Active);
}

#[tokio::test]
async fn a_spec_that_the_kms_does_not_take_in_is_named_before_anything_is_sent() {
    let house = House::new();
    let vault = house.create().await;
    let taken = signing_key(&vault).await;
    let new = NewSigningKey {
        spec: SigningKeySpec::MlDsa65,
        usages: protocol(),
        name: None,
    };
    let other = vault.generate_signing_key(&caller(), new).await.unwrap();
    let encryption = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: None,
    };
    let encryption = vault.generate_encryption_key(&caller(), encryption).await;
    vault.close().await.unwrap();
    let (vault, _) = provers::open_choosy(&house, &[taken_spec()]).await;
    let before = house.metered.calls().total();
    for key in [other.fingerprint(), encryption.unwrap().fingerprint()] {
        let refused = vault.migrate_key(&caller(), &key, &IN_KMS).await;
        assert_eq!(code(refused), "KEY_NOT_IMPORTABLE");
    }
    assert_eq!(house.metered.calls().total(), before);
    vault.migrate_key(&caller(), &taken, &IN_KMS).await.unwrap();
    check_signs(&vault, &taken).await;
}

/// That of [`signing_key`].
fn taken_spec() -> KeySpec {
    KeySpec::Signing(crate::house::new_protocol_key().spec)
}
