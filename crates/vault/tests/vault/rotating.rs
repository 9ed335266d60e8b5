//! Rotating the wrapper key: a new data key, and every row under it.

/// Says how much was tried, to whoever runs the tests with `--nocapture`.
macro_rules! tell {
    ($($text:tt)+) => {{
        use std::io::Write as _;
        let mut out = std::io::stdout();
        writeln!(out, $($text)+).unwrap();
    }};
}
pub(crate) use tell;

#[path = "rotating/attempts.rs"]
mod attempts;
#[path = "rotating/called_off.rs"]
mod called_off;
#[path = "rotating/crashes.rs"]
pub(crate) mod crashes;
#[path = "rotating/direct.rs"]
mod direct;
#[path = "rotating/faults.rs"]
mod faults;
#[path = "rotating/history.rs"]
mod history;
#[path = "rotating/model.rs"]
mod model;
#[path = "rotating/refusals.rs"]
mod refusals;
#[path = "rotating/rewrapping.rs"]
mod rewrapping;
#[path = "rotating/together.rs"]
mod together;

use std::{collections::BTreeSet, sync::Mutex};

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint};
use strongroom_kms::{KmsKeyId, KmsOperation, KmsProvider as _, WrapperKeyRequest};
use strongroom_store::{Custody, DataKeyState, Sealing, Store};
use strongroom_vault::{
    NewWrapperKey, PublicKeyImport, RotatedWrapperKey, RotationProgress, RotationRequest,
    RotationSettings, Settings, Vault, VaultError,
};

use crate::{
    backups::try_back_up,
    house::{
        House, KMS_NAME, Picture, caller, check_signs, encryption_key, foreign_key, settings,
        signing_key,
    },
    topology::participant,
    wraps::{Regions, SECOND, wraps},
};

/// Rotates to a new wrapper key, or goes on with a rotation.
pub(crate) async fn rotate(vault: &Vault) -> Result<RotatedWrapperKey, VaultError> {
    if vault.wrapper_key_rotation().is_some() {
        return vault.resume_wrapper_key_rotation(&caller(), &|_| {}).await;
    }
    let request = RotationRequest {
        kms: Some(KMS_NAME.to_owned()),
        ..RotationRequest::default()
    };
    vault.rotate_wrapper_key(&caller(), &request, &|_| {}).await
}

fn to(id: &KmsKeyId) -> RotationRequest {
    RotationRequest {
        kms: Some(KMS_NAME.to_owned()),
        to: NewWrapperKey::Existing(id.clone()),
        ..RotationRequest::default()
    }
}

/// A wrapper key of the KMS that is not the vault's.
async fn other_wrapper_key(house: &House) -> KmsKeyId {
    let wrapper = house.kms.key_wrapper().unwrap();
    let request = WrapperKeyRequest::default();
    wrapper.generate_wrapper_key(&request).await.unwrap()
}

/// Settings under which few keys take several commits to move.
pub(crate) fn in_small_steps(sealing: Sealing) -> Settings {
    Settings {
        rotation: RotationSettings { keys_per_commit: 3 },
        ..settings(Custody::Envelope, sealing)
    }
}

/// A closed vault with rows of every kind.
struct Estate {
    house: House,
    signing: Vec<Fingerprint>,
    sealed: AsymmetricEncrypted,
}

const SECRET: &[u8] = b"what only the decryption key tells";

impl Estate {
    async fn new(sealing: Sealing) -> Self {
        Self::in_house(House::new(), sealing).await
    }

    async fn in_house(house: House, sealing: Sealing) -> Self {
        let house = house.with_settings(settings(Custody::Clear, sealing));
        let vault = house.create().await;
        let clear = signing_key(&vault).await;
        vault.close().await.unwrap();
        let house = house.with_settings(in_small_steps(sealing));
        let vault = house.open().await;
        let import = PublicKeyImport {
            public: foreign_key(41).public,
            name: None,
        };
        vault.import_public_key(&caller(), import).await.unwrap();
        vault.initialize(&caller(), &participant()).await.unwrap();
        let mut signing = vec![clear];
        for _ in 0..4 {
            signing.push(signing_key(&vault).await);
        }
        let retired = signing_key(&vault).await;
        vault.retire_key(&caller(), &retired).await.unwrap();
        let encryption = encryption_key(&vault).await;
        let sealed = vault.encrypt(&encryption, SECRET).unwrap();
        // Remembered in a row, which moves as well.
        try_back_up(&house, &vault).await.unwrap();
        vault.close().await.unwrap();
        Self {
            house,
            signing,
            sealed,
        }
    }

    /// Every key signs and decrypts, every row is readable, the vault takes a new key, and all of it opens again.
    async fn check(&self, vault: Vault, house: &House, when: &str) -> Vault {
        let picture = self.check_open(&vault).await;
        vault.close().await.unwrap();
        let vault = house.open().await;
        assert_eq!(Picture::of(&vault).await, picture, "{when}");
        check_uses(self, &vault).await;
        vault
    }
}

impl Estate {
    /// The same but for opening it again.
    async fn check_open(&self, vault: &Vault) -> Picture {
        check_uses(self, vault).await;
        let new = signing_key(vault).await;
        check_signs(vault, &new).await;
        vault.delete_key(&caller(), &new).await.unwrap();
        vault.announced_keys().await.unwrap();
        Picture::of(vault).await
    }
}

async fn check_uses(estate: &Estate, vault: &Vault) {
    for key in &estate.signing {
        check_signs(vault, key).await;
    }
    let opened = vault.decrypt(&estate.sealed).await.unwrap();
    assert_eq!(opened.expose(), SECRET);
}

/// The ids of the data keys by which rows say that they are authenticated, as the database has them.
fn data_keys_named(house: &House) -> BTreeSet<Vec<u8>> {
    let tables = [
        "public_keys",
        "private_keys",
        "identity",
        "rotations",
        "kms_journal",
        "topology",
    ];
    let database = house.database();
    let named = tables.iter().flat_map(|table| {
        let mut all = database
            .prepare(&format!("SELECT DISTINCT data_key_id FROM {table}"))
            .unwrap();
        let ids = all.query_map((), |row| row.get(0)).unwrap();
        ids.map(Result::unwrap).collect::<Vec<Vec<u8>>>()
    });
    named.collect()
}

/// The current one first.
async fn states(store: &dyn Store) -> Vec<DataKeyState> {
    let mut snapshot = store.read().await.unwrap();
    let current = snapshot.vault().await.unwrap().unwrap().current_data_key;
    let mut records = snapshot.data_keys().await.unwrap();
    records.sort_by_key(|record| record.id != current);
    records.into_iter().map(|record| record.state).collect()
}

#[tokio::test]
async fn every_row_moves_to_a_new_data_key_under_a_new_wrapper_key_with_three_calls() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let vault = house.open().await;
    let before = (wraps(&vault), house.kms.list_keys().len());
    let old = data_keys_named(house);
    assert_eq!(old.len(), 1);
    // Warm, so that the keys in memory are seen to stay there.
    check_uses(&estate, &vault).await;
    let warm = vault.opened_keys();
    let calls = house.metered.calls().total();
    let told = Mutex::new(Vec::new());
    let tell = |progress: RotationProgress| told.lock().unwrap().push(progress);
    let request = RotationRequest::default();
    let rotated = vault
        .rotate_wrapper_key(&caller(), &request, &tell)
        .await
        .unwrap();
    assert_eq!(house.metered.calls().total() - calls, 3);
    assert_eq!(vault.opened_keys(), warm, "what is in memory stays there");

    let told = told.into_inner().unwrap();
    let (first, last) = (told.first().unwrap(), told.last().unwrap());
    assert_eq!((first.moved, last.moved), (0, rotated.moved));
    assert_eq!(last.of, rotated.moved);
    // 7 keys of the house, 3 or more of the node, its identity, its topology; three keys in a commit.
    assert!(rotated.moved > 10 && told.len() > 5, "{rotated:?} {told:?}");

    let after = wraps(&vault);
    assert_eq!((before.0.len(), after.len()), (1, 1));
    assert_ne!(before.0, after);
    assert_eq!(house.kms.list_keys().len(), before.1 + 1);
    assert_eq!(vault.wrapper_key_rotation(), None);
    assert_eq!(
        vault.retired_data_keys(),
        [rotated.rotation.old_data_key_id]
    );
    for key in crate::house::all_keys(&vault) {
        let shown = key
            .private
            .as_ref()
            .and_then(|half| half.wrapper_key_id.clone());
        assert!(shown.is_none_or(|id| *id == *after[0].1));
    }
    let vault = estate.check(vault, house, "rotated").await;
    assert_eq!(wraps(&vault), after);
    let named = data_keys_named(house);
    assert!(named.len() == 1 && named != old);
    let environment_calls = house.metered.calls().total();
    vault.close().await.unwrap();
    house.open().await.close().await.unwrap();
    assert_eq!(
        house.metered.calls().total() - environment_calls,
        1,
        "one call opens it"
    );
    let store = house.store().await.unwrap();
    assert_eq!(
        states(store.as_ref()).await,
        [DataKeyState::Active, DataKeyState::Retired]
    );
}

#[tokio::test]
async fn a_rotation_after_a_rotation_needs_only_the_newest_wrapper_key() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let mut vault = house.open().await;
    for round in 0..3 {
        rotate(&vault).await.unwrap();
        vault = estate.check(vault, house, &format!("round {round}")).await;
    }
    let newest = wraps(&vault)[0].1.clone();
    for key in house.kms.list_keys() {
        if key.id.as_str() != newest {
            house.kms.disable_key(&key.id).unwrap();
        }
    }
    let vault = estate.check(vault, house, "with the newest only").await;
    // What nobody needs is no alarm.
    let checked = vault.check_wrapper_keys().await;
    assert_eq!(checked.len(), 1, "{checked:?}");
    assert!(vault.readiness().wrapper_key_alarms.is_empty());
    assert!(vault.check_wraps().await.all_open());
}

#[tokio::test]
async fn an_existing_wrapper_key_takes_the_place_with_three_calls_too() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let vault = house.open().await;
    let id = other_wrapper_key(house).await;
    let calls = house.metered.calls().total();
    vault
        .rotate_wrapper_key(&caller(), &to(&id), &|_| {})
        .await
        .unwrap();
    assert_eq!(house.metered.calls().total() - calls, 3);
    assert_eq!(
        wraps(&vault),
        [(KMS_NAME.to_owned(), id.as_str().to_owned())]
    );
    estate.check(vault, house, "rotated").await;
}

#[tokio::test]
async fn every_other_wrap_is_renewed_before_a_row_moves_with_two_calls_each() {
    let regions = Regions::with_two_wraps(in_small_steps(Sealing::DataKey)).await;
    let vault = regions.open().await;
    let key = signing_key(&vault).await;
    let second = wraps(&vault)[1].clone();
    let calls = (regions.first.calls(), regions.second.calls());
    rotate(&vault).await.unwrap();
    assert_eq!(regions.first.calls() - calls.0, 3);
    assert_eq!(regions.second.calls() - calls.1, 2);
    let (tried, all) = (&regions.second.operations()[calls.1..], wraps(&vault));
    assert_eq!(tried, [KmsOperation::WrapKey, KmsOperation::UnwrapKey]);
    assert_eq!(all[1], second, "the second region keeps its wrapper key");
    assert!(vault.check_wraps().await.all_open());
    vault.close().await.unwrap();
    // Either opens it.
    for kms in [KMS_NAME, SECOND] {
        let only = match kms {
            KMS_NAME => crate::wraps::named(KMS_NAME, &regions.first),
            _ => crate::wraps::named(SECOND, &regions.second),
        };
        let vault = regions.open_with(vec![only]).await;
        check_signs(&vault, &key).await;
        vault.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_says_what_a_rotation_then_does() {
    let estate = Estate::new(Sealing::DataKey).await;
    let vault = estate.house.open().await;
    let request = RotationRequest::default();
    let before = estate.house.metered.calls().total();
    let plan = vault.plan_wrapper_key_rotation(&request).await.unwrap();
    assert_eq!(
        estate.house.metered.calls().total(),
        before,
        "nobody is asked"
    );
    assert_eq!(vault.wrapper_key_rotation(), None);
    let planned: u64 = plan.calls.iter().map(|calls| calls.calls).sum();
    let done = vault
        .rotate_wrapper_key(&caller(), &request, &|_| {})
        .await
        .unwrap();
    assert_eq!(plan.rows.total(), done.moved);
    assert_eq!(planned, estate.house.metered.calls().total() - before);
    assert!(plan.rows.sealed > 5 && plan.rows.tagged == 2 && plan.rows.topology > 0);
    assert_eq!(vec![plan.replaces], done.rotation.goes);
}

#[tokio::test]
async fn automatic_rotation_in_the_kms_needs_nothing_from_the_vault() {
    let estate = Estate::new(Sealing::DataKey).await;
    let vault = estate.house.open().await;
    let before = wraps(&vault);
    let id = KmsKeyId::try_new(before[0].1.as_str()).unwrap();
    estate.house.kms.rotate_wrapper_key_version(&id).unwrap();
    let vault = estate
        .check(vault, &estate.house, "rotated in the KMS")
        .await;
    assert_eq!(wraps(&vault), before);
    // And a rotation of ours after one of theirs.
    rotate(&vault).await.unwrap();
    estate.check(vault, &estate.house, "rotated by us").await;
}
